"""JSON: a list of objects, or an object that holds one such list; it is held in memory."""

import json
from collections.abc import Iterator
from typing import Any

from ..errors import InputError
from .block import Row
from .jsonlines import candidates, row_of
from .textfile import TextReader, is_decoded, undecodable

# So many times the characters that a row may have are what a file may have.
_ROWS = 16


class JsonReader(TextReader):
    """A list of objects. What stands for an object's line is its number."""

    fixed = False
    unit = "rows"

    def _begin(self) -> None:
        most = _ROWS * self.options.max_characters
        text = self.stream.read(most + 1)
        if len(text) > most:
            raise InputError(
                f"{self.name}: over {most:,} characters ({_ROWS} times max_characters=...), which "
                "would be held in memory; write it as .jsonl"
            )
        if not is_decoded(text):
            raise InputError(f"{self.name}: {undecodable(self.encoding)}: encoding=...")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            may_be_lines = "Extra" in str(error) and "\n" in text.strip()
            hint = '; if each line is an object, say format="jsonl"' * may_be_lines
            raise InputError(f"{self.name}: not JSON: {error}{hint}") from error
        values = found.values() if isinstance(found, dict) else [found]
        lists = [value for value in values if isinstance(value, list)]
        lists = [value for value in lists if all(isinstance(each, dict) for each in value)]
        lists = [value for value in lists if value] or lists[:1]
        if len(lists) != 1:
            raise InputError(
                f"{self.name}: holds {len(lists)} lists of objects, not one; "
                'expected [{"text": "..."}, ...]'
            )
        self._records: list[dict[str, Any]] = lists[0]
        self.total = len(self._records)
        first = self._records[0] if self._records else {}
        self.columns, self.candidates = tuple(first), candidates(first)

    def rows(self, text_column: str) -> Iterator[Row]:
        for number, record in enumerate(self._records, 1):
            yield row_of(number, json.dumps(record), record, "", text_column)

    def position(self, rows: int) -> int:
        return rows
