"""Run a function over the rows of files: read in blocks, compute, write in order, and be able to
go on after any end.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, InputError
from . import formats
from .block import WINDOW, Block, Cells, Column, Function, Results
from .inputs import Inputs, PathLike
from .outputs import FileOutput, Output, Part, StandardOutput, error_lines, output_paths
from .reading import ON_ERROR, STDIN, ReadOptions
from .workers import computed
from .writing import Writer, taken_error


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
    before: int = 0  # rows without error that earlier runs did
    counts: Counter[str] = field(default_factory=Counter)  # of each value of a column's `values`
    position: int = 0

    def add(self, about: dict[str, Any]) -> None:
        """Add the counts of a block."""
        self.rows += about["rows"]
        self.errors += about["errors"]
        self.counts.update(about["counts"])
        self.position = max(self.position, about["position"])


@dataclass(frozen=True)
class Done:
    """What a run did."""

    tally: Tally
    seconds: float
    errors_path: Path | None


def run(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    function: Function,
    *,
    format: str | None,  # noqa: A002 (the command's option has this name)
    output_format: str | None,
    text_column: str | None,
    reading: ReadOptions,
    source_column: str | None,
    on_error: str,
    workers: int,
    resume: bool,
    force: bool,
    progress: Callable[[Progress], None] | None,
) -> Done:
    """Write the rows of `inputs` to `output` with the columns of `function` added.

    `pocketrnn.score_file` explains the arguments. Raises a PocketRNNError.
    """
    started = time.monotonic()
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error must be one of {', '.join(ON_ERROR)}, not {on_error!r}")
    _check_workers(workers)
    with closing(Inputs(inputs, format, text_column, reading)) as source:
        to = _path(output)
        kind = formats.output_format(to, output_format, source.format)
        added = ([Column(source_column, "text")] if source_column else []) + [*function.columns]
        if source.reader.fixed and source.reader.named:
            taken = {column.name for column in added} & set(source.reader.columns)
            if taken:
                raise taken_error(source.reader.name, taken)
        if to != STDIN:
            source.refuse(*output_paths(to))
        blocks = source.blocks()
        # A window, where rows have columns of their own, to tell what columns there are.
        first = [] if source.reader.fixed else list(islice(blocks, WINDOW))
        writer = formats.open_writer(to, kind, source.reader, source.format, added, first)
        about = {
            "inputs": source.identity(),
            **function.identity,
            "format": source.format,
            "output format": kind,
            "text column": source.text_column,
            "columns": [column.name for column in added],
            "source column": source_column,
            "on error": on_error,
            "encoding": reading.encoding,
            "header": reading.header,
            "quotes": reading.quotes,
            "bounds": [reading.max_characters, reading.max_lines],
        }
        job = _Job(source, writer, function, added, on_error, progress)
        with closing(_open_output(to, about, writer, resume=resume, force=force)) as target:
            done = getattr(target, "tally", None)
            tally = Tally(**done) if done else job.do(chain(first, blocks), target, workers)
            errors_path = target.errors_path if tally.errors else None
    return Done(tally, time.monotonic() - started, errors_path)


def rows(
    inputs: PathLike | Sequence[PathLike],
    function: Function,
    *,
    format: str | None,  # noqa: A002
    text_column: str | None,
    reading: ReadOptions,
    workers: int,
) -> Iterator[tuple[str, int, dict[str, Any], list[Any] | None, str]]:
    """Yield each row's file, line and columns, its values of the function's columns, its problem.

    The values are None where there is a problem. Raises a PocketRNNError.
    """
    _check_workers(workers)
    with closing(Inputs(inputs, format, text_column, reading)) as source:
        for block, columns in computed(source.blocks(), function, workers):
            values = zip(*columns, strict=True)
            for i, row in enumerate(block.values()):
                problem = block.problems.get(i, "")
                found = None if problem else list(next(values))
                yield block.files[i], block.lines[i], row, found, problem


class _Job:
    """What a run does with its blocks."""

    def __init__(
        self,
        source: Inputs,
        writer: Writer,
        function: Function,
        added: Sequence[Column],
        on_error: str,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._source = source
        self._writer = writer
        self._function = function
        self._added = added
        self._on_error = on_error
        self._progress = progress
        self._tally = Tally()

    def do(self, blocks: Iterable[Block], target: Output, workers: int) -> Tally:
        """Compute and write what no earlier run did; return the counts of all."""
        tally, total = self._tally, 0
        self._report()

        def left() -> Iterator[Block]:
            nonlocal total
            for block in blocks:
                total = block.number + 1
                if about := target.part(block):
                    tally.add(about)
                    tally.before += about["rows"]
                    self._report()
                else:
                    yield block
                del block  # not to be held while the next one is read

        with closing(computed(left(), self._function, workers)) as results:
            for block, values in results:
                part = self._part(block, values)
                target.add(block, part)
                tally.add(part.about)
                self._report()
                del block, values, part
        target.finish(total, tally.errors > 0, vars(tally))
        return tally

    def _part(self, block: Block, values: list[NDArray[Any]]) -> Part:
        """Encode a block. Raises InputError where a row in error is to stop the run."""
        problems = block.problems
        if problems and self._on_error == "fail":
            row = min(problems)
            raise InputError(
                f"{block.place(row)}: {problems[row]}; what is written is kept: go on with "
                "--resume and --on-error skip or null, or mend the file and start over with "
                "--force"
            )
        counts: Counter[str] = Counter()
        for column, some in zip(self._function.columns, values, strict=True):
            if column.values:
                counts.update(value for value in some if value is not None)
        rows: Sequence[int] = range(len(block))
        known = np.ones(len(block), bool)
        if problems and self._on_error == "skip":
            rows = block.good()
            known = known[rows]
        elif problems:
            known[list(problems)] = False
            values = [_spread(column, known) for column in values]
        cells = [
            Cells(column, some, known)
            for column, some in zip(self._function.columns, values, strict=True)
        ]
        if len(cells) < len(self._added):
            files = np.array([block.files[i] for i in rows], object)
            cells.insert(0, Cells(self._added[0], files, np.ones(len(rows), bool)))
        about = {
            "rows": len(block) - len(problems),
            "errors": len(problems),
            "counts": counts,
            "position": block.position,
        }
        results = Results(block, rows, cells)
        return Part(about, self._writer.encode(results), error_lines(block))

    def _report(self) -> None:
        if self._progress is not None:
            source, tally = self._source, self._tally
            column = None if source.format in ("text", "folder") else source.text_column
            done = tally.rows + tally.errors
            self._progress(Progress(done, tally.position, source.total, source.reader.unit, column))


def _spread(column: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return a column of all rows from that of the known ones."""
    whole = np.zeros(len(known), column.dtype)
    whole[known] = column
    return whole


def _open_output(
    to: str, about: dict[str, Any], writer: Writer, *, resume: bool, force: bool
) -> Output:
    if to != STDIN:
        return FileOutput(to, about, writer, resume=resume, force=force)
    if resume:
        raise ConfigError("what went to standard output can't be resumed; give a file")
    return StandardOutput(writer)


def _path(output: PathLike) -> str:
    to = output if isinstance(output, str) else getattr(output, "__fspath__", lambda: None)()
    if not isinstance(to, str) or not to:
        raise ConfigError(f"an output must be a path, not {output!r:.60}")
    return to


def _check_workers(workers: int) -> None:
    if type(workers) is not int or workers < 1:
        raise ConfigError(f"workers must be a whole number from 1, not {workers!r}")
