"""Excel's .xlsx, by python-calamine: the first sheet, its cells as text, as CSV would have them."""

import logging
from collections.abc import Iterator
from typing import Any

from ..errors import InputError, PocketRNNError
from ..extras import require
from .block import Block, Row
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
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
        except (MemoryError, PocketRNNError):
            raise
        except Exception as error:  # its own kinds, and those of what it is made of
            raise InputError(f"{name}: cut short, damaged or not a workbook ({error})") from error
        if len(book.sheet_names) > 1:
            _log.warning("%s: only its first sheet is read, %r", name, book.sheet_names[0])
        self._rows = [(i, list(map(_text, row))) for i, row in enumerate(rows, 1) if any(row)]
        if not self._rows:
            raise InputError(f"{name}: the first sheet is empty; expected a header")
        self.columns = tuple(self._rows[0][1])
        self.named = options.header
        if self.named:
            del self._rows[0]
        else:
            self.columns = numbered(len(self.columns))
        self.candidates = self.columns
        self.total = len(self._rows)

    def blocks(self, text_column: str) -> Iterator[Block]:
        column = self.columns.index(text_column)
        block = Block(self.columns, text_column)
        for number, (line, cells) in enumerate(self._rows, 1):
            block.add(self.name, Row(line, "\0".join(cells), cells, cells[column]))
            if block.is_full() or number == self.total:
                block.position = number
                yield block
                block = Block(self.columns, text_column)


def _text(value: Any) -> str:
    """Return a cell as text: Excel has no whole numbers, and no text for dates."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)
