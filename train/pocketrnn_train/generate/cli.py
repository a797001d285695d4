"""The command `pocketrnn-train generate`: from texts or lines to a run folder."""

import argparse
from functools import partial

from pocketrnn.cli import command
from pocketrnn.errors import ConfigError, counted

from ..cli import add_run, add_settings, settings_given
from .config import RECIPES, GeneratorTrainConfig
from .corpus import read_lines, read_text
from .training import fit

_SETTINGS = (
    *("lines", "unit", "embedding", "cell", "activation", "units", "layers", "weights"),
    *("optimizer", "learning_rate", "warm_up", "clip", "epochs", "patience", "batch_size", "steps"),
    *("dropout", "word_dropout", "validation_split", "seed"),
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments behind `generate`."""
    parser = command.Parser(
        prog="pocketrnn-train generate",
        description="Train a recurrent generator of text in Keras.",
        epilog="Options left out come from the recipe.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="text, or a folder of .txt files; with --lines also .csv, .tsv, .jsonl (also .gz or "
        ".zst of these) and .parquet",
    )
    add_run(parser, RECIPES)
    add = partial(command.add, parser.add_argument_group("tables of lines"))
    add("--text-column NAME", "column of the lines")
    add("--weight-column NAME", "column that says how often a line counts")
    add("--encoding NAME", "of the files (default: %(default)s)", default="utf-8")
    add_settings(parser, _SETTINGS, GeneratorTrainConfig)
    return parser


def train(arguments: argparse.Namespace) -> None:
    """Read the files, train, and print what was reached."""
    given = settings_given(arguments, _SETTINGS)
    config = RECIPES[arguments.recipe].with_settings(**given)
    if config.task.lines:
        corpus = read_lines(
            arguments.files,
            arguments.encoding,
            text_column=arguments.text_column,
            weight_column=arguments.weight_column,
        )
    elif arguments.text_column or arguments.weight_column:
        raise ConfigError("columns are for tables of lines: give --lines too")
    else:
        corpus = read_text(arguments.files, arguments.encoding)
    characters = sum(map(len, corpus.texts))
    texts = counted(len(corpus.texts), "text")
    print(f"{', '.join(corpus.names)}: {texts}, {characters:,} characters")
    run = fit(config, corpus, arguments.output, resume=arguments.resume)
    figures = run.report["validation"]
    print(f"held out: {figures['bits']:.4f} bits ({figures['loss']:.4f} nats) a character")
