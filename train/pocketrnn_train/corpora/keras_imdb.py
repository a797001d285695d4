"""The same reviews as Keras has them: ranks of words, downloaded or from a file."""

import json
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pocketrnn.errors import InputError

from . import imdb
from .corpus import Corpus, Examples

_Ranks = tuple[Sequence[Sequence[int]], Sequence[int]]


def download() -> Corpus:
    """Return the reviews that Keras downloads; InputError if it can't."""
    from keras.datasets import imdb

    try:
        # Ranks as they are: nothing added, nothing left out.
        train, test = imdb.load_data(num_words=2**31, start_char=None, oov_char=None, index_from=0)
        index = imdb.get_word_index()
    except Exception as error:  # what Keras raises itself when a download fails
        raise InputError(f"keras:imdb: {error}; give an imdb.npz that you have instead") from error
    return _from_ranks(train, test, index, "keras:imdb")


def read(path: Path, word_index: str | Path | None) -> Corpus:
    """Return the reviews of Keras's file, and of the word index (default: the one beside it)."""
    word_index = Path(word_index or path.with_name("imdb_word_index.json"))
    try:
        index = json.loads(word_index.read_text("utf-8"))
        with np.load(path, allow_pickle=True) as arrays:
            train = (arrays["x_train"], arrays["y_train"])
            test = (arrays["x_test"], arrays["y_test"])
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    except (KeyError, ValueError, EOFError, pickle.PickleError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} with {word_index}: not Keras's IMDB files ({error})") from error
    if not isinstance(index, dict):
        raise InputError(f"{word_index}: not Keras's word index")
    return _from_ranks(train, test, index, str(path))


def _from_ranks(train: _Ranks, test: _Ranks, word_index: dict[str, int], source: str) -> Corpus:
    """Turn ranks back into words, so that training sees texts, as serving will."""
    in_order = range(1, len(word_index) + 1)
    words = {rank: word for word, rank in word_index.items() if rank in in_order}
    if len(words) < len(word_index):
        raise InputError(f"{source}: the word index must rank its words 1, 2, 3 and so on")

    def examples(ranks: _Ranks) -> Examples:
        rows, labels = ranks
        if len(rows) != len(labels) or set(labels) != {0, 1}:
            raise InputError(f"{source}: each review must have a label, 0 or 1")
        try:
            texts = tuple(" ".join([words[rank] for rank in row]) for row in rows)
        except KeyError:
            raise InputError(f"{source}: a review has a word that the index lacks") from None
        return Examples(texts, np.asarray(labels, np.int64))

    return Corpus(
        "keras.datasets.imdb",
        ("negative", "positive"),
        examples(train),
        examples(test),
        imdb.NOTE,
        tuple(words[rank] for rank in in_order),
        keep_together=False,
    )
