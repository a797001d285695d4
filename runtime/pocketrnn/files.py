"""Write files that are either whole or not there."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from .errors import ConfigError, OutputError
from .streams import standard_input


def refuse_existing(path: str | os.PathLike[str], *, force: bool) -> None:
    """Raise OutputError for a file to write that exists, unless `force` is to replace it.

    What is no file, as a device or a folder, is never replaced.
    """
    if not Path(path).exists():
        return
    if not Path(path).is_file():
        raise OutputError(f"{os.fspath(path)}: not a file that could be replaced")
    if not force:
        raise OutputError(f"{os.fspath(path)}: exists already; replace it with force=True")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, folder: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path; on success flush it to disk and rename it to `path`.

    It lies beside `path`, or in a `folder` of the same file system. The rename is atomic (POSIX
    rename, Windows MoveFileEx), so a reader or a power cut sees the old file or the new one, never
    a part. A file that is replaced hands on its rights and, if we may, its owner. Raises
    OutputError where the disk refuses.
    """
    target = Path(path)
    # The same suffix, as some writers choose a format by it.
    # In a folder of its own the name is short: the output's may be as long as names can be.
    stem = "new" if folder else target.stem
    name = f".{stem}.{secrets.token_hex(6)}{target.suffix}"
    temporary = (folder or target.parent) / name
    try:
        old = target.stat() if target.is_file() else None
        # Exclusively, so that no other file and no link is written to.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if old else 0o666)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"can't write {target}: {error.strerror}") from error
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if old and os.name == "posix":
            with contextlib.suppress(PermissionError):
                os.chown(temporary, old.st_uid, old.st_gid)
            temporary.chmod(stat.S_IMODE(old.st_mode))
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise OutputError(f"can't write {target}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write `data` to `path`, whole or not at all.

    Text is written as UTF-8, with `?` for lone surrogates, and newlines as they are.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode("utf-8", "replace") if isinstance(data, str) else data)


def refuse(path: Path, kept: Iterable[object], what: str) -> None:
    """Raise ConfigError if the file to write is one of those `kept`, by whatever name.

    Of these, `-` is standard input; what is no path is passed over.
    """
    for name in kept:
        try:
            if name == "-":
                same = os.path.samestat(os.fstat(standard_input().fileno()), path.stat())
            else:
                same = isinstance(name, str | os.PathLike) and path.samefile(name)
        except (OSError, ValueError):  # there is no such file, or standard input is none
            continue
        if same:
            raise ConfigError(f"{path}: is the {what}; choose another output")


def sync_folder(folder: Path) -> None:
    """Flush the names of new and renamed files to disk, where the system can."""
    if os.name == "nt":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that can be written but not read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(handle)
