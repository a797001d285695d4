"""The estimator in scikit-learn's hands."""

import pickle
import random
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit

import pocketrnn
from pocketrnn import TextConfig
from pocketrnn.errors import InputError, PocketRNNError, TextError
from pocketrnn_train import Corpus, PocketClassifier, estimator

SETTINGS: dict[str, Any] = {
    "text": TextConfig(maxlen=8),
    "embedding": 4,
    "units": 4,
    "epochs": 2,
    "batch_size": 8,
}

# One split: what takes time is compiling the network for each.
ONE = StratifiedShuffleSplit(1, test_size=0.5, random_state=0)


@pytest.fixture(scope="module")
def texts(films: Corpus) -> list[str]:
    return [*films.train.texts, *films.test.texts]


@pytest.fixture(scope="module")
def labels(films: Corpus) -> list[float]:
    """Numbers, not names, and not from 0: as floats, as a column with a gap has them."""
    return [float(label) * 10 + 10 for label in (*films.train.labels, *films.test.labels)]


@pytest.fixture(scope="module")
def fitted(texts: list[str], labels: list[float]) -> PocketClassifier:
    return PocketClassifier("classic", SETTINGS | {"learning_rate": 0.02, "epochs": 12}).fit(
        texts, labels
    )


def test_labels_and_probabilities(
    fitted: PocketClassifier, texts: list[str], labels: list[float]
) -> None:
    assert fitted.classes_.tolist() == [10, 20]
    probabilities = fitted.predict_proba(texts)
    assert probabilities.shape == (30, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    chosen = fitted.predict(texts)
    assert chosen.tolist() == np.where(probabilities[:, 1] > 0.5, 20, 10).tolist()
    assert fitted.score(texts, labels) == (chosen == labels).mean() > 0.7


def test_labels_of_any_type_that_can_be_sorted(
    texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(config: Any, corpus: Corpus, folder: Path) -> None:
        raise KeyboardInterrupt(corpus.labels)

    monkeypatch.setattr(estimator, "fit", stop)
    for pair, names in (
        ((0.5, 1.5), ("0.5", "1.5")),
        ((date(2026, 1, 1), date(2026, 2, 1)), ("2026-01-01", "2026-02-01")),
        ((np.datetime64("2026-01"), np.datetime64("2026-02")), ("2026-01", "2026-02")),
    ):
        with pytest.raises(KeyboardInterrupt) as caught:
            PocketClassifier("classic").fit(texts, list(pair) * 15)
        assert caught.value.args[0] == names
    with pytest.raises(InputError, match="two labels have the same name"):
        PocketClassifier("classic").fit(texts, ["a", "a "] * 15)
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InputError, match="a label is missing"):
        PocketClassifier("classic").fit(texts, pandas.array(["a", None, "b"] * 10, "string"))


def test_texts_that_cannot_be_held_out() -> None:
    few = ["a good film", "a bad film"] * 30
    with pytest.raises(InputError, match="too few texts to hold any out"):
        PocketClassifier("classic", SETTINGS).fit(few, ["A", "B"] * 29 + ["C", "A"])


def test_pickled_and_cloned(fitted: PocketClassifier, texts: list[str]) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(texts), fitted.predict_proba(texts))
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(texts)


def test_what_is_no_list_of_texts(fitted: PocketClassifier) -> None:
    assert fitted.predict_proba([]).shape == (0, 2)
    assert len(fitted.predict([])) == 0
    for texts in ("good film", {"text": "good"}, ["good", 1]):
        with pytest.raises(TextError):
            fitted.predict(texts)


def test_random_numbers_of_the_caller_go_on(texts: list[str], labels: list[float]) -> None:
    """Keras seeds those of all: each of several draws would be the same."""
    np.random.seed(0)
    random.seed(0)
    expected = [(np.random.random(), random.random()) for _ in range(2)]
    np.random.seed(0)
    random.seed(0)
    found = [(np.random.random(), random.random())]
    PocketClassifier("classic", SETTINGS | {"epochs": 1}).fit(texts, labels)
    found.append((np.random.random(), random.random()))
    assert found == expected


@pytest.mark.slow
def test_search_of_settings(texts: list[str], labels: list[float]) -> None:
    grid = {"settings": [SETTINGS, SETTINGS | {"units": 2}]}
    search = GridSearchCV(PocketClassifier("classic"), grid, cv=ONE).fit(texts, labels)
    assert search.best_params_["settings"] in grid["settings"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(texts)) == 30


def test_export(fitted: PocketClassifier, texts: list[str], tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    fitted.export(tmp_path / "model.onnx")
    served = pocketrnn.load(tmp_path / "model.onnx")
    assert served.labels == ("10", "20")
    np.testing.assert_allclose(served.scores(texts), fitted.predict_proba(texts), atol=1e-5)
    assert served.card["figures"]["test"] is None
    low, high = served.card["unsure"]
    assert 0 <= low <= 0.5 <= high <= 1
    assert served.predict(texts[0]).unlikeness < served.predict("xyzzy film xyzzy").unlikeness


@pytest.mark.parametrize(
    ("texts", "labels", "recipe", "message"),
    [
        (["a b", "c d"], ["x", "x"], "classic", "at least two labels are needed, not 1"),
        ([], [], "classic", "at least two labels are needed, not 0"),
        (["a b", "c d"], ["x", np.nan], "classic", "a label is missing"),
        (["a b", "c d"], ["x", None], "classic", "a label is missing"),
        (["a b"], ["x", "y"], "classic", "1 texts, but 2 labels"),
        ({"text": ["a b"]}, ["x"], "classic", "is no list of texts"),
        (["a b", 5], ["x", "y"], "classic", "text 2 must be a str"),
        ("ab", ["x", "y"], "classic", "give one text as"),
        (["a b", "c d"], [1, "y"], "classic", "some labels are strings, others not"),
        (["a b", "c d"], ["x", "y"], "zzz", "no recipe 'zzz'; there are: default"),
    ],
)
def test_what_cannot_be_learnt(texts: Any, labels: Any, recipe: str, message: str) -> None:
    with pytest.raises(PocketRNNError, match=message):
        PocketClassifier(recipe).fit(texts, labels)
