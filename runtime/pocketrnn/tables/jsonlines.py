"""JSON Lines: an object a line."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from .block import Block, Results, Row
from .reading import Reader, listed
from .textfile import TextReader, TextWriter, to_json, without_newline
from .writing import taken_error, texts_of


class JsonLinesReader(TextReader):
    """JSON Lines: an object a line; blank lines are no rows."""

    fixed = False

    def _begin(self) -> None:
        self._first: list[str | None] = []  # None stands for a line that is too long
        self._lines = self.lines()
        for line in self._lines:
            self._first.append(None if self.options.too_long(line) else line)
            if (self._first[-1] or "").strip():
                break
        line = self._first[-1] or "" if self._first else ""
        record, problem = parsed(line)
        if problem and line.strip():
            self.problem = f"line {len(self._first)}: {problem}"
        self.columns = tuple(record)
        self.candidates = candidates(record)

    def rows(self, text_column: str) -> Iterator[Row]:
        for number, line in enumerate(chain(self._first, self._lines), 1):
            if line is None or self.options.too_long(line):
                yield Row(number, "", None, problem=self.options.over)
            elif line.strip():
                yield row_of(number, line, *parsed(line), text_column)


class JsonLinesWriter(TextWriter):
    """JSON Lines in UTF-8, from any format; objects that were JSON keep their exact text."""

    def _begin(self, reader: Reader, first: Sequence[Block]) -> None:
        self._same = isinstance(reader, JsonLinesReader)
        self._keys = [to_json(column.name) + ": " for column in self.added]

    def lines(self, results: Results) -> Iterator[str]:
        block, names = results.block, {column.name for column in self.added}
        values = block.records if self._same else list(block.values())
        added = zip(*[texts_of(cells, to_json, "null") for cells in results.cells], strict=True)
        for row, new in zip(results.rows, added, strict=True):
            record, raw = values[row], block.raws[row]
            if record is None:
                record = {block.text_column: without_newline(raw)}
            if taken := names.intersection(record):
                raise taken_error(block.place(row), taken)
            if not self._same or block.records[row] is None:
                raw = to_json(record)
            # The last brace is the object's own: after it there can only be white space.
            head = raw[: raw.rindex("}")] + (", " if record else "")
            yield head + ", ".join(map(str.__add__, self._keys, new)) + "}\n"


def parsed(line: str) -> tuple[dict[str, Any], str]:
    """Return the object of a line of JSON, or why there is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {}, f"not JSON: {error}"
    if not isinstance(record, dict):
        return {}, f"{_kind(record)}, not a JSON object"
    return record, ""


def candidates(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the fields of an object that may hold text: in another one, where it has null."""
    return tuple(k for k, value in record.items() if value is None or isinstance(value, str))


def row_of(number: int, raw: str, record: dict[str, Any], problem: str, text_column: str) -> Row:
    if problem:
        return Row(number, raw, None, problem=problem)
    text = record.get(text_column)
    if isinstance(text, str):
        return Row(number, raw, record, text)
    if text_column not in record:
        problem = no_field(text_column, record)
    elif text is not None:
        problem = f"{text_column!r} is {_kind(text)}, not text"
    return Row(number, raw, record, problem=problem)


def no_field(name: str, record: dict[str, Any]) -> str:
    """Return the problem of an object without a field."""
    return f"no field {name!r}; there are: {listed(list(record))}"


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")
