"""The command `pocketrnn`: a module for each of its commands."""

import argparse
import sys
from collections.abc import Sequence

from .. import __version__
from . import command, evaluate, explain, generate, info, predict, score, verify


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's) and return its exit code."""
    if getattr(sys, "frozen", False):  # then `score` starts its workers by this very program
        import multiprocessing

        multiprocessing.freeze_support()
    arguments = parser().parse_args(argv)
    return command.run("pocketrnn", lambda: arguments.run(arguments))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="pocketrnn",
        description="Score and generate text with small recurrent networks, on this machine alone.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketrnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for each in (predict, explain, score, evaluate, generate, info, verify):
        each.add_to(commands)
    return parser
