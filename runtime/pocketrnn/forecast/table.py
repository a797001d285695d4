"""Tables of series: a row a value, the rows of a series one after another, in order of time."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ColumnError, InputError
from ..tables.block import NO_TEXT, Block, Cells, Column, Results
from ..tables.formats import open_writer
from ..tables.inputs import Inputs, PathLike
from ..tables.jsonlines import no_field
from ..tables.lines import LinesReader
from ..tables.reading import STDIN, Reader, ReadOptions, listed
from .frequency import Frequency, Grid, RowError

_log = logging.getLogger("pocketrnn")

# What tables have for nothing.
_UNKNOWN = frozenset(("", "na", "n/a", "nan", "null", "none"))

# 1.200 beside 992 is what a point between thousands looks like.
_THOUSANDS, _HUNDREDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}"), re.compile(r"[+-]?\d{1,3}")


class Columns(NamedTuple):
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

    def without(self, end: int, most: int) -> "Series":
        """Return the series without so many of its last values: the last of these, at `most`."""
        count = len(self.values) - end
        values = self.values[max(count - most, 0) : count]
        return replace(self, values=values, last=self.last - end)


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
        self.first: tuple[Any, Any] | None = None
        """Id and time stamp of the first row, if nothing is wrong with it."""
        self._before: Any = None  # the id of the row before
        self._torn = ""  # the problem of rows before whose ids can't be told
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
        wrong = {
            option: f"{'two columns' if column in there else 'no column'} called {column!r}"
            for option, column in zip(options, self.columns, strict=True)
            if column is not None and there.count(column) != 1
        }
        if wrong:
            said, known = " and ".join(wrong.values()), f"there are: {listed(there)}"
            raise ColumnError(
                f"{reader.name}: {said}; {reader.problem or known}; say {' and '.join(wrong)}",
                there,
            )
        if self.columns.id is None and (others := [c for c in there if c not in self.columns]):
            _log.warning(
                "%s: taken as one series; if one of %s names the series, say id_column=...",
                reader.name,
                listed(others),
            )
        texts = (column for column in reader.candidates if column in self.columns)
        return next(texts, self.columns.value)

    def __iter__(self) -> Iterator[Series]:
        """Yield the series; InputError for a file that can't be read on, or is in another order."""
        seen = _Seen()
        for name, parts in groupby(self._parts(), itemgetter(0)):
            _, *columns = zip(*parts, strict=True)
            stamps, cells, files, lines, problems = (list(chain(*column)) for column in columns)
            if not seen.add(name):  # what was said of the rows further up may be written
                raise InputError(
                    f"{files[0]}, series {name!r:.60}, line {lines[0]}: rows of this series "
                    "are further up too; sort the table by series and time"
                )
            try:
                one = self._series(name, stamps, cells, problems, (files[0], lines[0]))
            except RowError as error:
                where, problem = files[error.row], f"line {lines[error.row]}: {error}"
                nothing = np.zeros(0), Grid(self._frequency, 0, 0)
                one = Series(name, where, lines[error.row], problem, *nothing)
            yield one

    def _parts(self) -> Iterator[tuple[Any, ...]]:
        """Yield an id with time stamps, values, files, lines and problems of some of its rows."""
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
                if block.records and block.records[i] is None:
                    names[i] = None
            if not self.source.reader.fixed:
                self._check_fields(block, problems)
            if self.first is None and not problems[0] and stamps[0] is not None:
                self.first = names[0], stamps[0]
            if self.columns.id is not None:
                self._tell_names(names, problems, block.lines)
            columns, end = (stamps, values, block.files, block.lines, problems), 0
            for name, rows_of in groupby(names):
                first, end = end, end + len(list(rows_of))
                yield name, *(column[first:end] for column in columns)

    def _check_fields(self, block: Block, problems: list[str]) -> None:
        """Note the rows of JSON without a field; InputError where one has an id and none should."""
        for i, record in enumerate(block.records):
            if problems[i] or not isinstance(record, dict):
                continue
            if self.columns.id is None and "unique_id" in record:
                raise InputError(
                    f"{block.place(i)}: has a field 'unique_id', which the first row hasn't; give "
                    "it to all rows or to none"
                )
            for column in self.columns:
                if column is not None and column not in record:
                    problems[i] = no_field(column, record)
                    break

    def _tell_names(self, names: list[Any], problems: list[str], lines: Sequence[int]) -> None:
        """Count a row whose series can't be told to the one before, and as a fault of the next."""
        kinds = set(map(type, names))
        if not (self._torn or any(problems) or "" in names or kinds - {str, int}):
            self._before = names[-1]
            return
        for i, name in enumerate(names):
            if name in (None, "") or name != name or isinstance(name, list | dict):
                problems[i] = problems[i] or f"no {self.columns.id}"
                self._torn = f"the row before it, line {lines[i]}: {problems[i]}"
                names[i] = self._before
                continue
            if self._torn and name != self._before:
                problems[i] = problems[i] or self._torn
            self._torn, self._before = "", name

    def _series(
        self,
        name: Any,
        stamps: Sequence[Any],
        cells: Sequence[Any],
        problems: Sequence[str],
        where: tuple[str, int],
    ) -> Series:
        for row, problem in enumerate(problems):
            if problem:
                raise RowError(row, problem)
        if isinstance(self.source.reader, LinesReader):
            # An editor's blank lines at the end are no values.
            count = max((i for i, cell in enumerate(cells, 1) if (cell or "").strip()), default=1)
            cells, stamps = cells[:count], range(1, count + 1)
        # The numbers of a workbook are given as text.
        values = _numbers(cells, as_written=self.source.format != "xlsx")
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


def _refuse_thousands(cells: Sequence[Any]) -> None:
    """Raise RowError if points may stand between thousands: only numbers under 1,000 have none."""
    texts = [cell.strip() if isinstance(cell, str) else "" for cell in cells]
    points = "." in "".join(texts)
    if not points or not all(_THOUSANDS.fullmatch(text) for text in texts if "." in text):
        return
    row, found = next((row, text) for row, text in enumerate(texts) if "." in text)
    others = [text for text in texts if text.strip("+-0") and text.lower() not in _UNKNOWN]
    others = [text for text in others if "." not in text]
    if others and all(map(_HUNDREDS.fullmatch, others)):
        raise RowError(
            row,
            f"beside {others[0]}, {found} may be {found.replace('.', '')} or a fraction; write "
            "nothing between thousands, or all values as fractions (992.000)",
        )


def _numbers(cells: Sequence[Any], *, as_written: bool) -> NDArray[np.float64]:
    """Return cells as numbers, NaN for unknown ones. Raises RowError for one that is none."""
    kinds = set(map(type, cells))
    if str in kinds and as_written:
        _refuse_thousands(cells)
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
            is_number = isinstance(cell, str) and ("," in cell or cell.count(".") > 1)
            what = "write a point before fractions, and nothing between thousands"
            what = what if is_number else "leave unknown values empty"
            raise RowError(row, f"{cell!r:.60} isn't a number; {what}")
    return values


Part = tuple[Sequence[tuple[Any, ...]], NDArray[Any], Sequence[tuple[str, int]]]
"""Rows for an output: ids, time stamps and so on; numbers (rows, columns); the file and the line
that each row is from."""


def write(
    parts: Iterator[Part],
    name: str,
    kind: str,
    table: SeriesTable,
    exact: Sequence[str],
    names: Sequence[str],
    file: BinaryIO,
) -> None:
    """Write parts of the output `name` to `file`, at least the names of its columns.

    These are the ids and time stamps of `table`, then `exact`, then the numbers, called `names`.
    """
    keys = tuple(key for key in (*table.columns[:2], *exact) if key is not None)
    added = [Column(column, "float") for column in names]

    def block_of(rows: Sequence[tuple[Any, ...]], places: Sequence[tuple[str, int]]) -> Block:
        block = Block(keys, keys[-1])
        for row in rows:
            own = row if table.columns.id is not None else row[1:]
            block.records.append(dict(zip(keys, own, strict=False)))
        block.raws = block.texts = [""] * len(rows)
        block.files, block.lines = [file for file, _ in places], [line for _, line in places]
        return block

    def encoded(rows: Sequence[tuple[Any, ...]], numbers: NDArray[Any], places: Any) -> bytes:
        cells = [
            Cells(column, values.astype(np.float32), np.isfinite(values))
            for column, values in zip(added, numbers.T, strict=True)
        ]
        return writer.encode(Results(block_of(rows, places), range(len(rows)), cells))

    first: Part = next(parts, ([], np.zeros((0, len(added))), []))
    # Rows of series in error are empty: they tell no types.
    usual = [(*(table.first or ("", "")), 0.0)]
    like = block_of([row for row in first[0] if row[1] is not None] or usual, [])
    schema = table.source.reader.schema
    for key in exact:
        if schema is not None and key in schema.names:
            schema = schema.remove(schema.get_field_index(key))
    # It stands for an input with these columns, of which `schema` knows some types.
    reader = Reader("forecasts", ReadOptions())
    reader.fixed, reader.columns, reader.schema = False, keys, schema
    writer = open_writer(name, kind, reader, "", added, [like])
    writer.join(file, (encoded(*part) for part in chain([first], parts)))
