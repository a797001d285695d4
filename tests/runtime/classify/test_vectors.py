"""The stored models give the ids, scores and labels in the files of vectors under tests/data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketrnn
from pocketrnn.classify.labels import choose
from pocketrnn.loading import BUNDLED

DATA = Path(__file__).parents[2] / "data"
FILES = [DATA / "vectors.json", *sorted(DATA.glob("models/*.json"))]

Stored = tuple[pocketrnn.Classifier, dict[str, Any]]


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def both(request: pytest.FixtureRequest) -> Stored:
    path = BUNDLED if request.param.name == "vectors.json" else request.param.with_suffix(".onnx")
    if not path.exists() and path == BUNDLED:
        pytest.skip("no bundled model in this checkout")
    model, stored = pocketrnn.load(path), json.loads(request.param.read_text())
    assert stored["model"] == model.sha256, "run: python tests/data/make_vectors.py"
    assert stored["labels"] == list(model.labels)
    return model, stored


def test_ids(both: Stored) -> None:
    model, stored = both
    for vector in stored["vectors"]:
        found = model.tokenizer.ids(vector["text"])[model.config.text.kept]
        assert found == vector["ids"], vector["text"][:60]


def test_scores_and_labels(both: Stored) -> None:
    model, stored = both
    texts = [vector["text"] for vector in stored["vectors"]]
    scores = np.array([vector["scores"] for vector in stored["vectors"]])
    alone = np.concatenate([model.scores(text) for text in texts])
    for found in (alone, model.scores(texts)):
        np.testing.assert_allclose(found, scores, rtol=0, atol=stored["tolerance"])
    chosen = choose(scores.astype(np.float32), model.config.threshold)
    if not model.config.multi_label:
        assert [model.labels[i] for i in chosen] == [v["label"] for v in stored["vectors"]]
        return
    given = [tuple(vector["labels"]) for vector in stored["vectors"]]
    assert [tuple(np.array(model.labels)[row == 1]) for row in chosen] == given
    known = [found for found in model.predict(texts) if found.known]
    assert {found.labels for found in known} <= set(given)
    assert {len(labels) for labels in given} >= {0, 1, 2}


def test_the_vectors_reach_the_corners(both: Stored) -> None:
    model, stored = both
    maxlen, start = model.config.text.maxlen, model.config.text.start_id
    lengths = {len(vector["ids"]) for vector in stored["vectors"]}
    assert {0 if start is None else 1, maxlen - 1, maxlen} <= lengths
    assert any(len(model.tokenizer.ids(v["text"])) == maxlen + 1 for v in stored["vectors"])
    # Single precision, written exactly.
    scores = np.array([vector["scores"] for vector in stored["vectors"]])
    np.testing.assert_allclose(scores.astype(np.float32), scores, rtol=1e-7)
    # A wrong id would be seen, and each label is chosen.
    assert np.ptp(scores, axis=0).min() > 0.1
    given = [v.get("labels", [v.get("label")]) for v in stored["vectors"]]
    assert set().union(*given) == set(model.labels)


def test_the_models_have_what_the_bundled_one_lacks() -> None:
    configs = [pocketrnn.load(path).config for path in sorted(DATA.glob("models/*.onnx"))]
    networks = [config.network for config in configs if config.network]
    assert {network.weights for network in networks} == {"float32", "float16", "int8"}
    assert {network.cell for network in networks} == {"simple_rnn", "gru", "lstm"}
    assert {network.mask for network in networks} == {False, True}
    assert {len(config.labels) for config in configs} == {2, 3}
    for name in ("padding", "truncating", "start_id", "lower", "split"):
        assert len({getattr(config.text, name) for config in configs}) > 1, name
