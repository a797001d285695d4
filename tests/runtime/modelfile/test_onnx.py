"""Graphs and their bytes: any difference from the graph of the settings is refused, and named."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn import errors
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn.modelfile.onnx import Graph
from tinyonnx import external_tensor, field, resealed, varint

# Windows, both ways, a mask: each kind of node and attribute; of constants all but a GRU's own.
CONFIG = tinyonnx.config(
    network=NetworkConfig(2, "simple_rnn", "tanh", 2, 1, True, True, "sqrtn_max", 4, "float32")
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


def changed(value: Any) -> Iterator[Any]:
    """Yield `value` with one thing in it changed, for every thing in it and several changes."""
    if dataclasses.is_dataclass(value):
        for each in dataclasses.fields(value):
            for other in changed(getattr(value, each.name)):
                yield dataclasses.replace(value, **{each.name: other})
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from ((*value[:i], other, *value[i + 1 :]) for other in changed(item))
            yield value[:i] + value[i + 1 :]
            yield value[: i + 1] + value[i:]
            if i:
                yield (*value[: i - 1], item, value[i - 1], *value[i + 1 :])
    elif isinstance(value, dict):
        yield {**value, "more": 1}
        for name, item in value.items():
            others = {key: kept for key, kept in value.items() if key != name}
            yield from (others, {**others, f"{name}s": item})
            yield from ({**others, name: other} for other in changed(item))
    elif isinstance(value, np.ndarray):
        yield from (value + 1, value.ravel()[1:])
    elif isinstance(value, int):
        yield from (value + 1, -1, 2**62)
    elif value in onnx.TYPES:
        yield from (dtype for dtype in onnx.TYPES if dtype != value)
    elif isinstance(value, str):
        yield from (f"{value}x", "ids", "")


def changes(graph: Graph) -> Iterator[tuple[str, bytes]]:
    """Yield every change of a graph: what its first difference is called, and its bytes."""
    names = {
        "nodes": [f"node {i}, {node.operator}" for i, node in enumerate(graph.nodes)],
        "constants": [f"constant {constant.name}" for constant in graph.constants],
        "inputs": [value.name for value in graph.inputs],
        "outputs": [value.name for value in graph.outputs],
    }
    for part, wheres in names.items():
        items = getattr(graph, part)
        for i, where in enumerate(wheres):
            item, before, after = items[i], items[:i], items[i + 1 :]
            others = [(*before, other, *after) for other in changed(item)]
            others += [
                (*before, *after),
                *([(*before, after[0], item, *after[1:])] if after else []),
            ]
            for other in others:
                data = serialized(dataclasses.replace(graph, **{part: other}))
                if data not in (None, DATA):
                    yield where, data
            twice = dataclasses.replace(graph, **{part: (*before, item, item, *after)})
            yield "", serialized(twice) or b""
    yield "its name", serialized(dataclasses.replace(graph, name="other")) or b""


def serialized(graph: Graph) -> bytes | None:
    """Return the bytes of a graph, with weights of any number; None if its shapes have none."""
    try:
        shapes = {constant.name: constant.shape for constant in graph.constants}
        numbers = {
            name: np.resize(WEIGHTS.get(name, np.zeros(1)), shape)
            for name, shape in shapes.items()
            if np.prod(shape, dtype=float) < 1e6
        }
        return onnx.to_bytes(graph, numbers)
    except (ValueError, KeyError):
        return None


def test_every_change_of_the_graph_is_refused_and_named() -> None:
    seen = list(changes(GRAPH))
    assert len(seen) > 1000
    for where, data in seen:
        with pytest.raises(errors.GraphError, match="the graph is") as caught:
            onnx.weights_of(GRAPH, memoryview(data))
        assert where in str(caught.value)
    for where, data in seen[::97]:  # the same by `load`, digest and all
        with pytest.raises(errors.GraphError, match=r"^model in memory: the graph is") as caught:
            pocketrnn.load(resealed(data, METADATA))
        assert where in str(caught.value)


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
        before, after = FIELDS[:place], FIELDS[place + 1 :]
        yield f"field {place} twice", joined([*FIELDS[: place + 1], *FIELDS[place:]])
        first = [(number, content), *before, *after]
        yield f"field {place} first", joined(first) if place else DATA[:-1]
        yield f"field {place} last", joined([*before, *after, (number, content)])
        yield f"field {place} as another", joined([*before, (number + 1, content), *after])
        padded = bytes([*(byte | 128 for byte in varint(len(content))), 0])
        same = [joined(before), varint(number << 3 | 2), padded, content, joined(after)]
        yield f"field {place}, its length padded", b"".join(same)
    yield "external data", DATA + field(5, external_tensor("e"))
    tensor = external_tensor("embedding")
    outside = [(n, tensor if b"embedding" in c[:40] and n == 5 else c) for n, c in FIELDS]
    yield "external weights", joined(outside)
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
