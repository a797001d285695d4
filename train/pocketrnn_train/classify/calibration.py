"""Make probabilities that can be relied on, and a threshold, from texts held out of training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import TextConfig
from pocketrnn.classify import figures
from pocketrnn.classify.labels import Threshold, choose, probabilities
from pocketrnn.classify.unlike import Usual, log_ranks

from ..corpora.corpus import RARE

# Probabilities are kept this far from 0 and 1 before logarithms are taken: Keras's epsilon.
_EPSILON = 1e-7

# Thresholds tried: more would only follow the noise.
_CANDIDATES = 201

_RESAMPLES = 200

# The normal distribution's 99th percentile.
_RARE = 2.326

# A variance below is rounding's.
_TINY = 1e-9


def temperature(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature at which softmax(log(scores) / temperature) fits `labels` best.

    The best fit is the lowest cross-entropy: Guo et al., On Calibration of Modern Neural Networks,
    ICML 2017. The square of the temperature's logarithm is added to the sum over all texts, so
    that a handful of texts can't push it to an extreme. Where a text may have several labels, each
    of them counts, as one of two.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    if labels.ndim > 1:
        scores, labels, _ = figures.cells(scores, labels)
    logits = np.log(np.clip(scores.astype(np.float64), _EPSILON, 1))

    def loss(log_temperature: float) -> float:
        fitted = log_softmax(logits / np.exp(log_temperature), axis=1)
        own = fitted[np.arange(len(labels)), labels]
        return float(log_temperature**2 - own.sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def scaled(
    scores: NDArray[np.float32], temperature: float, *, multi_label: bool = False
) -> NDArray[np.float32]:
    """Return probabilities (texts, classes) at another temperature, as `apply` makes them."""
    if multi_label:
        both = probabilities(scores.reshape(-1, 1))
        return scaled(both, temperature)[:, 1].reshape(scores.shape)
    from scipy.special import softmax

    logits = np.log(np.clip(scores.astype(np.float64), _EPSILON, 1))
    return np.asarray(softmax(logits / temperature, axis=1), np.float32)


def apply(model: Any, temperature: float) -> None:
    """Divide what goes into the last layer's sigmoid or softmax by `temperature`.

    That input is linear in the layer's weights, so dividing them does it.
    """
    last = model.layers[-1]
    last.set_weights([weights / np.float32(temperature) for weights in last.get_weights()])


def threshold(scores: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int) -> float:
    """Return the probability over which to choose the second of two classes.

    Of a rare one, it has the best mean F1 of both classes on these texts, so that the rare class
    counts as much as the common one. But it is 0.5 unless the best is better than 0.5 in 97.5 % of
    bootstrap resamples, and those over it are of the second class clearly more often than all texts
    are (Wilson's 95 % interval): the best of many thresholds is often a matter of luck.
    """
    if labels.mean() >= RARE:
        return 0.5

    def mean_f1(chosen: NDArray[np.bool_], true: NDArray[np.int64]) -> float:
        return figures.macro_f1(figures.confusion_matrix(true, chosen.astype(np.int64), 2))

    positive = scores[:, 1].astype(np.float64)
    candidates = np.unique(np.quantile(positive, np.linspace(0, 1, _CANDIDATES)))
    between = (candidates[1:] + candidates[:-1]) / 2
    best = max(
        [0.5, *between.tolist()],
        key=lambda value: (mean_f1(positive > value, labels), -abs(value - 0.5)),
    )
    over = labels[positive > best]
    if figures.wilson(int(over.sum()), len(over))[0] <= labels.mean():
        return 0.5
    random = np.random.default_rng(seed)
    wins = 0
    for _ in range(_RESAMPLES):
        rows = random.integers(0, len(labels), len(labels))
        values, true = positive[rows], labels[rows]
        wins += mean_f1(values > best, true) > mean_f1(values > 0.5, true)
    return best if wins >= 0.975 * _RESAMPLES else 0.5


def thresholds(scores: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int) -> Threshold:
    """Return what the probability of a rare label must be over: `threshold`; of others 0.5.

    Of two labels, the second may be rare; where a text may have several, each of them.
    """
    if labels.ndim > 1:
        each = zip(scores.T, labels.T, strict=True)
        return tuple(threshold(probabilities(own[:, None]), true, seed=seed) for own, true in each)
    return threshold(scores, labels, seed=seed) if scores.shape[1] == 2 else 0.5


def unsure(
    scores: NDArray[np.float32], labels: NDArray[np.int64], threshold: float
) -> tuple[float, float]:
    """Return the band of probabilities, for `predict(unsure=...)`, that are as good as a guess.

    It is the widest one in which these texts can't rule out that half of the labels are wrong:
    where Wilson's 95 % interval of the share of right ones reaches down to 50 %. Its surest text
    is a wrong one; where none is, there is no band.
    """
    distances = figures.sureness(scores, threshold)
    order = np.argsort(distances, kind="stable")
    good = (choose(scores, threshold) == labels)[order]
    right, wrong = np.cumsum(good).tolist(), np.flatnonzero(~good).tolist()
    guesses = [i for i in wrong if figures.wilson(right[i], i + 1)[0] <= 0.5]
    widest = float(distances[order[guesses[-1]]]) if guesses else 0.0
    return figures.band(widest, scores.shape[1], threshold)


def usual(rows: Sequence[NDArray[np.int32]], text: TextConfig) -> Usual | None:
    """Return what is usual of texts, from the ids of each; None if words don't differ within them.

    A word that stands in one text only counts as unknown, as it would be without that text. The
    variances are those of a one-way analysis with random effects. Few texts hold no rare one, so
    the limit is that of the normal distribution at least.
    """
    texts_with = np.bincount(
        np.concatenate([np.unique(row) for row in rows]), minlength=text.num_words
    )
    of_ids = log_ranks(text)
    of_ids[texts_with == 1] = of_ids[text.oov_id]
    kept = [of_ids[row[text.kept][row[text.kept] != text.start_id]] for row in rows]
    sums, words = (np.array([f(each) for each in kept if len(each)]) for f in (np.sum, len))
    every = np.concatenate(kept)
    count, texts = len(every), len(words)
    if count <= texts:
        return None
    mean = every.mean()
    of_texts = (words * (sums / words - mean) ** 2).sum()  # sums of squares
    within = (((every - mean) ** 2).sum() - of_texts) / (count - texts)
    if within < _TINY:
        return None
    between = (of_texts - (texts - 1) * within) / max(count - (words**2).sum() / count, 1)
    between = max(between, 0.0)
    distances = (sums / words - mean) / np.sqrt(between + within / words)
    limit = max(np.quantile(distances, 0.99), _RARE) ** 2
    return Usual(float(mean), float(within * limit), float(between * limit))
