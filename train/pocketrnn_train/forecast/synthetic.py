"""Series of our own making, so that a bundled forecaster has seen nobody's data.

What they are made of is usual: a level that moves in steps, a trend that is damped, a season that
evolves, noise that remembers, times at which all moves more; then shifts, outliers and counts. How
large each is beside the others is drawn anew for each series. Hours, days and weeks have what comes
round more slowly as well: days of the week, weeks of the year, days that differ from one to the
next, and what drifts with the year. Days have holidays, and shops that are closed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Range = tuple[float, float]


@dataclass(frozen=True)
class _Kind:
    """What series of a season are like; ranges are of factors, drawn on a logarithmic scale."""

    noise: Range = (0.005, 0.3)
    """Its standard deviation."""
    steady: float = 0.4
    """Share of series that swing about their level."""
    memory: Range = (0.9, 0.5)
    """How much noise remembers at most, and the share of series in which it does."""
    moving: float = 1.0
    """Factor of the steps of the level."""
    turning: float = 1.0
    """Factor of trends."""
    sizes: Range = (0.3, 8.0)
    """Of the season, beside the noise."""
    seasonal: float = 0.8
    """Share of series that have one."""
    calm: float = 0.05
    """Share of series that hardly do anything but repeat their season."""
    rounds: int = 1
    """Seasons that come round again: days of a week, weeks of a year."""
    wandering: float = 0.0
    """Share of series whose seasons differ from one to the next."""
    stormy: float = 0.5
    """Share of series that move more at times, for seasons on end."""
    delayed: bool = False
    """Whether the season of some series comes later each time."""
    counts: float = 0.08
    """Share of series that are counts."""
    holidays: float = 0.0
    """Share of series in which some days are like the lowest one of a week."""
    closed: float = 0.0
    """Share of series that are 0 at some places of the season."""


# One day in so many is a holiday, and one place of a season in so many closed.
_HOLIDAY, _CLOSED = 30, 5

# By the season, or by the frequency where it has none.
_KINDS: dict[int | str, _Kind] = {
    24: _Kind(
        steady=0.7,
        memory=(0.97, 0.8),
        moving=0.6,
        turning=0.4,
        sizes=(0.3, 25),
        seasonal=0.9,
        calm=0.25,
        rounds=7,
        wandering=0.6,
        delayed=True,
    ),
    7: _Kind(
        noise=(0.005, 0.8),
        steady=0.85,
        memory=(0.95, 0.7),
        moving=0.4,
        turning=0.3,
        sizes=(0.5, 60),
        seasonal=0.85,
        calm=0.45,
        rounds=52,
        wandering=0.6,
        counts=0.15,
        holidays=0.75,
        closed=0.15,
    ),
    "W": _Kind(rounds=52),
}


def synthetic(
    count: int, length: int, season: int, rng: np.random.Generator, frequency: str = ""
) -> Array:
    """Return series: float64 (count, length)."""
    kind = _KINDS.get(season if season > 1 else frequency, _Kind())

    def some(share: float) -> NDArray[np.bool_]:
        return rng.random(count) < share

    def amount(low: float, high: float, share: float = 1.0) -> Array:
        """Draw a factor for each series, on a logarithmic scale; 0 but for a share of them."""
        drawn: Array = np.exp(rng.uniform(np.log(low), np.log(high), count)) * some(share)
        return drawn

    def some_places(of: int, every: int, share: float) -> NDArray[np.bool_]:
        """Draw one in so many of some places, in a share of the series."""
        drawn: NDArray[np.bool_] = rng.random((of, count)) * every < 1
        return drawn & some(share)

    def rare(every: int, share: float, size: float) -> Array:
        """Draw jumps, one in so many values, for a share of the series."""
        where = some_places(length, every, share)
        jumps: Array = where * rng.normal(size=(length, count)) * noise * size
        return jumps

    def draws() -> Array:
        """Draw from Student's t, of variance 1: tails are heavier in some series."""
        freedom = rng.choice([3.0, 4.0, 6.0, 1e3], count)
        drawn: Array = rng.standard_t(freedom, (length, count))
        drawn /= np.sqrt(freedom / (freedom - 2))
        return drawn

    def cycle(length: int, size: Array) -> Array:
        """Draw what comes round again after so many values: of mean 0, and deviation `size`."""
        waves = np.arange(1, length // 2 + 1)
        angle = 2 * np.pi * np.arange(length)[:, None] * waves / length
        normal = rng.normal(size=(2, count, len(waves)))
        sine, cosine = normal * waves ** -rng.uniform(0, 2, (count, 1))
        found: Array = np.sin(angle) @ sine.T + np.cos(angle) @ cosine.T
        peaks = rng.standard_t(3, (length, count)) * (rng.random((length, count)) < 0.2)
        found += 2 * peaks * some(0.4)
        found -= found.mean(axis=0)
        found *= size / np.maximum(found.std(axis=0), 1e-9)
        return found

    def wander(share: float = kind.wandering) -> Array:
        """Draw what differs from season to season, and remembers: a straight line from each."""
        drawn, kept = rng.normal(size=(length // season + 2, count)), rng.uniform(0, 0.95, count)
        for i in range(1, len(drawn)):
            drawn[i] = kept * drawn[i - 1] + np.sqrt(1 - kept**2) * drawn[i]
        drawn *= some(share)
        place, rest = np.divmod(np.arange(length)[:, None] / season, 1)
        first = place[:, 0].astype(int)
        lines: Array = drawn[first] * (1 - rest) + drawn[first + 1] * rest
        return lines

    noise = amount(*kind.noise)
    memory = rng.uniform(-0.3, kind.memory[0], count) * some(kind.memory[1])
    # Steady series swing about their level; in the others the level is most of what moves.
    steady = some(kind.steady)
    moving = noise * np.where(steady, amount(0.03, 0.5, 0.7), amount(0.3, 8, 0.95))
    moving *= kind.moving
    momentum = rng.uniform(0, 0.8, count) * some(0.5) * ~steady
    damping = np.where(some(0.5), rng.uniform(0.9, 1, count), rng.uniform(0.6, 0.95, count))
    either = np.maximum(noise, moving)
    turning = np.where(steady, noise * amount(0.005, 0.1, 0.3), either * amount(0.02, 0.5, 0.5))
    drift = rng.normal(size=count) * some(0.7) * either * amount(0.02, 0.5)
    turning, drift = kind.turning * turning, kind.turning * drift

    size = noise * amount(*kind.sizes, kind.seasonal)
    calm = some(kind.calm)
    still = np.where(calm, amount(1e-4, 0.1), 1)
    noise, moving, turning, drift = (each * still for each in (noise, moving, turning, drift))
    evolving = size * still * amount(0.01, 0.2, 0.6)
    pattern = cycle(season, size)

    # What comes round more slowly: levels and sizes of the seasons of a round, and a second pattern
    # that grows and shrinks with the year.
    about, swell, other = np.zeros((length, count)), np.ones((length, count)), np.zeros((1, count))
    year = about
    if kind.rounds > 1:
        of_round = np.arange(length) // season % kind.rounds
        larger = np.maximum(size, noise)
        about = cycle(kind.rounds, still * larger * amount(0.05, 1.5, 0.8))[of_round]
        swell = 1 + cycle(kind.rounds, amount(0.03, 0.6, 0.7))[of_round]
        turns = np.arange(length)[:, None] / (season * amount(40, 800)) + rng.random(count)
        year = np.sin(2 * np.pi * turns) * np.where(calm, some(0.8), some(0.1))
        other = cycle(season, size * amount(0.02, 0.5, 0.7))
        about = about + larger * amount(0.05, 1) * year + noise * amount(0.2, 6) * wander()
        swell = swell * (1 + still * amount(0.02, 0.4) * wander())

    steps, shocks = draws() * moving + rare(100, 0.25, 6), draws() * noise
    storm = np.exp(amount(0.2, 1.2) * wander(kind.stormy))
    steps, shocks = steps * storm, shocks * storm
    turns, changes = rng.normal(size=(2, length, count)) * np.stack([turning, evolving])[:, None]
    slope, level, step, swing = turning * 3 * rng.normal(size=count), *np.zeros((3, count))
    series, each = np.empty((length, count)), np.arange(count)
    # Tides and what follows the sun come later, or earlier, from one season to the next.
    if kind.delayed:
        delay = np.where(calm, some(0.4), some(0.05)) * amount(0.01, 1.5)
        delay *= rng.choice([-1.0, 1.0], count) / season
    if kind.holidays:
        holiday = some_places(length, _HOLIDAY, kind.holidays)
        lowest = pattern.argmin(axis=0)
    for i in range(length):
        slope = damping * slope + turns[i]
        step = momentum * step + steps[i]
        level = level + slope + drift + step
        swing = memory * swing + shocks[i]
        now = pattern[i % season]
        if kind.holidays:
            now = np.where(holiday[i], pattern[lowest, each], now)
        if kind.delayed:
            place, share = np.divmod(i * (1 + delay), 1)
            places = place.astype(int) % season
            now = pattern[places, each] * (1 - share) + pattern[(places + 1) % season, each] * share
        now = now * swell[i] + other[i % len(other)] * year[i]
        series[i] = level + now + about[i] + swing
        pattern[i % season] += changes[i]
    series += rare(70, 0.25, 8)
    series *= np.minimum(1, 3 / np.abs(series).max(axis=0))
    grown = np.exp(series)
    counts = rng.poisson(grown * amount(1, 100))
    drawn = rng.random(count)
    added = series + rng.choice([0.0, 1.0, 3.0], count)
    found = np.where(drawn < 0.75, grown, np.where(drawn < 1 - kind.counts, added, counts))
    if kind.closed:
        closed = some_places(season, _CLOSED, kind.closed)
        found[closed[np.arange(length) % season]] = 0
    return found.T
