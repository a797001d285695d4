"""The teacher tells classes apart, and its soft labels are probabilities."""

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketrnn.errors import InputError
from pocketrnn_train.classify.ngrams import NGrams
from pocketrnn_train.classify.teacher import MEMBERS, Blend, Teacher, blend, one_hot, with_truth


def texts(classes: int, count: int = 40, seed: int = 0) -> tuple[list[NDArray[np.int64]], NDArray]:
    """Texts of 20 shared words, and two that only their class has."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    rows = []
    for label in labels:
        own = [21 + 2 * label, 22 + 2 * label]
        row = np.concatenate([random.integers(1, 21, 6), random.choice(own, 2)])
        rows.append(random.permutation(row).astype(np.int64))
    return rows, labels


BAYES, TFIDF, RATIOS = range(len(MEMBERS))


class Says(Blend):
    """Gives soft labels that are known beforehand, whatever the margins."""

    def __init__(self, labels: NDArray[np.float32]) -> None:
        self.rest = labels

    def probabilities(self, margins: NDArray[np.float64]) -> NDArray[np.float32]:
        labels, self.rest = np.split(self.rest, [margins.shape[1]])
        return labels


def teach(classes: int) -> Teacher:
    return Teacher(*texts(classes), classes=classes, seed=1)


@pytest.mark.parametrize(("classes", "columns"), [(2, 1), (3, 3), (5, 5)])
def test_tells_classes_apart(classes: int, columns: int) -> None:
    unseen, labels = texts(classes, seed=1)
    margins = teach(classes).margins(unseen)
    assert margins.shape == (3, len(unseen), columns)
    scores = blend(margins, labels).probabilities(margins)
    assert scores.shape == (len(unseen), columns)
    assert scores.dtype == np.float32
    chosen = (scores[:, 0] > 0.5).astype(int) if columns == 1 else scores.argmax(axis=1)
    assert (chosen == labels).mean() >= 0.95


def test_same_seed_same_margins() -> None:
    unseen, _ = texts(2, seed=1)
    first, second = (teach(2).margins(unseen) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_weights_are_those_of_the_paper() -> None:
    """One n-gram in 3 of 4 positive texts and 1 of 4 negative ones, by hand."""
    rows = [np.array(r, np.int64) for r in ([1], [1], [1], [2], [1], [2], [2], [2])]
    labels = np.array([1] * 4 + [0] * 4)
    teacher = Teacher(rows, labels, classes=2, seed=0)
    # Smoothed by 1, then normalized: (4/6) / (2/6) for word 1, the inverse for word 2.
    assert teacher.ratios[:, 0] == pytest.approx([np.log(2), -np.log(2)], rel=1e-6)
    margins = teacher.margins([*rows[2:4], np.array([1, 2, 1])])
    assert margins[RATIOS, :, 0] == pytest.approx([np.log(2), -np.log(2), 0], abs=1e-6)


@pytest.mark.parametrize("block", [7, 5000])
@pytest.mark.parametrize("classes", [2, 3])
def test_sure_soft_labels_count_like_labels(
    classes: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketrnn_train.classify.ngrams.BLOCK", block)
    # Single words, so that both teachers count the same ones.
    monkeypatch.setattr("pocketrnn_train.classify.teacher.NGrams", partial(NGrams, longest=1))
    rows, labels = texts(classes)
    more, more_labels = texts(classes, seed=1)
    teacher = teach(classes)
    before = teacher.margins(rows)
    sure = one_hot(more_labels, teacher.ratios.shape[1])
    found, taught = teacher.label(more, Says(sure))
    np.testing.assert_array_equal(found, sure)
    both = Teacher([*rows, *more], np.concatenate([labels, more_labels]), classes=classes, seed=1)
    np.testing.assert_allclose(taught.ratios, both.ratios, rtol=1e-6)
    # The other classifiers stay as they were, and so does the teacher that was asked.
    np.testing.assert_array_equal(before[:RATIOS], taught.margins(rows)[:RATIOS])
    np.testing.assert_array_equal(before, teacher.margins(rows))


def test_soft_labels_are_the_blended_margins() -> None:
    rows, _ = texts(3, seed=1)
    teacher = teach(3)
    blended = Blend(np.array([0.4, 0.5, 0.1]), np.zeros(3))
    found, _ = teacher.label(rows, blended)
    np.testing.assert_allclose(found, blended.probabilities(teacher.margins(rows)), rtol=1e-6)


def test_soft_labels_that_know_nothing_pull_ratios_to_nothing() -> None:
    rows, _ = texts(2)
    teacher = teach(2)
    _, unsure = teacher.label(rows * 9, Says(np.full((9 * len(rows), 1), 0.5, np.float32)))
    assert np.abs(unsure.ratios).sum() < 0.5 * np.abs(teacher.ratios).sum()


def test_no_texts_leave_ratios_alone() -> None:
    teacher = teach(3)
    found, same = teacher.label([], Says(np.zeros((0, 3), np.float32)))
    assert found.shape == (0, 3)
    np.testing.assert_array_equal(same.ratios, teacher.ratios)


def test_stopping_early_is_nothing_to_warn_of() -> None:
    random = np.random.default_rng(0)
    rows = [random.integers(1, 30, 6) for _ in range(400)]
    labels = random.integers(0, 2, 400)  # which no words tell
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Teacher(rows, labels, classes=2, seed=0)


def test_margins_of_nothing() -> None:
    teacher = teach(3)
    assert teacher.margins([]).shape == (3, 0, 3)
    assert np.isfinite(teacher.margins([np.zeros(0, np.int64)])).all()


def test_rare_ngrams_are_better_than_none() -> None:
    rows = [np.array([word], np.int64) for word in (1, 2, 3, 4)]
    teacher = Teacher(rows, np.array([0, 0, 1, 1]), classes=2, seed=0)
    margins = teacher.margins(rows)[BAYES, :, 0]
    assert (margins[:2] < 0).all()
    assert (margins[2:] > 0).all()


def test_texts_without_words() -> None:
    empty = [np.zeros(0, np.int64)] * 4
    with pytest.raises(InputError, match="the training texts have no words"):
        Teacher(empty, np.array([0, 0, 1, 1]), classes=2, seed=0)


@pytest.mark.parametrize("columns", [1, 3])
def test_blend_finds_the_weights_that_made_the_labels(columns: int) -> None:
    random = np.random.default_rng(0)
    margins = random.normal(size=(3, 20_000, columns)) * np.array([3, 2, 10])[:, None, None]
    true = Blend(np.array([0.7, 0.4, 0.1]), np.linspace(-0.3, 0.3, columns))
    scores = true.probabilities(margins)
    draws = random.random(margins.shape[1])
    labels = (
        (draws < scores[:, 0]).astype(np.int64)
        if columns == 1
        else (draws[:, None] > scores.cumsum(axis=1)).sum(axis=1).clip(max=columns - 1)
    )
    found = blend(margins, labels)
    np.testing.assert_allclose(found.weights, true.weights, atol=0.05)
    np.testing.assert_allclose(found.bias - found.bias.mean() * (columns > 1), true.bias, atol=0.1)


def test_blend_on_two_texts_stays_near_the_usual() -> None:
    margins = np.array([[[9.0], [-9.0]]] * 3)
    found = blend(margins, np.array([1, 0]))
    assert (found.weights > -0.01).all()
    assert (found.weights < 1).all()


def test_one_hot() -> None:
    labels = np.array([0, 1, 1])
    assert one_hot(labels, 1).tolist() == [[0], [1], [1]]
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("soft", "labels", "right"),
    [
        ([[0.4], [0.6], [0.2], [0.9]], [0, 1, 1, 1], 0.75),
        ([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2]], [0, 2], 0.5),
        ([[0.7, 0.2], [0.7, 0.6], [0.4, 0.6]], [[1, 0], [1, 0], [0, 1]], 2 / 3),
    ],
)
def test_truth_counts_by_how_right_the_teacher_is(soft: Any, labels: Any, right: float) -> None:
    soft, labels = np.array(soft, np.float32), np.array(labels)
    truth = one_hot(labels, soft.shape[1])
    for share, counts in ((0.9, 0.9), (0.0, 0.0), (None, right**2)):
        found = with_truth(soft, labels, share)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, counts * truth + (1 - counts) * soft, rtol=1e-6)


def test_cross_entropy_is_the_same_for_one_column_or_two() -> None:
    random = np.random.default_rng(1)
    margins, labels = random.normal(size=(1, 9, 1)), random.integers(0, 2, 9)
    both = np.concatenate([np.zeros((1, 9, 1)), margins], axis=2)
    one, two = (Blend(np.ones(1), np.zeros(columns)) for columns in (1, 2))
    assert one.loss(margins, one_hot(labels, 1)) == pytest.approx(
        two.loss(both, one_hot(labels, 2))
    )
