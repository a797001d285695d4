"""Series of our own making, so that a bundled forecaster has seen nobody's data.

What they are made of is usual: a level that moves in steps, a trend that is damped, a season that
evolves, noise that remembers; then shifts, outliers and counts. How large each is beside the others
is drawn anew for each series.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def synthetic(count: int, length: int, season: int, rng: np.random.Generator) -> Array:
    """Return series: float64 (count, length)."""

    def some(share: float) -> NDArray[np.bool_]:
        return rng.random(count) < share

    def amount(low: float, high: float, share: float = 1.0) -> Array:
        """Draw a factor for each series, on a logarithmic scale; 0 but for a share of them."""
        drawn: Array = np.exp(rng.uniform(np.log(low), np.log(high), count)) * some(share)
        return drawn

    def rare(every: int, share: float, size: float) -> Array:
        """Draw jumps, one in so many values, for a share of the series."""
        where = (rng.random((length, count)) * every < 1) & some(share)
        jumps: Array = where * rng.normal(size=(length, count)) * noise * size
        return jumps

    def draws() -> Array:
        """Draw from Student's t, of variance 1: tails are heavier in some series."""
        freedom = rng.choice([3.0, 4.0, 6.0, 1e3], count)
        drawn: Array = rng.standard_t(freedom, (length, count))
        drawn /= np.sqrt(freedom / (freedom - 2))
        return drawn

    noise = amount(0.005, 0.3)
    memory = rng.uniform(-0.3, 0.9, count) * some(0.5)
    # Steady series swing about their level; in the others the level is most of what moves.
    steady = some(0.4)
    moving = noise * np.where(steady, amount(0.03, 0.5, 0.7), amount(0.3, 8, 0.95))
    momentum = rng.uniform(0, 0.8, count) * some(0.5) * ~steady
    damping = np.where(some(0.5), rng.uniform(0.9, 1, count), rng.uniform(0.6, 0.95, count))
    either = np.maximum(noise, moving)
    turning = np.where(steady, noise * amount(0.005, 0.1, 0.3), either * amount(0.02, 0.5, 0.5))
    drift = rng.normal(size=count) * some(0.7) * either * amount(0.02, 0.5)

    size = noise * amount(0.3, 8, 0.8)
    # A few series hardly do anything but repeat their season.
    still = np.where(some(0.05), amount(1e-4, 0.1), 1)
    noise, moving, turning, drift = (each * still for each in (noise, moving, turning, drift))
    evolving = size * still * amount(0.01, 0.2, 0.6)
    waves = np.arange(1, season // 2 + 1)
    angle = 2 * np.pi * np.arange(season)[:, None] * waves / season
    sine, cosine = rng.normal(size=(2, count, len(waves))) * waves ** -rng.uniform(0, 2, (count, 1))
    pattern = np.sin(angle) @ sine.T + np.cos(angle) @ cosine.T
    peaks = rng.standard_t(3, (season, count)) * (rng.random((season, count)) < 0.2)
    pattern += 2 * peaks * some(0.4)
    pattern -= pattern.mean(axis=0)
    pattern *= size / np.maximum(pattern.std(axis=0), 1e-9)

    steps, shocks = draws() * moving + rare(100, 0.25, 6), draws() * noise
    turns, changes = rng.normal(size=(2, length, count)) * np.stack([turning, evolving])[:, None]
    slope, level, step, swing = turning * 3 * rng.normal(size=count), *np.zeros((3, count))
    series = np.empty((length, count))
    for i in range(length):
        slope = damping * slope + turns[i]
        step = momentum * step + steps[i]
        level = level + slope + drift + step
        swing = memory * swing + shocks[i]
        series[i] = level + pattern[i % season] + swing
        pattern[i % season] += changes[i]
    series += rare(70, 0.25, 8)
    series *= np.minimum(1, 3 / np.abs(series).max(axis=0))
    grown = np.exp(series)
    counts = rng.poisson(grown * amount(1, 100))
    kind = rng.random(count)
    added = series + rng.choice([0.0, 1.0, 3.0], count)
    return np.where(kind < 0.75, grown, np.where(kind < 0.92, added, counts)).T
