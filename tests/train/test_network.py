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


def test_dropout_only_where_asked_for() -> None:
    model = build(3, dropout=0.5, layers=2)
    names = ["Embedding", "SpatialDropout1D", "SimpleRNN", "SimpleRNN", "Dropout", "Dense"]
    assert layers(model) == names
    ids = np.ones((2, 5), np.int32)
    assert (model(ids, training=False).numpy() == model(ids, training=False).numpy()).all()


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
