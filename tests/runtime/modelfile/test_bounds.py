"""Graphs forged to take time or memory without bound: each is refused before onnxruntime sees it.

That the sizes are right for real networks is tested with the exporter, which makes those.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tinyonnx
from limited import outcomes
from pocketrnn import modelfile
from pocketrnn.errors import CorruptModelError, UnsafeGraphError
from pocketrnn.modelfile.bounds.rules import RULES
from tinyonnx import FLOAT, INT32, INT64, attribute, field, node, resealed, tensor, value_info

BOOL, GRAPH_KIND, INTS, STRING = 9, 5, 7, 8
CONFIG = tinyonnx.config(maxlen=500)
TABLE = tinyonnx.weights(CONFIG)
METADATA = tinyonnx.metadata(tinyonnx.graph(TABLE), CONFIG)


def forged(*nodes: bytes, ids: tuple[int | str, ...] = ("b", "t"), **constants: object) -> bytes:
    """Return a file whose graph also does what `nodes` do; numbers among `constants` are int64.

    They see `ids`, `rows` (batch, time, 1), `sums` (batch, 1) and `one`, and make `made`.
    """
    tensors = {"table": TABLE, "one": np.array([1]), **constants}
    given = b"".join(
        field(5, value if isinstance(value, bytes) else tensor(name, np.asarray(value)))
        for name, value in tensors.items()
    )
    usual = (
        node("Gather", ["table", "ids"], ["rows"]),
        node("ReduceSum", ["rows", "one"], ["sums"], attribute("keepdims", 0)),
        *nodes,
        node("Sigmoid", ["sums"], ["scores"]),
    )
    graph = b"".join(field(1, each) for each in usual) + field(2, "g") + given
    graph += field(11, value_info("ids", INT32, *ids))
    return resealed(graph + field(12, value_info("scores", FLOAT, "b", 1)), METADATA)


def body(*nodes: bytes, state: str = "x", result: str = "y", every: str = "") -> bytes:
    """Return a loop's body: `state` becomes `result`; `every` is collected."""
    steps = [*nodes, node("Identity", ["go"], ["on"])]
    inputs = [value_info("i", INT64), value_info("go", BOOL), value_info(state, FLOAT, "a", "b")]
    outputs = [value_info("on", BOOL), value_info(result, FLOAT, "c", "d")]
    outputs += [value_info(every, FLOAT, "e", "f")] if every else []
    return b"".join(
        [
            *(field(1, step) for step in steps),
            field(2, "body"),
            *(field(11, value) for value in inputs),
            *(field(12, value) for value in outputs),
        ]
    )


def loop(trips: str, inner: bytes, state: str = "sums", *made: str) -> bytes:
    inner = attribute("body", inner, number=6, kind=GRAPH_KIND)
    return node("Loop", [trips, "", state], list(made) or ["made"], inner)


SAME = body(node("Tanh", ["x"], ["y"]))
TALL, WIDE = np.ones((2**14, 1), np.float32), np.ones((1, 2**14), np.float32)


def nested(depth: int) -> bytes:
    inner = node("Tanh", ["x0"], ["y0"])
    for level in range(depth):
        # Each body has names of its own.
        n, up = str(level), str(level + 1)
        inner = b"".join(
            [
                field(1, inner),
                field(1, node("Identity", ["go" + n], ["on" + n])),
                field(2, "body"),
                field(11, value_info("i" + n, INT64)),
                field(11, value_info("go" + n, BOOL)),
                field(11, value_info("x" + n, FLOAT, "a", "b")),
                field(12, value_info("on" + n, BOOL)),
                field(12, value_info("y" + n, FLOAT, "a", "b")),
            ]
        )
        state, result = ("sums", "made") if level == depth - 1 else ("x" + up, "y" + up)
        inner = loop("trips", inner, state, result)
    return inner


def doubled(times: int) -> list[bytes]:
    names = ["rows", *(f"r{i}" for i in range(times))]
    return [node("Concat", [old, old], [new], attribute("axis", 1)) for old, new in pairwise(names)]


def squared(times: int) -> list[bytes]:
    """Multiply a row of numbers by itself as a column, again and again."""
    nodes, row = [], "wide"
    for i in range(times):
        nodes += [
            node("Reshape", [row, "column"], [f"c{i}"]),
            node("Reshape", [row, "row"], [f"r{i}"]),
            node("Add", [f"c{i}", f"r{i}"], [f"s{i}"]),
        ]
        row = f"s{i}"
    return nodes


FORGED: dict[str, tuple[bytes, str]] = {
    "2**62 trips": (
        forged(loop("trips", SAME), trips=2**62),
        "node Loop 'made': brings the work to more than",
    ),
    "2**62 trips of nothing": (
        forged(loop("trips", body(state="x", result="x")), trips=2**62),
        "node Loop 'made': brings the work",
    ),
    "fewer trips than none": (
        forged(loop("trips", SAME), trips=-(2**62)),
        "node Loop 'made': runs as often as values say that aren't sizes",
    ),
    "products in a loop that never runs": (
        forged(
            loop(
                "trips",
                body(
                    node("ConstantOfShape", ["shape"], ["square"]),
                    *(node("MatMul", ["square", "square"], [f"s{i}"]) for i in range(3)),
                    node("Tanh", ["x"], ["y"]),
                ),
            ),
            trips=0,
            shape=[4096, 4096],
        ),
        "node Loop 'made': node MatMul 's1': brings the work",
    ),
    "more numbers than are told": (
        forged(
            node("Equal", ["three", "three"], ["which"]),
            node("Where", ["which", "size", "size"], ["shape"]),
            node("ConstantOfShape", ["shape"], ["made"]),
            three=[1, 2, 3],
            size=[10**5],
        ),
        "node ConstantOfShape 'made': makes a size of values that aren't sizes",
    ),
    "sizes backwards": (
        forged(
            node("Slice", ["sizes", "last", "end", "axis", "back"], ["shape"]),
            node("ConstantOfShape", ["shape"], ["made"]),
            sizes=[10**5] * 3,
            last=[-1],
            end=[2**63 - 1],
            axis=[0],
            back=[-1],
        ),
        "node ConstantOfShape 'made': makes a size of values that aren't sizes",
    ),
    "no number of trips": (forged(loop("", SAME)), "has no input 0"),
    "as many trips as an id says": (
        forged(
            node("ReduceMax", ["ids"], ["most"], attribute("keepdims", 0)),
            node("Cast", ["most"], ["trips"], attribute("to", INT64)),
            loop("trips", SAME),
        ),
        "node Loop 'made': makes a size of values that aren't sizes",
    ),
    "trips in trips in trips": (
        forged(nested(3), trips=10_000),
        "node Loop 'made': node Loop 'y2': brings the work",
    ),
    "loops four deep that do little": (forged(nested(4), trips=2), ""),
    "loops ten deep": (forged(nested(10), trips=1), "loops in loops, more than 4 deep"),
    "loops thousands deep": (forged(nested(500), trips=1), "loops in loops, more than 4 deep"),
    "a scan of 2**62 empty steps": (
        forged(
            node("Expand", ["none", "far"], ["long"]),
            none=np.zeros((1, 0), np.float32),
            far=[2**62, 0],
        ),
        "node Expand 'long': brings what is kept to more than",
    ),
    "what a loop carries is doubled": (
        forged(
            loop("trips", body(node("Concat", ["x", "x"], ["y"], attribute("axis", 0)))),
            trips=100,
        ),
        "node Loop 'made': what it carries grows from step to step",
    ),
    "constants folded at load": (
        forged(
            node("ConstantOfShape", ["far"], ["zeros"]),
            node("ReduceSum", ["zeros"], ["made"]),
            far=[10**4, 10**4, 10**3],
        ),
        "node ConstantOfShape 'zeros': brings what is kept to more than",
    ),
    "products folded at load": (
        forged(
            node("MatMul", ["tall", "wide"], ["square"]),
            *(node("MatMul", ["square", "square"], [f"s{i}"]) for i in range(3)),
            tall=TALL,
            wide=WIDE,
        ),
        "node MatMul 's0': brings what is kept",
    ),
    "expanded": (
        forged(node("Expand", ["one", "far"], ["made"]), far=[2**36]),
        "node Expand 'made': brings what is kept",
    ),
    "tiled": (
        forged(node("Tile", ["one", "far"], ["made"]), far=[2**36]),
        "node Tile 'made': brings what is kept",
    ),
    "padded": (
        forged(node("Pad", ["one", "far"], ["made"]), far=[0, 2**36]),
        "node Pad 'made': brings what is kept",
    ),
    "a long range": (
        forged(node("Range", ["begin", "end", "step"], ["made"]), begin=0, end=2**36, step=1),
        "node Range 'made': brings what is kept",
    ),
    "a range as long as an id says": (
        forged(
            node("ReduceMax", ["ids"], ["end"], attribute("keepdims", 0)),
            node("Range", ["begin", "end", "step"], ["made"]),
            begin=np.array(0, np.int32),
            step=np.array(1, np.int32),
        ),
        "node Range 'made': makes a size of values that aren't sizes",
    ),
    "resized": (
        forged(node("Resize", ["rows", "", "", "far"], ["made"]), far=[1, 2**36, 1]),
        "node Resize 'made': not an operator that pocketrnn runs",
    ),
    "doubled 40 times": (forged(*doubled(40)), "node Concat 'r[12][0-9]': brings what is kept"),
    "squared 6 times": (
        forged(*squared(6), wide=np.ones((1, 8), np.float32), column=[-1, 1], row=[1, -1]),
        "node Add 's3': brings what is kept",
    ),
    "time to the 8th": (
        forged(
            node("Shape", ["ids"], ["shape"]),
            *(node("Mul", ["shape" if i == 0 else f"m{i - 1}"] * 2, [f"m{i}"]) for i in range(3)),
            node("ConstantOfShape", ["m2"], ["made"]),
        ),
        "node ConstantOfShape 'made': makes a size of values that aren't sizes",
    ),
    "each text with each": (
        forged(
            node("Transpose", ["sums"], ["across"]),
            node("MatMul", ["sums", "across"], ["made"]),
        ),
        "node MatMul 'made': needs more for each text, the more there are in a batch",
    ),
    "a kernel as long as the text": (
        forged(
            node("Expand", ["wide3", "far"], ["long"]),
            node("Conv", ["long", "kernel"], ["made"]),
            wide3=np.ones((1, 1, 1), np.float32),
            far=[1, 1, 2**18],
            kernel=np.ones((1, 1, 2**12), np.float32),
        ),
        "node Conv 'made': brings what is kept",
    ),
    "a kernel of no group": (
        forged(
            node("Conv", ["rows", "kernel"], ["made"], attribute("group", 0)),
            kernel=np.ones((1, 1, 1), np.float32),
        ),
        "node Conv 'made': has a stride, dilation, kernel or group of less than 1",
    ),
    "the least integer by -1": (
        forged(
            node("Sub", ["ids", "ids"], ["zero"]),
            node("Add", ["zero", "least"], ["least2"]),
            node("Sub", ["zero", "unit"], ["minus"]),
            node("Div", ["least2", "minus"], ["made"]),
            least=np.array(-(2**31), np.int32),
            unit=np.array(1, np.int32),
        ),
        "node Div 'made': divides by whole numbers that may be 0 or less",
    ),
    "a quotient of three": (
        forged(node("Div", ["one", "one", "one"], ["made"])),
        "node Div 'made': has another number of inputs",
    ),
    "numbers as text": (
        forged(node("Cast", ["ids"], ["made"], attribute("to", STRING))),
        "node Cast 'made': makes something else of numbers",
    ),
    "ids declared to be many": (
        forged(node("Shape", ["ids"], ["made"]), ids=(2**40, 2**40)),
        r"'ids' is declared as \(1099511627776, 1099511627776\), which may be wrong",
    ),
    "a value declared to be large": (
        resealed(tinyonnx.graph(TABLE, field(13, value_info("sums", FLOAT, 2**40, 1))), METADATA),
        r"'sums' is declared as \(1099511627776, 1\), which may be wrong",
    ),
    "an operator that branches": (
        forged(node("If", ["one"], ["made"])),
        "node If 'made': not an operator that pocketrnn runs",
    ),
    "made twice": (forged(node("Tanh", ["sums"], ["rows"])), "'rows' is made twice"),
    "made of itself": (forged(node("Tanh", ["made"], ["made"])), "nothing has made 'made' yet"),
    "many nodes": (
        forged(*(node("Identity", ["ids"], [""]) for _ in range(34_000))),
        "more than 100,000 parts",
    ),
    "many dimensions": (
        forged(node("Unsqueeze", ["one", "axes"], ["made"]), axes=np.arange(30)),
        "node Unsqueeze 'made': 'made' has more than 16 dimensions",
    ),
    "functions": (
        tinyonnx.model(
            tinyonnx.graph(TABLE), METADATA, extra=field(25, field(1, "Tanh") + field(10, ""))
        ),
        "brings functions",
    ),
}

ALTERED: dict[str, tuple[bytes, str]] = {
    "a sparse constant": (
        resealed(
            tinyonnx.graph(TABLE, field(15, field(1, tensor("s", TABLE)) + field(3, 2**62))),
            METADATA,
        ),
        "a sparse tensor",
    ),
    "a constant without values": (
        forged(far=field(1, 2**40) + field(2, FLOAT) + field(8, "far")),
        "'far' lacks its values",
    ),
    "a constant of less than nothing": (
        forged(far=field(1, -1) + field(2, FLOAT) + field(8, "far")),
        "'far' lacks its values",
    ),
    "a constant of text": (
        forged(far=field(1, 1) + field(2, STRING) + field(6, b"x" * 99) + field(8, "far")),
        "'far' isn't one",
    ),
    "an attribute twice": (
        forged(node("Cast", ["ids"], ["made"], attribute("to", 1), attribute("to", 6))),
        "attribute 'to' is twice",
    ),
    "two versions of the operators": (
        tinyonnx.model(
            tinyonnx.graph(TABLE), METADATA, extra=field(8, field(1, "ai.onnx") + field(2, 9))
        ),
        "opset -1",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_graphs_are_refused(name: str) -> None:
    data, message = FORGED[name]
    if not message:
        modelfile.read(data)
        return
    with pytest.raises(UnsafeGraphError, match=message) as caught:
        modelfile.read(data)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ALTERED)
def test_what_can_be_read_in_two_ways_is_refused(name: str) -> None:
    data, message = ALTERED[name]
    with pytest.raises(CorruptModelError, match=message):
        modelfile.read(data)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_refused_before_they_harm(tmp_path: Path) -> None:
    """Loaded and run with little memory and time: were one not refused, it would show."""
    found = outcomes(tmp_path, {name: data for name, (data, _) in FORGED.items()}, seconds=60)
    fine = {name for name, (_, message) in FORGED.items() if not message}
    assert {name for name, outcome in found.items() if outcome != "refused"} == fine


def test_the_operators_are_documented() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "model-file.md").read_text("utf-8")
    limits = documented[documented.index("### Limits") : documented.index("## Metadata")]
    assert [name for name in (*RULES, "Loop", "Scan") if f"`{name}`" not in limits] == []
