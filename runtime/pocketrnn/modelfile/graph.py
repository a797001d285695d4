"""The graph of a network, made from its configuration alone.

It reads from top to bottom: the cells, one step of each; the parts of a graph, of which a layer's
loop is the longest; and `classifier` and `generator`, which put them together. Keras's layers are
the definition, and the weights have Keras's layout. Nodes that read only constants are computed
once, when onnxruntime loads the file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from ..config import check
from .network import NetworkConfig
from .onnx import TYPES, Attribute, Graph, Node, Nodes, Value
from .weights import LARGE

# The word vectors, and the rows that words are looked up in, which are made of them at load: 256 MB
# of float32 each at most.
MOST_NUMBERS = 1 << 26

# Lower than any state that counts: a running maximum starts here. As in pocketrnn_train.layers.
BELOW_ALL = -1e4


@dataclass(frozen=True)
class Size:
    """What a graph takes from the settings of the text, and from the labels."""

    ids: int
    """How many ids there are, those of padding, start and unknown words included."""
    outputs: int
    """1: a sigmoid; more: a softmax over so many."""
    padding: Literal["pre", "post"]
    """On which side of a text its padding is."""
    sigmoids: bool = False
    """Whether each output is a sigmoid of its own."""


# -- cells -------------------------------------------------------------------------------------


Step = Callable[[Nodes, NetworkConfig, list[str], list[str], str], list[str]]
"""Adds the nodes of one step: from the names of the recurrent kernel and bias, which only a GRU
has, of the states and of x, the input times its kernel plus bias, to those of the new states.
Gemm(a, b, c) is a @ b + c."""


def _simple_rnn(
    nodes: Nodes, network: NetworkConfig, recurrent: list[str], states: list[str], x: str
) -> list[str]:
    """Return activation(x + h U)."""
    (h,) = states
    return [nodes.make(network.activation.capitalize(), nodes.make("Gemm", h, recurrent[0], x))]


def _gru(
    nodes: Nodes, network: NetworkConfig, recurrent: list[str], states: list[str], x: str
) -> list[str]:
    """Return c + z (h - c), with z, r = sigmoid(x + h U + b) and c = tanh(x + r (h U + b)).

    Keras's GRU with `reset_after`, its default; the order of the gates is z, r, c.
    """
    (h,) = states
    product = nodes.make("Gemm", h, *recurrent)
    xz, xr, xc = _gates(nodes, network, x)
    hz, hr, hc = _gates(nodes, network, product)
    z = nodes.make("Sigmoid", nodes.make("Add", xz, hz))
    r = nodes.make("Sigmoid", nodes.make("Add", xr, hr))
    c = nodes.make("Tanh", nodes.make("Add", xc, nodes.make("Mul", r, hc)))
    return [nodes.make("Add", c, nodes.make("Mul", z, nodes.make("Sub", h, c)))]


def _lstm(
    nodes: Nodes, network: NetworkConfig, recurrent: list[str], states: list[str], x: str
) -> list[str]:
    """Return o tanh(c) and c = f c + i n, with i, f, o = sigmoid(x + h U), n = tanh(x + h U).

    Keras's order of the gates is i, f, n, o.
    """
    h, c = states
    i, f, n, o = _gates(nodes, network, nodes.make("Gemm", h, recurrent[0], x))
    kept = nodes.make("Mul", nodes.make("Sigmoid", f), c)
    added = nodes.make("Mul", nodes.make("Sigmoid", i), nodes.make("Tanh", n))
    c = nodes.make("Add", kept, added)
    return [nodes.make("Mul", nodes.make("Sigmoid", o), nodes.make("Tanh", c)), c]


def _gates(nodes: Nodes, network: NetworkConfig, value: str) -> list[str]:
    sizes = nodes.fixed("gates", [network.units] * network.gates)
    return nodes.make_several(network.gates, "Split", value, sizes, axis=1)


class Cell(NamedTuple):
    """A kind of recurrent layer."""

    step: Step
    states: int = 1
    """How many it carries; the first one is its output."""
    has_recurrent_bias: bool = False
    operator: str = ""
    """ONNX's own for such a layer, if there is one."""


CELLS = {
    "simple_rnn": Cell(_simple_rnn, operator="RNN"),
    "gru": Cell(_gru, has_recurrent_bias=True, operator="GRU"),
    "lstm": Cell(_lstm, states=2, operator="LSTM"),
}


# -- layers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """One layer in one direction."""

    name: str
    number: int
    """From 0, the layer that is given the words."""
    backwards: bool


Gives = Literal["last", "states", "pooled"]


def layers(network: NetworkConfig) -> list[list[Layer]]:
    """Return the layers from the bottom up, each in one direction or in both."""
    ways = ("forward", "backward") if network.bidirectional else ("forward",)
    return [
        [Layer(f"layer{i}.{way}", i, backwards=way == "backward") for way in ways]
        for i in range(network.layers)
    ]


# -- the parts of a graph ----------------------------------------------------------------------


class Builder(Nodes):
    """Makes the parts of one network's graph.

    A row of a loop is a text or, with windows, one of its windows: the loop takes as many steps as
    a row has, and all rows at once.
    """

    large = LARGE
    """Numbers of a matrix that is stored in fewer bits, if the network has fewer."""

    def __init__(self, network: NetworkConfig, size: Size) -> None:
        """Start with no node but those that make rows of the ids."""
        super().__init__()
        self.network, self.size = network, size
        self.width = network.directions * network.units
        self.inputs = [Value("ids", "int32", ("batch", "time"))]
        self.outputs = [Value("scores", "float32", ("batch", size.outputs))]
        self.rows = "ids"
        """Name of the ids that the loops read: int32 (steps, rows), once they are transposed."""

    def number(self, value: float) -> str:
        """Return a float32 constant of no dimension."""
        return self.fixed(f"float{value:g}", value, "float32")

    def axes(self, *numbers: int) -> str:
        """Return a constant that holds axes."""
        return self.fixed("axes" + "".join(map(str, numbers)), numbers)

    def to_float(self, value: str) -> str:
        return self.make("Cast", value, to=TYPES["float32"])

    def matrix(self, name: str, rows: int, columns: int) -> str:
        """Return a matrix of weights as float32, however it is stored."""
        weights = self.network.weights
        if weights == "float32" or rows * columns < self.large:
            return self.weight(name, rows, columns)
        values = self.to_float(self.weight(name, rows, columns, dtype=weights))
        if weights == "float16":
            return values
        return self.make("Mul", values, self.weight(f"{name}.scale", columns))

    def vectors(self) -> str:
        return self.matrix("embedding", self.size.ids, self.network.embedding)

    def kernels(self, layer: Layer) -> tuple[str, str, str, str]:
        """Return the names of a layer's kernel, bias, recurrent kernel and recurrent bias."""
        network, name = self.network, layer.name
        width = network.gates * network.units
        below = self.width if layer.number else network.embedding
        return (
            self.matrix(f"{name}.kernel", below, width),
            self.weight(f"{name}.bias", width),
            self.matrix(f"{name}.recurrent", network.units, width),
            self.weight(f"{name}.recurrent_bias", width)
            if CELLS[network.cell].has_recurrent_bias
            else "",
        )

    # Masked padding, which each loop starts with or ends in. The first use of a property adds its
    # nodes, and later ones share them: moving a first use changes the bytes of a file.

    def are_words(self, ids: str) -> str:
        """Return whether each id is a word and not padding, as bool."""
        return self.make("Not", self.make("Equal", ids, self.fixed("padding_id", 0, "int32")))

    @cached_property
    def are_kept(self) -> str:
        """Whether each step is a word: bool (steps, rows, 1)."""
        return self.make("Unsqueeze", self.are_words(self.rows), self.axes(2))

    @cached_property
    def kept(self) -> str:
        """1 for a step that is a word, else 0: float32 (steps, rows, 1)."""
        return self.to_float(self.are_kept)

    @cached_property
    def penalty(self) -> str:
        """0 for a step that is a word, else below any state: float32 (steps, rows, 1)."""
        lowered = self.make("Sub", self.kept, self.number(1))
        return self.make("Mul", lowered, self.number(-BELOW_ALL))

    def ends_in_padding(self, layer: Layer) -> bool:
        """Tell whether a layer reads a text's padding last, and not first."""
        return layer.backwards == (self.size.padding == "pre")

    def zeroes_padding(self, layer: Layer) -> bool:
        """Tell whether looking up zeros for padding does what a mask does: keep the state at zero.

        A SimpleRNN makes act(0) of a state and an input of zero, and an LSTM tanh(0).
        """
        reads_words = layer.number == 0 and not self.ends_in_padding(layer)
        return self.network.mask and reads_words and self.network.cell != "gru"

    def keeps_states(self, layer: Layer) -> bool:
        """Tell whether the loop must ask at each step whether to keep the state that it had.

        Behind a text's last word that matters to nothing but the last state of the top layer.
        """
        if self.ends_in_padding(layer):
            top = layer.number == self.network.layers - 1
            return self.network.mask and top and self.network.pooling == "last"
        return self.network.mask and not self.zeroes_padding(layer)

    # A layer.

    def looked_up(self, kernel: str, bias: str, layer: Layer) -> str:
        """Look up `embedding @ kernel + bias`: what the words give a step of the first layer."""
        table = self.make("Gemm", self.vectors(), kernel, bias)
        if self.zeroes_padding(layer):
            end = self.fixed("ids_end", [self.size.ids])
            words = self.make("Slice", table, self.axes(1), end, self.axes(0))
            row = np.zeros((1, self.network.gates * self.network.units))
            table = self.make("Concat", self.fixed("padding_row", row, "float32"), words, axis=0)
        return self.make("Gather", table, self.rows, axis=0)

    def loop(self, layer: Layer, below: str, gives: Gives) -> list[str]:
        """Add a layer's loop over all states `below`, or over words, and return what it gives.

        That is the last state (rows, units), or all states (steps, rows, units), or the sum and
        the maximum of all states.
        """
        name, cell = layer.name, CELLS[self.network.cell]
        kernel, bias, *recurrent = self.kernels(layer)
        if below:
            x = self.make("Add", self.make("MatMul", below, kernel), bias)
        else:
            x = self.looked_up(kernel, bias, layer)
        body = Nodes(f"{name}.", self.constants)
        sequences: dict[Value, str] = {}

        def step(what: str, sequence: str, dtype: str = "float32") -> str:
            value = Value(f"{name}.{what}", dtype)
            sequences[value] = sequence
            return value.name

        before = [f"{name}.state{i}" for i in range(cell.states)]
        start = [self.first(state) for state in before]
        after = cell.step(body, self.network, recurrent, before, step("x", x))
        if self.keeps_states(layer):
            kept = step("are_kept", self.are_kept, "bool")
            pairs = zip(after, before, strict=True)
            after = [body.make("Where", kept, new, old) for new, old in pairs]
        if gives == "states":
            after.append(body.make("Identity", after[0]))  # a body can't give one value twice
        if gives == "pooled":
            counted = compared = after[0]
            if self.network.mask and self.ends_in_padding(layer):
                counted = compared = body.make("Mul", counted, step("kept", self.kept))
            if self.network.mask:
                compared = body.make("Add", compared, step("penalty", self.penalty))
            before += [f"{name}.total", f"{name}.highest"]
            start += [self.filled(0), self.filled(BELOW_ALL)]
            after.append(body.make("Add", before[-2], counted))
            after.append(body.make("Max", before[-1], compared))

        carried = [Value(state, "float32") for state in before]
        results = [Value(result, "float32") for result in after]
        attributes: dict[str, Attribute] = {
            "body": Graph(name, (*carried, *sequences), tuple(results), tuple(body.nodes)),
            "num_scan_inputs": len(sequences),
        }
        if layer.backwards:
            attributes["scan_input_directions"] = (1,) * len(sequences)
            if gives == "states":
                attributes["scan_output_directions"] = (1,)
        made = self.make_several(len(after), "Scan", *start, *sequences.values(), **attributes)
        self.last(made[: cell.states])
        return made[:1] if gives == "last" else made[cell.states :]

    def stack(self, gives: Gives) -> list[str]:
        """Add all layers, and return what the top one gives, its directions side by side."""
        made = [""]
        for ways in layers(self.network):
            what = gives if ways[0].number == self.network.layers - 1 else "states"
            each = [self.loop(way, made[0], what) for way in ways]
            made = each[0]
            if len(ways) > 1:
                axis = 2 if what == "states" else 1
                made = [self.make("Concat", *same, axis=axis) for same in zip(*each, strict=True)]
        return made

    def first(self, state: str) -> str:
        """Return the state before the first step: float32 (rows, units)."""
        return self.filled(0)

    def last(self, states: list[str]) -> None:
        """Take note of the states after the last step."""

    def filled(self, value: float) -> str:
        """Return float32 (rows, units) of one value."""
        return self.make("Expand", self.number(value), self.state_shape)

    @cached_property
    def state_shape(self) -> str:
        """The shape (rows, units)."""
        rows = self.make("Shape", self.rows, start=1, end=2)
        return self.make("Concat", rows, self.fixed("units", [self.network.units]), axis=0)

    # Pooling and head.

    def pool(
        self, total: str, highest: str, count: str, axis: int, *, may_be_empty: bool = True
    ) -> str:
        """Return sum / (16 sqrt(count)) and maximum of `count` states; without a word both are 0.

        As pocketrnn_train.layers.SqrtnMax.
        """
        least = self.make("Max", count, self.number(1)) if may_be_empty else count
        root = self.make("Sqrt", least)
        total = self.make("Div", total, self.make("Mul", root, self.number(16)))
        if self.network.mask and may_be_empty:
            highest = self.make("Mul", highest, self.make("Min", count, self.number(1)))
        return self.make("Concat", total, highest, axis=axis)

    def graph(self, seen: str) -> Graph:
        """Return the graph whose head sees `seen`: float32 (batch, width or twice as much)."""
        width = self.width if self.network.pooling == "last" else 2 * self.width
        kernel = self.weight("head.kernel", width, self.size.outputs)
        product = self.make("Gemm", seen, kernel, self.weight("head.bias", self.size.outputs))
        operator = "Sigmoid" if self.size.outputs == 1 or self.size.sigmoids else "Softmax"
        return self.ending(operator, product)

    def ending(self, operator: str, *values: str, **attributes: Attribute) -> Graph:
        """Return the graph whose last node makes its first output of `values`."""
        self.nodes.append(Node(operator, values, (self.outputs[0].name,), attributes))
        return self.whole()

    def whole(self) -> Graph:
        """Return the graph as it is."""
        inputs, outputs, nodes = tuple(self.inputs), tuple(self.outputs), tuple(self.nodes)
        return Graph("pocketrnn", inputs, outputs, nodes, tuple(self.constants.values()))


class Handed(Builder):
    """A graph that is handed the states before the first step, and gives those after the last."""

    def first(self, state: str) -> str:
        """Take the state from the caller."""
        self.inputs.append(Value(f"{state}.start", "float32", ("batch", self.network.units)))
        return self.inputs[-1].name

    def last(self, states: list[str]) -> None:
        """Give the states to the caller, who may ask for them."""
        shape = ("batch", self.network.units)
        self.outputs += [Value(state, "float32", shape) for state in states]


# -- the whole network -------------------------------------------------------------------------


def classifier(network: NetworkConfig, size: Size) -> Graph:
    """Return the graph from `ids`, int32 (batch, time), to `scores`, float32 (batch, outputs).

    Raises ConfigError for more ids or units than `MOST_NUMBERS` allows.
    """
    _check_ids(network, size.ids)
    return built(Builder(network, size))


def _check_ids(network: NetworkConfig, ids: int) -> None:
    width = max(network.directions * network.gates * network.units, network.embedding)
    check(
        ids * width <= MOST_NUMBERS,
        f"{ids} ids are too many for this network: {width} numbers for each are more than "
        f"{MOST_NUMBERS:,} together",
    )


def built(build: Builder) -> Graph:
    """Put the parts that `build` makes together."""
    network = build.network
    if network.window:
        build.rows = build.make("Reshape", "ids", build.fixed("row", [-1, network.window]))
    build.rows = build.make("Transpose", build.rows, perm=(1, 0))
    if network.pooling == "last":
        return build.graph(*build.stack("last"))
    total, highest = build.stack("pooled")
    if network.window:
        batch = build.make("Shape", "ids", start=0, end=1)
        windows = build.fixed("windows", [-1, build.width])
        shape = build.make("Concat", batch, windows, axis=0)
        total, highest = (build.make("Reshape", same, shape) for same in (total, highest))
        total = build.make("ReduceSum", total, build.axes(1), keepdims=0)
        highest = build.make("ReduceMax", highest, axes=(1,), keepdims=0)
    if network.mask:
        words = build.to_float(build.are_words("ids"))
        count = build.make("ReduceSum", words, build.axes(1), keepdims=1)
    else:
        count = build.to_float(build.make("Shape", "ids", start=1))
    return build.graph(build.pool(total, highest, count, axis=1))


def generator(network: NetworkConfig, ids: int) -> Graph:
    """Return the graph from `ids` and states to `logits` of what follows, and states.

    `ids` is int32 (batch, time), `logits` float32 (batch, time, ids). The states of all layers,
    each float32 (batch, units), go in and come out in the same order. Raises ConfigError for more
    ids than `MOST_NUMBERS` allows.
    """
    _check_ids(network, ids)
    build = Handed(network, Size(ids, ids, "pre"))
    build.outputs = [Value("logits", "float32", ("batch", "time", ids))]
    build.rows = build.make("Transpose", "ids", perm=(1, 0))
    (states,) = build.stack("states")
    product = build.make("MatMul", states, build.matrix("head.kernel", network.units, ids))
    logits = build.make("Add", product, build.weight("head.bias", ids))
    return build.ending("Transpose", logits, perm=(1, 0, 2))
