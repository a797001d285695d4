"""The commands `pocketrnn forecast` and `pocketrnn flag`: tables of series, unattended."""

import argparse
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import counted
from ..files import refuse
from ..loading import bundled
from ..tables.formats import INPUTS, OUTPUTS
from ..tables.reading import ON_ERROR
from . import command

_EPILOG = """\
The rows of a series stand one after another, in order of time. A missing time stamp is an unknown
value; one that is there twice, off the grid of the model's frequency or out of order is an error of
its series. Of time stamps that are whole numbers, each is one step of the model's frequency,
whatever they count.

exit codes: 0 all series done; 1 stopped; 2 wrong usage; 3 done, but with series in error;
130 interrupted"""


def add_to(commands: Any) -> None:
    forecast = _parser(commands, "forecast", _forecast, "forecast each series of a table")
    add = partial(command.add, forecast)
    add(
        "--level L",
        "per cent that the interval is to hold; may be given more than once (default: 80)",
        type=float,
        action="append",
    )
    add("--horizon N", "values ahead (default, and at most: the model's)", type=int)
    add("--plot OUT.png", "draw the first series too (.png, .svg, .pdf, .html)")
    flag = _parser(commands, "flag", _flag, "list the last values of each series that are unusual")
    add, default = partial(command.add, flag), "(default: %(default)s)"
    add("--share P", f"share of usual values that is flagged as well {default}", default=0.01)
    add("--last N", f"judge so many values of each series {default}", default=1)


def _parser(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser = command.command(commands, name, run, text, epilog=_EPILOG)
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="SERIES",
        help="table with a row a value (.csv, .tsv, .jsonl, also .gz or .zst of these; .parquet, "
        ".xlsx), or - or a .txt file with a number a line",
    )
    add = partial(command.add, parser)
    add("-o --output OUT", "table to write, or -", required=True)
    add("--model FILE", "model file, or hourly, daily, weekly, monthly (the default) or quarterly")
    add("--id-column NAME", "default: unique_id, if there is one")
    add("--time-column NAME", "default: ds", default="ds")
    add("--value-column NAME", "default: y", default="y")
    add(
        "--frequency F",
        "of the time stamps, where they are the other end of the model's months, quarters or "
        "years: ME where the model has MS",
    )
    add("--format", "of the inputs (default: by their names)", choices=INPUTS)
    add("--encoding NAME", "of the inputs (default: %(default)s)", default="utf-8")
    add("--output-format", "of OUT (default: by its name)", choices=OUTPUTS)
    add(
        "--on-error",
        "a series in error stops the run (fail, the default), is left out (skip), or has a row "
        "without numbers (null); OUT.errors.csv lists such series",
        choices=ON_ERROR,
        default="fail",
    )
    add("--force", "replace OUT")
    return parser


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments as those of `forecast_file` and `flag_file`."""
    from ..forecast.model import Forecaster  # here, so that the other commands start without it
    from ..forecast.table import Columns

    options = vars(arguments)
    names = (options.pop(f"{name}_column") for name in ("id", "time", "value"))
    options["columns"] = Columns(*names)
    refuse(Path(options["output"]), [options["model"]], "model")
    options["model"] = Forecaster.load(options["model"] or bundled("monthly"))
    return options


def _forecast(arguments: argparse.Namespace) -> int:
    from ..forecast.scoring import forecast_file

    if plot := arguments.plot:
        refuse(Path(plot), arguments.inputs, "input")
        refuse(Path(plot), [arguments.model], "model")
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # names in any script
    options = _options(arguments)
    options["levels"] = options.pop("level") or [80]
    return _done(forecast_file(**options))


def _flag(arguments: argparse.Namespace) -> int:
    from ..forecast.scoring import flag_file

    return _done(flag_file(**_options(arguments)), judges=True)


def _done(summary: Any, *, judges: bool = False) -> int:
    rows = f"{counted(summary.rows, 'row')} written"
    if judges:
        rows = f"{counted(summary.judged, 'value')} judged, {rows}"
    return command.done(
        f"{summary.series:,} series, {rows}; {counted(summary.unknown, 'value')} unknown; "
        f"{summary.errors:,} series in error",
        summary,
    )
