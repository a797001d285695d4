"""The command `pocketrnn generate`: make texts."""

import argparse
import json
from typing import Any

from ..loading import bundled
from . import command


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "generate",
        allow_abbrev=False,
        help="go on from a prompt: names, lines or running text, by the model",
    )
    parser.add_argument("prompt", nargs="?", default="", metavar="PROMPT", help="default: nothing")
    parser.add_argument("--model", metavar="FILE", help="model file (default: names)")
    parser.add_argument("-n", type=int, metavar="N", help="make so many texts (default: one)")
    for option, default, kind, text in (
        ("--length", 200, int, "characters to make, at most"),
        ("--temperature", 1.0, float, "0: always the most probable character; higher: dares more"),
        ("--top-k", 0, int, "draw from so many of the most probable characters; 0: all"),
        ("--top-p", 1.0, float, "draw from as many as reach this probability"),
    ):
        parser.add_argument(
            option, type=kind, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    parser.add_argument("--stop", metavar="TEXT", help="end before this text, once it comes")
    parser.add_argument("--seed", type=int, metavar="N", help="the same texts each time")
    parser.add_argument("--json", action="store_true", help="print one JSON object a text")
    parser.set_defaults(run=_generate)


def _generate(arguments: argparse.Namespace) -> None:
    from ..generate.model import Generator  # here, so that the other commands start without it

    options = vars(arguments)
    del options["run"]
    as_json, n = options.pop("json"), options.pop("n")
    model = Generator.load(options.pop("model") or bundled("names"))
    if as_json or n is not None:
        for text in model.generate(**options, n=1 if n is None else n):
            command.output(json.dumps({"text": text}) if as_json else command.visible(text))
        return
    pieces = model.stream(**options)  # here, so that a refused option prints nothing
    try:
        for piece in pieces:
            command.output(command.visible(piece), end="")
    finally:
        command.output("")
