"""The formats of files: a line for each, and which is which by its name."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigError, InputError
from .block import Block, Column
from .compression import suffix_of
from .delimited import CsvReader, CsvWriter, SameCsvWriter, TsvReader, TsvWriter
from .folder import FolderReader
from .json_array import JsonReader
from .jsonlines import JsonLinesReader, JsonLinesWriter
from .lines import LinesReader
from .parquet import ParquetReader, ParquetWriter
from .reading import STDIN, Reader, repeated
from .writing import Writer
from .xlsx import XlsxReader


class Format(NamedTuple):
    """A format of files: the extensions of its names, and what reads and writes it."""

    extensions: tuple[str, ...]
    reader: type[Reader]
    writer: type[Writer] | None = None


FORMATS = {
    "text": Format((".txt",), LinesReader),
    "folder": Format((), FolderReader),
    "csv": Format((".csv",), CsvReader, CsvWriter),
    "tsv": Format((".tsv", ".tab"), TsvReader, TsvWriter),
    "jsonl": Format((".jsonl", ".ndjson"), JsonLinesReader, JsonLinesWriter),
    "json": Format((".json",), JsonReader),
    "xlsx": Format((".xlsx",), XlsxReader),
    "parquet": Format((".parquet",), ParquetReader, ParquetWriter),
}
INPUTS = tuple(FORMATS)
OUTPUTS = tuple(name for name, kind in FORMATS.items() if kind.writer)


def input_format(name: str, given: str | None) -> str:
    """Return the format of an input. Raises ConfigError if neither name nor `given` tells."""
    _check(given, "format", INPUTS)
    if name != STDIN:
        try:
            if Path(name).is_dir():
                return "folder"
            Path(name).stat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            if isinstance(error, FileNotFoundError):
                reason = "no such file or folder"
            raise InputError(f"{name}: {reason}") from error
    return given or _by_name(name, "format", INPUTS)


def format_of(name: str) -> str | None:
    extension = Path(name.lower().removesuffix(suffix_of(name))).suffix
    return next((key for key, kind in FORMATS.items() if extension in kind.extensions), None)


def output_format(name: str, given: str | None, source: str) -> str:
    """Return the format of an output; on standard output, if not said, like the `source`."""
    if given is None and name == STDIN:
        return source if source in ("tsv", "jsonl") else "csv"
    _check(given, "output_format", OUTPUTS)
    return given or _by_name(name, "output_format", OUTPUTS)


def open_writer(
    name: str,
    kind: str,
    reader: Reader,
    source: str,
    columns: Sequence[Column],
    first: Sequence[Block],
) -> Writer:
    """Return the writer of the output `name`, for what `reader`, of format `source`, reads.

    Of the input's `first` blocks the keys become the columns, where rows have their own.
    """
    if kind != source and (name_of_two := repeated(reader.columns)):
        raise ConfigError(
            f"{reader.name}: two columns called {name_of_two!r}, which only the input's own format "
            "keeps apart; rename one" + f", or write .{source}" * (source in OUTPUTS)
        )
    writer = SameCsvWriter if kind == source in ("csv", "tsv") else FORMATS[kind].writer
    assert writer is not None  # as `output_format` saw to  # noqa: S101
    return writer(name, columns, reader, first)


def _check(given: str | None, option: str, known: Sequence[str]) -> None:
    if given is not None and given not in known:
        raise ConfigError(f"{option} must be one of {', '.join(known)}, not {given!r}")


def _by_name(name: str, option: str, known: Sequence[str]) -> str:
    kind = format_of(name)
    if kind is None or kind not in known:
        shown = "standard input" if name == STDIN else name
        told = "of which format?" if kind is None else f"{kind} can be read, but not written."
        raise ConfigError(f"{shown}: {told} Say {option}=..., one of {', '.join(known)}")
    return kind
