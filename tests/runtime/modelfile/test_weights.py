"""How matrices are stored: near to what they were, and the same once they are rounded."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pocketrnn.errors import ConfigError
from pocketrnn.modelfile.weights import LARGE, rounded, to_int8

Matrix = NDArray[np.float32]
SMALLEST = float(np.finfo(np.float32).smallest_subnormal)
LARGEST = float(np.finfo(np.float32).max)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """Make matrices whose columns differ in size by any power of two that a float32 has."""
    rows, columns = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    powers = draw(st.lists(st.integers(-149, 126), min_size=columns, max_size=columns))
    return np.ldexp(random.uniform(-2, 2, (rows, columns)), powers).astype(np.float32)


def stored(matrix: Matrix) -> Matrix:
    values, scales = to_int8(matrix)
    assert (values.dtype, values.shape) == (np.int8, matrix.shape)
    assert (scales.dtype, scales.shape) == (np.float32, matrix.shape[1:])
    assert np.abs(values.astype(int)).max(initial=0) <= 127
    product: Matrix = values * scales
    assert product.dtype == np.float32
    return product


@given(matrices())
@example(np.zeros((3, 2), np.float32))
@example(np.zeros((0, 2), np.float32))
@example(np.full((1, 1), SMALLEST, np.float32))
@example(np.full((2, 1), -SMALLEST * 40, np.float32))
@example(np.array([[LARGEST, 1], [-LARGEST, SMALLEST]], np.float32))
def test_int8_is_near_and_rounds_once(matrix: Matrix) -> None:
    once = stored(matrix)
    step = np.abs(matrix).max(axis=0, initial=0).astype(np.float64) / 127
    # A scale has 17 bits; under the least normal number a float32 has fewer than that.
    error = np.abs(once.astype(np.float64) - matrix)
    assert (error <= step * (0.5 + 127 * 2**-16) + 64 * SMALLEST).all()
    assert not once[matrix == 0].any()
    np.testing.assert_array_equal(stored(once), once)


@given(matrices())
def test_products_are_exact(matrix: Matrix) -> None:
    """So that any machine, in whatever order it multiplies, has the same weights."""
    values, scales = to_int8(matrix)
    exact = values.astype(np.float64) * scales.astype(np.float64)
    np.testing.assert_array_equal(exact.astype(np.float32), values * scales)
    normal = np.abs(exact) > np.finfo(np.float32).tiny
    np.testing.assert_array_equal((values * scales)[normal], exact[normal])


@pytest.mark.parametrize("weights", ["float32", "float16", "int8"])
def test_only_large_matrices_are_rounded(weights: str) -> None:
    random = np.random.default_rng(1)
    large = random.normal(size=(1 << 9, 8)).astype(np.float32)
    small = large[1:]
    assert large.size >= LARGE > small.size
    np.testing.assert_array_equal(rounded(small, weights), small)
    once = rounded(large, weights)
    assert once.dtype == np.float32
    np.testing.assert_array_equal(rounded(once, weights), once)
    most = {"float32": 0, "float16": 2**-11, "int8": 0.5 / 127}[weights]
    assert (np.abs(once - large) <= 1.01 * most * np.abs(large).max(axis=0)).all()
    assert (once == large).all() == (weights == "float32")


@pytest.mark.parametrize("weights", ["float16", "int8"])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e30])
def test_what_a_format_cannot_hold(weights: str, odd: float) -> None:
    matrix = np.ones((1 << 9, 8), np.float32)
    matrix[3, 2] = odd
    if weights == "int8" and odd == 1e30:
        assert np.isfinite(rounded(matrix, "int8")).all()
    else:
        with pytest.raises(ConfigError, match="no number, or too large to be stored as"):
            rounded(matrix, weights)
