"""One text alone is fed as a batch of one would be."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pocketrnn import TextConfig
from pocketrnn.classify.padding import Rows, alone, batches


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@given(row=st.lists(st.integers(1, 9), max_size=20), step=st.sampled_from([1, 3, 4, 12]))
def test_alone_is_a_batch_of_one(
    row: list[int],
    step: int,
    padding: Literal["pre", "post"],
    truncating: Literal["pre", "post"],
) -> None:
    config = TextConfig(maxlen=12, padding=padding, truncating=truncating)
    ((_, expected),) = batches(Rows.of([row], config), config, step)
    found = alone(row, config, step)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
