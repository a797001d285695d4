"""The command `pocketrnn info`: print a model's card."""

import argparse
import json
from collections.abc import Iterable
from typing import Any

from .. import modelfile
from ..errors import CorruptModelError
from ..loading import naming, read_bytes
from . import command


def add_to(commands: Any) -> None:
    parser = command.command(commands, "info", _info, "print a model's card")
    command.add_only_model(parser)
    command.add(parser, "--json", "print it as JSON")


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
    command.output(shown)


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
