"""The model that a person holds: series in, medians and intervals of what comes next out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from ..config import check, whole_number
from ..errors import ConfigError, CorruptModelError, SeriesError
from ..loading import Model
from ..modelfile import ModelFile, forms
from ..modelfile.series import forecaster
from .file import TASK, read

if TYPE_CHECKING:
    from ..tables.block import Function

Values = NDArray[np.float32]

Numbers = Sequence[float | None] | NDArray[Any]
"""A series; columns of pandas and Polars are as good."""

# Series that are run together: with more, what they need leaves the cache.
_SERIES = 256

# A series that moves less than this share of its size may lose its changes in float32.
_NEAR = 1e-5

# Larger than any value that may be given: their sums and squares still fit a float32.
_LARGEST = 1e30
# Of smaller values, the least scale of the graph would be too coarse.
_SMALLEST = 1e-25
_TOO_SMALL = f"all its values are under {_SMALLEST:g}; give them in a smaller unit"
_TOO_LARGE = f"a value is over {_LARGEST:g}, or infinite"
_UNKNOWN_END = (
    "its last values aren't known; leave them out: the forecast then starts with the first of them"
)
_TOO_COARSE = "changes too small beside the values to be told apart in 32 bits; subtract a constant"


@dataclass(slots=True, eq=False)
class Forecast:
    """What comes next in a series: each array is float32, (horizon,), in the series' own units."""

    level: float
    """How many % of what comes the interval from `lower` to `upper` is to hold."""
    # Arrays of their own would take longer to make than the forecast.
    _all: Values
    _names: tuple[str, ...]
    _ends: tuple[int, int]

    @property
    def median(self) -> Values:
        """Half of what comes is to be above it."""
        return self._all[:, len(self._names) // 2]

    @property
    def lower(self) -> Values:
        """Lower end of the interval."""
        return self._all[:, self._ends[0]]

    @property
    def upper(self) -> Values:
        """Upper end of the interval."""
        return self._all[:, self._ends[1]]

    @property
    def quantiles(self) -> dict[str, Values]:
        """All that the model has, by their names: `0.1` and so on."""
        return dict(zip(self._names, self._all.T, strict=True))

    def __repr__(self) -> str:
        first = f"{self.median[0]:.6g} ({self.lower[0]:.6g} to {self.upper[0]:.6g})"
        return f"<Forecast: {len(self.median)} ahead, first {first} at {self.level:g} %>"


class Forecaster(Model):
    """A loaded model; many threads may use one at once, and it can be pickled and copied."""

    TASK = TASK

    def __init__(self, file: ModelFile, *, threads: int = 1, trusted: bool = False) -> None:
        """Check the file and make it ready to run; `pocketrnn.load` makes one from a path."""
        super().__init__(file, threads=threads, trusted=trusted)
        self.config, self.test_cases = read(file)
        self.weights = file.weights(self.config.graph())
        network, shape = self.config.network, self.config.shape
        self._sessions = forms.Sessions(self.weights, threads, network, shape)
        self._names = tuple(map(str, self.config.quantiles))

    def __repr__(self) -> str:
        config, size = self.config, f"{len(self.data) / 1e6:.2f} MB"
        return (
            f"<Forecaster: {config.frequency}, {config.horizon} ahead; {size}; {self.sha256[:12]}>"
        )

    def function(self, *, prefix: str, **options: Any) -> "Function":
        """Raise ConfigError: a forecaster reads series, not texts."""
        raise ConfigError(
            "a forecaster reads series, not rows of text; for it there are the command pocketrnn "
            "forecast and the method forecast"
        )

    @property
    def parts(self) -> str:
        return f"{self.config.context} values, {len(self.config.quantiles)} quantiles"

    def differences(self) -> list[float]:
        """Return how far each test case's quantiles are from the stored ones, relatively."""
        found = []
        for case in self.test_cases:
            values = np.array(case.values, np.float64)
            stored = np.array(case.quantiles, np.float32).reshape(1, self.config.horizon, -1)
            found.append(difference(self.quantiles(values[None]), stored))
        return found

    @overload
    def forecast(
        self, values: "Numbers", level: float = 80, horizon: int | None = None
    ) -> Forecast: ...
    @overload
    def forecast(
        self, values: "Sequence[Numbers]", level: float = 80, horizon: int | None = None
    ) -> list[Forecast]: ...
    def forecast(
        self, values: Any, level: float = 80, horizon: int | None = None
    ) -> Forecast | list[Forecast]:
        """Forecast a series, or each of a list of series of any lengths.

        A series is a list, array, or column of pandas or Polars, the latest value last, NaN or None
        where a value before isn't known. `level` says how many % of what comes the interval is to
        hold: one that the model has quantiles for. `horizon` is how many values ahead, by default
        and at most as many as the model was trained for.

        Raises SeriesError for what isn't a series of numbers within 1e30, is all under 1e-25, ends
        with unknown values, which the forecast would have to start with, or has fewer known values
        among those that the model reads than `config.least_known`; ConfigError for the settings.
        """
        ahead, ends, names = self.ahead(horizon), self.config.ends(level), self._names
        several = _is_list(values)
        made = [
            Forecast(level, one, names, ends)
            for part in self._runs(values if several else [values], several=several, whole=True)
            for one in part[:, :ahead]
        ]
        return made if several else made[0]

    def ahead(self, horizon: int | None) -> int:
        """Return a horizon, the model's by default. Raises ConfigError for a longer one."""
        most = self.config.horizon
        wanted = f"horizon must be from 1 to {most}"
        return most if horizon is None else whole_number(horizon, wanted, 1, most)

    def _runs(self, given: Any, *, several: bool, whole: bool) -> Iterator[Values]:
        """Yield the quantiles of series, some at a time; `whole` ones end with a known value."""
        context = self.config.context
        for first in range(0, len(given), _SERIES):
            part = given[first : first + _SERIES]
            rows = np.full((len(part), context), np.nan)
            if isinstance(part, np.ndarray):
                table = numbers(part, 2)[:, -context:]
                rows[:, context - table.shape[1] :] = table
                part = ()
            for i, one in enumerate(part):
                try:
                    last = numbers(one, 1)[-context:]
                except SeriesError as error:
                    raise SeriesError(f"{_where(several, first + i)}{error}") from error
                rows[i, context - len(last) :] = last
            for row in np.flatnonzero(np.isnan(rows[:, -1])).tolist() if whole else ():
                if not np.isnan(rows[row]).all():
                    raise SeriesError(f"{_where(several, first + row)}{_UNKNOWN_END}")
            yield self._checked_run(rows, first if several else None)

    def quantiles(self, values: "ArrayLike") -> Values:
        """Return float32 (series, horizon, quantiles) for an array (series, values) of numbers.

        The quantiles are `config.quantiles`. Behind unknown values at a row's end they are poor:
        the network takes those of a season ago in their place. Raises SeriesError as `forecast`
        does otherwise.
        """
        rows = numbers(values, 2)
        empty = np.zeros((0, self.config.horizon, len(self.config.quantiles)), np.float32)
        return np.concatenate([empty, *self._runs(rows, several=True, whole=False)])

    def flag(
        self, values: "ArrayLike", share: float = 0.01, last: int | None = None
    ) -> NDArray[np.bool_]:
        """Tell which values of a series fall outside the interval that was forecast for them.

        Each is compared with what the values before it let expect, one step after the last known
        one, or more behind a gap. `share` is how many of the usual values fall outside as well.
        Only the `last` values are judged, or by default all; False for those with too few known
        ones before them or a gap as long as the horizon, and for unknown ones.
        Raises SeriesError and ConfigError as `forecast` does.
        """
        series = numbers(values, 1)
        wanted = "last must be at least 1, or None"
        count = len(series) if last is None else whole_number(last, wanted, 1)
        rows, low, high = self.expected(series, share, count)
        flags = np.zeros(len(series), bool)
        flags[rows] = (series[rows] < low) | (series[rows] > high)
        return flags

    def expected(
        self, series: NDArray[np.float64], share: float, last: int
    ) -> tuple[NDArray[np.int64], Values, Values]:
        """Return which of the `last` values can be judged, and what was forecast for each."""
        config = self.config
        is_share = isinstance(share, Real) and 0 < share < 1
        check(is_share, f"share must be between 0 and 1, not {share!r:.40}")
        ends = config.ends(100 * (1 - share))
        padded = np.concatenate([np.full(config.context, np.nan), series[:-1]])
        before = sliding_window_view(padded, config.context)[: len(series)]
        first, places = max(len(series) - last, 0), np.arange(len(series))
        if (np.abs(series[first:]) > _LARGEST).any():
            raise SeriesError(_TOO_LARGE)
        # Of each value: the place behind the last known one before it, and how far that is.
        known = ~np.isnan(series)
        starts = np.append(0, np.maximum.accumulate(np.where(known, places, -1)) + 1)[:-1]
        gaps = places - starts
        counts = np.convolve(np.isfinite(padded), np.ones(config.context), "valid")
        enough = (counts[starts] >= config.least_known) & (gaps < config.horizon)
        rows = np.flatnonzero(known & enough & (places >= first))
        found = [np.zeros((0, 2), np.float32)]
        for i in range(0, len(rows), _SERIES):
            part = rows[i : i + _SERIES]
            quantiles = self._checked_run(before[starts[part]], None)
            found.append(quantiles[np.arange(len(part)), gaps[part]][:, list(ends)])
        low, high = np.concatenate(found).T
        return rows, low, high

    def problems(self, rows: NDArray[np.float64]) -> dict[int, str]:
        """Return why series can't be forecast, by the number of their row.

        `rows` is float64 (series, context), NaN where a value isn't known.
        """
        highest, lowest = np.fmax.reduce(rows, axis=1), np.fmin.reduce(rows, axis=1)
        size = np.maximum(highest, -lowest)
        count = np.count_nonzero(rows == rows, axis=1)
        few, large = count < self.config.least_known, size > _LARGEST
        small = (size > 0) & (size < _SMALLEST) & ~few
        with np.errstate(invalid="ignore"):  # infinities, which are large
            near = (highest - lowest < _NEAR * size) & ~(few | large | small)
        found = {}
        for row in np.flatnonzero(few | large | small | near):
            if few[row] and not large[row]:
                found[int(row)] = (
                    f"known values among its last {self.config.context}: {count[row]}; the model "
                    f"needs {self.config.least_known}"
                )
            elif small[row]:
                found[int(row)] = _TOO_SMALL
            elif large[row] or is_coarse(rows[row]):
                found[int(row)] = _TOO_LARGE if large[row] else _TOO_COARSE
        return found

    def run(self, rows: NDArray[np.float64]) -> Values:
        """Run the graph for rows without `problems`: float32 (series, horizon, quantiles)."""
        session = self._sessions[forecaster if len(rows) > 1 else forms.one_series]
        (quantiles,) = session.run({"values": rows.astype(np.float32)}, ["quantiles"])
        if not np.isfinite(quantiles).all():
            raise CorruptModelError("the network's quantiles aren't finite numbers")
        return quantiles

    def _checked_run(self, rows: NDArray[np.float64], first: int | None) -> Values:
        """Run the graph; `first` is the index of the first series of a list."""
        for row, problem in self.problems(rows).items():
            raise SeriesError(f"{_where(first is not None, (first or 0) + row)}{problem}")
        return self.run(rows)


def difference(some: Values, others: Values) -> float:
    """Return the largest difference of quantiles, (series, horizon, quantiles), relatively.

    That is, to the largest quantile of the series, or its widest interval if that is more.
    """
    if not len(some):
        return 0.0
    size = np.maximum(np.abs(others).max(axis=(1, 2)), np.ptp(others, axis=2).max(axis=1))
    gap = np.abs(some - others).max(axis=(1, 2))
    return float(np.max(gap / np.maximum(size, np.finfo(np.float32).tiny)))


def is_coarse(series: NDArray[np.float64]) -> bool:
    """Tell whether a series loses changes in float32 that aren't a float64's own rounding."""
    known = series[np.isfinite(series)]
    lost = np.abs(known - known.astype(np.float32)).max()
    move = np.abs(np.diff(known)).mean() if len(known) > 1 else 0.0
    return bool(lost > move / 8 and move > 1e-13 * np.abs(known).max())


def unknown_end(series: NDArray[np.float64]) -> int:
    """Return how many of the last values aren't known; 0 where none is."""
    known = np.flatnonzero(~np.isnan(series))
    return len(series) - 1 - int(known[-1]) if len(known) else 0


def _where(several: bool, index: int) -> str:
    """Return the start of a message about one series of a list, or an empty string."""
    return f"series {index + 1}: " if several else ""


def _is_list(values: Any) -> bool:
    """Tell whether `values` are series, and not one."""
    if isinstance(values, np.ndarray):
        return values.ndim == 2
    return isinstance(values, list | tuple) and (
        not values
        or isinstance(values[0], list | tuple | np.ndarray)
        or hasattr(values[0], "to_numpy")
    )


def numbers(values: Any, dimensions: int) -> NDArray[np.float64]:
    """Return numbers as float64, NaN for unknown ones. Raises SeriesError for anything else."""
    if type(values) is np.ndarray and values.dtype.char == "d" and values.ndim == dimensions:
        return values  # at once, as there may be many
    if isinstance(values, Mapping) or hasattr(values, "columns"):
        kind = type(values).__name__
        raise SeriesError(f'a {kind} is no series; give one column of it: df["y"]')
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        found = np.asarray(values)
        if found.dtype.kind in "bO":
            found = np.array([_number(one) for one in found.ravel()]).reshape(found.shape)
        array = found.astype(np.float64, casting="same_kind" if found.dtype.kind == "f" else "safe")
    except (TypeError, ValueError, OverflowError) as error:
        raise SeriesError(
            f"a series must be numbers, NaN or None where one isn't known ({error})"
        ) from error
    if array.ndim != dimensions:
        raise SeriesError(f"an array of {array.ndim} dimensions, not {dimensions}")
    return array


def _number(value: Any) -> float:
    """Return a number of a list of anything; pandas has an NA that isn't one."""
    if value is None or type(value).__name__ == "NAType":
        return np.nan
    if isinstance(value, str | bytes | bool | np.bool_):
        raise TypeError(f"{value!r:.40} is none")
    return float(value)
