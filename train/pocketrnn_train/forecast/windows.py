"""What a forecaster learns from: windows of series, scaled as the network scales them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pocketrnn.forecast.file import ForecasterConfig

Series = Sequence[NDArray[np.float64]]
"""Values of each series, NaN where unknown."""

# Windows whose targets are so far from the seasonal naive forecast count for half; no target goes
# on beyond the other.
_FAR, _FARTHEST = 10.0, 1e6

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def windows(
    series: Series,
    config: ForecasterConfig,
    count: int,
    rng: np.random.Generator,
    *,
    short: float,
    holes: float,
) -> Batch:
    """Draw windows from everywhere: values, scaled targets, and the weight of each target.

    Each series has the same chance. A `short` share of the histories are cut short, some to the
    least that a forecaster reads; of the values of every third window, a share become `holes`.
    """
    flat = np.concatenate(series)
    lengths = np.array([len(one) for one in series])
    starts = np.cumsum(lengths) - lengths
    context, least = config.context, config.least_known
    rows = rng.choice(np.flatnonzero(lengths > least), count)
    length = lengths[rows]
    last = np.maximum(length - config.horizon, least)
    # Late windows more often: they have more before them, as the forecasts to come will have.
    split = last - (rng.random(count) ** 2 * (last - least + 1)).astype(int)

    def taken(first: NDArray[np.int64], width: int) -> NDArray[np.float64]:
        places = first[:, None] + np.arange(width)
        inside = (places >= 0) & (places < length[:, None])
        return np.where(inside, flat[np.where(inside, places + starts[rows, None], 0)], np.nan)

    values = taken(split - context, context)
    # A fifth of the short ones have the least, a season: with none before it to compare it with,
    # they are scaled in another way, which has to be learnt.
    few = np.maximum(rng.integers(least - (context - least) // 4, context + 1, count), least)
    kept = np.where(rng.random(count) < short, few, context)
    values[np.arange(context) < context - kept[:, None]] = np.nan
    values[(rng.random((count, 1)) < 1 / 3) & (rng.random(values.shape) < holes)] = np.nan
    return scaled(values, taken(split, config.horizon), config)


def scaled(
    values: NDArray[np.float64], future: NDArray[np.float64], config: ForecasterConfig
) -> Batch:
    """Return a batch: the values, what comes next as the network scales it, and its weights."""
    from .network import Scaled

    given: NDArray[np.float32] = values.astype(np.float32)
    layer = Scaled(config.season, config.log)
    read, counted, centre, scale, positive = (np.array(part) for part in layer(given))
    known = np.isfinite(future) & (counted.sum(axis=1, keepdims=True) > 0)
    target = future - centre
    if config.log:
        fits = positive & (future > 0)
        logs = np.log(np.where(fits, future, 1) / np.where(fits, centre, 1))
        target = np.where(positive, np.where(fits, logs, -_FARTHEST), target)
    target = np.clip(np.where(known, target / scale, 0), -_FARTHEST, _FARTHEST)
    # A window that moves far from the seasonal naive forecast, scaled by few values perhaps, would
    # else be all that a step learns from.
    naive = read[:, config.context - config.season + np.arange(config.horizon) % config.season]
    far = (known * np.abs(target - naive)).sum(axis=1, keepdims=True)
    far /= np.maximum(known.sum(axis=1, keepdims=True), 1)
    weights = known / (1 + far / _FAR)
    return given, target.astype(np.float32), weights.astype(np.float32)


def last(series: Series, config: ForecasterConfig) -> Batch:
    """Return a batch of the last horizon of each series, and what comes before it."""
    values = np.full((len(series), config.context), np.nan)
    for row, one in zip(values, series, strict=True):
        before = one[: -config.horizon][-config.context :]
        row[config.context - len(before) :] = before
    future = np.array([one[-config.horizon :] for one in series]).reshape(-1, config.horizon)
    return scaled(values, future, config)
