"""What a cell of a table, or an element of an array, says of a label."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from pocketrnn.classify.labels import label_name
from pocketrnn.classify.text import is_storable

from .splits import plain

USUAL_NAMES = frozenset(
    {"label", "labels", "class", "classes", "category", "categories", "sentiment"}
    | {"target", "y", "topic", "intent"}
)
"""What columns of labels are usually called."""


def label_of(value: Any) -> str | None:
    """Return the label that `value` is the name of, None for a gap.

    Raises ValueError for what can't be a label.
    """
    name = label_name(value)
    unknown = isinstance(value, float | np.floating) and np.isnan(value)
    if unknown or value is None or (isinstance(value, str) and name is None):
        return None
    if name is None or not is_storable(name):
        raise ValueError(f"{value!r:.60} isn't a label")
    return name


def look_alikes(counts: Counter[str]) -> list[str]:
    """Return a line for each group of labels that differ in case, spaces or Unicode's forms."""
    alike = defaultdict(list)
    for label in sorted(counts):
        alike[plain(label)].append(f"{label!r:.60} ({counts[label]:,} rows)")
    return [", ".join(labels) for labels in alike.values() if len(labels) > 1]
