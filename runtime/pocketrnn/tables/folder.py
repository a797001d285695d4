"""A folder of .txt files: a text a file."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .block import Row
from .reading import Reader, ReadOptions
from .textfile import byte_order, reading_errors, undecodable


def text_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the .txt files of a folder and its subfolders, in the order of their names.

    Raises InputError for a folder that can't be read, or has none.
    """

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: {error.strerror}") from error

    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if name.lower().endswith(".txt")
    ]
    if not found:
        raise InputError(f"{os.fspath(folder)}: no .txt files in this folder")
    return sorted(found, key=Path.as_posix)


class FolderReader(Reader):
    """A folder of .txt files, those of its subfolders too, in the order of their names."""

    columns = ("file", "text")

    def __init__(self, name: str, options: ReadOptions) -> None:
        super().__init__(name, options)
        byte_order(b"", options.encoding)
        self._files = [path.relative_to(name).as_posix() for path in text_files(name)]
        self.total = len(self._files)

    def rows(self, text_column: str) -> Iterator[Row]:
        for file in self._files:
            path = Path(self.name, file)
            with reading_errors(str(path), self.options.encoding):
                text, problem = self._text(path)
            yield Row(1, f"{file}\0{text}", [file, text], text, problem, str(path))

    def bounded(self, row: Row) -> Row:
        return row  # a name counts for nothing; its text has been measured

    def _text(self, path: Path) -> tuple[str, str]:
        """Return the text of a file, and its problem."""
        if not path.is_file():  # a pipe would be waited for
            return "", "not a regular file"
        limit = self.options.max_characters
        with path.open("rb") as file:
            data = file.read(4 * limit + 4)  # no encoding takes more, nor does a mark
            more = file.read(1)
        try:
            mark, encoding = byte_order(data[:4], self.options.encoding)
        except UnicodeError:
            return "", undecodable(self.options.encoding)
        data = data[len(mark) :]
        try:
            text, problem = data.decode(encoding), ""
        except UnicodeDecodeError:
            text, problem = data.decode(encoding, "replace"), undecodable(encoding)
        return ("", self.options.over) if more or len(text) > limit else (text, problem)
