"""A forecaster's Keras network as a model file, and the proof that all compute the same."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.forecast import file
from pocketrnn.forecast.file import ForecasterConfig, TestCase
from pocketrnn.forecast.model import Forecaster, difference
from pocketrnn.modelfile import fold
from pocketrnn.session import Session

from .convert import convert
from .parity import Export, proven
from .test_cases import digits


def build(
    keras_model: Any, config: ForecasterConfig, *, card: dict[str, Any] | None = None
) -> Export:
    """Convert a keras.Model from values to quantiles, and check it, as `export` does."""
    numbers = fold.to_bytes(keras_model, config)
    served = Forecaster.load(file.to_bytes(config, numbers, {}))
    series = sample_series(config)
    trained = keras_model.predict(series, verbose=0)
    witness = Session(convert(keras_model, "values", "quantiles").SerializeToString)
    others = [
        *witness.run({"values": series}, ["quantiles"]),
        served.quantiles(series),
        np.concatenate([served.quantiles(one[None]) for one in series]),
    ]
    card = proven(card, [difference(some, trained) for some in others], len(series))
    cases = [
        TestCase(tuple(None if math.isnan(x) else x for x in digits(one)), digits(quantiles))
        for one, quantiles in zip(series[:4], served.quantiles(series[:4]), strict=True)
    ]
    return Export(file.to_bytes(config, numbers, card, cases), **card["parity"])


def sample_series(config: ForecasterConfig) -> NDArray[np.float32]:
    """Make series of sizes, lengths and holes that matter: float32 (series, context)."""
    random = np.random.default_rng(0)
    time = np.arange(config.context)
    season = 1 + 0.3 * np.sin(2 * np.pi * time / max(config.season, 3))
    noise = np.exp(0.1 * random.normal(size=(64, config.context)))
    series = 10 ** random.uniform(-6, 9, (64, 1)) * season * noise
    series[1::4] -= 1.1 * series[1::4].mean(axis=1, keepdims=True)  # not all positive
    series[2::4, : config.context - config.least_known] = np.nan  # the shortest
    holes = random.random(series[3::4].shape) < 0.3
    holes[:, -config.least_known :] = False
    series[3::4][holes] = np.nan
    series[4], series[5] = 5, 0
    series[8, config.context // 2] = 1e25
    if config.context - config.season >= config.least_known:
        series[9, -config.season :] = np.nan
    return series.astype(np.float32)
