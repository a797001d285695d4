"""Forecasters: Keras, tf2onnx's graph, ONNX's own evaluator and pocketrnn compute the same."""

from functools import cache
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import forecasters
from pocketrnn.errors import CorruptModelError, GraphError
from pocketrnn.forecast.model import Forecaster, difference
from pocketrnn.modelfile.weights import LARGE_OF_SERIES
from pocketrnn.verifying import verify
from pocketrnn_export import Export, ParityError
from pocketrnn_export.forecast import build, sample_series
from pocketrnn_train.forecast import network
from pocketrnn_train.network import round_weights

TOLERANCE = 1e-5


@cache
def exported(**settings: Any) -> tuple[Any, Export]:
    keras.utils.set_random_seed(5)
    config = forecasters.config(**settings)
    model = network.build(config)
    for layer in model.layers:  # as large as trained ones
        layer.set_weights(
            [np.random.default_rng(1).normal(array, 0.2) for array in layer.get_weights()]
        )
    model.get_layer("quantiles").set_weights([np.array([0.9], np.float32)])
    round_weights(model, config.network, head=True, least=LARGE_OF_SERIES)
    whole = network.whole(model, config)
    return whole, build(whole, config)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"log": False, "layers": 2},
        {"cell": "simple_rnn", "segment": 1, "context": 12},
        {"cell": "lstm", "season": 1, "frequency": "W", "horizon": 3},
        {"season": 12, "segment": 6, "context": 24, "horizon": 18, "activation": "tanh"},
        {"context": 164, "segment": 4, "season": 7, "frequency": "D"},
        {"weights": "float16", "units": 40},
        {"weights": "int8", "units": 40, "embedding": 40, "horizon": 8, "context": 132},
    ],
)
def test_all_compute_the_same(settings: dict[str, Any]) -> None:
    model, export = exported(**settings)
    assert export.difference <= TOLERANCE
    assert verify(export.data).ok
    served = Forecaster.load(export.data)
    series = sample_series(served.config)
    trained = model.predict(series, verbose=0)
    assert difference(served.quantiles(series), trained) <= TOLERANCE
    onnx.checker.check_model(export.data, full_check=True)
    with np.errstate(all="ignore"):
        (reference,) = ReferenceEvaluator(onnx.load_from_string(export.data)).run(
            None, {"values": series[:8]}
        )
    assert difference(np.asarray(reference), trained[:8]) <= TOLERANCE
    for cut in (served.config.least_known, served.config.context - 1):
        short = series[::4, -cut:]
        padded = np.pad(short, ((0, 0), (served.config.context - cut, 0)), constant_values=np.nan)
        assert difference(served.quantiles(short), model.predict(padded, verbose=0)) <= TOLERANCE


def test_a_forecast_does_not_depend_on_the_others() -> None:
    _, export = exported()
    served = Forecaster.load(export.data)
    series = sample_series(served.config)
    together = served.quantiles(series)
    for i in range(0, len(series), 7):
        assert difference(served.quantiles(series[i : i + 1]), together[i : i + 1]) <= 1e-6


def test_a_network_that_is_not_the_settings_is_refused() -> None:
    model, export = exported()
    served = Forecaster.load(export.data)
    with pytest.raises(ValueError, match=r"head\.kernel"):
        build(model, forecasters.config(horizon=4))
    with pytest.raises(ParityError):
        build(model, forecasters.config(log=False))
    altered = export.data.replace(b'"season": 4', b'"season": 8')
    with pytest.raises(CorruptModelError, match="digest"):
        Forecaster.load(altered)
    from pocketrnn.forecast import file
    from pocketrnn.modelfile import onnx as ours

    graph = served.config.graph()
    numbers = ours.to_bytes(graph, served.weights)
    with pytest.raises(GraphError, match="isn't that of the file's settings"):
        Forecaster.load(file.to_bytes(forecasters.config(season=3), numbers, {}))
