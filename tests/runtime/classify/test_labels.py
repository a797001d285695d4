"""Which label a value of a table, or of an array, is the name of."""

from typing import Any

import numpy as np
import pytest

from pocketrnn.classify.labelled import label_of, labels_of


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("good", "good"),
        (" very good\t", "very good"),
        (7, "7"),
        (-1.0, "-1"),
        ("2.0", "2"),
        ("2.50", "2.50"),
        ("v2.0", "v2.0"),
        (True, "true"),
        (np.int8(3), "3"),
        (np.float32(3), "3"),
        (np.bool_(False), "false"),
        (np.str_("a"), "a"),
        ("", None),
        ("\u2028 ", None),
        (None, None),
        (float("nan"), None),
    ],
    ids=repr,
)
def test_label_of(value: Any, name: str | None) -> None:
    assert label_of(value) == name


@pytest.mark.parametrize(
    "value", [0.5, float("inf"), ["good"], {"is": 1}, object, np.eye(2), "a\0", "\ud800"], ids=ascii
)
def test_what_is_no_label(value: Any) -> None:
    with pytest.raises(ValueError, match="isn't a label"):
        label_of(value)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, np.array])
def test_several_labels_may_be_in_any_list_set_or_array(kind: Any) -> None:
    assert sorted(labels_of(kind(["b", "a"]), ";") or ()) == ["a", "b"]
    assert labels_of(kind([]), ";") == ()
    with pytest.raises(ValueError, match="isn't a label"):
        labels_of(kind(["a"]), None)
