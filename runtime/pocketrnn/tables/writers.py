"""Write scored rows in any format: every writer turns a block into bytes to append.

Where input and output are of one format, a row is written as it was read, with the new columns
after it; so quoting, numbers, escapes, types and the order of keys stay what they were.
"""

import contextlib
import csv
import io
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import ConfigError, InputError, OutputError
from .block import Added, Block, Scored
from .compression import compress
from .outputs import Whole
from .readers import DelimitedReader, without_newline

# A row group ends with the block in which it reaches this many bytes: enough that readers spend
# little on each, few enough to be held.
_ROW_GROUP = 1 << 23
# Or with so many blocks, each of which takes memory however few rows a small file gave it.
_BLOCKS = 1024

_SURROGATES = re.compile("[\ud800-\udfff]")


class Writer(ABC):
    """Turns blocks into the bytes of an output, always the same for the same block."""

    final = True
    """Whether these bytes are the output itself; if not, `whole` makes it of them."""

    def head(self) -> bytes:
        """Return what comes before the first row."""
        return b""

    @abstractmethod
    def encode(self, scored: Scored) -> bytes:
        """Return a block's rows. Raises InputError for a row that the format can't hold."""

    def whole(self, file: BinaryIO) -> Whole:
        """Start the output itself in `file`, where it isn't these bytes."""
        raise NotImplementedError


class _TextWriter(Writer):
    """A writer of text: `compression` is the suffix of the output's name, or empty."""

    def __init__(self, added: Added, compression: str) -> None:
        self.added = added
        self.compression = compression
        compress(b"-", compression)  # a missing library is to be known before the first block

    @abstractmethod
    def lines(self, scored: Scored) -> Iterator[str]:
        """Yield each row as text."""

    def encode(self, scored: Scored) -> bytes:
        # Row by row, as one rare character would make the whole of a joined text slow to encode.
        return compress(b"".join(map(self.to_bytes, self.lines(scored))), self.compression)

    def to_bytes(self, text: str) -> bytes:
        return replaceable(text).encode()

    def numbers(self, scored: Scored) -> Iterator[list[str]]:
        """Yield each row's numbers with the fewest digits that give the float32 back."""
        texts = [str(value) for value in scored.numbers.ravel()]
        width = scored.numbers.shape[1]
        return (texts[i : i + width] for i in range(0, len(texts), width))


class CsvWriter(_TextWriter):
    """CSV or TSV in UTF-8, from a reader of another format."""

    def __init__(
        self, added: Added, compression: str, columns: tuple[str, ...], delimiter: str
    ) -> None:
        super().__init__(added, compression)
        self._columns = columns
        self._delimiter = delimiter

    def head(self) -> bytes:
        head = self._text([[*self._columns, *self.added.names]])
        return compress(self.to_bytes(head), self.compression)

    def lines(self, scored: Scored) -> Iterator[str]:
        values = list(scored.block.values())
        known = set(self._columns)
        rows = []
        empty = [""] * len(self.added.names)
        for row, label, numbers in zip(
            scored.rows, scored.labels, self.numbers(scored), strict=True
        ):
            record = values[row]
            if not known.issuperset(record):
                unknown = next(key for key in record if key not in known)
                raise InputError(
                    f"{scored.block.place(row)}: the field {unknown!r} isn't among the columns "
                    "that the first rows gave; write .jsonl instead"
                )
            cells = [_cell(record.get(column)) for column in self._columns]
            rows.append(cells + (empty if label is None else [self.added.labels[label], *numbers]))
        yield self._text(rows)

    def _text(self, rows: list[list[str]]) -> str:
        return "".join(line + "\n" for line in _csv_lines(rows, self._delimiter))


class SameCsvWriter(_TextWriter):
    """CSV or TSV from the same: each record as it was, then the new columns.

    Delimiter, encoding, byte-order mark and line endings stay those of the input.
    """

    def __init__(self, added: Added, compression: str, reader: DelimitedReader) -> None:
        super().__init__(added, compression)
        self._reader = reader
        self._delimiter = reader.delimiter
        self._newline = reader.header[len(_unterminated(reader.header)) :] or "\n"
        self._labels = [self._quoted(label) for label in added.labels]
        self._names = [self._quoted(name) for name in added.names]
        try:
            "".join(self._labels + self._names).encode(reader.encoding)
        except UnicodeEncodeError as error:
            raise ConfigError(
                f"{reader.encoding} can't hold {error.object[error.start]!r} of a label; write "
                "another format, which is UTF-8"
            ) from error

    def head(self) -> bytes:
        header = self._delimiter.join([_unterminated(self._reader.header), *self._names])
        data = self._reader.byte_order_mark + self.to_bytes(header + self._newline)
        return compress(data, self.compression)

    def to_bytes(self, text: str) -> bytes:
        return text.encode(self._reader.encoding, "surrogateescape")

    def lines(self, scored: Scored) -> Iterator[str]:
        block, delimiter = scored.block, self._delimiter
        empty = delimiter * len(self._names)
        for row, label, numbers in zip(
            scored.rows, scored.labels, self.numbers(scored), strict=True
        ):
            raw = block.raws[row]
            kept = _unterminated(raw)
            newline = raw[len(kept) :] or self._newline
            if label is not None:
                yield delimiter.join([kept, self._labels[label], *numbers]) + newline
            else:
                yield self._in_error(block, row, kept) + empty + newline

    def _in_error(self, block: Block, row: int, kept: str) -> str:
        """Return a row in error so that what follows it falls into the right columns."""
        fields, width = block.records[row], len(block.columns)
        if fields is not None:
            return kept + self._delimiter * (width - len(fields))
        before = block.columns.index(block.text_column)
        whole = '"' + kept.replace('"', '""') + '"'
        return self._delimiter * before + whole + self._delimiter * (width - 1 - before)

    def _quoted(self, value: str) -> str:
        (line,) = _csv_lines([[value, ""]], self._delimiter)
        return line.removesuffix(self._delimiter)


class JsonLinesWriter(_TextWriter):
    """JSON Lines in UTF-8, from any format; objects that were JSON keep their exact text."""

    def __init__(self, added: Added, compression: str, *, same: bool = False) -> None:
        super().__init__(added, compression)
        self._same = same
        self._keys = [json.dumps(name, ensure_ascii=False) + ": " for name in added.names]
        self._labels = [json.dumps(label, ensure_ascii=False) for label in added.labels]

    def lines(self, scored: Scored) -> Iterator[str]:
        block, names = scored.block, set(self.added.names)
        values = block.records if self._same else list(block.values())
        nulls = ["null"] * len(names)
        for row, label, numbers in zip(
            scored.rows, scored.labels, self.numbers(scored), strict=True
        ):
            record, raw = values[row], block.raws[row]
            if record is None:
                record = {block.text_column: without_newline(raw)}
            if taken := names.intersection(record):
                raise taken_error(block.place(row), taken)
            if not self._same or block.records[row] is None:
                raw = json.dumps(record, ensure_ascii=False, default=_json_value)
            cells = nulls if label is None else [self._labels[label], *numbers]
            # The last brace is the object's own: after it there can only be white space.
            head = raw[: raw.rindex("}")] + (", " if record else "")
            yield head + ", ".join(map(str.__add__, self._keys, cells)) + "}\n"


class ParquetWriter(Writer):
    """Parquet: blocks are kept as Arrow streams, of which its row groups are made.

    A Parquet file has its index at its end, so it can't be continued; Arrow streams can.
    """

    final = False

    def __init__(self, added: Added, schema: Any) -> None:
        """Write rows of the pyarrow `schema`, and the new columns after its own."""
        import pyarrow as pa

        self._schema = schema
        self._shape = {field.name: _shape(field.type) for field in schema}
        self._full = schema
        self._added = added
        for i, name in enumerate(added.names):
            self._full = self._full.append(pa.field(name, pa.float32() if i else pa.string()))

    def encode(self, scored: Scored) -> bytes:
        import pyarrow as pa

        block = scored.block
        try:
            table = block.table if block.table is not None else self._table(block)
        except _misfit() as error:
            raise InputError(
                f"{block.place(0)} or after: a value doesn't fit the column's type in the first "
                f"rows ({error}); write .jsonl instead"
            ) from error
        if len(scored.rows) < len(block):
            table = _rows_of(table, scored.rows)
        labels = [b"" if i is None else self._added.labels[i].encode() for i in scored.labels]
        ends = np.cumsum([0, *map(len, labels)], dtype=np.int32)
        there = np.array([i is not None for i in scored.labels], bool)
        there = np.packbits(there, bitorder="little")
        columns = [_column(pa.string(), len(labels), there, ends, b"".join(labels))]
        for numbers in scored.numbers.T:
            columns.append(_column(pa.float32(), len(labels), there, np.ascontiguousarray(numbers)))
        for i, column in enumerate(columns, len(self._schema)):
            table = table.append_column(self._full.field(i), column)
        table = table.cast(self._full)
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_stream(buffer, self._full) as stream:
            stream.write_table(table)
        data: bytes = buffer.getvalue().to_pybytes()
        return data

    def whole(self, file: BinaryIO) -> Whole:
        return _ParquetFile(file, self._full)

    def _table(self, block: Block) -> Any:
        import pyarrow as pa

        rows = _clean_rows(block)
        for row in rows:
            if (unknown := _new_field(row, self._shape)) is not None:
                raise ValueError(f"new field {unknown!r}")
        return pa.Table.from_pylist(rows, self._schema)


class _ParquetFile:
    """A Parquet file that is made of Arrow streams, several of them a row group."""

    def __init__(self, file: BinaryIO, schema: Any) -> None:
        import pyarrow.parquet as pq

        with _arrow_errors():
            self._parquet = pq.ParquetWriter(file, schema)
        self._group: list[Any] = []
        self._size = 0
        # A dictionary of one row group may have no room for the values of two blocks.
        self._enough = 0 if any(map(_holds_dictionary, schema.types)) else _ROW_GROUP

    def add(self, encoded: BinaryIO) -> None:
        import pyarrow as pa

        streams = pa.PythonFile(encoded, "r")
        with _arrow_errors():
            while streams.tell() < streams.size():
                table = pa.ipc.open_stream(streams).read_all()
                self._group.append(table)
                self._size += table.nbytes
                if self._size >= self._enough or len(self._group) >= _BLOCKS:
                    self._write_group()

    def finish(self) -> None:
        with _arrow_errors():
            if self._group:
                self._write_group()
            self._parquet.close()

    def close(self) -> None:
        with _arrow_errors():
            self._parquet.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        group = pa.concat_tables(self._group)
        self._parquet.write_table(group, row_group_size=max(1, len(group)))
        self._group.clear()
        self._size = 0


@contextlib.contextmanager
def _arrow_errors() -> Iterator[None]:
    """Turn what pyarrow has against a file, but for a disk's errors, into an OutputError."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException as error:
        raise OutputError(f"can't write Parquet: {error}; write another format") from error


def _holds_dictionary(kind: Any) -> bool:
    import pyarrow as pa

    parts = [kind.field(i).type for i in range(kind.num_fields)]
    return pa.types.is_dictionary(kind) or any(map(_holds_dictionary, parts))


def _shape(kind: Any) -> Any:
    """Return a dict of the fields of a pyarrow type, a list of their shape for lists, or None."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {field.name: _shape(field.type) for field in kind}
    inner = _shape(kind.value_type) if pa.types.is_list(kind) else None
    return inner and [inner]


def _new_field(value: Any, shape: Any) -> str | None:
    """Return where the first field is that has no place in `shape`, which pyarrow might drop."""
    if isinstance(value, dict) and isinstance(shape, dict):
        for name, inner in value.items():
            if name not in shape:
                return str(name)
            if (found := _new_field(inner, shape[name])) is not None:
                return f"{name}.{found}"
    elif isinstance(value, list) and isinstance(shape, list):
        new = (_new_field(item, shape[0]) for item in value)
        return next((found for found in new if found is not None), None)
    return None


def _rows_of(table: Any, rows: Sequence[int]) -> Any:
    """Return some rows of a pyarrow table: neither `take` nor `filter` knows string views."""
    import pyarrow as pa

    runs = np.split(np.array(rows, int), np.flatnonzero(np.diff(rows) != 1) + 1)
    slices = [table.slice(run[0], len(run)) for run in runs if len(run)]
    return pa.concat_tables([table.slice(0, 0), *slices]).combine_chunks()


def _column(kind: Any, rows: int, *buffers: Any) -> Any:
    """Return a pyarrow array of its buffers: `pa.array` would import pandas, 40 MB of memory."""
    import pyarrow as pa

    return pa.Array.from_buffers(kind, rows, [pa.py_buffer(buffer) for buffer in buffers])


def infer_schema(blocks: Sequence[Block]) -> Any:
    """Return the pyarrow schema that fits the rows of `blocks`; text for what is all null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [row for block in blocks for row in _clean_rows(block)]
    names = dict.fromkeys(key for row in rows for key in row)
    try:
        kinds = [pa.array([row.get(name) for row in rows]).type for name in names]
        schema = pa.schema(
            [
                (name, pa.string() if pa.types.is_null(kind) else kind)
                for name, kind in zip(names, kinds, strict=True)
            ]
        )
        # Arrow has types that Parquet hasn't: that of an object without fields.
        pq.ParquetWriter(io.BytesIO(), schema).close()
    except _misfit() as error:
        raise InputError(f"the first rows fit no Parquet types ({error}); write .jsonl") from error
    return schema


def _misfit() -> tuple[type[Exception], ...]:
    """Return what pyarrow raises for values that don't fit a type."""
    import pyarrow as pa

    return (pa.ArrowException, ValueError, TypeError, OverflowError)


def _clean_rows(block: Block) -> list[dict[str, Any]]:
    return [_without_surrogates(row) for row in block.values()]


def taken_error(where: str, names: set[str]) -> ConfigError:
    """Return the error for columns that are there already."""
    shown = ", ".join(map(repr, sorted(names)))
    return ConfigError(f"{where}: has a column {shown} already; put a --prefix before the new ones")


def replaceable(text: str) -> str:
    """Return `text` with U+FFFD for each lone surrogate, which UTF-8 can't hold."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return replaceable(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


def _unterminated(raw: str) -> str:
    return without_newline(raw).removesuffix("\r") if raw.endswith(("\n", "\r")) else raw


def _csv_lines(rows: list[list[str]], delimiter: str) -> list[str]:
    """Return each row as CSV, without the newline after it."""
    lines: list[str] = []
    # With this line terminator csv quotes both kinds of newline in a field, on every Python.
    csv.writer(_Lines(lines.append), delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return [line[:-2] for line in lines]


class _Lines(NamedTuple):
    write: Callable[[str], object]


def _cell(value: Any) -> str:
    """Return a value as the text of a CSV field: JSON, but for text, dates and nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | dict | list):
        return json.dumps(value, ensure_ascii=False, default=_json_value)
    return str(_json_value(value))


def _json_value(value: Any) -> Any:
    """Return what JSON writes for a value of a Parquet column that JSON has no type for."""
    if isinstance(value, bytes):
        raise OutputError("a column of binary data fits neither CSV nor JSON; write .parquet")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
