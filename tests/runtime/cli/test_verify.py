"""The command `pocketrnn verify`; what it checks is in ../test_verifying.py."""

import json
from pathlib import Path
from typing import Any

import pytest

import tinyonnx
from pocketrnn.cli import main
from pocketrnn.loading import BUNDLED

Capture = pytest.CaptureFixture[str]


def test_a_good_file(tiny_path: Path, capsys: Capture) -> None:
    assert main(["verify", str(tiny_path)]) == 0
    out, err = capsys.readouterr()
    assert [line[:6].strip() for line in out.splitlines()] == ["OK", "OK", "OK", "-"]
    assert err == ""


def test_a_bad_file(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(tinyonnx.tiny().replace(b"good", b"goof", 1))
    assert main(["verify", str(path)]) == 1
    (failed,) = [line for line in capsys.readouterr().out.splitlines() if "FAILED" in line]
    assert "intact" in failed
    assert main(["verify", "--json", str(path)]) == 1
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [check["ok"] for check in found["checks"]] == [False, None, None, None]


def test_no_file(tmp_path: Path, capsys: Capture) -> None:
    assert main(["verify", str(tmp_path / "gone.onnx")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pocketrnn: {tmp_path}/gone.onnx: can't read the model file")


@pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")
def test_the_bundled_model(capsys: Capture) -> None:
    assert main(["verify"]) == 0
    assert capsys.readouterr().out.count("OK") == 4
