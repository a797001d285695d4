"""What all readers share: how to read, what a reader is, and which column holds the text."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from ..config import whole_number
from ..errors import ColumnError
from .block import Block, Row

STDIN = "-"  # as an input; as an output it means standard output

_log = logging.getLogger("pocketrnn")

ON_ERROR = ("fail", "skip", "null")  # what may become of a row in error

_NO_HEADER = "if the first row is one like the others, say header=False"

_USUAL_NAMES = frozenset(
    {"text", "texts", "review", "reviews", "comment", "comments", "content", "body", "message"}
    | {"sentence", "document", "description", "tweet", "post"}
)


@dataclass(frozen=True)
class ReadOptions:
    """How inputs are read, where their format leaves a choice."""

    encoding: str = "utf-8"
    header: bool = True
    """Whether the first row of a table holds the names of its columns; they are 1, 2, ... else."""
    quotes: bool = True
    """Whether quotes may enclose the fields of CSV and TSV."""
    max_characters: int = 1 << 24
    """Of a row, and so of a text; a longer one is a row in error."""
    max_lines: int = 1000
    """Of a row of CSV or TSV; a quote that stays open for longer is a row in error."""

    def __post_init__(self) -> None:
        """Raise ConfigError for bounds that bound nothing."""
        for name in ("max_characters", "max_lines"):
            whole_number(getattr(self, name), f"{name} must be a whole number from 1", 1)

    def too_long(self, raw: str) -> str:
        """Return the problem of a row that is too long, or an empty string."""
        most = self.max_characters
        return self.over if len(raw) > most and len(raw.rstrip("\r\n")) > most else ""

    @property
    def over(self) -> str:
        """The problem of a row that is too long."""
        return f"over {self.max_characters:,} characters (max_characters=...)"


class Reading(TypedDict, total=False):
    """The fields of ReadOptions, as arguments that a caller may leave out."""

    encoding: str
    header: bool
    quotes: bool
    max_characters: int
    max_lines: int


class Reader:
    """One input, opened: what columns it has, and its rows in blocks."""

    columns: tuple[str, ...] = ("text",)  # of JSON lines: those of the first
    candidates: tuple[str, ...] = ("text",)  # columns that may hold text
    fixed = True  # every row has these columns and no other
    named = True  # whether the columns have names; if not, they are 1, 2, ...
    problem = ""  # why the first row tells no columns
    schema: Any = None  # the types of the columns, where they have such: a pyarrow.Schema
    total: int | None = None  # size of the input in `unit`, where it is known
    unit = "rows"

    def __init__(self, name: str, options: ReadOptions) -> None:
        """Open the input called `name`. Raises InputError if it isn't what it should be."""
        self.name = name if name != STDIN else "standard input"
        self.options = options

    def rows(self, text_column: str) -> Iterator[Row]:
        """Yield the rows. Raises InputError for what no row can be made of."""
        raise NotImplementedError

    def shape(self) -> object:
        """Return what has to be equal for the rows of two inputs to go into one output."""
        return self.columns if self.fixed else None

    def close(self) -> None:
        """Let go of the file."""

    def position(self, rows: int) -> int:
        """Return how far into the input these first `rows` reach, in the reader's unit."""
        return rows

    def bounded(self, row: Row) -> Row:
        """Return a row, or what stands for one that is too long, so that its values aren't held."""
        problem = self.options.too_long(row.raw)
        return replace(row, raw="", record=None, text="", problem=problem) if problem else row

    def blocks(self, text_column: str) -> Iterator[Block]:
        rows, count, most = self.rows(text_column), 0, self.options.max_characters
        while True:
            block = Block(self.columns, text_column)
            for row in rows:
                if len(row.raw) > most:
                    row = self.bounded(row)
                block.add(row.file or self.name, row)
                if block.is_full():
                    break
            if not len(block):
                return
            count += len(block)
            block.position = self.position(count)
            yield block


def find_text_column(reader: Reader, given: str | None, *, label_column: str | None = None) -> str:
    """Return the name of the column of texts: the one `given`, or the obvious one.

    Obvious is the only column that may hold text, or the only one with a usual name; never
    `label_column`. Raises ColumnError, listing the columns, if there is none such.
    """
    if given is not None:
        check_column(reader, given)
        if reader.fixed and given not in reader.candidates:
            raise ColumnError(f"{reader.name}: column {given!r} isn't text", reader.columns)
        return given
    candidates = [name for name in reader.candidates if name != label_column]
    if len(candidates) == 1:
        return candidates[0]
    question = "which column holds the text? Say text_column=..."
    return usual_column(reader, candidates, question, _USUAL_NAMES)


def usual_column(reader: Reader, names: Sequence[str], question: str, *usual: Set[str]) -> str:
    """Return the only one of `names` that is a usual one; else ColumnError, with the question.

    Less usual ones count only where none of those before them is there.
    """
    of_each = ([name for name in names if name.strip().lower() in some] for some in usual)
    found = next(filter(None, of_each), [])
    if len(found) == 1:
        return found[0]
    known = f"it can't be told from {reader.problem}" if reader.problem else _there_are(reader)
    raise ColumnError(f"{reader.name}: {question}; {known}", reader.columns)


def check_column(reader: Reader, name: str) -> None:
    """Raise ColumnError, listing the columns, unless every row has the column, or may have it."""
    if reader.fixed and (count := reader.columns.count(name)) != 1:
        found = "two columns" if count else "no column"
        raise ColumnError(
            f"{reader.name}: {found} called {name!r}; {_there_are(reader)}", reader.columns
        )


def _there_are(reader: Reader) -> str:
    """Name the columns for an error, and doubt a header that may be a text.

    Two words are a name here, and four in a warning, which a good table may get too.
    """
    names = reader.columns[:100] if reader.fixed and reader.named else ()
    hint = f"; {_NO_HEADER}" if any(_is_text(name, 2) for name in names) else ""
    return f"there are: {listed(reader.columns)}{hint}"


def _is_text(name: str, most: int) -> bool:
    """Say whether a column's name is more like a text: of over `most` words, or a sentence."""
    words = name.split()
    return len(words) > most or (len(words) > 1 and name.rstrip().endswith((".", "!", "?")))


def numbered(count: int) -> tuple[str, ...]:
    """Return the names of columns that have none."""
    return tuple(map(str, range(1, count + 1)))


def warn_of_header(reader: Reader) -> None:
    """Say so where the name of a column is more like a text or a number."""
    most = 4 if len(reader.columns) > 1 else 1  # the words of a name; lists of texts have no header
    for name in reader.columns[:100] if reader.named else ():
        if _is_text(name, most) or name.strip().replace(".", "", 1).isdigit():
            _log.warning(
                f"%s: %.60r is taken for the name of a column; {_NO_HEADER}", reader.name, name
            )
            return


def repeated(columns: Sequence[str]) -> str | None:
    """Return a name that two columns have, or None."""
    return next((name for name, count in Counter(columns).items() if count > 1), None)


def listed(names: Sequence[str]) -> str:
    """Return names for a message."""
    shown = ", ".join(repr(name)[:60] for name in names[:20]) or "none"
    return shown + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
