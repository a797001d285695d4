"""The command `pocketrnn`: score text and whole files, and say what a model is."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from .. import __version__, modelfile
from ..loading import load, naming, read_bytes
from ..errors import ConfigError, CorruptModelError, InputError
from . import command
from . import score as cli_score

# What is printed in place of a label; as JSON both are null.
_UNSURE = "unsure"
_UNKNOWN = "unknown"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's) and return its exit code."""
    if getattr(sys, "frozen", False):  # then `score` starts its workers by this very program
        import multiprocessing

        multiprocessing.freeze_support()
    arguments = _parser().parse_args(argv)
    return command.run("pocketrnn", lambda: arguments.run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pocketrnn",
        description="Score text with a small recurrent network, on this machine alone.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketrnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    predict = commands.add_parser(
        "predict",
        allow_abbrev=False,
        help="label texts given as arguments, or standard input, a line a text",
    )
    predict.add_argument("texts", nargs="*", metavar="TEXT", help="default: standard input")
    predict.add_argument("--model", metavar="FILE", help="model file (default: the bundled one)")
    predict.add_argument(
        "--unsure",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="print unsure where the second label's probability is from LOW to HIGH (with more "
        "than two labels: where the most probable one's is)",
    )
    predict.add_argument("--json", action="store_true", help="print one JSON object a text")
    predict.set_defaults(run=_predict)

    cli_score.add_to(commands)

    info = commands.add_parser("info", allow_abbrev=False, help="print a model's card")
    info.add_argument("model", nargs="?", metavar="MODEL", help="default: the bundled one")
    info.add_argument("--json", action="store_true", help="print it as JSON")
    info.set_defaults(run=_info)

    verify = commands.add_parser(
        "verify",
        allow_abbrev=False,
        help="check that a model file is whole and scores on this machine as it should",
        epilog="exit codes: 0 no check failed; 1 one did, or the file can't be read",
    )
    verify.add_argument("model", nargs="?", metavar="MODEL", help="default: the bundled one")
    verify.add_argument("--json", action="store_true", help="print it as JSON")
    verify.set_defaults(run=_verify)
    return parser


def _predict(arguments: argparse.Namespace) -> None:
    model = load(arguments.model)
    unsure = arguments.unsure and tuple(arguments.unsure)
    width = max(len(command.printable(name)) for name in (*model.labels, _UNSURE, _UNKNOWN))
    for text in arguments.texts:
        _refuse_file(text)
    for text in arguments.texts or _lines():
        prediction = model.predict(text, unsure=unsure)
        if arguments.json:
            # ASCII, so that any terminal, code page and lone surrogate will do.
            _print(json.dumps({**prediction.to_dict(), "text": text}))
        else:
            label = prediction.label
            if label is None:
                label = _UNSURE if prediction.known else _UNKNOWN
            label, text = command.printable(label), command.printable(text)
            _print(f"{label:{width}}  {prediction.score:.4f}  {text}")


def _refuse_file(text: str) -> None:
    """Raise ConfigError for the name of a file: who gives one wants its rows scored."""
    if ("." in text or os.sep in text) and os.path.isfile(text):  # noqa: PTH113 (takes any text)
        raise ConfigError(
            f"{text} is a file; to score its rows, run: pocketrnn score {text} -o OUTPUT (to score "
            "its name as a text, give it on standard input)"
        )


def _lines() -> Iterable[str]:
    """Yield standard input's lines as they come, as UTF-8 whatever the locale says."""
    if sys.stdin is None:
        raise InputError("standard input is closed")
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"standard input, line {number}: not UTF-8 text") from error


def _info(arguments: argparse.Namespace) -> None:
    with naming(arguments.model):
        data = read_bytes(arguments.model)
        file = modelfile.read(data)
        about = {
            "file": {"bytes": len(data), "sha256": file.sha256, "task": file.task},
            "config": file.config,
            "card": file.card,
        }
        try:
            shown = json.dumps(about, indent=2) if arguments.json else "\n".join(_outline(about))
        except RecursionError as error:
            raise CorruptModelError("the card is nested too deeply to print") from error
    _print(shown)


def _verify(arguments: argparse.Namespace) -> int:
    from ..verifying import verify  # here, so that the other commands start without it

    found = verify(arguments.model)
    if arguments.json:
        _print(json.dumps(found.to_dict(), indent=2))
    else:
        words = {True: "OK", False: "FAILED", None: "-"}
        for check in found.checks:
            _print(f"{words[check.ok]:6}  {check.name:16}  {command.printable(check.detail)}")
    return 0 if found.ok else 1


def _print(text: str) -> None:
    """Print at once, escaping what standard output's encoding lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _outline(value: dict[str, Any], indent: str = "") -> Iterable[str]:
    """Yield a nested dict as indented lines."""
    for name, item in value.items():
        key = command.printable(name)
        if isinstance(item, dict):
            yield f"{indent}{key}"
            yield from _outline(item, indent + "  ")
        else:
            shown = item if isinstance(item, str) and item.isprintable() else json.dumps(item)
            yield f"{indent}{key}: {shown}"
