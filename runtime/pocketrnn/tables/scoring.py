"""Score whole files: read in blocks, score, write in order, and be able to go on after any end."""

import contextlib
import csv
import glob
import hashlib
import io
import os
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..classify.model import Classifier, load
from ..errors import ConfigError, InputError, OutputError
from . import formats
from .block import WINDOW, Added, Block, Scored
from .formats import input_format, open_reader, open_writer
from .options import ON_ERROR, STDIN
from .outputs import FileOutput, Output, StandardOutput, State, Whole
from .readers import Reader, find_text_column
from .workers import scored
from .writers import taken_error

PathLike = str | os.PathLike[str]
ModelSource = Classifier | PathLike | bytes | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run of `score_file` has come."""

    rows: int
    """Rows done, in error or not, those of the runs that this one goes on with too."""
    position: int
    """How much of the input that is, in `unit`."""
    total: int | None
    """How much input there is, in `unit`; None where that isn't known."""
    unit: str
    """`rows`, or `B` for bytes of the input files."""
    text_column: str | None
    """The column that is scored; None where the input has no columns."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run of `score_file` did."""

    rows: int
    """Rows scored, those of the runs that this one went on with too."""
    errors: int
    """Rows in error: left out, or in the output without label and score."""
    labels: dict[str, int]
    """How many rows got each label, in the model's order."""
    seconds: float
    """How long this run took."""
    rows_per_second: float
    """Rows that this run scored, a second."""
    errors_path: Path | None
    """The CSV file that lists the rows in error; None if there are none."""


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One row of the input with what the model says of it."""

    file: str
    line: int
    """The row's first line in the file; in a Parquet file its number, from 1."""
    values: dict[str, Any]
    """The row's columns."""
    label: str | None
    """None for a row in error."""
    score: float | None
    """The probability of `label`; None for a row in error."""
    probabilities: dict[str, float] | None
    """The probability of each label; None for a row in error."""
    problem: str
    """Why the row can't be scored; empty if it can."""


def score_file(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: ModelSource = None,
    format: str | None = None,  # noqa: A002 (the command's option has this name)
    output_format: str | None = None,
    text_column: str | None = None,
    probabilities: bool = False,
    prefix: str = "",
    on_error: str = "fail",
    encoding: str = "utf-8",
    workers: int = 1,
    resume: bool = False,
    force: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Write the rows of `inputs` to `output` with columns `label` and `score` added.

    The inputs are files, folders of `.txt` files, glob patterns, or `-` for standard input;
    `output` is a file or `-`. Formats are told by their names, or by `format` and
    `output_format`: text, folder, csv, tsv, jsonl, parquet. `model` is a
    loaded one or what `load` takes. `text_column` may be left out where it is obvious.
    `probabilities` adds `probability_LABEL` for each label; `prefix` goes before the names of
    all new columns.

    The output appears under its name when it is whole. After any other end, the same call with
    `resume=True` goes on and ends with the same bytes. `force` replaces an existing output, and
    without `resume` discards an unfinished run.

    A row that can't be scored stops the run (`on_error="fail"`), is left out (`"skip"`) or gets
    an empty label and score (`"null"`); with the last two, `OUTPUT.errors.csv` lists it.

    `workers` processes score, this one among them. Other processes import the program's main
    module, so with more than one, a script needs its `if __name__ == "__main__":`.

    `progress` is called at the start and after each block of rows; what it raises stops the
    run, which can then be resumed.

    Raises InputError, OutputError, ConfigError, ModelFileError, MissingExtraError or WorkerError.
    """
    started = time.monotonic()
    report = progress or (lambda _: None)
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error must be one of {', '.join(ON_ERROR)}, not {on_error!r}")
    if type(workers) is not int or workers < 1:
        raise ConfigError(f"workers must be a whole number from 1, not {workers!r}")
    loaded = model if isinstance(model, Classifier) else load(model)
    source = _Input(inputs, format, text_column, encoding)
    with contextlib.closing(source):
        to = os.fspath(output)
        kind = formats.output_format(to, output_format, source.format)
        added = Added.of(loaded.labels, probabilities=probabilities, prefix=prefix)
        if source.reader.fixed and (taken := set(added.names) & set(source.reader.columns)):
            raise taken_error(source.reader.name, taken)
        if to != STDIN and os.path.realpath(to) in map(os.path.realpath, source.names):
            raise ConfigError(f"{to}: is the input; choose another output")
        blocks = source.blocks()
        # A window, where rows have columns of their own, to tell what columns there are.
        first = [] if source.reader.fixed else list(islice(blocks, WINDOW))
        writer = open_writer(to, kind, source.reader, source.format, added, first)
        run = {
            "inputs": source.identity(),
            "model": loaded.sha256,
            "format": source.format,
            "output format": kind,
            "text column": source.text_column,
            "columns": list(added.names),
            "on error": on_error,
            "encoding": encoding,
        }
        whole = None if writer.final else writer.whole
        target = _open_output(to, run, whole, resume=resume, force=force)
        with contextlib.closing(target):
            tally = _Tally(target.state, loaded.labels)
            before = tally.rows
            if not target.complete:
                report(source.progress(tally))
                if target.state is None:
                    target.append(writer.head(), b"", tally.state())
                rest = _without_done(chain(first, blocks), tally)
                del first
                with contextlib.closing(scored(rest, loaded, workers)) as results:
                    for block, scores in results:
                        part = _select(block, scores, loaded, on_error, len(added.names) > 2)
                        rows = writer.encode(part)
                        tally.add(part)
                        target.append(rows, _error_lines(block), tally.state())
                        report(source.progress(tally))
                        del block, scores, part, rows  # not to be held while more is read
                target.finish()
    seconds = time.monotonic() - started
    return Summary(
        rows=tally.rows,
        errors=tally.errors,
        labels=dict(zip(loaded.labels, tally.labels, strict=True)),
        seconds=seconds,
        rows_per_second=(tally.rows - before) / max(seconds, 1e-9),
        errors_path=target.errors_path if tally.errors and isinstance(target, FileOutput) else None,
    )


def score_rows(
    inputs: PathLike | Sequence[PathLike],
    *,
    model: ModelSource = None,
    format: str | None = None,  # noqa: A002
    text_column: str | None = None,
    encoding: str = "utf-8",
    workers: int = 1,
) -> Iterator[ScoredRow]:
    """Yield every row of `inputs`, scored, for a loop of your own; arguments as of `score_file`.

    A row in error is among them, with its `problem`. Raises what `score_file` raises.
    """
    loaded = model if isinstance(model, Classifier) else load(model)
    source = _Input(inputs, format, text_column, encoding)
    with contextlib.closing(source):
        for block, scores in scored(source.blocks(), loaded, workers):
            rows = iter(scores)
            for i, values in enumerate(block.values()):
                file, line = block.files[i], block.lines[i]
                if i in block.problems:
                    yield ScoredRow(file, line, values, None, None, None, block.problems[i])
                    continue
                row = next(rows)
                chosen, numbers = loaded.choose(row), row.tolist()
                chances = dict(zip(loaded.labels, numbers, strict=True))
                yield ScoredRow(
                    file, line, values, loaded.labels[chosen], numbers[chosen], chances, ""
                )


class _Input:
    """All inputs as one: checked before the first row is scored."""

    def __init__(
        self,
        inputs: PathLike | Sequence[PathLike],
        given: str | None,
        column: str | None,
        encoding: str,
    ) -> None:
        self.names = _expanded([inputs] if isinstance(inputs, str | os.PathLike) else inputs)
        formats = {name: input_format(name, given) for name in self.names}
        self.format = formats[self.names[0]]
        for name, other in formats.items():
            if other != self.format:
                raise InputError(
                    f"{name} is {other}, {self.names[0]} {self.format}; give inputs of one format"
                )
        if STDIN in self.names and len(self.names) > 1:
            raise ConfigError("standard input can't be one of several inputs")
        self._encoding = encoding
        self.reader = self._open(self.names[0])
        try:
            self.text_column = find_text_column(self.reader, column)
            totals = [self.reader.total]
            for name in self.names[1:]:
                with contextlib.closing(self._open(name)) as reader:
                    _check_alike(self.reader, reader)
                    totals.append(reader.total)
        except BaseException:
            self.close()
            raise
        known = [total for total in totals if total is not None]
        self.total = sum(known) if len(known) == len(totals) else None

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of one input after another."""
        before = 0
        for name in self.names:
            reader = self.reader if name is self.names[0] else self._open(name)
            with contextlib.closing(reader):
                # Not a loop, whose variable would hold a block while the next one is read.
                yield from map(partial(_moved, before), reader.blocks(self.text_column))
            before += reader.total or 0

    def identity(self) -> list[list[Any]]:
        """Return what tells whether an input is the same: path, size and time of change."""
        return [_file_identity(name) for name in self.names if name != STDIN]

    def progress(self, tally: "_Tally") -> Progress:
        """Say how far `tally` is."""
        return Progress(
            tally.rows + tally.errors,
            tally.position,
            self.total,
            self.reader.unit,
            None if self.format in ("text", "folder") else self.text_column,
        )

    def close(self) -> None:
        self.reader.close()

    def _open(self, name: str) -> Reader:
        return open_reader(name, self.format, self._encoding)


def _moved(before: int, block: Block) -> Block:
    block.position += before
    return block


def _expanded(inputs: Sequence[PathLike]) -> list[str]:
    """Return the inputs with patterns replaced by the files that fit, each file once."""
    names: list[str] = []
    for name in [os.fspath(path) for path in inputs]:
        if name != STDIN and glob.has_magic(name) and not os.path.lexists(name):
            found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (Path's differ)
            if not found:
                raise InputError(f"{name}: no file fits this pattern")
            names += found
        else:
            names.append(name)
    if not names:
        raise ConfigError("no inputs")
    return list(dict.fromkeys(names))


def _check_alike(first: Reader, other: Reader) -> None:
    """Raise InputError unless the columns of two inputs fit into one output."""
    alike = not first.fixed or first.columns == other.columns
    for aspect in ("delimiter", "schema"):
        alike &= getattr(first, aspect, None) == getattr(other, aspect, None)
    if not alike:
        raise InputError(
            f"{other.name}: its columns aren't those of {first.name}; score it by itself"
        )


def _file_identity(name: str) -> list[Any]:
    path = Path(name)
    status = path.stat()
    if not path.is_dir():
        return [str(path.absolute()), status.st_size, status.st_mtime_ns]
    sha256 = hashlib.sha256()
    for file in sorted(path.rglob("*.txt")):
        status = file.stat()
        about = f"{file.relative_to(path)}\0{status.st_size}\0{status.st_mtime_ns}\0"
        sha256.update(about.encode("utf-8", "surrogateescape"))
    return [str(path.absolute()), 0, sha256.hexdigest()]


def _open_output(
    to: str,
    run: Mapping[str, Any],
    whole: Callable[[BinaryIO], Whole] | None,
    *,
    resume: bool,
    force: bool,
) -> Output:
    if to == STDIN:
        if resume:
            raise ConfigError("what went to standard output can't be resumed; give a file")
        return StandardOutput()

    def check(earlier: Mapping[str, Any]) -> None:
        changed = [key for key in run if run[key] != earlier.get(key)]
        # Up to now there was no row in error, so nothing would have been written otherwise.
        if "on error" in changed and earlier.get("on error") == "fail":
            changed.remove("on error")
        if "inputs" in changed:
            changed[changed.index("inputs")] = _changed_input(run["inputs"], earlier.get("inputs"))
        if changed:
            raise OutputError(
                f"{to}: can't resume, as this changed: {', '.join(changed)}; undo that, or start "
                "over with --force"
            )

    return FileOutput(to, run, resume=resume, force=force, check=check, whole=whole)


def _changed_input(now: list[list[Any]], earlier: Any) -> str:
    for one, other in zip(now, earlier if isinstance(earlier, list) else [], strict=False):
        if one != other:
            return f"input {one[0]}"
    return "the list of inputs"


class _Tally:
    """The counts that a run carries from block to block, and over its ends."""

    def __init__(self, state: State | None, labels: Sequence[str]) -> None:
        state = state or {}
        self.blocks: int = state.get("blocks", 0)
        self.rows: int = state.get("rows", 0)
        self.errors: int = state.get("errors", 0)
        self.labels: list[int] = state.get("labels", [0] * len(labels))
        self.crc: int = state.get("crc", 0)
        self.position: int = state.get("position", 0)

    def add(self, part: Scored) -> None:
        """Count a block that has been scored."""
        self.blocks += 1
        self.rows += len(part.block) - len(part.block.problems)
        self.errors += len(part.block.problems)
        for label, count in Counter(part.labels).items():
            if label is not None:
                self.labels[label] += count
        self.crc = _crc(part.block, self.crc)
        self.position = part.block.position

    def state(self) -> State:
        """Return the counts in JSON types."""
        return {
            "blocks": self.blocks,
            "rows": self.rows,
            "errors": self.errors,
            "labels": self.labels,
            "crc": self.crc,
            "position": self.position,
        }


def _crc(block: Block, before: int) -> int:
    # Row by row, as one rare character would make the whole of a joined text slow to encode.
    for raw in block.raws:
        before = zlib.crc32(raw.encode("utf-8", "surrogatepass"), before)
    return before


def _without_done(blocks: Iterable[Block], tally: _Tally) -> Iterator[Block]:
    """Drop the blocks that an earlier run did. Raises InputError if they aren't the same now."""
    blocks = iter(blocks)
    crc = 0
    for block in islice(blocks, tally.blocks):
        crc = _crc(block, crc)
        del block
    if crc != tally.crc:
        raise InputError(
            "can't resume, as the input changed: its first rows aren't those that were scored; "
            "start over with --force"
        )
    yield from blocks


def _select(
    block: Block, scores: NDArray[np.float32], model: Classifier, on_error: str, probabilities: bool
) -> Scored:
    """Choose labels, and which rows are written. Raises InputError where errors are to stop."""
    problems = block.problems
    if problems and on_error == "fail":
        row = min(problems)
        raise InputError(
            f"{block.place(row)}: {problems[row]}; what is written is kept: go on with --resume "
            "and --on-error skip or null, or mend the file and start over with --force"
        )
    chosen = [model.choose(row) for row in scores]
    numbers = scores[np.arange(len(scores)), chosen][:, None] if len(scores) else scores[:, :1]
    if probabilities:
        numbers = np.hstack([numbers, scores])
    if not problems or on_error == "skip":
        rows = [i for i in range(len(block)) if i not in problems]
        return Scored(block, rows, [*chosen], numbers)
    good = np.array([i not in problems for i in range(len(block))])
    spread = np.zeros((len(block), numbers.shape[1]), np.float32)
    spread[good] = numbers
    left = iter(chosen)
    labels = [next(left) if is_good else None for is_good in good]
    return Scored(block, range(len(block)), labels, spread)


def _error_lines(block: Block) -> bytes:
    """Return a CSV line for each row in error: file, line, reason."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [block.files[i], block.lines[i], reason] for i, reason in block.problems.items()
    )
    return text.getvalue().encode("utf-8", "replace")
