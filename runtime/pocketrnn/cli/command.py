"""What the three commands share: one clear line for an error, and a fitting exit code."""

import os
import sys
from collections.abc import Callable

from ..errors import ConfigError, PocketRNNError


def run(name: str, body: Callable[[], int | None]) -> int:
    """Run a command's body; return its exit code.

    0 done, 1 an error, 2 wrong usage (as argparse's), 130 interrupted.
    """
    try:
        code = body() or 0
        print(end="", flush=True)
    except PocketRNNError as error:
        print(f"{name}: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except BrokenPipeError:  # the reader of our output has left (`| head`)
        _drop_output()
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{name}: {where}{error.strerror or error}", file=sys.stderr)
        _drop_output()
        return 1
    except MemoryError:
        print(f"{name}: out of memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return code


def _drop_output() -> None:
    """Let go of output that can't be written: Python would complain again at exit."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: str) -> str:
    """Escape what isn't printable: names in a model file could otherwise steer the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
