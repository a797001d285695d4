"""JSON: a list of objects, or an object that holds one such list; read an object at a time."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from ..errors import InputError
from .block import Row
from .jsonlines import candidates, row_of
from .textfile import TextReader

_CHUNK = 1 << 16  # characters
_decode = json.JSONDecoder().raw_decode


class JsonReader(TextReader):
    """A list of objects. What isn't JSON stops the run, as nothing tells where it goes on."""

    fixed = False

    def _begin(self) -> None:
        self._text = ""
        self._at = 0  # in it
        self._line = 1
        self._chunk = _CHUNK
        self._rows = self._elements()
        self._first = list(next(([row] for row in self._rows), []))
        record = self._first[0][2] if self._first else {}
        self.columns = tuple(record)
        self.candidates = candidates(record)

    def rows(self, text_column: str) -> Iterator[Row]:
        for line, raw, record in chain(self._first, self._rows):
            yield row_of(line, raw, record, "", text_column)

    def _elements(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Yield the line, the text and the value of each object of the list."""
        opening = self._next()
        if opening == "[":
            yield from self._list()
        elif opening == "{":
            found = False
            while self._next(peek=True) != "}":
                self._value()
                self._expect(":")
                if self._next(peek=True) == "[":
                    if found:
                        raise self._error("a second list; say which one by making it a file")
                    found = True
                    self._expect("[")
                    yield from self._list()
                else:
                    self._value()
                if self._next(peek=True) == ",":
                    self._expect(",")
            self._expect("}")
            if not found:
                raise self._error("no list of objects; if each line is one, say --format jsonl")
        else:
            raise self._error("expected a list of objects")
        if self._next(peek=True):
            raise self._error("more after the end; if each line is an object, say --format jsonl")

    def _list(self) -> Iterator[tuple[int, str, dict[str, Any]]]:
        if self._next(peek=True) == "]":
            self._expect("]")
            return
        while True:
            self._next(peek=True)
            line, (raw, value) = self._line, self._value()
            if not isinstance(value, dict):
                raise self._error("an element that is no object")
            yield line, raw, value
            if self._next() == "]":
                return
            if self._text[self._at - 1 : self._at] != ",":
                raise self._error("',' or ']' expected")

    def _next(self, *, peek: bool = False) -> str:
        """Return the next character that isn't white space, or an empty string at the end."""
        while True:
            rest = self._text[self._at :].lstrip(" \t\r\n") if self._at < len(self._text) else ""
            if rest:
                self._go(len(self._text) - len(rest))
                if not peek:
                    self._go(self._at + 1)
                return rest[0]
            self._go(len(self._text))
            if not self._read():
                return ""

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise self._error(f"{character!r} expected")

    def _value(self) -> tuple[str, Any]:
        """Return the next value, as it stands there and as what it is."""
        self._next(peek=True)  # past white space
        while True:
            try:
                value, end = _decode(self._text, self._at)
                # A number may go on.
                if end < len(self._text) or not self._read():
                    raw = self._text[self._at : end]
                    self._go(end)
                    return raw, value
            except (ValueError, RecursionError) as error:
                limit = self.reading.max_characters
                if len(self._text) - self._at > limit:
                    problem = f"not JSON, or over {limit:,} characters (--max-characters)"
                    raise self._error(problem) from error
                if not self._read():
                    raise self._error(f"not JSON: {error}") from error

    def _go(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _read(self) -> bool:
        """Read more; twice as much where a value needs it, so that time grows with its length."""
        more = self.stream.read(max(_CHUNK, len(self._text) - self._at))
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more)

    def _error(self, problem: str) -> InputError:
        return InputError(f"{self.name}, line {self._line}: {problem}")
