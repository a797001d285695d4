"""Score whole files: what the table engine runs over their texts is a classifier."""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ..config import check
from ..files import refuse
from ..loading import Model, Source, load
from ..tables import engine
from ..tables.block import Column
from ..tables.engine import Progress
from ..tables.inputs import Inputs, PathLike
from ..tables.reading import Reading, ReadOptions
from .labels import choose, telling
from .model import Classifier, Unsure

__all__ = ["Progress", "ScoredRow", "Summary", "score_file", "score_rows"]

_log = logging.getLogger("pocketrnn")

ModelSource = Model | Source


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run of `score_file` did."""

    rows: int
    """Rows scored, those of the runs that this one went on with too."""
    errors: int
    """Rows in error: left out, or in the output without label and score."""
    lines: int
    """Lines that all these rows take: more than they are where quoted fields of CSV hold some."""
    labels: dict[str, int]
    """How many rows got each label, in the model's order."""
    without_label: int
    """Rows that got none."""
    rows_before: int
    """Of `rows`, those that earlier runs scored."""
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
    threshold: float | None
    """What that must reach, as in Prediction; None for a row in error."""
    probabilities: dict[str, float] | None
    """The probability of each label; None for a row in error."""
    problem: str
    """Why the row can't be scored; empty if it can."""
    labels: tuple[str, ...] = ()
    """All labels, as in Prediction."""


@dataclass(frozen=True)
class Scoring:
    """From texts to their labels, scores and, if asked for, the probability of each label.

    With several labels a text, there are these, joined, and the probability of each.
    """

    model: Classifier
    probabilities: bool = False
    prefix: str = ""
    band: tuple[np.float32, np.float32] | None = None
    explain: int = 0
    known: bool = False
    label_separator: str | None = None

    def __post_init__(self) -> None:
        if self.band and self.band[0] == self.band[1]:
            _log.warning(
                "no text will be unsure: the band is empty, as it is where a model was right on "
                "all texts held out; give two numbers"
            )
        if not self.model.config.multi_label:
            one = "label_separator is for a model of several labels a text: this one gives one"
            check(self.label_separator is None, one)
            return
        separator = self.separator
        check(not self.explain, "explain is for models of one label a text: this one gives several")
        check(bool(separator), "label_separator must not be empty")
        odd = any(not label or separator in label for label in self.model.labels)
        check(not odd, f"a label is empty, or has {separator!r} in it: say label_separator=...")

    @property
    def separator(self) -> str:
        """What stands between the labels of a text."""
        return ";" if self.label_separator is None else self.label_separator

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns: label, score, threshold if it was moved, and what is asked for."""
        labels, several = self.model.labels, self.model.config.multi_label
        numbers = [] if several else ["score"]
        if self._has_threshold:
            numbers.append("threshold")
        if several or self.probabilities:
            numbers += [f"probability_{label}" for label in labels]
        return (
            Column(self.prefix + ("labels" if several else "label"), "text", labels),
            *(Column(self.prefix + name, "float") for name in numbers),
            *(Column(self.prefix + name, "count") for name in ("words", "known") if self.known),
            *([Column(f"{self.prefix}explanation", "text")] if self.explain else []),
        )

    @property
    def _has_threshold(self) -> bool:
        config = self.model.config
        return len(config.labels) == 2 and not config.multi_label and config.threshold != 0.5

    @property
    def identity(self) -> dict[str, Any]:
        band = self.band and [float(edge) for edge in self.band]
        joined = {"label_separator": self.separator} if self.model.config.multi_label else {}
        return {"model": self.model.sha256, "unsure": band, "explain": self.explain, **joined}

    def __call__(self, texts: list[str]) -> list[Any]:
        read = self.model.read(texts)
        scores, known = read.scores, read.known
        has_label = known > 0
        counts = (read.words, known) if self.known else ()
        if self.model.config.multi_label:
            given = choose(scores, self.model.config.threshold)
            rows = zip(given, has_label, strict=True)
            return [[self._joined(row) if has else None for row, has in rows], *scores.T, *counts]
        if self.band:
            values = telling(scores)
            has_label &= (values < self.band[0]) | (values > self.band[1])
        labels, threshold = self.model.labels, self.model.config.threshold
        # Without a label, the score is the highest of any.
        chosen = np.where(has_label, choose(scores, threshold), scores.argmax(axis=1))
        return [
            [labels[i] if has else None for i, has in zip(chosen, has_label, strict=True)],
            scores[np.arange(len(scores)), chosen],
            *([np.array(self.model.needed, np.float32)[chosen]] if self._has_threshold else ()),
            *(scores.T if self.probabilities else ()),
            *counts,
            *([list(map(self._explained, texts))] if self.explain else []),
        ]

    def _joined(self, given: NDArray[np.int64]) -> str:
        return self.separator.join(itertools.compress(self.model.labels, given.tolist()))

    def _explained(self, text: str) -> str:
        strongest = self.model.explain(text).strongest(self.explain)
        return ", ".join(f"{words} {weight:+.4f}" for words, weight in strongest)


@dataclass(frozen=True)
class Reads:
    """From texts to what each model makes of them: its scores, and the words read and known."""

    models: tuple[Classifier, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        numbers = sum(len(model.labels) + 2 for model in self.models)
        return tuple(Column(str(i), "float") for i in range(numbers))

    @property
    def identity(self) -> dict[str, Any]:
        return {"models": [model.sha256 for model in self.models]}

    def __call__(self, texts: list[str]) -> list[NDArray[np.float32]]:
        columns: list[NDArray[np.float32]] = []
        for model in self.models:
            read = model.read(texts)
            columns += [*read.scores.T, read.words.astype("f4"), read.known.astype("f4")]
        return columns


def score_file(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: ModelSource = None,
    format: str | None = None,  # noqa: A002 (the command's option has this name)
    output_format: str | None = None,
    text_column: str | None = None,
    probabilities: bool = False,
    unsure: Unsure = None,
    explain: int = 0,
    known: bool = False,
    prefix: str = "",
    label_separator: str | None = None,
    source_column: str | None = None,
    on_error: str = "fail",
    workers: int = 1,
    resume: bool = False,
    force: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **reading: Unpack[Reading],
) -> Summary:
    """Write the rows of `inputs` to `output` with columns `label` and `score` added.

    A model of several labels a text adds `labels`, joined by `label_separator` (";"), in the
    model's order, and `probability_LABEL` for each; a text without any of them has an empty string,
    one of which no word is known a null. With a generator's file the column is `bits`, how many
    bits a character holds.

    The inputs are files, folders of `.txt` files, glob patterns, or `-` for standard input;
    `output` is a file or `-`. Formats are told by their names, or by `format` and
    `output_format`: docs/score.md lists them. `model` is a loaded one or what `load` takes.
    `text_column` may be left out where it is obvious.

    `probabilities` adds `probability_LABEL` for each label. With `unsure`, as in
    `Classifier.predict`, rows in that band get no label. `explain` adds `explanation`: so many of
    the words that did most to the score, with their weights; it takes milliseconds a row. `known`
    adds `words`, how many words of the text the model read, and `known`, how many of these it
    knows. `prefix` goes before the names of all these columns. `source_column` names a column,
    before them, for the file that a row is from.

    `encoding` ("utf-8") is that of the inputs that are text. With `header=False`, the columns of a
    table are called 1, 2 and so on; with `quotes=False`, those in CSV and TSV are characters like
    any other. A row of more than `max_characters` (16,777,216), or whose quotes stay open for
    `max_lines` (1,000), is a row in error.

    The output appears under its name when it is whole. After any other end, the same call with
    `resume=True` goes on and ends with the same bytes. `force` replaces an existing output, and
    without `resume` discards an unfinished run.

    A row that can't be scored, or has no text, stops the run (`on_error="fail"`), is left out
    (`"skip"`) or gets an empty label and score (`"null"`); with the last two, `OUTPUT.errors.csv`
    lists it.

    `workers` processes score, this one among them. Other processes import the program's main
    module, so with more than one, a script needs its `if __name__ == "__main__":`.

    `progress` is called at the start and after each block of rows; what it raises stops the
    run, which can then be resumed.

    Raises InputError, OutputError, ConfigError, ModelFileError, MissingExtraError or WorkerError.
    """
    started = time.monotonic()
    refuse(Path(output), [model], "model")
    loaded = model if isinstance(model, Model) else load(model)
    scoring = loaded.function(
        probabilities=probabilities,
        prefix=prefix,
        unsure=unsure,
        explain=explain,
        known=known,
        label_separator=label_separator,
    )
    with closing(Inputs(inputs, format, text_column, ReadOptions(**reading))) as source:
        tally, errors_path = engine.run(
            source,
            output,
            scoring,
            output_format=output_format,
            source_column=source_column,
            on_error=on_error,
            workers=workers,
            resume=resume,
            force=force,
            progress=progress,
        )
    seconds = time.monotonic() - started
    counts, labels = tally.counts, scoring.columns[0].values
    without_label = tally.rows - counts.total() if labels else 0
    if isinstance(scoring, Scoring) and scoring.model.config.multi_label:
        without_label += counts[""]
        counts = Counter()
        for joined, rows in tally.counts.items():
            counts.update(dict.fromkeys(joined.split(scoring.separator), rows))
    return Summary(
        rows=tally.rows,
        errors=tally.errors,
        lines=tally.lines,
        labels={label: counts[label] for label in labels},
        without_label=without_label,
        rows_before=tally.before,
        seconds=seconds,
        rows_per_second=(tally.rows - tally.before) / max(seconds, 1e-9),
        errors_path=errors_path,
    )


def score_rows(
    inputs: PathLike | Sequence[PathLike],
    *,
    model: ModelSource = None,
    format: str | None = None,  # noqa: A002
    text_column: str | None = None,
    workers: int = 1,
    **reading: Unpack[Reading],
) -> Iterator[ScoredRow]:
    """Yield every row of `inputs`, scored, for a loop of your own; arguments as of `score_file`.

    A row in error is among them, with its `problem`. Raises what `score_file` raises.
    """
    loaded = classifier(model)
    with closing(Inputs(inputs, format, text_column, ReadOptions(**reading))) as source:
        for file, line, values, found, problem in engine.rows(source, Reads((loaded,)), workers):
            if found is None:
                yield ScoredRow(file, line, values, None, None, None, None, problem)
                continue
            *scores, words, known = found
            said = loaded.prediction(np.array(scores, np.float32), int(words), int(known))
            about = said.label, said.score, said.threshold, said.probabilities
            yield ScoredRow(file, line, values, *about, "", said.labels)


def classifier(model: ModelSource) -> Classifier:
    """Return the model if it is a classifier, or the one to be loaded; OtherTaskError if none."""
    if isinstance(model, Classifier):
        return model
    return Classifier.load(model.data if isinstance(model, Model) else model)
