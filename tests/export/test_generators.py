"""Generators: Keras, tf2onnx's graph, ONNX's reference evaluator and pocketrnn compute the same."""

from dataclasses import replace
from functools import cache
from typing import Any

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx.reference import ReferenceEvaluator

import generators
from pocketrnn.errors import CorruptModelError
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn.generate.file import GeneratorConfig
from pocketrnn.generate.model import Generator
from pocketrnn_export import Export, ParityError
from pocketrnn_export.convert import stepped
from pocketrnn_export.generate import build
from pocketrnn_train.generate.config import RECIPES
from pocketrnn_train.network import build_generator, round_weights

TOLERANCE = 1e-5


def network(**settings: Any) -> tuple[Any, GeneratorConfig]:
    keras.utils.set_random_seed(5)
    config = generators.config(**settings)
    model = build_generator(config.network, config.ids)
    # As large as trained ones: with Keras's first weights all logits are nearly the same. Larger
    # recurrent kernels would make chaos, in which float32's last bit decides all after 200 steps.
    for layer in (model.layers[0], model.layers[-1]):
        layer.set_weights([10 * array for array in layer.get_weights()])
    round_weights(model, config.network, head=True)
    return model, config


@cache
def exported(**settings: Any) -> tuple[Any, Export]:
    model, config = network(**settings)
    return model, build(model, config, Alphabet(generators.LETTERS, config.unknown))


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru", "layers": 3, "units": 9},
        {"cell": "lstm", "layers": 2},
        {"cell": "simple_rnn", "layers": 1, "activation": "relu"},
        {"cell": "gru", "units": 80, "embedding": 70, "weights": "int8"},
        pytest.param({"cell": "gru", "weights": "float16", "units": 128}, marks=pytest.mark.slow),
        *(
            pytest.param(recipe.network.to_dict(), marks=pytest.mark.slow)
            for recipe in RECIPES.values()
        ),
        *(
            pytest.param({"cell": cell, "layers": layers, "units": 128}, marks=pytest.mark.slow)
            for cell in ("simple_rnn", "gru", "lstm")
            for layers in (1, 2, 3)
        ),
    ],
    ids=str,
)
def test_every_kind_of_network_is_served_as_trained(settings: dict[str, Any]) -> None:
    """Whole, a step at a time, one text and several; the reference evaluator too."""
    model, export = exported(**settings)
    assert export.difference <= TOLERANCE
    served = Generator.load(export.data)
    assert max(served.differences()) == 0
    assert len({case.logits for case in served.test_cases}) == len(served.test_cases)
    ids = np.random.default_rng(1).integers(0, served.config.ids, (2, 7), np.int32)
    run, widths = stepped(model)
    zeros = [np.zeros((2, width), np.float32) for width in widths]
    graph = onnx.load_from_string(export.data)
    onnx.checker.check_model(graph, full_check=True)
    names = [value.name for value in graph.graph.input]
    reference = ReferenceEvaluator(graph).run(None, dict(zip(names, [ids, *zeros], strict=True)))
    for found, trained in zip(reference, run(ids, *zeros), strict=True):
        # Some logits are over 10, where the last bits of float32 are worth more on some processors.
        np.testing.assert_allclose(found, trained, rtol=1e-6, atol=TOLERANCE)


@pytest.mark.parametrize("texts", [1, 256])
def test_state_is_carried_over_ten_thousand_steps(texts: int) -> None:
    model, export = exported(cell="gru", layers=2, units=16)
    served = Generator.load(export.data)
    steps = 10_000 if texts == 1 else 100
    ids = np.random.default_rng(2).integers(0, served.config.ids, (texts, steps), np.int32)
    run, widths = stepped(model)
    run = tf.function(run)
    trained = np.array(run(ids, *(np.zeros((texts, width), np.float32) for width in widths))[0])
    found, state = [], None
    for column in ids.T:
        logits, state = served.run(column[:, None], state)
        found.append(logits)
    np.testing.assert_allclose(np.concatenate(found, 1), trained, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(served.run(ids)[0], trained, rtol=0, atol=TOLERANCE)


def test_the_form_that_generates_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Generator._next

    def wrong(self: Generator, ids: Any, state: Any = None) -> Any:
        logits, state = right(self, ids, state)
        return logits + 3, state

    monkeypatch.setattr(Generator, "_next", wrong)
    model, config = network()
    with pytest.raises(ParityError):
        build(model, config, Alphabet(generators.LETTERS, config.unknown))


def test_a_network_that_differs_is_not_exported() -> None:
    model, config = network()
    other = replace(config, network=replace(config.network, units=7))
    with pytest.raises(ValueError, match="settings say"):
        build(model, other, Alphabet(generators.LETTERS, config.unknown))
    model.layers[-1].bias.assign(np.full(config.ids, np.nan, np.float32))
    with pytest.raises((ParityError, CorruptModelError)):
        build(model, config, Alphabet(generators.LETTERS, config.unknown))
