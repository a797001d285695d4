"""The graph of a forecaster, made from its configuration alone.

A series is scaled, its segments are read by recurrent layers, and what the head says is scaled
back: all in the graph, so whoever runs it needs no arithmetic of their own.
`pocketrnn_train.forecast.network` is the same in Keras.
"""

from dataclasses import dataclass

from .graph import Builder, Size, layers
from .network import NetworkConfig
from .onnx import Graph, Value
from .weights import LARGE_OF_SERIES

# Of the logarithm of a forecast over the last season's mean; its exponential is a float32.
MOST_LOG = 18.0

# The least scale, so that constant series have one: of logarithms, and of the largest value.
LEAST_LOG_SCALE, LEAST_SCALE, TINY = 1e-5, 1e-6, 1e-30

# The least scale of a series that repeats itself, as a share of its mean distance from the centre:
# few real series have less, and the network needs to see the values that it corrects.
LEAST_SHARE = 0.02


@dataclass(frozen=True)
class Shape:
    """What a forecaster's graph takes from the settings of the series."""

    context: int
    """Values that are read: a multiple of `segment`."""
    horizon: int
    quantiles: int
    """How many quantiles a forecast has: an odd number, the median in the middle."""
    season: int
    segment: int
    """Values that the network reads in a step."""
    log: bool
    """Whether a series of positive values is scaled by its logarithm."""

    @property
    def naive(self) -> list[int]:
        """Return which value the seasonal naive forecast says again, for each ahead."""
        first = self.context - self.season
        return [first + ahead % self.season for ahead in range(self.horizon)]


class Series(Builder):
    """Short names for what the scaling is made of; sums are over a series' values."""

    large = LARGE_OF_SERIES

    def __init__(self, network: NetworkConfig, shape: Shape) -> None:
        super().__init__(network, Size(1, 1, "pre"))
        self.inputs = [Value("values", "float32", ("batch", shape.context))]
        outputs = ("batch", shape.horizon, shape.quantiles)
        self.outputs = [Value("quantiles", "float32", outputs)]

    def total(self, values: str) -> str:
        return self.make("ReduceSum", values, self.axes(1), keepdims=1)

    def mean(self, total: str, count: str) -> str:
        return self.make("Div", total, self.make("Max", count, self.number(1)))

    def part(self, values: str, first: int, end: int) -> str:
        edges = [self.fixed(f"at{edge}", [edge]) for edge in (first, end)]
        return self.make("Slice", values, *edges, self.axes(1))

    def is_over(self, values: str, limit: int) -> str:
        return self.make("Greater", values, self.number(limit))

    def where(self, condition: str, then: str, otherwise: str) -> str:
        return self.make("Where", condition, then, otherwise)


def forecaster(network: NetworkConfig, shape: Shape, kind: type[Series] = Series) -> Graph:
    """Return the graph from `values` to `quantiles`.

    `values` is float32 (batch, context), NaN where a value isn't known, `quantiles` float32 (batch,
    horizon, quantiles), from the lowest to the highest. `kind` makes the layers.
    """
    build = kind(network, shape)
    make, where, number = build.make, build.where, build.number
    season, end = shape.season, 1 << 31

    # Scaled values: centred on the last season's mean, over the mean difference of a season. A
    # branch of `Where` that isn't taken may be infinite or no number.
    known = make("Not", make("IsNaN", "values"))
    counted = build.to_float(known)
    values = where(known, "values", number(0))
    recent = build.total(build.part(counted, -season, end))
    recent_mean = build.mean(build.total(build.part(values, -season, end)), recent)
    count = build.total(counted)
    centre = where(build.is_over(recent, 0), recent_mean, build.mean(build.total(values), count))
    centred = make("Sub", values, centre)
    largest = make("ReduceMax", make("Abs", values), axes=(1,), keepdims=1)
    least = make("Add", make("Mul", largest, number(LEAST_SCALE)), number(TINY))
    if shape.log:
        lowest = make("ReduceMin", where(known, values, number(1)), axes=(1,), keepdims=1)
        positive = build.is_over(lowest, 0)
        # Far from the mean, a ratio would be 0 or infinite.
        ratio = make("Clip", make("Div", values, centre), number(TINY), number(1 / TINY))
        centred = where(positive, make("Log", ratio), centred)
        least = where(positive, number(LEAST_LOG_SCALE), least)
    centred = where(known, centred, number(0))
    later, earlier = (build.part(centred, *part) for part in ((season, end), (0, -season)))
    pairs = make("Mul", *(build.part(counted, *part) for part in ((season, end), (0, -season))))
    change = make("Mul", make("Abs", make("Sub", later, earlier)), pairs)
    compared = build.total(pairs)
    spread = build.mean(build.total(make("Abs", centred)), count)
    change = where(build.is_over(compared, 0), build.mean(build.total(change), compared), spread)
    scale = make("Max", change, make("Mul", spread, number(LEAST_SHARE)), least)
    scaled = make("Div", centred, scale)
    # What isn't known is as a season before.
    pads = build.fixed("pads", [0, season, 0, 0])
    scaled = where(known, scaled, make("Pad", build.part(scaled, 0, -season), pads))

    # The network, which reads a segment of values, and whether each is known, in a step.
    steps = build.fixed("segments", [0, -1, shape.segment])
    # The inverse hyperbolic sine keeps what is far out within reach of the states.
    segments = [make("Reshape", each, steps) for each in (make("Asinh", scaled), counted)]
    build.rows = make("Transpose", make("Concat", *segments, axis=2), perm=(1, 0, 2))
    kernel = build.matrix("embedding", 2 * shape.segment, network.embedding)
    states = make(
        "Add", make("MatMul", build.rows, kernel), build.weight("embedding.bias", network.embedding)
    )
    states = make("Relu", states)
    *lower, (top,) = layers(network)
    for (layer,) in lower:
        states = build.loop(layer, states, "states")[0]
    states = build.loop(top, states, "last")[0]

    # The head corrects the seasonal naive forecast: by a median, and by a linear path from all
    # values as far as a gate lets it, which shuts for a series that repeats itself. Its other
    # columns are logarithms of increments, so that quantiles can't cross.
    columns, half = shape.horizon * (shape.quantiles + 1), shape.quantiles // 2
    kernel = build.matrix("head.kernel", network.units, columns)
    said = make("Gemm", states, kernel, build.weight("head.bias", columns))
    said = make("Reshape", said, build.fixed("said", [0, shape.horizon, shape.quantiles + 1]))
    sizes = build.fixed("parts", [half, 1, half, 1])
    down, middle, up, gate = build.make_several(4, "Split", said, sizes, axis=2)
    path = make("MatMul", scaled, build.matrix("path.kernel", shape.context, shape.horizon))
    path = make("Mul", make("Unsqueeze", path, build.axes(2)), make("Sigmoid", gate))
    naive = make("Gather", scaled, build.fixed("naive", shape.naive), axis=1)
    naive = make("Unsqueeze", naive, build.axes(2))
    middle = make("Add", make("Add", naive, path), middle)
    width, axis = build.weight("width", 1), build.fixed("axis", 2)
    up, down = (make("Mul", make("Exp", each), width) for each in (up, down))
    down = make("Sub", middle, make("CumSum", down, axis, reverse=1))
    up = make("Add", middle, make("CumSum", up, axis))
    quantiles = make("Concat", down, middle, up, axis=2)

    # Scaled back.
    scale, centre = (make("Unsqueeze", each, build.axes(2)) for each in (scale, centre))
    quantiles = make("Mul", quantiles, scale)
    if not shape.log:
        return build.ending("Add", quantiles, centre)
    limits = number(-MOST_LOG), number(MOST_LOG)
    grown = make("Mul", centre, make("Exp", make("Clip", quantiles, *limits)))
    positive = make("Unsqueeze", positive, build.axes(2))
    return build.ending("Where", positive, grown, make("Add", quantiles, centre))
