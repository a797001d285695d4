"""How good forecasts are, beside naive ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.forecast import plot
from pocketrnn.forecast.model import Forecaster

Values = NDArray[np.float64]

LEVEL = 80
"""Of the interval whose coverage is reported, in %."""


def seasonal_naive(history: Values, season: int, horizon: int) -> Values:
    """Return the last season's values, each as long after as there are seasons between.

    An unknown one is the last known value of its place in the season, or of all.
    """
    known = history[np.isfinite(history)]
    pattern = np.full(season, known[-1])
    for place in range(season):
        same = history[len(history) - season + place :: -season]
        same = same[np.isfinite(same)]
        if len(same):
            pattern[place] = same[0]
    return np.resize(pattern, horizon)


def measured(
    served: Forecaster, histories: Sequence[Values], futures: Sequence[Values]
) -> tuple[dict[str, Any], NDArray[np.float32], Values]:
    """Return the figures of a forecaster and of naive forecasts; its quantiles; each MASE.

    MASE (Hyndman and Koehler, 2006) is the mean absolute error over that of the seasonal naive
    forecast in the history, sMAPE 200 |y - f| / (|y| + |f|), as in the M competitions, and
    pinball twice the mean pinball loss of all quantiles, over the scale of the MASE.
    """
    config = served.config
    season, horizon = config.season, config.horizon
    truth = np.stack([future[:horizon] for future in futures])
    quantiles = np.concatenate(
        [served.quantiles(history[None, -config.context :]) for history in histories]
    )
    steps = [np.abs(history[season:] - history[:-season]) for history in histories]
    scale = np.array([step[np.isfinite(step)].mean() if step.size else 0.0 for step in steps])
    scale[~(scale > 0)] = np.nan  # of constant series there is no such error
    last = np.array([history[np.isfinite(history)][-1] for history in histories])
    naive = np.stack([seasonal_naive(history, season, horizon) for history in histories])
    ends = [config.column(0.5 + sign * LEVEL / 200) for sign in (-1, 1)]
    low, high = (quantiles[:, :, end] for end in ends)
    known = np.isfinite(truth)
    network, each = _errors(quantiles, truth, scale, config.quantiles)
    network["coverage"] = float(np.mean(((truth >= low) & (truth <= high))[known]))
    figures = {
        "forecasts": len(truth),
        "network": network,
        "seasonal_naive": _errors(naive[:, :, None], truth, scale, config.quantiles)[0],
        "last_value": _errors(last[:, None, None], truth, scale, config.quantiles)[0],
    }
    return figures, quantiles, each


def _errors(
    quantiles: NDArray[Any], truth: Values, scale: Values, shares: Sequence[float]
) -> tuple[dict[str, Any], Values]:
    middle = quantiles[:, :, quantiles.shape[2] // 2].astype(np.float64)
    error = np.abs(truth - middle)
    size = np.abs(truth) + np.abs(middle)
    relative = np.where(size > 0, 200 * error / np.where(size > 0, size, 1), 0 * size)
    gap = truth[:, :, None] - quantiles
    pinball = 2 * np.maximum(np.array(shares) * gap, (np.array(shares) - 1) * gap).mean(axis=2)
    with np.errstate(all="ignore"):
        each = np.nanmean(error, axis=1) / scale
        found = {
            "mase": _mean(each),
            "smape": _mean(relative),
            "pinball": _mean(np.nanmean(pinball, axis=1) / scale),
        }
    return found, each


def _mean(values: Values) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else None


def verdict(figures: dict[str, Any]) -> str:
    """Return the line that a report begins with: whether the network is of any use."""
    ours, naive, last = (
        figures[name]["mase"] for name in ("network", "seasonal_naive", "last_value")
    )
    if ours is None:
        return "no series changes before its last horizon, so there is nothing to compare with"
    name, best = min((("seasonal naive", naive), ("last value", last)), key=lambda pair: pair[1])
    if best <= ours:
        return (
            f"a naive forecast is better: {name} has a MASE of {best:.3f}, the network {ours:.3f}"
        )
    return f"the network has a MASE of {ours:.3f}, the better naive forecast ({name}) {best:.3f}"


def draw(
    path: Path,
    histories: Sequence[Values],
    futures: Sequence[Values],
    quantiles: NDArray[np.float32],
    each: Values,
    names: Sequence[str],
    served: Forecaster,
) -> None:
    """Draw the best, the median and the worst series."""
    order = np.argsort(np.where(np.isfinite(each), each, np.inf))[: max(np.isfinite(each).sum(), 1)]
    picked = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    drawn = [
        (
            f"{what}: {names[row]}, MASE {each[row]:.2f}",
            histories[row],
            quantiles[row],
            futures[row][: served.config.horizon],
            (),
        )
        for what, row in picked.items()
    ]
    plot.draw(path, drawn, served.config, LEVEL)
