"""A linear teacher: better than the network at few labelled texts, but too large to ship.

Three linear classifiers look at the n-grams of a text. A logistic regression, fitted on texts that
none of them has seen, blends their margins into probabilities:

- binary counts scaled by the naive-Bayes log-count ratio (Wang and Manning, Baselines and
  Bigrams: Simple, Good Sentiment and Topic Classification, ACL 2012);
- counts weighted by TF-IDF, with sublinear term frequency;
- the plain sum of the log-count ratios: too sure of long texts, but the best one on short texts,
  as it doesn't count on other words around. It alone also learns from texts without labels, by
  the soft labels that all three have given them.

With more than two classes, each is told from all others together.
"""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.classify.labels import probabilities
from pocketrnn.errors import InputError

from .evaluation import evaluate
from .ngrams import NGrams, Ranks, blocks

# LogisticRegression's C, chosen on IMDB's validation texts; three times as much or as little
# changes the accuracy by less than 0.1 points.
_BAYES_C = 1.0
_TFIDF_C = 20.0

# The margin of a label that all texts have.
_SURE = 5.0

MEMBERS = ("bayes", "tfidf", "ratios")
"""The three classifiers, in the order of their margins."""

Margins = NDArray[np.float64]
"""What the classifiers say: float64, shape (3, texts, columns), over 0 for the class.

One column with two classes (over 0: the second), else one for each class.
"""


class Teacher:
    """The three classifiers, fitted."""

    def __init__(
        self, texts: Sequence[Ranks], labels: NDArray[np.int64], *, classes: int, seed: int
    ) -> None:
        """Fit on `texts` as ranks of words; InputError if they have no n-gram at all."""
        from scipy import sparse
        from sklearn.feature_extraction.text import TfidfTransformer

        self._ngrams = NGrams(texts)
        if not len(self._ngrams):
            self._ngrams = NGrams(texts, min_texts=1)
        if not len(self._ngrams):
            raise InputError("the training texts have no words")
        counts = sparse.vstack([self._ngrams.count(block) for block in blocks(texts)], "csr")
        binary = counts.sign()
        self._weighting = TfidfTransformer(sublinear_tf=True).fit(counts)
        weighted = self._weighting.transform(counts)
        targets = one_hot(labels, columns_of(labels, classes))
        self._tally = _tally(binary, targets)
        self.ratios = _log_count_ratios(self._tally)
        """The log-count ratio of each n-gram, for each column: float32 (n-grams, columns)."""
        bayes, tfidf = [], []
        for ratio, target in zip(self.ratios.T, targets.T, strict=True):
            weights, bias = _linear(binary @ sparse.diags(ratio), target, _BAYES_C, seed)
            bayes.append(((ratio * weights).astype(np.float32), bias))
            tfidf.append(_linear(weighted, target, _TFIDF_C, seed))
        self._bayes, self._bayes_bias = map(np.array, zip(*bayes, strict=True))
        self._tfidf, self._tfidf_bias = map(np.array, zip(*tfidf, strict=True))

    def label(
        self, texts: Sequence[Ranks], blended: "Blend"
    ) -> tuple[NDArray[np.float32], "Teacher"]:
        """Return soft labels of texts, and a teacher whose ratios count these texts by them."""
        taught = copy.copy(self)
        labels = [np.zeros((0, len(self._bayes)), np.float32)]
        for block in blocks(texts):
            counts = self._ngrams.count(block)
            labels.append(blended.probabilities(self._margins(counts)))
            taught._tally = taught._tally + _tally(counts.sign(), labels[-1])
        taught.ratios = _log_count_ratios(taught._tally)
        return np.concatenate(labels), taught

    def margins(self, texts: Sequence[Ranks]) -> Margins:
        """Return the margins of texts."""
        nothing = np.zeros((len(MEMBERS), 0, len(self._bayes)))
        found = [self._margins(self._ngrams.count(block)) for block in blocks(texts)]
        return np.concatenate([nothing, *found], axis=1)

    def _margins(self, counts: Any) -> Margins:
        binary = counts.sign()
        bayes = binary @ self._bayes.T + self._bayes_bias
        tfidf = self._weighting.transform(counts) @ self._tfidf.T + self._tfidf_bias
        return np.stack([bayes, tfidf, binary @ self.ratios])


@dataclass(frozen=True)
class Blend:
    """Turns margins into probabilities: sigmoid or softmax of their weighted sum and a bias.

    With `multi_label`, each column is a sigmoid of its own.
    """

    weights: NDArray[np.float64]
    """Of the three classifiers: shape (3,)."""
    bias: NDArray[np.float64]
    """Of each column."""
    multi_label: bool = False

    @property
    def is_sigmoid(self) -> bool:
        """Whether a column says nothing of the others."""
        return self.multi_label or len(self.bias) == 1

    def probabilities(self, margins: Margins) -> NDArray[np.float32]:
        """Return float32 (texts, columns)."""
        from scipy.special import expit, softmax

        logits = self.logits(margins)
        found = expit(logits) if self.is_sigmoid else softmax(logits, axis=1)
        return np.asarray(found, np.float32)

    def loss(self, margins: Margins, targets: NDArray[np.float32]) -> float:
        """Return the summed cross-entropy in nats; `targets` are (texts, columns)."""
        from scipy.special import log_expit, log_softmax

        logits = self.logits(margins)
        if self.is_sigmoid:
            return -float((targets * log_expit(logits) + (1 - targets) * log_expit(-logits)).sum())
        return -float((targets * log_softmax(logits, axis=1)).sum())

    def logits(self, margins: Margins) -> NDArray[np.float64]:
        """Return float64 (texts, columns): what goes into the sigmoid or softmax."""
        return np.asarray(np.tensordot(self.weights, margins, 1) + self.bias)


def blend(
    margins: Margins, labels: NDArray[np.int64], usual: Sequence[float] = (0.44, 0.55, 0.0)
) -> Blend:
    """Fit a Blend on texts that the teacher hasn't seen, by cross-entropy.

    Its weights are pulled towards the usual ones (by default those that IMDB gave), as strongly as
    a few texts would, so that it also works with a handful of texts.
    """
    from scipy.optimize import minimize

    members, _, columns = margins.shape
    start = np.array([*usual, *[0.0] * columns])
    targets = one_hot(labels, columns)

    def of(values: NDArray[np.float64]) -> Blend:
        return Blend(values[:members], values[members:], labels.ndim > 1)

    def loss(values: NDArray[np.float64]) -> float:
        return of(values).loss(margins, targets) + 2 * float(((values - start) ** 2).sum())

    return of(minimize(loss, start, method="L-BFGS-B").x)


def columns_of(labels: NDArray[np.int64], classes: int) -> int:
    """Return how many columns the targets of labels have: one of two classes, else one of each."""
    return 1 if classes == 2 and labels.ndim == 1 else classes


def one_hot(labels: NDArray[np.int64], columns: int) -> NDArray[np.float32]:
    """Return labels as targets (texts, columns); one column is the second of two classes.

    Where a text may have several labels, they are targets already.
    """
    if labels.ndim > 1:
        return labels.astype(np.float32)
    classes = np.array([1]) if columns == 1 else np.arange(columns)
    return np.asarray(labels[:, None] == classes, np.float32)


def with_truth(
    soft: NDArray[np.float32], labels: NDArray[np.int64], share: float | None
) -> NDArray[np.float32]:
    """Return what labelled texts teach: their labels by `share`, and `soft` ones by the rest.

    float32 (texts, columns). Without a share, it is the square of the accuracy of `soft`: where
    labels hardly follow from the words, a network that is given them learns the texts by heart.
    """
    if share is None:
        share = evaluate(probabilities(soft), labels)["accuracy"] ** 2
    mixed = share * one_hot(labels, soft.shape[1]) + (1 - share) * soft
    return np.asarray(mixed, np.float32)


def _tally(binary: Any, targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return in how many texts each n-gram is, without and with the label: (2, n-grams, columns).

    A text with a soft label counts in part on either side.
    """
    own = targets.astype(np.float64)
    return np.stack([binary.T @ (1 - own), binary.T @ own])


def _log_count_ratios(tally: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the log of how much more often each n-gram is in texts with the label: see above."""
    smoothed = 1 + tally
    rates = smoothed / smoothed.sum(axis=1, keepdims=True)
    return np.asarray(np.log(rates[1] / rates[0]), np.float32)


def _linear(
    matrix: Any, target: NDArray[np.float32], strength: float, seed: int
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression of one column: return its weights (n-grams,) and its bias.

    Where all rows have one target, as a rare label's may, it is sure of that.
    """
    if target.min() == target.max():
        return np.zeros(matrix.shape[1]), float(_SURE if target.max() > 0 else -_SURE)
    from sklearn.linear_model import LogisticRegression

    # liblinear's dual coordinate descent: fast with more features than texts.
    model = LogisticRegression(
        C=strength, solver="liblinear", dual=True, max_iter=50, random_state=seed
    )
    with quietly():  # a teacher needn't be exact, and the seed makes it repeatable
        model.fit(matrix, target.astype(np.int64))
    return model.coef_[0], float(model.intercept_[0])


@contextmanager
def quietly() -> Iterator[None]:
    """Hide that a fit stopped before it had converged, or that some label has no choice."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Label .* is present in all training examples")
        yield
