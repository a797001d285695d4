"""Go through a graph, add up what it needs, and refuse what has no bound.

A model file is data, but a graph is a program: made to do harm, it could loop for years, or ask
for more memory than there is, some of it while it is loaded. So the graph is walked once with
sizes in place of values (`sizes`), each operator by its rule (`rules`), and refused where a size
can't be told, or where all of them together are over the limits.
"""

from collections import ChainMap
from typing import NamedTuple

from ...errors import UnsafeGraphError
from . import graph as onnxgraph
from .graph import BOOL, INT32, INT64, Graph, Node
from .rules import PARTIAL, RULES, kind, multiplications, scratch
from .sizes import BATCH, ONE, TIME, Size, most, product
from .values import Call, Value

# For one text of the greatest length. What all values together may hold (at 4 bytes each, 1 GB),
# beside a multiple of the file's bytes:
_ELEMENTS, _OF_FILE = 1 << 28, 8
# How many multiplications there may be, about a minute's on a slow core; a value costs some, and
# so does running a node at all.
_WORK, _OF_ELEMENT, _OF_NODE = 1 << 37, 16, 1 << 13
# What a Loop or Scan collects is kept in pieces until it is whole, each with an overhead.
_OF_PIECE = 64
# For this walk's own sake: nodes, what they read and make, constants and declared shapes.
_PARTS = 100_000
_DEPTH = 4

Scope = ChainMap[str, Value]


def check(message: memoryview, steps: int, file_size: int) -> None:
    """Raise UnsafeGraphError, naming the node, unless the GraphProto's needs are bounded.

    `steps` is the length of the longest text, `file_size` that of the whole file in bytes.
    """
    # Whatever else than ids a graph wants, the session refuses.
    Walk(steps, file_size).graph(
        onnxgraph.read(message), ChainMap(), [Value((BATCH, TIME), kind=INT32)], ONE
    )


class Walk:
    """Goes through a graph and what is nested in it, and adds up."""

    def __init__(self, steps: int, file_size: int) -> None:
        self._steps = steps
        self._elements = _ELEMENTS + _OF_FILE * file_size  # these are what is left
        self._work = _WORK
        self._parts = _PARTS
        self._depth = _DEPTH
        # Those read so far, by identity; beside each, the message that keeps it its own.
        self._bodies: dict[int, tuple[memoryview, Graph]] = {}

    def graph(self, graph: Graph, outer: Scope, inputs: list[Value], times: Size) -> list[Value]:
        """Return the outputs of a graph that runs `times` and sees the `outer` values as well."""
        self._parts -= graph.parts
        if self._parts < 0:
            raise UnsafeGraphError(f"the graph has more than {_PARTS:,} parts")
        scope = outer.new_child()
        for constant in graph.constants:
            _define(scope, constant.name, Value.of(constant))
        names = [name for name in graph.inputs if name not in scope]
        if len(names) != len(inputs):
            raise UnsafeGraphError(f"the graph takes {len(names)} inputs, not {len(inputs)}")
        for name, value in zip(names, inputs, strict=True):
            _define(scope, name, value)
        for node in graph.nodes:
            try:
                made = self._node(node, scope, times)
                for name, value in zip(node.outputs, made, strict=False):
                    _define(scope, name, value)
            except UnsafeGraphError as error:
                operator = " ".join(node.operator.split())
                name = node.name or "".join(node.outputs[:1])
                raise UnsafeGraphError(f"node {operator:.40} {name!r:.80}: {error}") from None
        for name, shape in graph.declared.items():
            _compare(name, shape, scope)
        return [_look_up(scope, name) for name in graph.outputs]

    def _node(self, node: Node, scope: Scope, times: Size) -> list[Value]:
        inputs = tuple(_look_up(scope, name) if name else None for name in node.inputs)
        call = Call(node, inputs, self._steps)
        if node.operator in _LOOPS:
            made = self._repeated(_LOOPS[node.operator](call), scope, times)
        elif node.operator in RULES:
            of = kind(call)
            made = [value._replace(kind=of) for value in RULES[node.operator](call)]
            read = [] if node.operator in PARTIAL else [value for value in inputs if value]
            self._count(times, [*made, *read, *scratch(call)], multiplications(call, made))
        else:
            raise UnsafeGraphError("not an operator that pocketrnn runs")
        return made

    def _repeated(self, loop: "_Loop", scope: Scope, times: Size) -> list[Value]:
        self._depth -= 1
        if self._depth < 0:
            raise UnsafeGraphError(f"loops in loops, more than {_DEPTH} deep")
        # Constants in a body that never runs are still folded, and an empty body still costs.
        trips = product(times, loop.trips) if loop.trips.factor else times
        self._count(trips, [], ONE)
        if id(loop.body) not in self._bodies:
            self._bodies[id(loop.body)] = loop.body, onnxgraph.read(loop.body)
        _, body = self._bodies[id(loop.body)]
        # Their shape stays, what numbers they hold doesn't.
        states = [state._replace(numbers=None) for state in loop.states]
        for _ in range(3):
            results = self.graph(body, scope, [*loop.before, *states, *loop.slices], trips)
            after = results[loop.skipped :]
            wider = [_either(*pair) for pair in zip(states, after, strict=False)]
            if wider == states:
                break
            states = wider
        else:
            raise UnsafeGraphError("what it carries grows from step to step")
        self._depth += 1
        collected = after[len(states) :]
        pieces = Value((loop.trips, Size(_OF_PIECE)))
        made = [*states, *(Value((loop.trips, *v.shape), kind=v.kind) for v in collected)]
        self._count(times, [*made, *[pieces] * len(collected)], ONE)
        return made

    def _count(self, times: Size, values: list[Value], multiplications: Size) -> None:
        sizes = [value.elements for value in values]
        if any(times.batch + size.batch > 1 for size in (*sizes, multiplications)):
            raise UnsafeGraphError("needs more for each text, the more there are in a batch")
        elements = sum(size.for_one(self._steps) for size in sizes)
        self._elements -= elements
        if self._elements < 0:
            raise UnsafeGraphError(f"brings what is kept to more than {_ELEMENTS:,} numbers a text")
        once = _OF_NODE + _OF_ELEMENT * elements + multiplications.for_one(self._steps)
        self._work -= times.for_one(self._steps) * once
        if self._work < 0:
            raise UnsafeGraphError(f"brings the work to more than {_WORK:,} steps a text")


class _Loop(NamedTuple):
    """What a Loop and a Scan have in common."""

    body: memoryview
    trips: Size
    before: list[Value]
    """What the body is given ahead of the states."""
    states: list[Value]
    slices: list[Value]
    """What it is given behind them."""
    skipped: int
    """How many of its results come ahead of the states."""


def _loop(call: Call) -> _Loop:
    trips = call.numbers(0)
    if len(trips) != 1 or trips[0] is None or trips[0].factor < 0:
        raise UnsafeGraphError("runs as often as values say that aren't sizes")
    states = [call.input(i) for i in range(2, len(call.inputs))]
    # Its condition may end it sooner.
    return _Loop(
        _body(call),
        trips[0].at_most(),
        [Value((), kind=INT64), Value((), kind=BOOL)],
        states,
        [],
        1,
    )


def _scan(call: Call) -> _Loop:
    count = len(call.inputs) - call.integer("num_scan_inputs", 0)
    values = [call.input(i) for i in range(len(call.inputs))]
    states, sequences = values[: max(count, 0)], values[max(count, 0) :]
    axes = [*(call.integers("scan_input_axes") or ()), *(call.integers("scan_output_axes") or ())]
    if any(axes) or not sequences or not all(value.shape for value in sequences):
        raise UnsafeGraphError("scans nothing, or along another axis than the first")
    slices = [Value(value.shape[1:], kind=value.kind) for value in sequences]
    return _Loop(_body(call), sequences[0].shape[0], [], states, slices, 0)


_LOOPS = {"Loop": _loop, "Scan": _scan}


def _body(call: Call) -> memoryview:
    body = call.node.attributes.get("body")
    if not isinstance(body, memoryview):
        raise UnsafeGraphError("has no body")
    return body


def _either(one: Value, other: Value) -> Value:
    if len(one.shape) != len(other.shape):
        raise UnsafeGraphError("what it carries changes its rank")
    shape = tuple(most(*sizes) for sizes in zip(one.shape, other.shape, strict=True))
    return Value(shape, kind=one.kind)


def _define(scope: Scope, name: str, value: Value) -> None:
    if len(value.shape) > onnxgraph.RANK:
        raise UnsafeGraphError(f"{name!r:.80} has more than {onnxgraph.RANK} dimensions")
    if name in scope:
        raise UnsafeGraphError(f"{name!r:.80} is made twice")
    if name:
        scope[name] = value if value.is_whole else value._replace(numbers=None)


def _look_up(scope: Scope, name: str) -> Value:
    if name not in scope:
        raise UnsafeGraphError(f"nothing has made {name!r:.80} yet")
    return scope[name]


def _compare(name: str, declared: tuple[int | None, ...], scope: Scope) -> None:
    """Refuse a declared shape that may be wrong: onnxruntime goes by it when it loads a graph."""
    if name not in scope or all(size is None for size in declared):
        return
    shape = scope[name].shape
    right = len(shape) == len(declared) and all(
        stated is None or stated == size.constant
        for stated, size in zip(declared, shape, strict=True)
    )
    if not right:
        raise UnsafeGraphError(f"{name!r:.80} is declared as {declared!s:.80}, which may be wrong")
