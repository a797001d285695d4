"""Figures of scores, against scikit-learn's, scipy's and small cases worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn.classify import figures
from pocketrnn.classify.labels import choose

metrics = pytest.importorskip("sklearn.metrics")
Table = tuple[np.ndarray, np.ndarray]


def table(seed: int, texts: int, classes: int, levels: int, truths: int) -> Table:
    """Scores with many ties where there are few levels; `truths` of the labels occur."""
    random = np.random.default_rng(seed)
    raw = random.integers(1, levels + 1, (texts, classes)).astype(np.float64)
    scores = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    if classes == 2:
        scores[:, 0] = 1 - scores[:, 1]
    return scores, random.permutation(classes)[random.integers(0, truths, texts)]


tables = st.integers(2, 5).flatmap(
    lambda classes: st.builds(
        table,
        st.integers(0, 1 << 30),
        st.integers(1, 60),
        st.just(classes),
        st.sampled_from([1, 3, 1000]),  # one level: a network whose weights are all zero
        st.integers(1, classes),
    )
)


def check(scores: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> None:
    classes = scores.shape[1]
    everything = np.arange(classes)
    chosen = choose(scores, threshold)
    matrix = figures.confusion_matrix(labels, chosen, classes)
    np.testing.assert_array_equal(
        matrix, metrics.confusion_matrix(labels, chosen, labels=everything)
    )
    expected = metrics.precision_recall_fscore_support(
        labels, chosen, labels=everything, zero_division=0
    )
    np.testing.assert_allclose(figures.rates(matrix), expected[:3], atol=1e-9, rtol=0)
    macro = metrics.f1_score(labels, chosen, average="macro", zero_division=0)
    assert figures.macro_f1(matrix) == pytest.approx(macro, abs=1e-9)
    exact = scores.astype(np.float64)
    loss = metrics.log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=everything)
    assert figures.log_loss(scores, labels) == pytest.approx(loss, abs=1e-6)
    own = -np.log(exact[np.arange(len(labels)), labels]).mean()
    assert figures.log_loss(scores, labels) == pytest.approx(own, abs=1e-9)
    for label in everything:
        curve = figures.curve(labels == label, scores[:, label])
        auc, precision = figures.roc_auc(curve), figures.average_precision(curve)
        count = int((labels == label).sum())
        if 0 < count < len(labels):
            reference = metrics.roc_auc_score(labels == label, scores[:, label])
            assert auc == pytest.approx(reference, abs=1e-9)
        else:
            assert auc is None
        if count:
            reference = metrics.average_precision_score(labels == label, scores[:, label])
            assert precision == pytest.approx(reference, abs=1e-9)
        else:
            assert precision is None


@given(tables, st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_equal_to_scikit_learn(rows: Table, threshold: float) -> None:
    check(*rows, threshold)


@pytest.mark.parametrize("levels", [1, 5, 10_000])
def test_of_200_classes(levels: int) -> None:
    check(*table(0, 3000, 200, levels, 190))


@given(tables, st.floats(0, 1), st.floats(0, 1))
def test_operating_point_is_what_the_threshold_gives(
    rows: Table, precision: float, recall: float
) -> None:
    scores, labels = rows
    is_label, own = labels == 1, scores[:, 1]
    curve = figures.curve(is_label, own)
    candidates = []
    for threshold in [0.0, *own.astype(np.float64).tolist()]:
        chosen = own > np.float32(threshold)
        if chosen.any() and is_label.any():
            right = (chosen & is_label).sum()
            candidates.append((right / chosen.sum(), right / is_label.sum(), threshold))
    for wanted in ({"precision": precision}, {"recall": recall}):
        at = figures.operating(curve, **wanted)
        which = 0 if "precision" in wanted else 1
        good = [row for row in candidates if row[which] >= [precision, recall][which]]
        if not good:
            assert at is None
            continue
        assert at is not None
        assert (at.precision, at.recall, at.threshold) in good
        other = at.recall if which == 0 else at.precision
        assert other == max(row[1 - which] for row in good)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson(counts: tuple[int, int]) -> None:
    stats = pytest.importorskip("scipy.stats")
    right, texts = counts
    expected = stats.binomtest(right, texts).proportion_ci(0.95, method="wilson")
    assert figures.wilson(right, texts) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_without_texts() -> None:
    assert figures.wilson(0, 0) == (0, 1)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar(first: int, second: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1
    assert figures.mcnemar(first, second) == pytest.approx(expected, abs=1e-9)


def test_mcnemar_of_a_million_texts() -> None:
    assert figures.mcnemar(500_000, 500_000) == 1
    assert 0 < figures.mcnemar(499_000, 501_000) < 0.05


@given(tables)
def test_reliability(rows: Table) -> None:
    scores, labels = rows
    found = figures.reliability(scores, labels)
    confidence, right = scores.max(axis=1).astype(float), scores.argmax(axis=1) == labels
    gaps = 0.0
    for i in range(15):
        inside = (confidence >= i / 15) & ((confidence < (i + 1) / 15) | (i == 14))
        assert found.texts[i] == inside.sum()
        if inside.any():
            assert found.accuracy[i] == pytest.approx(right[inside].mean(), abs=1e-9)
            assert found.confidence[i] == pytest.approx(confidence[inside].mean(), abs=1e-9)
            gaps += inside.sum() * abs(right[inside].mean() - confidence[inside].mean())
    assert found.error == pytest.approx(gaps / len(labels), abs=1e-9)


@pytest.mark.parametrize(("classes", "threshold"), [(2, 0.5), (2, 0.3), (4, 0.5)])
def test_bands_cost_what_predict_leaves_out(classes: int, threshold: float) -> None:
    scores, labels = table(1, 1000, classes, 1000, classes)
    right = choose(scores, threshold) == labels
    telling = scores[:, 1] if classes == 2 else scores.max(axis=1)
    found = figures.bands(scores, right, threshold)
    for band, wanted in zip(found[1:], (0.95, 0.9, 0.8, 0.7, 0.6, 0.5), strict=True):
        unsure = (telling >= np.float32(band.low)) & (telling <= np.float32(band.high))
        assert band.share == pytest.approx((~unsure).mean())
        assert band.share == pytest.approx(wanted, abs=0.01)
        assert band.accuracy == pytest.approx(right[~unsure].mean())
    assert found[0].share == 1
    assert found[0].accuracy == pytest.approx(right.mean())


def test_all_texts_unsure_leave_no_accuracy() -> None:
    scores = np.full((4, 2), 0.5, np.float32)
    last = figures.bands(scores, np.array([True, False, True, True]), 0.5)[-1]
    assert (last.share, last.accuracy, last.low, last.high) == (0, None, 0.5, 0.5)
    assert math.isclose(figures.sureness(scores, 0.5).max(), 0)
