"""A network that is no better than a guess is called that."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketrnn_train.classify.comparison import compare, lines, tells_apart

LABELS = np.arange(200) % 2


def wrong(share: float) -> NDArray[np.int64]:
    """The labels, but for some that are wrong."""
    return np.where(np.arange(200) < share * 200, 1 - LABELS, LABELS)


@pytest.mark.parametrize(
    ("network", "teacher", "tfidf", "concern"),
    [
        (0.1, 0.1, 0.1, None),
        (0.1, 0.2, 0.3, None),
        (0.1, 0.095, 0.1, None),
        (0.5, 0.48, 0.5, "Nothing was learnt"),
        (0.45, 0.45, 0.5, "Nothing was learnt"),
        (0.48, 0.2, 0.5, "though linear classifiers are"),
        (0.2, 0.1, 0.2, "clearly under its linear teacher:"),
        (0.2, 0.1, 0.1, "clearly under its linear teacher and TF-IDF"),
    ],
)
def test_concerns(network: float, teacher: float, tfidf: float, concern: str | None) -> None:
    commonest = np.zeros(200, np.int64)
    chosen = {"network": wrong(network), "teacher": wrong(teacher), "tfidf": wrong(tfidf)}
    found = compare(LABELS, {**chosen, "commonest": commonest}, 1234)
    assert found["network"]["accuracy"] == pytest.approx(1 - network)
    assert found["commonest"]["accuracy"] == 0.5
    low, high = found["network"]["interval"]
    assert low < 1 - network < high
    assert len(found["concerns"]) == (concern is not None)
    assert concern is None or concern in found["concerns"][0]
    shown = lines(found)
    assert "200 texts" in shown[0]
    assert f"{1 - network:.3f}" in shown[1]
    assert len(shown) == 5 + (concern is not None)


def test_a_rare_label_that_is_told_apart() -> None:
    random = np.random.default_rng(1)
    labels = (np.arange(600) < 40).astype(np.int64)
    scores = (0.2 * random.random(600) + 0.15 * labels).astype(np.float32)
    assert tells_apart(scores, labels)
    none = np.zeros(600, np.int64)
    chosen = {"network": none, "tfidf": none, "commonest": none}
    (concern,) = compare(labels, chosen, 600, ranks=True)["concerns"]
    assert "judge it by precision and recall" in concern
    (concern,) = compare(labels, {**chosen, "tfidf": labels}, 600, ranks=True)["concerns"]
    assert "though linear classifiers are" in concern
    # Of scores that say nothing, one in forty seems to say something.
    found = [tells_apart(random.random(600).astype(np.float32), labels) for _ in range(200)]
    assert sum(found) < 12
    assert not tells_apart(scores, none)


def test_without_a_teacher() -> None:
    found = compare(LABELS, {"network": LABELS, "tfidf": LABELS, "commonest": LABELS * 0}, 10)
    assert "teacher" not in found
    assert not found["concerns"]
