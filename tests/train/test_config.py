"""The configuration holds the recipe, refuses what can't be trained, and survives JSON."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig
from pocketrnn.errors import ConfigError
from pocketrnn_train import RECIPES, TrainConfig


def test_recipe_seed_is_the_classic() -> None:
    seed = RECIPES["classic"]
    assert (seed.text.num_words, seed.text.maxlen) == (10_000, 500)
    assert (seed.embedding, seed.cell, seed.units, seed.layers) == (32, "simple_rnn", 32, 1)
    assert (seed.bidirectional, seed.dropout) == (False, 0.0)
    assert (seed.optimizer, seed.learning_rate) == ("rmsprop", 0.001)  # Keras's default rate
    assert (seed.epochs, seed.batch_size, seed.validation_split) == (10, 128, 0.2)


def test_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().epochs = 3  # type: ignore[misc]


@given(
    st.builds(
        TrainConfig,
        text=st.builds(
            TextConfig,
            lower=st.booleans(),
            filters=st.text(),
            split=st.characters(),
            num_words=st.integers(4, 10**6),
            maxlen=st.integers(1, 10**5),
            padding=st.sampled_from(["pre", "post"]),
            truncating=st.sampled_from(["pre", "post"]),
        ),
        cell=st.sampled_from(["simple_rnn", "gru", "lstm"]),
        units=st.integers(1, 10**6),
        bidirectional=st.booleans(),
        dropout=st.floats(0, 1, exclude_max=True),
        learning_rate=st.floats(0, 1e30, exclude_min=True),
        validation_split=st.floats(0, 1, exclude_min=True, exclude_max=True),
        seed=st.integers(0, 2**32 - 1),
    )
)
def test_survives_json(config: TrainConfig) -> None:
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "setting",
    [
        {"embedding": 0},
        {"units": -1},
        {"layers": 0},
        {"epochs": 0},
        {"batch_size": 0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"dropout": float("nan")},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"learning_rate": float("nan")},
        {"validation_split": 0.0},
        {"validation_split": 1.0},
        {"test_split": 1.5},
        {"seed": -1},
        {"seed": 2**32},
        {"cell": "transformer"},
        {"optimizer": "adagrad"},
        {"bidirectional": 1},
        {"layers": True},
        {"units": 32.0},
        {"epochs": "10"},
        {"text": None},
    ],
    ids=str,
)
def test_refuses(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(ConfigError, match=name):
        TrainConfig(**setting)


def test_refuses_unknown_and_missing_settings() -> None:
    values = TrainConfig().to_dict()
    with pytest.raises(ConfigError, match="unknown setting in TrainConfig: momentum"):
        TrainConfig.from_dict({**values, "momentum": 0.9})
    del values["units"]
    with pytest.raises(ConfigError, match="missing setting in TrainConfig: units"):
        TrainConfig.from_dict(values)
