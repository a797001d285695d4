"""The bundled forecasters: whole, small, and better than naive on a plain series."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

import pocketrnn
from pocketrnn.forecast.model import Forecaster

RUNS = Path(__file__).parents[3] / "models"
SEASONS = [("hourly", 24), ("daily", 7), ("weekly", 1), ("monthly", 12), ("quarterly", 4)]


@pytest.mark.parametrize(("name", "season"), SEASONS)
def test_a_bundled_forecaster(name: str, season: int) -> None:
    path = pocketrnn.bundled(name)
    assert pocketrnn.verify(path).ok
    model = Forecaster.load(path)
    assert model.config.season == season
    assert model.config == model.config.from_dict(
        json.loads((RUNS / name / "corpus.json").read_text())["settings"]
    )
    assert model.card["corpus"]["name"] == "synthetic"
    assert "train on your own" in model.card["intended_use"]
    horizon = model.config.horizon
    time = np.arange(model.config.context + horizon)
    noise = np.random.default_rng(0).normal(0, 0.05, (50, len(time)))
    series = np.exp(0.24 * time / horizon + np.sin(2 * np.pi * time / season) + noise)
    history, truth = series[:, :-horizon], series[:, -horizon:]
    found = np.stack([one.median for one in model.forecast(history)])
    naive = np.tile(history[:, -season:], horizon)[:, :horizon]
    assert np.abs(truth - found).mean() < 0.9 * np.abs(truth - naive).mean()


@pytest.mark.parametrize(("name", "season"), [each for each in SEASONS if each[1] > 1])
def test_of_a_single_season_it_cannot_be_sure(name: str, season: int) -> None:
    model, rng = pocketrnn.load(name), np.random.default_rng(0)
    horizon = model.config.horizon
    waves = np.sin(2 * np.pi * np.arange(season + horizon) / season + rng.uniform(0, 6, (200, 1)))
    series = 100 * np.exp(0.3 * waves + rng.normal(0, 0.05, waves.shape))
    history, truth = series[:, :season], series[:, season:]
    found = np.stack([(one.lower, one.median, one.upper) for one in model.forecast(history)], 1)
    naive = np.tile(history, horizon)[:, :horizon]
    assert np.abs(truth - found[1]).mean() < 2 * np.abs(truth - naive).mean()
    assert ((found[0] <= truth) & (truth <= found[2])).mean() > 0.95


@pytest.mark.parametrize(("name", "season"), SEASONS)
@pytest.mark.parametrize("first", [0, 1, 100])
def test_what_repeats_itself_goes_on(name: str, season: int, first: int) -> None:
    model = pocketrnn.load(name)
    forecast = model.forecast([float(first + i % season) for i in range(5 * season)])
    truth = first + np.arange(model.config.horizon) % season
    assert np.abs(forecast.median - truth).max() < 0.02 * season
    assert (forecast.lower <= truth + 0.001).all()
    assert (truth - 0.001 <= forecast.upper).all()
    assert (forecast.upper - forecast.lower).max() < 0.1 * season


def test_steady_growth_is_underestimated_as_the_documentation_says() -> None:
    model = pocketrnn.load("monthly")
    cases = (
        (1.05, 60, (0.03, 0.12), 1.0),
        (1.3, 60, (0.68, 0.90), 0.4),
        (1.05, 12, (0.29, 0.57), 0.6),
    )
    for growth, known, low, holds in cases:
        history, truth = np.split(growth ** np.arange(known + 24.0), [known])
        found = model.forecast(history)
        assert np.allclose(1 - (found.median / truth)[[11, 23]], low, atol=0.01)
        held = float(((found.lower <= truth) & (truth <= found.upper)).mean())
        assert abs(held - holds) < 0.1


def test_together_they_are_small() -> None:
    files = [pocketrnn.bundled(name).read_bytes() for name, _ in SEASONS]
    assert sum(len(zlib.compress(file)) for file in files) < 600_000  # as in the wheel


def test_small_changes_about_a_high_level_are_seen() -> None:
    model = pocketrnn.load("monthly")
    noise = np.random.default_rng(0).normal(size=120)
    found = [model.forecast(1000 + size * noise) for size in (1, 0.03)]
    wide, narrow = (one.upper - one.lower for one in found)
    assert np.allclose(narrow / 0.03, wide, rtol=0.1)
    spike = 1000 + 0.05 * noise
    spike[-1] = 1000.5
    assert model.flag(spike, last=1)[-1]


@pytest.mark.parametrize(
    ("name", "places", "least", "most"), [("hourly", 12, 0.35, 0.75), ("daily", 6, 0.72, 0.88)]
)
def test_of_shops_that_close_intervals_hold_what_the_documentation_says(
    name: str, places: int, least: float, most: float
) -> None:
    """Of the values while it is open: hours too few, days as many as they should."""
    model, rng = pocketrnn.load(name), np.random.default_rng(0)
    season, context, horizon = model.config.season, model.config.context, model.config.horizon
    place = np.arange(context + horizon) % season
    mean = 20 + 10 * np.sin(2 * np.pi * place / season)
    sold = rng.poisson(mean, (60, len(place))) * (place < places)
    history, truth = sold[:, :context].astype(float), sold[:, context:]
    found = np.stack([(one.lower, one.median, one.upper) for one in model.forecast(history)], 1)
    is_open = place[context:] < places
    holds = ((found[0] <= truth) & (truth <= found[2]))[:, is_open].mean()
    assert least < holds < most
    assert np.abs(found[1][:, ~is_open]).mean() < 1


def test_few_months_with_rare_sales_have_narrow_intervals_as_the_documentation_says() -> None:
    model, rng = pocketrnn.load("monthly"), np.random.default_rng(0)
    sold = (rng.random((300, 13)) < 0.4) * rng.integers(1, 4, (300, 13)).astype(float)
    found = model.forecast(list(sold[(sold > 0).sum(axis=1) > 1]), horizon=6)
    narrow = np.mean([np.median(one.upper - one.lower) < 0.3 for one in found])
    assert 0.2 < narrow < 0.45
