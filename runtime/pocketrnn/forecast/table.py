"""Tables of series: a row a value, the rows of a series one after another, in order of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..tables.block import NO_TEXT, Block, Cells, Column, Results
from ..tables.formats import open_writer
from ..tables.inputs import Inputs, PathLike
from ..tables.lines import LinesReader
from ..tables.reading import STDIN, Reader, ReadOptions, check_column
from ..tables.writing import Writer
from .frequency import Frequency, Grid, StampError

# As float() would also take `nan`; these are what tables have for nothing.
_UNKNOWN = frozenset(("", "na", "n/a", "nan", "null", "none"))

# Unknown values that a series may have for each row: more are a slip of the frequency.
_SPARSEST = 1000


class Columns(NamedTuple):
    """The columns of a table of series."""

    id: str | None = None
    """None: `unique_id`, or one series where there is no such column."""
    time: str = "ds"
    value: str = "y"


@dataclass(frozen=True)
class Series:
    """A series as it stands in a table."""

    name: Any
    """None where the table has no column of ids."""
    line: int
    """Its first row's."""
    values: NDArray[np.float64]
    """One for each step of time, NaN where there is no row or no number."""
    grid: Grid | None
    """None where the input has numbers alone."""
    last: int
    """Steps from the first stamp to the last."""
    problem: str = ""
    """Why it can't be used, with the line."""

    def stamps(self, first: int, count: int) -> list[Any]:
        """Return time stamps from `first` steps after the last one on."""
        steps = range(self.last + first, self.last + first + count)
        return [step + 1 if self.grid is None else self.grid.stamp(step) for step in steps]


class SeriesTable:
    """Files with series, or with a number a line, read one series at a time."""

    def __init__(
        self,
        inputs: PathLike | Sequence[PathLike],
        frequency: str,
        columns: Columns = Columns(),  # noqa: B008 (it can't change)
        *,
        given: str | None = None,
        options: ReadOptions = ReadOptions(),  # noqa: B008
        keep: int | None = None,
    ) -> None:
        """Open the inputs; `keep` is how many of the last values of each series are needed.

        `given` is the format. Raises InputError or ConfigError for what holds no series.
        """
        self._frequency, self._keep = Frequency(frequency), keep
        self.columns = columns
        if given is None and inputs in (STDIN, [STDIN]):
            given = "text"
        self.source = Inputs(inputs, given, None, options, find=self._find)

    def _find(self, reader: Reader, _: str | None) -> str:
        """Note the columns that there are, and return one that holds text, as readers want it."""
        self.is_plain = isinstance(reader, LinesReader)
        if self.is_plain:
            return reader.columns[0]
        name, time, value = self.columns
        if name is None and (not reader.fixed or "unique_id" in reader.columns):
            name = "unique_id" if "unique_id" in reader.columns else None
        for column in (name, time, value):
            if column is not None:
                check_column(reader, column)
        self.columns = Columns(name, time, value)
        used = [column for column in (name, time, value) if column in reader.candidates]
        return (used or list(reader.candidates) or [value])[0]

    def __iter__(self) -> Iterator[Series]:
        """Yield the series; InputError for a file that can't be read on."""
        seen = _Seen()
        name: Any = None
        rows = _Rows()
        for block in self.source.blocks():
            names, stamps, values = self._of(block)
            problems = {
                i: problem
                for i, problem in block.problems.items()
                if problem != NO_TEXT and not _is_whole(block, i)
            }
            for i in problems:  # whose series can't be told: the one that it stands in
                names[i] = names[i - 1] if i else name
            changes = [i for i in range(1, len(names)) if names[i] != names[i - 1]]
            for start, end in pairwise([0, *changes, len(names)]):
                if rows.lines and names[start] != name:
                    yield self._series(name, rows, seen)
                    rows = _Rows()
                name = names[start]
                rows.lines += block.lines[start:end]
                rows.stamps += stamps[start:end]
                rows.values += values[start:end]
                bad = [i for i in problems if start <= i < end] if not rows.problem else []
                if bad:
                    rows.problem = f"line {block.lines[bad[0]]}: {problems[bad[0]]}"
        if rows.lines:
            yield self._series(name, rows, seen)

    def _of(self, block: Block) -> list[list[Any]]:
        """Return ids, time stamps and values of a block's rows."""
        if self.is_plain:
            return [[None] * len(block), list(range(len(block))), list(block.texts)]
        found: list[list[Any]] = []
        for column in self.columns:
            if column is None:
                found.append([None] * len(block))
            elif block.table is not None:
                cells = block.table.column(column)
                if str(cells.type) == "timestamp[ns]":  # of which pyarrow would make pandas'
                    cells = cells.cast("timestamp[us]")
                found.append(cells.to_pylist())
            else:
                place = block.columns.index(column) if column in block.columns else -1
                key = column if block.records and isinstance(block.records[0], dict) else place
                try:
                    found.append(list(map(itemgetter(key), block.records)))
                except (TypeError, LookupError):  # not all rows have it
                    found.append([_cell(record, column, place) for record in block.records])
        return found

    def _series(self, name: Any, rows: "_Rows", seen: "_Seen") -> Series:
        nothing = np.zeros(0)

        def fault(problem: str) -> Series:
            return Series(name, rows.lines[0], nothing, None, 0, problem)

        if rows.problem:
            return fault(rows.problem)
        if name in (None, "") and self.columns.id is not None:
            return fault(f"line {rows.lines[0]}: no {self.columns.id}")
        if not seen.add(name):
            return fault(
                f"line {rows.lines[0]}: rows of this series are further up too; sort the table by "
                "series and time"
            )
        values, bad = _numbers(rows.values)
        if bad is not None:
            return fault(f"line {rows.lines[bad]}: {rows.values[bad]!r:.60} isn't a number")
        if self.is_plain:
            kept = values if self._keep is None else values[-self._keep :]
            return Series(name, rows.lines[0], kept, None, len(values) - 1)
        try:
            steps, grid = self._frequency.grid(tuple(rows.stamps))
        except StampError as error:
            return fault(f"line {rows.lines[error.index]}: {error}")
        last = int(steps[-1])
        count = last + 1 if self._keep is None else min(last + 1, self._keep)
        if count > _SPARSEST * len(values):
            return fault(
                f"line {rows.lines[0]}: {len(values)} rows for {count:,} steps of "
                f"{self._frequency.name}; is that its frequency?"
            )
        whole = np.full(count, np.nan)
        inside = steps > last - count
        whole[steps[inside] - (last + 1 - count)] = values[inside]
        return Series(name, rows.lines[0], whole, grid, last)


class _Rows:
    """The rows of the series that is being read."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.stamps: list[Any] = []
        self.values: list[Any] = []
        self.problem = ""


class _Seen:
    """The ids that were there: 8 bytes each, by their hashes."""

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._old = np.zeros(0, np.int64)

    def add(self, name: Any) -> bool:
        """Add an id, and tell whether it is new."""
        key = hash(name)
        at = int(np.searchsorted(self._old, key))
        if key in self._new or (at < len(self._old) and self._old[at] == key):
            return False
        self._new.add(key)
        if len(self._new) > 4096 + len(self._old) // 16:
            fresh = np.fromiter(self._new, np.int64)
            self._old, self._new = np.union1d(self._old, fresh), set()
        return True


def _cell(record: Any, column: str, place: int) -> Any:
    if isinstance(record, dict):
        return record.get(column)
    return record[place] if record is not None and 0 <= place < len(record) else None


def _is_whole(block: Block, row: int) -> bool:
    """Tell whether a row could be read, and only the carrying column isn't text."""
    record = block.records[row] if block.records else None
    return isinstance(record, dict) and block.problems[row].endswith("not text")


def _numbers(cells: list[Any]) -> tuple[NDArray[np.float64], int | None]:
    """Return cells as numbers, NaN for unknown ones; and the index of one that is none."""
    try:
        return np.array(cells, np.float64), None
    except (TypeError, ValueError, OverflowError):
        pass
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if cell is None or (isinstance(cell, str) and cell.strip().lower() in _UNKNOWN):
            continue
        try:
            values[i] = float(cell)
        except (TypeError, ValueError, OverflowError):
            return values, i
    return values, None


class Output:
    """Rows of series for a table of any format that can be written."""

    def __init__(self, name: str, kind: str, table: SeriesTable, columns: Sequence[str]) -> None:
        """Make a table with the id and time columns of `table`, and `columns` of numbers."""
        self._name, self._kind = name, kind
        self.keys = tuple(key for key in (table.columns.id, table.columns.time) if key is not None)
        self._added = [Column(column, "float") for column in columns]
        self._writer: Writer | None = None

    def block(self, rows: Sequence[tuple[Any, ...]], numbers: NDArray[np.float64]) -> bytes:
        """Return the bytes of rows: their ids and time stamps, and (rows, columns) of numbers."""
        block = Block(self.keys, self.keys[-1])
        block.records = [dict(zip(self.keys, row[-len(self.keys) :], strict=True)) for row in rows]
        block.raws = block.texts = [""] * len(rows)
        block.files, block.lines = [self._name] * len(rows), [0] * len(rows)
        if self._writer is None:
            reader = _Made(self.keys, fixed=not rows)
            self._writer = open_writer(self._name, self._kind, reader, "", self._added, [block])
        cells = [
            Cells(column, values.astype(np.float32), np.isfinite(values))
            for column, values in zip(self._added, numbers.T, strict=True)
        ]
        return self._writer.encode(Results(block, range(len(rows)), cells))

    def write(self, file: Any, pieces: Iterator[bytes]) -> None:
        """Write the output that `block`s make, at least the names of its columns."""
        first = next(pieces, None)
        if first is None:
            first = self.block([], np.zeros((0, len(self._added))))
        assert self._writer is not None  # `block` made it  # noqa: S101

        def all_pieces() -> Iterator[bytes]:
            yield first
            yield from pieces

        self._writer.join(file, all_pieces())


class _Made(Reader):
    """Stands for an input with these columns, of values of any type."""

    def __init__(self, columns: tuple[str, ...], *, fixed: bool) -> None:
        super().__init__("forecasts", ReadOptions())
        self.columns, self.fixed = columns, fixed

    def blocks(self, text_column: str) -> Iterator[Block]:
        """Yield nothing: the rows are made elsewhere."""
        yield from ()
