"""The band of probabilities in which a model answers neither label."""

import json
from pathlib import Path

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn.errors import ConfigError

TEXTS = ["a warm and funny film", "a dull and noisy mess", "I saw it on a plane"]


@pytest.fixture(scope="module")
def model() -> pocketrnn.Classifier:
    return pocketrnn.load()


def test_inside_the_band_there_is_no_label(model: pocketrnn.Classifier) -> None:
    plain = model.predict(TEXTS)
    banded = model.predict(TEXTS, unsure=(0.0, 1.0))
    assert [p.label for p in banded] == [None] * 3
    assert [p.probabilities for p in banded] == [p.probabilities for p in plain]
    assert [p.score for p in banded] == [max(p.probabilities.values()) for p in plain]


def test_outside_the_band_nothing_changes(model: pocketrnn.Classifier) -> None:
    second = [p.probabilities["positive"] for p in model.predict(TEXTS)]
    above = min(1.0, max(second) + 1e-3)
    assert model.predict(TEXTS, unsure=(above, 1.0)) == model.predict(TEXTS)
    assert model.predict(TEXTS[0], unsure=(above, 1.0)) == model.predict(TEXTS[0])


def test_edges_belong_to_the_band(model: pocketrnn.Classifier) -> None:
    edge = model.predict(TEXTS[0]).probabilities["positive"]
    assert model.predict(TEXTS[0], unsure=(edge, edge)).label is None
    over = float(np.nextafter(np.float32(edge), np.float32(2)))
    assert model.predict(TEXTS[0], unsure=(over, 1.0) if over <= 1 else (1, 1)).label is not None


def test_more_labels_go_by_the_most_probable_one() -> None:
    model = pocketrnn.load(tinyonnx.tiny(("a", "b", "c")))
    score = model.predict("good").score
    assert model.predict("good", unsure=(score, score)).label is None
    assert model.predict("good", unsure=(0.0, score - 0.01)).label == "c"


@pytest.mark.parametrize(
    "band", [(0, 10**400), (0.6, 0.4), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 1), (1,), 5]
)
def test_a_band_that_is_none(model: pocketrnn.Classifier, band: object) -> None:
    with pytest.raises(ConfigError, match="unsure must be two numbers from 0 to 1"):
        model.predict("film", unsure=band)  # type: ignore[call-overload]


def test_an_empty_band_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "in.txt").write_text("good\n")
    for band, said in (([0.5, 0.5], 1), ([0.4, 0.6], 0)):
        caplog.clear()
        model = pocketrnn.load(tinyonnx.tiny(card={"unsure": band}))
        out = tmp_path / "out.csv"
        pocketrnn.score_file(tmp_path / "in.txt", out, model=model, unsure=True, force=True)
        assert sum("no text will be unsure" in each for each in caplog.messages) == said


def test_the_band_of_the_card() -> None:
    model = pocketrnn.load(tinyonnx.tiny(card={"unsure": [0.0, 1.0]}))
    assert model.predict("good", unsure=True).label is None
    assert model.predict("good", unsure=False).label == "positive"
    with pytest.raises(ConfigError, match="card has no band of unsure scores; give two numbers"):
        pocketrnn.load(tinyonnx.tiny()).predict("good", unsure=True)
    for altered in ("all", 5, True):
        model = pocketrnn.load(tinyonnx.tiny(card={"unsure": altered}))
        with pytest.raises(ConfigError, match="unsure must be two numbers"):
            model.predict("good", unsure=True)


def test_score_leaves_out_the_same_labels(tmp_path: Path) -> None:
    texts = ["good", "bad", "the film", "xyzzy", "the good bad film"]
    path, out = tmp_path / "texts.txt", tmp_path / "out.jsonl"
    path.write_text("\n".join(texts) + "\n")
    model = pocketrnn.load(tinyonnx.tiny())
    edge = model.predict("good").probabilities["positive"]
    summary = pocketrnn.score_file(path, out, model=model, unsure=(0.2, edge), explain=2)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    predictions = model.predict(texts, unsure=(0.2, edge))
    assert [row["label"] for row in rows] == [p.label for p in predictions]
    assert [row["score"] for row in rows] == pytest.approx([p.score for p in predictions])
    assert sum(summary.labels.values()) == sum(p.label is not None for p in predictions) < 4
    for text, row in zip(texts, rows, strict=True):
        strongest = model.explain(text).strongest(2)
        assert row["explanation"] == ", ".join(f"{word} {by:+.4f}" for word, by in strongest)
    with pytest.raises(ConfigError, match="explain must be a whole number from 0"):
        pocketrnn.score_file(path, out, model=model, explain=-1, force=True)
