"""What the readers and writers of text share: encodings, lines of bounded length, cells."""

import codecs
import contextlib
import json
import math
import os
import re
from abc import abstractmethod
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ConfigError, InputError, OutputError
from ..streams import standard_input
from .block import Block, Results
from .compression import compress, decompressed, faults, suffix_of
from .reading import STDIN, Reader, ReadOptions
from .writing import Writer

_UNDECODED = re.compile("[\udc80-\udcff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


class TextReader(Reader):
    """A reader of rows in text, compressed or not, from a file or from standard input."""

    unit = "B"
    newline = "\n"  # as of `open`: what ends a line

    def __init__(self, name: str, options: ReadOptions) -> None:
        super().__init__(name, options)
        with reading_errors(self.name, options.encoding):
            self._file: BinaryIO = (
                standard_input() if name == STDIN else Path(name).open("rb")  # noqa: SIM115
            )
            self._is_own = name != STDIN
            try:
                with contextlib.suppress(OSError):  # standard input may not tell, nor a pipe
                    self.total = os.fstat(self._file.fileno()).st_size or None
                stream = decompressed(self._file, suffix_of(name))
                self.byte_order_mark, self.encoding = byte_order(stream.peek(4), options.encoding)
                stream.read(len(self.byte_order_mark))
                # Bytes that aren't text become lone surrogates, so one bad row stays one bad
                # row, and can be written again as it was.
                self.stream = TextIOWrapper(
                    stream, self.encoding, errors="surrogateescape", newline=self.newline
                )
                self._begin()
            except BaseException:
                self.close()
                raise

    def _begin(self) -> None:
        """Read what tells the columns."""

    def blocks(self, text_column: str) -> Iterator[Block]:
        with reading_errors(self.name, self.encoding):
            for block in super().blocks(text_column):
                for i, raw in enumerate(block.raws):
                    if not raw.isascii() and not is_decoded(raw):
                        block.problems[i] = undecodable(self.encoding)
                block.problems = dict(sorted(block.problems.items()))
                yield block
                del block  # not to be held while the next one is read

    def position(self, rows: int) -> int:
        return self._file.tell() if self.total else 0

    def lines(self) -> Iterator[str]:
        """Yield the lines; of one that is too long the start, so that it is never held whole."""
        limit, readline = self.options.max_characters, self.stream.readline
        is_cut = False  # between the two characters of its CR LF
        while line := readline(limit + 2):
            was_cut, is_cut = is_cut, False
            if was_cut and line == "\n":
                continue
            rest = line
            if self.options.too_long(line):
                while not rest.endswith(("\n", self.newline or "\r")) and (rest := readline(limit)):
                    pass
                is_cut = rest.endswith("\r")
            yield line

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # nothing was written
            if self._is_own:
                self._file.close()
            elif hasattr(self, "stream"):
                self.stream.detach()  # it would close standard input


class TextWriter(Writer):
    """A writer of text, compressed where the output's name says so."""

    encoding = "utf-8"

    def head(self) -> bytes:
        return self.compressed(b"")  # without a row, it is no file of its kind otherwise

    @abstractmethod
    def lines(self, results: Results) -> Iterator[str]:
        """Yield each row as text."""

    def encode(self, results: Results) -> bytes:
        # Row by row, as one rare character would make the whole of a joined text slow to encode.
        return self.compressed(b"".join(map(self.to_bytes, self.lines(results))))

    def compressed(self, data: bytes) -> bytes:
        return compress(data, suffix_of(self.name))

    def to_bytes(self, text: str) -> bytes:
        """Return text in the output's encoding."""
        return replaceable(text).encode(self.encoding)


def is_decoded(text: str) -> bool:
    """Say whether all bytes of `text` were text."""
    return not _UNDECODED.search(text)


def undecodable(encoding: str) -> str:
    """Return the problem of a row with bytes that aren't text."""
    return f"bytes that aren't {encoding} text; the file may have another encoding"


def replaceable(text: str) -> str:
    """Return `text` with U+FFFD for each lone surrogate, which UTF-8 can't hold."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def without_newline(line: str) -> str:
    """Return `line` without the newline (LF or CR LF) at its end."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def json_value(value: Any) -> Any:
    """Return what JSON writes for a value of a Parquet column that JSON has no type for."""
    if isinstance(value, bytes):
        raise OutputError("a column of binary data fits neither CSV nor JSON; write .parquet")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def to_json(value: Any) -> str:
    """Return a value as JSON; null for NaN and infinities, which JSON hasn't.

    Raises OutputError for one that is nested too deeply.
    """
    options: dict[str, Any] = {"ensure_ascii": False, "allow_nan": False, "default": json_value}
    try:
        try:
            return json.dumps(value, **options)
        except ValueError:
            return json.dumps(_without_nan(value), **options)
    except RecursionError as error:
        raise OutputError("a value is nested too deeply to write") from error


def _without_nan(value: Any) -> Any:
    """Return a value with None for each float that is no finite number."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):  # Parquet's maps have tuples
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16's, which it starts with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_PROBE = 'az09\r\n\t,;|"{}:'  # what an encoding must hold


def byte_order(start: bytes, encoding: str) -> tuple[bytes, str]:
    """Return the byte-order mark that a file starts with, if any, and its exact encoding.

    A mark counts where `encoding` is UTF-8, which is the default, or UTF-16 or UTF-32, which need
    one: any bytes would be text of some kind. Raises UnicodeError for a file that has none.
    """
    is_fit = False
    with contextlib.suppress(LookupError, ValueError, TypeError):  # ValueError for a NUL in it
        decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        is_fit = decoder.decode(_PROBE.encode(encoding)) == _PROBE
    if not is_fit:
        raise ConfigError(f"{encoding!r} isn't a text encoding that files can have")
    encoding = codecs.lookup(encoding).name.removesuffix("-sig")
    for mark, exact in _MARKS.items():
        if start.startswith(mark) and (encoding == "utf-8" or exact.startswith(encoding)):
            return mark, exact
    if start and encoding in ("utf-16", "utf-32"):
        raise UnicodeError
    return b"", encoding


@contextlib.contextmanager
def reading_errors(name: str, encoding: str) -> Iterator[None]:
    """Turn what may go wrong in reading a text file into an InputError that says so."""
    try:
        yield
    except UnicodeError as error:
        exact = f"; {encoding}-le or {encoding}-be without a byte-order mark"
        hint = exact if encoding.lower() in ("utf-16", "utf-32") else ""
        raise InputError(
            f"{name}: not {encoding} text; name its encoding with encoding=...{hint}"
        ) from error
    except faults(suffix_of(name)) as error:
        reason = getattr(error, "strerror", None) or f"cut short or damaged ({error})"
        raise InputError(f"{name}: {reason}") from error
