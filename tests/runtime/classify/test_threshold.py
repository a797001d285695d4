"""A threshold that isn't 0.5 stands beside each score, so that none contradicts its label."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pocketrnn
import tinyonnx
from pocketrnn.classify.labels import choose, thresholds_of
from pocketrnn.cli import main

Capture = pytest.CaptureFixture[str]

# "good" has a probability of 0.94 of fraud, and "bad" one of 0.07.
LABELS = ("ok", "fraud")
MOVED = tinyonnx.tiny(LABELS, threshold=0.99)
TEXTS = ["good", "bad", "xyzzy"]


@pytest.fixture
def moved(tmp_path: Path) -> str:
    path = tmp_path / "moved.onnx"
    path.write_bytes(MOVED)
    return str(path)


@given(st.floats(0, 1), st.floats(0, 1, width=32))
def test_the_score_of_a_label_reaches_its_threshold(threshold: float, second: float) -> None:
    row = np.array([[1 - np.float32(second), second]], np.float32)
    label = int(choose(row, threshold)[0])
    needed = thresholds_of(threshold, 2)[label]
    assert needed is not None
    assert row[0, label] >= needed


def test_predictions() -> None:
    model = pocketrnn.load(MOVED)
    good, bad, unknown = model.predict(TEXTS)
    assert (good.label, bad.label, unknown.label) == ("ok", "ok", None)
    assert good.score < 0.1
    assert good.threshold == bad.threshold == pytest.approx(0.01)
    assert f"'ok' {good.score:.4f} (needs 0.0100)," in repr(good)
    assert "<td>0.0" in model.predict(TEXTS)._repr_html_()
    assert "(needs 0.0100)" in model.predict(TEXTS)._repr_html_()
    assert model.explain("good").threshold == good.threshold
    assert model.explain("good", label="fraud").threshold is None
    assert model.predict("good", labels=["ok"]).threshold is None
    assert pocketrnn.load(tinyonnx.tiny()).predict("good").threshold == 0.5
    assert pocketrnn.load(tinyonnx.tiny(("a", "b", "c"))).predict("good").threshold is None


def test_what_commands_print(moved: str, tiny_path: Path, tmp_path: Path, capsys: Capture) -> None:
    for command in ("predict", "explain"):
        assert main([command, "--model", moved, "good"]) == 0
        assert "ok" in (line := capsys.readouterr().out.splitlines()[0])
        assert " (needs 0.0100)  good" in line
        assert main([command, "--model", str(tiny_path), "good"]) == 0
        assert "needs" not in capsys.readouterr().out
    assert main(["predict", "--json", "--model", moved, "good"]) == 0
    assert json.loads(capsys.readouterr().out)["threshold"] == pytest.approx(0.01)
    table = tmp_path / "in.csv"
    table.write_text("text,label\ngood,fraud\nbad,ok\n")
    page = tmp_path / "page.html"
    assert main(["evaluate", str(table), "--model", moved, "--html", str(page)]) == 0
    said = "is the threshold: fraud is given where its probability is over it"
    assert f"  0.9900  {said}" in capsys.readouterr().out
    assert said in page.read_text("utf-8")
    assert main(["evaluate", str(table), "--model", moved, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["threshold"] == pytest.approx(0.99)


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_files(extension: str, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / f"out.{extension}"
    source.write_text("\n".join(TEXTS))
    pocketrnn.score_file(source, output, model=MOVED)
    with output.open() as file:
        lines = list(csv.DictReader(file)) if extension == "csv" else list(map(json.loads, file))
    assert list(lines[0]) == ["text", "label", "score", "threshold"]
    model = pocketrnn.load(MOVED)
    rows = list(pocketrnn.score_rows(source, model=MOVED))
    for line, row, prediction in zip(lines, rows, model.predict(TEXTS), strict=True):
        assert (line["label"] or None) == row.label == prediction.label
        for name in ("score", "threshold"):
            assert getattr(row, name) == getattr(prediction, name) == np.float32(line[name])
    pocketrnn.score_file(source, tmp_path / "plain.csv", model=tinyonnx.tiny())
    assert (tmp_path / "plain.csv").read_text().startswith("text,label,score\n")
