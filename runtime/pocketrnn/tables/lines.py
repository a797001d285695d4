"""Plain text: one text a line, blank lines too."""

from collections.abc import Iterator

from .block import Row
from .textfile import TextReader, without_newline


class LinesReader(TextReader):
    """Plain text: one text a line."""

    def rows(self, text_column: str) -> Iterator[Row]:
        for number, line in enumerate(self.lines(), 1):
            text = without_newline(line)
            yield Row(number, text, [text], text)
