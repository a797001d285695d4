"""The ends of series that are held out: one part validates, and the one after it tests."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pocketrnn.config import check
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.forecast.model import is_coarse

from .corpus import Values

# A part is a horizon of each series. Of fewer series than this it is several horizons, as so few
# forecasts would judge by chance, but at most this share of the shortest.
_FORECASTS, _SHARE = 300, 0.1


@dataclass(frozen=True)
class Parts:
    """Series, and how many horizons of each are in a part."""

    series: Mapping[str, Values]
    settings: ForecasterConfig
    horizons: Mapping[str, int]
    """Of the series that are long enough; the others are learnt whole."""

    @classmethod
    def of(cls, series: Mapping[str, Values], settings: ForecasterConfig) -> "Parts":
        """Hold out as much as should be; ConfigError if no series is long enough."""
        horizon, least = settings.horizon, settings.least_known

        def can_judge(values: Values, count: int) -> bool:
            before = _without(values, 2 * count * horizon)[-settings.context :]
            return np.isfinite(before).sum() > least and all(
                _judged(values, settings, count, held) for held in (1, 0)
            )

        judging = {key: values for key, values in series.items() if can_judge(values, 1)}
        check(
            bool(judging),
            f"no series is long enough: two horizons of {horizon} are held out, and more than "
            f"{least} known values must stand before them; the longest has "
            f"{max(map(len, series.values())):,}. Ask for a smaller horizon",
        )
        # The same for all, so that each series counts the same; one where a gap is in the way.
        shortest = min(map(len, judging.values()))
        most = min(math.ceil(_FORECASTS / len(judging)), int(_SHARE * shortest / horizon))
        found = {
            key: most if most > 1 and can_judge(values, most) else 1
            for key, values in judging.items()
        }
        return cls(series, settings, found)

    def without(self, held: int) -> dict[str, Values]:
        """Return the series without their last `held` parts."""
        out = held * self.settings.horizon
        return {
            key: _without(values, out * self.horizons.get(key, 0))
            for key, values in self.series.items()
        }

    def forecasts(self, held: int) -> tuple[list[str], list[Values]]:
        """Return names and series, whose last horizon judges, of the last part but `held`."""
        names, found = [], []
        for key, count in self.horizons.items():
            for one in _judged(self.series[key], self.settings, count, held):
                names.append(key)
                found.append(one)
        return names, found


def _without(values: Values, out: int) -> Values:
    return values[: max(len(values) - out, 0)]


def _judged(values: Values, settings: ForecasterConfig, count: int, held: int) -> list[Values]:
    """Return a series up to the end of each horizon of a part that a forecaster can forecast."""
    found = []
    for later in range(held * count, (held + 1) * count):
        one = _without(values, later * settings.horizon)
        # What the forecaster will read: perhaps mostly a gap, or too much alike.
        read, truth = one[: -settings.horizon][-settings.context :], one[-settings.horizon :]
        is_known = np.isfinite(read).sum() >= settings.least_known and np.isfinite(truth).any()
        if is_known and not is_coarse(read):
            found.append(one)
    return found
