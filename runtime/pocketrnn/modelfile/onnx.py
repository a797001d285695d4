"""A graph as plain data, and its bytes: the part of ONNX that pocketrnn writes and reads.

Field numbers are those of onnx.proto (github.com/onnx/onnx), the encoding is protobuf's
(https://protobuf.dev/programming-guides/encoding/). Fields are written in the order of their
numbers, as the onnx package writes them, so there is one sequence of bytes for each graph.
That spares a parser for graphs: where the numbers of the constants stand follows from the graph
that is expected, and all other bytes are compared with those that it has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptModelError, GraphError, NotAModelError

# From 2021: old enough for every onnxruntime that pocketrnn supports, and nothing these
# networks need came later. The IR version is the one that came with these operators.
OPSET = 15
IR_VERSION = 8

Array = NDArray[np.generic]

# TensorProto.DataType, by the names that numpy has for them.
TYPES = {"float32": 1, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10}


Attribute: TypeAlias = "int | str | tuple[int, ...] | tuple[str, ...] | Graph"


@dataclass(frozen=True)
class Value:
    """An input or output of a graph."""

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None = None
    """An open dimension has a name; None in a loop's body, where the shape follows."""


@dataclass(frozen=True)
class Node:
    """An operator with what it reads and what it makes."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: "Mapping[str, Attribute]"


@dataclass(frozen=True)
class Constant:
    """A constant: its name, type and shape; its numbers only where they are part of the graph."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    numbers: Array | None = None
    """None for weights: those are the file's."""

    @property
    def nbytes(self) -> int:
        """Return how many bytes its numbers take."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Graph:
    """Nodes in the order in which they run, and what they read and make."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    constants: tuple[Constant, ...] = ()


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


# -- writing -----------------------------------------------------------------------------------


def to_bytes(graph: Graph, weights: Mapping[str, Array]) -> bytes:
    """Return the serialized GraphProto, with the numbers of `weights`, by the constants' names."""
    parts = []
    for _, head, constant in _pieces(graph):
        parts.append(head)
        if constant is not None:
            numbers = np.ascontiguousarray(weights[constant.name], constant.dtype)
            if numbers.shape != constant.shape:
                raise ValueError(f"{constant.name} is {numbers.shape}, not {constant.shape}")
            parts.append(numbers.tobytes())
    return b"".join(parts)


def model_to_bytes(graph: bytes | memoryview, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the serialized ModelProto around a GraphProto."""
    entries = [
        _field(14, _field(1, key.encode()) + _field(2, value.encode()))
        for key, value in (metadata or {}).items()
    ]
    operators = _field(8, _field(1, b"") + _number(2, OPSET))
    return b"".join([_number(1, IR_VERSION), _field(7, graph), operators, *entries])


def _pieces(graph: Graph) -> Iterator[tuple[str, bytes, Constant | None]]:
    """Yield what a part of the graph is, its bytes, and the constant whose numbers follow them."""
    for i, node in enumerate(graph.nodes):
        yield f"node {i}, {node.operator}", _field(1, _node(node)), None
    yield "its name", _field(2, graph.name.encode()), None
    for constant in graph.constants:
        head = b"".join(_number(1, size) for size in constant.shape)
        head += _number(2, TYPES[constant.dtype]) + _field(8, constant.name.encode())
        what = f"constant {constant.name}"
        if constant.numbers is not None:
            numbers = constant.numbers.astype(constant.dtype).tobytes()
            yield what, _field(5, head + _field(9, numbers)), None
            continue
        # Protobuf says a field's length ahead of it.
        head += _varint(9 << 3 | 2) + _varint(constant.nbytes)
        yield what, _varint(5 << 3 | 2) + _varint(len(head) + constant.nbytes) + head, constant
    for number, values in ((11, graph.inputs), (12, graph.outputs)):
        for value in values:
            yield f"{value.name}, an input or output", _field(number, _value(value)), None


def _node(node: Node) -> bytes:
    attributes = [
        _field(5, _attribute(name, value)) for name, value in sorted(node.attributes.items())
    ]
    inputs = [_field(1, name.encode()) for name in node.inputs]
    outputs = [_field(2, name.encode()) for name in node.outputs]
    return b"".join([*inputs, *outputs, _field(4, node.operator.encode()), *attributes])


def _attribute(name: str, value: Attribute) -> bytes:
    # The last field is AttributeProto.AttributeType.
    named = _field(1, name.encode())
    if isinstance(value, Graph):
        return named + _field(6, to_bytes(value, {})) + _number(20, 5)
    if isinstance(value, str):
        return named + _field(4, value.encode()) + _number(20, 3)
    if isinstance(value, int):
        return named + _number(3, value) + _number(20, 2)
    ints = [_number(8, item) for item in value if isinstance(item, int)]
    strings = [_field(9, item.encode()) for item in value if isinstance(item, str)]
    return named + b"".join(ints + strings) + _number(20, 8 if strings else 7)


def _value(value: Value) -> bytes:
    kind = _number(1, TYPES[value.dtype])
    if value.shape is not None:
        sizes = [
            _field(1, _field(2, size.encode()) if isinstance(size, str) else _number(1, size))
            for size in value.shape
        ]
        kind += _field(2, b"".join(sizes))
    return _field(1, value.name.encode()) + _field(2, _field(1, kind))


def _field(number: int, content: bytes | memoryview) -> bytes:
    return b"".join((_varint(number << 3 | 2), _varint(len(content)), content))


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & (1 << 64) - 1)


def _varint(value: int) -> bytes:
    if value <= 0x7F:  # nearly all are, and a graph has thousands
        return bytes((value,))
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


# -- reading -----------------------------------------------------------------------------------


def weights_of(graph: Graph, data: memoryview) -> dict[str, Array]:
    """Return the numbers of the constants in `data`, a serialized GraphProto, by their names.

    Raises GraphError, naming the first part that differs, unless `data` is `graph` to the byte
    but for those numbers.
    """
    weights: dict[str, Array] = {}
    position = 0
    for what, head, constant in _pieces(graph):
        end = position + len(head)
        if data[position:end] != head:
            raise GraphError(f"the graph isn't that of the file's settings: see {what}")
        position = end + (constant.nbytes if constant else 0)
        if position > len(data):
            raise GraphError(f"the graph is cut short in {what}")
        if constant:
            numbers = np.frombuffer(data[end:position], constant.dtype)
            weights[constant.name] = numbers.reshape(constant.shape)
    if position != len(data):
        raise GraphError("the graph isn't that of the file's settings: it goes on behind its end")
    return weights


def parse(data: bytes) -> tuple[memoryview, dict[str, str]]:
    """Return the serialized GraphProto and the metadata of a ModelProto.

    Raises NotAModelError, or CorruptModelError once it looks like an ONNX file.
    """
    # Serializers write fields in order, and field 1 is the IR version, a small number.
    if len(data) < 2 or data[0] != 1 << 3 or not 1 <= data[1] <= 127:
        raise NotAModelError("not an ONNX model")
    graph: memoryview | None = None
    metadata: dict[str, str] = {}
    for number, value in _fields(memoryview(data)):
        if number == 7:
            if graph is not None:  # protobuf would merge them
                raise CorruptModelError("the file is altered (two graphs)")
            graph = _bytes(value)
        elif number == 14:
            entry = dict(_fields(_bytes(value)))
            key, text = (_text(entry.get(part, memoryview(b""))) for part in (1, 2))
            if key in metadata:
                raise CorruptModelError(f"the file is altered (metadata {key!r:.40} twice)")
            metadata[key] = text
    if graph is None:
        raise CorruptModelError("no graph inside; the file is cut short or altered")
    return graph, metadata


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield a message's fields, numbers and bytes: ONNX has no others outside of a graph."""
    position, end = 0, len(message)
    while position < end:
        tag, position = _read_varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29 or wire_type not in (0, 2):
            raise CorruptModelError("the file is cut short or altered (an unknown field)")
        value, position = _read_varint(message, position)
        if wire_type == 0:
            yield number, value
            continue
        if position + value > end:
            raise CorruptModelError("the file is cut short or altered")
        yield number, message[position : position + value]
        position += value


def _read_varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise CorruptModelError("the file is cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80 and value < 1 << 64:
            return value, position
    raise CorruptModelError("the file is altered (a number over 64 bits)")


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise CorruptModelError("the file is altered (a number where a message belongs)")
    return value


def _text(value: int | memoryview) -> str:
    try:
        return str(_bytes(value), "utf-8")
    except UnicodeDecodeError as error:
        raise CorruptModelError("the file is altered (text that isn't UTF-8)") from error
