"""Time stamps on the grid of a frequency, and those that come next."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn.errors import ConfigError
from pocketrnn.forecast.frequency import Frequency, StampError


@pytest.mark.parametrize(
    ("frequency", "stamps", "following"),
    [
        ("MS", ["2023-11-01", "2023-12-01", "2024-01-01"], ["2024-02-01", "2024-03-01"]),
        ("ME", ["2023-12-31", "2024-01-31"], ["2024-02-29", "2024-03-31"]),
        ("QS", ["2023-07-01", "2023-10-01"], ["2024-01-01", "2024-04-01"]),
        ("QE", ["2023-09-30", "2023-12-31"], ["2024-03-31", "2024-06-30"]),
        ("YS", ["2022-01-01", "2023-01-01"], ["2024-01-01", "2025-01-01"]),
        ("YE", ["2022-12-31", "2023-12-31"], ["2024-12-31", "2025-12-31"]),
        ("6MS", ["2023-01-01", "2023-07-01"], ["2024-01-01", "2024-07-01"]),
        ("D", ["2024-02-27", "2024-02-28"], ["2024-02-29", "2024-03-01"]),
        ("B", ["2024-03-07", "2024-03-08"], ["2024-03-11", "2024-03-12"]),
        ("W", ["2024-02-22", "2024-02-29"], ["2024-03-07", "2024-03-14"]),
        ("h", ["2024-02-28 22:30", "2024-02-28 23:30"], ["2024-02-29 00:30:00"]),
        ("15min", ["2024-01-01T23:30:00Z", "2024-01-01T23:45:00Z"], ["2024-01-02T00:00:00Z"]),
        ("s", ["2024-01-01T00:00:59+02:00"], ["2024-01-01T00:01:00+02:00"]),
        ("MS", ["7", "8"], ["9", "10"]),
        ("h", [7, 8], [9, 10]),
        ("MS", [date(2024, 1, 1)], [date(2024, 2, 1)]),
        ("h", [datetime(2024, 1, 1, tzinfo=UTC)], [datetime(2024, 1, 1, 1, tzinfo=UTC)]),
    ],
)
def test_the_next_stamps(frequency: str, stamps: list[Any], following: list[Any]) -> None:
    steps, grid = Frequency(frequency).grid(stamps)
    assert steps.tolist() == list(range(len(stamps)))
    last = len(stamps) - 1
    assert [grid.stamp(last + 1 + i) for i in range(len(following))] == following


def test_missing_stamps_are_steps() -> None:
    steps, _ = Frequency("B").grid(["2024-03-08", "2024-03-12"])
    assert steps.tolist() == [0, 2]
    assert Frequency("h").grid([3, 9])[0].tolist() == [0, 6]


@pytest.mark.parametrize(
    ("frequency", "stamps", "bad", "said"),
    [
        ("MS", ["2024-01-01", "2024-01-02"], 1, "'2024-01-02' isn't on the grid of MS"),
        ("MS", ["2024-01-15"], 0, "isn't on the grid"),
        ("ME", ["2024-02-28"], 0, "isn't on the grid"),
        ("B", ["2024-03-08", "2024-03-09"], 1, "isn't on the grid"),
        ("W", ["2024-03-08", "2024-03-16"], 1, "isn't on the grid"),
        ("15min", ["2024-01-01T00:00", "2024-01-01T00:10"], 1, "isn't on the grid"),
        ("QS", ["2024-01-01", "2024-03-01"], 1, "isn't on the grid"),
        ("D", ["2024-01-01", "2024-01-01"], 1, "is there twice"),
        ("D", ["2024-01-01", "2024-01-03", "2024-01-02"], 2, "sort the rows"),
        ("D", ["2024-01-01", "yesterday"], 1, "isn't a date, as the first one is"),
        ("D", ["yesterday"], 0, "isn't ISO 8601 or a whole number"),
        ("D", [None], 0, "isn't ISO 8601"),
        ("D", ["1", "2024-01-01"], 1, "isn't a whole number"),
        ("D", [1, 1.5], 1, "isn't a whole number"),
        ("h", ["2024-01-01T00:00", "2024-01-01T01:00Z"], 0, "offset from UTC"),
    ],
)
def test_a_stamp_that_cannot_be(frequency: str, stamps: list[Any], bad: int, said: str) -> None:
    with pytest.raises(StampError, match=said) as caught:
        Frequency(frequency).grid(stamps)
    assert caught.value.index == bad


@pytest.mark.parametrize("name", ["", "M", "0h", "h2", "fortnight", "15 min", "-1D", "99999s"])
def test_names_that_are_no_frequency(name: str) -> None:
    with pytest.raises(ConfigError, match="frequency must be one of"):
        Frequency(name)


def test_usual_seasons() -> None:
    seasons = {name: Frequency(name).season for name in ("MS", "QE", "h", "15min", "D", "W", "YS")}
    assert list(seasons.values()) == [12, 4, 24, 96, 7, 1, 1]


@given(
    st.sampled_from(["s", "min", "7min", "h", "D", "B", "W", "MS", "2ME", "QS", "QE", "YS", "YE"]),
    st.integers(1, 400),
)
def test_stamps_made_lie_on_the_grid(name: str, count: int) -> None:
    frequency = Frequency(name)
    first = "2024-12-31" if name.endswith("E") else "2024-01-01"
    _, grid = frequency.grid([first + "T00:00"])
    stamps = [grid.stamp(i) for i in range(count)]
    assert frequency.grid(stamps)[0].tolist() == list(range(count))


def test_after_the_last_year_there_is_nothing() -> None:
    _, grid = Frequency("YS").grid(["9999-01-01"])
    with pytest.raises(Exception, match="after the year 9999"):
        grid.stamp(1)


def test_whole_numbers_that_are_months_are_no_steps() -> None:
    """202201 to 202412 would be 212 steps, of which 176 are unknown."""
    months = [100 * year + month for year in (2022, 2023, 2024) for month in range(1, 13)]
    with pytest.raises(StampError, match="have no row; give dates as 2026-01-01"):
        Frequency("MS").grid(months)
    steps, _ = Frequency("MS").grid([1, 2, 4, 5])
    assert steps.tolist() == [0, 1, 3, 4]
