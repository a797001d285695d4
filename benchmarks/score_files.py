"""Measure `pocketrnn score` on synthetic reviews: rate, memory, scaling, and where time goes.

    python benchmarks/score_files.py --rows 1000000 --output benchmarks/score_files

writes `score_files.md` and `score_files.json`. The texts have the length of real reviews (about
230 words on average, log-normal) and words of the model's own vocabulary, by frequency. Every
run is a process of its own; the runs that are compared are interleaved, and medians compared.
A million rows take about 5 GB of disk for a while. Memory is read from /proc, so on Linux only.
"""

import argparse
import contextlib
import csv
import json
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import pocketrnn
from pocketrnn import Classifier

FORMATS = ("csv", "jsonl", "parquet")
_CHUNK = 10_000


def texts(rows: int) -> Iterator[list[str]]:
    """Yield `rows` texts in lists; the first ones are the same for any number of rows."""
    vocabulary = np.array(pocketrnn.load().tokenizer.vocabulary)
    chances = 1 / np.arange(1, len(vocabulary) + 1)
    random = np.random.default_rng(5)
    for start in range(0, rows, _CHUNK):
        lengths = np.clip(random.lognormal(np.log(190), 0.62, _CHUNK), 10, 2500).astype(int)
        drawn = vocabulary[
            random.choice(len(vocabulary), lengths.sum(), p=chances / chances.sum())
        ].tolist()
        ends = np.cumsum(lengths).tolist()
        found = []
        for end, length in zip(ends, lengths.tolist(), strict=True):
            words = drawn[end - length : end]
            # A sentence every twelve words or so, as delimiters and quotes cost a CSV reader.
            sentences = [" ".join(words[i : i + 12]) for i in range(0, length, 12)]
            found.append(", ".join(sentences) + '. "Really"!')
        yield found[: rows - start]


def write(path: Path, rows: int) -> None:
    """Write a file of `rows` rows in the format of its name."""
    numbered = ((i, chunk) for i, chunk in enumerate(texts(rows)))
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([("id", pa.int64()), ("text", pa.string()), ("stars", pa.int8())])
        with pq.ParquetWriter(path, schema) as parquet:
            for i, chunk in numbered:
                ids = range(i * _CHUNK, i * _CHUNK + len(chunk))
                columns = [pa.array(ids), pa.array(chunk), pa.array([5] * len(chunk), pa.int8())]
                parquet.write_table(pa.table(columns, schema=schema))
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.writer(file)
            writer.writerow(["id", "text", "stars"])
            for i, chunk in numbered:
                writer.writerows([i * _CHUNK + j, text, 5] for j, text in enumerate(chunk))
        else:
            for i, chunk in numbered:
                for j, text in enumerate(chunk):
                    row = {"id": i * _CHUNK + j, "text": text, "stars": 5}
                    file.write(json.dumps(row) + "\n")


def apart(body: Callable[..., Any], *arguments: Any) -> Any:
    """Call `body` in a process of its own and return what it returns."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(body, arguments)


def memory(pids: list[int]) -> dict[int, int]:
    """Return the most memory that each process had so far, in KB; without those that ended."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError, TypeError):
            status = Path(f"/proc/{pid}/status").read_text()
            found[pid] = int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]
    return found


def score(source: Path, workers: int) -> dict[str, float]:
    """Run the command on a file; return seconds, and MB of its process and of its largest child."""
    output = source.with_name("out" + source.suffix)
    command = [sys.executable, "-m", "pocketrnn", "score", str(source), "-o", str(output)]
    command += ["--text-column", "text", "--workers", str(workers), "--force"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    peaks: dict[int, int] = {}
    while process.poll() is None:
        with contextlib.suppress(OSError):
            peaks |= memory([process.pid, *map(int, children.read_text().split())])
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    output.unlink()
    own = peaks.pop(process.pid)
    print(f"{source.name}, {workers} workers: {seconds:.0f} s", file=sys.stderr)
    return {
        "seconds": seconds,
        "megabytes": own / 1e3,
        "megabytes of a child": max(peaks.values(), default=0) / 1e3,
    }


def share_outside(source: Path) -> float:
    """Return the share of one worker's time that isn't tokenizing or the network."""
    inside = 0.0
    read = Classifier.read

    def timed(model: Classifier, rows: Any) -> Any:
        nonlocal inside
        started = time.perf_counter()
        found = read(model, rows)
        inside += time.perf_counter() - started
        return found

    Classifier.read = timed  # type: ignore[method-assign]
    try:
        output = source.with_name("out" + source.suffix)
        started = time.perf_counter()
        pocketrnn.score_file(source, output, text_column="text", force=True)
        whole = time.perf_counter() - started
    finally:
        Classifier.read = read  # type: ignore[method-assign]
    output.unlink()
    return 1 - inside / whole


def measure(formats: list[str], rows: int, few: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Return all figures: `rows` rows for rate and memory, `few` for what is repeated."""
    cores = len(os.sched_getaffinity(0))
    figures: dict[str, Any] = {
        "rows": rows,
        "few": few,
        "cores": cores,
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "formats": {},
    }
    for kind in formats:
        small, large = folder / f"few.{kind}", folder / f"rows.{kind}"
        for path, count in ((small, few), (large, rows)):
            print(f"{kind}: writing {count:,} rows", file=sys.stderr)
            apart(write, path, count)
        short = score(small, 2)
        runs: dict[int, list[dict[str, float]]] = {1: [], 2: []}
        shares = []
        for _ in range(rounds):
            for workers, done in runs.items():
                done.append(score(large, workers))
            shares.append(apart(share_outside, small))
        ratios = [
            one["seconds"] / two["seconds"] for one, two in zip(runs[1], runs[2], strict=True)
        ]
        figures["formats"][kind] = found = {
            "GB": large.stat().st_size / 1e9,
            "rows per second, 1 worker": rows / statistics.median(r["seconds"] for r in runs[1]),
            "rows per second, 2 workers": rows / statistics.median(r["seconds"] for r in runs[2]),
            "2 workers against 1": statistics.median(ratios),
            "share outside": statistics.median(shares),
            "MB, few rows": short["megabytes"],
            "MB of a child, few rows": short["megabytes of a child"],
            "MB, all rows": max(r["megabytes"] for r in runs[2]),
            "MB of a child, all rows": max(r["megabytes of a child"] for r in runs[2]),
        }
        large.unlink()
        print(kind, found, file=sys.stderr)
    return figures


def table(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    rows, few = figures["rows"], figures["few"]
    lines = [
        f"{figures['cores']} cores ({figures['machine']}), Python {figures['python']}. Rates of "
        f"{rows:,} rows; peak memory with 2 workers, of the calling process and the other one; "
        f"the share outside tokenizing and the network, of {few:,} rows with one worker.",
        "",
        "| format | GB | rows/s, 1 worker | 2 workers | ratio "
        f"| MB at {few:,} rows | MB at {rows:,} rows | growth "
        "| outside tokenizing and network |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, found in figures["formats"].items():
        growth = found["MB, all rows"] / found["MB, few rows"] - 1
        few_mb, all_mb = (
            f"{found[f'MB, {size} rows']:.0f} + {found[f'MB of a child, {size} rows']:.0f}"
            for size in ("few", "all")
        )
        lines.append(
            f"| {kind} | {found['GB']:.2f} | {found['rows per second, 1 worker']:,.0f} "
            f"| {found['rows per second, 2 workers']:,.0f} "
            f"| {found['2 workers against 1']:.2f} × | {few_mb} | {all_mb} | {growth:+.1%} "
            f"| {found['share outside']:.0%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--output", type=Path, default=Path("score_files"), metavar="STEM")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            arguments.formats, arguments.rows, arguments.few, arguments.rounds, Path(folder)
        )
    Path(f"{arguments.output}.json").write_text(json.dumps(figures, indent=1) + "\n")
    Path(f"{arguments.output}.md").write_text(table(figures))
    print(table(figures))


if __name__ == "__main__":
    main()
