"""Load model files in a process of little memory and time."""

import json
import subprocess
import sys
from pathlib import Path

# Loads and runs each file of a folder, with 200 MB more address space than onnxruntime's import
# took, and prints each one's outcome. Python's own faults would show as another error's name.
CHILD = """
import faulthandler, json, os, resource, sys
import numpy as np
import pocketrnn.classify.model

faulthandler.dump_traceback_later(int(sys.argv[2]), exit=True)
pocketrnn.session.import_onnxruntime()
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 200_000_000,) * 2)
outcomes = {}
TEXTS = ["the good film", "w1 bad w2 " * 10, ""]
for name in sorted(os.listdir(sys.argv[1])):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        data = file.read()
    outcomes[name] = "refused"
    try:
        model = pocketrnn.load(data)
        outcomes[name] = "refused when run"
        alone = np.concatenate([model.scores(text) for text in TEXTS])
        for scores in (alone, model.scores(TEXTS)):
            assert scores.shape == (len(TEXTS), len(model.labels)), scores.shape
            assert ((scores >= 0) & (scores <= 1)).all(), scores
        outcomes[name] = "probabilities"
    except pocketrnn.errors.ModelFileError as error:
        assert str(error).startswith("model in memory: ") or outcomes[name] != "refused", error
    except BaseException as error:
        outcomes[name] = f"{type(error).__name__}: {error}"
print(json.dumps(outcomes))
"""


def outcomes(folder: Path, files: dict[str, bytes], seconds: int = 240) -> dict[str, str]:
    """Return what became of each file.

    That is `refused`, `refused when run`, `probabilities`, or a fault.
    """
    for name, data in files.items():
        (folder / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), str(seconds)],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    for name in files:
        (folder / name).unlink()
    assert done.returncode == 0, done.stderr[-2000:]
    # The last line: some versions of onnxruntime print what they can't load.
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == len(files)
    return found
