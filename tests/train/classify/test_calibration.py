"""Temperatures are found again and applied exactly, and thresholds are no matter of luck."""

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from pocketrnn import TextConfig
from pocketrnn.classify.figures import reliability
from pocketrnn.classify.padding import Rows
from pocketrnn.classify.unlike import Unlikeness
from pocketrnn_train.classify import calibration


def draw(
    classes: int, temperature: float, count: int = 20_000
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Scores whose logits are `temperature` times too large, and labels drawn by the right ones."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(count, classes)) * 2
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (random.random((count, 1)) > right.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    wrong = np.exp(logits * temperature)
    return (wrong / wrong.sum(axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found_again(classes: int, temperature: float) -> None:
    scores, labels = draw(classes, temperature)
    assert calibration.temperature(scores, labels) == pytest.approx(temperature, rel=0.05)


def test_temperature_of_certain_scores_is_finite() -> None:
    scores = np.array([[1, 0], [0, 1]], np.float32)
    assert 0.1 < calibration.temperature(scores, np.array([0, 1])) <= 1
    assert 1 < calibration.temperature(scores, np.array([1, 0])) < 10


@pytest.mark.parametrize(("units", "activation"), [(1, "sigmoid"), (3, "softmax")])
def test_applying_is_dividing_the_logits(units: int, activation: str) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units, activation, bias_initializer="normal")]
    )
    inputs = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    before = model.predict(inputs, verbose=0).astype(np.float64)
    calibration.apply(model, 2.5)
    after = model.predict(inputs, verbose=0)
    if units == 1:
        logits = np.log(before / (1 - before)) / 2.5
        np.testing.assert_allclose(after, 1 / (1 + np.exp(-logits)), atol=1e-6)
    else:
        powers = before ** (1 / 2.5)
        np.testing.assert_allclose(after, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_calibrated_scores_are_calibrated() -> None:
    scores, labels = draw(2, 3.0)
    temperature = calibration.temperature(scores, labels)
    powers = scores.astype(np.float64) ** (1 / temperature)
    calibrated = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    assert reliability(scores, labels).error > 0.05
    assert reliability(calibrated, labels).error < 0.01


def test_threshold_stays_where_classes_are_balanced() -> None:
    scores, labels = draw(2, 1.0, 2000)
    assert calibration.threshold(scores, labels, seed=0) == 0.5


def test_threshold_moves_where_a_class_is_rare() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(5000) < 0.05).astype(np.int64)
    logits = random.normal(size=5000) + 2.0 * labels - 4.0
    second = (1 / (1 + np.exp(-logits))).astype(np.float32)
    found = calibration.threshold(np.stack([1 - second, second], axis=1), labels, seed=0)
    assert 0.05 < found < 0.4


def test_threshold_of_a_label_that_was_not_learnt_stays() -> None:
    random = np.random.default_rng(0)
    shares = np.linspace(0.03, 0.15, 12)
    labels = (random.random((400, 12)) < shares).astype(np.int64)
    scores = (shares * random.uniform(0.5, 1.5, labels.shape)).astype(np.float32)
    moved = [threshold != 0.5 for threshold in calibration.thresholds(scores, labels, seed=0)]
    assert sum(moved) <= 1


def test_threshold_of_a_few_texts_stays() -> None:
    second = np.array([0.4, 0.3, 0.2, 0.1, 0.1, 0.1], np.float32)
    scores = np.stack([1 - second, second], axis=1)
    assert calibration.threshold(scores, np.array([1, 0, 0, 0, 0, 0]), seed=0) == 0.5


@pytest.mark.parametrize("classes", [2, 4])
def test_the_unsure_band_holds_guesses_and_no_more(classes: int) -> None:
    scores, labels = draw(classes, 1.0)
    low, high = calibration.unsure(scores, labels, 0.5)
    telling = scores[:, 1] if classes == 2 else scores.max(axis=1)
    inside = (telling >= np.float32(low)) & (telling <= np.float32(high))
    right = scores.argmax(axis=1) == labels
    assert 0.45 < right[inside].mean() < 0.55
    assert right[~inside].mean() > right[inside].mean() + 0.1
    if classes == 2:
        assert low + high == pytest.approx(1, abs=1e-6)
    else:
        assert low == 0


def test_the_unsure_band_of_few_texts() -> None:
    scores = np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)
    low, high = calibration.unsure(scores, np.array([1, 0]), 0.5)
    assert 0 <= low <= 0.5 <= high <= 1


@pytest.mark.parametrize("classes", [2, 3])
def test_there_is_no_unsure_band_where_all_is_right(classes: int) -> None:
    scores, _ = draw(classes, 1.0)
    scores = scores[:40]
    low, high = calibration.unsure(scores, scores.argmax(axis=1), 0.5)
    assert high - low == 0


def test_one_usual_text_in_a_hundred_is_unlike() -> None:
    random = np.random.default_rng(0)
    text = TextConfig(num_words=5004, maxlen=400)

    def drawn(count: int, most: int) -> list[NDArray[np.int32]]:
        chances = np.arange(1, 6001) ** -random.normal(1, 0.03, (count, 1))  # Zipf's, a text each
        rows = []
        for each, n in zip(chances, random.integers(3, most, count), strict=True):
            ranks = np.searchsorted(each.cumsum() / each.sum(), random.random(n)) + 1
            ids = np.where(ranks > 5000, text.oov_id, ranks + text.index_from)
            rows.append(np.array([1, *ids], np.int32))
        return rows

    usual = calibration.usual(drawn(2000, 500), text)
    assert usual is not None
    unlikeness = Unlikeness(usual, text)
    for most in (10, 500):
        rows = Rows.of([row.tolist() for row in drawn(2000, most)], text)
        unlike = unlikeness.many(rows, rows.words(text)[0])
        assert 0.004 < (unlike > 1).mean() < 0.025
    assert unlikeness.one(random.integers(4, 5004, 20).tolist(), 20) > 1


def test_words_that_only_one_text_has_are_not_usual() -> None:
    text = TextConfig(num_words=1004, oov_id=2)
    rows = [np.array([1, 4, 5, 6, 7 + i], np.int32) for i in range(500)]
    usual = calibration.usual(rows, text)
    assert usual is not None
    assert Unlikeness(usual, text).one([1, 4, 5, 6, 2], 4) == pytest.approx(0, abs=1e-6)


def test_texts_that_do_not_differ_are_not_usual() -> None:
    text = TextConfig(num_words=10)
    for rows in ([[1]], [[1, 5], [1, 5]], [[1, 5, 6]]):
        assert calibration.usual([np.array(row, np.int32) for row in rows], text) is None
