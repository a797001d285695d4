"""The recipes' networks convert, and the file carries what the run has found."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pocketrnn
import pytest
from pocketrnn import TextConfig, Tokenizer
from pocketrnn_export import build, cli, export
from pocketrnn_export.parity import TOLERANCE
from pocketrnn_train import Corpus, Examples, Run, TrainConfig, fit, network

WORDS = [f"word{n}" for n in range(16)]
TEXT = TextConfig(num_words=20, maxlen=24)
NETWORKS = {
    "windows": {"pooling": "mean_max", "window": 4},
    "windows of stacked layers": {"pooling": "mean_max", "window": 8, "layers": 2},
    "windows both ways": {"pooling": "mean_max", "window": 4, "bidirectional": True},
    "windows of an LSTM": {"pooling": "mean_max", "window": 4, "cell": "lstm"},
    "pooled": {"pooling": "mean_max"},
    "last state": {},
    "last state both ways": {"bidirectional": True},
}


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NETWORKS)
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


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    labels = np.arange(20) % 2
    texts = tuple(f"{WORDS[label]} {WORDS[2 + n % 5]}" for n, label in enumerate(labels))
    examples = Examples(texts, labels)
    config = TrainConfig(text=TEXT, embedding=3, units=4, epochs=1)
    folder = tmp_path_factory.mktemp("runs") / "run"
    made = fit(config, Corpus("made up", ("a", "b"), examples, examples), folder)
    made.write("report.json", {**made.report, "threshold": 0.3})
    return made


def test_threshold_of_the_run(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "model.onnx")
    assert pocketrnn.load(tmp_path / "model.onnx").config.threshold == 0.3


def test_threshold_asked_for(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert cli.main([str(run.folder), "-o", str(path), "--threshold", "0.7"]) == 0
    assert pocketrnn.load(path).config.threshold == 0.7


def test_limits_in_the_card(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(run, tmp_path / "model.onnx")
    assert "limits" not in pocketrnn.load(tmp_path / "model.onnx").card
    (run.folder / "limits.txt").write_text("Naïve toys only.\n", encoding="utf-8")
    export(run, tmp_path / "model.onnx", force=True)
    card = pocketrnn.load(tmp_path / "model.onnx").card
    assert card["limits"] == "Naïve toys only."
    assert card["figures"]["test"]["calibration_error"] >= 0
    assert json.dumps(card["recipe"]["distillation"]) == "null"
