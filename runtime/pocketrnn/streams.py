"""The standard streams, which may be missing (a windowed app) or closed (`>&-`)."""

import contextlib
import sys
from typing import BinaryIO, TextIO

from .errors import InputError, OutputError


def standard_input() -> BinaryIO:
    """Return standard input for bytes. Raises InputError if there is none."""
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("standard input is closed")
    if not hasattr(sys.stdin, "buffer"):
        raise InputError("standard input was replaced by a stream that holds no bytes")
    return sys.stdin.buffer


def standard_output() -> TextIO:
    """Return standard output. Raises OutputError if there is none."""
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("standard output is closed")
    return sys.stdout


def standard_output_bytes() -> BinaryIO:
    """Return standard output for bytes. Raises OutputError if there is none."""
    stream = standard_output()
    if not hasattr(stream, "buffer"):
        raise OutputError("standard output was replaced by a stream that takes no bytes")
    return stream.buffer


def say(line: str) -> None:
    """Print a line on standard error; without one, what is said is lost and nothing else."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # a full disk; closed
            print(line, file=sys.stderr, flush=True)


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a standard stream is there and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()
