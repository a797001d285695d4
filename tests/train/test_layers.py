"""Windows and pooling do what a plain computation in numpy does, and leave padding out."""

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from pocketrnn_train.layers import SqrtnMax, Windows

WINDOW, WORDS, WIDTH, UNITS = 4, 12, 3, 5


@cache
def network(wrap: Any = None) -> Any:
    keras.utils.set_random_seed(3)
    recurrent = keras.layers.SimpleRNN(UNITS, return_sequences=True, bias_initializer="normal")
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(WORDS, WIDTH, mask_zero=True),
            wrap(recurrent) if wrap else recurrent,
            SqrtnMax(),
        ]
    )


def windows(recurrent: Any) -> Windows:
    return Windows(recurrent, WINDOW)


def by_hand(model: Any, row: NDArray[np.int32], window: int) -> NDArray[np.float64]:
    table, kernel, recurrent, bias = (weights.astype(float) for weights in model.get_weights())
    states = []
    for start in range(0, len(row), window):
        state = np.zeros(UNITS)
        for word in row[start : start + window]:
            if word:
                state = np.tanh(table[word] @ kernel + state @ recurrent + bias)
                states.append(state)
    if not states:
        return np.zeros(2 * UNITS)
    total = np.sum(states, axis=0) / (16 * np.sqrt(len(states)))
    return np.concatenate([total, np.max(states, axis=0)])


ROWS = np.array(
    [
        [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8],
        [0, 0, 0, 0, 0, 0, 2, 7, 1, 8, 2, 8],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        [0] * 12,
    ],
    np.int32,
)


@pytest.mark.parametrize(("wrap", "window"), [(windows, WINDOW), (None, ROWS.shape[1])])
def test_as_computed_by_hand(wrap: Any, window: int) -> None:
    model = network(wrap)
    expected = np.array([by_hand(model, row, window) for row in ROWS])
    np.testing.assert_allclose(model.predict(ROWS, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize("wrap", [windows, None])
def test_more_padding_changes_nothing(wrap: Any) -> None:
    model = network(wrap)
    longer = np.hstack([np.zeros((len(ROWS), 2 * WINDOW), np.int32), ROWS])
    np.testing.assert_allclose(
        model.predict(longer, verbose=0), model.predict(ROWS, verbose=0), atol=1e-6
    )


def test_the_order_of_windows_changes_nothing() -> None:
    model = network(windows)
    swapped = np.hstack([ROWS[:, WINDOW:], ROWS[:, :WINDOW]])
    np.testing.assert_allclose(
        model.predict(swapped, verbose=0), model.predict(ROWS, verbose=0), atol=1e-6
    )


def test_nothing_but_padding_has_gradients_too() -> None:
    import tensorflow as tf

    model = network(windows)
    with tf.GradientTape() as tape:
        total = keras.ops.sum(model(ROWS[-1:]))
    for gradient in tape.gradient(total, model.trainable_variables):
        assert np.isfinite(tf.convert_to_tensor(gradient).numpy()).all()


def test_pooling_without_a_mask() -> None:
    states = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    expected = np.hstack([states.sum(axis=1) / (16 * 3**0.5), states.max(axis=1)])
    np.testing.assert_allclose(SqrtnMax()(states), expected, rtol=1e-6)


def test_states_far_below_zero() -> None:
    states = np.full((1, 2, 1), -500, np.float32)
    pooled = SqrtnMax()(states, mask=np.array([[False, True]]))
    np.testing.assert_array_equal(pooled, [[-500 / 16, -500]])
