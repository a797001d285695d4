"""pocketrnn imported from a zip file, as zipapp and others make them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import pocketrnn
from pocketrnn.loading import BUNDLED
from tables import write_numbered

PACKAGE = Path(pocketrnn.__file__).parent
TEXT = "A warm, funny film."
MAIN = """
import sys
from pocketrnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
"""

pytestmark = pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "labels.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__main__.py", MAIN)
        for file in PACKAGE.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, Path("pocketrnn", file.relative_to(PACKAGE)))
    return path


def run(app: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # An empty folder first, so that no other pocketrnn is meant.
    environment = {**os.environ, "PYTHONPATH": str(app)}
    command = [sys.executable, str(app), *arguments]
    return subprocess.run(
        command, env=environment, cwd=app.parent, capture_output=True, encoding="utf-8"
    )


def test_predict(app: Path) -> None:
    done = run(app, "predict", TEXT)
    expected = pocketrnn.load().predict(TEXT)
    assert done.stdout.startswith(f"{expected.label}  {expected.score:.4f}  "), done.stderr


@pytest.mark.parametrize("command", ["info", "verify"])
def test_commands_that_read_the_file(command: str, app: Path) -> None:
    done = run(app, command)
    assert done.returncode == 0, done.stderr


def test_workers(app: Path) -> None:
    table = write_numbered(app.parent / "t.csv", [f"{TEXT} {i}" for i in range(5000)])
    done = run(app, "score", str(table), "-o", str(app.parent / "out.csv"), "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith("5,000 rows in ")


def test_a_zip_without_the_model(app: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.pyz"
    with zipfile.ZipFile(app) as whole, zipfile.ZipFile(bare, "w") as archive:
        for name in whole.namelist():
            if not name.endswith(".onnx"):
                archive.writestr(name, whole.read(name))
    done = run(bare, "predict", TEXT)
    assert done.returncode == 1
    assert "bundled model is missing" in done.stderr
    assert done.stderr.count("\n") == 1
