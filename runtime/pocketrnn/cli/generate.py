"""The command `pocketrnn generate`: make texts."""

import argparse
import json
from functools import partial
from typing import Any

from ..loading import bundled
from ..streams import say
from . import command


def add_to(commands: Any) -> None:
    text = "go on from a prompt: names, lines or running text, by the model"
    parser = command.command(commands, "generate", _generate, text)
    parser.add_argument("prompt", nargs="?", default="", metavar="PROMPT", help="default: nothing")
    add = partial(command.add, parser)
    add("--model FILE", "model file (default: names)")
    add("-n N", "make so many texts (default: one)", type=int)
    for option, default, text in (
        ("--length", 200, "characters to make, at most"),
        (
            "--temperature",
            1.0,
            "0: always the most probable character; more: less probable ones too",
        ),
        ("--top-k", 0, "draw from so many of the most probable characters; 0: all"),
        ("--top-p", 1.0, "draw from as many as reach this probability"),
    ):
        add(f"{option} N", f"{text} (default: %(default)s)", default=default)
    add("--stop TEXT", "end before this text, once it comes")
    add("--seed N", "the same texts each time", type=int)
    add("--json", "print one JSON object a text")


def _generate(arguments: argparse.Namespace) -> None:
    from ..generate.model import Generator  # here, so that the other commands start without it

    options = vars(arguments)
    as_json, n = options.pop("json"), options.pop("n")
    model = Generator.load(options.pop("model") or bundled("names"))
    strange = set(options["prompt"]) - set(model.alphabet.characters or options["prompt"])
    if strange:
        shown = " ".join(sorted(strange))
        say(command.printable(f"characters that the model doesn't know: {shown}"))
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
