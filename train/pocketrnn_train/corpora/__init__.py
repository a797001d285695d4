"""Labelled texts to train on. Each kind of file has a module; they are told apart here."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketrnn.config import check
from pocketrnn.errors import ConfigError, InputError
from pocketrnn.tables.formats import format_of
from pocketrnn.tables.reading import ReadOptions

from . import imdb, keras_imdb, table
from .corpus import Corpus, Examples

__all__ = ["Corpus", "Examples", "read_corpus"]


def read_corpus(
    source: str | Path | Sequence[str | Path],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    probability_columns: Sequence[str] = (),
    weight_column: str | None = None,
    split_column: str | None = None,
    positive_label: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    word_index: str | Path | None = None,
    unlabelled: str | Path | bool = False,
    test: str | Path | None = None,
    validation: str | Path | None = None,
    test_split: float = 0.2,
    seed: int = 113,
) -> Corpus:
    """Read a corpus of any kind, told by its name; InputError or ConfigError says what is wrong.

    - `keras:imdb` is `keras.datasets.imdb`, downloaded by Keras; an `.npz` file is the same
      from disk, with `word_index` its JSON (default: `imdb_word_index.json` beside it). Its
      arrays are pickled: read only files you trust.
    - a `.tar.gz`, or a folder with its layout, is the Large Movie Review Dataset.
    - tables of any format that can be scored, and folders with a folder of .txt files for each
      label, are your own texts: one, or a list. The columns of texts and labels are found by
      their usual names unless `text_column` and `label_column` give them; without a `header` they
      are called 1, 2 and so on. A share `test_split` of each label, drawn at random by `seed`,
      becomes the test. What is left out, and what looks wrong, is logged as a warning.

    With `label_separator`, a text may have several labels, which its cell holds between separators,
    or none, if the cell is empty. In formats with lists, the cell may be one.

    `test` and `validation` are tables, or folders, like the training ones; no text is then drawn
    for the test. A training text that is in one of them too is left out, and a validation text
    that is in the test.
    `probability_columns` are soft labels, of whatever teacher: the probability of each label, in
    the order of the alphabet, or one column, of the second of two labels. A row that has them is
    learnt by them; its label, or else the most probable one, serves for splits and figures. Of
    `weight_column` is how much a row counts in training (default: 1), and `split_column` says what
    it is for: train, validation or test.

    Of two labels, `positive_label` is the one that precision, recall, F1 and the threshold are of.
    It is the rare one where that has less than a fifth of a table's rows, else the last one by
    alphabet.

    Texts in memory make a corpus by `Corpus.of`.

    `unlabelled` adds texts without labels: True those that the corpus brings (the Large Movie
    Review Dataset has 50,000; a table its rows without a label), a path also those of a table, of
    a .txt file, a text a line, or of a folder of .txt files.
    """
    paths = _paths(source)
    path, options = paths[0], ReadOptions(encoding, header)
    named = {"validation": validation, "test": test}
    parts = {part: Path(file) for part, file in named.items() if file is not None}
    of_columns = {
        "label_column": label_column,
        "label_separator": label_separator,
        "probability_columns": probability_columns,
        "weight_column": weight_column,
        "split_column": split_column,
    }
    given = [name for name, value in of_columns.items() if value not in (None, (), [])]
    if len(paths) == 1 and str(path) == "keras:imdb":
        corpus = keras_imdb.download()
    elif missing := [path for path in paths if not path.exists()]:
        raise InputError(f"{missing[0]}: no such file or folder")
    elif all(path.is_dir() or format_of(path.name) for path in paths) and not imdb.is_dataset(path):
        columns = table.Columns(
            text_column, label_column, tuple(probability_columns), weight_column, split_column
        )
        check(
            not (label_separator is not None and probability_columns),
            "soft labels are for one label a text",
        )
        check(
            not (split_column is not None and parts),
            "split_column says which rows are for test and validation: leave out their files",
        )
        share = 0.0 if test is not None else test_split
        corpus = table.read(paths, columns, options, share, seed, parts, label_separator)
    elif given and len(paths) == 1 and (imdb.is_dataset(path) or path.suffix.lower() == ".npz"):
        raise ConfigError(f"{path}: has no columns; leave out {given[0]}=...")
    elif parts:
        raise ConfigError(
            f"{path}: brings its own test; files for test and validation are for tables"
        )
    elif len(paths) > 1:
        raise ConfigError(f"several files must be {table.FORMATS} or folders of labels")
    elif imdb.is_dataset(path):
        corpus = imdb.read(path, unlabelled=unlabelled is True)
    elif path.suffix.lower() == ".npz":
        corpus = keras_imdb.read(path, word_index)
    else:
        raise InputError(
            f"{path}: not a corpus; expected a folder, .tar.gz, .npz, {table.FORMATS}, or "
            "keras:imdb"
        )
    if positive_label is not None:
        corpus = corpus.with_positive(positive_label)
    more = corpus.unlabelled if unlabelled else ()
    if not isinstance(unlabelled, bool):
        more += table.read_unlabelled(Path(unlabelled), text_column, options)
    return corpus.with_unlabelled(more)


def _paths(source: Any) -> list[Path]:
    sources = source if isinstance(source, list | tuple) and source else [source]
    if not all(isinstance(one, str | os.PathLike) for one in sources):
        raise ConfigError(
            f"a corpus is read from files, not from a {type(source).__name__}; of texts in memory, "
            'make one: Corpus.of(df["text"], df["label"])'
        )
    return [Path(one) for one in sources]
