"""Files of rows: one module a format, and the engine that runs a function over them.

Here is what reads a table for another purpose:

    with closing(open_reader(name, format_of(name))) as reader:
        column = find_text_column(reader, None)
        for block in reader.blocks(column):
            ...  # block.texts, block.values(), block.problems, block.place(row)
"""

from .block import NO_TEXT, Block
from .formats import format_of, open_reader
from .reading import Reader, ReadOptions, check_column, find_text_column

__all__ = [
    "NO_TEXT",
    "Block",
    "ReadOptions",
    "Reader",
    "check_column",
    "find_text_column",
    "format_of",
    "open_reader",
]
