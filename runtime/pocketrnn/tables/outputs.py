"""Outputs that survive: a file that can be gone on with after any end, and standard output.

Beside an output `X` that isn't whole yet lies the folder `X.pocketrnn-run`:

| file          | what it holds                                                          |
|---------------|------------------------------------------------------------------------|
| `run.json`    | what the run is of: inputs, model, options; without it there is no run |
| `N.part`      | block N of the output, with digests of it and of the rows it is of     |
| `lock`        | nothing; it is locked as long as a run goes on                         |

Each but the lock is written whole or not at all, under another name at first. So a part is there or
has to be made again, whatever happened, and in whatever order.
"""

import contextlib
import csv
import errno
import filecmp
import hashlib
import io
import json
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError, OutputError, PocketRNNError
from ..files import refuse_existing, replacing, write_atomic
from ..streams import say, standard_output_bytes
from .block import Block
from .writing import Writer

_FOLDER = ".pocketrnn-run"
_LIST = ".errors.csv"
_LIST_HEADER = b"file,line,reason\n"
# All names that a run gives: its own, and those of files that aren't whole yet.
_NAMES = re.compile(r"\d{9}\.part|run\.json|lock|\..+\.[0-9a-f]{12}(\..*)?")
_KEPT = "what is written is kept: put that right, then go on with resume=True"

_log = logging.getLogger("pocketrnn")


class Part(NamedTuple):
    about: dict[str, Any]  # in JSON types
    rows: bytes
    errors: bytes  # the lines of the list of rows in error


class StandardOutput:
    """Standard output; rows in error are listed on standard error."""

    errors_path = None

    def __init__(self, writer: Writer) -> None:
        self._head, self._file = writer.head(), standard_output_bytes()

    def part(self, block: Block) -> None:
        """Return None: nothing was done before."""

    def add(self, block: Block, part: Part) -> None:
        self._write(part.rows)
        if part.errors:
            say(part.errors.decode().rstrip("\n"))

    def finish(self, blocks: int, errors: int) -> None:
        self._write(b"")

    def close(self) -> None:
        """Leave standard output as it is."""

    def _write(self, data: bytes) -> None:
        self._file.write(self._head + data)
        self._file.flush()
        self._head = b""


class FileOutput:
    """A file that appears under its name when it is whole."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        run: Mapping[str, Any],
        writer: Writer,
        *,
        resume: bool,
        force: bool,
    ) -> None:
        """Start the output of `run`, or go on with it.

        `run` tells what the output depends on, in JSON types. Raises OutputError if an output or
        an unfinished run is in the way, or if another process writes this output.
        """
        self.path, self.errors_path, folder = paths(path)
        self._writer = writer
        self._force = force
        # How rows in error are taken may change, as long as there were none.
        self._run = hashlib.sha256(_json({**run, "on error": None})).hexdigest()
        with _saying_what_to_do(self.path), contextlib.ExitStack() as refused:
            if not self.path.parent.is_dir():
                raise OutputError(f"can't write {self.path}: no such folder")
            refuse_existing(self.path, force=True)
            self._folder = Folder(folder, self.path)
            refused.callback(self.close)
            unfinished = "run.json" in self._folder.names()
            if unfinished and not (resume or force):
                raise OutputError(
                    f"{self.path}: an unfinished run is there; go on with resume=True, or start "
                    "over with force=True"
                )
            resume = resume and unfinished
            if resume:
                self._refuse_change(run)
            self._folder.clear(all_of_it=not resume)
            if not resume:
                self._refuse_output()
            refuse_list(self.errors_path, _LIST_HEADER, force=self._force or resume)
            write_atomic(self._folder.path / "run.json", _json(run))
            refused.pop_all()

    def part(self, block: Block) -> dict[str, Any] | None:
        """Return what an earlier run noted of a block, or None if it is to be done.

        Raises InputError if the rows aren't those that it was made of.
        """
        with _saying_what_to_do(self.path, "read"):
            found = self._read(block.number)
            if found is None:
                self._refuse_output()
                return None
        if found.about["input"] != block.digest():
            raise _changed_input(block.place(0))
        return found.about

    def add(self, block: Block, part: Part) -> None:
        about = {
            **part.about,
            "input": block.digest(),
            "of": [self._run, block.number],
            "sizes": [len(part.rows), len(part.errors)],
        }
        content = _json(about) + b"\n" + part.rows + part.errors
        digest = hashlib.sha256(content).hexdigest().encode()
        with _saying_what_to_do(self.path):
            part_path = self._folder.path / _name(block.number)
            write_atomic(part_path, digest + b"\n" + content)

    def finish(self, blocks: int, errors: int) -> None:
        """Put the output in its place, and the list of its `errors`."""
        folder = self._folder.path
        with _saying_what_to_do(self.path):
            if folder.joinpath(_name(blocks)).exists():
                raise _changed_input("its end")
            with replacing(self.path, folder=folder) as temporary:
                with temporary.open("wb") as file:
                    self._writer.join(file, (part.rows for part in self._parts(blocks)))
                self._refuse_output(temporary)
                if errors:
                    with (
                        replacing(self.errors_path, folder=folder) as listed,
                        listed.open("wb") as file,
                    ):
                        file.write(_LIST_HEADER)
                        file.writelines(part.errors for part in self._parts(blocks))
                else:
                    self.errors_path.unlink(missing_ok=True)  # of the output that was there
            self._folder.clear(all_of_it=True)

    def close(self) -> None:
        """Let go of the output; what isn't finished stays to be gone on with."""
        self._folder.close()

    def _parts(self, blocks: int) -> Iterator[Part]:
        for number in range(blocks):
            part = self._read(number)
            if part is None:
                raise OutputError(
                    f"{self._folder.path / _name(number)}: was damaged or removed while the run "
                    "was on; go on with resume=True"
                )
            yield part

    def _read(self, number: int) -> Part | None:
        """Return a part of this run, or None if it isn't there or isn't as it was written."""
        try:
            data = self._folder.path.joinpath(_name(number)).read_bytes()
        except FileNotFoundError:
            return None
        digest, _, content = data.partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        head, _, content = content.partition(b"\n")
        about = json.loads(head)
        size, _ = about["sizes"]
        is_ours = about["of"] == [self._run, number]
        return Part(about, content[:size], content[size:]) if is_ours else None

    def _refuse_change(self, run: Mapping[str, Any]) -> None:
        """Raise OutputError unless the unfinished run is one of the same."""
        path = self._folder.path / "run.json"
        try:
            earlier = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            earlier = None
        if not isinstance(earlier, dict):
            raise OutputError(f"{path}: damaged; start over with force=True")
        changed = [key for key in run if run[key] != earlier.get(key)]
        if "on error" in changed and earlier.get("on error") == "fail":
            changed.remove("on error")
        if "inputs" in changed:
            before = earlier.get("inputs")
            pairs = zip(run["inputs"], before if isinstance(before, list) else [], strict=False)
            names = [one[0] for one, other in pairs if one and one != other]
            changed[changed.index("inputs")] = f"input {names[0]}" if names else "the inputs"
        if changed:
            raise OutputError(
                f"{self.path}: can't resume, as this changed: {', '.join(changed)}; undo that, or "
                "start over with force=True"
            )

    def _refuse_output(self, new: Path | None = None) -> None:
        """Raise OutputError for an output that may not be replaced.

        One that is equal to the `new` one may: this run wrote it, and was killed right after.
        """
        may = self._force or (new and self.path.exists() and filecmp.cmp(new, self.path, False))
        refuse_existing(self.path, force=bool(may))


class Folder:
    """The folder of a run: made by it, locked as long as it goes on, and removed by it."""

    def __init__(self, path: Path, output: Path) -> None:
        """Make the folder and lock it, until `close`.

        Raises OutputError if it isn't a run's, or if another process has locked it.
        """
        self.path = path
        self._lock: int | None = None
        try:
            for _ in range(1000):  # as often as another run ends between two steps
                if self._take():
                    return
        except BlockingIOError:
            pass
        except OSError as error:
            raise OutputError(f"can't write {error.filename or path}: {error.strerror}") from error
        raise OutputError(f"{output}: another process is writing this output")

    def clear(self, *, all_of_it: bool) -> None:
        """Remove what runs left here, or only what they had not written whole."""
        # `run.json` first: a run that is killed from then on is finished.
        for name in sorted(self.names(), key=lambda name: (name != "run.json", name)):
            if name != "lock" and (all_of_it or name.startswith(".")):
                self.path.joinpath(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let others have the lock; remove the folder if there is nothing to go on with."""
        if self._lock is None:
            return
        try:
            if not any(name.endswith(".part") for name in self.names()):
                self.clear(all_of_it=True)
                if os.name == "nt":  # which removes no open file
                    self._unlock()
                self.path.joinpath("lock").unlink()
                self.path.rmdir()
        except (OSError, PocketRNNError):
            pass  # it can be removed by hand, or by the next run
        finally:
            self._unlock()

    def names(self) -> list[str]:
        if not stat.S_ISDIR(self.path.lstat().st_mode):
            raise OutputError(f"{self.path}: no run made this; move it away")
        names = os.listdir(self.path)  # noqa: PTH208 (names are what is asked for)
        for name in names:
            if not _NAMES.fullmatch(name):
                raise OutputError(f"{self.path / name}: no run wrote this; move it away")
        return names

    def _take(self) -> bool:
        """Make the folder and lock it; False if another run ended meanwhile and removed it."""
        with contextlib.suppress(FileExistsError):
            self.path.mkdir(0o700)
        try:
            self.names()
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._lock = os.open(self.path / "lock", flags, 0o600)
            _lock(self._lock)
            # What we locked may have been removed: then others lock another file.
            if os.path.samestat(os.fstat(self._lock), (self.path / "lock").stat()):
                return True
        except FileNotFoundError:
            pass
        except BaseException:
            self._unlock()
            raise
        self._unlock()
        return False

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            with contextlib.suppress(OSError):
                os.close(lock)


def _lock(handle: int) -> None:
    """Lock a file until it is closed or we die; BlockingIOError if another process has it."""
    try:
        if os.name == "nt":
            import msvcrt

            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            except PermissionError as error:
                raise BlockingIOError from error
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        _log.warning(
            "this file system has no locks: see to it that no other run writes the same output"
        )


def paths(output: str | os.PathLike[str]) -> tuple[Path, Path, Path]:
    """Return what a run with this output writes: the output, the list of errors, the folder."""
    whole = Path(os.path.realpath(output))
    return whole, whole.with_name(whole.name + _LIST), whole.with_name(whole.name + _FOLDER)


def refuse_list(path: Path, header: bytes, *, force: bool) -> None:
    """Raise OutputError for a list of errors, which begins with `header`, not to be replaced."""
    if not os.path.lexists(path):
        return
    # A file of this name that no run wrote isn't ours to replace.
    is_ours = stat.S_ISREG(path.lstat().st_mode)
    if is_ours:
        with path.open("rb") as file:
            is_ours = file.read(len(header)) == header
    if not is_ours:
        raise OutputError(f"{path}: no run wrote this; move it away")
    refuse_existing(path, force=force)


def error_lines(block: Block) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [block.files[i], block.lines[i], reason] for i, reason in block.problems.items()
    )
    return text.getvalue().encode("utf-8", "replace")


@contextlib.contextmanager
def _saying_what_to_do(path: Path, act: str = "write") -> Iterator[None]:
    """Name the file that can't be written or read, and say how to go on."""
    try:
        yield
    except OSError as error:
        shown = f"can't {act} {error.filename or path}: {error.strerror or error}"
        raise OutputError(f"{shown}; {_KEPT}") from error
    except OutputError as error:
        if isinstance(error.__cause__, OSError):
            raise OutputError(f"{error}; {_KEPT}") from error
        raise


def _changed_input(where: str) -> InputError:
    return InputError(
        f"can't resume, as the input changed: {where} isn't what was scored; start over with "
        "force=True"
    )


def _name(number: int) -> str:
    return f"{number:09}.part"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
