"""Keras's files give the ids that Keras gives, or are refused."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.errors import InputError
from pocketrnn_train import read_corpus

WORD_INDEX = {"the": 1, "film": 2, "naïve": 3, "don't": 4, "\x96": 5, "warm": 6, "dull": 7}


def ragged(rows: Sequence[Sequence[int]]) -> Any:
    array = np.empty(len(rows), object)
    array[:] = [list(row) for row in rows]
    return array


@pytest.fixture
def imdb_npz(tmp_path: Path) -> Path:
    """Files of the same form as those that Keras downloads."""
    random = np.random.default_rng(0)
    arrays = {}
    for part in ("train", "test"):
        rows = [random.integers(1, 8, size).tolist() for size in range(12)]
        arrays |= {f"x_{part}": ragged(rows), f"y_{part}": np.arange(12) % 2}
    np.savez(tmp_path / "imdb.npz", **arrays)
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(WORD_INDEX))
    return tmp_path / "imdb.npz"


@pytest.fixture
def downloads(imdb_npz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras finds `imdb_npz` where it would download."""
    monkeypatch.setattr(
        "keras.src.datasets.imdb.get_file", lambda fname, **_: str(imdb_npz.with_name(fname))
    )


@pytest.mark.parametrize("num_words", [5, 8, 100])
@pytest.mark.usefixtures("downloads")
def test_keras_imdb_gives_the_ids_of_load_data(num_words: int) -> None:
    corpus = read_corpus("keras:imdb")
    assert corpus.name == "keras.datasets.imdb"
    assert corpus.labels == ("negative", "positive")
    assert corpus.vocabulary == tuple(WORD_INDEX)
    tokenizer = Tokenizer(TextConfig(num_words=num_words), corpus.vocabulary)
    loaded = keras.datasets.imdb.load_data(num_words=num_words)
    for examples, (ids, labels) in zip((corpus.train, corpus.test), loaded, strict=True):
        assert [tokenizer.ids(text) for text in examples.texts] == [list(row) for row in ids]
        assert examples.labels.tolist() == labels.tolist()


@pytest.mark.usefixtures("downloads")
def test_a_local_npz_is_the_same_in_the_order_of_the_file(imdb_npz: Path, tmp_path: Path) -> None:
    corpus = read_corpus(imdb_npz)
    assert corpus.train.labels.tolist() == [0, 1] * 6
    downloaded = read_corpus("keras:imdb")
    assert sorted(corpus.train.texts) == sorted(downloaded.train.texts)
    assert sorted(corpus.test.texts) == sorted(downloaded.test.texts)

    index = imdb_npz.with_name("imdb_word_index.json").rename(tmp_path / "words.json")
    assert read_corpus(imdb_npz, word_index=index).digest() == corpus.digest()
    with pytest.raises(InputError, match=r"imdb_word_index\.json: No such file"):
        read_corpus(imdb_npz)


def test_a_download_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_file(*_: Any, **__: Any) -> None:
        raise Exception("URL fetch failure")  # noqa: TRY002 (this is what Keras raises)

    monkeypatch.setattr("keras.src.datasets.imdb.get_file", get_file)
    with pytest.raises(InputError, match=r"keras:imdb: URL fetch failure; give an imdb\.npz"):
        read_corpus("keras:imdb")


@pytest.mark.parametrize(
    "index",
    [
        {**WORD_INDEX, "gap": 9},
        {**WORD_INDEX, "again": 7},
        {**WORD_INDEX, "zeroth": 0},
        {**WORD_INDEX, "text": "8"},
        {**WORD_INDEX, "list": [8]},
    ],
)
def test_a_word_index_whose_ranks_have_gaps(imdb_npz: Path, index: dict[str, Any]) -> None:
    imdb_npz.with_name("imdb_word_index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="must rank its words 1, 2, 3"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize("index", ["[]", "7", "no JSON", "\xff"])
def test_not_a_word_index(imdb_npz: Path, index: str) -> None:
    imdb_npz.with_name("imdb_word_index.json").write_bytes(index.encode("latin-1"))
    with pytest.raises(InputError, match="not Keras's"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize("rank", [8, 0, -1])
def test_a_review_with_a_word_that_the_index_lacks(imdb_npz: Path, rank: int) -> None:
    rows, labels = ragged([[1, rank], [2]]), [0, 1]
    np.savez(imdb_npz, x_train=rows, y_train=labels, x_test=rows, y_test=labels)
    with pytest.raises(InputError, match="a word that the index lacks"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize("labels", [[0, 1, 1], [1, 1], [1, 2]])
def test_labels_that_do_not_fit_the_reviews(imdb_npz: Path, labels: list[int]) -> None:
    rows = ragged([[1, 2], [2]])
    np.savez(imdb_npz, x_train=rows, y_train=labels, x_test=rows, y_test=labels)
    with pytest.raises(InputError, match="must have a label, 0 or 1"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: b"no archive", lambda data: data[:-40], lambda data: data[:40]],
    ids=["empty", "text", "cut", "cut early"],
)
def test_not_an_npz(imdb_npz: Path, damage: Callable[[bytes], bytes]) -> None:
    imdb_npz.write_bytes(damage(imdb_npz.read_bytes()))
    with pytest.raises(InputError, match="not Keras's IMDB files"):
        read_corpus(imdb_npz)


def test_an_npz_of_something_else(imdb_npz: Path) -> None:
    np.savez(imdb_npz, x=np.arange(3))
    with pytest.raises(InputError, match="not Keras's IMDB files"):
        read_corpus(imdb_npz)
