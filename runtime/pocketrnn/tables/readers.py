"""Read texts and their columns from files of any format, a block at a time."""

import codecs
import contextlib
import csv
import io
import json
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ColumnError, ConfigError, InputError
from ..extras import require
from .block import CHARACTERS, ROWS, Block, Row
from .compression import DAMAGED, decompressed, suffix_of
from .options import STDIN

# A quote that is never closed would make one field of the rest of the file.
_LONGEST_RECORD = 1 << 26  # characters
_UNDECODED = re.compile("[\udc80-\udcff]")
_USUAL_NAMES = frozenset(
    {"text", "texts", "review", "reviews", "comment", "comments", "content", "body", "message"}
    | {"sentence", "document", "description", "tweet", "post"}
)


class Reader(ABC):
    """One input, opened: what columns it has, and its rows in blocks."""

    columns: tuple[str, ...] = ("text",)  # of JSON lines: those of the first
    candidates: tuple[str, ...] = ("text",)  # columns that may hold text
    fixed = True  # every row has these columns and no other
    total: int | None = None  # size of the input in `unit`, where it is known
    unit = "rows"

    def __init__(self, name: str) -> None:
        """Open the input called `name`. Raises InputError if it isn't what it should be."""
        self.name = name if name != STDIN else "standard input"

    @abstractmethod
    def blocks(self, text_column: str) -> Iterator[Block]:
        """Yield the rows. Raises InputError for what no row can be made of."""

    def close(self) -> None:  # noqa: B027 (a folder has nothing to close)
        """Let go of the file."""


def find_text_column(reader: Reader, given: str | None, *, label_column: str | None = None) -> str:
    """Return the name of the column of texts: the one `given`, or the obvious one.

    Obvious is the only column that may hold text, or the only one with a usual name; never
    `label_column`. Raises ConfigError, listing the columns, if there is none such.
    """
    if given is not None:
        check_column(reader, given)
        return given
    candidates = [name for name in reader.candidates if name != label_column]
    usual = [name for name in candidates if name.strip().lower() in _USUAL_NAMES]
    for obvious in (candidates, usual):
        if len(obvious) == 1:
            return obvious[0]
    raise ColumnError(
        f"{reader.name}: which column holds the text? Say --text-column; there are: "
        f"{_listed(reader)}",
        reader.columns,
    )


def check_column(reader: Reader, name: str) -> None:
    """Raise ConfigError, listing the columns, unless every row has the column, or may have it."""
    if reader.fixed and reader.columns.count(name) != 1:
        found = "two columns" if name in reader.columns else "no column"
        raise ColumnError(
            f"{reader.name}: {found} called {name!r}; there are: {_listed(reader)}", reader.columns
        )


def _listed(reader: Reader) -> str:
    return ", ".join(map(repr, reader.columns)) or "none"


class _TextReader(Reader):
    """A reader of rows in text, compressed or not, from a file or from standard input."""

    unit = "B"

    def __init__(self, name: str, encoding: str, newline: str) -> None:
        super().__init__(name)
        with _reading(self.name, encoding):
            self._file: BinaryIO = (
                sys.stdin.buffer if name == STDIN else Path(name).open("rb")  # noqa: SIM115
            )
            try:
                with contextlib.suppress(OSError):  # standard input may not tell, nor a pipe
                    self.total = os.fstat(self._file.fileno()).st_size or None
                stream = decompressed(self._file, suffix_of(name))
                self.byte_order_mark, self.encoding = _byte_order(stream.peek(4), encoding)
                stream.read(len(self.byte_order_mark))
                # Bytes that aren't text become lone surrogates, so one bad row stays one bad
                # row, and can be written again as it was.
                self.stream = io.TextIOWrapper(
                    stream, self.encoding, errors="surrogateescape", newline=newline
                )
                self._begin()
            except BaseException:
                self.close()
                raise

    def _begin(self) -> None:
        """Read what tells the columns."""

    @abstractmethod
    def rows(self, text_column: str) -> Iterator[Row]:
        """Yield the rows."""

    def blocks(self, text_column: str) -> Iterator[Block]:
        rows = self.rows(text_column)
        block, size = Block(self.columns, text_column), 0
        with _reading(self.name, self.encoding):
            for row in rows:
                if not row.raw.isascii() and _UNDECODED.search(row.raw):
                    row.problem = _undecodable(self.encoding)
                block.add(self.name, row)
                size += len(row.raw)
                if len(block) >= ROWS or size >= CHARACTERS:
                    block.position = self._position()
                    yield block
                    block, size = Block(self.columns, text_column), 0
            if len(block):
                block.position = self._position()
                yield block

    def close(self) -> None:
        if self._file is not sys.stdin.buffer:
            self._file.close()

    def _position(self) -> int:
        return self._file.tell() if self.total else 0


class LinesReader(_TextReader):
    """Plain text: one text a line, blank ones too."""

    def __init__(self, name: str, encoding: str) -> None:
        super().__init__(name, encoding, "\n")

    def rows(self, text_column: str) -> Iterator[Row]:
        for number, line in enumerate(self.stream, 1):
            text = without_newline(line)
            yield Row(number, text, [text], text)


class DelimitedReader(_TextReader):
    """CSV or TSV with a header; each row also as it stands in the file."""

    def __init__(self, name: str, encoding: str, delimiters: str) -> None:
        """Take the one of `delimiters` that the header has most of."""
        self._delimiters = delimiters
        self._read: list[str] = []  # lines of the record that is being read
        self._line = 0
        super().__init__(name, encoding, "")

    def _begin(self) -> None:
        # The limit is the module's, for all its users; a higher one hurts none of them.
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_RECORD))
        lines = self._lines()
        first: list[str] = []
        quotes = size = 0
        for line in lines:
            if first or line.strip("\r\n"):
                first.append(line)
                quotes += line.count('"')
                size += len(line)
                if quotes % 2 == 0 or size > _LONGEST_RECORD:
                    break
        unquoted = re.sub('"[^"]*"', "", "".join(first))
        self.delimiter = max(self._delimiters, key=unquoted.count)
        self._read[:] = first
        # csv reads no line ahead, so what it has read since the last record is the record.
        self._csv = csv.reader(_chain(first, lines), delimiter=self.delimiter, strict=True)
        try:
            self.columns = self.candidates = tuple(next(self._csv, ()))
        except csv.Error as error:
            raise InputError(f"{self.name}, line {self._line}: {error}") from error
        self.header = "".join(self._read)
        if not self.columns:
            raise InputError(f"{self.name}: the file is empty; expected a header")
        if _UNDECODED.search(self.header):
            raise InputError(
                f"{self.name}: the header isn't {self.encoding} text; name its encoding with "
                "--encoding"
            )

    def rows(self, text_column: str) -> Iterator[Row]:
        column, width = self.columns.index(text_column), len(self.columns)
        rows, read = self._csv, self._read
        while True:
            read.clear()
            line = self._line + 1
            try:
                fields, problem = next(rows, None), ""
            except csv.Error as error:
                fields, problem = [], f"not {self._kind()}: {error}"
            if fields is None:
                return
            raw = read[0] if len(read) == 1 else "".join(read)
            if len(raw) > _LONGEST_RECORD:
                raise InputError(
                    f"{self.name}, line {line}: a row of over {_LONGEST_RECORD:,} characters; is a "
                    "quote left open there?"
                )
            if problem:
                yield Row(line, raw, None, problem=problem)
            elif len(fields) == width:
                yield Row(line, raw, fields, fields[column])
            elif fields:  # a blank line is no row
                problem = f"{len(fields)} fields where the header has {width}"
                yield Row(line, raw, fields, problem=problem)

    def _kind(self) -> str:
        return "TSV" if self.delimiter == "\t" else "CSV"

    def _lines(self) -> Iterator[str]:
        for line in self.stream:
            self._line += 1
            self._read.append(line)
            yield line


class JsonLinesReader(_TextReader):
    """JSON Lines: an object a line; blank lines are no rows."""

    fixed = False

    def __init__(self, name: str, encoding: str) -> None:
        super().__init__(name, encoding, "\n")

    def _begin(self) -> None:
        self._first: list[str] = []
        for line in self.stream:
            self._first.append(line)
            if line.strip():
                break
        record, _ = _parse(self._first[-1] if self._first else "")
        self.columns = tuple(record)
        # In another row, text may stand where this one has null.
        self.candidates = tuple(
            key for key, value in record.items() if value is None or isinstance(value, str)
        )

    def rows(self, text_column: str) -> Iterator[Row]:
        for number, line in enumerate(_chain(self._first, self.stream), 1):
            record, problem = _parse(line)
            if problem:
                if not line.strip():
                    continue
                yield Row(number, line, None, problem=problem)
                continue
            text = record.get(text_column)
            if isinstance(text, str):
                yield Row(number, line, record, text)
                continue
            if text_column not in record:
                there = ", ".join(map(repr, record))[:200] or "none"
                problem = f"no field {text_column!r}; there are: {there}"
            else:
                problem = f"{text_column!r} is {_json_kind(text)}, not text"
            yield Row(number, line, record, problem=problem)


class FolderReader(Reader):
    """A folder of .txt files, those of its subfolders too, in the order of their names."""

    columns = ("file", "text")

    def __init__(self, name: str, encoding: str) -> None:
        super().__init__(name)
        self._encoding = encoding
        _byte_order(b"", encoding)
        folder = Path(name)
        self._files = sorted(
            (path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")),
        )
        if not self._files:
            raise InputError(f"{name}: no .txt files in this folder")
        self.total = len(self._files)

    def blocks(self, text_column: str) -> Iterator[Block]:
        block, size = Block(self.columns, text_column), 0
        for number, file in enumerate(self._files, 1):
            path = Path(self.name, file)
            with _reading(str(path), self._encoding):
                data = path.read_bytes()
            mark, encoding = _byte_order(data[:4], self._encoding)
            row = Row(1, "", [])
            try:
                row.text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                row.problem = _undecodable(encoding)
            shown = row.text or data.decode(encoding, "replace")
            row.record, row.raw = [file, shown], f"{file}\0{shown}"
            block.add(str(path), row)
            size += len(row.raw)
            if len(block) >= ROWS or size >= CHARACTERS or number == len(self._files):
                block.position = number
                yield block
                block, size = Block(self.columns, text_column), 0


class ParquetReader(Reader):
    """Parquet: a block is a slice of a row group, so rows keep their exact types."""

    def __init__(self, name: str, encoding: str) -> None:
        """Open the file; `encoding` means nothing here."""
        super().__init__(name)
        require("parquet", "pyarrow")
        import pyarrow as pa
        import pyarrow.parquet as pq

        if name == STDIN:
            raise InputError("Parquet can't be read from standard input; give a file")
        self._errors = (pa.ArrowException, OSError, UnicodeDecodeError)
        try:
            # One thread: the cores are the model's.
            self._file = pq.ParquetFile(name, pre_buffer=False)
        except self._errors as error:
            raise self._damaged(error) from error
        self.schema = self._file.schema_arrow
        self.total = self._file.metadata.num_rows
        self.columns = tuple(self.schema.names)
        self.candidates = tuple(f.name for f in self.schema if _is_text(f.type))

    def blocks(self, text_column: str) -> Iterator[Block]:
        import pyarrow as pa

        column = self.schema.field(text_column)
        if not _is_text(column.type):
            raise InputError(f"{self.name}: column {text_column!r} is {column.type}, not text")
        done = 0
        try:
            for group in range(self._file.num_row_groups):
                about = self._file.metadata.row_group(group)
                fitting = CHARACTERS * about.num_rows // (about.total_byte_size + 1)
                for batch in self._file.iter_batches(
                    max(1, min(ROWS, fitting)), [group], use_threads=False
                ):
                    block = Block(self.columns, text_column, table=pa.Table.from_batches([batch]))
                    texts = batch.column(self.columns.index(text_column)).to_pylist()
                    block.problems = {
                        i: f"{text_column!r} is null"
                        for i, text in enumerate(texts)
                        if text is None
                    }
                    block.raws = block.texts = [text or "" for text in texts]
                    block.files = [self.name] * len(texts)
                    block.lines = list(range(done + 1, done + 1 + len(texts)))
                    done += len(texts)
                    block.position = done
                    yield block
        except self._errors as error:
            raise self._damaged(error) from error

    def close(self) -> None:
        self._file.close()

    def _damaged(self, error: Exception) -> InputError:
        if isinstance(error, OSError) and error.strerror:
            return InputError(f"{self.name}: {os.strerror(error.errno or 0)}")
        return InputError(f"{self.name}: cut short, damaged or not Parquet ({error})")


def without_newline(line: str) -> str:
    """Return `line` without the newline (LF or CR LF) at its end."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def _parse(line: str) -> tuple[dict[str, Any], str]:
    """Return the object of a line of JSON, or why there is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {}, f"not JSON: {error}"
    if not isinstance(record, dict):
        return {}, f"{_json_kind(record)}, not a JSON object"
    return record, ""


def _json_kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _chain(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


def _undecodable(encoding: str) -> str:
    return f"bytes that aren't {encoding} text; name the file's encoding with --encoding"


_MARKS = {
    "utf-8": {codecs.BOM_UTF8: "utf-8"},
    "utf-16": {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"},
    "utf-32": {codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be"},
}


def _byte_order(start: bytes, encoding: str) -> tuple[bytes, str]:
    """Return the byte-order mark that a file starts with, if any, and its exact encoding."""
    try:
        "".encode(encoding)
        encoding = codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:  # ValueError for a NUL in the name
        raise ConfigError(f"{encoding!r} isn't a text encoding that Python knows") from error
    encoding = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    for mark, exact in _MARKS.get(encoding, {}).items():
        if start.startswith(mark):
            return mark, exact
    return b"", encoding + "-le" if encoding in ("utf-16", "utf-32") else encoding


@contextlib.contextmanager
def _reading(name: str, encoding: str) -> Iterator[None]:
    """Turn what may go wrong in reading a text file into an InputError that says so."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: not {encoding} text ({error.reason}); name its encoding with --encoding"
        ) from error
    except DAMAGED as error:
        reason = getattr(error, "strerror", None) or f"cut short or damaged ({error})"
        raise InputError(f"{name}: {reason}") from error
