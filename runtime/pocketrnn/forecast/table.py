"""Tables of series: a row a value, the rows of a series one after another, in order of time."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ColumnError, InputError
from ..tables.block import NO_TEXT, Block, Cells, Column, Results
from ..tables.formats import open_writer
from ..tables.inputs import Inputs, PathLike
from ..tables.lines import LinesReader
from ..tables.reading import STDIN, Reader, ReadOptions, listed
from ..tables.writing import Writer
from .frequency import Frequency, Grid, RowError

_log = logging.getLogger("pocketrnn")

# What tables have for nothing.
_UNKNOWN = frozenset(("", "na", "n/a", "nan", "null", "none"))


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
    file: str
    """Its first row's; the faulty one's where there is a problem."""
    line: int
    """Its first row's, or that of its problem."""
    problem: str
    """Why it can't be used, with the line."""
    values: NDArray[np.float64]
    """One for each step of time, NaN where there is no row or no number."""
    grid: Grid
    last: int = 0
    """Steps from the first stamp to the last."""
    unknown: int = 0
    """How many of these steps have no row or no number."""


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
        if self.columns.id is None and len(self.source.names) > 1:
            self.source.close()
            raise InputError(
                "several files without a column of ids: their rows would be one series; forecast "
                "each by itself, or say id_column=..."
            )

    def _find(self, reader: Reader, _: str | None) -> str:
        """Note the columns that there are, and return one that holds text, as readers want it."""
        there = reader.columns
        if isinstance(reader, LinesReader):
            self.columns = Columns(None, "ds", there[0])
            return there[0]
        if self.columns.id is None and "unique_id" in there:
            self.columns = self.columns._replace(id="unique_id")
        options = ("id_column=...", "time_column=...", "value_column=...")
        wrong = [
            (option, column, there.count(column))
            for option, column in zip(options, self.columns, strict=True)
            if column is not None and there.count(column) != 1
        ]
        if wrong:
            said = " and ".join(
                f"{'two columns' if count else 'no column'} called {column!r}"
                for _, column, count in wrong
            )
            raise ColumnError(
                f"{reader.name}: {said}; {reader.problem or f'there are: {listed(there)}'}; say "
                + " and ".join(option for option, _, _ in wrong),
                there,
            )
        if self.columns.id is None and (others := [c for c in there if c not in self.columns]):
            _log.warning(
                "%s: taken as one series; if one of %s names the series, say id_column=...",
                reader.name,
                listed(others),
            )
        texts = [column for column in reader.candidates if column in self.columns]
        return texts[0] if texts else self.columns.value

    def __iter__(self) -> Iterator[Series]:
        """Yield the series; InputError for a file that can't be read on."""
        seen = _Seen()
        for name, parts in groupby(self._parts(), itemgetter(0)):
            _, *columns = zip(*parts, strict=True)
            stamps, cells, files, lines, problems = (list(chain(*column)) for column in columns)
            try:
                self._check(name, problems, seen)
                one = self._series(name, stamps, cells, (files[0], lines[0]))
            except RowError as error:
                where, problem = files[error.row], f"line {lines[error.row]}: {error}"
                nothing = np.zeros(0), Grid(self._frequency, 0, 0)
                one = Series(name, where, lines[error.row], problem, *nothing)
            yield one

    def _parts(self) -> Iterator[tuple[Any, ...]]:
        """Yield an id with time stamps, values, files, lines and problems of some of its rows."""
        name: Any = None
        for block in self.source.blocks():
            if block.table is not None:
                block.columns = tuple(column for column in self.columns if column is not None)
                block.table = block.table.select(block.columns)
            found: dict[Any, Sequence[Any]]
            if block.records and isinstance(block.records[0], list) and not block.problems:
                found = dict(zip(block.columns, zip(*block.records, strict=True), strict=True))
            else:
                rows: list[dict[Any, Any]] = list(block.values())
                found = {column: [row.get(column) for row in rows] for column in self.columns}
            nothing = [None] * len(block)
            names, stamps, values = (list(found.get(column, nothing)) for column in self.columns)
            problems = [""] * len(block)
            for i, problem in block.problems.items():
                is_whole = problem.endswith("not text") and isinstance(block.records[i], dict)
                if problem != NO_TEXT and not is_whole:
                    problems[i] = problem
                    names[i] = names[i - 1] if i else name  # it can't be told
            columns, end = (stamps, values, block.files, block.lines, problems), 0
            for name, rows_of in groupby(names):
                first, end = end, end + len(list(rows_of))
                yield name, *(column[first:end] for column in columns)

    def _check(self, name: Any, problems: Sequence[str], seen: "_Seen") -> None:
        for row, problem in enumerate(problems):
            if problem:
                raise RowError(row, problem)
        is_none = name in (None, "") or name != name or isinstance(name, list | dict)
        if is_none and self.columns.id is not None:
            raise RowError(0, f"no {self.columns.id}")
        if not seen.add(name):
            raise RowError(
                0, "rows of this series are further up too; sort the table by series and time"
            )

    def _series(
        self, name: Any, stamps: Sequence[Any], cells: Sequence[Any], where: tuple[str, int]
    ) -> Series:
        values = _numbers(cells)
        if isinstance(self.source.reader, LinesReader):
            stamps = range(1, len(cells) + 1)
        steps, grid = self._frequency.grid(stamps)
        last = int(steps[-1])
        count = last + 1 if self._keep is None else min(last + 1, self._keep)
        whole = np.full(count, np.nan)
        inside = steps > last - count
        whole[steps[inside] - (last + 1 - count)] = values[inside]
        unknown = last + 1 - len(values) + int(np.isnan(values).sum())
        return Series(name, *where, "", whole, grid, last, unknown)


class _Seen:
    """The ids that were there: 8 bytes each, by their hashes."""

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._old = np.zeros(0, np.int64)

    def add(self, name: Any) -> bool:
        """Add an id, and tell whether it is new."""
        key = hash(repr(name))  # as those of the numbers -1 and -2 are equal
        at = int(np.searchsorted(self._old, key))
        if key in self._new or (at < len(self._old) and self._old[at] == key):
            return False
        self._new.add(key)
        if len(self._new) > 4096 + len(self._old) // 16:
            fresh = np.fromiter(self._new, np.int64)
            self._old, self._new = np.union1d(self._old, fresh), set()
        return True


def _numbers(cells: Sequence[Any]) -> NDArray[np.float64]:
    """Return cells as numbers, NaN for unknown ones. Raises RowError for one that is none."""
    kinds = set(map(type, cells))
    # Python reads 1_000 as a number.
    if bool not in kinds and not (str in kinds and "_" in "".join(map(str, cells))):
        with suppress(TypeError, ValueError, OverflowError):
            found = np.array(cells, np.float64)
            if found.ndim == 1 and not np.isinf(found).any():
                return found
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if cell is None or (isinstance(cell, str) and cell.strip().lower() in _UNKNOWN):
            continue
        try:
            values[row] = float("" if isinstance(cell, bool) or "_" in str(cell) else cell)
        except (TypeError, ValueError, OverflowError):
            values[row] = np.inf
        if np.isinf(values[row]):
            raise RowError(row, f"{cell!r:.60} isn't a number; leave unknown values empty")
    return values


class Output:
    """Rows of series for a table of any format that can be written."""

    def __init__(
        self, name: str, kind: str, keys: Sequence[str | None], numbers: Sequence[str]
    ) -> None:
        """Make a table with columns for `keys`, the first of which may be None; and `numbers`."""
        self._name, self._kind = name, kind
        self._keys = tuple(key for key in keys if key is not None)
        self._added = [Column(column, "float") for column in numbers]
        self._writer: Writer | None = None

    def block(self, rows: Sequence[tuple[Any, ...]], numbers: NDArray[Any]) -> bytes:
        """Return the bytes of rows: ids, time stamps and so on; and (rows, columns) of numbers."""
        block = Block(self._keys, self._keys[-1])
        block.records = [
            dict(zip(self._keys, row[-len(self._keys) :], strict=True)) for row in rows
        ]
        block.raws = block.texts = [""] * len(rows)
        block.files, block.lines = [self._name] * len(rows), [0] * len(rows)
        if self._writer is None:
            reader = _Made(self._keys, fixed=not rows)
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
        self._writer.join(file, chain([first], pieces))


class _Made(Reader):
    """Stands for an input with these columns, of values of any type."""

    def __init__(self, columns: tuple[str, ...], *, fixed: bool) -> None:
        super().__init__("forecasts", ReadOptions())
        self.columns, self.fixed = columns, fixed

    def blocks(self, text_column: str) -> Iterator[Block]:
        """Yield nothing: the rows are made elsewhere."""
        yield from ()
