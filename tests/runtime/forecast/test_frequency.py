"""Time stamps on the grid of a frequency, and those that come next."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn.errors import ConfigError, InputError
from pocketrnn.forecast.frequency import Frequency, RowError

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("frequency", "stamps", "following"),
    [
        ("MS", ["2023-11-01", "2023-12-01", "2024-01-01"], ["2024-02-01", "2024-03-01"]),
        ("MS", ["2023-11", "2023-12"], ["2024-01", "2024-02"]),
        ("ME", ["2023-12-31", "2024-01-31"], ["2024-02-29", "2024-03-31"]),
        ("QS", ["2023-07-01", "2023-10-01"], ["2024-01-01", "2024-04-01"]),
        ("QS", ["2023-Q3", "2023-Q4"], ["2024-Q1", "2024-Q2"]),
        ("QS", ["2023Q4"], ["2024Q1"]),
        ("QE", ["2023-09-30", "2023-12-31"], ["2024-03-31", "2024-06-30"]),
        ("YS", ["2022-01-01", "2023-01-01"], ["2024-01-01", "2025-01-01"]),
        ("YS", ["2022", "2023"], ["2024", "2025"]),
        ("YE", ["2022-12-31", "2023-12-31"], ["2024-12-31", "2025-12-31"]),
        ("6MS", ["2023-01-01", "2023-07-01"], ["2024-01-01", "2024-07-01"]),
        ("D", ["2024-02-27", "2024-02-28"], ["2024-02-29", "2024-03-01"]),
        ("D", ["20240227", "20240228"], ["2024-02-29"]),
        ("D", ["20240227T0600"], ["2024-02-28T06:00:00"]),
        ("B", ["2024-03-07", "2024-03-08"], ["2024-03-11", "2024-03-12"]),
        ("W", ["2024-02-22", "2024-02-29"], ["2024-03-07", "2024-03-14"]),
        ("h", ["2024-02-28 22:30", "2024-02-28 23:30"], ["2024-02-29 00:30"]),
        # Midnight may stand as a date alone.
        ("h", ["2024-02-28", "2024-02-28 01:00:00"], ["2024-02-28 02:00:00"]),
        ("h", [" 2024-02-28"], ["2024-02-28T01:00"]),
        ("15min", ["2024-01-01T23:30:00Z", "2024-01-01T23:45:00Z"], ["2024-01-02T00:00:00Z"]),
        ("s", ["2024-01-01T00:00:59.500+02:00"], ["2024-01-01T00:01:00.500+02:00"]),
        # Summer time begins: an hour of the clock is left out, and none of time.
        ("h", ["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00"], ["2024-03-31T04:00+02:00"]),
        # Which offset a day to come has only a time zone would tell.
        ("D", ["2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"], ["2024-04-02T00:00"]),
        ("MS", ["2024-05-01T00:00+01:00", "2024-06-01T00:00Z"], ["2024-07-01T00:00"]),
        ("MS", ["2024-05-01T00:00Z", "2024-06-01T00:00+00:00"], ["2024-07-01T00:00+00:00"]),
        ("h", ["2024-10-27T02:00+01:00", "2024-10-27T02:00Z"], ["2024-10-27T03:00Z"]),
        (
            "s",
            ["2024-01-01T00:00:58.500000000", "2024-01-01T00:00:59.500000000"],
            ["2024-01-01T00:01:00.500000000"],
        ),
        (
            "s",
            ["2024-01-01T00:00:58.123456789", "2024-01-01T00:00:59.123456789"],
            ["2024-01-01T00:01:00.123456789"],
        ),
        ("s", ["2024-01-01T00:00:58,5", "2024-01-01T00:00:59,5"], ["2024-01-01T00:01:00,5"]),
        ("h", [datetime(2024, 3, 31, 1, tzinfo=BERLIN)], [datetime(2024, 3, 31, 3, tzinfo=BERLIN)]),
        ("D", [datetime(2024, 3, 30, tzinfo=BERLIN)], [datetime(2024, 3, 31, tzinfo=BERLIN)]),
        ("MS", ["7", "8"], ["9", "10"]),
        ("h", [7, 8], [9, 10]),
        ("MS", [date(2024, 1, 1)], [date(2024, 2, 1)]),
        ("h", [datetime(2024, 1, 1)], [datetime(2024, 1, 1, 1)]),
        ("h", [datetime(2024, 1, 1, tzinfo=UTC)], [datetime(2024, 1, 1, 1, tzinfo=UTC)]),
    ],
)
def test_the_next_stamps(frequency: str, stamps: list[Any], following: list[Any]) -> None:
    steps, grid = Frequency(frequency).grid(stamps)
    assert steps.tolist() == list(range(len(stamps)))
    made = grid.stamps(len(stamps), len(following))
    assert made == following
    assert [type(one) for one in made] == [type(one) for one in following]


def test_missing_stamps_are_steps() -> None:
    steps, _ = Frequency("B").grid(["2024-03-08", "2024-03-12"])
    assert steps.tolist() == [0, 2]
    assert Frequency("h").grid([3, 9])[0].tolist() == [0, 6]
    assert Frequency("h").grid([0, 2, 4, 7])[0].tolist() == [0, 2, 4, 7]


def test_an_hour_twice_by_the_clock_is_two_hours() -> None:
    twice = [datetime(2024, 10, 27, 2, tzinfo=BERLIN, fold=fold) for fold in (0, 1)]  # type: ignore[arg-type]
    assert Frequency("h").grid(twice)[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("frequency", "stamps", "bad", "said"),
    [
        (
            "MS",
            ["2024-01-01", "2024-01-02"],
            1,
            "'2024-01-02' isn't on the grid of MS .months by their first day.$",
        ),
        ("MS", ["2024-01-31", "2024-02-29"], 0, 'say frequency="ME"'),
        ("2QE", ["2024-01-01"], 0, 'say frequency="2QS"'),
        ("MS", ["2024-Q1"], 0, "isn't ISO 8601 or a whole number; quarters are for models of them"),
        (
            "MS",
            [f"2024-01-{day:02}" for day in range(1, 32)],
            1,
            "31 stamps for 1 such steps, so they have another frequency: take a model of that one",
        ),
        (
            "MS",
            ["2024-01-01", "2024-02-01", "2024-03-01", "2024-03-15", "2024-04-01"],
            3,
            "isn't on the grid of MS .months by their first day.$",
        ),
        ("ME", ["2024-02-28"], 0, "isn't on the grid"),
        ("B", ["2024-03-08", "2024-03-09"], 1, "isn't on the grid"),
        ("B", ["2024-03-09"], 0, "isn't on the grid"),
        ("W", ["2024-03-08", "2024-03-16"], 1, "isn't on the grid"),
        ("15min", ["2024-01-01T00:00", "2024-01-01T00:10"], 1, "isn't on the grid"),
        ("QS", ["2024-01-01", "2024-03-01"], 1, "isn't on the grid"),
        ("D", ["2024-01-01", "2024-01-01"], 1, "is there twice"),
        ("D", ["2024-01-01", "2024-01-03", "2024-01-02"], 2, "sort the rows"),
        ("D", ["2024-01-01", "yesterday"], 1, "isn't ISO 8601 or a whole number"),
        ("D", ["now"], 0, "isn't ISO 8601 or a whole number; write it as 2026-01-31"),
        ("D", [None], 0, "isn't ISO 8601"),
        ("D", [True], 0, "isn't ISO 8601"),
        ("D", ["2024-01-01", [1]], 1, "isn't ISO 8601"),
        ("D", [10**30], 0, "isn't ISO 8601"),
        ("D", ["1", "2024-01-01"], 1, "isn't a whole number, as the first is"),
        ("MS", ["1", "2024-01-01T00:00+01:00"], 1, "isn't a whole number, as the first is"),
        ("D", ["2024-01-01", "1"], 1, "isn't a date, as the first is"),
        ("D", [1, 1.5], 1, "isn't ISO 8601 or a whole number"),
        ("h", ["2024-01-01T00:00", "2024-01-01T01:00Z"], 0, "offset from UTC"),
        ("MS", ["202201", "202202"], 0, "looks like a date"),
        ("D", [20220101, 20220102], 0, "looks like a date"),
        ("MS", range(1990, 2026), 0, "1990 looks like a date"),
        ("h", range(1577836800, 1577836800 + 36000, 3600), 9, "10 rows for the 32,401 steps of h"),
        ("s", ["2024-01-01", "2025-01-01"], 1, "is the frequency right"),
        (
            "MS",
            [f"2024-{m}-01" for m in ("01", "04", "07", "10")],
            1,
            "are 3 or more steps of MS .* apart: they have",
        ),
        ("h", [0, 2, 4, 8], 1, "are 2 or more steps of h .hours. apart"),
        ("D", [f"2024-{m:02}-01" for m in range(1, 13)], 1, "are 29 or more steps of D"),
    ],
)
def test_a_stamp_that_cannot_be(frequency: str, stamps: list[Any], bad: int, said: str) -> None:
    with pytest.raises(RowError, match=said) as caught:
        Frequency(frequency).grid(stamps)
    assert caught.value.row == bad


@pytest.mark.parametrize("moves", [(5, 6, 4, 5), (7, 5, 9, 9), (25, 60, 22, 48, 31)])
def test_stamps_at_no_fixed_times(moves: tuple[int, ...]) -> None:
    steps = np.cumsum([0, *moves])
    stamps = [f"{date(2024, 1, 1) + timedelta(int(step))}" for step in steps]
    assert np.array_equal(Frequency("D").grid(stamps)[0], steps)


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
    stamps = grid.stamps(0, count)
    assert stamps[0].startswith(first)
    assert frequency.grid(stamps)[0].tolist() == list(range(count))


def test_after_the_last_year_there_is_nothing() -> None:
    _, grid = Frequency("YS").grid(["9999-01-01"])
    with pytest.raises(InputError, match="after the year 9999"):
        grid.stamps(1, 1)
