"""How few steps a graph may be fed: never so few that a score changes, at any length."""

from typing import Any

import keras
import numpy as np
import pytest

import pocketrnn
from pocketrnn import TextConfig, Tokenizer
from pocketrnn_export import build
from pocketrnn_train import RECIPES, TrainConfig, network

WORDS = [f"w{i}" for i in range(36)]


def export_and_compare(config: TrainConfig) -> int:
    """Export a network, compare its scores at every length, and return its step."""
    keras.utils.set_random_seed(11)
    keras_model = network.build(config, 2)
    embedding, *others = keras_model.get_weights()
    keras_model.set_weights([20 * embedding, *others])
    tokenizer = Tokenizer(config.text, WORDS)
    exported = build(keras_model, tokenizer, ("no", "yes"), weights="float32")
    model = pocketrnn.load(exported.data)
    random = np.random.default_rng(4)
    texts = [
        " ".join(random.choice([*WORDS, "none"], length))
        for length in range(config.text.maxlen + 2)
    ]
    trained = keras_model.predict(tokenizer.encode(texts), verbose=0)[:, 0]
    alone = np.concatenate([model.scores(text)[:, 1] for text in texts])
    np.testing.assert_allclose(alone, trained, rtol=0, atol=1e-5)
    np.testing.assert_allclose(model.scores(texts)[:, 1], trained, rtol=0, atol=1e-5)
    assert exported.loops == 0
    return exported.step


def config(maxlen: int = 120, recipe: str = "classic", **values: Any) -> TrainConfig:
    settings = {name: values.pop(name) for name in ("padding", "oov_id") if name in values}
    text = TextConfig(num_words=40, maxlen=maxlen, **settings)
    small = {"text": text, "embedding": 6, "units": 5}
    return TrainConfig.from_dict(
        RECIPES[recipe].to_dict()
        | {"distillation": None}
        | {
            k: v.to_dict() if isinstance(v, TextConfig) else v
            for k, v in {**small, **values}.items()
        }
    )


def test_all_padding_can_be_skipped_from_the_left() -> None:
    assert export_and_compare(config()) == 1


@pytest.mark.parametrize(
    "values",
    [
        # The backward layer reads the padding last.
        {"cell": "gru", "bidirectional": True},
        # Padding comes last.
        {"cell": "gru", "padding": "post"},
    ],
    ids=str,
)
def test_padding_that_is_read_last_is_never_skipped(values: dict[str, Any]) -> None:
    """These settle on padding, so that leaving out a little of it would go unnoticed."""
    assert export_and_compare(config(**values)) == 120


@pytest.mark.parametrize("values", [{}, {"recipe": "default"}], ids=str)
def test_masked_words_inside_a_text_keep_the_state(values: dict[str, Any]) -> None:
    """Unknown words that share padding's id: their steps are skipped, the state stays."""
    export_and_compare(config(mask=True, oov_id=0, **values))


@pytest.mark.parametrize("bidirectional", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_windows_are_fed_whole(bidirectional: bool) -> None:
    assert export_and_compare(config(recipe="default", bidirectional=bidirectional)) == 20
