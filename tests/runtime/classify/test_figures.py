"""Figures of scores, against scikit-learn's, scipy's and small cases worked out by hand."""

import math
from dataclasses import astuple

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


def check(
    scores: np.ndarray,
    labels: np.ndarray,
    threshold: float = 0.5,
    weights: np.ndarray | None = None,
) -> None:
    classes = scores.shape[1]
    everything = np.arange(classes)
    chosen = choose(scores, threshold)
    matrix = figures.confusion_matrix(labels, chosen, classes, weights)
    weighted = {"sample_weight": weights}
    expected = metrics.confusion_matrix(labels, chosen, labels=everything, **weighted)
    np.testing.assert_allclose(matrix, expected, atol=1e-9, rtol=0)
    expected = metrics.precision_recall_fscore_support(
        labels, chosen, labels=everything, zero_division=0, **weighted
    )
    np.testing.assert_allclose(figures.rates(matrix), expected[:3], atol=1e-9, rtol=0)
    if weights is None:  # scikit-learn counts labels whose weights are all 0
        macro = metrics.f1_score(labels, chosen, average="macro", zero_division=0)
        assert figures.macro_f1(matrix) == pytest.approx(macro, abs=1e-9)
    exact = scores.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    loss = metrics.log_loss(labels, exact, labels=everything, **weighted)
    assert figures.log_loss(exact, labels, weights) == pytest.approx(loss, abs=1e-9)
    counts = np.ones(len(labels)) if weights is None else weights
    for label in everything:
        curve = figures.curve(labels == label, scores[:, label], weights)
        auc, precision = figures.roc_auc(curve), figures.average_precision(curve)
        count = counts[labels == label].sum()
        if count and counts[labels != label].sum():
            reference = metrics.roc_auc_score(labels == label, scores[:, label], **weighted)
            assert auc == pytest.approx(reference, abs=1e-9)
        else:
            assert auc is None
        if count:
            reference = metrics.average_precision_score(
                labels == label, scores[:, label], **weighted
            )
            assert precision == pytest.approx(reference, abs=1e-9)
        else:
            assert precision is None


@given(tables, st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_equal_to_scikit_learn(rows: Table, threshold: float) -> None:
    check(*rows, threshold)


@given(tables, st.sampled_from([0.0, 0.5]), st.integers(0, 1 << 30))
def test_weighted(rows: Table, threshold: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.choice([0, 0, 0.3, 1, 7], len(rows[1])) * random.uniform(0.5, 2)
    weights[0] = 1  # else nothing counts
    check(*rows, threshold, weights)


def test_of_200_classes() -> None:
    check(*table(0, 500, 200, 5, 190))


@given(tables, st.integers(0, 1 << 30))
def test_weights_are_texts_that_are_there_so_often(rows: Table, seed: int) -> None:
    scores, labels = rows
    times = np.random.default_rng(seed).integers(0, 4, len(labels))
    times[0] = 1
    weights, right = times.astype(float), choose(scores, 0.5) == labels
    often, truth = scores.repeat(times, axis=0), labels.repeat(times)
    found = figures.reliability(scores, labels, weights=weights)
    np.testing.assert_allclose(found, figures.reliability(often, truth), atol=1e-9)
    for band, expected in zip(
        figures.bands(scores, right, 0.5, weights),
        figures.bands(often, right.repeat(times), 0.5),
        strict=True,
    ):
        assert astuple(band) == pytest.approx(astuple(expected), abs=1e-9)


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


@given(tables)
def test_points_lie_on_the_curves(rows: Table) -> None:
    scores, labels = rows
    is_label, own = labels == 1, scores[:, 1]
    found = [astuple(point) for point in figures.points(figures.curve(is_label, own))]
    if is_label.all() or not is_label.any():
        assert found == []
        return
    chosen = [own >= score for score in np.unique(own)[::-1]]
    rates = [(c[is_label].mean(), is_label[c].mean(), c[~is_label].mean()) for c in chosen]
    assert {tuple(np.round(p, 9)) for p in found} <= {tuple(np.round(r, 9)) for r in rates}
    assert found[-1] == pytest.approx(rates[-1])
    assert found == sorted(found, key=lambda point: (point[0], point[2]))


def test_points_are_few() -> None:
    scores, labels = table(0, 20_000, 2, 10_000, 2)
    found = figures.points(figures.curve(labels == 1, scores[:, 1]))
    assert 80 <= len(found) <= 100
    area = np.trapezoid([p.recall for p in found], [p.false_positives for p in found])
    assert area == pytest.approx(metrics.roc_auc_score(labels, scores[:, 1]), abs=1e-2)


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


def test_few_texts_have_few_bands() -> None:
    scores = np.array([[0.1, 0.9], [0.4, 0.6]], np.float32)
    found = figures.bands(scores, np.array([True, False]), 0.5)
    assert [(band.share, band.accuracy) for band in found] == [(1, 0.5), (0.5, 1)]


def test_all_texts_unsure_leave_no_accuracy() -> None:
    scores = np.full((4, 2), 0.5, np.float32)
    last = figures.bands(scores, np.array([True, False, True, True]), 0.5)[-1]
    assert (last.share, last.accuracy, last.low, last.high) == (0, None, 0.5, 0.5)
    assert math.isclose(figures.sureness(scores, 0.5).max(), 0)
