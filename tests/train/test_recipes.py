"""The recipes are what the documentation says, and settings that can't go together are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn_train import RECIPES, TrainConfig, cli, network

DOCS = Path(__file__).parents[2] / "docs" / "recipes.md"


@pytest.mark.parametrize("name", RECIPES)
def test_survives_json(name: str) -> None:
    recipe = RECIPES[name]
    assert TrainConfig.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize("name", RECIPES)
def test_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text(encoding="utf-8")


def build(name: str) -> Any:
    recipe = RECIPES[name]
    return network.build(
        recipe.network, num_words=recipe.task.text.num_words, classes=2, dropout=recipe.fit.dropout
    )


def test_classic_is_what_the_configuration_is_without_a_recipe() -> None:
    assert RECIPES["classic"] == TrainConfig()
    assert not RECIPES["classic"].network.mask
    assert not RECIPES["classic"].task.calibrate
    assert RECIPES["classic"].task.distillation is None


def test_distilled_has_the_network_of_classic() -> None:
    models = [build(name) for name in ("classic", "distilled")]
    shapes = [[weights.shape for weights in model.get_weights()] for model in models]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", RECIPES)
def test_weights_are_stored_in_8_bits_but_for_classic(name: str) -> None:
    assert RECIPES[name].network.weights == ("float32" if name == "classic" else "int8")


@pytest.mark.parametrize(("name", "parameters"), [("default", 322_145), ("tiny", 80_561)])
def test_networks_of_windows(name: str, parameters: int) -> None:
    model = build(name)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Embedding", "SpatialDropout1D", "Windows", "SqrtnMax", "Dropout", "Dense"]
    assert model.count_params() == parameters
    scores = model.predict(np.ones((2, RECIPES[name].network.window * 3), np.int32), verbose=0)
    assert scores.shape == (2, 1)


def test_the_default_of_the_command_is_the_best() -> None:
    arguments = cli.parser().parse_args(["corpus"])
    assert arguments.recipe == "default"
