"""Forecast, or judge, whole tables of series, with memory for some of them at a time."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..config import check, whole_number
from ..errors import InputError, SeriesError
from ..files import refuse_existing, replacing, write_atomic
from ..streams import say, standard_output_bytes
from ..tables.formats import output_format as format_for
from ..tables.inputs import PathLike
from ..tables.outputs import paths, refuse_list
from ..tables.reading import ON_ERROR, STDIN, ReadOptions
from ..tables.textfile import replaceable
from .frequency import Frequency
from .model import Forecaster, unknown_end
from .plot import MOST, Drawn, check_name, draw
from .table import Columns, Part, Series, SeriesTable, write

# Series that are read, forecast and written together.
_SERIES = 256

_LIST_HEADER = "file,line,series,problem\n"

_Rows = tuple[list[tuple[Any, ...]], Any]
"""Of a series: time stamps and what else has exact values; and as many rows of float32 numbers."""


@dataclass
class Summary:
    """What was done."""

    series: int = 0
    """Without error."""
    errors: int = 0
    rows: int = 0
    """Written."""
    unknown: int = 0
    """Steps of these series that have no row, or no number."""
    judged: int = 0
    """Values that `flag_file` could judge."""
    errors_path: str | None = None
    """The list of the series in error."""


def forecast_file(
    inputs: PathLike | Sequence[PathLike],
    output: str,
    model: Forecaster,
    *,
    levels: Sequence[float] = (80,),
    horizon: int | None = None,
    plot: str | None = None,
    **options: Any,
) -> Summary:
    """Write forecasts of all series: id, time stamp, median, and two columns a level.

    A forecast starts after the last known value: unknown ones at the end are forecast as well.
    The first series are drawn to the file `plot`. The other `options` are those of `flag_file`.
    """
    if plot is not None:
        check_name(plot)
        same = Path(plot).resolve() == Path(output).resolve()
        check(not same, f"{plot}: is the output too; choose another picture")
        refuse_existing(plot, force=options.get("force", False))
    check(len(levels) > 0, "levels must have at least one")
    drawn: list[Drawn] = []
    config = model.config
    ahead = model.ahead(horizon)
    names, columns = ["forecast"], [len(config.quantiles) // 2]
    for level in dict.fromkeys(levels):
        names += [f"lo-{level:g}", f"hi-{level:g}"]
        columns += config.ends(level)

    def rows(good: Mapping[int, Series], problems: dict[int, str]) -> dict[int, _Rows]:
        ends = {i: unknown_end(one.values) for i, one in good.items()}
        for i, end in ends.items():
            if end >= ahead:
                problem = f"its last {end} values aren't known, and a forecast has {ahead}"
                problem += ": say horizon=... for more" * (end < config.horizon)
                problems[i] = f"line {good[i].line}: {problem}"
        good = {i: good[i].without(end, config.context) for i, end in ends.items() if end < ahead}
        values = np.full((len(good), config.context), np.nan)
        for last, one in zip(values, good.values(), strict=True):
            last[len(last) - len(one.values) :] = one.values
        found = model.problems(values)
        keys: dict[int, list[tuple[Any, ...]]] = {}
        for row, (i, one) in enumerate(good.items()):
            try:
                stamps = one.grid.stamps(one.last + 1, ahead)
            except InputError as error:
                found[row] = str(error)
            if row in found:
                problems[i] = f"line {one.line}: {found[row]}"
            else:
                keys[i] = [(stamp,) for stamp in stamps]
        if not keys:
            return {}
        quantiles = model.run(np.delete(values, list(found), axis=0))[:, :ahead]
        made = dict(zip(keys, quantiles, strict=True))
        for i in list(made)[: MOST - len(drawn)]:
            one, there = good[i], len(good[i].values)
            stamps = one.grid.stamps(one.last + 1 - there, there + ahead)
            drawn.append((str(one.name or "series"), one.values, made[i], None, stamps))
        return {i: (keys[i], its[:, columns]) for i, its in made.items()}

    keep = config.context + config.horizon
    summary = _file(inputs, output, model, rows, names, Summary(), keep=keep, **options)
    if plot is not None:
        draw(plot, drawn, config, levels[0])
    return summary


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

    The options, of `forecast_file` too: `columns`, of the table; `frequency` of its stamps, where
    they are the other end of the model's months; `format` and `encoding` of the inputs,
    `output_format`; `on_error`: a series in error stops the run (fail), is left out (skip), or has
    a row without numbers (null); `force` replaces the output. Raises InputError, OutputError or
    ConfigError.
    """
    last = whole_number(last, "last must be at least 1", 1)
    summary, least = Summary(), model.config.least_known

    def rows(good: Mapping[int, Series], problems: dict[int, str]) -> dict[int, _Rows]:
        made: dict[int, _Rows] = {}
        for i, one in good.items():
            try:
                places, low, high = model.expected(one.values, share, last)
            except SeriesError as error:
                problems[i] = f"line {one.line}: {error}"
                continue
            if np.isfinite(one.values[-1]) and np.isfinite(one.values[:-1]).sum() < least:
                problems[i] = (
                    f"line {one.line}: fewer than {least} known values before its last one"
                )
                continue
            summary.judged += len(places)
            values = one.values[places]
            odd = np.flatnonzero((values < low) | (values > high))
            steps = one.last + 1 + places[odd] - len(one.values)
            stamps = [one.grid.stamps(int(step), 1)[0] for step in steps]
            keys = list(zip(stamps, values[odd].tolist(), strict=True))
            made[i] = keys, np.array([low, high]).T[odd]
        return made

    keep = model.config.context + model.config.horizon + last
    names = [f"{end}-{100 * (1 - share):g}" for end in ("lo", "hi")]
    exact = ("value",)
    return _file(inputs, output, model, rows, names, summary, exact, keep=keep, **options)


def _file(
    inputs: PathLike | Sequence[PathLike],
    output: str,
    model: Forecaster,
    rows: Callable[[Mapping[int, Series], dict[int, str]], dict[int, _Rows]],
    names: Sequence[str],
    summary: Summary,
    exact: tuple[str, ...] = (),
    *,
    keep: int,
    columns: Columns = Columns(),  # noqa: B008 (it can't change)
    frequency: str | None = None,
    format: str | None = None,  # noqa: A002 (as of score_file)
    encoding: str = "utf-8",
    output_format: str | None = None,
    on_error: str = "fail",
    force: bool = False,
) -> Summary:
    check(on_error in ON_ERROR, f"on_error must be one of {', '.join(ON_ERROR)}, not {on_error!r}")
    ours = model.config.frequency
    check(
        frequency is None or Frequency(frequency).step == Frequency(ours).step,
        f"the model's frequency is {ours}; {frequency} has other steps",
    )
    options = ReadOptions(encoding)
    table = SeriesTable(
        inputs, frequency or ours, columns, given=format, options=options, keep=keep
    )
    listed = io.StringIO()
    problems_of = csv.writer(listed, lineterminator="\n")

    def parts() -> Iterator[Part]:
        read = iter(table)
        while series := list(islice(read, _SERIES)):
            problems = {i: one.problem for i, one in enumerate(series) if one.problem}
            good = {i: one for i, one in enumerate(series) if not one.problem}
            made = rows(good, problems)
            if problems and on_error == "fail":
                # The table's own first: of rows in no order, each series has too few.
                i = min(problems, key=lambda i: (not series[i].problem, i))
                who = "" if series[i].name is None else f"series {series[i].name!r:.60}, "
                hint = '; to go on without such series, say on_error="skip"' if who else ""
                raise InputError(f"{series[i].file}, {who}{problems[i]}{hint}")
            for i, problem in sorted(problems.items()):
                one = series[i]
                problems_of.writerow((one.file, one.line, one.name, problem))
                if on_error == "null":
                    made[i] = [(None,) * (1 + len(exact))], np.full((1, len(names)), np.nan)
            made = dict(sorted(made.items()))
            keys, places = [], []
            for i, (found, _) in made.items():
                keys += [(series[i].name, *key) for key in found]
                places += [(series[i].file, series[i].line)] * len(found)
            summary.series += len(series) - len(problems)
            summary.errors += len(problems)
            summary.rows += len(keys)
            summary.unknown += sum(one.unknown for i, one in good.items() if i not in problems)
            if keys:
                yield keys, np.concatenate([numbers for _, numbers in made.values()]), places

    with closing(table.source):
        taken = {*names, *exact} & {*table.columns[:2]}
        check(
            not taken, f"the output has a column {', '.join(taken)} of its own; rename the input's"
        )
        kind = format_for(output, output_format, table.source.format)
        to_file = partial(write, parts(), output, kind, table, exact, names)
        if output == STDIN:
            to_file(standard_output_bytes())
            if summary.errors:
                say(listed.getvalue().rstrip())
            return summary
        path, errors_path, folder = paths(output)
        table.source.refuse(path, errors_path, folder)
        refuse_existing(path, force=force)
        refuse_list(errors_path, _LIST_HEADER.encode(), force=force)
        with replacing(path) as temporary, temporary.open("wb") as file:
            to_file(file)
        errors_path.unlink(missing_ok=True)  # of the output that was there
        if summary.errors:
            summary.errors_path = str(errors_path)
            problems = replaceable(listed.getvalue())
            write_atomic(errors_path, _LIST_HEADER + problems)
    return summary
