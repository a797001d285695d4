"""The formats of files: which is which by its name, and the reader and writer of each."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import ConfigError, InputError
from ..extras import require
from .block import Added, Block
from .compression import suffix_of
from .options import INPUT_FORMATS, OUTPUT_FORMATS, STDIN
from .readers import (
    DelimitedReader,
    FolderReader,
    JsonLinesReader,
    LinesReader,
    ParquetReader,
    Reader,
)
from .writers import (
    CsvWriter,
    JsonLinesWriter,
    ParquetWriter,
    SameCsvWriter,
    Writer,
    infer_schema,
)

_BY_EXTENSION = {
    ".txt": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_DELIMITERS = {"csv": ",;\t|", "tsv": "\t"}  # those that a header may have; the first to write


def input_format(name: str, given: str | None) -> str:
    """Return the format of an input. Raises ConfigError if neither name nor `given` tells."""
    _check(given, INPUT_FORMATS, "--format")
    if name != STDIN:
        if not Path(name).exists():
            raise InputError(f"{name}: no such file or folder")
        if Path(name).is_dir():
            return "folder"
    return given or _by_name(name, "--format", INPUT_FORMATS)


def format_of(name: str) -> str | None:
    """Return the format that a file's name tells, or None."""
    stem = name.lower().removesuffix(suffix_of(name)) if name != STDIN else ""
    return _BY_EXTENSION.get(Path(stem).suffix)


def output_format(name: str, given: str | None, source: str) -> str:
    """Return the format of an output; on standard output, if not said, like the `source`."""
    _check(given, OUTPUT_FORMATS, "--output-format")
    if given is None and name == STDIN:
        return source if source in ("csv", "tsv", "jsonl") else "csv"
    return given or _by_name(name, "--output-format", OUTPUT_FORMATS)


def open_reader(name: str, kind: str, encoding: str) -> Reader:
    """Open an input of the format `kind`. Raises InputError if it can't be read as such."""
    if kind in _DELIMITERS:
        return DelimitedReader(name, encoding, _DELIMITERS[kind])
    readers: dict[str, Callable[[str, str], Reader]] = {
        "text": LinesReader,
        "folder": FolderReader,
        "jsonl": JsonLinesReader,
        "parquet": ParquetReader,
    }
    return readers[kind](name, encoding)


def open_writer(
    name: str, kind: str, reader: Reader, source: str, added: Added, first: Sequence[Block]
) -> Writer:
    """Return the writer of the output `name`, for what `reader`, of format `source`, reads.

    Of the input's `first` blocks the keys become the columns, where rows have their own.
    """
    compression = suffix_of(name)
    repeated = [column for column in reader.columns if reader.columns.count(column) > 1]
    if repeated and kind != source:
        raise ConfigError(
            f"{reader.name}: two columns called {repeated[0]!r}, which only the input's own format "
            f"keeps apart; rename one, or write .{source}"
        )
    if kind == "parquet":
        if name == STDIN:
            raise ConfigError("Parquet can't be written to standard output; give a file")
        if compression:
            raise ConfigError(f"{name}: Parquet compresses itself; drop the {compression}")
        require("parquet", "pyarrow")
        return ParquetWriter(added, _schema(reader, first))
    if kind == "jsonl":
        return JsonLinesWriter(added, compression, same=source == "jsonl")
    if isinstance(reader, DelimitedReader) and kind == source:
        return SameCsvWriter(added, compression, reader)
    columns = reader.columns
    if not reader.fixed:
        columns = tuple(
            dict.fromkeys(key for block in first for row in block.values() for key in row)
        )
    return CsvWriter(added, compression, columns, _DELIMITERS[kind][0])


def _schema(reader: Reader, first: Sequence[Block]) -> object:
    import pyarrow as pa

    if isinstance(reader, ParquetReader):
        return reader.schema
    if reader.fixed:
        return pa.schema([(name, pa.string()) for name in reader.columns])
    return infer_schema(first)


def _by_name(name: str, option: str, known: tuple[str, ...]) -> str:
    kind = format_of(name)
    if kind not in known:
        shown = "standard input" if name == STDIN else name
        raise ConfigError(f"{shown}: of which format? Say {option}: {', '.join(known)}")
    return kind


def _check(given: str | None, known: tuple[str, ...], option: str) -> None:
    if given is not None and given not in known:
        raise ConfigError(f"{option} must be one of {', '.join(known)}, not {given!r}")
