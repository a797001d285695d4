"""Write the reference of the commands, from their own help, to a page: `make docs`.

python docs/commands.py [build/commands.md]
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pocketrnn import cli
from pocketrnn_export import cli as export
from pocketrnn_train import cli as train
from pocketrnn_train.forecast import cli as forecast
from pocketrnn_train.generate import cli as generate


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parser of each command below `parser`, or itself if there is none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()
            return
    yield parser


def main() -> None:
    """Write the page."""
    os.environ["COLUMNS"] = "98"  # the width that argparse breaks lines at
    packages = (cli, train, generate, forecast, export)
    found = [each for package in packages for each in parsers(package.parser())]
    page = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1] / "build/commands.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [f"## {each.prog}\n\n```\n{each.format_help()}```\n" for each in found]
    page.write_text("# Commands\n\n" + "\n".join(parts), "utf-8")


if __name__ == "__main__":
    main()
