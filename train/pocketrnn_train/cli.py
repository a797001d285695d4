"""The command `pocketrnn-train`: from labelled texts to a run folder."""

import argparse
import io
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from pocketrnn import __version__
from pocketrnn.classify.figures import rates, wilson
from pocketrnn.cli import command
from pocketrnn.errors import ConfigError
from pocketrnn.extras import require
from pocketrnn.modelfile.network import NetworkConfig

from . import backend
from .classify import comparison
from .classify.training import fit, refuse
from .config import RunConfig, TrainConfig, help_of, settings_of
from .corpora import Corpus, read_corpus
from .corpora.table import FORMATS
from .recipes import RECIPES

# Characters of the labels that are printed.
_MOST_SHOWN = 200

# Where a text may have several labels, those whose figures are printed, the rarest first.
_MOST_LABELS = 10

# The settings that are options; TrainConfig has their types, and says what they mean.
_SETTINGS = (
    *("num_words", "maxlen", "embedding", "cell", "activation", "units", "layers", "bidirectional"),
    *("mask", "pooling", "window", "weights", "optimizer", "learning_rate", "warm_up", "clip"),
    *("epochs", "batch_size", "dropout", "word_dropout", "min_texts", "validation_split"),
    *("test_split", "folds", "class_weights", "refit", "calibrate", "seed"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's) and return its exit code."""
    given = sys.argv[1:] if argv is None else argv
    if given[:1] in (["generate"], ["forecast"]):
        task = import_module(f".{given[0]}.cli", __package__)
        arguments = task.parser().parse_args(given[1:])
        return command.run("pocketrnn-train", lambda: start(task.train, arguments))
    arguments = parser().parse_args(given)
    if arguments.check:
        return command.run("pocketrnn-train", lambda: _check(arguments))
    return command.run("pocketrnn-train", lambda: start(_train, arguments))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = command.Parser(
        prog="pocketrnn-train",
        description="Train a recurrent text classifier in Keras.",
        epilog="Options left out come from the recipe. To train a generator of text or a "
        "forecaster of series, see: pocketrnn-train generate --help, and forecast --help",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketrnn {__version__}")
    parser.add_argument(
        "corpus",
        nargs="+",
        help="aclImdb_v1.tar.gz or its folder; keras:imdb; imdb.npz; or texts of your own, in one "
        f"file or several: {FORMATS}, or a folder with a folder of .txt files for each label",
    )
    add_run(parser, RECIPES)
    add = partial(command.add, parser)
    add(
        "--from MODEL",
        "model file whose words, vectors and recurrent weights to start from, or `bundled`",
        dest="start",
    )
    add("--check", "say what is in the texts, and what looks wrong with them, and train nothing")
    add(
        "--word-index FILE",
        "word index of an imdb.npz (default: imdb_word_index.json beside it)",
    )
    add = partial(command.add, parser.add_argument_group("your own texts"))
    add("--text-column NAME", "column of the texts (default: the obvious one)")
    add("--label-column NAME", "column of the labels (default: the obvious one)")
    add(
        "--label-separator S",
        "a text may have several labels, or none: what stands between them in their column",
    )
    add(
        "--probability-columns NAME",
        "soft labels: columns with the probability of each label, by alphabet, or one of the "
        "second of two; rows that have them are learnt by them",
        nargs="+",
        default=(),
    )
    add("--weight-column NAME", "column that says how much a row counts")
    add("--split-column NAME", "column that says what a row is for: train, validation or test")
    add(
        "--positive-label LABEL",
        "of two labels, the one that precision, recall and threshold are of (default: the "
        "rare one, if one is; else the last one by alphabet)",
    )
    add(
        "--no-header",
        "the first row of a table is a row like the others; its columns are called 1, 2, ...",
    )
    add("--encoding NAME", "of the tables (default: %(default)s)", default="utf-8")
    add("--test FILE", "table or folder of the test (default: see --test-split)")
    add(
        "--validation random|last|FILE",
        "which texts are held out: drawn at `random`, the `last` of each label, so that texts "
        "that are alike and stand together are on one side, or those of a table or folder",
    )
    add(
        "--unlabelled FILE",
        "more texts, which the teacher labels: a .txt file with a text on each line, a folder "
        "of .txt files, or a table with the same text column",
    )
    add_settings(parser, _SETTINGS, TrainConfig)
    return parser


def add_run(parser: argparse.ArgumentParser, recipes: Mapping[str, RunConfig]) -> None:
    """Add the options of all tasks: the folder, and the recipe."""
    command.add(parser, "-o --output RUN", "folder of the run", default="run")
    command.add(parser, "--resume", "go on with an interrupted run")
    command.add(parser, "--recipe", "settings to start from", choices=recipes, default="default")


def add_settings(
    parser: argparse.ArgumentParser, names: Iterable[str], config: type[RunConfig]
) -> None:
    """Add the settings of `config` with these names."""
    settings = parser.add_argument_group("settings (default: the recipe's)")
    kinds, texts = settings_of(config), help_of(config)
    for name in names:
        option, kind, text = "--" + name.replace("_", "-"), kinds[name], texts[name]
        if isinstance(kind, types.UnionType):  # a number or None
            kind = typing.get_args(kind)[0]
        if kind is bool:
            settings.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        elif typing.get_origin(kind) is typing.Literal:
            settings.add_argument(option, choices=typing.get_args(kind), help=text)
        else:
            settings.add_argument(option, type=kind, metavar="N", help=text)


def settings_given(arguments: argparse.Namespace, names: Iterable[str]) -> dict[str, typing.Any]:
    """Return those of the settings that the command was given."""
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def start(train: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> int:
    """Train, and say how to go on where that was interrupted; return the exit code."""
    require("train", "tensorflow", "sklearn", "matplotlib")
    backend.quiet = True
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # texts may be in any script
    try:
        train(arguments)
    except KeyboardInterrupt:
        if not (Path(arguments.output) / "config.json").exists():  # too early to be resumed
            raise
        print(
            "pocketrnn-train: interrupted; to go on, give the same command with --resume",
            file=sys.stderr,
        )
        return 130
    print(f"run: {arguments.output} (next: pocketrnn-export {arguments.output} -o model.onnx)")
    return 0


def _train(arguments: argparse.Namespace) -> None:
    config, corpus = _read(arguments)
    run = fit(config, corpus, arguments.output, start=arguments.start, resume=arguments.resume)
    report = run.report
    print("\n".join(comparison.lines(report["comparison"])))
    part = "test" if report["test"] else "validation"
    found = report[part]
    if corpus.multi_label:
        of = found["labels"]
        for i in np.argsort(of["texts"], kind="stable")[:_MOST_LABELS].tolist():
            print(
                f"{part}, {corpus.labels[i]} ({of['texts'][i]:,} texts): precision "
                f"{of['precision'][i]:.4f}, recall {of['recall'][i]:.4f}, F1 {of['f1'][i]:.4f}, "
                f"chosen over a probability of {report['threshold'][i]:.4f}"
            )
    elif len(corpus.labels) == 2:
        positive = rates(np.array(found["confusion_matrix"]))
        print(
            f"{part}, {corpus.labels[1]}: precision {positive.precision[1]:.4f}, recall "
            f"{positive.recall[1]:.4f}, F1 {positive.f1[1]:.4f}, chosen over a probability of "
            f"{report['threshold']:.4f}"
        )
    if report["test"]:
        low, high = wilson(found["accuracy"] * found["texts"], found["texts"])
        print(
            f"test: accuracy {found['accuracy']:.4f} ({low:.3f} to {high:.3f}), loss "
            f"{found['loss']:.4f}, on {found['texts']:,} texts"
        )


def _check(arguments: argparse.Namespace) -> int:
    """Say what is in a corpus; warnings are logged while it is read."""
    config, corpus = _read(arguments)
    refuse(config, corpus, start=arguments.start)
    counts = [int(corpus.train.having(label).sum()) for label in range(len(corpus.labels))]
    for count, label in sorted(zip(counts, corpus.labels, strict=True), reverse=True):
        print(f"{count:8,}  {label}")
    words = [len(text.split()) for text in corpus.train.texts]
    print(f"words in a text: {np.median(words):.0f} (median), {max(words):,} (most)")
    return 0


def _read(arguments: argparse.Namespace) -> tuple[TrainConfig, Corpus]:
    """Return the settings and the corpus that were asked for, and say what that is."""
    given = settings_given(arguments, _SETTINGS)
    held_out = arguments.validation
    if held_out in ("random", "last"):
        given["validation"], held_out = held_out, None
    if arguments.start and (
        own := sorted(given.keys() & {*settings_of(NetworkConfig), "num_words"})
    ):
        option = own[0].replace("_", "-")
        raise ConfigError(f"with --from, the network is the file's: leave out --{option}")
    config = RECIPES[arguments.recipe].with_settings(**given)
    teacher = config.task.distillation is not None
    if arguments.unlabelled and not teacher:
        name = arguments.recipe
        raise ConfigError(f"--unlabelled is for recipes with a teacher; {name} has none")
    corpus = read_corpus(
        arguments.corpus,
        text_column=arguments.text_column,
        label_column=arguments.label_column,
        label_separator=arguments.label_separator,
        probability_columns=arguments.probability_columns,
        weight_column=arguments.weight_column,
        split_column=arguments.split_column,
        positive_label=arguments.positive_label,
        encoding=arguments.encoding,
        header=arguments.header,
        word_index=arguments.word_index,
        unlabelled=arguments.unlabelled or teacher,
        test=arguments.test,
        validation=held_out,
        test_split=config.task.test_split,
        seed=config.seed,
    )
    for kind, found in (("text", corpus.text_column), ("label", corpus.label_column)):
        if found and not getattr(arguments, f"{kind}_column"):
            print(f"{kind} column: {found}", file=sys.stderr)
    more = f"{len(corpus.unlabelled)} without a label, " if corpus.unlabelled else ""
    held = f"{len(corpus.validation)} to validate, " if corpus.validation else ""
    test = f"{len(corpus.test)} to test, " if len(corpus.test) else ""
    labels = ", ".join(corpus.labels)
    labels = labels if len(labels) <= _MOST_SHOWN else f"{labels[:_MOST_SHOWN]} ..."
    print(
        f"{corpus.name}: {len(corpus.train)} texts to train, {more}{held}{test}"
        f"{len(corpus.labels)} labels: {labels}",
        flush=True,
    )
    return config, corpus
