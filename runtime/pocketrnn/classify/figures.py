"""How good scores are: the figures that training and `evaluate` share.

`scores` are probabilities, float32 (texts, labels), `labels` the true ones, int (texts,), or, where
a text may have several, 0 and 1, int (texts, labels), and `weights`, float64 (texts,) from 0, say
how much each text counts; without them, as 1. scikit-learn's definitions hold where it has the same
figure; the tests compare with it.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .labels import Threshold, probabilities, telling

Scores = NDArray[np.float32]
Labels = NDArray[np.integer]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | Floats
"""Numbers of texts; with weights, the sums of these."""

BINS = 15  # of Guo et al., see `reliability`
Z = 1.959963984540054  # the 97.5th percentile of the normal distribution, for 95 % intervals
_EPSILON = 1e-7  # probabilities are kept this far from 0 before logarithms are taken, as in Keras
_POINTS = 100  # of a curve, where it is drawn
_SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)  # of texts answered, that `bands` looks at


def wilson(right: float, texts: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of `texts`, both ends from 0 to 1.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22,
    1927: it stays sound for few texts and for shares near 0 and 1. Without texts it is (0, 1).
    """
    if not texts:
        return 0.0, 1.0
    share, square = right / texts, Z**2 / texts
    middle = share + square / 2
    half = Z * math.sqrt(share * (1 - share) / texts + square / (4 * texts))
    return max((middle - half) / (1 + square), 0.0), min((middle + half) / (1 + square), 1.0)


def confusion_matrix(
    labels: Labels, chosen: Labels, classes: int, weights: Floats | None = None
) -> Counts:
    """Return how many texts of each label (row) were given each label (column)."""
    cells = np.bincount(labels * classes + chosen, weights, classes * classes)
    return cells.reshape(classes, classes)


class Rates(NamedTuple):
    """Figures of each label, float64 (labels,); 0 where there is nothing to divide by."""

    precision: Floats
    recall: Floats
    f1: Floats


def rates(confusion: Counts) -> Rates:
    """Return precision, recall and F1 of each label."""
    return rates_of(confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion))


def rates_of(true: Counts, given: Counts, right: NDArray[Any]) -> Rates:
    """Return the rates of labels that so many texts truly have, got, and got rightly."""
    return Rates(ratio(right, given), ratio(right, true), ratio(2 * right, true + given))


class Several(NamedTuple):
    """Figures where a text may have several labels."""

    true: Counts
    """How many texts have each label."""
    given: Counts
    """How many got it."""
    rates: Rates
    micro_f1: float
    """Of all labels of all texts together; 0 without any."""
    macro_f1: float
    """The mean of the labels that are true of a text, or given to one; 0 without any."""


def several(labels: Labels, chosen: Labels, weights: Floats | None = None) -> Several:
    """Return the figures of 0 and 1: int (texts, labels)."""
    counts: Counts = np.ones(len(labels), np.int64) if weights is None else weights
    sums = counts @ labels, counts @ chosen, counts @ (labels * chosen)
    found, occurs = rates_of(*sums), sums[0] + sums[1] > 0
    micro = rates_of(*(each.sum(keepdims=True) for each in sums)).f1.item()
    macro = float(found.f1[occurs].mean()) if occurs.any() else 0.0
    return Several(sums[0], sums[1], found, micro, macro)


def cells(
    scores: Scores, labels: Labels, weights: Floats | None = None
) -> tuple[Scores, Any, Floats | None]:
    """Return each label of each text, where it may have several, as a text of two labels."""
    weights = None if weights is None else weights.repeat(scores.shape[1])
    return probabilities(scores.reshape(-1, 1)), labels.ravel(), weights


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """Return `part / whole`, and 0 where there is nothing to divide by."""
    return np.asarray(np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0))


def macro_f1(confusion: Counts) -> float:
    """Return the mean F1 of the labels that are true of a text, or given to one."""
    occurs = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    return float(rates(confusion).f1[occurs].mean())


class Curve(NamedTuple):
    """What choosing one label at each distinct score, or above it, gives; highest score first."""

    scores: Floats
    """The distinct scores."""
    true: Counts
    """How many texts of the label have this score, or a higher one."""
    false: Counts
    """How many other texts do."""


def curve(
    is_label: NDArray[np.bool_], scores: Floats | Scores, weights: Floats | None = None
) -> Curve:
    """Return the curve of one label against the rest; `scores` are its probabilities (texts,)."""
    if weights is not None:  # what doesn't count is no point of the curve
        counting = weights > 0
        is_label, scores, weights = is_label[counting], scores[counting], weights[counting]
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], len(ordered) > 0))
    counts: Any = 1 if weights is None else weights[order]
    true, false = (np.cumsum(kind[order] * counts)[last] for kind in (is_label, ~is_label))
    return Curve(ordered[last], true, false)


def roc_auc(of: Curve) -> float | None:
    """Return the area under the ROC curve; None unless there are texts of both kinds."""
    if not len(of.true) or not of.true[-1] or not of.false[-1]:
        return None
    true, false = np.append(0, of.true), np.append(0, of.false)
    doubled = ((true[1:] + true[:-1]) * np.diff(false)).sum()
    return float(doubled / 2 / true[-1] / false[-1])


def average_precision(of: Curve) -> float | None:
    """Return the mean precision, weighted by the rise in recall; None without a true text.

    A sum of steps, not of trapezoids, which would be too kind: `average_precision_score`.
    """
    if not len(of.true) or not of.true[-1]:
        return None
    precision = of.true / (of.true + of.false)
    return float((np.diff(of.true, prepend=0) * precision).sum() / of.true[-1])


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the ROC curve and of the one of precision and recall; each from 0 to 1."""

    recall: float
    precision: float
    false_positives: float
    """The share of the other texts that are chosen."""


def points(of: Curve) -> list[Point]:
    """Return up to 100 points, evenly along the ROC curve; none without texts of both kinds."""
    if roc_auc(of) is None:
        return []
    recall, others = of.true / of.true[-1], of.false / of.false[-1]
    which = np.unique(np.searchsorted(recall + others, np.linspace(0, 2, _POINTS)))
    found = np.stack([recall, of.true / (of.true + of.false), others], axis=1)
    return [Point(*point) for point in found[which].tolist()]


@dataclass(frozen=True, slots=True)
class Operating:
    """What choosing a label above a threshold gives."""

    threshold: float
    """The label is chosen where its probability is over this."""
    precision: float
    recall: float


def operating(
    of: Curve, *, precision: float | None = None, recall: float | None = None
) -> Operating | None:
    """Return the threshold that reaches the precision or the recall, and has most of the other.

    None if no threshold does.
    """
    if not len(of.true) or not of.true[-1]:
        return None
    precisions, recalls = of.true / (of.true + of.false), of.true / of.true[-1]
    enough = (of.scores > 0) & (precisions >= (precision or 0)) & (recalls >= (recall or 0))
    if not enough.any():
        return None
    best = int(np.argmax(np.where(enough, precisions if precision is None else recalls, -1.0)))
    # The next lower score: what has the threshold itself isn't chosen.
    threshold = of.scores[best + 1] if best + 1 < len(of.scores) else 0.0
    return Operating(float(threshold), float(precisions[best]), float(recalls[best]))


def log_loss(scores: Scores, labels: Labels, weights: Floats | None = None) -> float:
    """Return the mean cross-entropy, in nats; no probability counts as less than 1e-7.

    Where a text may have several labels, it is the mean of all of them.
    """
    if labels.ndim > 1:
        scores, labels, weights = cells(scores, labels, weights)
    own = scores[np.arange(len(labels)), labels].astype(np.float64)
    return float(np.average(-np.log(np.clip(own, _EPSILON, 1)), weights=weights))


class Reliability(NamedTuple):
    """Texts by the probability of their most probable label, in bins of equal width."""

    texts: Counts
    """How many there are in each bin."""
    confidence: Floats
    """The mean of that probability; 0 in an empty bin."""
    accuracy: Floats
    """How often that label is the true one; 0 in an empty bin."""

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap between the two, weighted by texts."""
        gaps = self.texts * np.abs(self.accuracy - self.confidence)
        return float(gaps.sum() / self.texts.sum())


def reliability(
    scores: Scores, labels: Labels, bins: int = BINS, weights: Floats | None = None
) -> Reliability:
    """Compare how sure a model is with how often it is right.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, with their 15 bins. Where a
    text may have several labels, each of them counts, as one of two.
    """
    if labels.ndim > 1:
        scores, labels, weights = cells(scores, labels, weights)
    confidence = scores.max(axis=1).astype(np.float64)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    counts: Any = 1 if weights is None else weights
    texts = np.bincount(bin_of, weights, bins)
    right = np.bincount(bin_of, (scores.argmax(axis=1) == labels) * counts, bins)
    sure = np.bincount(bin_of, confidence * counts, bins)
    return Reliability(texts, ratio(sure, texts), ratio(right, texts))


def sureness(scores: Scores, threshold: Threshold) -> Floats:
    """Return how far each text is from the middle of the bands that `predict` takes as unsure.

    With two labels that is the threshold, and the second one's probability counts; with more it
    is 0, and the most probable one's counts; with a threshold for each, the label's that is nearest
    to its own. float64 (texts,).
    """
    if isinstance(threshold, tuple):
        return np.asarray(np.abs(scores - np.array(threshold)).min(axis=1))
    middle = np.float32(threshold if scores.shape[1] == 2 else 0)
    return np.abs(telling(scores).astype(np.float64) - middle)


@dataclass(frozen=True, slots=True)
class Band:
    """What it costs to call texts unsure."""

    share: float
    """Of the texts, those outside the band, which are answered."""
    accuracy: float | None
    """On these; None if there are none."""
    low: float
    high: float


def band(distance: float, classes: int, threshold: float) -> tuple[float, float]:
    """Return the band of texts whose `sureness` is `distance` or less."""
    if classes > 2:
        return 0.0, float(distance)
    middle = float(np.float32(threshold))
    return max(middle - distance, 0.0), min(middle + distance, 1.0)


def bands(
    scores: Scores, right: NDArray[np.bool_], threshold: float, weights: Floats | None = None
) -> list[Band]:
    """Return bands that leave 100 %, 95 % and so on of the texts answered, and what that gains.

    Of bands that leave the same texts, there is one.
    """
    counts: Counts = np.ones(len(right), np.int64) if weights is None else weights
    distances = sureness(scores, threshold)
    order = np.argsort(distances)
    below = np.cumsum(counts[order])
    values = telling(scores)
    found = [
        Band(1.0, float((right * counts).sum() / below[-1]), *band(0.0, scores.shape[1], threshold))
    ]
    for wanted in _SHARES[1:]:
        distance = distances[order[np.searchsorted(below, (1 - wanted) * below[-1])]]
        low, high = band(distance, scores.shape[1], threshold)
        answered = ((values < np.float32(low)) | (values > np.float32(high))) * counts
        total = answered.sum()
        share = float(total / below[-1])
        if share != found[-1].share:  # few texts, or many alike, have few bands
            accuracy = float((right * answered).sum() / total) if total else None
            found.append(Band(share, accuracy, low, high))
    return found


def mcnemar(only_first: int, only_second: int) -> float:
    """Return how likely such a difference between two models is if they are equally good.

    The two counts are the texts that only one of them has right. The exact, two-sided binomial
    form of Q. McNemar, Note on the sampling error of the difference between correlated
    proportions or percentages, Psychometrika 12, 1947.
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])  # of factorials
    k = np.arange(fewer + 1)
    terms = logarithms[n] - logarithms[k] - logarithms[n - k] - n * math.log(2)
    return min(1.0, 2 * float(np.exp(terms).sum()))
