"""The command `pocketrnn-train`: from labelled texts to a run folder."""

import argparse
import dataclasses
import io
import os
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path

from pocketrnn import TextConfig, __version__
from pocketrnn.cli import command
from pocketrnn.errors import ConfigError
from pocketrnn.extras import require

from .config import RECIPES, TrainConfig
from .corpus import read_corpus
from .training import fit

_TEXT_HELP = {
    "num_words": "ids, of which the most frequent words get all but four",
    "maxlen": "words of a text that are read, its last ones",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's) and return its exit code."""
    arguments = _parser().parse_args(argv)
    return command.run("pocketrnn-train", lambda: _train(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pocketrnn-train",
        description="Train a recurrent text classifier in Keras.",
        epilog="Options left out come from the recipe.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketrnn {__version__}")
    parser.add_argument(
        "corpus",
        help="aclImdb_v1.tar.gz or its folder; keras:imdb; imdb.npz; or a .csv, .tsv, .jsonl (also "
        ".gz or .zst of these) or .parquet of your own",
    )
    parser.add_argument("-o", "--output", default="run", metavar="RUN", help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--recipe", choices=RECIPES, default="default")
    own = parser.add_argument_group("your own texts")
    own.add_argument("--text-column", metavar="NAME", help="(default: the obvious one)")
    own.add_argument("--label-column", metavar="NAME")
    own.add_argument("--encoding", default="utf-8")
    own.add_argument(
        "--unlabelled",
        metavar="FILE",
        help="more texts, for the teacher to label: .txt, a text a line, a folder of .txt files, "
        "or a table like the corpus",
    )
    parser.add_argument(
        "--word-index",
        metavar="FILE",
        help="of an imdb.npz (default: imdb_word_index.json beside it)",
    )
    settings = parser.add_argument_group("settings (default: the recipe's)")
    for name, kind, text in _settings():
        option = "--" + name.replace("_", "-")
        if kind is bool:
            settings.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        elif typing.get_origin(kind) is typing.Literal:
            settings.add_argument(option, choices=typing.get_args(kind), help=text)
        else:
            settings.add_argument(option, type=kind, metavar="N", help=text)
    return parser


def _settings() -> Iterator[tuple[str, type, str]]:
    """Yield name, type and help of each setting that is an option."""
    for name, text in _TEXT_HELP.items():
        yield name, int, text
    hints = typing.get_type_hints(TrainConfig)
    for field in dataclasses.fields(TrainConfig):
        if "help" in field.metadata:
            yield field.name, hints[field.name], field.metadata["help"]


def _config(arguments: argparse.Namespace) -> TrainConfig:
    given = {
        name: value for name, _, _ in _settings() if (value := getattr(arguments, name)) is not None
    }
    recipe = RECIPES[arguments.recipe]
    text = {name: given.pop(name) for name in _TEXT_HELP if name in given}
    return dataclasses.replace(recipe, text=_replace_text(recipe.text, text), **given)


def _replace_text(text: TextConfig, values: dict[str, int]) -> TextConfig:
    return dataclasses.replace(text, **values)  # type: ignore[arg-type]


def _unlabelled(arguments: argparse.Namespace, config: TrainConfig) -> str | bool:
    """Return which texts without labels to read: only a teacher can use them."""
    if config.distillation is not None:
        return arguments.unlabelled or True
    if arguments.unlabelled:
        raise ConfigError(f"the recipe {arguments.recipe} has no use for --unlabelled")
    return False


def _train(arguments: argparse.Namespace) -> int:
    require("train", "tensorflow", "sklearn", "matplotlib")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # labels may be in any script
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no start-up notes
    config = _config(arguments)
    corpus = read_corpus(
        arguments.corpus,
        text_column=arguments.text_column,
        label_column=arguments.label_column,
        encoding=arguments.encoding,
        word_index=arguments.word_index,
        unlabelled=_unlabelled(arguments, config),
        test_split=config.test_split,
        seed=config.seed,
    )
    if corpus.text_column and not arguments.text_column:
        print(f"text column: {corpus.text_column}", file=sys.stderr)
    free = f"{len(corpus.unlabelled)} without a label, " if corpus.unlabelled else ""
    print(
        f"{corpus.name}: {len(corpus.train)} texts to train, {free}{len(corpus.test)} to test, "
        f"labels {', '.join(corpus.labels)}"
    )
    try:
        run = fit(config, corpus, arguments.output, resume=arguments.resume)
    except KeyboardInterrupt:
        if not (Path(arguments.output) / "config.json").exists():  # too early to be resumed
            raise
        print(
            "pocketrnn-train: interrupted; to go on, give the same command with --resume",
            file=sys.stderr,
        )
        return 130
    test = run.report["test"]
    print(f"test loss: {test['loss']:.4f}")
    print(f"test accuracy: {test['accuracy']:.4f}")
    print(f"run: {run.folder} (next: pocketrnn-export {run.folder} -o model.onnx)")
    return 0
