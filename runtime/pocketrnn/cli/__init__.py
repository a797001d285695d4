"""The command `pocketrnn`: a module for each of its commands."""

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__
from . import command


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's) and return its exit code."""
    if getattr(sys, "frozen", False):  # then `score` starts its workers by this very program
        import multiprocessing

        multiprocessing.freeze_support()
    # numpy's OpenBLAS would make a thread a core, which gain nothing here and cost memory; where
    # it can't, it interrupts the process.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return command.run("pocketrnn", lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int | None:
    arguments = parser().parse_args(argv)
    code: int | None = vars(arguments).pop("run")(arguments)
    return code


def parser() -> argparse.ArgumentParser:
    # Here, so that an import that fails is an error like others.
    from . import evaluate, explain, forecast, generate, info, predict, score, verify

    parser = command.Parser(
        prog="pocketrnn",
        description="Score and generate text, and forecast series, with small recurrent networks, "
        "on this machine alone.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketrnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for each in (predict, explain, score, evaluate, generate, forecast, info, verify):
        each.add_to(commands)
    return parser
