"""Labelled texts to train on. Each kind of corpus has a module; they are told apart here."""

from dataclasses import replace
from pathlib import Path

from pocketrnn.errors import InputError

from . import imdb, keras_imdb, table
from .corpus import Corpus, Examples

__all__ = ["Corpus", "Examples", "read_corpus"]


def read_corpus(
    source: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    encoding: str = "utf-8",
    word_index: str | Path | None = None,
    unlabelled: str | Path | bool = False,
    test_split: float = 0.2,
    seed: int = 113,
) -> Corpus:
    """Read a corpus of any kind, told by its name; InputError or ConfigError says what is wrong.

    - `keras:imdb` is `keras.datasets.imdb`, downloaded by Keras; an `.npz` file is the same
      from disk, with `word_index` its JSON (default: `imdb_word_index.json` beside it). Its
      arrays are pickled: read only files you trust.
    - a folder or `.tar.gz` is the Large Movie Review Dataset in its official layout.
    - a table of any format that can be scored is your own texts, with `label_column` and, unless
      it is obvious, `text_column`. It has no test of its own: a share `test_split` of each label,
      drawn at random by `seed`, becomes the test.

    `unlabelled` adds texts without labels: True those that the corpus brings (the Large Movie
    Review Dataset has 50,000), a path those of a table, of a .txt file, a text a line, or of a
    folder of .txt files.
    """
    path = Path(source)
    if source == "keras:imdb":
        corpus = keras_imdb.download()
    elif not path.exists():
        raise InputError(f"{path}: no such file or folder")
    elif imdb.is_dataset(path):
        corpus = imdb.read(path, unlabelled=unlabelled is True)
    elif path.suffix.lower() == ".npz":
        corpus = keras_imdb.read(path, word_index)
    elif table.is_table(path):
        corpus = table.read(path, text_column, label_column, encoding, test_split, seed)
    else:
        raise InputError(
            f"{path}: not a corpus; expected a folder, .tar.gz, .npz, {table.FORMATS}, or "
            "keras:imdb"
        )
    more = corpus.unlabelled
    if not isinstance(unlabelled, bool):
        more = table.read_unlabelled(Path(unlabelled), text_column, encoding)
    # Without the texts of the test, which must stay unseen, and without any text twice.
    known = {*corpus.train.texts, *corpus.test.texts}
    kept = dict.fromkeys(text for text in more if text not in known)
    return replace(corpus, unlabelled=tuple(kept))
