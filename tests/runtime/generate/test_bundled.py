"""The bundled names model, and the texts of the specification."""

import json
from pathlib import Path

import numpy as np
import pytest

import pocketrnn
from pocketrnn.cli import main
from pocketrnn.errors import ConfigError
from pocketrnn.generate.model import Generator
from pocketrnn.generate.sampling import uniform

STORED = json.loads((Path(__file__).parents[2] / "data" / "texts.json").read_text("utf-8"))
NAMES = Generator.load(pocketrnn.bundled("names"))


def test_draws_are_those_of_the_specification() -> None:
    for case in STORED["draws"]:
        draws = uniform(int(case["seed"]), np.array([case["text"]]), 0, len(case["draws"]))
        assert draws[0].tolist() == case["draws"]


def test_texts_are_those_of_the_specification() -> None:
    for case in STORED["texts"]:
        made = NAMES.generate(
            case["prompt"], n=case["n"], seed=int(case["seed"]), **case["options"]
        )
        assert made == case["texts"]


def test_it_is_what_it_says() -> None:
    assert len(NAMES.data) <= 120_000
    assert NAMES.card["figures"]["validation"]["loss"] <= 2.0
    assert "intended_use" in NAMES.card
    assert pocketrnn.verify(pocketrnn.bundled("names")).ok
    usual, odd = NAMES.bits(["elizabeth", "xqzjwv"])
    assert usual < NAMES.card["figures"]["validation"]["bits"] < odd
    assert "maria" in NAMES.suggest("mari", n=5)
    with pytest.raises(ConfigError, match="there is: everyday, names"):
        pocketrnn.bundled("cities")


def test_the_bundled_classifier_has_a_name_too() -> None:
    assert pocketrnn.load("everyday").sha256 == pocketrnn.load().sha256


def test_ten_thousand_names_at_once() -> None:
    names = NAMES.generate(n=10_000, seed=3)
    assert len(names) == 10_000
    assert len(set(names)) > 5_000
    assert names[:300] == NAMES.generate(n=300, seed=3)


def test_the_shell_knows_it_by_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = NAMES.generate(seed=1)
    for arguments in (["generate"], ["generate", "--model", "names"]):
        assert main([*arguments, "--seed", "1"]) == 0
        assert capsys.readouterr().out == f"{expected}\n"
    assert main(["verify", "names"]) == 0
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names").write_bytes(b"a file of one's own comes first")
    assert main(["generate", "--model", "names"]) == 1
    assert "names: not an ONNX model" in capsys.readouterr().err
