"""The JavaScript example, which shares no code with pocketrnn, gives the stored ids and scores."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import tinyonnx
from pocketrnn.loading import BUNDLED

REPOSITORY = Path(__file__).parents[2]
VECTORS = REPOSITORY / "tests" / "data" / "vectors.json"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its package installed."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("needs Node.js and npm")
    folder = tmp_path_factory.mktemp("javascript")
    for path in (REPOSITORY / "examples" / "javascript").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    installed = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True
    )
    if installed.returncode:
        pytest.skip(f"npm can't install: {installed.stderr[-200:]}")
    return folder


def node(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", "score.mjs", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)


@pytest.mark.parametrize(
    "vectors", [VECTORS, *sorted(VECTORS.parent.glob("models/*.json"))], ids=lambda path: path.stem
)
def test_vectors(vectors: Path, folder: Path) -> None:
    model = BUNDLED if vectors == VECTORS else vectors.with_suffix(".onnx")
    result = node(folder, str(model), "--check", str(vectors))
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["texts"] == len(json.loads(vectors.read_text())["vectors"])
    assert found["wrongIds"] == found["wrongLabels"] == 0
    assert found["largestDifference"] <= 1e-5


def test_labels(folder: Path) -> None:
    result = node(folder, str(BUNDLED), "A warm, funny film.", "What a boring waste of time.")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["positive", "negative"]


def test_a_moved_threshold_is_shown(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "moved.onnx"
    path.write_bytes(tinyonnx.tiny(("ok", "fraud"), threshold=0.99))
    result = node(folder, str(path), "good")
    assert result.stdout == "ok  0.0330 (needs 0.0100)  good\n", result.stderr


def test_a_wrong_vector_is_seen(folder: Path, tmp_path: Path) -> None:
    stored = json.loads(VECTORS.read_text())
    stored["vectors"][2]["scores"][0] += 1e-3
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(stored))
    assert node(folder, str(BUNDLED), "--check", str(path)).returncode == 1


def test_generator(folder: Path) -> None:
    """The same draws and texts as the specification's, which Python makes too."""
    texts = REPOSITORY / "tests" / "data" / "texts.json"
    command = ["node", "generate.mjs", str(BUNDLED.with_name("names.onnx")), "--check", str(texts)]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout) == {"texts": 14, "wrongDraws": 0, "wrongTexts": 0}
