"""The bundled model on the oldest onnxruntime that there is for a Python."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pocketrnn

REPOSITORY = Path(__file__).parents[2]
# The oldest that has a build for each Python. numpy 2 came after the first two, and what was
# compiled for numpy 1 can't use it.
OLDEST = {
    (3, 11): ("1.15.0", "numpy<2"),
    (3, 12): ("1.17.0", "numpy<2"),
    (3, 13): ("1.20.0", "numpy>=2.1"),
    (3, 14): ("1.24.1", "numpy>=2.3.2"),
}
TEXT = "A warm, funny film that I would gladly see again."


def test_the_oldest_is_what_the_package_asks_for() -> None:
    declared = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    assert re.search(r'"onnxruntime>=1\.15; python_version', declared)


@pytest.mark.parametrize("version", OLDEST)
def test_the_oldest_is_documented(version: tuple[int, int]) -> None:
    documented = (REPOSITORY / "docs" / "low-resource.md").read_text("utf-8")
    assert re.search(rf"\| {version[0]}\.{version[1]} +\| {OLDEST[version][0]} ", documented)


@pytest.mark.slow
@pytest.mark.parametrize("version", OLDEST, ids=lambda version: f"{version[0]}.{version[1]}")
def test_the_oldest_gives_the_same_score(version: tuple[int, int], tmp_path: Path) -> None:
    onnxruntime, numpy = OLDEST[version]
    name = f"python{version[0]}.{version[1]}"
    found = sys.executable if version == sys.version_info[:2] else shutil.which(name)
    if not found or subprocess.run([found, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no {name} here")
    subprocess.run([found, "-m", "venv", tmp_path], check=True)
    python = tmp_path / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    packages = [f"onnxruntime=={onnxruntime}", numpy, REPOSITORY]
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    code = (
        "import pocketrnn, onnxruntime, sys\n"
        f"assert onnxruntime.__version__ == {onnxruntime!r}\n"
        "model = pocketrnn.load()\n"
        "print(repr(model.scores(sys.argv[1:]).tolist()))\n"
    )
    texts = [TEXT, "", *(TEXT * n for n in range(1, 30))]
    printed = subprocess.run(
        [python, "-c", code, *texts], check=True, capture_output=True, text=True, cwd=tmp_path
    ).stdout
    # Kernels differ in the last bits between versions.
    np.testing.assert_allclose(eval(printed), pocketrnn.load().scores(texts), atol=1e-5)
