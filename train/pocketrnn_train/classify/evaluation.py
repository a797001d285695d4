"""How good a model's scores are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.classify import figures
from pocketrnn.classify.labels import Threshold, all_right, choose

from ..run import RunError


def evaluate(
    scores: NDArray[np.float32], labels: NDArray[np.int64], threshold: Threshold = 0.5
) -> dict[str, Any]:
    """Return the figures of `scores` (texts, classes) against the true `labels` (texts,).

    Accuracy, F1 (of the second class where there are two, else macro), cross-entropy in nats,
    ROC AUC (one class against the rest, macro; None where a class has no text), the confusion
    matrix (rows: true), and the expected calibration error: `pocketrnn.classify.figures` defines
    them. Where a text may have several labels, accuracy is of all labels of a text together, F1 is
    macro and `micro_f1` beside it, and each label has its precision and recall. Raises RunError for
    scores that aren't finite, as after a training that diverged.
    """
    if not np.isfinite(scores).all():
        raise RunError("the scores aren't finite; train again with a lower learning_rate=...")
    classes = scores.shape[1]
    several = labels.ndim > 1
    if several and not isinstance(threshold, tuple):
        threshold = (threshold,) * classes
    two = classes == 2 and not several
    chosen = choose(scores, threshold)
    areas = [
        figures.roc_auc(figures.curve(own, scores[:, label]))
        for label in ([1] if two else range(classes))
        for own in [labels[:, label] == 1 if several else labels == label]
    ]
    known = [area for area in areas if area is not None]
    figures_of_all = {
        "texts": len(labels),
        "accuracy": float(all_right(chosen, labels).mean()),
        "loss": figures.log_loss(scores, labels),
        "roc_auc": float(np.mean(known)) if len(known) == len(areas) else None,
        "calibration_error": figures.reliability(scores, labels).error,
    }
    if several:
        found = figures.several(labels, chosen)
        return {
            **figures_of_all,
            "f1": found.macro_f1,
            "micro_f1": found.micro_f1,
            "labels": {
                "texts": found.true.tolist(),
                **{name: values.tolist() for name, values in found.rates._asdict().items()},
                "roc_auc": areas,
            },
        }
    matrix = figures.confusion_matrix(labels, chosen, classes)
    return {
        **figures_of_all,
        "f1": float(figures.rates(matrix).f1[1]) if two else figures.macro_f1(matrix),
        "confusion_matrix": matrix.tolist(),
    }
