"""The command `pocketrnn verify`: check a model file on this machine."""

import argparse
import json
from typing import Any

from . import command


def add_to(commands: Any) -> None:
    parser = command.command(
        commands,
        "verify",
        _verify,
        "check that a model file is whole and scores on this machine as it should",
        epilog="exit codes: 0 no check failed; 1 one did, or the file can't be read",
    )
    command.add_only_model(parser)
    command.add(parser, "--json", "print it as JSON")
    command.add_trusted(parser)


def _verify(arguments: argparse.Namespace) -> int:
    from ..verifying import verify  # here, so that the other commands start without it

    found = verify(arguments.model, trusted=arguments.trusted)
    if arguments.json:
        command.output(json.dumps(found.to_dict(), indent=2))
    else:
        words = {True: "OK", False: "FAILED", None: "-"}
        for check in found.checks:
            detail = command.printable(command.in_options(check.detail))
            command.output(f"{words[check.ok]:6}  {check.name:16}  {detail}")
    return 0 if found.ok else 1
