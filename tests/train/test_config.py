"""The configuration holds the recipe, refuses what can't be trained, and survives JSON."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig
from pocketrnn.classify.text import MOST_IDS, MOST_WORDS
from pocketrnn.errors import ConfigError
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn_train import RECIPES, TrainConfig
from pocketrnn_train.config import Distillation, MadeUp, Spans


def test_recipe_classic_is_the_classic() -> None:
    classic = RECIPES["classic"]
    network, fit, task = classic.network, classic.fit, classic.task
    assert (task.text.num_words, task.text.maxlen, task.validation_split) == (10_000, 500, 0.2)
    assert (network.embedding, network.cell, network.units) == (32, "simple_rnn", 32)
    assert (network.layers, network.bidirectional, network.weights) == (1, False, "float32")
    assert (fit.optimizer, fit.learning_rate) == ("rmsprop", 0.001)  # Keras's default rate
    assert (fit.warm_up, fit.clip, fit.dropout, fit.word_dropout) == (None, None, 0.0, 0.0)
    assert (fit.epochs, fit.batch_size) == (10, 128)


@given(
    st.builds(
        TrainConfig().with_settings,
        text=st.builds(
            TextConfig,
            lower=st.booleans(),
            filters=st.text(),
            split=st.characters(),
            num_words=st.integers(4, MOST_IDS),
            maxlen=st.integers(1, MOST_WORDS),
            padding=st.sampled_from(["pre", "post"]),
            truncating=st.sampled_from(["pre", "post"]),
        ),
        cell=st.sampled_from(["simple_rnn", "gru", "lstm"]),
        units=st.integers(1, 512),
        bidirectional=st.booleans(),
        dropout=st.floats(0, 1, exclude_max=True),
        warm_up=st.none() | st.floats(0, 1, exclude_max=True),
        learning_rate=st.floats(0, 1e30, exclude_min=True),
        validation_split=st.floats(0, 1, exclude_min=True, exclude_max=True),
        distillation=st.none() | st.just(Distillation(folds=3)),
        mask=st.just(True),
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
        {"weights": "int4"},
        {"activation": "relu6"},
        {"cell": "transformer"},
        {"bidirectional": 1},
        {"layers": True},
        {"units": 32.0},
        {"epochs": 0},
        {"batch_size": 0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"dropout": float("nan")},
        {"word_dropout": 1.0},
        {"warm_up": -0.1},
        {"warm_up": 1.0},
        {"clip": 0.0},
        {"clip": float("inf")},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"learning_rate": float("nan")},
        {"validation_split": 0.0},
        {"validation_split": 1.0},
        {"test_split": 1.5},
        {"seed": -1},
        {"seed": 2**32},
        {"optimizer": "adagrad"},
        {"epochs": "10"},
        {"text": None},
    ],
    ids=str,
)
def test_refuses(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(ConfigError, match=name):
        TrainConfig().with_settings(**setting)


def test_settings_are_found_in_every_part() -> None:
    config = TrainConfig().with_settings(cell="gru", epochs=3, maxlen=9, seed=2)
    assert (config.network.cell, config.fit.epochs) == ("gru", 3)
    assert (config.task.text.maxlen, config.seed) == (9, 2)
    whole = TrainConfig().with_settings(network=NetworkConfig(units=7), num_words=50)
    assert (whole.network.units, whole.task.text.num_words) == (7, 50)


def test_numbers_of_numpy_and_whole_ones_are_settings_too() -> None:
    given = {"units": np.int64(8), "learning_rate": np.float64(0.01), "clip": 1, "test_split": 0}
    config = TrainConfig().with_settings(**given)
    assert config == TrainConfig().with_settings(
        units=8, learning_rate=0.01, clip=1.0, test_split=0.0
    )
    assert TrainConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="learning_rate must be float"):
        TrainConfig().with_settings(learning_rate=10**400)
    for value in (1.5, np.float64(8), True):
        with pytest.raises(ConfigError, match="units must be int"):
            TrainConfig().with_settings(units=value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 20}, "windows need the pooling sqrtn_max"),
        ({"window": 30, "pooling": "sqrtn_max"}, r"maxlen \(500\) must be a multiple of window"),
        ({"window": -1}, "window must be 0 or more"),
        ({"mask": True, "text": TextConfig(pad_id=1)}, "masking needs 0"),
        ({"distillation": Distillation()}, "needs mask"),
        ({"cell": "gru", "activation": "relu"}, "gru has the activation tanh"),
        ({"folds": 3}, "must be fitted again: refit"),
        ({"folds": 1, "refit": True}, "folds must be 0, or 2 or more"),
        ({"mask": True, "distillation": Distillation(), "refit": True}, "a teacher of spans"),
        ({"pooling": "max"}, "pooling must be one of last, sqrtn_max"),
        ({"validation": "first"}, "validation must be one of random, last"),
    ],
)
def test_settings_that_cant_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig().with_settings(**settings)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (MadeUp, "texts", 0),
        (MadeUp, "repeats", 0),
        (MadeUp, "learning_rate", 0.0),
        (Distillation, "folds", 1),
        (Distillation, "truth", 1.5),
        (Spans, "shortest", 0),
        (Spans, "shortest", 80),
        (Spans, "kept", 1.1),
        (Spans, "epochs", 0),
        (Spans, "learning_rate", 0.0),
        (Spans, "warm_up", 1.0),
    ],
)
def test_settings_of_distillation_that_cant_be(kind: type, name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{name}.* must be"):
        kind(**{name: value})
