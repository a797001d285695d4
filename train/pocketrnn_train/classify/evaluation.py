"""How good a model's scores are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.classify import figures
from pocketrnn.classify.labels import choose

from ..run import RunError


def evaluate(
    scores: NDArray[np.float32], labels: NDArray[np.int64], threshold: float = 0.5
) -> dict[str, Any]:
    """Return the figures of `scores` (texts, classes) against the true `labels` (texts,).

    Accuracy, F1 (of the second class where there are two, else macro), cross-entropy in nats,
    ROC AUC (one class against the rest, macro; None where a class has no text), the confusion
    matrix (rows: true), and the expected calibration error: `pocketrnn.classify.figures` defines
    them. Raises RunError for scores that aren't finite, as after a training that diverged.
    """
    if not np.isfinite(scores).all():
        raise RunError("the scores aren't finite; train again with a lower learning_rate=...")
    classes = scores.shape[1]
    two = classes == 2
    matrix = figures.confusion_matrix(labels, choose(scores, threshold), classes)
    areas = [
        figures.roc_auc(figures.curve(labels == label, scores[:, label]))
        for label in ([1] if two else range(classes))
    ]
    known = [area for area in areas if area is not None]
    return {
        "texts": len(labels),
        "accuracy": float(np.trace(matrix) / len(labels)),
        "loss": figures.log_loss(scores, labels),
        "f1": float(figures.rates(matrix).f1[1]) if two else figures.macro_f1(matrix),
        "roc_auc": float(np.mean(known)) if len(known) == len(areas) else None,
        "calibration_error": figures.reliability(scores, labels).error,
        "confusion_matrix": matrix.tolist(),
    }
