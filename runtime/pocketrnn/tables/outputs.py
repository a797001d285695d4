"""Outputs that survive: a file that can be continued after any end, and standard output.

Beside an output `X` that isn't whole yet lie

| file                | what it holds                                                        |
|---------------------|----------------------------------------------------------------------|
| `X.partial`         | the blocks written so far                                            |
| `X.partial.errors`  | the rows in error so far, as `X.errors.csv` will list them           |
| `X.partial.journal` | what the run is of, then a line a block: how long both files were    |
| `X.partial.whole`   | the output, growing, if it isn't what is in `X.partial` (Parquet)    |

A block is first written and flushed to disk, then its line is. So whatever lies in the files
past the lengths of the last whole line is what one block began, and is cut off on resuming.
`X.partial.whole` follows without being flushed, and is made anew of `X.partial` on resuming.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ..errors import OutputError

State = dict[str, Any]
"""What a run needs to go on: plain JSON types."""


class Whole(Protocol):
    """An output that is made of what is appended, and grows with it."""

    def add(self, encoded: BinaryIO) -> None:
        """Go on with all blocks that can be read from `encoded`."""

    def finish(self) -> None:
        """Write what an output ends with."""

    def close(self) -> None:
        """Let go of what isn't finished."""


class Output(Protocol):
    """Where blocks are appended to."""

    state: State | None
    """What was appended last, by an unfinished run or this one; None for a new run."""
    complete: bool
    """Whether an earlier run already put the output in its place."""

    def append(self, rows: bytes, errors: bytes, state: State) -> None:
        """Append a block, and lines for its rows in error; `state` is to go on after it."""

    def finish(self) -> None:
        """Put the output in its place."""

    def close(self) -> None:
        """Let go of the files; what isn't finished stays to be resumed."""


class StandardOutput:
    """Standard output; rows in error are listed on standard error."""

    state: State | None = None
    complete = False

    def append(self, rows: bytes, errors: bytes, state: State) -> None:
        sys.stdout.buffer.write(rows)
        sys.stdout.buffer.flush()
        sys.stderr.write(errors.decode())

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


class FileOutput:
    """A file that appears under its name when it is whole."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        run: Mapping[str, Any],
        *,
        resume: bool,
        force: bool,
        check: Callable[[Mapping[str, Any]], None],
        whole: Callable[[BinaryIO], Whole] | None = None,
    ) -> None:
        """Start the output of `run`, or go on with it.

        `run` tells what the output depends on, in JSON types; `check` gets that of the
        unfinished run and raises what speaks against going on with it. `whole` starts the
        output in a file, where it isn't what is appended. Raises OutputError if an output or an
        unfinished run is in the way.
        """
        self._path = Path(os.path.realpath(path))
        self._partial = _beside(self._path, ".partial")
        self._errors_partial = _beside(self._path, ".partial.errors")
        self._journal_path = _beside(self._path, ".partial.journal")
        self._whole_path = _beside(self._path, ".partial.whole")
        self.errors_path = _beside(self._path, ".errors.csv")
        self.state: State | None = None
        self.complete = False
        self._force = force
        self._open: list[BinaryIO] = []
        self._whole: Whole | None = None
        unfinished = self._journal_path.exists()
        # A run that was killed in its last steps has an output and a journal.
        if not (resume and unfinished):
            self._refuse_existing("it is whole, with nothing to resume; " if resume else "")
            if unfinished and not force:
                raise OutputError(
                    f"{self._path}: an unfinished run is there; go on with --resume, or start over "
                    "with --force"
                )
        with self._writing():
            try:
                self._journal = self._opened(self._journal_path)
                _lock(self._journal, self._path)
                if resume:
                    self._read_journal(check)
                if self.complete:
                    self._tidy()
                    return
                if not self._force:
                    self._refuse_existing()
                if self.state is None:
                    self._journal.truncate(0)
                self._file = self._opened(self._partial)
                self._errors = self._opened(self._errors_partial)
                state: State = self.state or {}
                _cut(self._file, state.get("bytes", 0), self._partial)
                _cut(self._errors, state.get("error_bytes", 0), self._errors_partial)
                self._note(run)
                if whole is not None:
                    self._grow(whole)
                _sync_folder(self._path.parent)
            except BaseException:
                self.close()
                raise

    def append(self, rows: bytes, errors: bytes, state: State) -> None:
        for file, path, data in (
            (self._file, self._partial, rows),
            (self._errors, self._errors_partial, errors),
        ):
            if data:
                with self._writing(path):
                    file.write(data)
                    _flush(file)
        self.state = {
            **state,
            "bytes": self._file.tell(),
            "error_bytes": self._errors.tell(),
        }
        self._note(self.state)
        if self._whole is not None:
            with self._writing(self._whole_path):
                self._whole.add(io.BytesIO(rows))

    def finish(self) -> None:
        with self._writing():
            done, path = self._file, self._partial
            if self._whole is not None:
                done, path = self._whole_file, self._whole_path
                with self._writing(path):
                    self._whole.finish()
                    _flush(done)
            if not self._force:
                self._refuse_existing()
            self._whole = None
            # From here on the output is complete once `path` is gone: it is now the output.
            self._note({"complete": path.name})
            for file in (done, self._file, self._errors):
                file.close()
            path.replace(self._path)
            self._tidy()

    def close(self) -> None:
        if self._whole is not None:
            for let_go in (self._whole.close, self._whole_file.close, self._whole_path.unlink):
                with contextlib.suppress(OSError, OutputError):
                    let_go()
        if not self.complete and self.state is not None and not self.state["blocks"]:
            # Nothing was scored yet, so there is nothing to go on with.
            self._remove_partial()
        for file in self._open:
            with contextlib.suppress(OSError):  # what a full disk didn't take is flushed again
                file.close()

    def _refuse_existing(self, hint: str = "") -> None:
        if self._path.exists() and not self._path.is_file():
            raise OutputError(f"{self._path}: not a file that could be replaced")
        if self._path.exists() and not self._force:
            raise OutputError(f"{self._path}: exists already; {hint}replace it with --force")

    def _opened(self, path: Path) -> BinaryIO:
        """Open a file to read and write, making it if it isn't there."""
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | _O_BINARY, 0o666), "rb+")
        self._open.append(file)
        return file

    def _grow(self, whole: Callable[[BinaryIO], Whole]) -> None:
        """Start the output, with what `X.partial` holds, anew: what lay there may be anything."""
        self._whole_file = self._opened(self._whole_path)
        with self._writing(self._whole_path):
            self._whole_file.truncate(0)
            self._whole = whole(self._whole_file)
            self._file.seek(0)
            self._whole.add(self._file)
            self._file.seek(0, os.SEEK_END)

    def _read_journal(self, check: Callable[[Mapping[str, Any]], None]) -> None:
        """Find the last state, and cut off the line that a power cut left half."""
        size, run, last, complete = 0, None, None, None
        for line in self._journal:
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if not isinstance(entry, dict) or not line.endswith(b"\n"):
                break
            size += len(line)
            complete = entry.get("complete")
            if complete:
                continue
            if "bytes" in entry:
                last = entry
            else:
                run = entry
        # Unless the output is in its place, putting it there is to be done again: what was to be
        # renamed may as well be missing because it was lost.
        self.complete = (
            complete is not None
            and self._path.exists()
            and not self._path.with_name(complete).exists()
        )
        if run is not None and last is not None:
            if not self.complete:
                check(run)
            self.state = last
        self._journal.truncate(size)
        self._journal.seek(size)

    def _note(self, entry: Mapping[str, Any]) -> None:
        """Append a line to the journal."""
        with self._writing(self._journal_path):
            self._journal.write(json.dumps(entry).encode() + b"\n")
            _flush(self._journal)

    def _tidy(self) -> None:
        """Finish what is left to do once the output is in its place; may be done again."""
        self.complete = True
        _sync_folder(self._path.parent)
        if not (self.state and self.state["error_bytes"]):
            self.errors_path.unlink(missing_ok=True)  # of the output that this one replaces
        elif self._errors_partial.exists():
            self._errors_partial.replace(self.errors_path)
        self._remove_partial()

    def _remove_partial(self) -> None:
        if os.name == "nt":  # which removes no open file; elsewhere the lock is held to the end
            for file in self._open:
                file.close()
        # The journal last: as long as it is there, a resumed run comes here again.
        for path in (self._partial, self._errors_partial, self._whole_path, self._journal_path):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self, path: Path | None = None) -> Iterator[None]:
        """Name `path` where an error doesn't: opening a file names it, writing to it doesn't."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"can't write {error.filename or path or self._partial}: "
                f"{error.strerror or error}; what is written is kept: put that right, then go on "
                "with --resume"
            ) from error


_O_BINARY = getattr(os, "O_BINARY", 0)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _flush(file: BinaryIO) -> None:
    """Flush `file` to disk."""
    file.flush()
    os.fsync(file.fileno())


def _cut(file: BinaryIO, size: int, path: Path) -> None:
    """Cut `file` to `size` bytes, to write on from there."""
    if file.seek(0, os.SEEK_END) < size:
        raise OutputError(f"{path}: shorter than its journal says; start over with --force")
    file.truncate(size)
    file.seek(size)


def _lock(file: BinaryIO, path: Path) -> None:
    """Hold `file` until it is closed or we die; OutputError if another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: two runs of one output aren't told from each other
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(f"{path}: another process is writing this output") from error


def _sync_folder(folder: Path) -> None:
    """Flush the names of new and renamed files to disk."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
