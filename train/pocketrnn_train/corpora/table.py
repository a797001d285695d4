"""Your own texts: tables of any format that can be scored, and texts without labels.

This is the only module of training that uses `pocketrnn.tables`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.classify.text import is_storable
from pocketrnn.errors import ConfigError, InputError
from pocketrnn.tables.block import NO_TEXT, Block
from pocketrnn.tables.folder import FolderReader
from pocketrnn.tables.formats import format_of, open_reader
from pocketrnn.tables.lines import LinesReader
from pocketrnn.tables.reading import (
    Reader,
    ReadOptions,
    check_column,
    find_text_column,
    listed,
)

from .corpus import Corpus, Examples, split

FORMATS = ".csv, .tsv, .jsonl (also .gz or .zst of these), .parquet"


def is_table(path: Path) -> bool:
    """Tell whether `path` has the name of a table, or of lines of text."""
    return format_of(path.name) is not None


def read(
    path: Path,
    text_column: str | None,
    label_column: str | None,
    encoding: str,
    test_split: float,
    seed: int,
) -> Corpus:
    """Read a table of texts and labels; InputError or ConfigError for one that isn't."""
    texts: list[str] = []
    names: list[str] = []
    with closing(open_table(path, encoding)) as reader:
        if label_column is None:
            raise ConfigError(
                f"{path}: which column holds the label? Say --label-column; there are: "
                f"{listed(reader.columns)}"
            )
        if isinstance(reader, LinesReader):
            raise ConfigError(f"{path}: has no labels; expected {FORMATS}")
        if text_column == label_column:
            raise ConfigError(f"{path}: {label_column!r} can't be both the text and the label")
        check_column(reader, label_column)
        text_column = find_text_column(reader, text_column, label_column=label_column)
        for where, text, label in rows(reader, text_column, label_column):
            name = json.dumps(label) if isinstance(label, int) else label
            if not isinstance(name, str) or not name or not is_storable(name):
                raise InputError(f"{where}: {label_column!r} isn't a label: {label!r:.60}")
            texts.append(text)
            names.append(name)
    if not texts:
        raise InputError(f"{path}: no rows")
    counts = Counter(names)
    labels = sorted(counts)
    if len(labels) < 2:
        raise InputError(f"{path}: needs two labels or more; all rows have {names[0]!r:.60}")
    for label in labels:
        if counts[label] < 3:
            raise InputError(
                f"{path}: label {label!r:.60} has {counts[label]} row(s); at least 3 are needed, "
                "for training, validation and test"
            )
    index = {label: i for i, label in enumerate(labels)}
    examples = Examples(tuple(texts), np.array([index[name] for name in names], np.int64))
    # In the file's order again, so that validation can take the last rows.
    train, test = map(np.sort, split(examples.labels, test_split, seed))
    return Corpus(
        path.name,
        tuple(labels),
        examples.take(train),
        examples.take(test),
        text_column=text_column,
    )


def read_unlabelled(path: Path, text_column: str | None, encoding: str) -> tuple[str, ...]:
    """Return the texts of a table, of lines or of a folder, but for blank ones."""
    with closing(open_table(path, encoding)) as reader:
        if isinstance(reader, LinesReader | FolderReader):
            text_column = None  # the name is that of the labelled table's column
        texts = [text for _, text, _ in rows(reader, find_text_column(reader, text_column))]
        if isinstance(reader, LinesReader):
            texts = [text.strip() for text in texts]
        return tuple(text for text in texts if text.strip())


def open_table(path: Path, encoding: str) -> Reader:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    kind = "folder" if path.is_dir() else format_of(path.name)
    if kind is None:
        raise InputError(f"{path}: expected {FORMATS}, .txt or a folder of .txt files")
    return open_reader(str(path), kind, ReadOptions(encoding))


def rows(
    reader: Reader, text_column: str, label_column: str | None = None
) -> Iterator[tuple[str, str, Any]]:
    """Yield the place of each row, its text and its label. Raises InputError for a bad row."""
    for block in reader.blocks(text_column):
        bad = [row for row, problem in block.problems.items() if problem != NO_TEXT]
        if bad:
            raise InputError(f"{block.place(bad[0])}: {block.problems[bad[0]]}")
        labels = _labels(block, label_column)
        for row in block.good():  # a row without text is no example
            yield block.place(row), block.texts[row], labels[row]


def _labels(block: Block, column: str | None) -> Sequence[Any]:
    if column is None:
        return [None] * len(block)
    if block.table is not None:  # other columns may hold values that Python has no type for
        labels: list[Any] = block.table.column(column).to_pylist()
        return labels
    rows = list(block.values())
    for row, values in enumerate(rows):
        if column not in values:
            raise InputError(
                f"{block.place(row)}: no field {column!r}; there are: {listed(list(values))}"
            )
    return [values[column] for values in rows]
