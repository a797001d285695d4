"""The bundled model gives the ids and scores in tests/data/vectors.json."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketrnn
from pocketrnn.loading import BUNDLED

PATH = Path(__file__).parents[2] / "data" / "vectors.json"


@pytest.fixture(scope="module")
def model() -> pocketrnn.Classifier:
    if not BUNDLED.exists():
        pytest.skip("no bundled model in this checkout")
    return pocketrnn.load()


@pytest.fixture(scope="module")
def stored(model: pocketrnn.Classifier) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(PATH.read_text())
    assert stored["model"] == model.sha256, "run: python tests/data/make_vectors.py"
    assert stored["labels"] == list(model.labels)
    return stored


def test_ids(model: pocketrnn.Classifier, stored: dict[str, Any]) -> None:
    maxlen = model.config.text.maxlen
    for vector in stored["vectors"]:
        assert model.tokenizer.ids(vector["text"])[-maxlen:] == vector["ids"], vector["text"][:60]


def test_scores(model: pocketrnn.Classifier, stored: dict[str, Any]) -> None:
    texts = [vector["text"] for vector in stored["vectors"]]
    scores = np.array([vector["scores"] for vector in stored["vectors"]])
    alone = np.concatenate([model.scores(text) for text in texts])
    for found in (alone, model.scores(texts)):
        np.testing.assert_allclose(found, scores, rtol=0, atol=stored["tolerance"])


def test_the_vectors_reach_the_corners(model: pocketrnn.Classifier, stored: dict[str, Any]) -> None:
    lengths = {len(vector["ids"]) for vector in stored["vectors"]}
    maxlen = model.config.text.maxlen
    assert {1, maxlen - 1, maxlen} <= lengths
    assert any(len(model.tokenizer.ids(v["text"])) == maxlen + 1 for v in stored["vectors"])
    # Single precision, written exactly.
    scores = np.array([vector["scores"] for vector in stored["vectors"]])
    np.testing.assert_allclose(scores.astype(np.float32), scores, rtol=1e-7)
