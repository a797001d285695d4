"""Other forms of a network's graph, made of the same weights for the same scores, but faster.

pocketrnn serializes what it runs, so it needn't run a file's own form:

- `many`, for batches, is the file's, but it is handed the first states where padding does nothing
  but move those: any part of the padding may then be left out;
- `one`, for a single text, has few nodes, as each costs a microsecond: the windows of the text are
  the rows of its loop;
- `chain`, for a single text of one window, or of a network without windows, has ONNX's own
  recurrent operators, the fastest there are for one chain (and several times slower for batches);
- `step`, for a generator, is one step without the loop around it;
- `one_series`, for a single series, has those operators too;
- `windows` and `head` are the two halves of a network with windows: where a text is changed in
  one window, the others needn't be computed again.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..session import Session, making
from .graph import CELLS, Builder, Gives, Handed, Layer, Size, built, layers
from .network import NetworkConfig
from .onnx import Array, Attribute, Graph, Value, model_to_bytes, to_bytes
from .series import Series, Shape, forecaster


class Sessions(dict[Callable[..., Graph], Session]):
    """Sessions of one network, by the functions that make its forms; made when first asked for."""

    def __init__(self, weights: Mapping[str, Array], threads: int, *settings: Any) -> None:
        """Keep the numbers of all forms, and what each of those functions takes."""
        self._weights, self._threads, self._settings = weights, threads, settings

    def __missing__(self, form: Callable[..., Graph]) -> Session:
        with making():
            if form not in self:  # another thread may have made it
                # Not `self`, which would then be freed with a delay.
                graph, weights = form(*self._settings), self._weights
                self[form] = Session(
                    lambda: model_to_bytes(to_bytes(graph, weights)), threads=self._threads
                )
            return self[form]


def starts_after_padding(network: NetworkConfig, size: Size) -> bool:
    """Tell whether padding does nothing but move the state that a text's words start from."""
    read = not (network.mask or network.bidirectional)
    return read and network.pooling == "last" and size.padding == "pre"


def many(network: NetworkConfig, size: Size) -> Graph:
    """Return the graph for batches: `ids` is int32 (batch, time)."""
    return built(_loops(network, size))


def _loops(network: NetworkConfig, size: Size) -> Builder:
    return (Handed if starts_after_padding(network, size) else Builder)(network, size)


class _Chain(Handed):
    """Layers by ONNX's own recurrent operators, for one row of words without padding."""

    def loop(self, layer: Layer, below: str, gives: Gives) -> list[str]:
        """Return the last state (1, units), or all states (steps, 1, units)."""
        network, first = self.network, self.axes(0)
        kernel, bias, recurrent, recurrent_bias = self.kernels(layer)
        if not recurrent_bias:
            zeros = np.zeros(network.gates * network.units)
            recurrent_bias = self.fixed("no_bias", zeros, "float32")
        biases = self.make("Concat", self.in_order(bias, 0), recurrent_bias, axis=0)
        given = [below or self.make("Gather", self.vectors(), "ids", axis=0)]
        for matrix in (kernel, recurrent):
            turned = self.make("Transpose", self.in_order(matrix, 1), perm=(1, 0))
            given.append(self.make("Unsqueeze", turned, first))
        given.append(self.make("Unsqueeze", biases, first))
        states = CELLS[network.cell].states
        handed = starts_after_padding(network, self.size)
        if handed:
            start = [self.first(f"{layer.name}.state{i}") for i in range(states)]
            given += ["", *(self.make("Unsqueeze", state, first) for state in start)]
        attributes: dict[str, Attribute] = {"hidden_size": network.units}
        if layer.backwards:
            attributes["direction"] = "reverse"
        if network.cell == "gru":
            attributes["linear_before_reset"] = 1  # Keras's reset_after
        if network.activation != "tanh":
            attributes["activations"] = (network.activation.capitalize(),)
        operator = CELLS[network.cell].operator
        made = self.make_several(1 + states, operator, *given, **attributes)
        if handed:
            self.last([self.make("Squeeze", state, first) for state in made[1:]])
        # An axis for the direction comes before that of the rows.
        if gives == "last":
            return [self.make("Squeeze", made[1], first)]
        return [self.make("Squeeze", made[0], self.axes(1))]

    def in_order(self, weights: str, axis: int) -> str:
        """Put an LSTM's gates into ONNX's order: Keras has i, f, n, o, and ONNX i, o, f, n."""
        if self.network.cell != "lstm":
            return weights
        sizes = self.fixed("gates", [self.network.units] * 4)
        i, f, n, o = self.make_several(4, "Split", weights, sizes, axis=axis)
        return self.make("Concat", i, o, f, n, axis=axis)


def one(network: NetworkConfig, size: Size) -> Graph:
    """Return the graph for a single text of several windows.

    `ids` is int32 (steps, rows): a row is a window of the text. Padding may be masked.
    """
    build = _loops(network, size)
    build.inputs[0] = Value("ids", "int32", ("steps", "rows"))
    (states,) = build.stack("states")
    counted = compared = states
    if network.mask:
        if any(map(build.ends_in_padding, layers(network)[-1])):
            counted = compared = build.make("Mul", states, build.kept)
        compared = build.make("Add", compared, build.penalty)
        count = build.make("ReduceSum", build.kept, build.axes(0, 1), keepdims=0)
    else:
        count = build.to_float(build.make("Size", "ids"))
    total = build.make("ReduceSum", counted, build.axes(0, 1), keepdims=0)
    highest = build.make("ReduceMax", compared, axes=(0, 1), keepdims=0)
    pooled = build.pool(total, highest, count, axis=0)
    return build.graph(build.make("Unsqueeze", pooled, build.axes(0)))


def chain(network: NetworkConfig, size: Size) -> Graph:
    """Return the graph for a single text of one window, or of a network without windows.

    `ids` is int32 (steps, 1): at least one word, and no padding that is to be masked.
    """
    build = _Chain(network, size)
    build.inputs[0] = Value("ids", "int32", ("steps", 1))
    if network.pooling == "last":
        return build.graph(*build.stack("last"))
    (states,) = build.stack("states")
    count = build.to_float(build.make("Size", "ids"))
    total = build.make("ReduceSum", states, build.axes(0), keepdims=0)
    highest = build.make("ReduceMax", states, axes=(0,), keepdims=0)
    return build.graph(build.pool(total, highest, count, axis=1, may_be_empty=False))


def step(network: NetworkConfig, ids: int) -> Graph:
    """Return the graph for one step of a generator: no loop, so few nodes.

    `ids` is int32 (batch,) and `logits` float32 (batch, ids); states as in `graph.generator`.
    """
    build = Handed(network, Size(ids, ids, "pre"))
    build.inputs[0] = Value("ids", "int32", ("batch",))
    build.outputs = [Value("logits", "float32", ("batch", ids))]
    cell, below = CELLS[network.cell], ""
    for (layer,) in layers(network):
        kernel, bias, *recurrent = build.kernels(layer)
        if below:
            x = build.make("Gemm", below, kernel, bias)
        else:
            x = build.looked_up(kernel, bias, layer)
        states = [build.first(f"{layer.name}.state{i}") for i in range(cell.states)]
        after = cell.step(build, network, recurrent, states, x)
        build.last(after)
        below = after[0]
    kernel = build.matrix("head.kernel", network.units, ids)
    return build.ending("Gemm", below, kernel, build.weight("head.bias", ids))


class _OneSeries(Series, _Chain):
    """A forecaster's layers by ONNX's own recurrent operators, from a state of zeros."""

    first = Builder.first
    last = Builder.last


def one_series(network: NetworkConfig, shape: Shape) -> Graph:
    """Return a forecaster's graph for a single series: as `series.forecaster` makes it."""
    return forecaster(network, shape, _OneSeries)


def windows(network: NetworkConfig, size: Size) -> Graph:
    """Return the graph from windows to the sum and the maximum of their states.

    `ids` is int32 (steps, rows); what it gives is float32 (rows, width) each.
    """
    build = Builder(network, size)
    build.inputs[0] = Value("ids", "int32", ("steps", "rows"))
    made = build.stack("pooled")
    build.outputs = [Value(name, "float32", ("rows", build.width)) for name in made]
    return build.whole()


def head(network: NetworkConfig, size: Size) -> Graph:
    """Return the graph from texts' sum, maximum and number of words to `scores`.

    `total` and `highest` are float32 (batch, width), `count` is float32 (batch, 1).
    """
    build = Builder(network, size)
    widths = {"total": build.width, "highest": build.width, "count": 1}
    build.inputs = [Value(name, "float32", ("batch", width)) for name, width in widths.items()]
    return build.graph(build.pool("total", "highest", "count", axis=1))
