"""CSV and TSV: records whose fields may be quoted, read so that nothing is lost silently.

The records are taken apart here and not by Python's `csv`, whose bound on a field is one setting
for the whole process, and which can't say where to read on after a quote that doesn't close.
"""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from ..errors import ConfigError, InputError, counted
from .block import Block, Results, Row
from .reading import Reader, numbered
from .textfile import TextReader, TextWriter, is_decoded, json_value, replaceable, to_json
from .writing import columns_of, texts_of

# A quoted field of more lines than this, most of which would be rows by themselves, isn't one
# field: two stray quotes stand there.
_PLAUSIBLE = 10


class CsvReader(TextReader):
    """CSV with a header or without; each row also as it stands in the file."""

    newline = ""
    delimiters = ",;\t|"  # those that a header may have

    def _begin(self) -> None:
        self._lines = self.lines()
        self._pushed: deque[str] = deque()
        self._line = 0
        self.preface = ""
        first = self._next()
        # Excel's own way of naming the delimiter.
        if first and (found := re.fullmatch(r"sep=(.)[\r\n]+", first, re.IGNORECASE)):
            self.preface, self.delimiters = first, found[1]
            first = self._next()
        while first is not None and not first.strip("\r\n"):
            first = self._next()
        if first is None:
            raise InputError(f"{self.name}: the file is empty; expected a header")
        lines = [first]
        odd = self.options.quotes and first.count('"') % 2
        while odd and len(lines) < self.options.max_lines and (line := self._next()) is not None:
            lines.append(line)
            odd = line.count('"') % 2 == 0
        unquoted = "".join(lines)
        if self.options.quotes:
            unquoted = re.sub('"[^"]*"', "", unquoted)
        most = max(map(unquoted.count, self.delimiters))
        there = [each for each in self.delimiters if unquoted.count(each) == most > 0]
        if len(there) > 1 and (second := self._next()) is not None:
            lines.append(second)
            there = [each for each in there if second.count(each) == most] or there
        if len(there) > 1 and self.options.header:  # names of columns have commas in them
            there = [each for each in there if each != ","]
        self.delimiter = there[0] if there else self.delimiters[0]
        self._push(lines)
        header = next(self._records(0))
        if problem := self.options.too_long(header.raw) or header.problem:
            raise InputError(f"{self.name}, line {header.line}: {problem}")
        self.header, self.columns = header.raw, tuple(header.record)
        if not is_decoded(self.header):
            raise InputError(
                f"{self.name}: the header isn't {self.encoding} text; name its encoding with "
                "encoding=..."
            )
        self.named = self.options.header
        if not self.named:
            self.columns = numbered(len(self.columns))
            self._push(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", self.header))
        self.candidates = self.columns

    def shape(self) -> object:
        return self.columns, self.delimiter

    def rows(self, text_column: str) -> Iterator[Row]:
        column, width = self.columns.index(text_column), len(self.columns)
        where = "header" if self.named else "first row"
        for row in self._records(width):
            if row.record is not None:
                row.lines = self._line - row.line + 1
                if (count := len(row.record)) == width:
                    row.text = row.record[column]
                else:
                    row.problem = f"{counted(count, 'field')} where the {where} has {width}"
                    row.record = row.record if count < width else None
            yield row

    def _next(self) -> str | None:
        line = self._pushed.popleft() if self._pushed else next(self._lines, None)
        self._line += line is not None
        return line

    def _push(self, lines: list[str]) -> None:
        """Have lines read again."""
        self._pushed.extendleft(reversed(lines))
        self._line -= len(lines)

    def _records(self, width: int) -> Iterator[Row]:
        """Yield each record, whatever number of fields it has."""
        quotes, delimiter = self.options.quotes, self.delimiter
        while (line := self._next()) is not None:
            number = self._line
            if quotes and '"' in line:
                yield self._quoted(number, line, width)
            elif kept := line.rstrip("\r\n"):  # a blank line is no row
                yield Row(number, line, kept.split(delimiter))

    def _quoted(self, number: int, line: str, width: int) -> Row:
        """Return the record that begins with `line`.

        Where its quotes can't be right, the record is this line alone: those after it are read
        as records of their own.
        """
        lines: list[str] = [line]
        fields: list[str] = []
        problem = self._gather(lines, fields)
        tabs = self.delimiter == "\t"
        most = 1 if tabs and width > 1 else _PLAUSIBLE
        if not problem and len(lines) > most and self._are_rows(lines, width):
            problem = f"a quote that closes {len(lines) - 1:,} lines later"
        if not problem:
            return Row(number, "".join(lines), fields)
        self._push(lines[1:])
        if tabs and unterminated(line).count("\t") == width - 1 > 0:
            # Many programs write tables of tabs without giving quotes a meaning.
            return Row(number, line, unterminated(line).split("\t"))
        if len(lines) > 1:
            problem += "; read on at the line after it"
        return Row(number, line, None, problem=f"not {'TSV' if tabs else 'CSV'}: {problem}")

    def _are_rows(self, lines: list[str], width: int) -> bool:
        """Say whether most lines would be rows by themselves, the first and the last among them.

        With a single column any line would, so that nothing tells a text from stray quotes.
        """
        fit = [unterminated(line).count(self.delimiter) == width - 1 for line in lines]
        return width == 1 or (fit[0] and fit[-1] and 2 * sum(fit[1:-1]) >= len(lines) - 2)

    def _gather(self, lines: list[str], fields: list[str]) -> str:
        """Append the lines that the record in `lines` goes on with, and its fields.

        Return what is wrong with it, or an empty string.
        """
        most, size, text = self.options.max_lines, len(lines[0]), lines[0]
        while True:
            try:
                at = _split(text, self.delimiter, fields)
            except ValueError as error:
                return str(error)
            if at < 0:
                return ""
            # An even number of quotes leaves an open one open.
            more = [text[at:]]
            while len(more) == 1 or more[-1].count('"') % 2 == 0:
                if len(lines) >= most or size > self.options.max_characters:
                    characters = self.options.max_characters
                    return (
                        f"a quote that stays open for {most:,} lines or {characters:,} characters"
                    )
                line = self._next()
                if not line:
                    if line is not None:
                        self._push([line])
                    return "a quote that never closes"
                lines.append(line)
                more.append(line)
                size += len(line)
            text = "".join(more)


class TsvReader(CsvReader):
    """TSV: like CSV, but for the delimiter."""

    delimiters = "\t"


def _split(text: str, delimiter: str, fields: list[str]) -> int:
    """Append the fields of a record; return where a quoted one begins that stays open, or -1.

    Raises ValueError for a quoted field with something after it. The rules are those of RFC 4180;
    a quote within an unquoted field is a character like any other.
    """
    at, end = 0, len(unterminated(text))
    while True:
        if text.startswith('"', at):
            close = text.find('"', at + 1)
            while close >= 0 and text.startswith('"', close + 1):
                close = text.find('"', close + 2)
            if close < 0:
                return at
            field = text[at + 1 : close]
            fields.append(field.replace('""', '"') if '"' in field else field)
            at = close + 1
            if at < end and not text.startswith(delimiter, at):
                raise ValueError(f"{delimiter!r} expected after '\"'")
        else:
            stop = text.find(delimiter, at, end)
            stop = end if stop < 0 else stop
            fields.append(text[at:stop])
            at = stop
        if at >= end:
            return -1
        at += 1


class CsvWriter(TextWriter):
    """CSV in UTF-8, from a reader of another format."""

    delimiter = ","

    def _begin(self, reader: Reader, first: Sequence[Block]) -> None:
        self._columns = columns_of(reader, first)

    def head(self) -> bytes:
        names = [column.name for column in self.added]
        return self.compressed(self.to_bytes(self._line([*self._columns, *names])))

    def lines(self, results: Results) -> Iterator[str]:
        values = list(results.block.values())
        known = set(self._columns)
        added = zip(*[texts_of(cells, str, "") for cells in results.cells], strict=True)
        for row, new in zip(results.rows, added, strict=True):
            record = values[row]
            if not known.issuperset(record):
                name = next(key for key in record if key not in known)
                raise InputError(
                    f"{results.block.place(row)}: the field {name!r} isn't among the columns that "
                    "the first rows gave; write .jsonl instead"
                )
            yield self._line([*(_cell(record.get(column)) for column in self._columns), *new])

    def _line(self, cells: Iterable[str]) -> str:
        return self.delimiter.join(_quoted(cell, self.delimiter) for cell in cells) + "\n"


class TsvWriter(CsvWriter):
    """TSV: like CSV, but for the delimiter."""

    delimiter = "\t"


class SameCsvWriter(TextWriter):
    """CSV or TSV from the same: each record as it was, then the new columns.

    Delimiter, encoding, byte-order mark and line endings stay those of the input.
    """

    def _begin(self, reader: Reader, first: Sequence[Block]) -> None:
        assert isinstance(reader, CsvReader)  # noqa: S101
        self._reader = reader
        self.encoding = reader.encoding
        self._newline = reader.header[len(unterminated(reader.header)) :] or "\n"
        self._quoted = lru_cache(maxsize=1024)(self._as_field)
        for column in self.added:
            for text in (column.name, *column.values):
                try:
                    self._as_field(text).encode(reader.encoding)
                except UnicodeEncodeError as error:
                    raise ConfigError(
                        f"{reader.encoding} can't hold {error.object[error.start]!r} of a label; "
                        "write another format, which is UTF-8"
                    ) from error

    def head(self) -> bytes:
        head = self._reader.preface
        if self._reader.named:
            names = [self._quoted(column.name) for column in self.added]
            header = unterminated(self._reader.header)
            head += self._reader.delimiter.join([header, *names]) + self._newline
        return self.compressed(self._reader.byte_order_mark + self.to_bytes(head))

    def to_bytes(self, text: str) -> bytes:
        try:
            return text.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError:  # UTF-16 and UTF-32 have no place for a single byte
            return replaceable(text).encode(self.encoding, "replace")

    def lines(self, results: Results) -> Iterator[str]:
        block, delimiter = results.block, self._reader.delimiter
        added = zip(*[texts_of(cells, self._quoted, "") for cells in results.cells], strict=True)
        for row, new in zip(results.rows, added, strict=True):
            raw = block.raws[row]
            kept = unterminated(raw)
            newline = raw[len(kept) :] or self._newline
            if row in block.problems:
                kept = self._in_error(block, row, kept)
            yield delimiter.join([kept, *new]) + newline

    def _in_error(self, block: Block, row: int, kept: str) -> str:
        """Return a row in error so that what follows it falls into the right columns."""
        fields, width, delimiter = block.records[row], len(block.columns), self._reader.delimiter
        if fields is not None:
            return kept + delimiter * (width - len(fields))
        before = block.columns.index(block.text_column)
        if self._reader.options.quotes:
            whole = '"' + kept.replace('"', '""') + '"'
        else:
            whole = kept.replace(delimiter, " ")
        return delimiter * before + whole + delimiter * (width - 1 - before)

    def _as_field(self, value: str) -> str:
        if not self._reader.options.quotes:
            if self._reader.delimiter in value or "\n" in value or "\r" in value:
                raise ConfigError(
                    f"{value!r} can't be written without quotes; write another format"
                )
            return value
        return _quoted(value, self._reader.delimiter)


def unterminated(raw: str) -> str:
    """Return a record without the newline at its end, of any kind."""
    return raw.removesuffix("\n").removesuffix("\r")


def _quoted(value: str, delimiter: str) -> str:
    """Return a field of CSV, in quotes if it needs them."""
    if delimiter in value or '"' in value or "\n" in value or "\r" in value:
        return '"' + value.replace('"', '""') + '"'
    return value


def _cell(value: Any) -> str:
    """Return a value as the text of a CSV field: JSON, but for text, dates and nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return json.dumps(value)  # CSV may hold NaN
    if isinstance(value, bool | int | dict | list):
        return to_json(value)
    return str(json_value(value))
