"""Series of our own making, so that a bundled forecaster has seen nobody's data."""

import numpy as np


def synthetic(n, length, season, rng):
    def some(share):
        return rng.random(n) < share

    def amount(low, high, share=1.0):
        return np.exp(rng.uniform(np.log(low), np.log(high), n)) * some(share)

    def draws():
        df = rng.choice([3.0, 4.0, 6.0, 1e3], n)
        return rng.standard_t(df, (length, n)) / np.where(df < 9, np.sqrt(df / (df - 2)), 1)

    noise = amount(0.005, 0.3)
    rho = rng.uniform(-0.3, 0.9, n) * some(0.5)
    moving = noise * amount(0.05, 1.0, 0.75)
    phi = rng.uniform(0.85, 1, n)
    turning = noise * amount(0.005, 0.1, 0.4)
    grow = rng.normal(0, 0.006, n) * some(0.7)
    size = noise * amount(0.3, 8.0, 0.8)
    evolve = size * amount(0.01, 0.2, 0.6)
    waves = np.arange(1, season // 2 + 1)
    angle = 2 * np.pi * np.arange(season)[:, None] * waves / season
    fall = waves ** -rng.uniform(0, 2, (n, 1))
    a, b = rng.normal(size=(2, n, len(waves))) * fall
    pattern = np.cos(angle) @ a.T + np.sin(angle) @ b.T
    pattern += rng.standard_t(3, (season, n)) * (rng.random((season, n)) < 0.2) * 2 * some(0.4)
    pattern -= pattern.mean(0)
    pattern *= size / np.maximum(pattern.std(0), 1e-9)
    e, l = draws(), draws() * moving
    v, w = rng.normal(size=(2, length, n))
    l += (rng.random((length, n)) < 0.01) * some(0.25) * rng.normal(size=(length, n)) * noise * 6
    slope, level, ar = rng.normal(size=n) * turning * 3, np.zeros(n), np.zeros(n)
    y = np.empty((length, n))
    for t in range(length):
        slope = phi * slope + turning * v[t]
        level = level + slope + grow + l[t]
        ar = rho * ar + e[t] * noise
        k = t % season
        y[t] = level + pattern[k] + ar
        pattern[k] += evolve * w[t]
    y += (rng.random((length, n)) < 0.015) * some(0.25) * rng.normal(size=(length, n)) * noise * 8
    y = np.clip(y, -12, 12)
    r = rng.random(n)
    exp = np.exp(y)
    base = amount(1, 100)
    y = np.where(
        r < 0.75,
        exp,
        np.where(r < 0.92, y + rng.choice([1, 3, 0], n), rng.poisson(np.minimum(exp * base, 1e6))),
    )
    return y.T
