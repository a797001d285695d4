"""The Keras network, and its rounding to the values that a model file stores."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn.modelfile.weights import LARGE, rounded

CELLS = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}
_MATRICES = ("embeddings", "kernel", "recurrent_kernel")


def build(
    network: NetworkConfig,
    *,
    num_words: int,
    classes: int,
    dropout: float = 0.0,
    divisor: float = 16.0,
    multi_label: bool = False,
) -> Any:
    """Build the keras.Model: int32 ids (texts, time) to float32 scores (texts, columns).

    Two classes have one column, a sigmoid; more have a softmax; with `multi_label`, each has a
    sigmoid. Time is left open: any length, or any multiple of the window. `divisor` is that of the
    sum over all states, for `fold_divisor`.
    """
    import keras

    from .layers import SqrtnMax, Windows

    cell = getattr(keras.layers, CELLS[network.cell])
    model = keras.Sequential(name="pocketrnn")
    model.add(keras.Input((None,), dtype="int32", name="ids"))
    model.add(keras.layers.Embedding(num_words, network.embedding, mask_zero=network.mask))
    if dropout:
        model.add(keras.layers.SpatialDropout1D(dropout))
    pooled = network.pooling == "sqrtn_max"
    for layer in range(network.layers):
        sequences = pooled or layer < network.layers - 1
        recurrent = cell(
            network.units,
            activation=network.activation,
            return_sequences=sequences,
            # So few steps are faster without a loop; but Keras then reads masks backwards wrongly.
            unroll=bool(network.window) and not network.bidirectional,
        )
        if network.bidirectional:
            recurrent = keras.layers.Bidirectional(recurrent)
        model.add(Windows(recurrent, network.window) if network.window else recurrent)
    if pooled:
        model.add(SqrtnMax(divisor))
    if dropout:
        model.add(keras.layers.Dropout(dropout))
    columns, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    if multi_label:
        columns, activation = classes, "sigmoid"
    model.add(keras.layers.Dense(columns, activation=activation))
    return model


def build_generator(
    network: NetworkConfig, ids: int, *, dropout: float = 0.0, stateful: int | None = None
) -> Any:
    """Build the keras.Model: int32 ids (texts, time) to float32 logits (texts, time, ids).

    With `stateful`, a number of texts, each batch has so many, and goes on where the one before
    it ended.
    """
    import keras

    cell = getattr(keras.layers, CELLS[network.cell])
    options = {"activation": network.activation, "return_sequences": True}
    model = keras.Sequential(name="pocketrnn")
    model.add(keras.Input((None,), batch_size=stateful, dtype="int32", name="ids"))
    model.add(keras.layers.Embedding(ids, network.embedding))
    for _ in range(network.layers):
        if dropout:
            model.add(keras.layers.Dropout(dropout))
        model.add(cell(network.units, stateful=stateful is not None, **options))
    if dropout:
        model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(ids))
    return model


def recurrent_weights(
    stored: Callable[[str], NDArray[Any]], name: str, network: NetworkConfig
) -> list[NDArray[Any]]:
    """Return the weights of a recurrent layer as Keras has them, from those of a model file."""
    bias = stored(f"{name}.bias")
    if network.cell == "gru":  # a row for the input, and one for the state
        bias = np.stack([bias, stored(f"{name}.recurrent_bias")])
    return [stored(f"{name}.kernel"), stored(f"{name}.recurrent"), bias]


def fold_divisor(model: Any) -> None:
    """Let the head make up for the divisor that the sum over all states had in training."""
    from .layers import DIVISOR, SqrtnMax

    for pooling in model.layers:
        if isinstance(pooling, SqrtnMax):
            kernel, bias = model.layers[-1].get_weights()
            kernel[: len(kernel) // 2] *= DIVISOR / pooling.divisor
            model.layers[-1].set_weights([kernel, bias])
            pooling.divisor = DIVISOR


def round_weights(
    model: Any, network: NetworkConfig, *, head: bool = False, least: int = LARGE
) -> None:
    """Round the matrices of `model` of at least so many numbers to the values that are stored.

    A classifier's head stays as it is: calibration still divides it.
    """
    for layer in model.layers if head else model.layers[:-1]:
        for weight in layer.weights:
            if weight.name in _MATRICES:
                weight.assign(rounded(weight.numpy(), network.weights, least))
