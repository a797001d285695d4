"""The recipes' networks convert."""

from typing import Any

import numpy as np
import pytest

import pocketrnn
from pocketrnn import TextConfig, Tokenizer
from pocketrnn_export import build
from pocketrnn_export.parity import TOLERANCE
from pocketrnn_train import TrainConfig, network

WORDS = [f"word{n}" for n in range(16)]
TEXT = TextConfig(num_words=20, maxlen=24)
NETWORKS = {
    "windows": {"pooling": "sqrtn_max", "window": 4},
    "windows of stacked layers": {"pooling": "sqrtn_max", "window": 8, "layers": 2},
    "windows both ways": {"pooling": "sqrtn_max", "window": 4, "bidirectional": True},
    "windows of an LSTM": {"pooling": "sqrtn_max", "window": 4, "cell": "lstm"},
    "pooled": {"pooling": "sqrtn_max"},
    "last state": {},
    "last state both ways": {"bidirectional": True},
}


FAST = ("windows both ways", "pooled", "last state")


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS],
)
def test_masked_networks_convert(name: str, classes: int) -> None:
    settings: dict[str, Any] = NETWORKS[name]
    config = TrainConfig(text=TEXT, embedding=3, units=4, mask=True, dropout=0.1, **settings)
    labels = ("a", "b", "c")[:classes]
    exported = build(network.build(config, classes), Tokenizer(TEXT, WORDS), labels)
    assert exported.difference <= TOLERANCE
    model = pocketrnn.load(exported.data)
    # An empty text is the start id alone; a row of padding can't come from a text, but mustn't
    # give NaN either.
    assert np.isfinite(model.scores(["", "word1 " * 100])).all()
    assert np.isfinite(model.score_ids(np.zeros((1, 24), np.int32))).all()
