"""Tables of texts with labels: which column holds the labels, and what a cell says of one."""

import math
import re
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..tables.reading import Reader, check_column, usual_column
from .text import is_storable

_USUAL_NAMES = frozenset(
    {"label", "labels", "class", "classes", "category", "categories", "sentiment"}
    | {"target", "y", "topic", "intent"}
)
_LESS_USUAL_NAMES = frozenset({"topics", "tags"})  # may hold something else beside a label

_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def find_label_column(reader: Reader, given: str | None, *, text_column: str | None = None) -> str:
    """Return the name of the column of labels: the one `given`, or the only one with a usual name.

    Raises ConfigError, listing the columns, if there is none such, or if it is `text_column`.
    """
    if given is None:
        others = [name for name in reader.columns if name != text_column]
        question = "which column holds the label? Say label_column=..."
        given = usual_column(reader, others, question, _USUAL_NAMES, _LESS_USUAL_NAMES)
    if text_column == given:
        raise ConfigError(f"{reader.name}: {given!r} can't be both the text and the label")
    check_column(reader, given)
    return given


def labels_of(value: Any, separator: str | None) -> tuple[str, ...] | None:
    """Return the labels that `value` stands for; None for a row that says nothing, as a null does.

    Without a separator, that is one. With one, a str holds them between separators, and may be
    empty; so may a list, as JSON has it, a set, or an array, as pandas reads it from Parquet.
    Raises ValueError as `label_of` does, and for a list that holds a label twice, as one of 0 and 1
    does.
    """
    if separator and isinstance(value, str):
        value = value.split(separator)
    elif not (separator and isinstance(value, list | tuple | set | frozenset | np.ndarray)):
        label = label_of(value)
        return None if label is None else (label,)
    elif len(set(map(label_of, value))) < len(value):
        raise ValueError(f"{value!r:.60} holds a label twice; expected names of labels")
    found = map(label_of, value)
    return tuple(dict.fromkeys(label for label in found if label is not None))


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
