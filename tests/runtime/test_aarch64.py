"""The bundled model on 64-bit ARM, in qemu's user mode: an ARM Python from Debian's packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pocketrnn
from pocketrnn.loading import BUNDLED

TEXTS = ["A warm, funny film.", "Dull.", "", *("the film was good, not bad " * n for n in (9, 99))]
TOOLS = ("qemu-aarch64-static", "apt-get", "dpkg")
# Debian 12's Python; the newest of both that has been seen to run in qemu: onnxruntime 1.28 and
# later crash there when they are imported.
PYTHON = "3.11"
PACKAGES = ["onnxruntime==1.24.4", "numpy==2.3.5", "flatbuffers", "packaging", "protobuf", "tqdm"]
CODE = """
import json, platform, sys
import pocketrnn
print(json.dumps([platform.machine(), pocketrnn.load().scores(json.loads(sys.argv[1])).tolist()]))
"""


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, str]]:
    """The command and environment of a Python for ARM that has pocketrnn's dependencies."""
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        pytest.skip(f"needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("arm")
    root, site = folder / "root", folder / "site"
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    # A state of apt's own in this folder, as if nothing were installed.
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    download = ["install", "--yes", "--download-only", "python3", "libstdc++6"]
    if any(subprocess.run([*apt, *words]).returncode for words in (["update"], download)):
        pytest.skip("no packages of Debian for ARM here")
    for package in (folder / "archives").glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True)
    python = root / "usr" / "bin" / f"python{PYTHON}"
    if not python.exists():
        pytest.skip(f"this Debian has no Python {PYTHON}")
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in (17, 27, 28)]
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", f"--target={site}"]
    command += ["--only-binary=:all:", f"--python-version={PYTHON}", *platforms, *PACKAGES]
    subprocess.run(command, check=True)
    runtime = Path(pocketrnn.__file__).parents[1]
    path = os.pathsep.join([str(site), str(runtime)])
    environment = {**os.environ, "PYTHONHOME": str(root / "usr"), "PYTHONPATH": path}
    return ["qemu-aarch64-static", "-L", str(root), str(python)], environment


@pytest.mark.slow
@pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")
def test_the_same_scores(arm: tuple[list[str], dict[str, str]]) -> None:
    python, environment = arm
    command = [*python, "-c", CODE, json.dumps(TEXTS)]
    printed = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    machine, scores = json.loads(printed)
    assert machine == "aarch64"
    difference = np.abs(np.array(scores) - pocketrnn.load().scores(TEXTS)).max()
    print(f"\nlargest difference {difference:.1e}")
    assert difference < 1e-5


@pytest.mark.slow
def test_verify(arm: tuple[list[str], dict[str, str]], tiny_path: Path) -> None:
    python, environment = arm
    model = str(BUNDLED if BUNDLED.exists() else tiny_path)
    done = subprocess.run(
        [*python, "-m", "pocketrnn", "verify", model],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
