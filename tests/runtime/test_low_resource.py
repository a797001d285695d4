"""Under hard limits: little memory, one core, nothing to write to, no network; and at rest."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pocketrnn
import tinyonnx
from pocketrnn.loading import BUNDLED
from tables import write_numbered

resource = pytest.importorskip("resource")

TEXT = "A warm, funny film."
ROWS = 3000
ROOM = 160_000_000  # bytes of address space beyond those of a bare import of onnxruntime

PEAK = """
import re, sys
{imports}
print(re.search(r"VmPeak:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""

# Makes what follows run on one core and under a limit on address space.
LIMITED = """
import os, resource, runpy, sys
limit = int(sys.argv[1])
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.argv[1:] = sys.argv[2:]
runpy.run_module("pocketrnn", run_name="__main__", alter_sys=True)
"""

# Makes every file system read-only that the command could write to, and takes the network away.
READ_ONLY = """
set -e
for point in $(findmnt --noheadings --output TARGET --target "$HOME") /; do
    mount -o remount,ro,bind "$point"
done
! touch "$HOME/probe" 2>/dev/null
exec "$@"
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists() or not hasattr(os, "sched_setaffinity"),
    reason="needs Linux",
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with an empty HOME."""
    kept = {k: os.environ[k] for k in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if k in os.environ}
    home = str(tmp_path_factory.mktemp("home"))
    return {**kept, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


@pytest.fixture(scope="module")
def limit(environment: dict[str, str]) -> int:
    code = PEAK.format(imports="import onnxruntime")
    environment = {**environment, "ORT_DISABLE_TELEMETRY": "1"}
    output = subprocess.check_output([sys.executable, "-c", code], env=environment)
    return int(output) * 1024 + ROOM


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model, or a tiny one in a checkout without."""
    if BUNDLED.exists():
        return BUNDLED
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tinyonnx.tiny())
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = (f"{TEXT} " * (i % 120) + f"good {i}" for i in range(ROWS))
    return write_numbered(tmp_path_factory.mktemp("table") / "texts.csv", texts)


@pytest.fixture(scope="module", params=["limited", "limited, read-only, no network"])
def prefix(request: pytest.FixtureRequest, environment: dict[str, str]) -> list[str]:
    """The start of a command line that takes away what a small device hasn't got."""
    if request.param == "limited":
        return []
    if missing := [tool for tool in ("unshare", "findmnt") if not shutil.which(tool)]:
        pytest.skip(f"needs {' and '.join(missing)}")
    prefix = ["unshare", "--net", "--mount", "sh", "-c", READ_ONLY, "sh"]
    trial = subprocess.run([*prefix, "true"], env=environment, capture_output=True, text=True)
    if trial.returncode:
        pytest.skip(f"can't take things away here (not root?): {trial.stderr:.80}")
    return prefix


def limited(
    prefix: list[str], limit: int, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-c", LIMITED, str(limit), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")


def test_predict(
    prefix: list[str], limit: int, environment: dict[str, str], model_path: Path
) -> None:
    texts = [TEXT, 20 * f"{TEXT} "]  # of one window, and of several
    result = limited(
        prefix, limit, environment, "predict", "--json", "--model", str(model_path), *texts
    )
    assert (result.returncode, result.stderr) == (0, "")
    model = pocketrnn.load(model_path)
    expected = [{**model.predict(text).to_dict(), "text": text} for text in texts]
    assert list(map(json.loads, result.stdout.splitlines())) == expected
    assert list(Path(environment["HOME"]).iterdir()) == []


def test_score_a_file(
    prefix: list[str], limit: int, environment: dict[str, str], model_path: Path, table: Path
) -> None:
    result = limited(
        prefix, limit, environment, "score", str(table), "-o", "-", "--model", str(model_path)
    )
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [int(row["number"]) for row in rows] == list(range(ROWS))
    scores = pocketrnn.load(model_path).scores(row["text"] for row in rows[:50]).max(axis=1)
    assert [float(row["score"]) for row in rows[:50]] == pytest.approx(scores.tolist(), abs=1e-5)
    assert list(Path(environment["HOME"]).iterdir()) == []


SHORT = """
import resource, sys
import pocketrnn.classify.scoring
from pocketrnn.cli import main, score
pocketrnn.session.import_onnxruntime()
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 4_000_000, held + 4_000_000))
sys.exit(main(sys.argv[1:]))
"""


def test_memory_that_is_too_short_is_said(
    environment: dict[str, str], model_path: Path, table: Path
) -> None:
    arguments = ["score", str(table), "-o", "-", "--model", str(model_path)]
    result = subprocess.run(
        [sys.executable, "-c", SHORT, *arguments], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr.startswith("pocketrnn: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("kilobytes", [25_000, 60_000, 80_000, 130_000])
def test_memory_that_is_too_short_for_the_libraries_is_said(
    kilobytes: int, environment: dict[str, str]
) -> None:
    """What takes the memory are imports, on all cores that there are."""
    shell = ["sh", "-c", 'ulimit -v "$0" && exec "$@"', str(kilobytes)]
    result = subprocess.run(
        [*shell, sys.executable, "-m", "pocketrnn", "predict", TEXT],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout) == (1, "")
    # Onnxruntime may print that its own registration failed, before it raises.
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Schema error: ")]
    assert [line.partition(": ")[0] in ("pocketrnn", "OpenBLAS error") for line in lines] == [True]


# -- at rest ------------------------------------------------------------------------------------

IDLE = """
import sys, time
import pocketrnn
model = pocketrnn.load(sys.argv[1], threads=int(sys.argv[2]))
model.scores(["A warm, funny film. " * 40] * 200)
before = time.process_time()
time.sleep(10)
print(time.process_time() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_loaded_model_is_idle(
    threads: str, environment: dict[str, str], model_path: Path
) -> None:
    command = [sys.executable, "-c", IDLE, str(model_path), threads]
    seconds = float(subprocess.check_output(command, env=environment))
    print(f"\nthreads={threads}: {seconds * 1000:.1f} ms of CPU time in 10 s")
    assert seconds < 0.05
