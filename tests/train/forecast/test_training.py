"""Training a forecaster: what is learnt, what is reported, and what is said of odd series."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecasters
import pocketrnn
from pocketrnn.errors import ConfigError, InputError, SeriesError
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn_export import export
from pocketrnn_train import backend
from pocketrnn_train.forecast import cli, figures, training, windows
from pocketrnn_train.forecast.config import RECIPES
from pocketrnn_train.forecast.corpus import SeriesCorpus, read_series
from pocketrnn_train.forecast.parts import Parts
from pocketrnn_train.forecast.synthetic import _KINDS, synthetic
from pocketrnn_train.forecast.training import fit
from pocketrnn_train.run import ForecasterRun, open_run

SMALL: dict[str, Any] = {
    "season": 4,
    "context": 12,
    "horizon": 3,
    "units": 4,
    "embedding": 4,
    "steps": 2,
    "epochs": 2,
    "batch_size": 8,
}
CONFIG = RECIPES["scratch"].with_settings(**SMALL)


def corpus(count: int = 12, length: int = 40, **more: Any) -> SeriesCorpus:
    rng = np.random.default_rng(0)
    season = np.array([1, 2, 4, 3.0])[np.arange(length) % 4]
    made = {f"s{i}": (i + 1) * season * np.exp(rng.normal(0, 0.1, length)) for i in range(count)}
    return SeriesCorpus.of({**made, **more})


# With series that mustn't stop a training; in the long ones, two horizons validate and two test.
CORPUS = corpus(
    length=60,
    constant=np.full(60, 7.0),
    outlier=np.where(np.arange(60) == 20, 1e30, 1.0),
    short=[1.0, 2.0],
)


def settings(**changes: Any) -> ForecasterConfig:
    return CONFIG.with_settings(**changes).forecaster(log=True)


@pytest.fixture(scope="module")
def lengths() -> list[int]:
    """Return how long the longest series was from which each epoch of `run` drew."""
    return []


@pytest.fixture(scope="module")
def shares() -> list[list[Any]]:
    """Return what each fit of the intervals' width in `run` was given, part by part."""
    return []


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], shares: list[list[Any]]
) -> ForecasterRun:
    draw, width = windows.windows, training._width

    def drawn(series: Any, *arguments: Any, **options: Any) -> Any:
        lengths.append(max(map(len, series)))
        return draw(series, *arguments, **options)

    def fitted(parts: Any) -> float:
        shares.append(list(parts))
        return width(parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "windows", drawn)
        patch.setattr(training, "_width", fitted)
        return fit(CONFIG, CORPUS, tmp_path_factory.mktemp("run") / "run")


def test_a_run_reports_beside_naive_forecasts(run: ForecasterRun) -> None:
    report = run.report
    test = report["test"]
    assert test["series"] == 14
    assert "short" in " ".join(report["notes"])
    assert set(test["network"]) == {"mase", "smape", "coverage", "pinball"}
    assert test["seasonal_naive"]["mase"] < test["last_value"]["mase"]
    assert report["verdict"].startswith(
        "a naive forecast is better"
        if test["network"]["mase"] > test["seasonal_naive"]["mase"]
        else "the network has a MASE"
    )
    assert report["started_from"] is None
    assert (run.folder / "series.png").read_bytes().startswith(b"\x89PNG")
    assert isinstance(open_run(run.folder), ForecasterRun)


def test_the_command_says_what_was_reached(
    run: ForecasterRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "fit", lambda *_, **options: run)
    cli.train(cli.parser().parse_args(["synthetic", "-o", str(tmp_path)]))
    verdict, *lines = capsys.readouterr().out.splitlines()
    assert verdict == run.report["verdict"]
    names = ["test, network", "test, seasonal naive", "test, last value"]
    assert [line.partition(":")[0] for line in lines] == names
    table = tmp_path / "in.csv"
    table.write_text("ds,y\n2024-01-01,1\n2024-02-01,3\n")
    cli.train(cli.parser().parse_args([str(table), "-o", str(tmp_path)]))
    taken, *_ = capsys.readouterr().out.splitlines()
    assert taken == "in.csv: 1 series, 2 values; frequency MS, horizon 18"


@pytest.mark.parametrize("is_made", [True, False])
def test_only_real_series_can_be_learnt_by_heart(
    is_made: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    def learn(run: Any, stages: Any, *_: Any, **options: Any) -> None:
        assert (stages[0].patience is None) == is_made
        raise Stop

    monkeypatch.setattr(training, "learn", learn)
    series = SeriesCorpus({}, "synthetic", synthetic=True) if is_made else corpus()
    with pytest.raises(Stop):
        fit(CONFIG, series, tmp_path / "run")


def test_tuning_draws_synthetic_series_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def draw(series: Any, config: Any, count: int, *_: Any, **options: Any) -> windows.Batch:
        drawn.append(count)
        return (np.zeros((count, 1), np.float32),) * 3

    def learn(run: Any, stages: Any, *_: Any, **options: Any) -> None:
        stages[0].batches(0)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "learn", learn)
    monkeypatch.setattr(windows, "windows", draw)
    config = RECIPES["default"].with_settings(horizon=12, steps=4, batch_size=10)
    months = SeriesCorpus.of({f"s{i}": np.arange(1.0, 100) for i in range(20)})
    with pytest.raises(KeyboardInterrupt):
        fit(config, months, tmp_path / "run")
    assert drawn == [28, 12]


def test_a_run_is_exported_and_served(run: ForecasterRun, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert export(run, path).difference <= 1e-5
    served = pocketrnn.load(path)
    assert served.config == run.settings
    assert served.config.log
    assert len(served.forecast(list(corpus().series["s0"])).median) == 3


def test_what_is_held_out_is_learnt_later(run: ForecasterRun, lengths: list[int]) -> None:
    assert lengths == [48, 48, 54, 60]  # two epochs, and one for each later stage
    assert len(run.history()) == 2


def test_intervals_are_fitted_to_both_held_out_parts(
    run: ForecasterRun, shares: list[list[Any]]
) -> None:
    validated, tested = shares[1]
    assert len(shares) == 2
    assert len(shares[0]) == 1  # what tests mustn't be known before the test
    np.testing.assert_array_equal(shares[0][0], validated)
    both = np.concatenate([validated, tested])
    assert len(tested) == len(validated) == len(both) / 2
    assert 0.3 < run.report["width"] < 3
    assert np.mean(both <= run.report["width"]) == pytest.approx(0.8, abs=1 / len(both))


def test_figures_are_those_of_the_forecasts() -> None:
    served = forecasters.load()
    whole = [np.array(forecasters.seasons(30, size)) for size in (1.0, 50.0)]
    histories, futures = ([one[part] for one in whole] for part in (slice(-5), slice(-5, None)))
    found, quantiles, each = figures.measured(served, histories, futures)
    errors = [
        np.abs(future - served.forecast(history).median).mean()
        / np.abs(history[4:] - history[:-4]).mean()
        for history, future in zip(histories, futures, strict=True)
    ]
    assert each == pytest.approx(errors, rel=1e-4)
    assert found["network"]["mase"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert quantiles.shape == (2, 5, 5)


def test_the_same_seed_gives_the_same_weights_resumed_or_not(
    run: ForecasterRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from pocketrnn_train import loop

    epoch = loop._epoch

    def interrupted(*arguments: Any) -> Any:
        if arguments[3] == 1:
            raise KeyboardInterrupt
        return epoch(*arguments)

    monkeypatch.setattr(loop, "_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(CONFIG, CORPUS, tmp_path / "run")
    monkeypatch.undo()
    assert "training on 14 series" in capsys.readouterr().out  # before TensorFlow starts
    again = fit(CONFIG, CORPUS, tmp_path / "run", resume=True)
    for one, other in zip(run.model().get_weights(), again.model().get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_odd_series_are_named_or_left_out() -> None:
    rng = np.random.default_rng(0)
    odd = {
        "short": [1.0, 2.0],
        "zeros": np.zeros(40),
        "constant": np.full(40, 7.0),
        "huge": np.full(40, 1e31),
        "outlier": np.where(np.arange(40) == 20, 1e30, rng.normal(size=40)),
        "negative": -np.arange(1.0, 41),
        "tiny": 1e-30 * rng.normal(size=40),
        "coarse": 1e9 + 20 * rng.normal(size=40),
        "holes": np.where(rng.random(40) < 0.5, np.nan, 5 + rng.normal(size=40)),
    }
    odd["ends unknown"] = np.array([*range(1, 41), np.nan, np.nan])
    usable = corpus(1, **odd).usable(4)
    assert len(usable.series["ends unknown"]) == 40
    assert set(odd) - set(usable.series) == {"short", "zeros", "huge", "coarse"}
    notes = " ".join(usable.notes)
    for name in ("short", "zeros", "constant", "huge", "outlier", "coarse"):
        assert name in notes
    drawn = windows.windows(
        list(usable.series.values()), settings(), 500, rng, short=0.3, holes=0.05
    )
    assert np.isfinite(drawn[1]).all()
    assert np.isfinite(drawn[2]).all()
    with pytest.raises(ConfigError, match="no series to learn from"):
        SeriesCorpus.of({"short": [1.0]}).usable(4)


def test_windows_never_look_ahead() -> None:
    series = [np.arange(1.0, 60.0)]
    config = settings(horizon=3)
    values, _, weights = windows.windows(
        series, config, 300, np.random.default_rng(0), short=0.0, holes=0.0
    )
    last = values[:, -1]
    assert np.array_equal(
        np.diff(values[np.isfinite(values).all(axis=1)]),
        np.ones((int(np.isfinite(values).all(axis=1).sum()), 11)),
    )
    assert last.min() == config.least_known
    assert last.max() <= 59 - 3
    assert (weights > 0).all()


def test_some_windows_have_the_least_that_is_read() -> None:
    config = RECIPES["scratch"].forecaster(log=True)
    values, _, _ = windows.windows(
        [np.arange(1.0, 200)], config, 5000, np.random.default_rng(0), short=0.5, holes=0.0
    )
    known = np.isfinite(values)
    share = (known.sum(axis=1) == config.least_known).mean()
    assert 0.08 < share < 0.14
    assert known.sum(axis=1).min() == config.least_known


def test_settings_are_not_chosen_by_what_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(seed: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backend, "start", stopped)
    for place, log in ((-1, True), (-4, False)):
        values = np.linspace(1, 2, 40)
        values[place] = -1
        path = tmp_path / str(place)
        with pytest.raises(KeyboardInterrupt):
            fit(CONFIG, corpus(odd=values), path)
        assert json.loads((path / "corpus.json").read_text())["settings"]["log"] == log


def test_series_too_short_for_the_horizon(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no series is long enough.* longest has 12\. Ask"):
        fit(CONFIG.with_settings(horizon=6), corpus(length=12), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_the_forecaster_will_refuse_is_not_judged() -> None:
    noise = np.random.default_rng(0).normal(size=40)
    known = (np.arange(40) < 27) | (np.arange(40) > 35)
    gap = np.where(known, 5 + noise, np.nan)
    coarse = np.where(np.arange(40) < 25, 5 + noise, 1e9 + 20 * noise)
    some = corpus(1, gap=gap, coarse=coarse)
    assert dict(Parts.of(some.series, settings()).horizons) == {"s0": 1}


def test_a_gap_or_other_series_leave_a_long_one_its_last_horizons() -> None:
    long = np.random.default_rng(0).normal(5, 1, 400)
    gap = long.copy()
    gap[-80:-40] = np.nan
    assert dict(Parts.of({"a": long, "gap": gap}, settings()).horizons) == {"a": 13, "gap": 1}
    # Each series counts the same; those too short to judge don't count.
    many = {f"short{i}": long[:8] for i in range(400)} | {"a": long, "b": long[:100]}
    assert dict(Parts.of(many, settings()).horizons) == {"a": 3, "b": 3}


def test_few_long_series_are_judged_by_several_horizons() -> None:
    values = np.arange(1.0, 101)
    values[85:91] = np.nan
    parts = Parts.of({"long": values, "full": np.arange(1.0, 101)}, settings())
    assert dict(parts.horizons) == {"long": 3, "full": 3}
    assert {key: len(one) for key, one in parts.without(2).items()} == {"long": 82, "full": 82}
    # Those in the gap tell nothing.
    for held, of_long, of_full in ((1, [85], [91, 88, 85]), (0, [100, 97, 94], [100, 97, 94])):
        names, found = parts.forecasts(held)
        assert [len(one) for one in found] == of_long + of_full
        assert names == ["long"] * len(of_long) + ["full"] * len(of_full)
    many = {str(i): values for i in range(300)}
    assert set(Parts.of(many, settings()).horizons.values()) == {1}


def test_series_of_one_name_are_refused() -> None:
    with pytest.raises(SeriesError, match="two series are called 1"):
        SeriesCorpus.of({1: [1.0], "1": [2.0]})  # type: ignore[dict-item]
    with pytest.raises(SeriesError, match="series 'a': "):
        SeriesCorpus.of({"a": ["x"]})


def test_masked_values_are_unknown() -> None:
    masked = np.ma.masked_equal([1.0, -999.0, 3.0], -999.0)
    read = SeriesCorpus.of({"masked": masked, "none": [1, None, 3]})
    for values in read.series.values():
        assert np.array_equal(values, [1, np.nan, 3], equal_nan=True)


def test_a_season_that_the_data_show_is_said() -> None:
    assert corpus().season_note(4, 12) is None
    assert "every 4 values" in str(corpus().season_note(1, 12))
    assert "season=4" in str(corpus().season_note(3, 12))
    walk = np.cumsum(np.random.default_rng(0).normal(size=100))
    assert SeriesCorpus.of({"walk": walk}).season_note(1, 12) is None


def test_naive_forecasts_and_figures() -> None:
    history = np.array([1, 2, 3, 4, 5, np.nan, 7, 8.0])
    assert figures.seasonal_naive(history, 4, 6).tolist() == [5, 2, 7, 8, 5, 2]
    verdict = {
        "network": {"mase": 2.0},
        "seasonal_naive": {"mase": 1.0},
        "last_value": {"mase": 3.0},
    }
    assert figures.verdict(verdict).startswith("a naive forecast is better: seasonal naive")


@pytest.mark.parametrize("season", [1, 4, 7, 12, 24])
def test_synthetic_series_are_of_many_kinds(season: int) -> None:
    made = synthetic(300, 90, season, np.random.default_rng(0))
    assert made.shape == (300, 90)
    assert np.isfinite(made).all()
    assert 0.5 < (made.min(axis=1) > 0).mean() < 1
    assert np.array_equal(made, synthetic(300, 90, season, np.random.default_rng(0)))


def test_some_synthetic_series_have_stormy_times() -> None:
    made = synthetic(900, 240, 12, np.random.default_rng(0))
    logs = np.log(made[(made > 0).all(axis=1)])
    moves = np.abs(np.diff(logs[:, 12:] - logs[:, :-12]))[:, :216]
    size = np.median(moves.reshape(len(logs), 9, 24), axis=2)
    assert 0.15 < (size.max(axis=1) > 2 * np.median(size, axis=1)).mean() < 0.3


def test_synthetic_hours_repeat_the_week() -> None:
    made = synthetic(300, 400, 24, np.random.default_rng(0))
    day, week = (np.abs(made[:, lag:] - made[:, :-lag]).mean(axis=1) for lag in (24, 168))
    assert (week < 0.8 * day).sum() > 30


def test_synthetic_days_have_holidays_and_days_on_which_shops_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def weeks() -> np.ndarray:
        return synthetic(600, 210, 7, np.random.default_rng(0)).reshape(600, 30, 7)

    def holidays(found: np.ndarray) -> float:
        """Return the share of series, of those with a clear season, whose highest day fell."""
        usual = np.median(found, axis=1)
        low, high = usual.min(axis=1)[:, None], usual.max(axis=1)[:, None]
        highest = np.take_along_axis(found, usual.argmax(axis=1)[:, None, None], axis=2)[:, :, 0]
        moves = np.median(np.abs(highest - high), axis=1)
        fell = (highest < low + 0.2 * (high - low)).sum(axis=1)
        return float(((fell > 0) & (fell < 6))[moves < 0.1 * (high - low)[:, 0]].mean())

    days = weeks()
    assert 0.05 < (days == 0).all(axis=1).any(axis=1).mean() < 0.2
    monkeypatch.setitem(_KINDS, 7, replace(_KINDS[7], holidays=0.0))
    assert holidays(days) > 0.25 > 0.05 > holidays(weeks())


def test_weeks_alone_of_those_without_a_season_repeat_the_year() -> None:
    def repeats(frequency: str) -> int:
        moves = np.diff(synthetic(300, 300, 1, np.random.default_rng(0), frequency))
        pairs = zip(moves[:, 52:], moves[:, :-52], strict=True)
        return sum(np.corrcoef(late, early)[0, 1] > 0.4 for late, early in pairs)

    assert repeats("W") > 10 > 2 > repeats("YS")


def test_tables_of_series(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-03-01,3\nb,2024-01-01,5\n")
    read = read_series([path], "MS")
    assert list(read.series) == ["a", "b"]
    assert np.array_equal(read.series["a"], [1, np.nan, 3], equal_nan=True)
    with pytest.raises(InputError, match=r"in\.csv, series 'a', line 2: .* say on_error=\"skip\""):
        read_series([path], "QE")
    path.write_text(path.read_text() + "".join(f"{name},2024-01-02,1\n" for name in "cdefg"))
    read = read_series([path], "MS", on_error="skip")
    assert list(read.series) == ["a", "b"]
    (note,) = read.notes
    assert note.startswith(
        f"5 series left out: {path}, series 'c', line 5: time stamp '2024-01-02'"
    )
    assert note.endswith("; and 2 more")
    with pytest.raises(ConfigError, match=r"no series to learn from; 5 series left out"):
        SeriesCorpus({}, "in.csv", notes=read.notes).usable(12)
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f'{{"unique_id": {name}, "ds": 1, "y": 1}}\n' for name in ("1", '"1"')))
    with pytest.raises(InputError, match="line 2: two series are called 1"):
        read_series([path], "MS")


@pytest.mark.parametrize(
    "wrong", [{"horizon": 0}, {"frequency": "x"}, {"season": 0}, {"short": 1.5}, {"context": 13}]
)
def test_settings_that_mean_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        CONFIG.with_settings(**wrong)


@pytest.mark.parametrize(
    ("settings", "horizon"),
    [
        ({"frequency": "h", "horizon": 24}, None),
        ({"frequency": "W", "horizon": 4}, None),
        ({"frequency": "ME", "horizon": 12}, 24),
        ({"frequency": "QS", "horizon": 8}, 8),
        ({"frequency": "MS", "horizon": 12, "weights": "int8"}, 24),
        ({"frequency": "YS", "horizon": 4}, None),
        ({"frequency": "D", "horizon": 4}, None),
        ({"frequency": "MS", "horizon": 25}, None),
        ({"frequency": "MS", "horizon": 12, "units": 32}, None),
        ({"frequency": "MS", "horizon": 12, "start": "scratch"}, None),
    ],
)
def test_training_goes_on_from_the_bundled_forecaster_that_fits(
    settings: dict[str, Any], horizon: int | None
) -> None:
    start = training._start(RECIPES["default"].with_settings(**settings))
    assert (None if start is None else start.config.horizon) == horizon


def test_recipes_differ_where_they_should() -> None:
    assert RECIPES["default"].task.start == "bundled"
    classic = RECIPES["classic"].forecaster(log=True)
    assert (classic.network.cell, classic.segment) == ("simple_rnn", 1)
    assert settings(season=None, context=None, frequency="h").context == 336
    assert settings(season=None, context=None, frequency="D").context == 84
