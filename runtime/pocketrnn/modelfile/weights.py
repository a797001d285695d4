"""How matrices are stored: as they are, in 16 bits, or in 8 bits with a scale for each column.

Training rounds the large matrices to these values before it measures anything, so what is stored
is exactly what was trained, and serving computes with the same numbers.
"""

import numpy as np
from numpy.typing import NDArray

from ..config import check
from .network import Weights

# A matrix of fewer numbers stays float32: it is a few kilobytes, and its values matter more. A
# forecaster has no vocabulary, so most of it are such matrices, and its values matter less.
LARGE, LARGE_OF_SERIES = 1 << 12, 1 << 10

# Of the scale: 7 bits of an integer times 17 of these fit the 24 that a float32 has.
_SCALE_BITS = 17


def to_int8(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 values (rows, columns) and float32 scales (columns,): value * scale is near.

    The largest value of a column becomes 127. A scale has few enough bits for each product to be
    exact in float32, so rounding what is rounded already changes nothing.
    """
    exact = np.abs(matrix).max(axis=0, initial=0).astype(np.float64) / 127
    mantissa, exponent = np.frexp(exact)
    steps = np.rint(mantissa * (1 << _SCALE_BITS))
    scales = np.ldexp(steps, exponent - _SCALE_BITS).astype(np.float32)
    scales[scales == 0] = 1
    values = np.rint(matrix / scales).clip(-127, 127).astype(np.int8)
    return values, scales


def rounded(
    matrix: NDArray[np.float32], weights: Weights, least: int = LARGE
) -> NDArray[np.float32]:
    """Return the float32 values that `matrix` has once it is stored as `weights`.

    One of fewer numbers than `least` stays as it is. Raises ConfigError for numbers that this
    format doesn't have.
    """
    if matrix.size < least:
        return matrix
    most = np.finfo("float16" if weights == "float16" else "float32").max
    fits = bool((np.abs(matrix) <= most).all())  # a NaN doesn't
    check(fits, f"a weight is no number, or too large to be stored as {weights}")
    if weights == "int8":
        values, scales = to_int8(matrix)
        return values * scales
    if weights == "float16":
        return matrix.astype(np.float16).astype(np.float32)
    return matrix
