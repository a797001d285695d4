"""What flows from the readers through a function to the writers: blocks of rows."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

# A block is what is read at a time, and written at a time. It ends with its file or when it
# reaches one of these, so it depends on the input alone.
ROWS = 1024
CHARACTERS = 1 << 21

# The most blocks that are read and not yet written, and so have to be done again after a sudden
# end. Enough that no worker waits while one of them is read or written.
UNDER_WAY = 4

NO_TEXT = "no text"  # why a row whose text is empty, blank or null can't be scored


class Column(NamedTuple):
    """A column that a function adds."""

    name: str
    kind: Literal["text", "float", "count"]  # an object, float32 or int32
    values: tuple[str, ...] = ()  # what a column of text may hold, where that is known


class Function(Protocol):
    """What an engine runs over the texts of a table; it can be pickled.

    Equal texts in an equal list give equal values, whichever process calls it.
    """

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that it adds."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What its values depend on, by the names that a message gives, in JSON types."""

    def __call__(self, texts: list[str]) -> Sequence[Sequence[Any] | NDArray[Any]]:
        """Return the values of each column: of each text a str or None, or a number."""


@dataclass(slots=True)
class Row:
    """One row as a reader found it."""

    line: int  # its first line, from 1
    raw: str  # as it stands in the file
    record: Any  # its values: a list in the order of the columns, or a dict; None if unreadable
    text: str = ""
    problem: str = ""  # why it can't be scored
    file: str = ""  # that it is from, if not the input itself
    lines: int = 1  # that it takes


@dataclass(slots=True)
class Block:
    """Consecutive rows of one file, or of a folder."""

    columns: tuple[str, ...]
    text_column: str
    files: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    raws: list[str] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)  # by the row's index
    table: Any = None  # of a Parquet file: the pyarrow.Table that the rows are in
    to_python: Callable[["Block"], list[list[Any]]] | None = None  # the values of its columns
    size: int = 0  # in characters
    more_lines: int = 0  # that its rows take beyond one each
    position: int = 0  # how far into the input it reaches, in the reader's unit
    number: int = 0  # of all blocks of a run, from 0

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, file: str, row: Row) -> None:
        problem = row.problem
        if not problem and (not row.text or row.text.isspace()):
            problem = NO_TEXT
        if problem:
            self.problems[len(self.texts)] = problem
        self.files.append(file)
        self.lines.append(row.line)
        self.raws.append(row.raw)
        self.records.append(row.record)
        self.texts.append(row.text)
        self.size += len(row.raw)
        self.more_lines += row.lines - 1

    def is_full(self) -> bool:
        """Say whether the next row begins another block."""
        return len(self) >= ROWS or self.size >= CHARACTERS

    def place(self, row: int) -> str:
        """Say where a row stands, for a message."""
        return f"{self.files[row]}, line {self.lines[row]}"

    def good(self) -> list[int]:
        """Return the indices of the rows that have no problem."""
        return [i for i in range(len(self)) if i not in self.problems]

    def digest(self) -> str:
        """Return the SHA-256, in hex, of the rows as they were read."""
        sha256 = hashlib.sha256(repr((self.columns, self.lines, list(self.problems))).encode())
        # Row by row, as one rare character would make the whole of a joined text slow to encode.
        for raw in self.raws:
            sha256.update(raw.encode("utf-8", "surrogatepass"))
            sha256.update(b"\0")
        return sha256.hexdigest()

    def values(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict of its columns; an unreadable one whole, as its text.

        Raises InputError for a value of a Parquet column that Python can't hold.
        """
        if self.to_python is not None:
            for row in zip(*self.to_python(self), strict=True):
                yield dict(zip(self.columns, row, strict=True))
            return
        for record, raw in zip(self.records, self.raws, strict=True):
            if record is None:
                yield {self.text_column: raw.rstrip("\r\n")}
            elif isinstance(record, dict):
                yield record
            else:
                yield dict(zip(self.columns, record, strict=False))


class Cells(NamedTuple):
    """The values of an added column, a cell for each row that is written."""

    column: Column
    values: NDArray[Any]  # of objects, float32 or int32
    known: NDArray[np.bool_]  # False where a row in error has an empty cell


class Results(NamedTuple):
    """A block with what a function says of it: the rows that go to the output."""

    block: Block
    rows: Sequence[int]  # the indices in the block of the rows to write
    cells: list[Cells]
