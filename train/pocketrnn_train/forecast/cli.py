"""The command `pocketrnn-train forecast`: from series to a run folder."""

import argparse

from pocketrnn.cli.command import Parser
from pocketrnn.forecast.table import Columns

from ..cli import add_run, add_settings, settings_given
from .config import RECIPES, ForecasterTrainConfig
from .corpus import SeriesCorpus, read_series
from .training import fit

_SETTINGS = (
    *("frequency", "horizon", "season", "context", "segment", "cell", "embedding", "units"),
    *("layers", "weights", "learning_rate", "epochs", "steps", "batch_size", "seed"),
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        prog="pocketrnn-train forecast",
        description="Train a forecaster of series in Keras, one for all series of a frequency.",
        epilog="Options left out come from the recipe.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="SERIES",
        help="table with a row a value, the rows of a series one after another, in order of time; "
        "or `synthetic`, for series of our own making",
    )
    add_run(parser, RECIPES)
    parser.add_argument("--id-column", metavar="NAME", help="default: unique_id, if there is one")
    parser.add_argument("--time-column", default="ds", metavar="NAME", help="default: ds")
    parser.add_argument("--value-column", default="y", metavar="NAME", help="default: y")
    parser.add_argument(
        "--on-error",
        choices=("fail", "skip"),
        default="fail",
        help="a series that can't be read stops the run (fail, the default), or is left out",
    )
    add_settings(parser, _SETTINGS, ForecasterTrainConfig)
    return parser


def train(arguments: argparse.Namespace) -> None:
    """Read the files, train, and print what was reached."""
    given = settings_given(arguments, _SETTINGS)
    config = RECIPES[arguments.recipe].with_settings(**given)
    if arguments.files == ["synthetic"]:
        corpus = SeriesCorpus({}, "synthetic", synthetic=True)
    else:
        columns = Columns(arguments.id_column, arguments.time_column, arguments.value_column)
        frequency, on_error = config.task.frequency, arguments.on_error
        corpus = read_series(arguments.files, frequency, columns, on_error=on_error)
        values = sum(map(len, corpus.series.values()))
        taken = f"frequency {config.task.frequency}, horizon {config.task.horizon}"
        print(f"{corpus.name}: {len(corpus.series):,} series, {values:,} values; {taken}")
    run = fit(config, corpus, arguments.output, resume=arguments.resume)
    print(run.report["verdict"])
    for name, found in run.report["test"].items():
        if name not in ("series", "forecasts"):
            shown = (f"{key} {value:.3f}" for key, value in found.items() if value is not None)
            print(f"test, {name.replace('_', ' ')}: {', '.join(shown)}")
