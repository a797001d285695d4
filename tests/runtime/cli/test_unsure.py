"""`pocketrnn predict --unsure`; what a band means is in ../classify/test_unsure.py."""

import json
from pathlib import Path

import pytest

import tinyonnx
from pocketrnn.cli import main


def test_command(tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["predict", "--model", str(tiny_path), "a good film", "--unsure"]
    assert main([*arguments, "0", "1"]) == 0
    assert capsys.readouterr().out.startswith("unsure ")
    assert main([*arguments, "0", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] is None
    assert main([*arguments, "0.6", "0.4"]) == 2
    assert "unsure must be two numbers" in capsys.readouterr().err


def test_the_band_of_the_card(
    tiny_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(tinyonnx.tiny(card={"unsure": [0.0, 1.0]}))
    model = ["--model", str(path)]
    assert main(["predict", "good", "--unsure", *model]) == 0
    assert capsys.readouterr().out.startswith("unsure ")
    (tmp_path / "texts.txt").write_text("good\n")
    output = tmp_path / "out.jsonl"
    score = ["score", str(tmp_path / "texts.txt"), "-o", str(output), "--workers", "1"]
    assert main([*score, *model, "--unsure"]) == 0
    assert json.loads(output.read_text())["label"] is None
    assert main(["predict", "good", "--model", str(tiny_path), "--unsure"]) == 2
    assert "the model's card has no band" in capsys.readouterr().err
    for wrong in (["0.4"], ["good"], ["0", "0.5", "1"]):
        with pytest.raises(SystemExit):
            main(["predict", "--unsure", *wrong])
        assert "two numbers, LOW and HIGH, or none" in capsys.readouterr().err
