"""All inputs of a run as one: checked before the first row, and again when each is opened."""

import dataclasses
import glob
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InputError
from ..files import refuse
from . import formats
from .block import Block
from .folder import text_files
from .reading import STDIN, Reader, ReadOptions, find_text_column, warn_of_header

PathLike = str | os.PathLike[str]

_log = logging.getLogger("pocketrnn")


class Inputs:
    """Files, folders, patterns or standard input, read one after another."""

    def __init__(
        self,
        inputs: PathLike | Sequence[PathLike],
        given: str | None,
        column: str | None,
        options: ReadOptions,
        find: Callable[[Reader, str | None], str] = find_text_column,
    ) -> None:
        """Open the first of `inputs`, and look into the others; `find` the column of texts.

        Raises InputError or ConfigError for what can't be read together.
        """
        # An open file would be gone through line by line; as a path it is refused.
        is_one = isinstance(inputs, str | os.PathLike) or hasattr(inputs, "read")
        paths: Any = [inputs] if is_one else inputs
        self.names = expanded(paths)
        kinds = {name: formats.input_format(name, given) for name in self.names}
        self.format = kinds[self.names[0]]
        for name, other in kinds.items():
            if other != self.format:
                raise InputError(
                    f"{name} is {other}, {self.names[0]} {self.format}; give inputs of one format"
                )
        if len(self.names) > 1 and STDIN in self.names:
            raise ConfigError("standard input can't be one of several inputs")
        if len(self.names) > 1 and self.format == "text" and given is None:
            _log.warning("a line of these files is a row; for a row a file, name their folder")
        self._options = options
        self._identities = {name: _identity(name) for name in self.names}
        self.reader = self._open(self.names[0])
        try:
            warn_of_header(self.reader)
            self.text_column = find(self.reader, column)
            totals = [self.reader.total]
            for name in self.names[1:]:
                # What can't be opened twice is looked into when its turn comes.
                if self._identities[name] is None:
                    totals.append(None)
                    continue
                with closing(self._open(name)) as reader:
                    self._check_alike(reader)
                    totals.append(reader.total)
        except BaseException:
            self.close()
            raise
        known = [total for total in totals if total is not None]
        self.total = sum(known) if len(known) == len(totals) else None

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of one input after another, numbered."""
        before, numbers = 0, count()
        for name in self.names:
            reader = self.reader if name is self.names[0] else self._open(name)
            with closing(reader):
                if _identity(name) != self._identities[name]:
                    raise InputError(f"{name}: changed while the run was on; start over")
                self._check_alike(reader)
                for block in reader.blocks(self.text_column):
                    block.position += before
                    block.number = next(numbers)
                    yield block
                    del block  # not to be held while the next one is read
            before += reader.total or 0

    def identity(self) -> dict[str, Any]:
        """Return what tells whether the same is read, in JSON types, by the names for messages.

        Of an input: its path, size and time of change.
        """
        return {
            "inputs": [self._identities[name] for name in self.names],
            "format": self.format,
            "text column": self.text_column,
            **dataclasses.asdict(self._options),
        }

    def refuse(self, output: Path, errors: Path, folder: Path) -> None:
        """Raise ConfigError where an input is one of the two files, or lies in the `folder`."""
        refuse(output, self.names, "input")
        refuse(errors, self.names, "input")
        for name in self.names:
            path = Path(os.path.realpath(name))
            if folder in (path, *path.parents):
                raise ConfigError(f"{name}: lies where the run writes; choose another output")

    def close(self) -> None:
        self.reader.close()

    def _open(self, name: str) -> Reader:
        return formats.FORMATS[self.format].reader(name, self._options)

    def _check_alike(self, reader: Reader) -> None:
        if reader.shape() != self.reader.shape():
            raise InputError(
                f"{reader.name}: its columns aren't those of {self.reader.name}; score it by itself"
            )


def expanded(inputs: Sequence[PathLike]) -> list[str]:
    """Return the inputs with patterns replaced by the files that fit, each file once."""
    names: list[str] = []
    for name in (path_of(path, "an input") for path in inputs):
        if name != STDIN and glob.has_magic(name) and not os.path.lexists(name):
            found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (Path's differ)
            if not found:
                raise InputError(f"{name}: no file fits this pattern")
            names += found
        else:
            names.append(name)
    if not names:
        raise ConfigError("no inputs")
    return list(dict.fromkeys(names))


def path_of(path: PathLike, what: str) -> str:
    """Return a path as a str. Raises ConfigError for what can't be one."""
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str) or not name or "\0" in name:
        raise ConfigError(f"{what} must be a path, not {path!r:.60}")
    return name


def _identity(name: str) -> list[Any] | None:
    """Return path, size and time of change; None for what isn't a file or a folder."""
    if name == STDIN:
        return None
    path = Path(name)
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from error
    if stat.S_ISREG(status.st_mode):
        return [str(path.absolute()), status.st_size, status.st_mtime_ns]
    if not path.is_dir():
        return None
    sha256 = hashlib.sha256()
    for file in text_files(path):
        status = file.lstat() if not file.exists() else file.stat()
        about = f"{file.relative_to(path)}\0{status.st_size}\0{status.st_mtime_ns}\0"
        sha256.update(about.encode("utf-8", "surrogateescape"))
    return [str(path.absolute()), 0, sha256.hexdigest()]
