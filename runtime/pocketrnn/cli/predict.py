"""The command `pocketrnn predict`: label texts."""

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any

from ..classify.model import load
from ..errors import InputError
from ..streams import is_terminal, say, standard_input
from . import command

_UNSURE = "unsure"  # what is printed in place of a label; as JSON it is null


def add_to(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "predict",
        allow_abbrev=False,
        help="label texts given as arguments, or standard input, a line a text",
    )
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="default: standard input")
    parser.add_argument("--model", metavar="FILE", help="model file (default: the bundled one)")
    parser.add_argument(
        "--unsure",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="say unsure where the second label's probability is from LOW to HIGH (with more "
        "than two labels: where the most probable one's is)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a text")
    parser.set_defaults(run=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    model = load(arguments.model)
    unsure = arguments.unsure and tuple(arguments.unsure)
    names = [*model.labels, *([_UNSURE] if unsure else [])]
    width = max(len(command.printable(name)) for name in names)
    for text in arguments.texts or _lines():
        prediction = model.predict(text, unsure=unsure)
        if arguments.json:
            # ASCII, so that any terminal, code page and lone surrogate will do.
            command.output(json.dumps({**prediction.to_dict(), "text": text}))
        else:
            label = command.printable(prediction.label or _UNSURE)
            shown = command.printable(text)
            command.output(f"{label:{width}}  {prediction.score:.4f}  {shown}")


def _lines() -> Iterable[str]:
    """Yield standard input's lines as they come, as UTF-8 whatever the locale says."""
    file = standard_input()
    if is_terminal(sys.stdin):
        say("reading texts, a line each, until the end of input (Ctrl-D; on Windows Ctrl-Z, Enter)")
    for number, line in enumerate(file, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"standard input, line {number}: not UTF-8 text") from error
