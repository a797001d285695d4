"""Figures against small cases worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn.classify.figures import reliability
from pocketrnn_train.classify.evaluation import evaluate
from pocketrnn_train.run import RunError


def two(*probabilities: float) -> np.ndarray:
    """Scores of two classes from the second one's probabilities."""
    second = np.array(probabilities, np.float32)
    return np.stack([1 - second, second], axis=1)


def test_two_classes() -> None:
    figures = evaluate(two(0.1, 0.6, 0.4, 0.9), np.array([0, 0, 1, 1]))
    assert figures == {
        "texts": 4,
        "accuracy": 0.5,
        "loss": pytest.approx(-(2 * math.log(0.9) + 2 * math.log(0.4)) / 4, rel=1e-6),
        "f1": 0.5,  # one found, one false, one missed: 2 / (2 + 1 + 1)
        "roc_auc": 0.75,  # of the four pairs, only 0.6 before 0.4 is the wrong way round
        # Alone in their bins: 0.1 from right twice, 0.6 from right twice.
        "calibration_error": pytest.approx((0.1 + 0.1 + 0.6 + 0.6) / 4, rel=1e-6),
        "confusion_matrix": [[1, 1], [1, 1]],
    }


def test_three_classes() -> None:
    scores = np.array(
        [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.35, 0.55]], np.float32
    )
    figures = evaluate(scores, np.array([0, 1, 1, 2]))
    assert figures["accuracy"] == 0.75
    assert figures["loss"] == pytest.approx(
        -(math.log(0.8) + math.log(0.7) + math.log(0.3) + math.log(0.55)) / 4, rel=1e-6
    )
    assert figures["f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    # Only in column 1 is a pair the wrong way round, of four: 0.3 is under 0.35.
    assert figures["roc_auc"] == pytest.approx((1 + 3 / 4 + 1) / 3)
    assert figures["confusion_matrix"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_perfect_and_certain() -> None:
    figures = evaluate(two(0, 1, 1), np.array([0, 1, 1]))
    assert figures["accuracy"] == figures["f1"] == figures["roc_auc"] == 1
    assert figures["loss"] == figures["calibration_error"] == 0


def test_certain_and_wrong_costs_as_much_as_keras_says() -> None:
    figures = evaluate(two(1), np.array([0]))
    assert figures["loss"] == pytest.approx(-math.log(1e-7))
    assert figures["calibration_error"] == 1


@pytest.mark.parametrize(
    ("scores", "labels", "matrix"),
    [
        (two(0.2, 0.7), [0, 0], [[1, 1], [0, 0]]),
        (two(0.2, 0.7), [1, 1], [[0, 0], [1, 1]]),
        (np.array([[0.5, 0.3, 0.2]], np.float32), [1], [[0, 0, 0], [1, 0, 0], [0, 0, 0]]),
    ],
)
def test_a_class_without_texts(scores: Any, labels: list[int], matrix: list[list[int]]) -> None:
    figures = evaluate(scores, np.array(labels))
    assert figures["roc_auc"] is None
    assert figures["confusion_matrix"] == matrix
    assert math.isfinite(figures["f1"])


def test_threshold_is_exclusive_as_in_keras() -> None:
    scores, labels = two(0.5, 0.75, 0.8), np.array([0, 0, 1])
    assert evaluate(scores, labels)["confusion_matrix"] == [[1, 1], [0, 1]]
    assert evaluate(scores, labels, threshold=0.75)["confusion_matrix"] == [[2, 0], [0, 1]]


def test_calibration_error_of_known_cases() -> None:
    # Four texts in one bin: says 0.75, three of four right.
    assert reliability(two(*[0.75] * 4), np.array([1, 1, 1, 0])).error == pytest.approx(0)
    # The same, but half of them right.
    assert reliability(two(*[0.75] * 4), np.array([1, 1, 0, 0])).error == pytest.approx(0.25)
    # Two bins, 0.6 and 0.9, of two texts each: off by 0.1 and by 0.4.
    mixed = two(0.6, 0.6, 0.9, 0.9)
    assert reliability(mixed, np.array([1, 0, 1, 0])).error == pytest.approx((0.1 + 0.4) / 2)
    # In one bin, too sure and too unsure cancel.
    assert reliability(mixed, np.array([1, 1, 1, 0]), bins=1).error == pytest.approx(0)


@given(
    st.integers(2, 4).flatmap(
        lambda classes: st.lists(
            st.tuples(
                st.lists(st.floats(0.001, 1), min_size=classes, max_size=classes),
                st.integers(0, classes - 1),
            ),
            min_size=1,
            max_size=20,
        )
    )
)
def test_figures_stay_in_their_ranges(rows: list[tuple[list[float], int]]) -> None:
    raw = np.array([row for row, _ in rows], np.float32)
    labels = np.array([label for _, label in rows])
    figures = evaluate(raw / raw.sum(axis=1, keepdims=True), labels)
    for name in ("accuracy", "f1", "calibration_error"):
        assert 0 <= figures[name] <= 1
    assert figures["roc_auc"] is None or 0 <= figures["roc_auc"] <= 1
    assert figures["loss"] >= 0
    assert np.array(figures["confusion_matrix"]).sum(axis=1).tolist() == [
        int((labels == label).sum()) for label in range(raw.shape[1])
    ]
    assert np.trace(figures["confusion_matrix"]) == round(figures["accuracy"] * len(labels))


def test_scores_of_a_diverged_training_are_refused() -> None:
    with pytest.raises(RunError, match="lower learning_rate"):
        evaluate(np.array([[0.5, 0.5], [np.nan, np.nan]], np.float32), np.array([0, 1]))
