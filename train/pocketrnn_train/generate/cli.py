"""The command `pocketrnn-train generate`: from texts or lines to a run folder."""

import argparse
from functools import partial

from pocketrnn.cli import command
from pocketrnn.errors import ConfigError

from ..cli import add_run, add_settings, settings_given
from .config import RECIPES, GeneratorTrainConfig
from .corpus import read_lines, read_text
from .training import fit

_HELP = {
    "lines": "each line is a sequence with a start and an end (names, titles); else the text runs "
    "on",
    "unit": "what has an id: a character, or a byte of UTF-8",
    "embedding": "width of the characters' vectors",
    "cell": "kind of recurrent layer",
    "activation": "of a simple_rnn; gru and lstm have tanh",
    "units": "width of each recurrent layer",
    "layers": "number of recurrent layers, one on top of the other",
    "weights": "how a model file stores large matrices; training rounds them to that",
    "optimizer": "optimizer of Keras",
    "learning_rate": "highest learning rate",
    "warm_up": "share of the steps in which the learning rate rises from 0, before it falls back "
    "to 0",
    "clip": "largest norm of all gradients of a step together",
    "epochs": "passes over the text, at most",
    "patience": "epochs without a lower loss on what is held out, after which training ends",
    "batch_size": "lines, or places in the running text, in a training step",
    "steps": "characters of running text that a training step reads at each place",
    "dropout": "share of what each layer and the head see, set to 0 in a training step",
    "word_dropout": "share of the characters that become the unknown one in a training step",
    "validation_split": "share held out: lines drawn at random, or the end of the running text",
    "seed": "decides the first weights, the order of the lines and all random choices",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments behind `generate`."""
    parser = argparse.ArgumentParser(
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
    add_settings(parser, _HELP, GeneratorTrainConfig)
    return parser


def train(arguments: argparse.Namespace) -> None:
    """Read the files, train, and print what was reached."""
    given = settings_given(arguments, _HELP)
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
    print(f"{', '.join(corpus.names)}: {len(corpus.texts):,} texts, {characters:,} characters")
    run = fit(config, corpus, arguments.output, resume=arguments.resume)
    figures = run.report["validation"]
    print(f"held out: {figures['bits']:.4f} bits ({figures['loss']:.4f} nats) a character")
