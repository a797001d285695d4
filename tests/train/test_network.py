"""The network has the layers, shapes and parameters that the configuration asks for."""

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest

from pocketrnn import TextConfig
from pocketrnn_train import RECIPES, TrainConfig, network

TINY = TrainConfig(text=TextConfig(num_words=20), embedding=3, units=4)


def layers(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_recipe_seed_to_the_letter() -> None:
    model = network.build(RECIPES["classic"], classes=2)
    embedding, recurrent, dense = model.layers
    assert layers(model) == ["Embedding", "SimpleRNN", "Dense"]
    assert (embedding.input_dim, embedding.output_dim) == (10_000, 32)
    assert (recurrent.units, recurrent.activation) == (32, keras.activations.tanh)
    assert (dense.units, dense.activation) == (1, keras.activations.sigmoid)
    assert model.count_params() == 10_000 * 32 + (32 * 32 + 32 * 32 + 32) + 33 == 322_113
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert type(model.optimizer) is keras.optimizers.RMSprop
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert model.loss == "binary_crossentropy"


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["simple_rnn", "gru", "lstm"])
def test_every_shape(cell: Any, bidirectional: bool, depth: int, classes: int) -> None:
    config = dataclasses.replace(TINY, cell=cell, bidirectional=bidirectional, layers=depth)
    model = network.build(config, classes)
    columns = 1 if classes == 2 else classes
    assert model.input_shape == (None, None)
    assert model.output_shape == (None, columns)

    # Kernel, recurrent kernel and bias of each gate; Keras's GRU has two biases a gate.
    gates, biases = {"simple_rnn": (1, 1), "gru": (3, 2), "lstm": (4, 1)}[cell]
    ways = 2 if bidirectional else 1
    widths = [config.embedding] + [ways * config.units] * depth
    recurrent = sum(
        ways * gates * config.units * (width + config.units + biases) for width in widths[:depth]
    )
    assert model.count_params() == 20 * config.embedding + recurrent + columns * (widths[-1] + 1)


@pytest.mark.parametrize(("classes", "columns"), [(2, 1), (3, 3)])
def test_scores_any_length_of_text(classes: int, columns: int) -> None:
    model = network.build(TINY, classes)
    for time in (1, 7):
        scores = model(np.ones((2, time), np.int32)).numpy()
        assert scores.dtype == np.float32
        assert scores.shape == (2, columns)
        assert (scores > 0).all()
        assert (scores < 1).all()
        if classes > 2:
            assert scores.sum(axis=1) == pytest.approx(1)


def test_dropout_only_where_asked_for() -> None:
    model = network.build(dataclasses.replace(TINY, dropout=0.5, layers=2), classes=3)
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


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rmsprop", keras.optimizers.RMSprop),
        ("adam", keras.optimizers.Adam),
        ("sgd", keras.optimizers.SGD),
    ],
)
def test_optimizer_and_rate(name: Any, kind: type) -> None:
    model = network.build(dataclasses.replace(TINY, optimizer=name, learning_rate=0.25), classes=2)
    assert type(model.optimizer) is kind
    assert float(model.optimizer.learning_rate) == 0.25
