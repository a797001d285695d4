"""Time from one value of a series to the next, and the time stamps on that grid."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import check
from ..errors import InputError

_SECONDS = {"s": 1, "min": 60, "h": 3600, "D": 86400, "W": 7 * 86400}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}  # with S for their starts, E for their ends
_DAYS = {"S": "first", "E": "last"}
_WORDS = {"s": "seconds", "min": "minutes", "h": "hours", "D": "days", "W": "weeks"}
_WORDS |= {"B": "business days"} | {
    unit + end: f"{words} by their {day} day"
    for unit, words in (("M", "months"), ("Q", "quarters"), ("Y", "years"))
    for end, day in _DAYS.items()
}
_INSTANTS = ("s", "min", "h")  # of other units, steps are of the clock on the wall

# Values of a season, of the usual frequencies.
_SEASONS = {"s": 60, "min": 60, "5min": 288, "10min": 144, "15min": 96, "30min": 48, "h": 24}
_SEASONS |= {"D": 7, "B": 5, "MS": 12, "ME": 12, "QS": 4, "QE": 4}

# Steps that a series may have for each of its stamps: more are a slip of the frequency. Whole
# numbers tell nothing of what they count: they may be seconds.
_SPARSEST, _SPARSEST_NUMBERS, _FEW = 1000, 2, 8
# Stamps that tell their own frequency; steps between them, and what the middle one is of the least.
_ENOUGH, _APART, _LIKE = 4, 20, 1.12
# Stamps for each step, from which on they aren't some stray ones.
_MORE = 1.5
_OTHER = (
    "they have another frequency: take a model of that one (bundled are hourly, daily, weekly, "
    "monthly and quarterly), or train one with frequency=..."
)

_NUMBER = re.compile(r"[+-]?\d{1,15}")
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?")  # without dashes
_MONTH = re.compile(r"\d{4}-\d\d")
_QUARTER = re.compile(r"(\d{4})(-?Q)([1-4])")
_USUAL = re.compile(r"\d{4}-\d\d(-\d\d(.\d\d:\d\d(:\d\d([.,]\d+)?)?)?)?")
_LENGTH = {"s": 19, "min": 16, "h": 16, "D": 10, "B": 10, "W": 10}  # of text that tells a step

Steps = NDArray[np.int64]


class RowError(InputError):
    """A row of a series can't be what it is."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True)
class Frequency:
    """A frequency by its name: a factor, if not 1, and a unit, such as `15min` or `MS`.

    Units are s, min, h, D (days), B (business days, Monday to Friday), W (weeks), MS, QS and YS
    (months, quarters and years by their first day), ME, QE and YE (by their last day).
    """

    name: str

    def __post_init__(self) -> None:
        found = re.fullmatch(r"([1-9]\d{0,3})?([A-Za-z]+)", self.name)
        known = found is not None and found[2] in _WORDS
        check(known, f"frequency must be one of {', '.join(_WORDS)}, not {self.name!r:.40}")

    def __str__(self) -> str:
        """Return the frequency's name, and what it means."""
        factor = self.name.removesuffix(self.unit)
        return f"{self.name} ({factor}{' ' * bool(factor)}{_WORDS[self.unit]})"

    @property
    def unit(self) -> str:
        """The unit, without the factor."""
        return self.name.lstrip("0123456789")

    @property
    def season(self) -> int:
        """The usual season, in values; 1 where there is none."""
        return _SEASONS.get(self.name, 1)

    @property
    def step(self) -> tuple[str, int]:
        """A step, in seconds, business days or months: equal for `MS` and `ME`."""
        factor, unit = int(re.sub(r"\D", "", self.name) or 1), self.unit
        if unit in _SECONDS:
            return "s", factor * _SECONDS[unit]
        return ("B", factor) if unit == "B" else ("M", factor * _MONTHS[unit[0]])

    def grid(self, stamps: Sequence[Any]) -> tuple[Steps, "Grid"]:
        """Return the steps from the first stamp to each, and what makes the next stamps.

        Stamps are whole numbers, of which each is a step, or ISO 8601 text, dates or datetimes.
        Raises RowError for the first one that is none, off the grid, or not after the one before.
        """
        # Many series of a table have the same stamps. Of other types than these, or with a time
        # zone, those that are equal may differ.
        kinds = {(type(stamp), getattr(stamp, "tzinfo", None)) for stamp in stamps}
        is_plain = kinds <= {(str, None), (date, None), (datetime, None)}
        return (_grid if is_plain else _grid.__wrapped__)(self, tuple(stamps))

    def steps(self, times: NDArray[Any]) -> Steps:
        """Return the steps from the first time to each, rounded down; times are datetime64[us]."""
        kind, size = self.step
        if kind == "s":
            found = (times - times[0]) // np.timedelta64(size, "s")
        elif kind == "B":
            days = times.astype("M8[D]")
            found = np.busday_count(days[0], days) // size
        else:
            months = times.astype("M8[M]").astype(np.int64)
            found = (months - months[0]) // size
        return np.asarray(found, np.int64)

    def times(self, first: np.datetime64, steps: Steps) -> NDArray[Any]:
        """Return the times so many steps after the first one, as datetime64[us]."""
        kind, size = self.step
        if kind == "s":
            return np.asarray(first + steps * np.timedelta64(size, "s"))
        day = first.astype("M8[D]")
        if kind == "B":
            days = np.busday_offset(day, size * steps, roll="backward")
        else:
            months = first.astype("M8[M]") + size * steps
            ends = self.unit[1] == "E"
            days = (months + ends).astype("M8[D]") - ends
        return np.asarray(days + (first - day))


@dataclass(frozen=True)
class Grid:
    """The stamps of a series, by their steps from the first one, in the form that it has."""

    frequency: Frequency
    first: Any
    """An int or a datetime64."""
    form: Any
    """A stamp of the series."""

    def stamps(self, first: int, count: int) -> list[Any]:
        """Return the stamps of `count` steps from `first` on; InputError after the year 9999."""
        steps, form = np.arange(first, first + count), self.form
        if isinstance(self.first, int):
            numbers = (self.first + steps).tolist()
            return [str(number) for number in numbers] if isinstance(form, str) else numbers
        times = self.frequency.times(self.first, steps)
        if len(times) and times[-1] > np.datetime64("9999-12-31T23:59:59"):
            raise InputError("the time stamps to come are after the year 9999")
        if isinstance(form, str):
            return self._texts(times)
        found: list[datetime] = times.tolist()
        if not isinstance(form, datetime):
            return [one.date() for one in found]
        if form.tzinfo is not None and self.frequency.unit in _INSTANTS:
            return [one.replace(tzinfo=UTC).astimezone(form.tzinfo) for one in found]
        return [one.replace(tzinfo=form.tzinfo) for one in found]

    def _texts(self, times: NDArray[Any]) -> list[str]:
        unit, form = self.frequency.unit, self.form
        if quarter := _QUARTER.fullmatch(form):
            return [f"{one.year}{quarter[2]}{one.month // 3 + 1}" for one in times.tolist()]
        offset = _offset(form)
        if offset and unit in _INSTANTS:
            times = times + np.timedelta64(datetime.fromisoformat(form).utcoffset(), "us")
        form = form.removesuffix(offset)
        size = len(form) if _USUAL.fullmatch(form) else 10 if len(form) <= 10 else 19
        size = max(size, _LENGTH.get(unit, 7))
        between = form[10] if len(form) > 10 and not form[10].isdigit() else "T"
        point = "," if "," in form else "."
        texts = np.datetime_as_string(times, unit="us").tolist()
        return [
            text[:size].replace("T", between).replace(".", point) + form[len(text) :] + offset
            for text in texts
        ]


def _offset(stamp: str) -> str:
    """Return what a time stamp says of UTC, or an empty string."""
    found = re.search(r"(Z|[+-][\d:]+)$", stamp[10:])
    return found[0] if found else ""


@lru_cache(maxsize=16)
def _grid(frequency: Frequency, stamps: tuple[Any, ...]) -> tuple[Steps, Grid]:
    parsed = [_parsed(stamp, i, frequency.unit) for i, stamp in enumerate(stamps)]
    first, form, sparsest = parsed[0], stamps[-1], _SPARSEST
    kind = int if isinstance(first, int) else datetime
    for i, one in enumerate(parsed):
        if not isinstance(one, kind):
            wanted = "a whole number" if kind is int else "a date"
            raise RowError(i, f"time stamp {_shown(stamps[i])} isn't {wanted}, as the first is")
    if isinstance(form, str):
        form = _form([str(stamp).strip() for stamp in stamps], parsed, frequency.unit)
    if isinstance(first, int):
        steps, start, sparsest = np.array(parsed) - first, first, _SPARSEST_NUMBERS
        are_years = frequency.unit[0] != "Y" and 1900 <= first <= first + steps[-1] <= 2100
        if are_years or _DATE.fullmatch(str(first)):
            like = "2026-01" if frequency.name.endswith("S") else "2026-01-31"
            raise RowError(0, f"time stamp {first} looks like a date; write it as {like}")
    else:
        times = _times(parsed, frequency.unit)
        steps, start = frequency.steps(times), times[0]
        off = np.flatnonzero(frequency.times(start, steps) != times)
        if len(off):
            fault = f"time stamp {_shown(stamps[off[0]])} isn't on the grid of {frequency}"
            whole = steps[-1] + 1
            if len(steps) >= max(_ENOUGH, _MORE * whole):
                fault += f"; there are {len(steps)} stamps for {whole} such steps, so {_OTHER}"
            own = times[off[:1]]
            if frequency.step[0] == "M":
                other = Frequency(frequency.name[:-1] + {"S": "E", "E": "S"}[frequency.name[-1]])
                if (other.times(own[0], other.steps(own)) == own).all():
                    fault += f"; if stamps are the {_DAYS[other.name[-1]]} days, say "
                    fault += f'frequency="{other.name}"'
            raise RowError(int(off[0]), fault)
    moves = np.diff(steps)
    behind = np.flatnonzero(moves <= 0)
    if len(behind):
        i = int(behind[0]) + 1
        same = steps[i] == steps[i - 1]
        fault = "is there twice" if same else "comes after a later one; sort the rows"
        raise RowError(i, f"time stamp {_shown(stamps[i])} {fault}")
    if steps[-1] >= sparsest * max(len(steps), _FEW):
        raise RowError(
            len(stamps) - 1,
            f"{len(stamps)} rows for the {steps[-1] + 1:,} steps of {frequency} from "
            f"{_shown(stamps[0])} to {_shown(stamps[-1])}; is the frequency right? Each whole "
            "number counts as one step",
        )
    gap = moves.min() if len(steps) >= _ENOUGH else 1
    # Months are 28 to 31 days apart, and what isn't measured at fixed times by no such number.
    are_longer = gap >= _APART and np.median(moves) <= _LIKE * gap
    if gap > 1 and (np.gcd.reduce(moves) > 1 or are_longer):
        raise RowError(
            1,
            f"all stamps are {gap} or more steps of {frequency} apart: {_OTHER}",
        )
    return steps, Grid(frequency, start, form)


def _form(texts: Sequence[str], parsed: Sequence[Any], unit: str) -> str:
    """Return a stamp of the form that those to come have: the longest one, as the last says of UTC.

    Where the clock on the wall is moved, only a time zone would tell the offset of a day to come:
    days and longer steps have none then.
    """
    offset = _offset(texts[-1])
    if not offset:  # then none has one
        return max(reversed(texts), key=len)
    if unit not in _INSTANTS and len({one.utcoffset() for one in parsed}) > 1:
        offset = ""
    return max((text.removesuffix(_offset(text)) for text in reversed(texts)), key=len) + offset


def _parsed(stamp: Any, index: int, unit: str) -> int | datetime:
    if isinstance(stamp, datetime):
        return stamp
    if isinstance(stamp, date):
        return datetime.combine(stamp, time())
    if type(stamp) is int and abs(stamp) < 10**15:
        return stamp
    if isinstance(stamp, str):
        text = stamp.strip()
        is_number = _NUMBER.fullmatch(text)
        if is_number and len(text) != len("20260101"):
            return int(text)
        if unit == "QS" and (quarter := _QUARTER.fullmatch(text)):
            text = f"{quarter[1]}-{3 * int(quarter[3]) - 2:02}"
        with suppress(ValueError):
            return datetime.fromisoformat(text + "-01" if _MONTH.fullmatch(text) else text)
        if is_number:
            return int(text)
    hint = "; write it as 2026-01-31"
    if isinstance(stamp, str) and _QUARTER.fullmatch(stamp.strip()):
        hint = "; quarters are for models of them, such as quarterly"
    raise RowError(index, f"time stamp {_shown(stamp)} isn't ISO 8601 or a whole number{hint}")


def _times(parsed: Sequence[Any], unit: str) -> NDArray[Any]:
    """Return datetimes as datetime64[us]: instants in UTC, or what a clock on the wall shows."""
    offsets = [one.utcoffset() for one in parsed]
    times = np.array([one.replace(tzinfo=None) for one in parsed], "M8[us]")
    if None in offsets:
        if any(offset is not None for offset in offsets):
            raise RowError(0, "some time stamps have an offset from UTC, some none")
    elif unit in _INSTANTS:
        times = times - np.array(offsets, "m8[us]")
    return times


def _shown(stamp: Any) -> str:
    return repr(str(stamp))[:60]
