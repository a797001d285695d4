"""Draw what comes next: the seeded numbers, and what is made of them.

docs/model-file.md specifies both, with test cases: the same seed stands for the same draws for
ever, in every language.
"""

import secrets
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ..config import check, whole_number

# SplitMix64, by Steele, Lea and Flood (Fast Splittable Pseudorandom Number Generators, OOPSLA
# 2014), in the form with Stafford's mix 13 that Vigna published (prng.di.unimi.it/splitmix64.c).
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def _outputs(state: NDArray[np.uint64], numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return outputs, by number from 0, of the SplitMix64 that starts at `state`."""
    z: NDArray[np.uint64] = state + (numbers + np.uint64(1)) * _GAMMA
    z = (z ^ (z >> np.uint64(30))) * _MULTIPLIERS[0]
    z = (z ^ (z >> np.uint64(27))) * _MULTIPLIERS[1]
    return z ^ (z >> np.uint64(31))


def uniform(seed: int, texts: NDArray[np.int64], first: int, count: int) -> NDArray[np.float64]:
    """Return draws `first` and on of each text, from 0 to under 1: float64 (texts, count).

    Each text has a SplitMix64 of its own: that of text i starts at output i of the one that
    starts at `seed`. A draw is the upper 53 bits of an output, over 2**53.
    """
    starts = _outputs(np.array([seed], np.uint64), texts.astype(np.uint64))
    numbers = np.arange(first, first + count, dtype=np.uint64)
    return (_outputs(starts[:, None], numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Options(TypedDict, total=False):
    """How a text is made: see `Generator.generate`."""

    length: int
    temperature: float
    top_k: int
    top_p: float
    stop: str | None
    seed: int | None


class Sampling:
    """From logits to ids, by temperature, top k and top p (nucleus), until the end of a text."""

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        *,
        length: int = 200,
        stop: str | None = None,
        seed: int | None = None,
    ) -> None:
        """Keep the settings; ConfigError for those that mean nothing."""
        check(
            _is_number(temperature) and 0 <= temperature < float("inf"),
            f"temperature must be 0 or more, and finite, not {temperature!r:.40}",
        )
        check(
            _is_number(top_p) and 0 < top_p <= 1,
            f"top_p must be over 0, and 1 at most, not {top_p!r:.40}",
        )
        check(
            stop is None or (isinstance(stop, str) and stop != ""),
            f"stop must be a text of at least a character, not {stop!r:.40}",
        )
        self.temperature, self.top_p, self.stop = float(temperature), float(top_p), stop
        self.top_k = whole_number(top_k, "top_k must be 0 (all) or more")
        self.length = whole_number(length, "length must be 0 or more")
        seed = secrets.randbits(64) if seed is None else seed
        self.seed = whole_number(seed, "seed must be from 0 to 2**64 - 1", most=(1 << 64) - 1)

    def choose(self, logits: NDArray[np.float32], draws: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return an id for each row of logits (texts, ids), by its draw (texts,): int64 (texts,).

        The most probable at temperature 0. Otherwise the logits are divided by the temperature,
        the `top_k` largest are kept, and of the most probable as many as it takes to reach
        `top_p`; of equals, the lower id comes first. A draw then falls on the first id at which
        the sum of probabilities, in the order of ids, exceeds it. In float64.
        """
        differences = logits.astype(np.float64)
        differences -= differences.max(axis=1)[:, None]
        if not self.temperature:
            return np.asarray(differences.argmax(axis=1))
        if self.temperature != 1:
            with np.errstate(over="ignore"):  # a small temperature makes minus infinity
                differences /= self.temperature
        weights = np.exp(differences)
        if 0 < self.top_k < weights.shape[1]:
            order = np.argsort(-differences, axis=1, kind="stable")
            np.put_along_axis(weights, order[:, self.top_k :], 0, axis=1)
        if self.top_p < 1:
            order = np.argsort(-weights, axis=1, kind="stable")
            ordered = np.take_along_axis(weights, order, axis=1)
            sums = ordered.cumsum(axis=1)
            ordered[sums - ordered >= self.top_p * sums[:, -1:]] = 0
            np.put_along_axis(weights, order, ordered, axis=1)
        sums = weights.cumsum(axis=1)
        return np.asarray((sums <= draws[:, None] * sums[:, -1:]).sum(axis=1))


def _is_number(value: object) -> bool:
    kinds = int | float | np.integer | np.floating
    return isinstance(value, kinds) and not isinstance(value, bool)
