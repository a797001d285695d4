"""What the three commands share: one clear line for an error, and a fitting exit code."""

import os
import sys
from collections.abc import Callable

from .errors import PocketRNNError


def run(name: str, body: Callable[[], int | None]) -> int:
    """Run a command's body; return its exit code: 0 done, 1 an error, 130 interrupted."""
    try:
        code = body() or 0
        sys.stdout.flush()
    except PocketRNNError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output has left (`| head`). Python would complain again when it
        # flushes standard output at exit, so give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{name}: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return code
