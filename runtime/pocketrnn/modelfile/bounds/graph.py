"""A graph's nodes and constants, read from its protobuf message as onnxruntime reads them."""

import struct
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

from ...errors import CorruptModelError
from ..protobuf import as_bytes, as_text, fields, varints

# Types of tensors, as TensorProto.DataType numbers them.
FLOAT, INT32, INT64, BOOL = 1, 6, 7, 9
FLOATS = (FLOAT, 10, 11, 16)
# All that a number may be: not text, nor complex.
NUMBERS = (*range(1, 8), *range(9, 14), 16)
# More dimensions than this are of no use, and of harm only to who goes through them.
RANK = 16
# The numbers of longer constants are weights, not sizes.
_SHORT = 64


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor of the file."""

    name: str
    kind: int
    """The type of its numbers."""
    shape: tuple[int, ...]
    integers: tuple[int, ...] | None
    """Its values in order, if they are few and whole numbers."""


Attribute = int | bytes | tuple[int, ...] | Constant | memoryview | None


class Node(NamedTuple):
    """One operation."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    """Empty where an optional input is left out."""
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]
    """A nested graph is left serialized; what else isn't of interest is None."""


@dataclass(slots=True)
class Graph:
    """The network, or the body of a loop."""

    nodes: list[Node] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    declared: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    """The shapes that the file says values have; None where a dimension is open."""

    @property
    def parts(self) -> int:
        """How much there is to look at."""
        named = sum(1 + len(node.inputs) + len(node.outputs) for node in self.nodes)
        return named + len(self.constants) + len(self.declared)


def read(message: memoryview) -> Graph:
    """Read a GraphProto; CorruptModelError for what can be understood in two ways."""
    graph = Graph()
    for number, value in fields(message):
        if number == 1:
            graph.nodes.append(_node(as_bytes(value)))
        elif number == 5:
            graph.constants.append(_constant(as_bytes(value)))
        elif number == 15:
            raise CorruptModelError("the file is altered (a sparse tensor)")
        elif number in (11, 12, 13):
            name, shape = _declared(as_bytes(value))
            if name in graph.declared and number != 13 and graph.declared[name] != shape:
                raise CorruptModelError(f"the file is altered ({name!r:.80} is declared twice)")
            graph.declared[name] = shape
            if number != 13:
                (graph.inputs if number == 11 else graph.outputs).append(name)
    return graph


def _node(message: memoryview) -> Node:
    name, operator = "", ""
    inputs: list[str] = []
    outputs: list[str] = []
    attributes: dict[str, Attribute] = {}
    for number, value in fields(message):
        if number == 1:
            inputs.append(as_text(value))
        elif number == 2:
            outputs.append(as_text(value))
        elif number == 3:
            name = as_text(value)
        elif number == 4:
            operator = as_text(value)
        elif number == 5:
            key, attribute = _attribute(as_bytes(value))
            if key in attributes:
                raise CorruptModelError(f"the file is altered (attribute {key!r:.80} is twice)")
            attributes[key] = attribute
    return Node(name, operator, tuple(inputs), tuple(outputs), attributes)


def _attribute(message: memoryview) -> tuple[str, Attribute]:
    name, kind = "", 0
    integers: list[int] = []
    found: dict[int, int | memoryview] = {}
    for number, value in fields(message):
        if number == 1:
            name = as_text(value)
        elif number == 8:
            integers += [value] if isinstance(value, int) else varints(value)
        elif number == 20 and isinstance(value, int):
            kind = value & 0xFFFFFFFF
        elif number in (5, 6) and number in found:  # protobuf would merge them
            raise CorruptModelError(f"the file is altered (attribute {name!r:.80} is twice)")
        else:
            found[number] = value
    # Of all that an attribute may hold, its type says what counts.
    if kind == 7:
        return name, tuple(map(_signed, integers))
    if kind == 2:
        integer = found.get(3, 0)
        return name, _signed(integer) if isinstance(integer, int) else None
    value = found.get({3: 4, 4: 5, 5: 6}.get(kind, 0), 0)
    if isinstance(value, int):
        return name, None
    if kind == 3:
        return name, bytes(value)
    return name, _constant(value) if kind == 4 else value


def _constant(message: memoryview) -> Constant:
    name, kind = "", 0
    shape: list[int] = []
    stored: list[int] = []
    raw: memoryview | None = None
    for number, value in fields(message):
        if number == 1:
            shape += map(_signed, [value] if isinstance(value, int) else varints(value))
        elif number == 2 and isinstance(value, int):
            kind = value & 0xFFFFFFFF  # as protobuf cuts what it keeps in 32 bits
        elif number == 8:
            name = as_text(value)
        elif number == 9:
            raw = as_bytes(value)
        elif number in (5, 7) and len(stored) <= _SHORT:
            stored += map(_signed, [value] if isinstance(value, int) else varints(value))
    if len(shape) > RANK or kind not in NUMBERS:
        raise CorruptModelError(f"the file is altered (constant {name!r:.80} isn't one)")
    size = prod(shape)
    # However they are stored, a value takes a byte or more.
    if min(shape, default=0) < 0 or size > len(message):
        raise CorruptModelError(f"the file is altered (constant {name!r:.80} lacks its values)")
    integers = None
    if kind in (INT32, INT64) and size <= _SHORT:
        width, code = (4, "i") if kind == INT32 else (8, "q")
        if raw is None and len(stored) == size:
            integers = tuple(stored if kind == INT64 else map(_signed32, stored))
        elif raw is not None and not stored and len(raw) == size * width:
            integers = struct.unpack(f"<{size}{code}", raw)
    return Constant(name, kind, tuple(shape), integers)


def _declared(message: memoryview) -> tuple[str, tuple[int | None, ...]]:
    name = ""
    dims: list[int | None] = []
    for number, value in fields(message):
        if number == 1:
            name = as_text(value)
        elif number == 2:
            # type, tensor_type, shape, dim: protobuf merges what is there twice, and so does this
            for dim in _inside(value, 1, 2, 1):
                sizes = [
                    _signed(size) for key, size in fields(dim) if key == 1 and isinstance(size, int)
                ]
                dims.append(sizes[-1] if sizes else None)
    return name, tuple(dims)


def _inside(value: int | memoryview, *path: int) -> list[memoryview]:
    """Return the messages that lie in a message's fields, and their fields, by number."""
    found = [as_bytes(value)]
    for step in path:
        found = [
            as_bytes(v) for message in found for number, v in fields(message) if number == step
        ]
    return found


def _signed(value: int) -> int:
    return value - 2**64 if value >> 63 else value


def _signed32(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31
