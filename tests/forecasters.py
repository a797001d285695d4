"""Small forecasters for tests, of random weights, made without Keras."""

from typing import Any

import numpy as np

import generators
from pocketrnn.forecast import file
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.forecast.model import Forecaster
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig


def config(**settings: Any) -> ForecasterConfig:
    names = ("embedding", "cell", "units", "layers", "activation", "weights")
    network = {name: settings.pop(name) for name in names if name in settings}
    defaults: dict[str, Any] = {
        "frequency": "MS",
        "season": 4,
        "segment": 4,
        "context": 16,
        "horizon": 5,
        "quantiles": (0.005, 0.1, 0.5, 0.9, 0.995),
        "least_known": 4,
        "log": True,
    }
    network = NetworkConfig(**{"embedding": 5, "units": 6, "cell": "gru", **network})
    return ForecasterConfig(**{**defaults, **settings}, network=network)


def tiny(cases: list[file.TestCase] | None = None, width: float = 1.0, **settings: Any) -> bytes:
    """Return a model file: the seasonal naive forecast, and noise."""
    made = config(**settings)
    graph = made.graph()
    weights = generators.weights(graph, 0.1)
    weights["width"] = np.full(1, width, np.float32)
    return file.to_bytes(made, onnx.to_bytes(graph, weights), {}, cases or [])


def load(**settings: Any) -> Forecaster:
    return Forecaster.load(tiny(**settings))


def seasons(count: int = 20, size: float = 100.0) -> list[float]:
    return [size * (1 + 0.3 * (i % 4) + 0.01 * (i * 7 % 5)) for i in range(count)]
