"""Compressed text files: read as a stream, and written a self-contained piece at a time.

Each piece is a whole gzip member or Zstandard frame; both formats allow any number of them in
one file, so that a file cut between two pieces is valid and can be continued.
"""

import gzip
import io
import zlib
from typing import Any, BinaryIO, cast

from ..extras import require

SUFFIXES = (".gz", ".zst")
DAMAGED = (EOFError, zlib.error, OSError)
"""What reading a compressed file may raise."""


def suffix_of(name: str) -> str:
    """Return the compression suffix that `name` ends with, or an empty string."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def decompressed(file: BinaryIO, suffix: str) -> io.BufferedReader:
    """Return a stream of what `file` holds; reading it raises EOFError where that is cut short.

    What is damaged raises OSError or zlib.error.
    """
    if suffix == ".gz":
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=file, mode="rb"))
    if suffix == ".zst":
        return io.BufferedReader(_ZstdFrames(file), 1 << 17)
    return cast("io.BufferedReader", file)


def compress(data: bytes, suffix: str) -> bytes:
    """Return `data` as one piece of a compressed file, always the same bytes for the same data."""
    if not data or not suffix:
        return data
    if suffix == ".gz":
        return gzip.compress(data, 6, mtime=0)
    require("zstd", "zstandard")
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


class _ZstdFrames(io.RawIOBase):
    """The contents of a file of Zstandard frames.

    zstandard's own stream reader takes a file cut within a frame for its end; this one doesn't.
    """

    def __init__(self, file: BinaryIO) -> None:
        require("zstd", "zstandard")
        import zstandard

        self._file = file
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._error = zstandard.ZstdError
        self._frame = self._new_frame()
        self._started = False
        self._compressed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            # Small bites: a byte of zstd may stand for thousands.
            self._compressed = self._compressed or self._file.read(1 << 14)
            if not self._compressed:
                if self._started:
                    raise EOFError("compressed file ended before the end of a frame")
                return 0
            try:
                self._ready = memoryview(self._frame.decompress(self._compressed))
            except self._error as error:
                raise OSError(str(error)) from error
            self._started, self._compressed = True, b""
            if self._frame.eof:
                self._compressed = self._frame.unused_data
                self._frame, self._started = self._new_frame(), False
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size
