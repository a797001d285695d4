"""Time from one value of a series to the next, and the time stamps on that grid."""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import check
from ..errors import InputError

_SECONDS = {"s": 1, "min": 60, "h": 3600, "D": 86400, "W": 7 * 86400}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}  # with S for their starts, E for their ends
_NAMES = (*_SECONDS, "B", *(unit + edge for unit in _MONTHS for edge in "SE"))

# Values of a season, of the usual frequencies.
_SEASONS = {
    "s": 60,
    "min": 60,
    "5min": 288,
    "10min": 144,
    "15min": 96,
    "30min": 48,
    "h": 24,
    "D": 7,
    "B": 5,
    **dict.fromkeys(("MS", "ME"), 12),
    **dict.fromkeys(("QS", "QE"), 4),
}

Times = NDArray[np.int64]

_FEW = 8  # whole numbers, which tell nothing of what they count

_BEYOND = 1 << 40  # steps from one stamp to another; there are fewer seconds to the year 9999


@dataclass(frozen=True)
class Frequency:
    """A frequency by its name: a factor, if not 1, and a unit, such as `15min` or `MS`.

    Units are s, min, h, D (days), B (business days, Monday to Friday), W (weeks), MS, QS and YS
    (months, quarters and years by their first day), ME, QE and YE (by their last day).
    """

    name: str

    def __post_init__(self) -> None:
        """Raise ConfigError for a name that isn't one."""
        found = re.fullmatch(r"([1-9]\d{0,3})?([A-Za-z]+)", self.name)
        known = found is not None and found[2] in _NAMES
        check(known, f"frequency must be one of {', '.join(_NAMES)}, not {self.name!r:.40}")

    @property
    def factor(self) -> int:
        """How many units a step has."""
        return int(re.sub(r"\D", "", self.name) or 1)

    @property
    def unit(self) -> str:
        """The unit, without the factor."""
        return self.name.lstrip("0123456789")

    @property
    def season(self) -> int:
        """The usual season, in values; 1 where there is none."""
        return _SEASONS.get(self.name, 1)

    def grid(self, stamps: Sequence[Any]) -> tuple[Times, "Grid"]:
        """Return the steps from the first stamp to each, and what makes the next stamps.

        Stamps are whole numbers, of which each is a step, or ISO 8601 text, dates or datetimes.
        Raises StampError for the first one that is none, off the grid, or not after the one before.
        """
        # Many series of a table have the same stamps.
        return _grid(self, tuple(stamps)) if isinstance(stamps[0], str) else self._grid(stamps)

    def _grid(self, stamps: Sequence[Any]) -> tuple[Times, "Grid"]:
        first = _parsed(stamps[0], 0)
        if isinstance(first, int):
            numbers = [_parsed(stamp, i, int) for i, stamp in enumerate(stamps)]
            steps = np.array([min(number - first, _BEYOND) for number in numbers])
        else:
            times = [_parsed(stamp, i, datetime) for i, stamp in enumerate(stamps)]
            steps = self._steps(times, stamps)
        behind = np.flatnonzero(np.diff(steps) <= 0)
        if len(behind):
            i = int(behind[0]) + 1
            same = steps[i] == steps[i - 1]
            fault = "is there twice" if same else "comes after a later one; sort the rows"
            raise StampError(i, f"time stamp {_shown(stamps[i])} {fault}")
        if isinstance(first, int) and steps[-1] >= 2 * max(len(steps), _FEW):
            raise StampError(
                len(stamps) - 1,
                f"each whole number is a step, and most of those from {_shown(stamps[0])} to "
                f"{_shown(stamps[-1])} have no row; give dates as 2026-01-01",
            )
        return steps, Grid(self, first, stamps[0])

    def _steps(self, times: Sequence[datetime], stamps: Sequence[Any]) -> Times:
        first, factor, unit = times[0], self.factor, self.unit
        if unit in _SECONDS:
            width = timedelta(seconds=_SECONDS[unit] * factor)
            try:
                parts = [divmod(time - first, width) for time in times]
            except TypeError:
                raise StampError(0, "some time stamps have an offset from UTC, some none") from None
            steps = np.array([step for step, _ in parts])
            on = np.array([not rest for _, rest in parts])
        elif unit == "B":
            days = np.array([time.date() for time in times], "datetime64[D]")
            counted = np.busday_count(days[0], days)
            on = np.is_busday(days) & (counted % factor == 0)
            on &= np.array([time.time() == first.time() for time in times])
            steps = counted // factor
        else:
            span = _MONTHS[unit[0]] * factor
            months = np.array([12 * time.year + time.month for time in times]) - (
                12 * first.year + first.month
            )
            edge = [
                time.day == (1 if unit[1] == "S" else calendar.monthrange(time.year, time.month)[1])
                and time.time() == first.time()
                for time in times
            ]
            on, steps = np.array(edge) & (months % span == 0), months // span
        if not on.all():
            i = int(np.argmin(on))
            raise StampError(i, f"time stamp {_shown(stamps[i])} isn't on the grid of {self.name}")
        return np.array(steps, np.int64)


class StampError(InputError):
    """A time stamp of a series can't be what it is."""

    def __init__(self, index: int, message: str) -> None:
        """Keep which stamp it is, from 0."""
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class Grid:
    """The stamps of a series, by their steps from the first one, in the form that it has."""

    frequency: Frequency
    first: "int | datetime"
    form: Any

    def stamp(self, step: int) -> Any:
        """Return a stamp; InputError where the calendar ends."""
        if isinstance(self.first, int):
            number = self.first + step
            return str(number) if isinstance(self.form, str) else number
        try:
            time = self._time(self.first, step * self.frequency.factor)
        except (OverflowError, ValueError) as error:
            raise InputError("the time stamps to come are after the year 9999") from error
        if not isinstance(self.form, str):
            return time if isinstance(self.form, datetime) else time.date()
        if len(self.form) <= len("2026-01-01"):
            return time.date().isoformat()
        text = time.isoformat(self.form[10])
        return text.replace("+00:00", "Z") if self.form.endswith("Z") else text

    def _time(self, first: datetime, steps: int) -> datetime:
        unit = self.frequency.unit
        if unit in _SECONDS:
            return first + timedelta(seconds=_SECONDS[unit] * steps)
        if unit == "B":
            day = np.busday_offset(first.date(), steps).astype(object)
            return datetime.combine(day, first.timetz())
        months = 12 * first.year + first.month - 1 + _MONTHS[unit[0]] * steps
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return first.replace(year=year, month=month + 1, day=1 if unit[1] == "S" else last)


def _parsed(stamp: Any, index: int, kind: "type[int] | type[datetime] | None" = None) -> Any:
    """Return a stamp as an int or a datetime, which must be of `kind` if that is given."""
    found: Any = None
    if isinstance(stamp, datetime):
        found = stamp
    elif isinstance(stamp, date):
        found = datetime.combine(stamp, datetime.min.time())
    elif isinstance(stamp, int) and not isinstance(stamp, bool):
        found = stamp
    elif isinstance(stamp, str):
        text = stamp.strip()
        try:
            is_number = re.fullmatch(r"[+-]?\d{1,15}", text)
            found = int(text) if is_number and len(text) != 8 else datetime.fromisoformat(text)
        except ValueError:
            found = int(text) if is_number else None
    if found is None or (kind and not isinstance(found, kind)):
        form = {int: "a whole number", datetime: "a date, as the first one is", None: ""}[kind]
        form = form or "ISO 8601 or a whole number"
        raise StampError(index, f"time stamp {_shown(stamp)} isn't {form}")
    return found


def _shown(stamp: Any) -> str:
    return repr(str(stamp))[:60]


@lru_cache(maxsize=16)
def _grid(frequency: Frequency, stamps: tuple[Any, ...]) -> tuple[Times, Grid]:
    return frequency._grid(stamps)
