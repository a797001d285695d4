"""The bundled model on the oldest onnxruntime that pocketrnn says it supports."""

import re
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

import pocketrnn

REPOSITORY = Path(__file__).parents[2]
# numpy 2 came after it, and what was compiled for numpy 1 can't use it.
OLDEST = ["onnxruntime==1.15.0", "numpy<2"]
TEXT = "A warm, funny film that I would gladly see again."


def test_the_oldest_is_what_the_package_asks_for() -> None:
    declared = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    assert re.search(r'"onnxruntime>=1\.15; python_version', declared)


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="onnxruntime 1.15 has no build for it")
def test_the_oldest_gives_the_same_score(tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=True)
    python = tmp_path / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *OLDEST, REPOSITORY], check=True)
    code = (
        "import onnxruntime, pocketrnn, sys\n"
        "assert onnxruntime.__version__ == '1.15.0'\n"
        "model = pocketrnn.load()\n"
        "print(repr(model.scores(sys.argv[1:]).tolist()))\n"
    )
    texts = [TEXT, "", *(TEXT * n for n in range(1, 30))]
    printed = subprocess.run(
        [python, "-c", code, *texts], check=True, capture_output=True, text=True, cwd=tmp_path
    ).stdout
    # Kernels differ in the last bits between versions.
    np.testing.assert_allclose(eval(printed), pocketrnn.load().scores(texts), atol=1e-5)
