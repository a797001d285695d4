"""Parquet, by pyarrow: rows keep their exact types.

A piece of an output is an Arrow stream, as a Parquet file has its index at its end and can't be
made of pieces of bytes.
"""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from ..errors import ConfigError, InputError, MissingExtraError, OutputError, PocketRNNError
from ..extras import require
from . import block as blocks_of
from .block import Block, Cells, Results
from .compression import suffix_of
from .reading import STDIN, Reader, ReadOptions
from .textfile import replaceable
from .writing import Writer, columns_of

# A row group ends with the block in which it reaches this many bytes: enough that readers spend
# little on each, few enough to be held.
_ROW_GROUP = 1 << 23
# Or with so many blocks, each of which takes memory however few rows a small file gave it.
_BLOCKS = 1024
# Values of JSON that are nested more deeply than this don't become columns.
_DEEPEST = 50


class ParquetReader(Reader):
    """Parquet: a block is a slice of a row group."""

    def __init__(self, name: str, options: ReadOptions) -> None:
        super().__init__(name, options)
        pq = _pyarrow().parquet
        if name == STDIN:
            raise InputError("Parquet can't be read from standard input; give a file")
        with self._checked():
            # One thread: the cores are the function's.
            self._file = pq.ParquetFile(name, pre_buffer=False)
            self.schema = self._file.schema_arrow
            self.total = self._file.metadata.num_rows
            self.columns = tuple(self.schema.names)
            texts = [f.name for f in self.schema if _is_text(f.type)]
            # Of an empty file, or of rows without texts, nothing tells what a column holds.
            empty = [f.name for f in self.schema if _pyarrow().types.is_null(f.type)]
            self.candidates = tuple(texts or empty)

    def shape(self) -> object:
        return self.schema

    def blocks(self, text_column: str) -> Iterator[Block]:
        is_text = text_column in self.candidates
        column, done = self.columns.index(text_column), 0
        with self._checked():
            for batch in self._batches():
                texts = [""] * len(batch)
                if is_text:
                    texts = [text or "" for text in batch.column(column).to_pylist()]
                table = _pyarrow().Table.from_batches([batch])
                block = Block(self.columns, text_column, table=table, to_python=self._to_python)
                block.raws = block.texts = texts
                block.files = [self.name] * len(texts)
                block.lines = list(range(done + 1, done + 1 + len(texts)))
                for i, text in enumerate(texts):
                    if not text or text.isspace():
                        block.problems[i] = blocks_of.NO_TEXT
                    elif problem := self.options.too_long(text):
                        block.problems[i] = problem
                done += len(texts)
                block.position = done
                yield block
                del block, batch, table, texts

    def _batches(self) -> Iterator[Any]:
        for group in range(self._file.num_row_groups):
            about = self._file.metadata.row_group(group)
            fitting = blocks_of.CHARACTERS * about.num_rows // (about.total_byte_size + 1)
            size = max(1, min(blocks_of.ROWS, fitting))
            yield from self._file.iter_batches(size, [group], use_threads=False)

    def close(self) -> None:
        self._file.close()

    def _to_python(self, block: Block) -> list[list[Any]]:
        found = []
        for name, column in zip(block.columns, block.table.columns, strict=True):
            # Whatever pyarrow and datetime raise: dates far away, time zones nobody knows.
            misfit = (
                f"{self.name}, lines {block.lines[0]} to {block.lines[-1]}: column {name!r} "
                f"({column.type}) has a value that Python can't hold (%s); drop the column, or "
                "write .parquet"
            )
            with _net(InputError, misfit):
                if getattr(column.type, "unit", "") == "ns" and hasattr(column.type, "tz"):
                    # Of nanoseconds, pyarrow would make time stamps of pandas, slowly.
                    with contextlib.suppress(ValueError):
                        column = column.cast(_pyarrow().timestamp("us", column.type.tz))
                found.append(column.to_pylist())
        return found

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        with _net(InputError, f"{self.name}: cut short, damaged or not Parquet (%s)"):
            try:
                yield
            except OSError as error:
                if error.strerror and error.errno:
                    raise InputError(f"{self.name}: {os.strerror(error.errno)}") from error
                raise


class ParquetWriter(Writer):
    """Parquet: the columns of the input and their types, or the types of the first rows."""

    def _begin(self, reader: Reader, first: Sequence[Block]) -> None:
        if self.name == STDIN:
            raise ConfigError("Parquet can't be written to standard output; give a file")
        if compression := suffix_of(self.name):
            raise ConfigError(f"{self.name}: Parquet compresses itself; drop the {compression}")
        pa = _pyarrow()
        if isinstance(reader, ParquetReader):
            self._schema = reader.schema
        elif reader.fixed:
            self._schema = pa.schema([(column, pa.string()) for column in reader.columns])
        else:
            self._schema = _inferred(columns_of(reader, first), first, reader.schema)
        self._full, self._shape = self._schema, {f.name: _shape(f.type) for f in self._schema}
        for column in self.added:
            kind = {"text": pa.string(), "float": pa.float32(), "count": pa.int32()}[column.kind]
            self._full = self._full.append(pa.field(replaceable(column.name), kind))

    def encode(self, results: Results) -> bytes:
        pa, block = _pyarrow(), results.block
        misfit = (
            f"{block.place(0) if len(block) else self.name} or after: a value doesn't fit the "
            "column's type in the first rows (%s); write .jsonl instead"
        )
        with _net(InputError, misfit):
            table = block.table if block.table is not None else self._table(block)
        with _net(OutputError, "can't write Parquet: %s; write another format"):
            if len(results.rows) < len(block):
                table = _rows_of(table, results.rows)
            for i, cells in enumerate(results.cells, len(self._schema)):
                table = table.append_column(self._full.field(i), _array(cells))
            table = table.cast(self._full)
            buffer = pa.BufferOutputStream()
            with pa.ipc.new_stream(buffer, self._full) as stream:
                stream.write_table(table)
            data: bytes = buffer.getvalue().to_pybytes()
        return data

    def join(self, file: BinaryIO, pieces: Iterable[bytes]) -> None:
        pa = _pyarrow()
        # A dictionary of one row group may have no room for the values of two blocks.
        enough = 0 if any(map(_holds_dictionary, self._schema.types)) else _ROW_GROUP
        with _net(OutputError, "can't write Parquet: %s; write another format"):
            group: list[Any] = []
            size = 0
            with pa.parquet.ParquetWriter(file, self._full) as parquet:
                for piece in pieces:
                    group.append(pa.ipc.open_stream(piece).read_all())
                    size += group[-1].nbytes
                    if size >= enough or len(group) >= _BLOCKS:
                        parquet.write_table(pa.concat_tables(group))
                        group, size = [], 0
                if group:
                    parquet.write_table(pa.concat_tables(group))

    def _table(self, block: Block) -> Any:
        rows = [_storable(row) for row in block.values()]
        for row in rows:
            if (unknown := _new_field(row, self._shape)) is not None:
                raise ValueError(f"new field {unknown!r}")
        return _pyarrow().Table.from_pylist(rows, self._schema)


def _pyarrow() -> Any:
    """Return the module, with what is used of it. Raises MissingExtraError."""
    require("parquet", "pyarrow")
    try:
        import pyarrow
        import pyarrow.parquet
    except Exception as error:  # also of a numpy that it doesn't fit
        raise MissingExtraError(
            f"pyarrow is installed, but can't be imported ({error}); install it again"
        ) from error
    return pyarrow


@contextlib.contextmanager
def _net(fault: type[PocketRNNError], message: str) -> Iterator[None]:
    """Turn whatever pyarrow raises into a `fault`, but for a disk's errors and lack of memory.

    Its errors share no base class, and those of Python that it lets through are of any kind.
    """
    try:
        yield
    except (PocketRNNError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise
        # Names of files and columns before it may have a %s too.
        before, after = message.rsplit("%s", 1)
        raise fault(before + " ".join(str(error).split())[:500] + after) from error


def _is_text(kind: Any) -> bool:
    types = _pyarrow().types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _holds_dictionary(kind: Any) -> bool:
    parts = [kind.field(i).type for i in range(kind.num_fields)]
    return _pyarrow().types.is_dictionary(kind) or any(map(_holds_dictionary, parts))


def _shape(kind: Any) -> Any:
    """Return a dict of the fields of a pyarrow type, a list of their shape for lists, or None."""
    types = _pyarrow().types
    if types.is_struct(kind):
        return {field.name: _shape(field.type) for field in kind}
    inner = _shape(kind.value_type) if types.is_list(kind) else None
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
    pa = _pyarrow()
    runs = np.split(np.array(rows, int), np.flatnonzero(np.diff(rows) != 1) + 1)
    slices = [table.slice(run[0], len(run)) for run in runs if len(run)]
    return pa.concat_tables([table.slice(0, 0), *slices])


def _array(cells: Cells) -> Any:
    """Return a pyarrow array, of its buffers: `pa.array` would import pandas, 40 MB of memory."""
    pa = _pyarrow()
    known = cells.known
    if cells.column.kind == "text":
        known = known & (cells.values != np.array(None))
        data = [replaceable(text).encode() if text else b"" for text in cells.values]
        ends = np.cumsum([0, *map(len, data)], dtype=np.int32)
        kind, buffers = pa.string(), [ends, b"".join(data)]
    else:
        kind = pa.from_numpy_dtype(cells.values.dtype)
        buffers = [np.ascontiguousarray(cells.values)]
    buffers.insert(0, np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(kind, len(known), [pa.py_buffer(b) for b in buffers])


def _inferred(names: Sequence[str], first: Sequence[Block], known: Any) -> Any:
    """Return the pyarrow schema that fits the rows of `first`; text for what is all null.

    Columns that `known`, a schema or None, has are of its types, but for dictionaries.
    """
    pa = _pyarrow()
    with _net(InputError, "the first rows fit no Parquet types (%s); write .jsonl"):
        rows = [_storable(row) for block in first for row in block.values()]
        fields = []
        for name in map(replaceable, names):
            if known is not None and name in known.names:
                kind = known.field(name).type
                kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            else:
                kind = pa.array([row.get(name) for row in rows]).type
            fields.append((name, pa.string() if pa.types.is_null(kind) else kind))
        schema = pa.schema(fields)
        # Arrow has types that Parquet hasn't: that of an object without fields.
        pa.parquet.ParquetWriter(io.BytesIO(), schema).close()
    return schema


def _storable(value: Any, depth: int = 0) -> Any:
    """Return a value of JSON without lone surrogates. Raises ValueError for a deep one."""
    if isinstance(value, str):
        return replaceable(value)
    if depth > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} deep")
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_storable(k): _storable(v, depth + 1) for k, v in value.items()}
    return value
