"""Batches hold each row once, with no more padding than the network asks for."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig
from pocketrnn.classify.padding import STEPS, Rows, batches, time_for
from pocketrnn.classify.text import pad

ROWS = st.lists(st.lists(st.integers(1, 99), max_size=14), max_size=40)


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@given(ids=ROWS, multiple=st.sampled_from([1, 3, 4, 12]))
def test_batches(ids: list[list[int]], multiple: int, padding: Any, truncating: Any) -> None:
    config = TextConfig(num_words=100, maxlen=12, padding=padding, truncating=truncating)
    seen: dict[int, list[int]] = {}
    for numbers, batch in batches(Rows.of(ids, config), config, multiple):
        time = batch.shape[1]
        kept = [ids[number][config.kept] for number in numbers.tolist()]
        assert time == time_for(max(map(len, kept)), multiple)
        assert batch.dtype == np.int32
        np.testing.assert_array_equal(batch, pad(kept, config, time))
        seen |= dict(zip(numbers.tolist(), kept, strict=True))
    assert seen == {number: row[config.kept] for number, row in enumerate(ids)}


@pytest.mark.parametrize(
    ("length", "multiple", "time"), [(0, 1, 1), (0, 4, 4), (1, 4, 4), (4, 4, 4), (5, 4, 8)]
)
def test_time_for(length: int, multiple: int, time: int) -> None:
    assert time_for(length, multiple) == time


def test_batches_are_bounded() -> None:
    config = TextConfig(maxlen=500)
    rows = Rows(np.ones(500 * 300, np.int32), np.full(300, 500))
    sizes = [ids.size for _, ids in batches(rows, config, 1)]
    assert max(sizes) <= STEPS
    assert sum(sizes) == 500 * 300
