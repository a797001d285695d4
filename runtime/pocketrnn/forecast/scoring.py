"""Forecast, or judge, whole tables of series, with memory for some of them at a time."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import check
from ..errors import ConfigError, InputError, OutputError
from ..files import replacing, write_atomic
from ..streams import standard_output_bytes
from ..tables.formats import output_format as format_for
from ..tables.inputs import PathLike
from ..tables.outputs import paths
from ..tables.reading import ON_ERROR, STDIN, ReadOptions
from .model import Forecaster
from .table import Columns, Output, Series, SeriesTable

# Series that are read, forecast and written together.
_SERIES = 256

_Rows = tuple[list[tuple[Any, Any]], NDArray[np.float64]]
"""Ids with time stamps, and (rows, columns) of numbers."""


@dataclass
class Summary:
    """What was done."""

    series: int = 0
    """Without error."""
    errors: int = 0
    rows: int = 0
    """Written."""
    errors_path: str | None = None
    """The list of the series in error."""


def forecast_file(
    inputs: PathLike | Sequence[PathLike],
    output: str,
    model: Forecaster,
    *,
    levels: Sequence[float] = (80,),
    horizon: int | None = None,
    seen: Callable[[Series, NDArray[np.float32]], None] | None = None,
    **options: Any,
) -> Summary:
    """Write forecasts of all series: id, time stamp, median, and two columns a level.

    `seen` is called with each series and its quantiles. The other `options` are those of
    `flag_file`.
    """
    config = model.config
    horizon = config.horizon if horizon is None else horizon
    check(1 <= horizon <= config.horizon, f"horizon must be from 1 to {config.horizon}")
    names, columns = ["forecast"], [len(config.quantiles) // 2]
    for level in levels:
        names += [f"lo-{level:g}", f"hi-{level:g}"]
        columns += [config.column(0.5 + sign * level / 200) for sign in (-1, 1)]

    def rows(series: Sequence[Series], problems: dict[int, str]) -> _Rows:
        values = np.full((len(series), config.context), np.nan)
        for row, one in zip(values, series, strict=True):
            row[len(row) - len(one.values) :] = one.values
        problems |= model.problems(values)
        keys: list[tuple[Any, Any]] = []
        good = []
        for i, one in enumerate(series):
            try:
                stamps = one.stamps(1, horizon) if i not in problems else []
            except InputError as error:
                problems[i] = f"line {one.line}: {error}"
                continue
            keys += [(one.name, stamp) for stamp in stamps]
            good += [i] * bool(stamps)
        if not good:
            return [], np.zeros((0, len(names)))
        quantiles = model.run(values[good])
        if seen is not None:
            for i, one in zip(good, quantiles, strict=True):
                seen(series[i], one[:horizon])
        numbers = quantiles[:, :horizon, columns].astype(np.float64)
        return keys, numbers.reshape(-1, len(columns))

    return _file(inputs, output, model, rows, names, keep=config.context, **options)


def flag_file(
    inputs: PathLike | Sequence[PathLike],
    output: str,
    model: Forecaster,
    *,
    share: float = 0.01,
    last: int = 1,
    **options: Any,
) -> Summary:
    """Write those of the `last` values of each series that fall outside their intervals.

    The options, of `forecast_file` too: `columns`, of the table; `format` and `encoding` of the
    inputs, `output_format`; `on_error`: a series in error stops the run (fail), is left out (skip),
    or has a row without numbers (null); `force` replaces the output. Raises InputError,
    OutputError or ConfigError.
    """
    check(last >= 1, f"last must be at least 1, not {last}")

    def rows(series: Sequence[Series], problems: dict[int, str]) -> _Rows:
        keys, numbers = [], []
        for i, one in enumerate(series):
            before = one.values[:-1][-model.config.context :]
            missing = model.config.context - len(before)
            row = np.pad(before, (missing, 0), constant_values=np.nan)[None]
            if found := model.problems(row):
                problems[i] = found[0]
                continue
            places, low, high = model.expected(one.values, share, last)
            for place, ends in zip(places, zip(low, high, strict=True), strict=True):
                value = one.values[place]
                if not ends[0] <= value <= ends[1]:
                    keys.append((one.name, one.stamps(int(place) + 1 - len(one.values), 1)[0]))
                    numbers.append((value, *ends))
        return keys, np.array(numbers, np.float64).reshape(-1, 3)

    keep = model.config.context + last
    names = ["value", *(f"{end}-{100 * (1 - share):g}" for end in ("lo", "hi"))]
    return _file(inputs, output, model, rows, names, keep=keep, **options)


def _file(
    inputs: PathLike | Sequence[PathLike],
    output: str,
    model: Forecaster,
    rows: Callable[[Sequence[Series], dict[int, str]], _Rows],
    names: Sequence[str],
    *,
    keep: int,
    columns: Columns = Columns(),  # noqa: B008 (it can't change)
    format: str | None = None,  # noqa: A002 (as of score_file)
    encoding: str = "utf-8",
    output_format: str | None = None,
    on_error: str = "fail",
    force: bool = False,
) -> Summary:
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error must be one of {', '.join(ON_ERROR)}, not {on_error!r}")
    options = ReadOptions(encoding)
    table = SeriesTable(
        inputs, model.config.frequency, columns, given=format, options=options, keep=keep
    )
    with closing(table.source):
        kind = format_for(output, output_format, table.source.format)
        to = Output(output, kind, table, names)
        summary, listed = Summary(), io.StringIO()
        problems_of = csv.writer(listed, lineterminator="\n")
        problems_of.writerow(("series", "line", "problem"))

        def pieces() -> Iterator[bytes]:
            for series in _batches(table):
                problems = {i: one.problem for i, one in enumerate(series) if one.problem}
                more: dict[int, str] = {}
                keys, numbers = rows([one for one in series if not one.problem], more)
                good = [i for i, one in enumerate(series) if not one.problem]
                problems |= {good[i]: problem for i, problem in more.items()}
                if problems and on_error == "fail":
                    # The table's own first: of rows in no order, each series has too few.
                    i = min(problems, key=lambda i: (not series[i].problem, i))
                    one, problem = series[i], problems[i]
                    who = "" if one.name is None else f"series {one.name!r:.60}, "
                    where = "" if problem == one.problem else f"line {one.line}: "
                    raise InputError(
                        f"{table.source.reader.name}, {who}{where}{problem}; to go on without "
                        'such series, say on_error="skip"'
                    )
                for i, problem in sorted(problems.items()):
                    one = series[i]
                    problems_of.writerow((one.name, one.line, problem))
                    if on_error == "null":
                        keys.append((one.name, None))
                        numbers = np.concatenate([numbers, np.full((1, len(names)), np.nan)])
                summary.series += len(series) - len(problems)
                summary.errors += len(problems)
                summary.rows += len(keys)
                if keys:
                    yield to.block(keys, numbers)

        if output == STDIN:
            to.write(standard_output_bytes(), pieces())
            return summary
        path, errors_path, folder = paths(output)
        table.source.refuse(path, errors_path, folder)
        if path.exists() and not force:
            raise OutputError(f"{path}: exists already; replace it with force=True")
        with replacing(path) as temporary, temporary.open("wb") as file:
            to.write(file, pieces())
        if summary.errors:
            summary.errors_path = str(errors_path)
            write_atomic(errors_path, listed.getvalue())
    return summary


def _batches(table: SeriesTable) -> Iterator[list[Series]]:
    batch: list[Series] = []
    for one in table:
        batch.append(one)
        if len(batch) == _SERIES:
            yield batch
            batch = []
    if batch:
        yield batch
