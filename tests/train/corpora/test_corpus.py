"""Corpora are told apart by name and by digest, and split with every label on both sides."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn.errors import InputError
from pocketrnn_train import Corpus, Examples, read_corpus
from pocketrnn_train.corpora.corpus import split, split_last


@pytest.mark.parametrize("name", ["missing.csv", "missing", "missing.tar.gz", "-"])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: no such file or folder"):
        read_corpus(tmp_path / name)


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.xlsx"
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


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=200),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_split(labels: list[int], share: float, seed: int) -> None:
    array = np.array(labels)
    kept, drawn = split(array, share, seed)
    assert sorted([*kept, *drawn]) == list(range(len(labels)))  # disjoint and complete
    for label in set(labels):
        count, of_it = labels.count(label), int((array[drawn] == label).sum())
        if count == 1:
            assert of_it == 0
        else:
            assert 1 <= of_it <= count - 1
            assert abs(of_it - share * count) <= 1
    again = split(array, share, seed)
    assert all((a == b).all() for a, b in zip((kept, drawn), again, strict=True))


def test_split_depends_on_the_seed_and_shuffles() -> None:
    labels = np.repeat([0, 1], 50)
    kept, drawn = split(labels, 0.2, 1)
    assert set(split(labels, 0.2, 2)[1]) != set(drawn)
    for rows in (kept, drawn):
        assert rows.tolist() != sorted(rows)


def test_split_last_takes_the_end_of_every_label() -> None:
    labels = np.array([0] * 10 + [1] * 5 + [2] * 2)
    kept, taken = split_last(labels, 0.2)
    assert taken.tolist() == [8, 9, 14, 16]
    assert sorted([*kept.tolist(), *taken.tolist()]) == list(range(17))
