"""A folder of .txt files: a text a file."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .block import Block, Row
from .reading import Reader, ReadOptions
from .textfile import byte_order, reading_errors, undecodable


class FolderReader(Reader):
    """A folder of .txt files, those of its subfolders too, in the order of their names."""

    columns = ("file", "text")

    def __init__(self, name: str, reading: ReadOptions) -> None:
        super().__init__(name, reading)
        byte_order(b"", reading.encoding)
        folder = Path(name)
        with reading_errors(name, reading.encoding):
            self._files = sorted(
                path.relative_to(folder).as_posix()
                for path in folder.rglob("*.txt")
                if not path.is_dir()
            )
        if not self._files:
            raise InputError(f"{name}: no .txt files in this folder")
        self.total = len(self._files)

    def blocks(self, text_column: str) -> Iterator[Block]:
        block = Block(self.columns, text_column)
        for number, file in enumerate(self._files, 1):
            path = Path(self.name, file)
            with reading_errors(str(path), self.reading.encoding):
                row = self._row(path)
            row.record, row.raw = [file, row.raw], f"{file}\0{row.raw}"
            block.add(str(path), row)
            if block.is_full() or number == len(self._files):
                block.position = number
                yield block
                block = Block(self.columns, text_column)

    def _row(self, path: Path) -> Row:
        if not path.is_file():  # a pipe would be waited for
            return Row(1, "", [], problem="not a regular file")
        limit = self.reading.max_characters
        with path.open("rb") as file:
            data = file.read(4 * limit + 4)  # no encoding takes more, nor does a mark
            more = file.read(1)
        mark, encoding = byte_order(data[:4], self.reading.encoding)
        text = data[len(mark) :].decode(encoding, "replace")
        if more or len(text) > limit:
            problem = f"over {limit:,} characters (--max-characters)"
            return Row(1, "", [], problem=problem)
        try:
            return Row(1, text, [], data[len(mark) :].decode(encoding))
        except UnicodeDecodeError:
            return Row(1, text, [], problem=undecodable(encoding))
