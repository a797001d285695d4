"""How good and how fast forecasts are, beside what a user could pick instead.

    python benchmarks/forecast.py accuracy [--sets m3_monthly etth1] [--seeds 1 2 3] [-o FILE.md]
    taskset -c 0 python benchmarks/forecast.py speed [-o FILE.md]

Accuracy needs the series (the folder `series` of POCKETRNN_DATA, or of ../shared/data), and trains:
a minute a set and seed. All settings are those of the recipes; test parts are only measured. Speed
is in processor time of one thread; read the ratios. Both print Markdown.
"""

import argparse
import csv
import gzip
import io
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

# Before the libraries start their threads.
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

import pocketrnn  # noqa: E402
from pocketrnn.forecast.model import Forecaster  # noqa: E402
from pocketrnn.forecast.scoring import forecast_file  # noqa: E402

DATA = Path(os.environ.get("POCKETRNN_DATA", Path(__file__).parents[2] / "shared/data")) / "series"

# Frequency, values ahead, and the recipe.
SETS = {
    "m3_monthly": ("MS", 18, "default"),
    "tourism_monthly": ("MS", 24, "default"),
    "m4_hourly": ("h", 48, "scratch"),
    "m4_weekly": ("W", 13, "scratch"),
    "etth1": ("h", 96, "scratch"),
}
MONTH = 30 * 24


def series(name: str) -> dict[str, list[float]]:
    """Return the series of a set, the test parts at their ends."""
    found: dict[str, list[float]] = {}
    for part in ("train", "test"):
        with gzip.open(DATA / f"{name}-{part}.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["unique_id"], []).append(float(row["y"]))
    return found


def etth1() -> tuple[list[str], NDArray[np.float64]]:
    """Return the names of ETTh1's columns, and its values (hours, columns)."""
    with gzip.open(DATA / "ETTh1.csv.gz", "rt") as file:
        header, *rows = csv.reader(file)
    return header[1:], np.array([row[1:] for row in rows], float)


def trained(name: str, seed: int) -> tuple[dict[str, Any], Forecaster, float]:
    """Return the report of a training, its forecaster, and the seconds of processor time."""
    from pocketrnn_export import export
    from pocketrnn_train.forecast.config import RECIPES
    from pocketrnn_train.forecast.corpus import SeriesCorpus
    from pocketrnn_train.forecast.training import fit

    frequency, horizon, recipe = SETS[name]
    if name == "etth1":
        names, values = etth1()
        # Twelve months are learnt; the validation horizon follows them, and another one that is no
        # part of the test.
        columns = values[: 12 * MONTH + 2 * horizon].T
        corpus = SeriesCorpus.of(dict(zip(names, columns, strict=True)), name)
    else:
        corpus = SeriesCorpus.of(series(name), name)
    config = RECIPES[recipe].with_settings(frequency=frequency, horizon=horizon, seed=seed)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        started = time.process_time()
        run = fit(config, corpus, Path(folder, "run"))
        seconds = time.process_time() - started
        return run.report, Forecaster.load(export(run, Path(folder, "m.onnx")).data), seconds


def standardized_error(model: Forecaster) -> float:
    """Return the MSE over all windows of ETTh1's four test months, as papers give it."""
    horizon, context = model.config.horizon, model.config.context
    _, values = etth1()
    learnt = values[: 12 * MONTH]
    values = (values - learnt.mean(axis=0)) / learnt.std(axis=0)
    errors = []
    for column in values.T:
        windows = np.lib.stride_tricks.sliding_window_view(
            column[16 * MONTH - context : 20 * MONTH], context + horizon
        )
        middle = model.quantiles(windows[:, :context])[:, :, len(model.config.quantiles) // 2]
        errors.append(np.mean((middle - windows[:, context:]) ** 2))
    return float(np.mean(errors))


def zero_shot(name: str) -> str:
    """Return the MASE of the bundled monthly forecaster, which saw none of these series."""
    from pocketrnn_train.forecast.figures import measured

    model, horizon = Forecaster.load(pocketrnn.bundled("monthly")), SETS[name][1]
    found = [np.array(one) for one in series(name).values()]
    ahead = [
        np.pad(one[-horizon:], (0, model.config.horizon - horizon), constant_values=np.nan)
        for one in found
    ]
    figures, _, _ = measured(model, [one[:-horizon] for one in found], ahead)
    return f"{figures['network']['mase']:.3f} ({figures['network']['smape']:.2f})"


def accuracy(sets: list[str], seeds: list[int]) -> Iterator[str]:
    """Yield the lines of a table of the sets."""
    yield "| set | naive | zero-shot | trained, seeds | sMAPE | 80 % interval holds | seconds |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name in sets:
        runs = [trained(name, seed) for seed in seeds]
        tests = [report["test"] for report, _, _ in runs]
        if name == "etth1":
            shown = [
                "MSE " + ", ".join(f"{standardized_error(model):.4f}" for _, model, _ in runs),
                "–",
            ]
        else:
            shown = [
                ", ".join(f"{test['network'][key]:{form}}" for test in tests)
                for key, form in (("mase", ".4f"), ("smape", ".2f"))
            ]
        naive = f"{tests[0]['seasonal_naive']['mase']:.3f}"
        zero = zero_shot(name) if SETS[name][0] == "MS" else "–"
        held = ", ".join(f"{test['network']['coverage']:.3f}" for test in tests)
        seconds = ", ".join(f"{seconds:.0f}" for _, _, seconds in runs)
        yield f"| {name} | {naive} | {zero} | {' | '.join(shown)} | {held} | {seconds} |"


def seconds_of(call: Callable[[], object], rounds: int) -> float:
    """Return the least processor time of some calls."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        call()
        found.append(time.process_time() - started)
    return min(found)


def statsforecast(values: NDArray[np.float64], horizon: int) -> Iterator[tuple[str, float, int]]:
    """Yield what statsforecast takes, where it is installed."""
    with suppress(ImportError):
        from statsforecast import models

        for kind in ("AutoETS", "AutoTheta", "Theta", "SeasonalNaive"):
            model = getattr(models, kind)(season_length=12)
            model.forecast(values[0], horizon)  # compiles
            count = 5 if kind.startswith("Auto") else 100
            some = values[:count]
            took = seconds_of(lambda m=model, s=some: [m.forecast(v, horizon) for v in s], 1)
            yield f"statsforecast {kind}", took / count, 1


def speed() -> Iterator[str]:
    """Yield the lines of a table of the ways to forecast monthly series."""
    from pocketrnn_train.forecast.synthetic import synthetic

    started = time.process_time()
    model = Forecaster.load(pocketrnn.bundled("monthly"))
    values = synthetic(20_000, 100, 12, np.random.default_rng(0))
    one, horizon = values[0].tolist(), model.config.horizon
    started = time.process_time()
    Forecaster.load(pocketrnn.bundled("monthly")).forecast(one)
    loaded = time.process_time() - started
    ways = [
        (
            "**pocketrnn**, one series",
            seconds_of(lambda: [model.forecast(one) for _ in range(500)], 5) / 500,
            1,
        ),
        ("**pocketrnn**, an array", seconds_of(lambda: model.quantiles(values), 3), len(values)),
        ("**pocketrnn**, a list", seconds_of(lambda: model.forecast(list(values)), 3), len(values)),
        (
            "seasonal naive in NumPy, an array",
            seconds_of(lambda: np.tile(values[:, -12:], 2)[:, :horizon], 3),
            len(values),
        ),
        *statsforecast(values, horizon),
    ]
    yield "| way | ms a series | series a second |"
    yield "|---|---:|---:|"
    for name, seconds, count in ways:
        yield f"| {name} | {1000 * seconds / count:.4f} | {count / seconds:,.0f} |"
    yield ""
    yield f"From a file to the first forecast: {1000 * loaded:.0f} ms."
    for count in (10_000, 100_000):
        yield table_line(model, values, count)


def table_line(model: Forecaster, values: NDArray[np.float64], count: int) -> str:
    """Forecast a table of so many series, and return what that took."""
    stamps = [f"{2000 + i // 12}-{i % 12 + 1:02d}-01" for i in range(values.shape[1])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.csv")
        with path.open("w") as file:
            file.write("unique_id,ds,y\n")
            for i in range(count):
                row = values[i % len(values)].tolist()
                file.writelines(f"s{i},{s},{v:.4f}\n" for s, v in zip(stamps, row, strict=True))
        started = time.process_time()
        forecast_file(path, str(Path(folder, "out.csv")), model)
        took = time.process_time() - started
    rows, memory = count * len(stamps), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"A CSV of {count:,} series, {rows:,} rows: {took:.0f} s, {rows / took:,.0f} rows a "
        f"second; peak memory {memory / 1024:.0f} MB."
    )


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("accuracy", "speed"))
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    lines = speed() if arguments.what == "speed" else accuracy(arguments.sets, arguments.seeds)
    shown = []
    for line in lines:
        print(line, flush=True)
        shown.append(line)
    if arguments.output:
        arguments.output.write_text("\n".join(shown) + "\n")


if __name__ == "__main__":
    main()
