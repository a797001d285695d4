"""The command `pocketrnn-export`: from a run folder to one ONNX file."""

import argparse
from collections.abc import Sequence
from functools import partial

from pocketrnn import __version__
from pocketrnn.cli import command
from pocketrnn.extras import require
from pocketrnn_train.run import open_run

from .exporting import export


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's) and return its exit code."""
    arguments = parser().parse_args(argv)
    return command.run("pocketrnn-export", lambda: _export(arguments))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = command.Parser(
        prog="pocketrnn-export",
        description="Export a trained model as the one ONNX file that `pocketrnn` serves.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketrnn {__version__}")
    parser.add_argument("run", metavar="RUN", help="folder that pocketrnn-train made")
    add = partial(command.add, parser)
    add("-o --output FILE", "ONNX file to write", required=True)
    add("--force", "replace FILE if it exists")
    add(
        "--threshold P",
        "probability over which the second of two labels is chosen, or, where a text may have "
        "several, each label: given once, or once for each by alphabet (default: the run's)",
        type=float,
        action="append",
    )
    add(
        "--graph",
        "whose graph the file holds (default: pocketrnn's own; tf2onnx's may have any layers, "
        "but is run only with --trusted)",
        choices=("pocketrnn", "tf2onnx"),
        default="pocketrnn",
    )
    return parser


def _export(arguments: argparse.Namespace) -> None:
    require("export", "tensorflow", "tf2onnx", "onnx")
    command.import_quietly("tensorflow", "TF_CPP_MIN_LOG_LEVEL", "3")
    given = arguments.threshold
    exported = export(
        open_run(arguments.run),
        arguments.output,
        threshold=given[0] if given and len(given) == 1 else given and tuple(given),
        graph=arguments.graph,
        force=arguments.force,
    )
    print(
        f"Keras, tf2onnx and pocketrnn on {exported.texts} texts: largest difference "
        f"{exported.difference:.1e}"
    )
    print(f"{arguments.output}: {len(exported.data):,} bytes")
