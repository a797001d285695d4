"""The command `pocketrnn predict`: label texts."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable
from typing import Any

from ..classify.labels import shown
from ..classify.model import Classifier
from ..errors import InputError
from ..streams import is_terminal, say, standard_input
from . import command


def add_to(commands: Any) -> None:
    text = "label texts given as arguments, or standard input, a line a text"
    parser = command.command(commands, "predict", _predict, text)
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="default: standard input")
    command.add_model(parser)
    command.add_unsure(parser)
    command.add(parser, "--json", "print one JSON object a text")


def _predict(arguments: argparse.Namespace) -> None:
    model = Classifier.load(arguments.model, trusted=arguments.trusted)
    none = "none" if model.config.multi_label else "unsure"
    width = max(len(command.printable(name)) for name in (*model.labels, "unsure", "unknown"))
    command.refuse_files(arguments.texts)
    for text in arguments.texts or _lines():
        prediction = model.predict(text, unsure=arguments.unsure)
        if arguments.json:
            # ASCII, so that any terminal, code page and lone surrogate will do.
            command.output(json.dumps({**prediction.to_dict(), "text": text}))
        else:
            labels = prediction.labels or [none if prediction.known else "unknown"]
            label = command.printable(", ".join(labels))
            score = shown(prediction.score, prediction.threshold)
            command.output(f"{label:{width}}  {score}  {command.printable(text)}")


def _lines() -> Iterable[str]:
    """Yield standard input's lines as they come, as UTF-8 whatever the locale says."""
    file = standard_input()
    if is_terminal(sys.stdin):
        say("reading texts, a line each, until the end of input (Ctrl-D; on Windows Ctrl-Z, Enter)")
        if is_terminal(sys.stdout):
            yield from _typed()
            return
    for number, line in enumerate(file, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"standard input, line {number}: not UTF-8 text") from error


def _typed() -> Iterable[str]:
    """Prompt for texts until the end of input; they can be edited, and earlier ones come back."""
    with contextlib.suppress(ImportError):  # not on Windows, whose consoles do this themselves
        import readline  # noqa: F401 (input() uses it)
    with contextlib.suppress(EOFError):
        while True:
            if text := input("> "):
                yield text
    command.output("")
