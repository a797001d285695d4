"""How good a model is on texts whose labels are known: a table is read once, block by block.

Where texts have weights, numbers of texts are sums of these, but for `Evaluation.texts`, `errors`
and those of a Comparison.
"""

import itertools
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from heapq import nsmallest
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ..config import check
from ..errors import ConfigError, InputError
from ..lazy import lazy
from ..tables.block import Block
from ..tables.inputs import Inputs, PathLike
from ..tables.reading import Reader, Reading, ReadOptions, check_column, find_text_column, listed
from ..tables.workers import computed
from . import figures
from .figures import Band, Operating, Point
from .labelled import find_label_column, label_of, labels_of
from .labels import all_right, choose, telling, thresholds_of
from .model import Classifier
from .scoring import ModelSource, Reads, classifier

_SHOWN = 10  # texts of each kind
_REASONS = 1000  # that are counted: a column of anything else than labels has one for each row
_SHOWN_REASONS = 5
_COLUMNS = 20  # of a histogram of probabilities
_CURVES = 5  # those of more labels can't be told apart
_LENGTHS = (0, 10, 20, 50, 100, 200, 500)  # words: texts between two of these are judged together


@dataclass(frozen=True, slots=True)
class Group:
    """How good a model is on some of the texts."""

    name: str
    texts: float
    accuracy: float
    low: float
    """Of the 95 % interval of `accuracy`: Wilson's, for texts of unequal weight with Kish's
    effective number of texts (Survey Sampling, 1965)."""
    high: float


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """How good a model is at one label."""

    texts: float
    """That truly have it."""
    chosen: float
    """That got it."""
    precision: float
    recall: float
    f1: float
    roc_auc: float | None
    """Against the rest; None unless some texts have the label and some don't."""
    average_precision: float | None
    """Against the rest; None if no text has the label."""
    wanted: Operating | None
    """The threshold that reaches the precision or recall asked for; None if none does."""
    curve: list[Point]
    """Up to 100 points of the ROC and precision-recall curves; of five labels at most."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts on which a model is about equally sure."""

    texts: float
    confidence: float
    """Their most probable label's mean probability."""
    accuracy: float
    """How often that label is the true one."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text, and what a model says of it."""

    place: str
    """File and line."""
    text: str
    label: str
    """The true one, or several, joined."""
    chosen: str
    """What the model says."""
    probability: float
    """That the model gives to the true label; of several, the product over all labels."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second model differs from the first on the same texts."""

    other: "Evaluation"
    only_first: int
    """Texts that only the first model has right."""
    only_second: int
    p_value: float | None
    """How likely so large a difference is between equally good models: McNemar's exact test, which
    knows no weights: None with a `weight_column`."""
    changed: tuple[Example, ...]
    """Texts that the second model labels otherwise, as it sees them; the largest changes."""


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on the texts of a table."""

    model: str
    """SHA-256 of the model file."""
    texts: int
    errors: int
    """Rows left out: without a text, a label that the model has, or a weight."""
    reasons: dict[str, int]
    """Why, and how many rows for each reason: the five most frequent ones."""
    columns: tuple[str, str]
    """Those that held the texts and the labels."""
    unknown: float
    """Texts of which the model knows no word; they count with the label that they would get,
    or, where a text may have several, with none."""
    known_words: float
    """The share of words that the model knows, from 0 to 1."""
    accuracy: float
    """The share of texts whose label is right; of several labels a text, whose labels all are."""
    interval: tuple[float, float]
    """The 95 % interval of `accuracy`, as of a Group."""
    threshold: float | None
    """Of the second of two labels, which is given where its probability is over it; or None."""
    baseline: float
    """The accuracy of always giving the most frequent label, or labels."""
    log_loss: float
    """Mean cross-entropy, in nats."""
    calibration_error: float
    """Mean gap between probability and accuracy (`reliability` has its 15 bins), from 0 to 1."""
    labels: dict[str, LabelFigures]
    confusion: list[list[float]]
    """How many texts of each label (row) got each label (column); empty where a text may have
    several."""
    reliability: list[Bin]
    """Without empty bins."""
    unsure: list[Band]
    """What it costs to call the least sure texts unsure; empty where a text may have several
    labels."""
    histogram: dict[str, list[float]]
    """Texts by probability, in 20 columns from 0 to 1. With two labels: the second one's, of the
    texts of each label; with more: the most probable one's, of texts right and wrong; where a text
    may have several: of each label of each text, if it has it or not."""
    lengths: list[Group]
    """By number of words read."""
    slices: dict[str, list[Group]]
    """By the values of columns; first those that are surely worst, by the interval's high end."""
    worst: list[Example]
    """Wrong, and most sure of it."""
    least_sure: list[Example]
    comparison: Comparison | None = None
    micro_f1: float | None = None
    """F1 of all labels together, where a text may have several; else None."""
    macro_f1: float | None = None
    """The mean F1 of the labels, likewise."""

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"<Evaluation: {self.texts:,} texts, {self.accuracy:.1%} right "
            f"(95 % interval: {low:.1%} to {high:.1%}), baseline {self.baseline:.1%}>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as plain JSON types."""
        return asdict(self)


class _Judged:
    """What one model says of the texts, as far as it is kept."""

    def __init__(self, model: Classifier) -> None:
        self.model = model
        self.parts: list[NDArray[np.float32]] = []
        self.tops: dict[str, list[tuple[float, Example]]] = {}

    def add(
        self,
        numbers: NDArray[np.float32],
        true: NDArray[np.int64],
        block: Block,
        rows: Sequence[int],
    ) -> None:
        """Take the `rows` of a block: float32 (texts, labels + 2)."""
        self.parts.append(numbers)
        self.scores = numbers[:, :-2]
        self.chosen = _chosen(self.model, numbers)
        if true.ndim > 1:
            # As float64: of 200 labels, a product of float32 can be 0.
            each = np.where(true == 1, self.scores, 1 - self.scores)
            self.own: NDArray[np.floating[Any]] = each.prod(axis=1, dtype=np.float64)
        else:
            self.own = self.scores[np.arange(len(true)), true]
        self.true, self.block, self.rows = true, block, rows
        self.keep("worst", np.where(all_right(self.chosen, true), np.inf, self.own))
        self.keep("least sure", figures.sureness(self.scores, self.model.config.threshold))

    def keep(self, kind: str, keys: NDArray[Any]) -> None:
        """Keep the texts with the lowest keys, of this block and those before; no infinite one.

        Of equal texts one is kept.
        """
        found = {example.text: (key, example) for key, example in self.tops.get(kind, [])}
        new = 0
        for i in np.argsort(keys, kind="stable").tolist():
            if new == _SHOWN or not np.isfinite(keys[i]):
                break
            text = self.block.texts[self.rows[i]]
            new += text not in found
            if text not in found or keys[i] < found[text][0]:
                found[text] = float(keys[i]), self._example(i)
        self.tops[kind] = nsmallest(_SHOWN, found.values(), lambda pair: pair[0])

    def kept(self, kind: str) -> list[Example]:
        return [example for _, example in self.tops[kind]]

    def _example(self, i: int) -> Example:
        label, chosen = (self._named(each[i]) for each in (self.true, self.chosen))
        place, text = self.block.place(self.rows[i]), self.block.texts[self.rows[i]]
        return Example(place, text, label, chosen, float(self.own[i]))

    def _named(self, label: Any) -> str:
        """Return the name of a label, or the names of several."""
        if self.model.config.multi_label:
            return ", ".join(itertools.compress(self.model.labels, label.tolist())) or "none"
        return str(self.model.labels[label])


class _Answers:
    """What the rows of a table say of their texts: the true label, or labels, and a weight."""

    def __init__(
        self,
        model: Classifier,
        separator: str | None,
        rename: Mapping[str, str],
        weight_column: str | None,
    ) -> None:
        self.index = {label: i for i, label in enumerate(model.labels)}
        self.several = model.config.multi_label
        self.separator, self.weight_column = separator, weight_column
        self.names = {label_of(given) or given: name for given, name in rename.items()}
        if separator is not None and not self.several:
            raise ConfigError("label_separator is for a model of several labels a text")
        if strangers := set(self.names.values()) - set(self.index):
            raise ConfigError(
                f"the model has no label {min(strangers)!r}; it has {listed(list(self.index))}"
            )

    def read(self, value: Any, row: Mapping[str, Any]) -> tuple[int | list[bool], float] | str:
        """Return the index of the label, or of each label whether it is true, and the weight.

        `value` is the label's cell of the row. A str says what is wrong with the row.
        """
        is_clear = not (self.several and not self.separator and isinstance(value, str))
        check(is_clear, "the model gives several labels a text: say label_separator=...")
        separator = self.separator or (";" if self.several else None)
        try:
            given = labels_of(value, separator)
        except ValueError:
            given = None
        names = [self.names.get(name, name) for name in given or ()]
        if given is None or not self.index.keys() >= set(names):
            shown = value if given is None or isinstance(value, str) else ", ".join(names)
            return f"label {shown!r:.60}; the model has {listed(list(self.index))}"
        counts = 1 if self.weight_column is None else row.get(self.weight_column)
        weight = _weight(counts)
        if weight is None:
            return f"weight {counts!r:.60}; it must be 0, or from 1e-100 to 1e100"
        if self.several:
            return [label in names for label in self.index], weight
        return self.index[names[0]], weight


class _Rows:
    """What the rows of a table say, block by block, and how many are left out, and why."""

    label_column = ""  # once it is found

    def __init__(self, answers: _Answers, by: Sequence[str], on_error: str) -> None:
        self._answers, self._on_error = answers, on_error
        self._missing = set(by)
        self.truths: list[NDArray[np.int64]] = []  # of those that count
        self.weights = array("d")
        self.slices: dict[str, list[str]] = {column: [] for column in by}
        self.reasons: Counter[str] = Counter()

    def add(self, block: Block) -> tuple[list[int], NDArray[np.int64]]:
        """Return which rows of a block count, and their true labels.

        Raises InputError for one in error, if that is to stop the evaluation.
        """
        answers, values, problems = self._answers, list(block.values()), dict(block.problems)
        true: list[Any] = []
        rows: list[int] = []
        for row in block.good():
            answer = answers.read(values[row].get(self.label_column), values[row])
            if isinstance(answer, str):
                problems[row] = answer
            elif answer[1]:  # its weight
                rows.append(row)
                true.append(answer[0])
                if answers.weight_column is not None:
                    self.weights.append(answer[1])
        if problems and self._on_error == "fail":
            row = min(problems)
            raise InputError(
                f'{block.place(row)}: {problems[row]} (on_error="skip" leaves out such '
                "rows, rename=... gives labels other names)"
            )
        for problem in problems.values():
            reason = problem.partition("; ")[0]
            too_many = reason not in self.reasons and len(self.reasons) >= _REASONS
            self.reasons["other reasons" if too_many else reason] += 1
        for column, kept in self.slices.items():
            found = [values[row].get(column) for row in rows]
            kept += ["" if value is None else str(value) for value in found]
        if self._missing:
            self._missing.difference_update(*(values[row] for row in rows))
        shape = (len(true), len(answers.index)) if answers.several else (len(true),)
        self.truths.append(np.array(true, np.int64).reshape(shape))
        return rows, self.truths[-1]

    @lazy
    def truth(self) -> NDArray[np.int64]:
        """Return the true labels of all rows that count, once they are read."""
        return np.concatenate(self.truths)

    @lazy
    def counts(self) -> figures.Floats | None:
        """Return how much each counts; None: all the same."""
        return None if self._answers.weight_column is None else np.array(self.weights)

    def refuse_none(self, name: str) -> None:
        """Raise InputError for a table without rows, ConfigError for a column that none has."""
        if not any(map(len, self.truths)):
            weighted = self._answers.weight_column is not None
            what = "a text and a label that the model has" + ", and counts" * weighted
            why = "".join(f" (most often: {reason})" for reason, _ in self.reasons.most_common(1))
            raise InputError(f"{name}: no row has {what}{why}")
        if self._missing:
            raise ConfigError(f"{name}: no row has {min(self._missing)!r}, to group the texts by")


def evaluate(
    inputs: PathLike | Sequence[PathLike],
    *,
    model: ModelSource = None,
    against: ModelSource = None,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    weight_column: str | None = None,
    rename: Mapping[str, str] | None = None,
    by: Sequence[str] = (),
    precision: float | None = None,
    recall: float | None = None,
    on_error: str = "fail",
    format: str | None = None,  # noqa: A002 (the command's option has this name)
    workers: int = 1,
    **reading: Unpack[Reading],
) -> Evaluation:
    """Compare what a model says of the texts of `inputs` with the labels in `label_column`.

    `inputs`, `format`, `text_column`, `workers` and the options of reading are those of
    `score_file`. `label_column` may be left out where it has a usual name. Where a text may have
    several labels, the column holds them between `label_separator`s, and an empty cell stands for
    none of them; lists, as in JSON Lines, need no separator. `weight_column` says how much each
    text counts: a number from 0, at which it counts for nothing. `rename` gives the model's label
    for one of the table that is called otherwise. `by` names columns whose values the texts are
    grouped by. For each label, a threshold is sought for the `precision` or the `recall` that is
    wanted. With `against`, another model of the same labels, the result has a `comparison`.

    A row without a text or a weight, or whose label the model doesn't have, stops it
    (`on_error="fail"`) or is left out and counted (`"skip"`). Memory grows by
    about 120 bytes for each text of two labels.

    Raises InputError, ConfigError, ModelFileError, MissingExtraError or WorkerError.
    """
    check(on_error in ("fail", "skip"), f"on_error must be fail or skip, not {on_error!r:.40}")
    asked = {"precision": precision, "recall": recall}
    wanted = {name: value for name, value in asked.items() if value is not None}
    check(len(wanted) < 2, "ask for a precision or a recall, not for both")
    for name, share in wanted.items():
        check(0 < share <= 1, f"{name} must be over 0, and 1 at most, not {share!r:.40}")
    models = [classifier(source) for source in (model, *([] if against is None else [against]))]
    several = models[0].config.multi_label
    if any((m.labels, m.config.multi_label) != (models[0].labels, several) for m in models):
        raise ConfigError("the two models don't have the same labels in the same order")
    answers = _Answers(models[0], label_separator, rename or {}, weight_column)
    rows = _Rows(answers, by, on_error)

    def find(reader: Reader, given: str | None) -> str:
        rows.label_column = find_label_column(reader, label_column, text_column=given)
        return find_text_column(reader, given, label_column=rows.label_column)

    judged = [_Judged(one) for one in models]
    with closing(Inputs(inputs, format, text_column, ReadOptions(**reading), find)) as source:
        for column in (*by, *([] if weight_column is None else [weight_column])):
            check_column(source.reader, column)
        for block, columns in computed(source.blocks(), Reads(tuple(models)), workers):
            counted, true = rows.add(block)
            numbers = np.stack(columns, axis=1)[counted]
            for one, own in zip(judged, np.split(numbers, len(judged), axis=1), strict=True):
                one.add(own, true, block, counted)
            if len(judged) == 2:
                first, second = judged
                moved = -np.abs(first.own - second.own)
                moved[all_right(first.chosen, second.chosen)] = np.inf
                second.keep("changed", moved)
    rows.refuse_none(source.names[0])
    holds = source.text_column, rows.label_column
    done = [_evaluation(one, rows, holds, wanted) for one in judged]
    if len(done) == 1:
        return done[0][0]
    (first_one, right), (other, other_right) = done
    only_first, only_second = int((right & ~other_right).sum()), int((other_right & ~right).sum())
    comparison = Comparison(
        other,
        only_first,
        only_second,
        figures.mcnemar(only_first, only_second) if weight_column is None else None,
        tuple(judged[1].kept("changed")),
    )
    return replace(first_one, comparison=comparison)


def _evaluation(
    judged: _Judged,
    rows: _Rows,
    columns: tuple[str, str],
    wanted: Mapping[str, float],
) -> tuple[Evaluation, NDArray[np.bool_]]:
    """Return the evaluation of one model, and which texts it has right."""
    true, weights, slices, reasons = rows.truth, rows.counts, rows.slices, rows.reasons
    model, numbers = judged.model, np.concatenate(judged.parts)
    scores, words, known = numbers[:, :-2], numbers[:, -2], numbers[:, -1]
    threshold, classes = model.config.threshold, len(model.labels)
    chosen = _chosen(model, numbers)
    right = all_right(chosen, true)
    several, unsure = None, []
    matrix: figures.Counts = np.zeros((0, 0))
    told, heights = telling(scores), weights
    if isinstance(threshold, tuple):
        several = figures.several(true, chosen, weights)
        texts, given, rates = several[:3]
        each, has_each, heights = figures.cells(scores, true, weights)
        told, kinds = telling(each), {"true": has_each == 1, "not true": has_each == 0}
    else:
        matrix = figures.confusion_matrix(true, chosen, classes, weights)
        texts, given, rates = matrix.sum(axis=1), matrix.sum(axis=0), figures.rates(matrix)
        unsure = figures.bands(scores, right, threshold, weights)
        kinds = {"right": right, "wrong": ~right}
        if classes == 2:
            kinds = {name: true == i for i, name in enumerate(model.labels)}
    labels = {}
    for i, label in enumerate(model.labels):
        has = true[:, i] == 1 if several else true == i
        curve = chosen_by = figures.curve(has, scores[:, i], weights)
        if wanted and several:  # a text without a known word gets no label
            chosen_by = figures.curve(has, np.where(known, scores[:, i], 0), weights)
        labels[label] = LabelFigures(
            texts[i].item(),
            given[i].item(),
            float(rates.precision[i]),
            float(rates.recall[i]),
            float(rates.f1[i]),
            figures.roc_auc(curve),
            figures.average_precision(curve),
            figures.operating(chosen_by, **wanted) if wanted else None,
            figures.points(curve) if classes <= _CURVES else [],
        )
    found = figures.reliability(scores, true, weights=weights)
    column = np.minimum((told * _COLUMNS).astype(int), _COLUMNS - 1)
    histogram = {}
    for name, kind in kinds.items():
        own = None if heights is None else heights[kind]
        histogram[name] = np.bincount(column[kind], own, _COLUMNS).tolist()
    edges = np.searchsorted(_LENGTHS, words)
    between = [f"{a + 1}–{b}" for a, b in itertools.pairwise(_LENGTHS)]
    lengths = _groups(edges, right, weights, ["none", *between, f"over {_LENGTHS[-1]}"])
    (whole,) = _groups(np.zeros(len(true), np.int64), right, weights, [""])
    counts = np.ones(len(true)) if weights is None else weights
    _, sets = np.unique(true, axis=0, return_inverse=True)
    by = {}
    for name, values in slices.items():
        names, inverse = np.unique(np.array(values, object), return_inverse=True)
        groups = _groups(inverse, right, weights, names.tolist())
        by[name] = sorted(groups, key=lambda group: group.high)
    evaluation = Evaluation(
        model=model.sha256,
        texts=len(true),
        errors=reasons.total(),
        reasons=dict(reasons.most_common(_SHOWN_REASONS)),
        columns=columns,
        unknown=np.bincount(known == 0, weights, 2)[1].item(),
        known_words=float((known * counts).sum() / max((words * counts).sum(), 1e-9)),
        accuracy=whole.accuracy,
        interval=(whole.low, whole.high),
        threshold=None if several else thresholds_of(threshold, classes)[1],
        baseline=float(np.bincount(sets.ravel(), weights).max() / whole.texts),
        log_loss=figures.log_loss(scores, true, weights),
        calibration_error=found.error,
        labels=labels,
        confusion=matrix.tolist(),
        reliability=[
            Bin(texts.item(), float(sure), float(accuracy))
            for texts, sure, accuracy in zip(*found, strict=True)
            if texts
        ],
        unsure=unsure,
        histogram=histogram,
        lengths=lengths,
        slices=by,
        worst=judged.kept("worst"),
        least_sure=judged.kept("least sure"),
        micro_f1=several and several.micro_f1,
        macro_f1=several and several.macro_f1,
    )
    return evaluation, right


def _chosen(model: Classifier, numbers: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the labels as `choose` does; of several, none where no word is known."""
    chosen = choose(numbers[:, :-2], model.config.threshold)
    if model.config.multi_label:
        chosen[numbers[:, -1] == 0] = 0
    return chosen


def _groups(
    group_of: NDArray[np.int64],
    right: NDArray[np.bool_],
    weights: figures.Floats | None,
    names: Sequence[str],
) -> list[Group]:
    """Return the groups that have texts, in the order of `names`."""
    counts = np.ones(len(right)) if weights is None else weights
    texts = np.bincount(group_of, weights, len(names)).tolist()
    good = np.bincount(group_of, counts * right, len(names)).tolist()
    squares = np.bincount(group_of, counts**2, len(names)).tolist()
    return [
        Group(name, count, hits / count, *figures.wilson(hits * count / square, count**2 / square))
        for name, count, hits, square in zip(names, texts, good, squares, strict=True)
        if count
    ]


def _weight(value: Any) -> float | None:
    """Return how much a text counts; None for what says no such thing."""
    try:
        weight = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    # Within these, neither sums nor squares leave the range of a float.
    return weight if weight == 0 or 1e-100 < weight < 1e100 else None
