"""The series that a forecaster learns from, and what is odd about them."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pocketrnn.errors import ConfigError, InputError, SeriesError, first_of
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.forecast.model import is_coarse, numbers, unknown_end
from pocketrnn.forecast.table import Columns, SeriesTable

Values = NDArray[np.float64]

# What a forecaster takes as well: see pocketrnn.forecast.model.
_LARGEST = 1e30

# So many times the median size of a series is an outlier.
_FAR = 1e6

# A season is the first lag at which values differ nearly as little as at any, and by less than this
# share of what they differ by from one to the next.
_NEAR, _ALIKE = 1.1, 0.7


@dataclass(frozen=True)
class SeriesCorpus:
    """Series by their names, each from its first to its last value, NaN where unknown."""

    series: Mapping[str, Values]
    name: str = "series"
    synthetic: bool = False
    """Whether training draws new series like these for each epoch."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What was left out."""

    @classmethod
    def of(cls, series: Mapping[str, ArrayLike], name: str = "series") -> "SeriesCorpus":
        """Make one of lists, arrays or columns by name; SeriesError for what is none."""
        found: dict[str, Values] = {}
        for key, values in series.items():
            if str(key) in found:
                raise SeriesError(f"two series are called {key}")
            try:
                found[str(key)] = numbers(values, 1)
            except SeriesError as error:
                raise SeriesError(f"series {key!r}: {error}") from error
        return cls(found, name)

    def facts(self, settings: ForecasterConfig) -> dict[str, Any]:
        """Return what a run says of its corpus: no values."""
        sha256 = hashlib.sha256()
        for key, values in self.series.items():
            sha256.update(f"{key}\0{len(values)}\0".encode("utf-8", "surrogatepass"))
            sha256.update(values.tobytes())
        return {
            "task": "forecast",
            "name": self.name,
            "series": len(self.series),
            "values": sum(map(len, self.series.values())),
            "sha256": sha256.hexdigest(),
            "settings": settings.to_dict(),
        }

    def usable(self, least: int) -> "SeriesCorpus":
        """Return the series that can be learnt from, with notes on the others, and on odd ones.

        Raises ConfigError if there are none.
        """
        kept: dict[str, Values] = {}
        odd: dict[str, list[str]] = {}
        for key, given in self.series.items():
            # What isn't known at the end is to come.
            values = given[: len(given) - unknown_end(given)]
            known = values[np.isfinite(values)]
            size = np.abs(known)
            fault = None
            if len(known) <= least:
                fault = f"with at most {least} known values, left out"
            elif np.isinf(values).any() or size.max() > _LARGEST:
                fault = f"with values over {_LARGEST:g}, left out"
            elif not size.any():
                fault = "of zeros alone, left out"
            elif is_coarse(known):
                fault = "with changes too small beside the values, left out"
            elif np.ptp(known) == 0:
                fault = "constant"
            elif size.max() > _FAR * max(float(np.median(size)), 1e-300):
                fault = f"with a value over {_FAR:g} times the usual one"
            if fault:
                odd.setdefault(fault, []).append(key)
            if not (fault and fault.endswith("left out")):
                kept[key] = values
        notes = [
            f"{len(keys)} series {fault}: {', '.join(keys[:3])}{', ...' * (len(keys) > 3)}"
            for fault, keys in odd.items()
        ]
        notes = [*self.notes, *notes]
        if not kept:
            raise ConfigError(f"{self.name}: no series to learn from; {'; '.join(notes)}")
        return SeriesCorpus(kept, self.name, self.synthetic, tuple(notes))

    def season_note(self, season: int, most: int) -> str | None:
        """Say which season up to `most` values the series show, if it isn't `season`."""
        found: Counter[int] = Counter()
        for values in self.series.values():
            lags = np.arange(1, min(most, len(values) // 3) + 1)
            if len(lags) < 2 * season:
                continue
            change = np.array([np.nanmean(np.abs(values[lag:] - values[:-lag])) for lag in lags])
            best = 2 + int(np.argmax(change[1:] <= _NEAR * change[1:].min()))
            usual = min(change[season - 1], change[0])
            if (season == 1 or best % season) and change[best - 1] < _ALIKE * usual:
                found[best] += 1
        best, count = found.most_common(1)[0] if found else (season, 0)
        if 2 * count <= len(self.series):
            return None
        return (
            f"most series are alike every {best} values, where the season is {season}: if that is "
            f"so, say season={best}"
        )


def read_series(
    paths: Sequence[str | Path],
    frequency: str,
    columns: Columns = Columns(),  # noqa: B008
    *,
    on_error: Literal["fail", "skip"] = "fail",
) -> SeriesCorpus:
    """Read tables of series.

    One that can't be read is an InputError, with its line, or left out, with a note.
    """
    found: dict[str, Values] = {}
    problems: list[str] = []
    for one in SeriesTable([str(path) for path in paths], frequency, columns):
        if one.problem:
            who = "" if one.name is None else f"series {one.name!r}, "
            problems.append(f"{one.file}, {who}{one.problem}")
            if on_error == "fail":
                raise InputError(f'{problems[0]}; to leave out such series, say on_error="skip"')
            continue
        name = "series" if one.name is None else str(one.name)
        if name in found:
            raise InputError(f"{one.file}, line {one.line}: two series are called {name}")
        found[name] = one.values
    notes = (f"{len(problems)} series left out: {first_of(problems, '; ')}",)
    name = ", ".join(Path(path).name for path in paths)
    return SeriesCorpus(found, name, notes=notes if problems else ())
