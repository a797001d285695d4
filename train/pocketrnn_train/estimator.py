"""Training as a scikit-learn estimator, for its cross-validation and its search of settings."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from pocketrnn.classify.labelled import label_of
from pocketrnn.classify.labels import choose
from pocketrnn.config import check, in_chunks
from pocketrnn.errors import InputError, TextError

from .classify import batches
from .classify.training import fit
from .corpora import Corpus, Examples
from .recipes import RECIPES
from .run import Run


class PocketClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A text classifier that scikit-learn can handle: texts and labels in, labels out.

    >>> from sklearn.model_selection import cross_val_score
    >>> cross_val_score(PocketClassifier("tiny"), texts, labels, cv=3)

    It can be cloned and pickled. All texts are for training: those that the settings hold out
    choose the threshold, and there is no test.
    """

    def __init__(self, recipe: str = "default", settings: Mapping[str, Any] | None = None) -> None:
        """Take a recipe of `RECIPES`, and `TrainConfig.with_settings` that differ from it."""
        self.recipe = recipe
        self.settings = settings

    def fit(self, texts: Iterable[str], labels: Iterable[Any]) -> "PocketClassifier":
        """Train on texts and their labels, which may be of any type that can be sorted.

        Raises ConfigError for settings that don't fit, TextError or InputError for texts and labels
        that can't be learnt, RunError if the loss isn't finite.
        """
        check(
            self.recipe in RECIPES,
            f"no recipe {self.recipe!r:.40}; there are: {', '.join(RECIPES)}",
        )
        rows, given = _listed(texts), list(labels)
        if len(rows) != len(given):
            raise InputError(f"{len(rows):,} texts, but {len(given):,} labels")
        if any(np.ndim(label) for label in given):
            raise InputError(
                "PocketClassifier learns one label a text; for several, fit a Corpus.of(texts, "
                'labels, label_separator=";")'
            )
        if any(map(_is_missing, given)):
            raise InputError("a label is missing (None or NaN): leave out texts without one")
        kinds = {isinstance(label, str) for label in given}
        if len(kinds) > 1:  # NumPy would make strings of all
            raise InputError("some labels are strings, others not; give them all one type")
        self.classes_, indices = np.unique(np.asarray(given), return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"at least two labels are needed, not {len(self.classes_)}")
        train = Examples(rows, indices.astype(np.int64))
        none = Examples((), np.zeros(0, np.int64))
        names = tuple(map(_name_of, self.classes_))
        if len(set(names)) < len(names):
            raise InputError("two labels have the same name: they differ in white space or form")
        corpus = Corpus("texts in memory", names, train, none)
        config = RECIPES[self.recipe].with_settings(**(self.settings or {}))
        with TemporaryDirectory() as folder:
            run = fit(config, corpus, Path(folder, "run"))
            self.files_ = {path.name: path.read_bytes() for path in run.folder.iterdir()}
        return self

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return the probability of each of `classes_`: float32 (texts, classes)."""
        with self._run() as run:
            given = _listed(texts)
            if not given:
                return np.zeros((0, len(self.classes_)), np.float32)
            return batches.predict(run.model(), batches.ids(run.tokenizer, given), run.config)

    def predict(self, texts: Iterable[str]) -> NDArray[Any]:
        """Return the label of each text."""
        with self._run() as run:
            threshold = run.report["threshold"]
        labels: NDArray[Any] = self.classes_[choose(self.predict_proba(texts), threshold)]
        return labels

    def export(self, path: str | os.PathLike[str], *, force: bool = False) -> Any:
        """Write a model file, as `pocketrnn_export.export` does, and return what that returns."""
        # By name: training doesn't need the package; who calls this does.
        with self._run() as run:
            return import_module("pocketrnn_export").export(run, path, force=force)

    @contextmanager
    def _run(self) -> Iterator[Run]:
        """Yield the run in a folder; NotFittedError before `fit`."""
        check_is_fitted(self)
        with TemporaryDirectory() as folder:
            for name, data in self.files_.items():
                Path(folder, name).write_bytes(data)
            yield Run(Path(folder))


def _listed(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts; TextError for what is no list of str."""
    if isinstance(texts, str):
        raise TextError("texts must be a list of str; give one text as [text]")
    return tuple(chain.from_iterable(in_chunks(texts, 1000)))


def _is_missing(label: Any) -> bool:
    """Return whether a label is what pandas has for none; its NA can't be compared."""
    return label is None or type(label).__name__ == "NAType" or bool(label != label)


def _name_of(label: Any) -> str:
    """Return the name of a label of any type."""
    try:
        return label_of(label) or str(label)
    except ValueError:
        return str(label)
