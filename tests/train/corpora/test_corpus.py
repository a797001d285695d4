"""Corpora are told apart by name and by digest."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pocketrnn.errors import InputError
from pocketrnn_train import Corpus, Examples, read_corpus


@pytest.mark.parametrize("name", ["missing.csv", "missing", "missing.tar.gz", "-"])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: no such file or folder"):
        read_corpus(tmp_path / name)


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.doc"
    path.touch()
    with pytest.raises(InputError, match=r"not a corpus; expected a folder, .*\.csv.*keras:imdb"):
        read_corpus(path)


def test_digest_tells_texts_labels_and_order_apart() -> None:
    def corpus(texts: Sequence[str], labels: Sequence[int], names: Sequence[str]) -> Corpus:
        examples = Examples(tuple(texts), np.array(labels))
        return Corpus("any", tuple(names), examples, examples)

    digests = {
        corpus(*arguments).digest()
        for arguments in (
            ("ab", [0, 1], "xy"),
            ("ba", [0, 1], "xy"),
            ("ab", [1, 0], "xy"),
            ("ab", [0, 1], "yx"),
            ("aB", [0, 1], "xy"),
            ("a\ud800", [0, 1], "xy"),
        )
    }
    assert len(digests) == 6


def test_joined_examples_keep_soft_labels_and_weights() -> None:
    soft = np.array([[0.2, 0.8]], np.float32)
    one = Examples(("a",), np.array([1]), soft, np.array([3], np.float32))
    other = Examples(("b",), np.array([0]))
    for examples, order in ((one.and_also(other), [0, 1]), (other.and_also(one), [1, 0])):
        assert examples.weights is not None
        assert examples.probabilities is not None
        assert examples.weights[order].tolist() == [3, 1]
        np.testing.assert_array_equal(
            examples.probabilities[order], np.array([soft[0], [np.nan] * 2], np.float32)
        )
    nothing = one.take(np.zeros(0, np.int64))
    assert one.and_also(nothing).weights == one.weights
    assert other.and_also(other).weights is other.and_also(other).probabilities is None
