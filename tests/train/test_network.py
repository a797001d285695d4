"""The network has the layers, shapes and parameters that the configuration asks for."""

from typing import Any

import keras
import numpy as np
import pytest

from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn.modelfile.weights import rounded
from pocketrnn_train import RECIPES, network


def build(classes: int = 2, dropout: float = 0.0, **settings: Any) -> Any:
    config = NetworkConfig(**{"embedding": 3, "units": 4, **settings})
    return network.build(config, num_words=20, classes=classes, dropout=dropout)


def layers(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_recipe_classic_to_the_letter() -> None:
    model = network.build(RECIPES["classic"].network, num_words=10_000, classes=2)
    embedding, recurrent, dense = model.layers
    assert layers(model) == ["Embedding", "SimpleRNN", "Dense"]
    assert (embedding.input_dim, embedding.output_dim) == (10_000, 32)
    assert (recurrent.units, recurrent.activation) == (32, keras.activations.tanh)
    assert (dense.units, dense.activation) == (1, keras.activations.sigmoid)
    assert model.count_params() == 10_000 * 32 + (32 * 32 + 32 * 32 + 32) + 33 == 322_113
    assert {weight.dtype for weight in model.weights} == {"float32"}


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["simple_rnn", "gru", "lstm"])
def test_every_shape(cell: Any, bidirectional: bool, depth: int, classes: int) -> None:
    model = build(classes, cell=cell, bidirectional=bidirectional, layers=depth)
    columns = 1 if classes == 2 else classes
    assert model.input_shape == (None, None)
    assert model.output_shape == (None, columns)

    # Kernel, recurrent kernel and bias of each gate; Keras's GRU has two biases a gate.
    gates, biases = {"simple_rnn": (1, 1), "gru": (3, 2), "lstm": (4, 1)}[cell]
    ways = 2 if bidirectional else 1
    widths = [3] + [ways * 4] * depth
    recurrent = sum(ways * gates * 4 * (width + 4 + biases) for width in widths[:depth])
    assert model.count_params() == 20 * 3 + recurrent + columns * (widths[-1] + 1)


@pytest.mark.parametrize(("classes", "columns"), [(2, 1), (3, 3)])
def test_scores_any_length_of_text(classes: int, columns: int) -> None:
    model = build(classes)
    for time in (1, 7):
        scores = model(np.ones((2, time), np.int32)).numpy()
        assert scores.dtype == np.float32
        assert scores.shape == (2, columns)
        assert (scores > 0).all()
        assert (scores < 1).all()
        if classes > 2:
            assert scores.sum(axis=1) == pytest.approx(1)


def test_dropout_only_where_asked_for() -> None:
    model = build(3, dropout=0.5, layers=2)
    assert layers(model) == [
        "Embedding",
        "SpatialDropout1D",
        "SimpleRNN",
        "SimpleRNN",
        "Dropout",
        "Dense",
    ]
    ids = np.ones((2, 5), np.int32)
    assert (model(ids, training=False).numpy() == model(ids, training=False).numpy()).all()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_activation(activation: str) -> None:
    model = build(activation=activation)
    assert model.layers[1].activation is getattr(keras.activations, activation)


@pytest.mark.parametrize("weights", ["float32", "float16", "int8"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_large_matrices_are_rounded_and_nothing_else(weights: Any, bidirectional: bool) -> None:
    config = NetworkConfig(
        cell="gru",
        embedding=64,
        units=96,
        bidirectional=bidirectional,
        weights=weights,
        mask=True,
        pooling="sqrtn_max",
        window=4,
    )
    model = network.build(config, num_words=300, classes=3, dropout=0.1)
    before = {weight.path: weight.numpy() for weight in model.weights}
    network.round_weights(model, config)
    changed = set()
    for weight in model.weights:
        if weight.numpy().tobytes() != before[weight.path].tobytes():
            changed.add(weight.path.rsplit("/", 1)[1])
            assert (weight.numpy() == rounded(before[weight.path], weights)).all()
    expected = {"embeddings", "kernel", "recurrent_kernel"}
    assert changed == (set() if weights == "float32" else expected)
    head = model.layers[-1].kernel
    assert (head.numpy() == before[head.path]).all()
    # What is rounded stays as it is: a resumed run may round again.
    once = model.get_weights()
    network.round_weights(model, config)
    assert all((a == b).all() for a, b in zip(once, model.get_weights(), strict=True))


def test_small_matrices_are_left_alone() -> None:
    config = NetworkConfig(embedding=3, units=4, weights="int8")
    model = network.build(config, num_words=20, classes=2)
    before = model.get_weights()
    network.round_weights(model, config)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
