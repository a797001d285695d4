"""The command `pocketrnn-export`: from a run folder to one ONNX file."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from pocketrnn import __version__
from pocketrnn.cli import command
from pocketrnn_train import Run

from .exporting import export


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's) and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="pocketrnn-export",
        description="Export a trained model as the one ONNX file that `pocketrnn` serves.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pocketrnn {__version__}")
    parser.add_argument("run", metavar="RUN", help="folder that pocketrnn-train made")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="ONNX file to write")
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="probability over which the second of two labels is chosen (default: the run's)",
    )
    parser.add_argument(
        "--weights",
        choices=("float32", "int16", "float16", "int8"),
        default="int16",
        help="how the word table is stored (default: int16, half the size of float32)",
    )
    arguments = parser.parse_args(argv)
    return command.run("pocketrnn-export", lambda: _export(arguments))


def _export(arguments: argparse.Namespace) -> None:
    # TensorFlow's start-up notes would drown the two lines that matter.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    run = Run(Path(arguments.run))
    exported = export(
        run,
        arguments.output,
        threshold=arguments.threshold,
        weights=arguments.weights,
        force=arguments.force,
    )
    print(
        f"Keras and onnxruntime on {exported.texts} texts: largest difference "
        f"{exported.difference:.1e}"
    )
    if arguments.weights != "float32":
        print(f"weights stored as {arguments.weights}: largest difference {exported.rounding:.1e}")
    if exported.loops:
        print(
            f"{exported.loops} recurrent layer(s) kept as tf2onnx converts them: scoring takes "
            "several times as long as with a layer that pocketrnn rewrites"
        )
    if exported.step == run.config.task.text.maxlen:
        print(
            f"padding can't be skipped in this network: every text takes all {exported.step} steps"
        )
    print(f"wrote {arguments.output} ({len(exported.data) / 1e6:.2f} MB)")
