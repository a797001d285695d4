"""From what a network gives to probabilities, and from those to a label."""

import numpy as np
from numpy.typing import NDArray

Threshold = float | tuple[float, ...]
"""What a probability must be over: that of the second of two labels; or that of each label, where
a text may have any number of them."""


def probabilities(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of each label, float32 (texts, labels), of a network's output.

    With two labels the output is one column, the probability of the second one, which is kept as
    it is; the first one's is 1 minus it.
    """
    if output.shape[1] > 1:
        return output
    if output.size == 1:  # numbers take half the time of arrays
        return np.array([[1 - output.item(), output.item()]], np.float32)
    return np.concatenate([1 - output, output], axis=1, dtype=np.float32)


def telling(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what tells how sure a model is of each text: float32 (texts,).

    With two labels the second one's probability, with more the most probable one's.
    """
    return np.asarray(scores[:, 1] if scores.shape[1] == 2 else scores.max(axis=1))


def choose(scores: NDArray[np.float32], threshold: Threshold) -> NDArray[np.int64]:
    """Return the index of the label for each row of probabilities (texts, labels).

    With two labels, the second where its probability is over the threshold, both as float32
    (Keras's `binary_accuracy` compares in the same way); with more, the most probable. With a
    threshold for each label: 1 where a text gets it, else 0, shape (texts, labels).
    """
    if isinstance(threshold, tuple):
        return (scores > np.array(threshold, np.float32)).astype(np.int64)
    if scores.shape[1] == 2:
        return (scores[:, 1] > np.float32(threshold)).astype(np.int64)
    return np.asarray(scores.argmax(axis=1))


def all_right(chosen: NDArray[np.int64], true: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each text whether its label is the true one, or all of its labels are."""
    same = np.atleast_2d((chosen == true).T)  # (labels, texts)
    return np.asarray(same.all(axis=0))


def thresholds_of(threshold: Threshold, labels: int) -> tuple[float | None, ...]:
    """Return what the probability of each label must reach for it to be given, as float32 has it.

    With two labels that is the threshold of the second one, and 1 minus it for the first; with
    more there is no threshold, unless each label has one.
    """
    if isinstance(threshold, tuple):
        return tuple(float(np.float32(one)) for one in threshold)
    if labels != 2:
        return (None,) * labels
    second = np.float32(threshold)
    return float(1 - second), float(second)


def shown(score: float, threshold: float | None) -> str:
    """Return a score for people, with its threshold where that could surprise them."""
    needs = "" if threshold in (None, 0.5) else f" (needs {threshold:.4f})"
    return f"{score:.4f}{needs}"
