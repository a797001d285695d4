"""Compressed text files: read as a stream, and written a self-contained piece at a time.

Each piece is a whole gzip member or Zstandard frame; both formats allow any number of them in
one file, so pieces that are put one after the other are a valid file.
"""

import gzip
import io
import sys
import zlib
from typing import Any, BinaryIO, cast

from ..extras import require

SUFFIXES = (".gz", ".zst")


def suffix_of(name: str) -> str:
    """Return the compression suffix that `name` ends with, or an empty string."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def decompressed(file: BinaryIO, suffix: str) -> io.BufferedReader:
    """Return a stream of what `file` holds; reading it raises one of `faults`."""
    if not suffix:
        return cast("io.BufferedReader", file)
    stream: Any = gzip.GzipFile(fileobj=file) if suffix == ".gz" else zstd().ZstdFile(file)
    return io.BufferedReader(stream, 1 << 17)


def faults(suffix: str) -> tuple[type[Exception], ...]:
    """Return what reading raises; without a `strerror`, the file is damaged."""
    return OSError, EOFError, zlib.error, *([zstd().ZstdError] if suffix == ".zst" else [])


def compress(data: bytes, suffix: str) -> bytes:
    """Return `data` as one piece of a compressed file, always the same bytes for the same data."""
    if not suffix:
        return data
    if suffix == ".gz":
        return gzip.compress(data, 6, mtime=0)
    return cast("bytes", zstd().compress(data))


def zstd() -> Any:
    """Return Python's module, or what brings it to versions before 3.14."""
    if sys.version_info >= (3, 14):
        from compression import zstd as module
    else:
        require("zstd", "backports.zstd")
        from backports import zstd as module
    return module
