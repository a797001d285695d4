"""What pocketrnn takes on one core: time to import and load, memory, and what settings change.

`python benchmarks/footprint.py [MODEL]` prints Markdown; Linux only. Each figure is the median of
several fresh processes, bound to one core unless a row says otherwise.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version

RUNS = 5
WORDS = 230  # as long as a usual review

# After each step: CPU seconds since the start, then peak resident memory and address space in MB.
CHILD = """
import json, os, sys, time
began = time.process_time()
cores, threads, model_path, count, together, words = json.loads(sys.argv[1])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
report = {}

def step(name):
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    memory = [int(status[key].split()[0]) / 1024 for key in ("VmHWM", "VmPeak")]
    report[name] = [time.process_time() - began, *memory]

some = "the film was good and then it was bad but the end is a wonder of its own ".split()
text = " ".join(some[i % len(some)] for i in range(words))
step("Python's start")
import numpy
step("import numpy")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime
step("import onnxruntime")
import pocketrnn
step("import pocketrnn")
model = pocketrnn.load(model_path, threads=threads)
step("load")
model.predict(text)
step("first text")
if count:
    texts = [text] * count
    wall, cpu = time.perf_counter(), time.process_time()
    if together:
        model.scores(texts)
    else:
        for each in texts:
            model.predict(each)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    step("all")
    report["each"] = [wall / count, cpu / count]
print(json.dumps(report))
"""


def measure(
    cores: int = 1, threads: int = 1, count: int = 0, *, together: bool = False, **environment: str
) -> dict[str, list[float]]:
    """Return the medians of what fresh processes report."""
    model = sys.argv[1] if len(sys.argv) > 1 else None
    command = [sys.executable, "-c", CHILD]
    command.append(json.dumps([cores, threads, model, count, together, WORDS]))
    runs = []
    for _ in range(RUNS):
        output = subprocess.check_output(command, env={**os.environ, **environment})
        runs.append(json.loads(output))
    return {
        name: [statistics.median(values) for values in zip(*(r[name] for r in runs), strict=True)]
        for name in runs[0]
    }


def main() -> None:
    """Print the tables."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "onnxruntime"))
    print(f"{platform.machine()}, Python {platform.python_version()}, {packages}\n")
    print("| step               | CPU ms | resident MB | address space MB |")
    print("|--------------------|--------|-------------|------------------|")
    before = 0.0
    for name, (seconds, resident, space) in measure().items():
        ms = (seconds - before) * 1000
        print(f"| {name:18} | {ms:6.0f} | {resident:11.0f} | {space:16.0f} |")
        before = seconds
    print()
    print("| texts of 230 words               | ms each | CPU ms each | resident MB | address MB |")
    print("|----------------------------------|---------|-------------|-------------|------------|")
    one, many = {"count": 300}, {"count": 2000, "together": True}
    for name, arguments in {
        "one by one": one,
        "a list of 2,000": many,
        "one by one, 2 cores": {**one, "cores": 2},
        "one by one, 2 cores, threads=2": {**one, "cores": 2, "threads": 2},
        "a list of 2,000, 2 cores": {**many, "cores": 2},
        "a list, 2 cores, threads=2": {**many, "cores": 2, "threads": 2},
        "one by one, OPENBLAS_NUM_THREADS=1": {**one, "cores": 2, "OPENBLAS_NUM_THREADS": "1"},
    }.items():
        found = measure(**arguments)  # type: ignore[arg-type]
        each, cpu = found["each"]
        _, resident, space = found["all"]
        print(
            f"| {name:32} | {each * 1000:7.2f} | {cpu * 1000:11.2f} | {resident:11.0f} | "
            f"{space:10.0f} |"
        )


if __name__ == "__main__":
    main()
