"""The sensor example says which values are unusual, in little memory."""

import subprocess
import sys
from pathlib import Path

import pytest

import forecasters

EXAMPLE = Path(__file__).parents[2] / "examples" / "sensor" / "watch.py"

LIMITED = """
import resource, runpy, sys
import pocketrnn.session
pocketrnn.session.import_onnxruntime()
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (held + 60_000_000,) * 2)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_a_spike_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(forecasters.tiny(horizon=1))
    values = [
        *map(str, forecasters.seasons(60)),
        "9999",
        "nothing",
        *map(str, forecasters.seasons(8)),
    ]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(EXAMPLE), str(tmp_path / "model.onnx")],
        input="\n".join(values) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert "61: 9999 is unusual" in done.stdout
