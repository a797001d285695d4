"""Outputs that survive: a file that can be gone on with after any end, and standard output.

Beside an output `X` that isn't whole yet lies the folder `X.pocketrnn-run`:

| file          | what it holds                                                           |
|---------------|-------------------------------------------------------------------------|
| `run.json`    | what the run is of: inputs, model, options                              |
| `N.part`      | block number N of the output, with digests of it and of the rows it is of |
| `joined.json` | once the output is made of the parts: which file that is                |
| `lock`        | nothing; it is locked as long as a run goes on                          |

Each but the lock is written whole or not at all, under another name at first. So a part is there or
has to be made again, whatever happened, and in whatever order.
"""

import contextlib
import csv
import errno
import hashlib
import io
import json
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..errors import InputError, OutputError, PocketRNNError
from ..files import replacing, write_atomic
from ..streams import say, standard_output_bytes
from .block import Block
from .writing import Writer

FOLDER = ".pocketrnn-run"
ERRORS = ".errors.csv"
_ERRORS_HEADER = b"file,line,reason\n"
_OURS = re.compile(r"\d{9}\.part|run\.json|joined\.json|lock|\..+\.[0-9a-f]{12}(\..*)?")

_ORDER = {"run.json": 1, "joined.json": 2}

_log = logging.getLogger("pocketrnn")


class Part(NamedTuple):
    """A block of the output."""

    about: dict[str, Any]  # in JSON types
    rows: bytes
    errors: bytes  # the lines of the list of rows in error


class Output(Protocol):
    """Where the blocks of a run go."""

    errors_path: Path | None
    """The list of the rows in error, if there is one."""

    def part(self, block: Block) -> dict[str, Any] | None:
        """Return what an earlier run noted of a block, or None if it is to be done."""

    def add(self, block: Block, part: Part) -> None:
        """Write a block."""

    def finish(self, blocks: int, has_errors: bool, tally: Mapping[str, Any]) -> None:
        """Put the output in its place."""

    def close(self) -> None:
        """Let go of the output; what isn't finished stays to be gone on with."""


class StandardOutput:
    """Standard output; rows in error are listed on standard error."""

    errors_path = None

    def __init__(self, writer: Writer) -> None:
        """Raise OutputError if there is none."""
        self._writer = writer
        self._file = standard_output_bytes()
        self._begun = False

    def part(self, block: Block) -> None:
        return None

    def add(self, block: Block, part: Part) -> None:
        self._begin()
        self._file.write(part.rows)
        self._file.flush()
        if part.errors:
            say(part.errors.decode().rstrip("\n"))

    def finish(self, blocks: int, has_errors: bool, tally: Mapping[str, Any]) -> None:
        self._begin()
        self._file.flush()

    def close(self) -> None:
        pass

    def _begin(self) -> None:
        if not self._begun:
            self._file.write(self._writer.head())
            self._begun = True


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
        self.path = Path(os.path.realpath(path))
        self.errors_path = _beside(self.path, ERRORS)
        self.tally: dict[str, Any] | None = None
        """What an earlier run that put the output in its place told of it; then nothing is left."""
        self._writer = writer
        self._force = force
        # How rows in error are taken may change, as long as there were none.
        self._run = hashlib.sha256(_json({**run, "on error": None})).hexdigest()
        self._folder = Folder(_beside(self.path, FOLDER))
        self._refuse_other_kinds()
        with self._folder.locked(self.path), self._saying_resume():
            unfinished = self._folder.holds_a_run()
            if unfinished and not (resume or force):
                raise OutputError(
                    f"{self.path}: an unfinished run is there; go on with --resume, or start over "
                    "with --force"
                )
            if resume and unfinished:
                self.tally = self._joined()
                if self.tally is not None:
                    self._folder.remove()
                    return
                self._check(run)
            self._folder.clear(all_of_it=not (resume and unfinished))
            self._refuse_existing(resume and not unfinished, listed=not unfinished)
            self._folder.write("run.json", _json(run))

    def part(self, block: Block) -> dict[str, Any] | None:
        """Return what an earlier run noted of a block, or None if it is to be done.

        Raises InputError if the rows aren't those that it was made of.
        """
        found = self._read(block.number)
        if found is None:
            return None
        if found.about["input"] != block.digest():
            raise self._changed_input(block.place(0))
        return found.about

    def add(self, block: Block, part: Part) -> None:
        sizes = [len(part.rows), len(part.errors)]
        identity = [self._run, block.number]
        about = {**part.about, "input": block.digest(), "of": identity, "sizes": sizes}
        content = _json(about) + b"\n" + part.rows + part.errors
        digest = hashlib.sha256(content).hexdigest().encode()
        with self._saying_resume():
            self._folder.write(_name(block.number), digest + b"\n" + content)

    def finish(self, blocks: int, has_errors: bool, tally: Mapping[str, Any]) -> None:
        if self._folder.path.joinpath(_name(blocks)).exists():
            raise self._changed_input("its end")
        with self._saying_resume(), replacing(self.path, folder=self._folder.path) as temporary:
            with temporary.open("wb") as file:
                self._writer.join(file, (part.rows for part in self._parts(blocks)))
            self._refuse_existing(listed=False)
            if has_errors:
                with (
                    replacing(self.errors_path, folder=self._folder.path) as listed,
                    listed.open("wb") as file,
                ):
                    file.write(_ERRORS_HEADER)
                    file.writelines(part.errors for part in self._parts(blocks))
            else:
                self.errors_path.unlink(missing_ok=True)  # of the output that this one replaces
            # From here on, the output is complete if it is this file.
            note = {"output": _identity(temporary), "tally": tally, "run": self._run}
            self._folder.write("joined.json", _json(note))
        with self._saying_resume():
            self._folder.remove()

    def close(self) -> None:
        self._folder.close()

    def _parts(self, blocks: int) -> Iterator[Part]:
        for number in range(blocks):
            part = self._read(number)
            if part is None:
                raise OutputError(
                    f"{self._folder.path / _name(number)}: was damaged or removed while the run "
                    "was on; go on with --resume"
                )
            yield part

    def _read(self, number: int) -> Part | None:
        """Return a part of this run, or None if it isn't there or isn't as it was written."""
        try:
            data = self._folder.read(_name(number))
        except FileNotFoundError:
            return None
        digest, _, content = data.partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        head, _, content = content.partition(b"\n")
        about = json.loads(head)
        if about["of"] != [self._run, number]:
            return None
        size, errors = about["sizes"]
        return Part(about, content[:size], content[size : size + errors])

    def _check(self, run: Mapping[str, Any]) -> None:
        """Raise OutputError unless the unfinished run is one of the same."""
        earlier = self._load("run.json")
        changed = [key for key in run if run[key] != earlier.get(key)]
        if "on error" in changed and earlier.get("on error") == "fail":
            changed.remove("on error")
        if "inputs" in changed:
            changed[changed.index("inputs")] = _changed(run["inputs"], earlier.get("inputs"))
        if changed:
            raise OutputError(
                f"{self.path}: can't resume, as this changed: {', '.join(changed)}; undo that, or "
                "start over with --force"
            )

    def _joined(self) -> dict[str, Any] | None:
        """Return the tally of the run if its output is in its place already."""
        if not self._folder.path.joinpath("joined.json").exists():
            return None
        note = self._load("joined.json")
        # Where an output was there before, the new one may have been lost.
        if note.get("run") != self._run or not self.path.exists():
            return None
        tally: dict[str, Any] = note["tally"]
        return tally if _identity(self.path) == note["output"] else None

    def _load(self, name: str) -> dict[str, Any]:
        path = self._folder.path / name
        try:
            found = json.loads(self._folder.read(name))
        except (ValueError, FileNotFoundError, RecursionError) as error:
            raise OutputError(f"{path}: damaged or missing; start over with --force") from error
        if not isinstance(found, dict):
            raise OutputError(f"{path}: damaged; start over with --force")
        return found

    def _changed_input(self, where: str) -> InputError:
        return InputError(
            f"can't resume, as the input changed: {where} isn't what was scored; start over with "
            "--force"
        )

    def _refuse_other_kinds(self) -> None:
        if self.path.exists() and not self.path.is_file():
            raise OutputError(f"{self.path}: not a file that could be replaced")

    def _refuse_existing(self, nothing_to_resume: bool = False, *, listed: bool) -> None:
        """Raise OutputError for what may not be replaced; `listed`: the list of errors too."""
        self._refuse_other_kinds()
        if self.path.exists() and not self._force:
            hint = "it is whole, with nothing to resume; " if nothing_to_resume else ""
            raise OutputError(f"{self.path}: exists already; {hint}replace it with --force")
        if not os.path.lexists(self.errors_path):
            return
        # A file of this name that no run wrote isn't ours to replace.
        ours = stat.S_ISREG(self.errors_path.lstat().st_mode)
        if ours:
            with self.errors_path.open("rb") as file:
                ours = file.read(len(_ERRORS_HEADER)) == _ERRORS_HEADER
        if not ours:
            raise OutputError(
                f"{self.errors_path}: would be replaced, but no run wrote it; move it away"
            )
        if listed and not self._force:
            raise OutputError(f"{self.errors_path}: exists already; replace it with --force")

    @contextlib.contextmanager
    def _saying_resume(self) -> Iterator[None]:
        """Name what failed and what to do about it."""
        try:
            yield
        except OSError as error:
            shown = f"can't write {error.filename or self.path}: {error.strerror or error}"
            raise OutputError(f"{shown}; {_KEPT}") from error
        except OutputError as error:
            if isinstance(error.__cause__, OSError) and _KEPT not in str(error):
                raise OutputError(f"{error}; {_KEPT}") from error
            raise


_KEPT = "what is written is kept: put that right, then go on with --resume"


class Folder:
    """The folder of a run: made by it, locked as long as it goes on, and removed by it."""

    def __init__(self, path: Path) -> None:
        """Take the name of a folder that need not be there yet."""
        self.path = path
        self._lock: int | None = None

    @contextlib.contextmanager
    def locked(self, output: Path) -> Iterator[None]:
        """Make the folder and lock it, until `close`, or an error in the body.

        Raises OutputError if it isn't a run's, or if another process has locked it.
        """
        try:
            self._take(output)
        except OSError as error:
            self.close()
            raise OutputError(
                f"can't write {error.filename or output}: {error.strerror or error}"
            ) from error
        try:
            yield
        except BaseException:
            self.close()
            raise

    def holds_a_run(self) -> bool:
        """Say whether a run began here."""
        return any(not name.startswith((".", "lock")) for name in self._names())

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all."""
        write_atomic(self.path / name, data)

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return (self.path / name).read_bytes()

    def clear(self, *, all_of_it: bool = True) -> None:
        """Remove what a run left here, or only what it had not written whole."""
        # In an order in which a run that is killed meanwhile is gone on with: parts without a
        # `run.json` would be damage, and `joined.json` says that no more is to be done.
        for name in sorted(self._names(), key=lambda name: (_ORDER.get(name, 0), name)):
            if name != "lock" and (all_of_it or name.startswith(".")):
                self.path.joinpath(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder."""
        self.clear()
        self.close()

    def close(self) -> None:
        """Let others have the lock; remove the folder if there is nothing to go on with."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError, PocketRNNError):
            if not any(name.endswith((".part", "joined.json")) for name in self._names()):
                self.clear()
                if os.name == "nt":  # which removes no open file
                    self._unlock()
                self.path.joinpath("lock").unlink()
                self.path.rmdir()
        self._unlock()

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _names(self) -> list[str]:
        names = os.listdir(self.path)  # noqa: PTH208 (names are what is asked for)
        for name in names:
            if not _OURS.fullmatch(name):
                raise OutputError(
                    f"{self.path / name}: no run wrote this; move it, or the folder, away"
                )
        return names

    def _take(self, output: Path) -> None:
        """Make the folder, and lock it for this process."""
        for _ in range(1000):  # as often as another run ends between two steps
            with contextlib.suppress(FileExistsError):
                self.path.mkdir(0o700)
            try:
                if not stat.S_ISDIR(self.path.lstat().st_mode):
                    raise OutputError(f"{self.path}: no run made this; move it away")
                self._names()
                lock = os.open(
                    self.path / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600
                )
            except FileNotFoundError:
                continue
            try:
                _lock(lock)
                # A run that ended in between removed what we locked: then others lock another one.
                if os.path.samestat(os.fstat(lock), (self.path / "lock").stat()):
                    self._lock = lock
                    return
            except BlockingIOError as error:
                os.close(lock)
                raise OutputError(f"{output}: another process is writing this output") from error
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
        raise OutputError(f"{output}: other processes write this output")


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
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        _log.warning(
            "this file system has no locks: see to it that no other run writes the same output"
        )


def output_paths(path: str | os.PathLike[str]) -> tuple[list[Path], Path]:
    """Return the files that a run with this output writes, and its folder."""
    whole = Path(os.path.realpath(path))
    return [whole, _beside(whole, ERRORS)], _beside(whole, FOLDER)


def error_lines(block: Block) -> bytes:
    """Return a CSV line for each row in error: file, line, reason."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [block.files[i], block.lines[i], reason] for i, reason in block.problems.items()
    )
    return text.getvalue().encode("utf-8", "replace")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _name(number: int) -> str:
    return f"{number:09}.part"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _identity(path: Path) -> list[int]:
    """Return what tells a file from all others; a rename changes none of it."""
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _changed(now: list[Any], earlier: Any) -> str:
    """Say which input isn't what it was."""
    for one, other in zip(now, earlier if isinstance(earlier, list) else [], strict=False):
        if one != other:
            return f"input {one[0]}" if one else "an input"
    return "the list of inputs"
