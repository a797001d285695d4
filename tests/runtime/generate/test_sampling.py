"""Draws: the same in every language, and what temperature, top k and top p make of them."""

import numpy as np
import pytest

from pocketrnn.errors import ConfigError
from pocketrnn.generate.sampling import Sampling, uniform

LOGITS = np.log(np.array([[0.1, 0.4, 0.2, 0.3]], np.float32))


def splitmix64(state: int) -> int:
    """Output 0 of SplitMix64, written down anew from the published C."""
    mask = (1 << 64) - 1
    z = (state + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


@pytest.mark.parametrize("seed", [0, 1, 1234567, 2**64 - 1])
def test_draws_are_splitmix64s(seed: int) -> None:
    gamma = 0x9E3779B97F4A7C15
    found = uniform(seed, np.array([0, 1, 9_999]), 3, 2)
    for row, text in zip(found, (0, 1, 9_999), strict=True):
        start = splitmix64((seed + text * gamma) % 2**64)
        for value, number in zip(row, (3, 4), strict=True):
            assert value == (splitmix64((start + number * gamma) % 2**64) >> 11) / 2**53


def test_published_outputs() -> None:
    """Vigna's splitmix64.c, seed 1234567, as Rosetta Code lists its outputs."""
    from pocketrnn.generate.sampling import _outputs

    outputs = _outputs(np.array([1234567], np.uint64), np.arange(3, dtype=np.uint64))
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert outputs.tolist() == expected


def test_a_draw_falls_on_the_first_id_whose_sum_exceeds_it() -> None:
    draws = np.array([0, 0.0999, 0.1001, 0.4999, 0.5001, 0.6999, 0.7001, 1 - 2**-53])
    found = Sampling().choose(LOGITS.repeat(len(draws), 0), draws)
    assert found.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("settings", "probabilities"),
    [
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"temperature": 1e-308}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, [0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3]),
        ({"temperature": 1e308}, [0.25, 0.25, 0.25, 0.25]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 4}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_k": 10**9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 1e-300}, [0, 1, 0, 0]),
        ({"top_p": 0.6}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.8}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_p": 1}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_k": 3, "top_p": 0.5, "temperature": 1.0}, [0, 4 / 7, 0, 3 / 7]),
    ],
    ids=str,
)
def test_probabilities(settings: dict[str, float], probabilities: list[float]) -> None:
    draws = (np.arange(10_000) + 0.5) / 10_000
    found = Sampling(**settings).choose(LOGITS.repeat(len(draws), 0), draws)
    np.testing.assert_allclose(np.bincount(found, minlength=4) / 10_000, probabilities, atol=2e-4)


def test_of_equals_the_lower_id_comes_first() -> None:
    equal = np.zeros((1, 3), np.float32)
    high = np.array([0.999])
    assert Sampling(temperature=0).choose(equal, high).tolist() == [0]
    assert Sampling(top_k=2).choose(equal, high).tolist() == [1]
    assert Sampling(top_p=0.5).choose(equal, high).tolist() == [1]


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"temperature": "warm"},
        {"top_k": -1},
        {"top_k": 1.5},
        {"top_p": 0},
        {"top_p": 1.01},
        {"top_p": float("nan")},
    ],
    ids=str,
)
def test_settings_that_mean_nothing(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Sampling(**settings)
