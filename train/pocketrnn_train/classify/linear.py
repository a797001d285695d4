"""Linear classifiers of whole texts: what a network is compared with, and what teaches it.

The teacher of tables is a linear support vector machine on TF-IDF of words, pairs of words and
pieces of words: hard to beat on a few thousand short texts, but a hundred times as large as a
network (Wang and Manning, Baselines and Bigrams: Simple, Good Sentiment and Topic Classification,
ACL 2012).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.errors import InputError

from ..corpora.splits import folds
from .teacher import Blend, blend, columns_of, one_hot, quietly

Choice = tuple[float, bool]
"""A teacher's C, and whether its features are scaled: see `Linear`."""

# The values of C that cross-validation chooses from.
_STRENGTHS = (0.2, 0.8, 3.2)

# What is kept of the features: the most frequent ones, so that memory is bounded.
_MOST = 200_000

# Texts that each feature is taken to be in besides, spread over the labels.
_PRIOR = 1.0

# Margins of a support vector machine times this are about as sure as they should be.
_USUAL_SCALE = 3.0


def tfidf(tokenizer: Tokenizer, *, pieces: bool) -> Any:
    """Return a vectorizer of words and pairs, with `pieces` of 2 to 5 characters too."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    def words(text: str) -> list[str]:
        found = tokenizer.words(text)
        return [*found, *map(" ".join, pairwise(found))]

    options = {"sublinear_tf": True, "max_features": _MOST, "dtype": np.float32}
    of_words = TfidfVectorizer(analyzer=words, **options)
    if not pieces:
        return of_words
    of_pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **options)
    return make_union(of_words, of_pieces)


def tells(
    counts: NDArray[np.floating], texts: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the share of each label in texts with a feature, and its log ratio to the usual share.

    `counts` are texts with each feature and label: (features, labels); `texts` those with each
    label: (labels,).
    """
    prior = _PRIOR / len(texts)
    shares = np.asarray(counts + prior, np.float32)
    shares /= shares.sum(axis=1, keepdims=True)
    usual = (texts + prior) / (texts + prior).sum()
    return shares, np.asarray(np.log(shares / usual), np.float32)


class Linear:
    """A linear support vector machine: rows of features in, a margin for each column out."""

    def __init__(
        self, matrix: Any, labels: NDArray[np.int64], classes: int, settings: Choice, seed: int
    ) -> None:
        """Fit on rows of TF-IDF and their labels; a label may have none.

        If scaled, features count by how much they tell of the labels. TF-IDF alone counts a
        word less, the more rows it stands in: where these are few, too little if it tells them.
        """
        from sklearn.svm import LinearSVC

        # Where a text may have several labels, each is told by itself.
        several = labels.T if labels.ndim > 1 else ()
        self._each = [Linear(matrix, own, 2, settings, seed) for own in several]
        if self._each:
            return
        self._columns = columns_of(labels, classes)
        self._known = np.unique(labels)
        self._model = None
        self._scales: NDArray[np.float32] | None = None
        strength, scaled = settings
        if len(self._known) > 1:
            if scaled:
                own = one_hot(labels, classes)
                shares, ratios = tells(matrix.sign().T @ own, own.sum(axis=0))
                self._scales = np.sqrt((shares * ratios).sum(axis=1).clip(min=0))
            # It may stop before it has converged: a teacher needn't be exact.
            model = LinearSVC(C=strength, tol=0.01, max_iter=100, random_state=seed)
            with quietly():
                self._model = model.fit(self._scaled(matrix), labels)

    def _scaled(self, matrix: Any) -> Any:
        if self._scales is None:
            return matrix
        from scipy import sparse
        from sklearn.preprocessing import normalize

        return normalize(matrix @ sparse.diags(self._scales), copy=False)

    def margins(self, matrix: Any) -> NDArray[np.float64]:
        """Return float64 (rows, columns), over 0 for the class; one column is of the second."""
        if self._each:
            return np.concatenate([one.margins(matrix) for one in self._each], axis=1)
        rows = matrix.shape[0]
        if self._model is None:  # one label alone: sure of it
            own = 1.0 if self._columns > 1 or self._known[0] else -1.0
            found = np.full((rows, 1), own)
        else:
            found = self._model.decision_function(self._scaled(matrix)).reshape(rows, -1)
        if self._columns == 1:
            return np.asarray(found, np.float64)
        if len(self._known) == 2:
            found = np.concatenate([-found, found], axis=1)
        margins = np.full((rows, self._columns), -1.0)
        margins[:, self._known] = found
        return margins


@dataclass(frozen=True)
class Teachers:
    """A teacher for each fold of the texts, fitted on the others, and how sure they may be."""

    vectorizer: Any
    fold: NDArray[np.int64]
    models: Sequence[Linear]
    blended: Blend
    settings: Choice
    of_train: NDArray[np.float32]
    """The soft label of each text, by the teacher that hasn't seen it: (texts, columns)."""

    def label(self, texts: Sequence[str], fold: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return soft labels of texts made of those of a fold each: float32 (texts, columns)."""
        labels = np.zeros((len(texts), self.of_train.shape[1]), np.float32)
        matrix = self.vectorizer.transform(texts)
        for number, model in enumerate(self.models):
            rows = np.flatnonzero(fold == number)
            if len(rows):
                labels[rows] = self.blended.probabilities(model.margins(matrix[rows])[None])
        return labels


def teachers(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    classes: int,
    count: int,
    seed: int,
    few: bool,
    settings: Choice | None = None,
) -> tuple[Teachers, Any]:
    """Fit a teacher for each fold, and return the features of the texts besides.

    Without `settings`, they have those of the lowest loss; scaled ones are tried with few texts
    alone, as many texts of many labels would take minutes.
    """
    if not any(map(tokenizer.words, texts)):
        raise InputError("the training texts have no words")
    vectorizer = tfidf(tokenizer, pieces=True)
    matrix = vectorizer.fit_transform(texts)
    fold = folds(labels, groups, count, whole=False)
    columns = columns_of(labels, classes)
    tried: list[tuple[float, Teachers]] = []
    scalings = (False, True) if few else (False,)
    for candidate in (settings,) if settings else product(_STRENGTHS, scalings):
        margins = np.zeros((1, len(texts), columns))
        models = []
        for number in range(count):
            own, others = fold == number, fold != number
            others = others if others.any() else own
            models.append(Linear(matrix[others], labels[others], classes, candidate, seed))
            if own.any():
                margins[0, own] = models[-1].margins(matrix[own])
        blended = blend(margins, labels, [_USUAL_SCALE])
        loss = blended.loss(margins, one_hot(labels, columns))
        of_train = blended.probabilities(margins)
        tried.append((loss, Teachers(vectorizer, fold, models, blended, candidate, of_train)))
    return min(tried, key=lambda one: one[0])[1], matrix


def regression(
    vectorizer: Any,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    others: Sequence[str],
    classes: int,
) -> NDArray[np.float32]:
    """Return the probabilities of `others` by logistic regression: float32 (texts, classes)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    model = OneVsRestClassifier(LogisticRegression(C=10, solver="liblinear"))
    found = np.zeros((len(others), classes), np.float32)
    with quietly():
        model.fit(vectorizer.fit_transform(texts), labels)
        known = model.classes_  # a label may have no text
        found[:, known] = model.predict_proba(vectorizer.transform(others))[:, : len(known)]
    return found
