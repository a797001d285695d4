"""Which label a value of a table, or of an array, is the name of."""

from typing import Any

import numpy as np
import pytest

from pocketrnn.classify.labels import label_name


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
        (0.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (["good"], None),
        (np.eye(2), None),
    ],
    ids=repr,
)
def test_label_name(value: Any, name: str | None) -> None:
    assert label_name(value) == name
