"""A forecaster: what it takes, what it gives, and what it refuses."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import forecasters
import pocketrnn
from pocketrnn import Forecaster, PocketRNNError
from pocketrnn.errors import ConfigError, CorruptModelError, SeriesError
from pocketrnn.forecast import file
from pocketrnn.forecast.model import difference

MODEL = forecasters.load()
SERIES = forecasters.seasons()


def test_a_forecast_has_a_median_within_its_interval() -> None:
    found = MODEL.forecast(SERIES)
    assert found.median.shape == found.lower.shape == (5,)
    assert found.median.dtype == np.float32
    assert (found.lower < found.median).all()
    assert (found.median < found.upper).all()
    assert found.level == 80
    assert list(found.quantiles) == ["0.005", "0.1", "0.5", "0.9", "0.995"]
    assert np.array_equal(found.quantiles["0.1"], found.lower)
    assert repr(found).startswith("<Forecast: 5 ahead, first ")
    wider = MODEL.forecast(SERIES, level=np.int64(99), horizon=np.int64(2))
    assert (wider.lower < found.lower[:2]).all()
    assert wider.median.tolist() == found.median[:2].tolist()


HOLES = [*SERIES[:-2], None, SERIES[-1]]


def made(kind: str, values: list[Any]) -> Any:
    """Return values as what people have them in, if there is the library."""
    array = np.array(values, float)
    kinds = {"list": values, "tuple": tuple(values), "float32": array.astype(np.float32)}
    kinds |= {"object": np.array(values, object), "masked": np.ma.masked_invalid(array)}
    if kind == "polars":
        return pytest.importorskip("polars").Series(values)
    if kind == "pyarrow":
        return pytest.importorskip("pyarrow").array(values)
    if kind.startswith("pandas"):
        return pytest.importorskip("pandas").Series(values, dtype=kind.removeprefix("pandas-"))
    return kinds.get(kind, array)


@pytest.mark.parametrize(
    "kind",
    [
        "list",
        "tuple",
        "array",
        "float32",
        "object",
        "masked",
        "polars",
        "pyarrow",
        "pandas-float64",
        "pandas-Float64",
        "pandas-object",
    ],
)
def test_what_a_series_may_be(kind: str) -> None:
    for values in (SERIES, HOLES):
        expected = MODEL.forecast(np.array(values, float)).median
        assert np.isfinite(expected).all()
        assert np.allclose(MODEL.forecast(made(kind, values)).median, expected, rtol=1e-6)
        (listed,) = MODEL.forecast([made(kind, values)])
        assert np.allclose(listed.median, expected, rtol=1e-6)
        flags = MODEL.flag(np.array(values, float))
        np.testing.assert_array_equal(MODEL.flag(made(kind, values)), flags)


@pytest.mark.parametrize("size", [1e-24, 1e-26, 1e-40, 1e-60])
@pytest.mark.parametrize("shift", [0, -3])
def test_tiny_values_are_right_or_refused(size: float, shift: int) -> None:
    series = np.array(SERIES) / max(SERIES) + shift / 10
    whole = MODEL.forecast(series)
    if size < 1e-25:
        with pytest.raises(SeriesError, match="all its values are under 1e-25"):
            MODEL.forecast(series * size)
        return
    found = MODEL.forecast(series * size)
    width = (whole.upper - whole.lower) * size
    np.testing.assert_allclose(found.lower, whole.lower * size, atol=1e-3 * width.max(), rtol=0)
    np.testing.assert_allclose(found.upper, whole.upper * size, atol=1e-3 * width.max(), rtol=0)


def test_a_data_frame_is_no_series() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"y": SERIES})
    with pytest.raises(SeriesError, match='give one column of it: df\\["y"\\]'):
        MODEL.forecast(frame)


def test_a_list_of_series_of_any_lengths_gives_a_list() -> None:
    several = [SERIES[:n] for n in (4, 9, 20)] * 100
    found = MODEL.forecast(several)
    assert len(found) == 300
    for one, series in zip(found[:3], several, strict=False):
        alone = MODEL.forecast(series)
        assert np.allclose(one.median, alone.median, rtol=1e-5)
        assert np.allclose(one.upper, alone.upper, rtol=1e-5)
    assert MODEL.forecast([]) == []
    assert len(MODEL.forecast(np.array([SERIES, SERIES]))) == 2


@given(
    st.lists(st.floats(-1e30, 1e30) | st.none(), min_size=4, max_size=24),
    st.booleans(),
)
@example([1.0, 1.0, 1e12, 1e-34], True)
@example([1e30, 1.0, 1.0, *[1e-30] * 12], True)
def test_whatever_the_values_quantiles_are_finite_and_rise(
    values: list[float | None], positive: bool
) -> None:
    if positive:
        values = [value and abs(value) for value in values]
    try:
        found = MODEL.forecast(values)
    except SeriesError:
        return
    quantiles = np.stack(list(found.quantiles.values()))
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=0) >= 0).all()


def test_quantiles_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(CorruptModelError, match="aren't finite"):
        pocketrnn.load(forecasters.tiny(width=3e38)).forecast(np.array(SERIES) - 200)


@pytest.mark.parametrize("size", [1e-20, 1e-3, 1.0, 1e9, 1e25])
@pytest.mark.parametrize("shift", [0.0, -200.0])
def test_forecasts_scale_with_the_series(size: float, shift: float) -> None:
    some = np.array(SERIES) + shift
    assert np.allclose(
        MODEL.forecast(some * size).upper / size, MODEL.forecast(some).upper, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, 2.0, 3.0], "known values among its last 16: 3; the model needs 4"),
        (np.zeros(0), "last 16: 0;"),
        ([*SERIES, float("inf")], "over 1e\\+30, or infinite"),
        ([*SERIES, 1e31], "over 1e\\+30"),
        (["1", "2", "3", "4"], "must be numbers"),
        ([True] * 9, "must be numbers"),
        ([1 + 2j] * 9, "must be numbers"),
        (np.array([1e12 + i for i in range(20)]), "too small beside the values"),
        ({"y": SERIES}, "a dict is no series"),
        (5.0, "0 dimensions, not 1"),
        ([SERIES, [1.0]], "series 2: known values among its last 16: 1"),
        ([SERIES, "text"], "series 2: "),
        ([SERIES, [*SERIES[:5], "x"]], "series 2: a series must be numbers"),
    ],
)
def test_what_is_no_series_is_an_error(values: Any, said: str) -> None:
    with pytest.raises(SeriesError, match=said):
        MODEL.forecast(values)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"level": 85}, "level must be one of 99, 80, and share one of 0.01, 0.2"),
        ({"level": 0}, "between 0 and 100"),
        ({"level": 0.8}, "level is in per cent: 80 rather than 0.8"),
        ({"horizon": 6}, "from 1 to 5"),
        ({"horizon": 0}, "from 1 to 5"),
    ],
)
def test_settings_that_mean_nothing_are_errors(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        MODEL.forecast(SERIES, **options)


def test_quantiles_of_an_array() -> None:
    array = np.array([SERIES, SERIES[::-1]])
    found = MODEL.quantiles(array)
    assert found.shape == (2, 5, 5)
    assert np.allclose(found[0, :, 2], MODEL.forecast(SERIES).median, rtol=1e-6)
    assert np.allclose(MODEL.quantiles(array[:, -9:])[0, :, 2], MODEL.forecast(SERIES[-9:]).median)
    assert MODEL.quantiles(np.zeros((0, 9))).shape == (0, 5, 5)
    with pytest.raises(SeriesError, match="1 dimensions, not 2"):
        MODEL.quantiles(SERIES)


def test_a_series_that_ends_unknown_is_refused() -> None:
    for values in ([*SERIES, None], [SERIES, [*SERIES, np.nan, np.nan]]):
        with pytest.raises(SeriesError, match="last values aren't known; leave them out"):
            MODEL.forecast(values)
    with pytest.raises(SeriesError, match="series 2: its last values"):
        MODEL.forecast(np.array([SERIES, [*SERIES[:-1], np.nan]]))


@pytest.mark.parametrize("gap", [0, 1, 4, 5])
def test_a_value_behind_a_gap_is_judged_by_the_forecast_from_before_it(gap: int) -> None:
    """A season ago isn't a guess at what is unknown: it would be taken for the last value."""
    series = np.array([*SERIES, *[np.nan] * gap, SERIES[0]], float)
    rows, low, high = MODEL.expected(series, 0.2, 1)
    if gap == MODEL.config.horizon:
        assert not len(rows)
    else:
        forecast = MODEL.forecast(SERIES, level=80)
        assert rows.tolist() == [len(series) - 1]
        np.testing.assert_allclose([low[0], high[0]], [forecast.lower[gap], forecast.upper[gap]])


def test_a_spike_is_flagged() -> None:
    values = forecasters.seasons(40)
    values[30] *= 5
    values[35] = float("nan")
    flags = MODEL.flag(values, share=0.01)
    assert flags[30]
    assert not flags[:4].any()  # too little is known before them
    assert not flags[35]
    only = MODEL.flag(values[:31], last=1)
    assert only.sum() == only[-1] == 1
    assert not MODEL.flag([1.0]).any()
    for share in (2, "0.1", float("nan")):
        with pytest.raises(ConfigError, match="share"):
            MODEL.flag(values, share=share)  # type: ignore[arg-type]
    for far in (1e31, float("-inf")):
        with pytest.raises(SeriesError, match="infinite"):
            MODEL.flag([*values, far], last=1)


def test_constant_series_stay_as_they_are() -> None:
    for constant in (5.0, -5.0):
        assert np.allclose(MODEL.forecast([constant] * 16).median, constant, rtol=0.01)
    assert np.allclose(MODEL.forecast([0.0] * 16).median, 0, atol=1e-20)


def test_loading_pickling_and_verifying() -> None:
    data = forecasters.tiny()
    model = pocketrnn.load(data)
    assert isinstance(model, Forecaster)
    assert repr(model).startswith("<Forecaster: MS, 5 ahead; 0.0")
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.forecast(SERIES).upper, model.forecast(SERIES).upper)
    numbers = MODEL.quantiles(np.array([SERIES[-16:]])).ravel().tolist()
    case = file.TestCase(tuple(SERIES[-16:]), tuple(numbers))
    assert pocketrnn.verify(forecasters.tiny([case])).ok
    wrong = file.TestCase(tuple(SERIES[-16:]), tuple(1.001 * n for n in numbers))
    assert not pocketrnn.verify(forecasters.tiny([wrong])).ok
    short = file.TestCase((1.0,), tuple(numbers))
    with pytest.raises(CorruptModelError, match="test case"):
        pocketrnn.load(forecasters.tiny([short]))
    with pytest.raises(PocketRNNError, match="pocketrnn forecast"):
        pocketrnn.Classifier.load(data)
    with pytest.raises(ConfigError, match="and the method forecast"):
        model.function(prefix="")


@pytest.mark.parametrize(
    "settings",
    [
        {"frequency": "fortnight"},
        {"context": 15},
        {"season": 16},
        {"least_known": 0},
        {"horizon": 0},
        {"quantiles": (0.1, 0.5, 0.8)},
        {"quantiles": (0.5,)},
        {"horizon": 4000},
        {"activation": "relu", "cell": "simple_rnn"},
    ],
)
def test_settings_that_no_forecaster_has(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        forecasters.config(**settings)


def test_difference_is_relative() -> None:
    ones = np.ones((2, 3, 3), np.float32)
    assert difference(1e9 * ones, 1.001e9 * ones) == pytest.approx(0.001, rel=0.01)
    assert np.isnan(difference(np.nan * ones, ones))
