"""What a cell of a table, or an element of an array, says of a label."""

import math
import re
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from pocketrnn.classify.text import is_storable

from .splits import plain

USUAL_NAMES = frozenset(
    {"label", "labels", "class", "classes", "category", "categories", "sentiment"}
    | {"target", "y", "topic", "intent"}
)
"""What columns of labels are usually called."""

_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def label_of(value: Any) -> str | None:
    """Return the label that `value` stands for, None for a row without one.

    Strings are trimmed. A whole float is a whole number: that is how a column of whole numbers
    with a gap is often stored. Raises ValueError for what can't be a label.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not is_storable(value):
        raise ValueError(f"{value!r:.60} isn't a label")
    value = value.strip()
    whole = _WHOLE.fullmatch(value)
    return (whole[1] if whole else value) or None


def look_alikes(counts: Counter[str]) -> list[str]:
    """Return a line for each group of labels that differ in case, spaces or Unicode's forms."""
    alike = defaultdict(list)
    for label in sorted(counts):
        alike[plain(label)].append(f"{label!r:.60} ({counts[label]:,} rows)")
    return [", ".join(labels) for labels in alike.values() if len(labels) > 1]
