"""The commands `pocketrnn forecast` and `pocketrnn flag`: tables of series, unattended."""

import argparse
from pathlib import Path
from typing import Any

from ..files import refuse
from ..loading import bundled
from ..streams import say
from ..tables.formats import INPUTS, OUTPUTS
from ..tables.reading import ON_ERROR
from . import command

_DONE_WITH_ERRORS = 3

_EPILOG = """\
The rows of a series stand one after another, in order of time. A missing time stamp is an unknown
value; one that is there twice, off the grid of the model's frequency or out of order is an error of
its series. Of time stamps that are whole numbers, each is one step of the model's frequency,
whatever they count.

exit codes: 0 all series done; 1 stopped; 2 wrong usage; 3 done, but with series in error;
130 interrupted"""


def add_to(commands: Any) -> None:
    """Add the commands to argparse's subparsers."""
    forecast = _parser(commands, "forecast", _forecast, "forecast each series of a table")
    forecast.add_argument(
        "--level",
        type=float,
        action="append",
        metavar="L",
        help="per cent that the interval is to hold; may be given more than once (default: 80)",
    )
    forecast.add_argument(
        "--horizon", type=int, metavar="N", help="values ahead (default, and at most: the model's)"
    )
    forecast.add_argument(
        "--plot", metavar="OUT.png", help="draw the first series too (.png, .svg, .pdf, .html)"
    )
    flag = _parser(commands, "flag", _flag, "list the last values of each series that are unusual")
    default = "(default: %(default)s)"
    text = f"share of usual values that is flagged as well {default}"
    flag.add_argument("--share", type=float, default=0.01, metavar="P", help=text)
    text = f"judge so many values of each series {default}"
    flag.add_argument("--last", type=int, default=1, metavar="N", help=text)


def _parser(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        help=text,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="SERIES",
        help="table with a row a value (.csv, .tsv, .jsonl, also .gz or .zst of these; .parquet, "
        ".xlsx), or - or a .txt file with a number a line",
    )
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="table to write, or -")
    parser.add_argument("--model", metavar="FILE", help="model file (default: monthly)")
    parser.add_argument("--id-column", metavar="NAME", help="default: unique_id, if there is one")
    parser.add_argument("--time-column", default="ds", metavar="NAME", help="default: ds")
    parser.add_argument("--value-column", default="y", metavar="NAME", help="default: y")
    parser.add_argument(
        "--frequency",
        metavar="F",
        help="of the time stamps, where they are the other end of the model's months, quarters or "
        "years: ME where the model has MS",
    )
    parser.add_argument("--format", choices=INPUTS, help="of the inputs (default: by their names)")
    parser.add_argument("--encoding", default="utf-8", help="of the inputs (default: utf-8)")
    parser.add_argument("--output-format", choices=OUTPUTS, help="of OUT (default: by its name)")
    parser.add_argument(
        "--on-error",
        choices=ON_ERROR,
        default="fail",
        help="a series in error stops the run (fail, the default), is left out (skip), or has a "
        "row without numbers (null); OUT.errors.csv lists such series",
    )
    parser.add_argument("--force", action="store_true", help="replace OUT")
    parser.set_defaults(run=run)
    return parser


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments as those of `forecast_file` and `flag_file`."""
    from ..forecast.model import Forecaster  # here, so that the other commands start without it
    from ..forecast.table import Columns

    options = vars(arguments)
    del options["run"]
    names = (options.pop(f"{name}_column") for name in ("id", "time", "value"))
    options["columns"] = Columns(*names)
    refuse(Path(options["output"]), [options["model"]], "model")
    options["model"] = Forecaster.load(options["model"] or bundled("monthly"))
    return options


def _forecast(arguments: argparse.Namespace) -> int:
    from ..forecast.scoring import forecast_file

    if plot := arguments.plot:
        kept = {"inputs": arguments.inputs, "models": [arguments.model]}
        command.new_file(plot, force=arguments.force, **kept)
    options = _options(arguments)
    options["levels"] = options.pop("level") or [80]
    return _done(forecast_file(**options))


def _flag(arguments: argparse.Namespace) -> int:
    from ..forecast.scoring import flag_file

    return _done(flag_file(**_options(arguments)), judges=True)


def _done(summary: Any, *, judges: bool = False) -> int:
    rows = f"{summary.rows:,} rows written"
    if judges:
        rows = f"{summary.judged:,} values judged, {rows}"
    line = (
        f"{summary.series:,} series, {rows}; {summary.unknown:,} values unknown; "
        f"{summary.errors:,} series in error"
    )
    listed = f", listed in {summary.errors_path}" if summary.errors_path else ""
    say(command.printable(line + listed))
    return _DONE_WITH_ERRORS if summary.errors else 0
