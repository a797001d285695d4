"""The graph of a network: which nodes it has follows from its configuration, by this page.

It reads from top to bottom: the cells, one step of each; a layer, which is a loop over steps; and
`classifier`, which puts layers, pooling and head together. Keras's layers are the definition, and
the weights have Keras's layout.

Three forms compute the same scores:

- `file` is what a model file holds: it needs nothing but `ids`, so any language can run it;
- `many` is what pocketrnn runs for a batch of texts;
- `one` is for a single text, whose windows are the rows: few nodes, and a short loop.

The last two are handed the first states where those depend on how much padding is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from ..config import check
from .network import NetworkConfig
from .onnx import TYPES, Attribute, Constant, Graph, Node, Value
from .weights import is_large

Form = Literal["file", "many", "one"]

# What the words are looked up in is made ready at load, so it is bounded: 256 MB as float32.
MOST_NUMBERS = 1 << 26

# Under any state whose maximum matters, and small enough for float16.
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


class Nodes:
    """Collects the nodes and constants of a graph, and gives each value a name of its own."""

    def __init__(self, prefix: str = "", constants: dict[str, Constant] | None = None) -> None:
        """Start empty; the body of a loop shares the `constants` of the graph around it."""
        self.nodes: list[Node] = []
        self.constants = {} if constants is None else constants
        self._prefix = prefix

    def make(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """Add a node with one output, and return the output's name."""
        (output,) = self.make_several(1, operator, *inputs, **attributes)
        return output

    def make_several(
        self, count: int, operator: str, *inputs: str, **attributes: Attribute
    ) -> list[str]:
        """Add a node, and return the names of its outputs."""
        name = f"{self._prefix}{operator.lower()}{len(self.nodes)}"
        outputs = [name] if count == 1 else [f"{name}.{i}" for i in range(count)]
        self.nodes.append(Node(operator, inputs, tuple(outputs), attributes))
        return outputs

    def fixed(self, name: str, numbers: object, dtype: str = "int64") -> str:
        """Return `name`, of a constant that isn't trained: an axis, a size, a zero."""
        array = np.array(numbers, dtype)
        self.constants[name] = Constant(name, dtype, array.shape, array)
        return name

    def weight(self, name: str, *shape: int, dtype: str = "float32") -> str:
        """Return `name`, of a constant whose numbers are trained."""
        self.constants[name] = Constant(name, dtype, shape)
        return name


# -- cells -------------------------------------------------------------------------------------


class Recurrent(NamedTuple):
    """The names of what a step multiplies the state by, and adds to that (a GRU alone)."""

    kernel: str
    bias: str


Step = Callable[[Nodes, NetworkConfig, Recurrent, list[str], str], list[str]]
"""From a layer's weights, its states and its input, projected already, to its new states."""


def _simple_rnn(
    nodes: Nodes, network: NetworkConfig, recurrent: Recurrent, states: list[str], x: str
) -> list[str]:
    """New h = activation(x + h U)."""
    (h,) = states
    return [nodes.make(network.activation.capitalize(), nodes.make("Gemm", h, recurrent.kernel, x))]


def _gru(
    nodes: Nodes, network: NetworkConfig, recurrent: Recurrent, states: list[str], x: str
) -> list[str]:
    """z, r = sigmoid(x + h U + b); c = tanh(x + r (h U + b)); h' = c + z (h - c).

    Keras's GRU with `reset_after`, its default; the order of the gates is z, r, c.
    """
    (h,) = states
    product = nodes.make("Gemm", h, recurrent.kernel, recurrent.bias)
    xz, xr, xc = _gates(nodes, network, x)
    hz, hr, hc = _gates(nodes, network, product)
    z = nodes.make("Sigmoid", nodes.make("Add", xz, hz))
    r = nodes.make("Sigmoid", nodes.make("Add", xr, hr))
    c = nodes.make("Tanh", nodes.make("Add", xc, nodes.make("Mul", r, hc)))
    return [nodes.make("Add", c, nodes.make("Mul", z, nodes.make("Sub", h, c)))]


def _lstm(
    nodes: Nodes, network: NetworkConfig, recurrent: Recurrent, states: list[str], x: str
) -> list[str]:
    """i, f, o = sigmoid(x + h U); n = tanh(x + h U); c' = f c + i n; h' = o tanh(c').

    Keras's order of the gates is i, f, n, o.
    """
    h, c = states
    i, f, n, o = _gates(nodes, network, nodes.make("Gemm", h, recurrent.kernel, x))
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


CELLS = {
    "simple_rnn": Cell(_simple_rnn),
    "gru": Cell(_gru, has_recurrent_bias=True),
    "lstm": Cell(_lstm, states=2),
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


class _Builder(Nodes):
    """Makes the parts of one network's graph."""

    def __init__(self, network: NetworkConfig, size: Size, form: Form) -> None:
        super().__init__()
        self.network, self.size, self.form = network, size, form
        self.is_handed_states = form != "file" and starts_after_padding(network, size)
        self.inputs = [Value("ids", "int32", ("batch", "time"))]
        self.outputs = [Value("scores", "float32", ("batch", size.outputs))]
        # A row of the loop is a text, or with windows one of its windows.
        self.rows = "ids"  # int32 (steps, rows)
        if form == "one":
            self.inputs = [Value("ids", "int32", ("steps", "rows"))]
        else:
            if network.window:
                shape = self.fixed("window_rows", [-1, network.window])
                self.rows = self.make("Reshape", self.rows, shape)
            self.rows = self.make("Transpose", self.rows, perm=(1, 0))
        if network.mask:
            are_words = self.make("Unsqueeze", self.are_words(self.rows), self.axes(2))
            self.are_kept = are_words  # bool (steps, rows, 1)
            self.kept = self.to_float(are_words)
            lowered = self.make("Sub", self.kept, self.number(1))
            self.penalty = self.make("Mul", lowered, self.number(-BELOW_ALL))  # 0 for a word
        count = self.make("Shape", self.rows, start=1, end=2)
        units = self.fixed("units", [network.units])
        self.state_shape = self.make("Concat", count, units, axis=0)

    def number(self, value: float) -> str:
        """Return a float32 constant of no dimension."""
        return self.fixed(f"float{value:g}", value, "float32")

    def axes(self, *numbers: int) -> str:
        """Return a constant that holds axes."""
        return self.fixed("axes" + "".join(map(str, numbers)), numbers)

    def to_float(self, value: str) -> str:
        """Return `value` as float32."""
        return self.make("Cast", value, to=TYPES["float32"])

    def are_words(self, ids: str) -> str:
        """Return whether each id is a word and not padding, as bool."""
        return self.make("Not", self.make("Equal", ids, self.fixed("padding_id", 0, "int32")))

    def side_by_side(self, values: list[str], axis: int) -> str:
        """Return what the directions of a layer give as one value."""
        return values[0] if len(values) == 1 else self.make("Concat", *values, axis=axis)

    def matrix(self, name: str, rows: int, columns: int) -> str:
        """Return a matrix of weights as float32, however it is stored."""
        weights = self.network.weights
        if weights == "float32" or not is_large(rows, columns):
            return self.weight(name, rows, columns)
        values = self.to_float(self.weight(name, rows, columns, dtype=weights))
        if weights == "float16":
            return values
        return self.make("Mul", values, self.weight(f"{name}.scale", columns))

    # Masked padding: a loop starts or ends in it.

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

    def looked_up(self, layer: Layer) -> str:
        """Look up `embedding @ kernel + bias`: made once, at load, as all of it is constant."""
        network, width = self.network, self.network.gates * self.network.units
        vectors = self.matrix("embedding", self.size.ids, network.embedding)
        kernel = self.matrix(f"{layer.name}.kernel", network.embedding, width)
        table = self.make("Gemm", vectors, kernel, self.weight(f"{layer.name}.bias", width))
        if self.zeroes_padding(layer):
            end = self.fixed("ids_end", [self.size.ids])
            words = self.make("Slice", table, self.axes(1), end, self.axes(0))
            padding = self.fixed("padding_row", np.zeros((1, width)), "float32")
            table = self.make("Concat", padding, words, axis=0)
        return self.make("Gather", table, self.rows, axis=0)

    def projected(self, states: str, layer: Layer) -> str:
        """Return what a layer is given of all states of the layer below."""
        network, width = self.network, self.network.gates * self.network.units
        kernel = self.matrix(f"{layer.name}.kernel", network.directions * network.units, width)
        product = self.make("MatMul", states, kernel)
        return self.make("Add", product, self.weight(f"{layer.name}.bias", width))

    def loop(self, layer: Layer, x: str, gives: Gives) -> list[str]:
        """Add a layer's loop over x, (steps, rows, gates * units), and return what it gives.

        That is the last state (rows, units), or all states (steps, rows, units), or the sum and
        the maximum of all states.
        """
        cell, name = CELLS[self.network.cell], layer.name
        width = self.network.gates * self.network.units
        kernel = self.matrix(f"{name}.recurrent", self.network.units, width)
        bias = self.weight(f"{name}.recurrent_bias", width) if cell.has_recurrent_bias else ""
        body = Nodes(f"{name}.", self.constants)
        sequences: dict[Value, str] = {}

        def step(what: str, sequence: str, dtype: str = "float32") -> str:
            value = Value(f"{name}.{what}", dtype)
            sequences[value] = sequence
            return value.name

        before = [f"{name}.state{i}" for i in range(cell.states)]
        start = [f"{state}.start" if self.is_handed_states else self.filled(0) for state in before]
        after = cell.step(body, self.network, Recurrent(kernel, bias), before, step("x", x))
        if self.keeps_states(layer):
            kept = step("are_kept", self.are_kept, "bool")
            pairs = zip(after, before, strict=True)
            after = [body.make("Where", kept, new, old) for new, old in pairs]
        if gives == "states":
            after.append(body.make("Identity", after[0]))  # a body can't give one value twice
        if gives == "pooled":
            total, highest = f"{name}.total", f"{name}.highest"
            counted = compared = after[0]
            if self.network.mask and self.ends_in_padding(layer):
                counted = compared = body.make("Mul", counted, step("kept", self.kept))
            if self.network.mask:
                compared = body.make("Add", compared, step("penalty", self.penalty))
            before += [total, highest]
            start += [self.filled(0), self.filled(BELOW_ALL)]
            after += [body.make("Add", total, counted), body.make("Max", highest, compared)]

        attributes: dict[str, Attribute] = {
            "body": Graph(
                name,
                (*(Value(state, "float32") for state in before), *sequences),
                tuple(Value(result, "float32") for result in after),
                tuple(body.nodes),
            ),
            "num_scan_inputs": len(sequences),
        }
        if layer.backwards:
            attributes["scan_input_directions"] = (1,) * len(sequences)
            if gives == "states":
                attributes["scan_output_directions"] = (1,)
        made = self.make_several(len(after), "Scan", *start, *sequences.values(), **attributes)
        if self.is_handed_states:
            shape = ("rows", self.network.units)
            self.inputs += [Value(state, "float32", shape) for state in start]
            self.outputs += [Value(state, "float32", shape) for state in made[: cell.states]]
        return made[:1] if gives == "last" else made[cell.states :]

    def filled(self, value: float) -> str:
        """Return float32 (rows, units) of one value."""
        return self.make("Expand", self.number(value), self.state_shape)

    # Pooling: sum / (16 sqrt(n)) and maximum of n states, as pocketrnn_train.layers.SqrtnMax.

    def pooled_in_loops(self, layer: list[Layer], inputs: list[str]) -> str:
        """Pool while the loop goes on; (batch, 2 * width)."""
        made = [self.loop(way, x, "pooled") for way, x in zip(layer, inputs, strict=True)]
        total, highest = (self.side_by_side(list(same), 1) for same in zip(*made, strict=True))
        if self.network.window:
            batch = self.make("Shape", "ids", start=0, end=1)
            rest = self.fixed("windows", [-1, self.network.directions * self.network.units])
            shape = self.make("Concat", batch, rest, axis=0)
            total, highest = (self.make("Reshape", same, shape) for same in (total, highest))
            total = self.make("ReduceSum", total, self.axes(1), keepdims=0)
            highest = self.make("ReduceMax", highest, axes=(1,), keepdims=0)
        if self.network.mask:
            words = self.to_float(self.are_words("ids"))
            count = self.make("ReduceSum", words, self.axes(1), keepdims=1)
        else:
            count = self.to_float(self.make("Shape", "ids", start=1))
        return self.rooted(total, highest, count, axis=1)

    def pooled_behind_loops(self, layer: list[Layer], inputs: list[str]) -> str:
        """Pool the states of one text; (1, 2 * width)."""
        made = [self.loop(way, x, "states")[0] for way, x in zip(layer, inputs, strict=True)]
        counted = compared = self.side_by_side(made, 2)
        if self.network.mask:
            if any(map(self.ends_in_padding, layer)):
                counted = compared = self.make("Mul", counted, self.kept)
            compared = self.make("Add", compared, self.penalty)
            count = self.make("ReduceSum", self.kept, self.axes(0, 1), keepdims=0)
        else:
            count = self.to_float(self.make("Size", "ids"))
        total = self.make("ReduceSum", counted, self.axes(0, 1), keepdims=0)
        highest = self.make("ReduceMax", compared, axes=(0, 1), keepdims=0)
        return self.make("Unsqueeze", self.rooted(total, highest, count, axis=0), self.axes(0))

    def rooted(self, total: str, highest: str, count: str, axis: int) -> str:
        """Divide the sum by 16 sqrt(count); without a word both are 0."""
        root = self.make("Sqrt", self.make("Max", count, self.number(1)))
        total = self.make("Div", total, self.make("Mul", root, self.number(16)))
        if self.network.mask:
            highest = self.make("Mul", highest, self.make("Min", count, self.number(1)))
        return self.make("Concat", total, highest, axis=axis)


def starts_after_padding(network: NetworkConfig, size: Size) -> bool:
    """Tell whether padding does nothing but move the state that a text's words start from.

    Then any part of it may be left out, if the loop is handed that state.
    """
    read = not (network.mask or network.bidirectional)
    return read and network.pooling == "last" and size.padding == "pre"


# -- the whole network -------------------------------------------------------------------------


def classifier(network: NetworkConfig, size: Size, form: Form = "file") -> Graph:
    """Return the graph from `ids` to `scores`.

    `ids` is int32 (batch, time), in the form `one` (steps, rows) of one text; `scores` is float32
    (batch, outputs). Raises ConfigError for more ids or units than `MOST_NUMBERS` allows.
    """
    width = network.directions * network.gates * network.units
    check(
        size.ids * width <= MOST_NUMBERS,
        f"{size.ids} ids are too many for this network: {width} numbers for each are more than "
        f"{MOST_NUMBERS:,} together",
    )
    build = _Builder(network, size, form)
    every = layers(network)
    inputs = [build.looked_up(way) for way in every[0]]
    for layer, above in pairwise(every):
        made = [build.loop(way, x, "states")[0] for way, x in zip(layer, inputs, strict=True)]
        states = build.side_by_side(made, 2)
        inputs = [build.projected(states, way) for way in above]
    if network.pooling == "last":
        made = [build.loop(way, x, "last")[0] for way, x in zip(every[-1], inputs, strict=True)]
        seen = build.side_by_side(made, 1)
    else:
        pool = build.pooled_behind_loops if form == "one" else build.pooled_in_loops
        seen = pool(every[-1], inputs)
    pooled = (1 if network.pooling == "last" else 2) * network.directions * network.units
    kernel = build.weight("head.kernel", pooled, size.outputs)
    product = build.make("Gemm", seen, kernel, build.weight("head.bias", size.outputs))
    head = Node("Sigmoid" if size.outputs == 1 else "Softmax", (product,), ("scores",), {})
    return Graph(
        "pocketrnn",
        tuple(build.inputs),
        tuple(build.outputs),
        (*build.nodes, head),
        tuple(build.constants.values()),
    )
