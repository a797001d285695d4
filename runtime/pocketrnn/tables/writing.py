"""What all writers share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from ..errors import ConfigError
from .block import Block, Column, Results
from .reading import Reader


class Writer(ABC):
    """Turns blocks into pieces of an output, always the same bytes for the same block."""

    def __init__(
        self, name: str, columns: Sequence[Column], reader: Reader, first: Sequence[Block]
    ) -> None:
        """Write `columns` after those of `reader`, of which `first` are blocks, to `name`."""
        self.name = name
        self.added = tuple(columns)
        self._begin(reader, first)

    @abstractmethod
    def _begin(self, reader: Reader, first: Sequence[Block]) -> None:
        """Look at the input, as far as that matters; the blocks aren't to be kept."""

    def head(self) -> bytes:
        """Return what comes before the first row."""
        return b""

    @abstractmethod
    def encode(self, results: Results) -> bytes:
        """Return a block's rows. Raises InputError for a row that the format can't hold."""

    def join(self, file: BinaryIO, pieces: Iterable[bytes]) -> None:
        """Write the output that the pieces make."""
        file.write(self.head())
        for piece in pieces:
            file.write(piece)


def columns_of(reader: Reader, first: Sequence[Block]) -> tuple[str, ...]:
    """Return the columns that a table has, which is written from what `reader` reads."""
    if reader.fixed:
        return reader.columns
    return tuple(dict.fromkeys(key for block in first for row in block.values() for key in row))


def taken_error(where: str, names: set[str]) -> ConfigError:
    """Return the error for columns that are there already."""
    shown = ", ".join(map(repr, sorted(names)))
    return ConfigError(
        f"{where}: has a column {shown} already; give the new ones' names a prefix=..., "
        "such as new_"
    )


def texts_of(cells: Any, quoted: Any, empty: str) -> Iterator[str]:
    """Yield the cells of an added column as text: `quoted` what is text, `empty` what isn't known.

    Numbers are written with the fewest digits that give the same float32 back.
    """
    write = quoted if cells.column.kind == "text" else str
    for value, known in zip(cells.values, cells.known.tolist(), strict=True):
        yield write(value) if known and value is not None else empty
