"""Excel's .xlsx, by python-calamine: the first sheet, its cells as text, as CSV would have them."""

import logging
from collections.abc import Iterator
from typing import Any

from ..errors import InputError
from ..extras import require
from .block import Row
from .reading import STDIN, Reader, ReadOptions, numbered

_log = logging.getLogger("pocketrnn")


class XlsxReader(Reader):
    """The first sheet of a workbook, which is held in memory: it has a million rows at most."""

    def __init__(self, name: str, options: ReadOptions) -> None:
        super().__init__(name, options)
        require("xlsx", "python_calamine")
        if name == STDIN:
            raise InputError("a workbook can't be read from standard input; give a file")
        try:
            from python_calamine import CalamineWorkbook

            book = CalamineWorkbook.from_path(name)
            sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
        except MemoryError:
            raise
        except Exception as error:  # its own kinds, and those of what it is made of
            raise InputError(f"{name}: cut short, damaged or not a workbook ({error})") from error
        if len(book.sheet_names) > 1:
            _log.warning("%s: only its first sheet is read, %r", name, book.sheet_names[0])
        rows = ((line, [*map(_text, row)]) for line, row in enumerate(sheet, 1))
        self._rows = [(line, cells) for line, cells in rows if any(cells)]
        if not self._rows:
            raise InputError(f"{name}: the first sheet is empty; expected a header")
        self.named = options.header
        columns = self._rows[0][1]
        self.columns = tuple(columns) if self.named else numbered(len(columns))
        self.candidates = self.columns
        del self._rows[: self.named]
        self.total = len(self._rows)

    def rows(self, text_column: str) -> Iterator[Row]:
        column = self.columns.index(text_column)
        for line, cells in self._rows:
            yield Row(line, "\0".join(cells), cells, cells[column])


def _text(value: Any) -> str:
    """Return a cell as text: Excel has no whole numbers, and no text for dates."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
