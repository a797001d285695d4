"""`pocketrnn verify`: a good file passes, and each way of being bad fails its own check."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pocketrnn
import pytest
import tinyonnx
from pocketrnn import errors, modelfile
from pocketrnn.cli import main
from pocketrnn.modelfile import Vector
from pocketrnn.verifying import NAMES, TOLERANCE
from tinyonnx import field, node, resealed

CONFIG = tinyonnx.config()
GRAPH = tinyonnx.graph(tinyonnx.weights(CONFIG))
METADATA = tinyonnx.metadata(GRAPH, CONFIG)
TEXTS = ("", "the good film", "bad \ud800 \0 naïve")
Capture = pytest.CaptureFixture[str]


def with_vectors(shift: float = 0.0) -> bytes:
    """Return a file with vectors whose scores are `shift` away from the model's."""
    scores = pocketrnn.load(tinyonnx.tiny()).scores(TEXTS).astype(float) + shift
    vectors = [
        {"text": text, "scores": row.tolist()} for text, row in zip(TEXTS, scores, strict=True)
    ]
    return resealed(GRAPH, METADATA, vectors=json.dumps(vectors))


GOOD = with_vectors()


def statuses(data: bytes) -> dict[str, bool | None]:
    return {check.name: check.ok for check in pocketrnn.verify(data).checks}


def test_a_good_file() -> None:
    found = pocketrnn.verify(GOOD)
    assert found.ok
    assert [(check.name, check.ok) for check in found.checks] == [(name, True) for name in NAMES]
    assert found.bytes == len(GOOD)
    assert found.sha256 == pocketrnn.load(GOOD).sha256
    assert found.difference is not None
    assert found.difference < 1e-6
    assert json.loads(json.dumps(found.to_dict()))["ok"] is True


def test_a_file_without_vectors_is_not_tested() -> None:
    found = pocketrnn.verify(tinyonnx.tiny())
    assert found.ok
    assert found.difference is None
    assert statuses(tinyonnx.tiny())["self-test"] is None


@pytest.mark.parametrize(("shift", "ok"), [(5e-6, True), (2e-5, False), (0.5, False)])
def test_scores_that_differ(shift: float, ok: bool) -> None:
    found = pocketrnn.verify(with_vectors(shift))
    assert (found.ok, found.checks[-1].ok) == (ok, ok)
    assert found.difference == pytest.approx(shift, rel=0.1)
    assert found.checks[-1].detail.endswith(f"(allowed: {TOLERANCE:.0e})")


def test_scores_that_are_not_numbers() -> None:
    table = np.full_like(tinyonnx.weights(CONFIG), np.nan)
    vectors = json.dumps([{"text": "good", "scores": [0.25, 0.75]}])
    data = resealed(tinyonnx.graph(table), METADATA, vectors=vectors)
    assert statuses(data)["self-test"] is False


FOREIGN = field(1, node("FusedMatMul", ["table", "table"], ["x"]) + field(7, "com.microsoft"))
BAD = {
    "not a model": (b"%PDF", "intact"),
    "altered": (GOOD.replace(b"good", b"goof", 1), "intact"),
    "vectors altered": (GOOD.replace(b"the good film", b"the good fulm"), "intact"),
    "other vocabulary": (resealed(GRAPH, METADATA, vocabulary="a b"), "belongs together"),
    "external data": (
        resealed(GRAPH + field(5, tinyonnx.external_tensor("e")), METADATA),
        "self-contained",
    ),
    "operators of its own": (resealed(GRAPH + FOREIGN, METADATA), "self-contained"),
    "an operator that isn't run": (
        resealed(GRAPH + field(1, node("NoSuchOperator", ["ids"], ["x"])), METADATA),
        "self-contained",
    ),
    "a graph that can't run": (
        resealed(GRAPH + field(1, node("Identity", ["ids", "ids"], ["x"])), METADATA),
        "self-test",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_fails_its_check(name: str, tmp_path: Path, capsys: Capture) -> None:
    data, check = BAD[name]
    assert statuses(data)[check] is False
    path = tmp_path / "bad.onnx"
    path.write_bytes(data)
    assert main(["verify", str(path)]) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]
    assert any(check in line for line in failed)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ("{}", "aren't a list"),
        ("[1]", "Vector must be an object"),
        ('[{"text": "a"}]', "missing setting in Vector: scores"),
        ('[{"text": 1, "scores": [0.5, 0.5]}]', "text must be str"),
        ('[{"text": "a", "scores": [0.5]}]', "a vector needs 2 scores"),
        ('[{"text": "a", "scores": [NaN, 0.5]}]', "a vector needs 2 scores"),
        ('[{"text": "a", "scores": "0.5"}]', "scores must be"),
        ('[{"text": "a", "scores": [0.5, "b"]}]', "scores must be"),
        ("[", "isn't JSON"),
        ("[" * 100_000, "altered"),
    ],
)
def test_vectors_that_are_none(vectors: str, message: str) -> None:
    with pytest.raises(errors.CorruptModelError, match=message):
        modelfile.read(resealed(GRAPH, METADATA, vectors=vectors))


def test_vectors_travel() -> None:
    vectors = (Vector("é", (0.25, 0.75)), Vector("", (1.0, 0.0)))
    metadata = modelfile.to_metadata(
        GRAPH, CONFIG, pocketrnn.Tokenizer(CONFIG.text, tinyonnx.WORDS), {}, vectors
    )
    assert modelfile.read(tinyonnx.model(GRAPH, metadata)).vectors == vectors


# -- the command -------------------------------------------------------------------------------


def test_command(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "good.onnx"
    path.write_bytes(GOOD)
    assert main(["verify", str(path)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line[:6].strip() for line in lines] == ["OK"] * 4
    assert "3 texts, largest difference" in lines[3]
    assert "opset 15" in lines[2]
    assert err == ""


def test_command_as_json(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(with_vectors(0.25))
    assert main(["verify", "--json", str(path)]) == 1
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["difference"] == pytest.approx(0.25, rel=1e-3)
    assert [check["ok"] for check in found["checks"]] == [True, True, True, False]


def test_command_without_a_file(tmp_path: Path, capsys: Capture) -> None:
    assert main(["verify", str(tmp_path / "gone.onnx")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"pocketrnn: {tmp_path}/gone.onnx: can't read the model file")


def test_the_bundled_model(capsys: Capture) -> None:
    if not pocketrnn.classify.model.BUNDLED.exists():
        pytest.skip("no bundled model in this checkout")
    assert main(["verify"]) == 0
    assert "FAILED" not in capsys.readouterr().out
