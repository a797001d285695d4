"""How good a model's scores are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..run import RunError


def evaluate(
    scores: NDArray[np.float32], labels: NDArray[np.int64], threshold: float = 0.5
) -> dict[str, Any]:
    """Return the figures of `scores` (texts, classes) against the true `labels` (texts,).

    Accuracy, F1 (of the second class where there are two, else macro), cross-entropy in nats,
    ROC AUC (one class against the rest, macro; None where a class has no text), the confusion
    matrix (rows: true), and the expected calibration error. Raises RunError for scores that aren't
    finite, as after a training that diverged.
    """
    from sklearn import metrics

    if not np.isfinite(scores).all():
        raise RunError("the scores aren't finite; train again with a lower --learning-rate")
    classes = np.arange(scores.shape[1])
    two = len(classes) == 2
    chosen = scores[:, 1] > threshold if two else scores.argmax(axis=1)
    auc = None
    if len(np.unique(labels)) == len(classes):
        # Normalized again in float64: sklearn wants rows to sum to 1 more exactly than float32's.
        exact = scores.astype(np.float64) / scores.sum(axis=1, keepdims=True, dtype=np.float64)
        auc = metrics.roc_auc_score(labels, exact[:, 1] if two else exact, multi_class="ovr")
    f1 = metrics.f1_score(labels, chosen, average="binary" if two else "macro", zero_division=0)
    true = scores[np.arange(len(labels)), labels].astype(np.float64)
    return {
        "texts": len(labels),
        "accuracy": float((chosen == labels).mean()),
        # Keras clips at its epsilon, 1e-7, as well.
        "loss": float(-np.log(np.clip(true, 1e-7, 1)).mean()),
        "f1": float(f1),
        "roc_auc": None if auc is None else float(auc),
        "calibration_error": calibration_error(scores, labels),
        "confusion_matrix": metrics.confusion_matrix(labels, chosen, labels=classes).tolist(),
    }


def calibration_error(
    scores: NDArray[np.float32], labels: NDArray[np.int64], bins: int = 15
) -> float:
    """Return the expected calibration error of the most probable class, from 0 to 1.

    The mean over equal-width bins of |accuracy - confidence|, weighted by the texts in each:
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, with their 15 bins.
    """
    confidence = scores.max(axis=1).astype(np.float64)
    correct = scores.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, correct - confidence, bins)
    return float(np.abs(gaps).sum() / len(labels))
