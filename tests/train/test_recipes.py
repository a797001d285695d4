"""The recipes are what the documentation says, and settings that can't go together are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn import TextConfig
from pocketrnn.errors import ConfigError
from pocketrnn_train import RECIPES, TrainConfig, cli, network
from pocketrnn_train.config import Distillation, Spans

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
        recipe.network,
        num_words=recipe.task.text.num_words,
        classes=2,
        dropout=recipe.fit.dropout,
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
    arguments = cli._parser().parse_args(["corpus"])
    assert arguments.recipe == "default"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 20}, "windows need the pooling sqrtn_max"),
        ({"window": 30, "pooling": "sqrtn_max"}, r"maxlen \(500\) must be a multiple of window"),
        ({"window": -1}, "window must not be under 0"),
        ({"mask": True, "text": TextConfig(pad_id=1)}, "mask needs 0"),
        ({"distillation": Distillation()}, "needs mask"),
        ({"cell": "gru", "activation": "relu"}, "gru has the activation tanh"),
        ({"pooling": "max"}, "pooling must be one of last, sqrtn_max"),
        ({"validation": "first"}, "validation must be one of random, last"),
    ],
)
def test_settings_that_cant_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig().with_settings(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ngrams": 4}, "ngrams must be from 1 to 3"),
        ({"folds": 1}, "folds must be at least 2"),
        ({"truth": 1.5}, "truth must be from 0 to 1"),
    ],
)
def test_distillations_that_cant_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Distillation(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"shortest": 0},
        {"shortest": 80},
        {"kept": 1.1},
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"warm_up": 1.0},
    ],
)
def test_spans_that_cant_be(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(ConfigError, match=f"spans: .*{name}"):
        Spans(**settings)


def test_nested_settings_are_as_strict() -> None:
    values = RECIPES["default"].to_dict()
    values["task"]["distillation"]["spans"]["colour"] = "red"
    with pytest.raises(ConfigError, match="unknown setting in Spans: colour"):
        TrainConfig.from_dict(values)
