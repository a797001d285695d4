"""Your own texts: tables of any format that can be scored, folders, and texts without labels."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pocketrnn.classify.labelled import find_label_column
from pocketrnn.errors import ConfigError, InputError
from pocketrnn.tables import formats
from pocketrnn.tables.block import NO_TEXT, Block
from pocketrnn.tables.folder import FolderReader
from pocketrnn.tables.lines import LinesReader
from pocketrnn.tables.reading import Reader, ReadOptions, find_text_column, warn_of_header

from .corpus import Corpus, Row, corpus_of_rows

FORMATS = ".csv, .tsv, .jsonl (also .gz or .zst of these), .json, .parquet, .xlsx"


@dataclass(frozen=True)
class Columns:
    """The names of a table's columns; None for the usual one, or for one that isn't there."""

    text: str | None = None
    label: str | None = None
    probabilities: tuple[str, ...] = ()
    """Of each label by alphabet, or of the second of two."""
    weight: str | None = None
    part: str | None = None

    @property
    def more(self) -> tuple[str, ...]:
        """All columns but those of texts and labels."""
        return tuple(filter(None, (*self.probabilities, self.weight, self.part)))


def read(
    paths: Sequence[Path],
    columns: Columns,
    options: ReadOptions,
    test_split: float,
    seed: int,
    parts: Mapping[str, Path],
    separator: str | None = None,
) -> Corpus:
    """Read tables and folders of texts and labels; InputError or ConfigError for what isn't such.

    A folder has a folder of .txt files for each label. Columns that aren't given are found in the
    first table; the others must have them too. `parts` are the files of a test and a validation.
    """
    text_column, label_column = columns.text, columns.label

    def rows_of(path: Path) -> list[Row]:
        nonlocal text_column, label_column
        with closing(open_table(path, options)) as reader:
            if isinstance(reader, FolderReader):
                if columns.more:
                    raise ConfigError(f"{path}: a folder has no column {columns.more[0]!r:.60}")
                return list(_classes(reader))
            if isinstance(reader, LinesReader):
                raise ConfigError(f"{reader.name}: has no labels; expected {FORMATS}, or a folder")
            warn_of_header(reader)
            label_column = find_label_column(reader, label_column, text_column=text_column)
            text_column = find_text_column(reader, text_column, label_column=label_column)
            return list(_rows(reader, text_column, label_column, columns))

    rows = [row for path in paths for row in rows_of(path)]
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    corpus = corpus_of_rows(
        f"{paths[0]}{more}", rows, test_split=test_split, seed=seed, separator=separator
    )
    for part, path in parts.items():
        corpus = corpus.holding_out(part, rows_of(path), separator)
    name = paths[0].resolve().name + more
    return replace(corpus, name=name, text_column=text_column, label_column=label_column)


def read_unlabelled(path: Path, text_column: str | None, options: ReadOptions) -> tuple[str, ...]:
    """Return the texts of a table, of lines or of a folder, but for blank ones."""
    with closing(open_table(path, options)) as reader:
        if isinstance(reader, LinesReader | FolderReader):
            text_column = None  # the name is that of the labelled table's column
        texts = [text for _, text in read_rows(reader, find_text_column(reader, text_column))]
        if isinstance(reader, LinesReader):
            texts = [text.strip() for text in texts]
        return tuple(text for text in texts if text.strip())


def open_table(path: Path, options: ReadOptions) -> Reader:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    kind = "folder" if path.is_dir() else formats.format_of(path.name)
    if kind is None:
        raise InputError(f"{path}: expected {FORMATS}, .txt or a folder of .txt files")
    return formats.FORMATS[kind].reader(str(path), options)


def _classes(reader: FolderReader) -> Iterator[Row]:
    """Yield the rows of a folder whose folders are the labels; a file beside those has none."""
    for place, text, file in read_rows(reader, "text", "file"):
        folders = file.split("/")[:-1]
        if len(folders) > 1:
            raise InputError(f"{place}: too deep; expected {reader.name}/LABEL/*.txt")
        yield Row(place, text, folders[0] if folders else None)


def _rows(reader: Reader, text: str, label: str, columns: Columns) -> Iterator[Row]:
    """Yield the rows of a table, with all that its columns say of them."""
    for name in columns.more:
        if name not in reader.columns:
            raise ConfigError(f"{reader.name}: no column {name!r:.60}")
    names = (label, columns.weight, columns.part, *columns.probabilities)
    for place, value, own, counts, part, *chances in read_rows(reader, text, *names):
        given = [number(chance, place) for chance in chances]
        known = tuple(p for p in given if p is not None)
        if known and len(known) < len(given):
            raise InputError(f"{place}: has probabilities of some labels only")
        weight = number(counts, place)
        part = str(part or ("train" if columns.part else ""))
        yield Row(place, value, own, known, 1.0 if weight is None else weight, part)


def number(value: Any, place: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{place}: not a number: {value!r:.60}") from error


def read_rows(reader: Reader, text: str, *more: str | None) -> Iterator[tuple[Any, ...]]:
    """Yield of each row its place, its text ("" if it has none), and what `more` columns hold.

    Raises InputError for a row that can't be read.
    """
    for block in reader.blocks(text):
        columns = [_values(block, name) for name in more]
        for row, (own, *values) in enumerate(zip(block.texts, *columns, strict=True)):
            problem = block.problems.get(row)
            if problem not in (None, NO_TEXT):
                raise InputError(f"{block.place(row)}: {problem}")
            yield block.place(row), "" if problem else own, *values


def _values(block: Block, column: str | None) -> Sequence[Any]:
    if column is None:
        return [None] * len(block)
    if block.table is not None:  # other columns may hold values that Python has no type for
        values: list[Any] = block.table.column(column).to_pylist()
        return values
    return [row.get(column) for row in block.values()]
