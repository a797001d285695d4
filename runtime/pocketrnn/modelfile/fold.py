"""The weights of a Keras network as the constants of its graph."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import onnx
from .graph import layers
from .network import NetworkConfig
from .onnx import Array, Graph
from .weights import to_int8


def weights(model: Any, network: NetworkConfig, graph: Graph) -> dict[str, Array]:
    """Return the numbers of the constants in the `graph` of `network`, by their names.

    Raises ValueError for a model whose layers aren't those that `network` speaks of.
    """
    named = dict((_forecaster if graph.inputs[0].name == "values" else _named)(model, network))
    stored: dict[str, Array] = {}
    for constant in graph.constants:
        if constant.numbers is not None:
            continue
        name = constant.name
        if name not in named:
            matrix = named.get(name.removesuffix(".scale"))
            if matrix is None:
                raise ValueError(f"the Keras model has no weights for {name}")
            stored[name] = to_int8(matrix)[1]
        elif constant.dtype == "int8":
            stored[name] = to_int8(named[name])[0]
        else:
            stored[name] = named[name].astype(constant.dtype)
        if stored[name].shape != constant.shape:
            raise ValueError(
                f"the Keras model's {name} is {stored[name].shape}, the settings say "
                f"{constant.shape}"
            )
    return stored


def to_bytes(model: Any, config: Any) -> bytes:
    """Return the serialized graph that a task's `config` stands for, with a model's weights."""
    graph: Graph = config.graph()
    return onnx.to_bytes(graph, weights(model, config.network, graph))


def _named(model: Any, network: NetworkConfig) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the weights of a Sequential of Embedding, recurrent layers and Dense."""
    weighted = [layer.get_weights() for layer in model.layers if layer.get_weights()]
    (embedding,), *recurrent, head = weighted
    yield "embedding", embedding
    for ways, arrays in zip(layers(network), recurrent, strict=True):
        each = len(arrays) // len(ways)
        for i, way in enumerate(ways):
            yield from _recurrent(way.name, arrays[i * each : (i + 1) * each])
    yield from zip(("head.kernel", "head.bias"), head, strict=True)


def _forecaster(model: Any, network: NetworkConfig) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the weights of a forecaster, whose layers have names."""
    for i, (layer,) in enumerate(layers(network)):
        yield from _recurrent(layer.name, model.get_layer(f"layer{i}").get_weights())
    names = {"embedding": ("embedding", "embedding.bias"), "head": ("head.kernel", "head.bias")}
    for kind, own in (names | {"path": ("path.kernel",), "quantiles": ("width",)}).items():
        yield from zip(own, model.get_layer(kind).get_weights(), strict=True)


def _recurrent(
    name: str, arrays: list[NDArray[np.float32]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    kernel, recurrent_kernel, bias = arrays
    yield f"{name}.kernel", kernel
    yield f"{name}.recurrent", recurrent_kernel
    # A GRU has a row of biases for the input and one for the state.
    rows = np.atleast_2d(bias)
    yield f"{name}.bias", rows[0]
    yield f"{name}.recurrent_bias", rows[-1]
