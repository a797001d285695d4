"""Write files that are either whole or not there."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from .errors import OutputError


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it there.

    The rename is atomic (POSIX rename, Windows MoveFileEx), so a reader or a power cut sees
    the old file or the new one, never a part. Raises OutputError where the disk refuses.
    """
    target = Path(path)
    # Same folder, so same file system; same suffix, as some writers choose a format by it.
    writer = f"{os.getpid()}-{threading.get_ident()}"
    temporary = target.parent / f".{target.stem}.{writer}{target.suffix}"
    try:
        temporary.touch()
    except OSError as error:
        raise OutputError(f"can't write {target}: {error.strerror}") from error
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"can't write {target}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write `data` (text as UTF-8, newlines as they are) to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)
