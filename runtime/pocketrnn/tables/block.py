"""What flows from the readers through the model to the writers: blocks of rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

# A block is what is read at a time, and written at a time. It ends with its file or when it
# reaches one of these, so it depends on the input alone.
ROWS = 1024
CHARACTERS = 1 << 21

# So many blocks are a window: the most that is read and not yet written, and so has to be done
# again after a sudden end. Enough that no worker waits while one of them is read or written.
WINDOW = 4


@dataclass(slots=True)
class Row:
    """One row as a reader found it."""

    line: int  # its first line, from 1
    raw: str  # as it stands in the file
    record: Any  # its values: a list in the order of the columns, or a dict; None if unreadable
    text: str = ""
    problem: str = ""  # why it can't be scored


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
    position: int = 0  # how far into the input it reaches, in the reader's unit

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def add(self, file: str, row: Row) -> None:
        """Append a row."""
        if row.problem:
            self.problems[len(self.texts)] = row.problem
        self.files.append(file)
        self.lines.append(row.line)
        self.raws.append(row.raw)
        self.records.append(row.record)
        self.texts.append(row.text)

    def place(self, row: int) -> str:
        """Say where a row stands, for a message."""
        return f"{self.files[row]}, line {self.lines[row]}"

    def to_score(self) -> list[str]:
        """Return the texts of the rows that have no problem."""
        if not self.problems:
            return self.texts
        return [text for i, text in enumerate(self.texts) if i not in self.problems]

    def values(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict of its columns; an unreadable one whole, as its text.

        Raises InputError for a value of a Parquet column that Python can't hold.
        """
        if self.table is not None:
            columns = map(self._python_values, self.columns, self.table.columns)
            for row in zip(*columns, strict=True):
                yield dict(zip(self.columns, row, strict=True))
            return
        for record, raw in zip(self.records, self.raws, strict=True):
            if record is None:
                yield {self.text_column: raw.rstrip("\r\n")}
            elif isinstance(record, dict):
                yield record
            else:
                yield dict(zip(self.columns, record, strict=False))

    def _python_values(self, name: str, column: Any) -> list[Any]:
        try:
            values: list[Any] = column.to_pylist()
        # Whatever pyarrow and datetime raise: for dates far away, or in time zones nobody knows.
        except (ArithmeticError, LookupError, NotImplementedError, ValueError) as error:
            raise InputError(
                f"{self.files[0]}, lines {self.lines[0]} to {self.lines[-1]}: column {name!r} "
                f"({column.type}) has a value that Python can't hold ({error}); drop the column, "
                "or write .parquet"
            ) from error
        return values


@dataclass(slots=True)
class Scored:
    """A block with what the model says of it: the rows that go to the output."""

    block: Block
    rows: Sequence[int]  # the indices in the block of the rows to write
    labels: list[int | None]  # of each of them; None for a row in error
    numbers: NDArray[np.float32]  # (rows, columns): score, then probabilities if asked for


@dataclass(frozen=True)
class Added:
    """The columns that scoring adds."""

    names: tuple[str, ...]  # label, score, then a probability a class if asked for
    labels: tuple[str, ...]  # what the label column may hold

    @classmethod
    def of(cls, labels: tuple[str, ...], *, probabilities: bool, prefix: str) -> "Added":
        """Return the columns for a model with these `labels`."""
        chances = [f"probability_{label}" for label in labels] if probabilities else []
        return cls(tuple(prefix + name for name in ["label", "score", *chances]), labels)
