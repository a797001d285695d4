"""Compare pocketrnn with what a user could pick instead: the same reviews, one core, by turns.

    python benchmarks/compare.py --run models/classic -o benchmarks/results/classic

Needs `pip install -e '.[train,export]'`; peers that aren't installed are left out: add
`ai-edge-litert`, `fasttext-community` and `vaderSentiment` for all of them. Linux only.

First every peer is prepared, once (`peers.py`). Then each is measured in a process of its own
(`measure.py`), all pinned to one core, over several rounds: A B C, A B C, and so on, so that
whatever else the machine does falls on all alike. Figures are medians over the rounds; ratios
are medians of each round's ratio.
"""

import argparse
import compileall
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from packaging.requirements import Requirement
from peers import PEERS

import pocketrnn
from pocketrnn_train import Corpus, Run, read_corpus

HERE = Path(__file__).parent
LENGTHS = (10, 230, 500, 2000)  # words of a single text
_FRESH_STARTS = 3  # of peers on onnxruntime, a round: what is short is noisy

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
# Notes on standard error, and what onnxruntime sends home, are no part of the work.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "ORT_DISABLE_TELEMETRY": "1", "CUDA_VISIBLE_DEVICES": "-1"}


def main(argv: Sequence[str] | None = None) -> None:
    """Prepare, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--run", type=Path, required=True, help="a finished run of two labels")
    parser.add_argument("--data", help="aclImdb_v1.tar.gz (default: found as the tests find it)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reviews", type=int, default=2000, help="reviews scored in bulk")
    parser.add_argument(
        "--clock",
        choices=("wall", "processor"),
        default="wall",
        help="processor: what other programs make a process wait doesn't count",
    )
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--work", type=Path, help="keep what is prepared in this folder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder")
    arguments = parser.parse_args(argv)
    run, keys = Run(arguments.run), list(arguments.peers)
    left_out = [key for key in keys if not PEERS[key].available()]
    keys = [key for key in keys if key not in left_out]
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        corpus = read_corpus(arguments.data or archive())
        prepare(run, corpus, work, keys, arguments.reviews)
        raw = measure(work, keys, arguments.rounds, arguments.clock)
        results = summarise(raw, run, corpus, work, keys)
    results["clock"] = arguments.clock
    results["left out"] = [PEERS[key].name for key in left_out]
    write(results, arguments.output)


def archive() -> Path:
    """Return where the reviews are: in the folder POCKETRNN_DATA, or ../shared/data."""
    given = os.environ.get("POCKETRNN_DATA")
    folder = Path(given) if given else HERE.parents[1] / "shared" / "data"
    return folder / "aclImdb_v1.tar.gz"


# -- prepare -----------------------------------------------------------------------------------


def prepare(run: Run, corpus: Corpus, work: Path, keys: Sequence[str], reviews: int) -> None:
    """Write the texts and what the peers need; what is there from before stays."""
    work.mkdir(parents=True, exist_ok=True)
    test = corpus.test
    # Reviews lie sorted by label: a step through all of them takes of both.
    drawn = [test.texts[i] for i in np.linspace(0, len(test) - 1, reviews).astype(int)]
    words = [word for text in drawn for word in text.split()]
    alone = {
        n: [" ".join(words[i : i + n]) for i in range(0, min(len(words) - n, 50 * n) + 1, n)]
        for n in LENGTHS
    }
    for name, value in {
        "test": test.texts,
        "reviews": drawn,
        "alone": {n: texts or [" ".join(words)] for n, texts in alone.items()},
        "first": " ".join(words[:230]),
        "text": run.config.task.text.to_dict(),
    }.items():
        (work / f"{name}.json").write_text(json.dumps(value), "utf-8")
    for name in ("model.keras", "vocabulary.json"):
        (work / name).write_bytes((run.folder / name).read_bytes())
    # As pip does when it installs: no process has to compile what it imports.
    for folder in (HERE, Path(pocketrnn.__file__).parent):
        compileall.compile_dir(folder, quiet=1)
    for key in keys:
        print(f"preparing {PEERS[key].name}", file=sys.stderr, flush=True)
        PEERS[key].prepare(work, run, corpus.train)


# -- measure -----------------------------------------------------------------------------------


def measure(work: Path, keys: Sequence[str], rounds: int, clock: str) -> dict[str, Any]:
    """Run every measurement; return what each gave, a list over the rounds."""
    allowed = os.sched_getaffinity(0)
    for key in keys:
        if not (work / f"scores-{key}.npy").exists():
            _process("scores", key, work, clock)
    os.sched_setaffinity(0, {max(allowed)})  # the processes started from here on inherit it
    try:
        raw: dict[str, Any] = {"start": {}, "speed": {}, "parts": []}
        ours = {"pocketrnn"} & set(keys)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            # The short starts by turns among themselves, as their ratio is asked for.
            for key in [*ours, *(["bare"] if ours else [])] * _FRESH_STARTS:
                raw["start"].setdefault(key, []).append(_start(key, work, clock))
            for key in keys:
                if key not in ours:
                    raw["start"].setdefault(key, []).append(_start(key, work, clock))
                raw["speed"].setdefault(key, []).append(_process("speed", key, work, clock))
            if ours and "plain" in keys:
                raw["parts"].append(_process("parts", "pocketrnn", work, clock))
        return raw
    finally:
        os.sched_setaffinity(0, allowed)


def _start(key: str, work: Path, clock: str) -> dict[str, float]:
    started = time.monotonic() if clock == "wall" else 0.0
    found = _process("start", key, work, clock)
    return {"seconds": found["moment"] - started, "memory": found["memory"]}


def _process(mode: str, key: str, work: Path, clock: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, HERE / "measure.py", mode, key, work, clock],
        env=os.environ | _ONE_THREAD | _QUIET,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{mode} of {PEERS[key].name if key in PEERS else key}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# -- summarise ---------------------------------------------------------------------------------


def summarise(
    raw: dict[str, Any], run: Run, corpus: Corpus, work: Path, keys: Sequence[str]
) -> dict[str, Any]:
    """Return everything as plain JSON types: the table, the ratios, the machine, and the raw."""
    labels, threshold = corpus.test.labels, run.report.get("threshold", 0.5)
    found = {key: np.load(work / f"scores-{key}.npy") for key in keys}
    # Ours and the other runtimes' of the same network use the run's threshold; the rest 0.5.
    network = [key for key in keys if key not in ("linear-1", "linear-2", "fasttext", "vader")]
    limits = {key: threshold if key in network else 0.5 for key in keys}
    table = {
        key: {
            "name": PEERS[key].name,
            "accuracy": float(((found[key] > limits[key]) == labels).mean()),
            "batch": best_batch(raw["speed"][key]),
            "reviews a second": _median(raw["speed"][key], _bulk(raw["speed"][key])),
            "alone": {
                str(n): {
                    p: _median(raw["speed"][key], lambda r, n=n, p=p: r["alone"][str(n)][p])
                    for p in ("p50", "p99")
                }
                for n in LENGTHS
            },
            "start": _median(raw["start"][key], lambda r: r["seconds"]),
            "memory": _median(raw["speed"][key], lambda r: r["memory"]),
            "model bytes": PEERS[key].model_bytes(work),
            "environment bytes": environment_bytes(PEERS[key].packages),
        }
        for key in keys
    }
    return {
        "run": run.folder.name,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "reviews": len(json.loads((work / "reviews.json").read_text("utf-8"))),
        "rounds": len(raw["speed"][keys[0]]),
        "peers": table,
        "ratios": ratios(raw, table, found, threshold),
        "raw": raw,
    }


def best_batch(rounds: Sequence[dict[str, Any]]) -> str:
    """Return the batch size with which a peer was fastest."""
    return max(rounds[0]["bulk"], key=lambda batch: _median(rounds, lambda r: r["bulk"][batch]))


def _bulk(rounds: Sequence[dict[str, Any]]) -> Callable[[dict[str, Any]], float]:
    batch = best_batch(rounds)
    return lambda result: float(result["bulk"][batch])


def _median(rounds: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> float:
    return statistics.median(value(result) for result in rounds)


def ratios(
    raw: dict[str, Any],
    table: dict[str, Any],
    found: dict[str, NDArray[np.floating[Any]]],
    threshold: float,
) -> list[tuple[str, str, str]]:
    """Return what was promised: (figure, target, reached)."""
    if not {"pocketrnn", "keras-best", "plain-keras", "plain"} <= set(table):
        return []  # a part of the peers can't say
    speed, starts, rows = raw["speed"], raw["start"], list[tuple[str, str, str]]()

    def times(figure: str, target: str, values: Sequence[float]) -> None:
        rows.append((figure, target, f"{statistics.median(values):.3g} ×"))

    def bulk(key: str) -> list[float]:
        return [_bulk(speed[key])(result) for result in speed[key]]

    def alone(key: str, words: int) -> list[float]:
        return [result["alone"][str(words)]["p50"] for result in speed[key]]

    def over(a: Sequence[float], b: Sequence[float]) -> list[float]:
        return [x / y for x, y in zip(a, b, strict=True)]

    for key, target in (("keras-best", 6), ("keras-32", 15), ("plain-keras", 4.5)):
        if key in table:
            name = f"reviews in bulk: faster than {table[key]['name']}"
            times(name, f"≥ {target} ×", over(bulk("pocketrnn"), bulk(key)))

    parts = {name: [r[name] for r in raw["parts"]] for name in raw["parts"][0]}
    for kind, name, target in (
        ("full", "256 full-length reviews", 3),
        ("real", "real lengths", 5),
    ):
        times(
            f"network alone, {name}: faster than tf2onnx's graph",
            f"≥ {target} ×",
            over(parts[f"network {kind} plain"], parts[f"network {kind}"]),
        )
    full = 1e6 * statistics.median(parts["network full"]) / 256
    rows.append(
        (
            "network alone, a full-length review, many at a time (the recurrence in hand-written "
            "AVX-512 took 12 µs on another day; it isn't measured again here)",
            "≤ 36 µs",
            f"{full:.1f} µs",
        )
    )
    for key, target in (("plain-keras", 10), ("plain", 10), ("litert", 3), ("keras-best", 200)):
        if key in table:
            name = f"one review of 230 words: faster than {table[key]['name']}"
            times(name, f"≥ {target} ×", over(alone(key, 230), alone("pocketrnn", 230)))
    share = over(alone("pocketrnn", 10), alone("pocketrnn", 500))
    times("a text of 10 words, to one of 500", "≤ 0.1 ×", share)

    for value, unit in (("seconds", "×"), ("memory", "MB")):
        ours, bare = ([result[value] for result in starts[key]] for key in ("pocketrnn", "bare"))
        if unit == "×":
            times("process start to first score, to bare onnxruntime", "≤ 1.25 ×", over(ours, bare))
        else:
            more = statistics.median(a - b for a, b in zip(ours, bare, strict=True))
            rows.append(
                (
                    "peak memory to the first score, over bare onnxruntime",
                    "≤ 15 MB",
                    f"{more:.1f} MB",
                )
            )
    for kind, name, target in (("bulk", "in bulk", "≤ 0.5 ×"), ("one", "one text", "≤ 1 ×")):
        share = over(parts[f"tokenize {kind}"], parts[f"tokenize {kind} plain"])
        times(f"tokenizing {name}, to the plain way", target, share)

    size = table["pocketrnn"]["model bytes"] / 1e6
    rows.append(("model file, vocabulary inside", "≤ 0.75 MB", f"{size:.3f} MB"))
    a, b = found["pocketrnn"], found["keras-best"]
    changed = (a > np.float32(threshold)) != (b > np.float32(threshold))
    beyond = changed & (np.abs(b - threshold) > 1e-3)
    rows.append(
        (
            f"labels other than Keras's in {len(a):,} (beyond 1e-3 of the threshold)",
            "0",
            f"{beyond.sum()} ({changed.sum()} in all; largest difference "
            f"{np.abs(a - b).max():.1e})",
        )
    )
    return rows


def environment_bytes(packages: Sequence[str]) -> int | None:
    """Return the size of the installed packages with all they depend on; None if unknown."""
    pending, seen, total = list(packages), set[str](), 0
    while pending:
        name = pending.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            if name in packages:
                return None
            continue  # a requirement that the installer saw no need for
        files = [Path(str(found.locate_file(file))) for file in found.files or ()]
        if name == "pocketrnn":  # installed for editing, its files lie elsewhere
            files = list((HERE.parent / "runtime" / "pocketrnn").glob("*.*"))
        total += sum(file.stat().st_size for file in files if file.exists())
        requirements = (Requirement(line) for line in found.requires or ())
        pending += [
            requirement.name
            for requirement in requirements
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ]
    return total


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = {"python": platform.python_version()}
    for name in (
        *("pocketrnn", "numpy", "onnxruntime", "tensorflow", "keras", "tf2onnx", "scikit-learn"),
        *("ai-edge-litert", "fasttext-community", "vaderSentiment"),
    ):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "cores used": 1,
        "memory GB": round(memory),
        "system": platform.system() + " " + platform.release().split("-")[0],
        "versions": versions,
    }


# -- write -------------------------------------------------------------------------------------


def write(results: dict[str, Any], folder: Path) -> None:
    """Write results.json, results.md and chart.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (folder / "results.md").write_text(markdown(results), "utf-8")
    draw(results, folder / "chart.png")


def markdown(results: dict[str, Any]) -> str:
    """Return the tables, and what they were measured on."""
    here, peers = results["machine"], results["peers"]
    columns = [
        "",
        "accuracy",
        "reviews a second",
        *(f"{n:,} words: p50 / p99" for n in LENGTHS if n != 500),
        "start to first score",
        "peak memory",
        "model",
        "installed",
    ]
    lines = [
        f"# Benchmark of the run `{results['run']}`, {results['date']}",
        "",
        f"{here['processor']}, {here['cores']} cores of which one is used, {here['memory GB']} GB, "
        f"{here['system']}; " + ", ".join(f"{k} {v}" for k, v in here["versions"].items()) + ".",
        "",
        f"Raw text in, scores out. Accuracy on all test reviews; in bulk {results['reviews']:,} "
        "of them (fewer where a peer is slow), the best of three passes; medians over "
        f"{results['rounds']} round(s), each peer in processes of its own, by turns. "
        "How: `benchmarks/compare.py`.",
        *(
            [
                "",
                "Times are processor time, as other programs shared the machine: a moment in "
                "which one of them had the core isn't counted.",
            ]
            if results["clock"] == "processor"
            else []
        ),
        "",
        "| " + " | ".join(columns) + " |",
        "|---" + "|---:" * (len(columns) - 1) + "|",
    ]
    for key, row in peers.items():
        batch = f" ({row['batch']} at a time)" if key in ("keras-best", "keras-compiled") else ""
        installed = row["environment bytes"]
        cells = [
            f"**{row['name']}**" if key == "pocketrnn" else row["name"] + batch,
            f"{row['accuracy']:.2%}",
            f"{row['reviews a second']:,.0f}",
            *(
                f"{_time(row['alone'][str(n)]['p50'])} / {_time(row['alone'][str(n)]['p99'])}"
                for n in LENGTHS
                if n != 500
            ),
            f"{row['start']:.2f} s",
            f"{row['memory']:,.0f} MB",
            f"{row['model bytes'] / 1e6:,.2f} MB",
            "" if installed is None else f"{installed / 1e6:,.0f} MB",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    if results["left out"]:
        lines += ["", f"Not installed, so left out: {', '.join(results['left out'])}."]
    if results["ratios"]:
        lines += ["", "## What it must reach", "", "| figure | target | reached |"]
        lines += ["|---|---:|---:|"]
        lines += ["| " + " | ".join(row) + " |" for row in results["ratios"]]
    return "\n".join([*lines, "", "![chart](chart.png)", ""])


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw speed in bulk and for one review."""
    from matplotlib.figure import Figure

    rows = list(results["peers"].items())[::-1]
    names = [row["name"].replace("`", "") for _, row in rows]
    colours = ["tab:orange" if key == "pocketrnn" else "tab:gray" for key, _ in rows]
    panels = {
        "reviews a second, one core (more is better)": [r["reviews a second"] for _, r in rows],
        "ms for one review of 230 words (less is better)": [
            1e3 * r["alone"]["230"]["p50"] for _, r in rows
        ],
    }
    figure = Figure(figsize=(12, 0.4 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for panel, (title, values) in zip(axes, panels.items(), strict=True):
        bars = panel.barh(names, values, color=colours)
        panel.bar_label(bars, [f"{v:,.3g}" if v < 100 else f"{v:,.0f}" for v in values], padding=3)
        panel.set_xscale("log")
        panel.set_xmargin(0.15)
        panel.set_title(title, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
