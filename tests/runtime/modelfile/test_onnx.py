"""Graphs and their bytes: any difference from the graph of the settings is refused, and named."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn import errors
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn.modelfile.onnx import Constant, Graph, Node, Value
from tinyonnx import external_tensor, field, resealed, varint

# Windows, both ways, a mask: each kind of node, attribute and constant.
CONFIG = tinyonnx.config(
    network=NetworkConfig(2, "gru", "tanh", 2, 1, True, True, "sqrtn_max", 4, "float32")
)
GRAPH = CONFIG.graph()
WEIGHTS = tinyonnx.weights(CONFIG)
DATA = onnx.to_bytes(GRAPH, WEIGHTS)
METADATA = tinyonnx.metadata(DATA, CONFIG)


def test_the_weights_come_back() -> None:
    found = onnx.weights_of(GRAPH, memoryview(DATA))
    assert list(found) == [c.name for c in GRAPH.constants if c.numbers is None]
    for name, numbers in found.items():
        assert numbers.dtype == WEIGHTS[name].dtype
        np.testing.assert_array_equal(numbers, WEIGHTS[name])


def test_weights_of_another_shape_are_not_written() -> None:
    with pytest.raises(ValueError, match=r"head\.bias is"):
        onnx.to_bytes(GRAPH, {**WEIGHTS, "head.bias": np.zeros(2, np.float32)})


# -- every change of the structure --------------------------------------------------------------

Changes = Iterator[tuple[str, Graph]]
"""What a changed graph's first difference is called, and the graph."""


def node_changes(node: Node) -> Iterator[Node]:
    yield replace(node, operator="Relu" if node.operator != "Relu" else "Tanh")
    yield replace(node, outputs=(*node.outputs[:-1], "other"))
    yield replace(node, outputs=(*node.outputs, "more"))
    yield replace(node, inputs=(*node.inputs, "ids"))
    if node.inputs:
        yield replace(node, inputs=(*node.inputs[:-1], "ids"))
        yield replace(node, inputs=node.inputs[:-1])
    if len(set(node.inputs)) > 1:
        yield replace(node, inputs=node.inputs[::-1])
    yield replace(node, attributes={**node.attributes, "more": 1})
    for name, value in node.attributes.items():
        others = {key: kept for key, kept in node.attributes.items() if key != name}
        yield replace(node, attributes=others)
        yield replace(node, attributes={**others, f"{name}s": value})
        if isinstance(value, Graph):
            for _, body in changes(value):
                yield replace(node, attributes={**others, name: body})
        elif isinstance(value, tuple):
            for changed in ((*value, 0), value[:-1], tuple(item + 1 for item in value)):
                yield replace(node, attributes={**others, name: changed})
        else:
            for number in (value + 1, -1, 2**62):
                yield replace(node, attributes={**others, name: number})


def value_changes(value: Value) -> Iterator[Value]:
    yield replace(value, name="other")
    yield replace(value, dtype="float16")
    if value.shape is None:
        yield replace(value, shape=("rows",))
    else:
        yield replace(value, shape=None)
        yield replace(value, shape=(*value.shape, 1))
        yield replace(value, shape=("other", *value.shape[1:]))
        yield replace(value, shape=(*value.shape[:-1], 7))


def constant_changes(constant: Constant) -> Iterator[Constant]:
    yield replace(constant, name="other")
    yield replace(constant, shape=(*constant.shape, 1), numbers=_shaped(constant, 1))
    yield replace(constant, shape=(2, *constant.shape), numbers=_shaped(constant, 2))
    for dtype in ("int32", "float16", "int8", "bool"):
        if dtype != constant.dtype:
            yield replace(constant, dtype=dtype)
    if constant.numbers is not None:
        yield replace(constant, numbers=constant.numbers + 1)
        yield replace(constant, shape=(), numbers=constant.numbers.ravel()[:0])
    elif constant.shape[0] != constant.shape[-1]:
        yield replace(constant, shape=constant.shape[::-1])


def _shaped(constant: Constant, times: int) -> onnx.Array | None:
    return None if constant.numbers is None else np.stack([constant.numbers] * times)


def changes(graph: Graph) -> Changes:
    """Yield every kind of change at every place of a graph."""
    nodes, constants = graph.nodes, graph.constants
    names = [f"node {i}, {node.operator}" for i, node in enumerate(nodes)] + ["its name"]
    for i, node in enumerate(nodes):
        for changed in node_changes(node):
            yield names[i], replace(graph, nodes=(*nodes[:i], changed, *nodes[i + 1 :]))
        yield names[i], replace(graph, nodes=nodes[:i] + nodes[i + 1 :])
        yield names[i + 1], replace(graph, nodes=(*nodes[: i + 1], *nodes[i:]))
        if i + 1 < len(nodes):
            swapped = (*nodes[:i], nodes[i + 1], node, *nodes[i + 2 :])
            yield names[i], replace(graph, nodes=swapped)
    yield "its name", replace(graph, name="other")
    for i, constant in enumerate(constants):
        before, after = constants[:i], constants[i + 1 :]
        where = f"constant {constant.name}"
        for other in constant_changes(constant):
            yield where, replace(graph, constants=(*before, other, *after))
        yield where, replace(graph, constants=before + after)
        yield "", replace(graph, constants=(*before, constant, constant, *after))
        if after:
            yield where, replace(graph, constants=(*before, *after, constant))
    for name in ("inputs", "outputs"):
        values: tuple[Value, ...] = getattr(graph, name)
        for i, value in enumerate(values):
            for new in value_changes(value):
                yield value.name, replace(graph, **{name: (*values[:i], new, *values[i + 1 :])})
            yield value.name, replace(graph, **{name: values[:i] + values[i + 1 :]})
        yield "", replace(graph, **{name: (*values, Value("more", "float32", ("batch", 1)))})


def test_every_change_of_the_graph_is_refused_and_named() -> None:
    refused = 0
    for where, changed in changes(GRAPH):
        numbers = {
            constant.name: np.resize(WEIGHTS.get(constant.name, np.zeros(1)), constant.shape)
            for constant in changed.constants
        }
        data = onnx.to_bytes(changed, numbers)
        if data == DATA:  # inputs that are the same from both ends
            continue
        with pytest.raises(errors.GraphError, match="graph isn't that") as caught:
            onnx.weights_of(GRAPH, memoryview(data))
        assert where in str(caught.value)
        refused += 1
    assert refused > 1000


def test_a_changed_graph_is_refused_with_the_name_of_the_file() -> None:
    """The same by `load`, digest and all, for some of them."""
    for where, changed in list(changes(GRAPH))[::97]:
        if any(c.name not in WEIGHTS for c in _weights(changed)):
            continue
        numbers = {c.name: np.resize(WEIGHTS[c.name], c.shape) for c in _weights(changed)}
        with pytest.raises(errors.GraphError, match=r"^model in memory: the graph isn't") as caught:
            pocketrnn.load(resealed(onnx.to_bytes(changed, numbers), METADATA))
        assert where in str(caught.value)


def _weights(graph: Graph) -> list[Constant]:
    return [constant for constant in graph.constants if constant.numbers is None]


# -- what protobuf could say in another way -----------------------------------------------------


def parts(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a message that has no numbers but small ones: number, content."""
    at = 0
    while at < len(message):
        tag = message[at]
        at += 1
        size = shift = 0
        while True:
            size |= (message[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 128:
                break
        assert tag & 7 == 2, "a number"
        yield tag >> 3, message[at : at + size]
        at += size


FIELDS = list(parts(DATA))
FIXED32 = varint(4 << 3 | 5) + b"Relu"
UNKNOWN = {
    "field": field(99, b"x"),
    "doc_string": field(10, "x"),
    "number": field(99, 1),
    "fixed32": varint(99 << 3 | 5) + bytes(4),
    "fixed64": varint(99 << 3 | 1) + bytes(8),
    "group": varint(99 << 3 | 3) + varint(99 << 3 | 4),
    "tag of 33 bits": varint(2**32 + (5 << 3 | 2)) + varint(1) + b"x",
    "padded tag": b"\x92\x80\x00" + field(2, "")[1:],
    "operator as fixed32": FIXED32,
}


def joined(fields: list[tuple[int, bytes]]) -> bytes:
    return b"".join(field(number, content) for number, content in fields)


def written_otherwise() -> Iterator[tuple[str, bytes]]:
    """Yield the graph with one thing in another way, or with something more."""
    for what, extra in UNKNOWN.items():
        yield f"{what} at the end", DATA + extra
        yield f"{what} at the start", extra + DATA
        for number in (1, 5, 11, 12):  # in the first node, constant, input and output
            place = [n for n, _ in FIELDS].index(number)
            for way, content in (
                ("ends", FIELDS[place][1] + extra),
                ("starts", extra + FIELDS[place][1]),
            ):
                changed = [*FIELDS[:place], (number, content), *FIELDS[place + 1 :]]
                yield f"{what} {way} field {number}", joined(changed)
    for place, (number, content) in enumerate(FIELDS):
        rest = FIELDS[:place] + FIELDS[place + 1 :]
        yield f"field {place} twice", joined([*FIELDS[: place + 1], *FIELDS[place:]])
        yield f"field {place} first", joined([(number, content), *rest]) if place else DATA[:-1]
        yield f"field {place} last", joined([*rest, (number, content)])
        yield (
            f"field {place} as another",
            joined([*FIELDS[:place], (number + 1, content), *FIELDS[place + 1 :]]),
        )
        yield (
            f"field {place}, its length padded",
            b"".join(
                [
                    joined(FIELDS[:place]),
                    varint(number << 3 | 2),
                    bytes([*(byte | 128 for byte in varint(len(content))), 0]),
                    content,
                    joined(FIELDS[place + 1 :]),
                ]
            ),
        )
    yield "external data", DATA + field(5, external_tensor("e"))
    yield (
        "external weights",
        joined(
            [
                (n, external_tensor("embedding") if b"embedding" in c[:40] and n == 5 else c)
                for n, c in FIELDS
            ]
        ),
    )
    yield "sparse constant", DATA + field(15, field(1, external_tensor("e")))
    yield "quantization", DATA + field(14, field(1, "ids"))
    yield "type of a value", DATA + field(13, field(1, "relu"))
    yield "nothing", b""
    for cut in range(1, len(DATA), 7):
        yield f"cut at {cut}", DATA[:cut]


OTHERWISE = {
    what: data for what, data in written_otherwise() if data != DATA
}  # `last` of the last field is no change


def test_one_sequence_of_bytes_for_each_graph() -> None:
    assert len(OTHERWISE) > 400
    for data in OTHERWISE.values():
        with pytest.raises(errors.GraphError, match="the graph is"):
            onnx.weights_of(GRAPH, memoryview(data))
    for data in list(OTHERWISE.values())[::50]:
        with pytest.raises(errors.GraphError, match="the graph is"):
            pocketrnn.load(resealed(data, METADATA))


WHOLE = resealed(DATA, METADATA)
OPSET = field(8, field(1, "") + field(2, 15))


@pytest.mark.parametrize(
    "data",
    [
        WHOLE + field(25, field(1, "F") + field(10, "custom")),
        WHOLE + field(20, field(1, field(5, external_tensor("e")))),
        WHOLE + field(8, field(1, "custom") + field(2, 1)),
        WHOLE + field(8, field(1, "") + field(2, 9)),
        WHOLE + field(1, 8),
        WHOLE + field(99, 1),
        WHOLE + field(99, "x"),
        WHOLE.replace(OPSET, field(8, field(1, "") + field(2, 16))),
        WHOLE.replace(OPSET, field(8, field(2, 15))),
        WHOLE.replace(OPSET, b""),
        WHOLE.replace(OPSET, OPSET + OPSET),
        field(1, 9) + WHOLE[2:],
        WHOLE[:2] + field(2, "ORTM, Inc.") + WHOLE[2:],
        WHOLE[:2] + WHOLE[WHOLE.index(OPSET) :] + field(7, DATA),
        WHOLE.replace(field(1, "pocketrnn.task"), field(1, "?") + field(1, "pocketrnn.task")),
    ],
    ids=[
        *("function", "training", "domain", "opset again", "IR again", "unknown number"),
        *("unknown field", "other opset", "opset without a domain", "no opset", "opset twice"),
        *("other IR", "producer", "graph last", "entry's length wrong"),
    ],
)
def test_a_file_holds_nothing_but_graph_and_metadata(data: bytes) -> None:
    pocketrnn.load(WHOLE)
    assert data != WHOLE
    with pytest.raises((errors.GraphError, errors.CorruptModelError)):
        pocketrnn.load(data)


# -- the reader ---------------------------------------------------------------------------------

NAME = field(2, "g")


def file(extra: bytes = b"") -> bytes:
    return field(1, 8) + field(7, NAME) + extra


def test_parse() -> None:
    metadata = {"b": "naïve \u0130 中", "a": "", "": "x"}
    graph, found = onnx.parse(onnx.model_to_bytes(NAME, metadata))
    assert (bytes(graph), found) == (NAME, metadata)
    assert onnx.parse(file(field(2, "producer") + field(99, 1)))[1] == {}  # of other makers


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\x08", b"PK\x03\x04zip", b"\x08\x00" + field(7, NAME), field(7, NAME)),
        *(b"\x08\x80\x01" + field(7, NAME), b"text that is no model", "\ufeff\x08\x08".encode()),
    ],
)
def test_not_a_model(data: bytes) -> None:
    with pytest.raises(errors.NotAModelError):
        onnx.parse(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (field(1, 8), "no graph"),
        (file(field(7, NAME)), "two graphs"),
        (file(b"\x80"), "cut short"),
        (file(b"\x72"), "cut short"),
        (file(b"\x72\x05abcd"), "cut short"),
        (file(varint(99 << 3 | 2) + varint(2**63)), "cut short"),
        *(
            (file(varint(99 << 3 | kind) + bytes(8)), "unknown field")
            for kind in (1, 3, 4, 5, 6, 7)
        ),
        (file(b"\x02\x00"), "altered"),
        (file(varint(99 << 3) + b"\xff" * 10), "over 64 bits"),
        (file(varint(99 << 3) + b"\xff" * 9 + b"\x02"), "over 64 bits"),
        # Protobuf libraries keep 32 bits of a tag, and would read this as a second graph.
        (file(varint(2**32 + (7 << 3 | 2)) + varint(len(NAME)) + NAME), "unknown field"),
        (field(1, 8) + field(7, 1), "a number where a message belongs"),
        (file(field(14, 1)), "a number where a message belongs"),
        (file(field(14, field(1, 1))), "a number where a message belongs"),
        (file(field(14, field(1, b"\xff"))), "isn't UTF-8"),
        (file(field(14, field(2, b"\xed\xa0\x80"))), "isn't UTF-8"),
        (file(2 * field(14, field(1, "a"))), "metadata 'a' twice"),
    ],
)
def test_damaged(data: bytes, message: str) -> None:
    with pytest.raises(errors.CorruptModelError, match=message):
        onnx.parse(data)
