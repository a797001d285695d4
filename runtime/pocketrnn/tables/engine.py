"""Run a function over the rows of files: read blocks, compute, write in order, go on after any end.

It knows no task: `block.Function` is all that a task gives it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import ConfigError, InputError
from . import formats
from .block import UNDER_WAY, Block, Cells, Column, Function, Results
from .inputs import Inputs, PathLike, path_of
from .outputs import FileOutput, Part, StandardOutput, error_lines, paths
from .reading import ON_ERROR, STDIN, repeated
from .workers import computed
from .writing import Writer, columns_of, taken_error


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    rows: int
    """Rows done, in error or not, those of the runs that this one goes on with too."""
    position: int
    """How much of the input that is, in `unit`."""
    total: int | None
    """How much input there is, in `unit`; None where that isn't known."""
    unit: str
    """`rows`, or `B` for bytes of the input files."""
    text_column: str | None
    """The column of texts; None where the input has no columns."""


@dataclass
class Tally:
    """The counts of a run, over all its ends."""

    rows: int = 0  # without error
    errors: int = 0
    lines: int = 0  # of all rows
    before: int = 0  # rows without error that earlier runs did
    counts: Counter[str] = field(default_factory=Counter)  # of each value of a column's `values`
    position: int = 0

    def add(self, about: dict[str, Any], *, before: bool = False) -> None:
        self.rows += about["rows"]
        self.errors += about["errors"]
        self.lines += about["lines"]
        self.before += about["rows"] if before else 0
        self.counts.update(about["counts"])
        self.position = max(self.position, about["position"])


def run(
    source: Inputs,
    output: PathLike,
    function: Function,
    *,
    output_format: str | None,
    source_column: str | None,
    on_error: str,
    workers: int,
    resume: bool,
    force: bool,
    progress: Callable[[Progress], None] | None,
) -> tuple[Tally, Path | None]:
    """Write the rows of `source` to `output` with the columns of `function` added.

    Return the counts, and the list of the rows in error if there are any.
    `pocketrnn.score_file` explains the arguments. Raises a PocketRNNError.
    """
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error must be one of {', '.join(ON_ERROR)}, not {on_error!r}")
    reader = source.reader
    to = path_of(output, "an output")
    kind = formats.output_format(to, output_format, source.format)
    added = [*([Column(source_column, "text")] if source_column else []), *function.columns]
    names = [column.name for column in added]
    if twice := repeated(names):
        raise taken_error("the output", {twice})
    blocks = source.blocks()
    # Some, where rows have columns of their own, to tell what columns there are.
    first = [] if reader.fixed else list(islice(blocks, UNDER_WAY))
    # Columns without names get none in the output either, but where its format names all.
    has_names = reader.named or kind != source.format
    if has_names and (taken := {*names} & {*columns_of(reader, first)}):
        raise taken_error(reader.name, taken)
    writer = formats.open_writer(to, kind, reader, source.format, added, first)
    target: FileOutput | StandardOutput
    if to == STDIN:
        if resume:
            raise ConfigError("what went to standard output can't be resumed; give a file")
        target = StandardOutput(writer)
    else:
        source.refuse(*paths(to))
        about = {
            "pocketrnn's version": __version__,
            **source.identity(),
            **function.identity,
            "output format": kind,
            "columns": names,
            "source column": source_column,
            "on error": on_error,
        }
        target = FileOutput(to, about, writer, resume=resume, force=force)
    tally, total = Tally(), 0

    def report() -> None:
        if progress is not None:
            column = None if source.format in ("text", "folder") else source.text_column
            done = tally.rows + tally.errors
            progress(Progress(done, tally.position, source.total, reader.unit, column))

    def left() -> Iterator[Block]:
        """Yield the blocks that no earlier run did."""
        nonlocal total
        for block in chain(first, blocks):
            total = block.number + 1
            if done := target.part(block):
                tally.add(done, before=True)
                report()
            else:
                yield block
            del block  # not to be held while the next one is read

    with closing(target):
        report()
        with closing(computed(left(), function, workers)) as results:
            for block, values in results:
                if block.problems and on_error == "fail":
                    raise _failed(block, is_kept=tally.rows > 0 and to != STDIN)
                part = _part(block, values, function, writer, added, on_error)
                target.add(block, part)
                tally.add(part.about)
                report()
                del block, values, part
        target.finish(total, tally.errors)
    return tally, target.errors_path if tally.errors else None


def rows(
    source: Inputs, function: Function, workers: int
) -> Iterator[tuple[str, int, dict[str, Any], list[Any] | None, str]]:
    """Yield each row's file, line and columns, its values of the function's columns, its problem.

    The values are None where there is a problem. Raises a PocketRNNError.
    """
    for block, columns in computed(source.blocks(), function, workers):
        for i, (row, *found) in enumerate(zip(block.values(), *columns, strict=True)):
            problem = block.problems.get(i, "")
            yield block.files[i], block.lines[i], row, None if problem else found, problem


def _part(
    block: Block,
    values: list[NDArray[Any]],
    function: Function,
    writer: Writer,
    added: Sequence[Column],
    on_error: str,
) -> Part:
    problems, good = block.problems, block.good()
    counts: Counter[str] = Counter()
    for column, some in zip(function.columns, values, strict=True):
        if column.values:
            counts.update(value for value in some[good] if value is not None)
    rows = good if on_error == "skip" else list(range(len(block)))
    known = np.array([i not in problems for i in rows], bool)
    cells = [Cells(c, v[rows], known) for c, v in zip(function.columns, values, strict=True)]
    if len(cells) < len(added):
        files = np.array([block.files[i] for i in rows], object)
        cells.insert(0, Cells(added[0], files, np.ones(len(rows), bool)))
    about = {
        "rows": len(block) - len(problems),
        "errors": len(problems),
        "lines": len(block) + block.more_lines,
        "counts": counts,
        "position": block.position,
    }
    return Part(about, writer.encode(Results(block, rows, cells)), error_lines(block))


def _failed(block: Block, *, is_kept: bool) -> InputError:
    row, what_to_do = min(block.problems), 'correct the file, or say on_error="skip"'
    if is_kept:
        what_to_do = (
            'what is written is kept: go on with resume=True and on_error="skip", or correct the '
            "file and start over with force=True"
        )
    problem = block.problems[row]
    hint = ' (Excel on Windows: encoding="cp1252")' * problem.endswith("another encoding")
    return InputError(f"{block.place(row)}: {problem}{hint}; {what_to_do}")
