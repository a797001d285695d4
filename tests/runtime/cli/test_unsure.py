"""`pocketrnn predict --unsure`; what a band means is in ../classify/test_unsure.py."""

import json
from pathlib import Path

import pytest

from pocketrnn.cli import main


def test_command(tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["predict", "--model", str(tiny_path), "a good film", "--unsure"]
    assert main([*arguments, "0", "1"]) == 0
    assert capsys.readouterr().out.startswith("unsure ")
    assert main([*arguments, "0", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] is None
    assert main([*arguments, "0.6", "0.4"]) == 2
    assert "unsure must be two numbers" in capsys.readouterr().err
