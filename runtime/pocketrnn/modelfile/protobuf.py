"""Read the few parts of an ONNX file that are needed before onnxruntime may see it.

The bundled reader spares the runtime the onnx package, and lets every refusal come before any
native code runs. Field numbers are those of onnx.proto3 (github.com/onnx/onnx); the wire format
is https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import CorruptModelError, NotAModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EMPTY = memoryview(b"")
_ONNX = ("", "ai.onnx")  # both name ONNX's own set of operators


@dataclass(frozen=True)
class OnnxFile:
    """What the file says of itself, weights left unread."""

    graph: memoryview  # the serialized GraphProto
    metadata: dict[str, str]  # metadata_props
    initializers: dict[str, tuple[int, ...]]  # shapes of the graph's constants, by name
    external: tuple[str, ...]  # names of tensors kept in other files
    foreign: tuple[str, ...]  # operators that ONNX doesn't define, as domain.name
    programs: bool  # whether it brings more than the graph: functions, or graphs for training
    opset: int  # version of ONNX's operators that the graph is written for; 0 if not said


def parse(data: bytes) -> OnnxFile:
    """Parse an ONNX file. Raises NotAModelError, or CorruptModelError once it looks like one."""
    # Serializers write fields in order, and field 1 is the IR version, a small number.
    if len(data) < 2 or data[0] != (1 << 3 | _VARINT) or not 1 <= data[1] <= 127:
        raise NotAModelError("not an ONNX model")
    graph: memoryview | None = None
    metadata: dict[str, str] = {}
    opset, programs = 0, False
    for number, value in fields(memoryview(data)):
        if number == 7:
            # Protobuf would merge them: a second graph could bring in what the first one hides.
            if graph is not None:
                raise CorruptModelError("two graphs inside; the file is altered")
            graph = as_bytes(value)
        elif number == 14:
            entry = dict(fields(as_bytes(value)))
            metadata[as_text(entry.get(1, _EMPTY))] = as_text(entry.get(2, _EMPTY))
        elif number == 8:
            imported = dict(fields(as_bytes(value)))
            version = imported.get(2, 0)
            if as_text(imported.get(1, _EMPTY)) in _ONNX and isinstance(version, int):
                opset = version if opset in (0, version) else -1
        elif number in (20, 25):
            programs = True
    if graph is None:
        raise CorruptModelError("no graph inside; the file is cut short or altered")
    initializers: dict[str, tuple[int, ...]] = {}
    external: list[str] = []
    for number, value in fields(graph):
        if number == 5:
            name, shape, is_external = _tensor(as_bytes(value))
            initializers[name] = shape
            if is_external:
                external.append(name)
    # The constants inside nodes, the bodies of loops, and functions can refer to files as well.
    inside, foreign = _walk(memoryview(data))
    external = list(dict.fromkeys(external + inside))
    return OnnxFile(graph, metadata, initializers, tuple(external), tuple(foreign), programs, opset)


def _walk(model: memoryview) -> tuple[list[str], dict[str, None]]:
    """Return the names of externally stored tensors and of operators that aren't ONNX's.

    It goes through nested graphs without recursion.
    """
    # message kind -> field number -> kind of the submessage
    children = {
        "model": {7: "graph", 20: "training", 25: "function"},
        "training": {1: "graph", 2: "graph"},
        "function": {7: "node", 11: "attribute"},
        "graph": {1: "node", 5: "tensor", 15: "sparse"},
        "node": {5: "attribute"},
        "attribute": {
            5: "tensor",
            6: "graph",
            10: "tensor",
            11: "graph",
            22: "sparse",
            23: "sparse",
        },
        "sparse": {1: "tensor", 2: "tensor"},
    }
    external: list[str] = []
    foreign: dict[str, None] = {}  # a set that keeps its order
    pending = [("model", model)]
    while pending:
        kind, message = pending.pop()
        if kind == "tensor":
            name, _, is_external = _tensor(message)
            if is_external:
                external.append(name)
            continue
        operator, domain = "", ""
        for number, value in fields(message):
            if kind == "node" and number == 4:
                operator = as_text(value)
            elif kind == "node" and number == 7:
                domain = as_text(value)
            if child := children[kind].get(number):
                pending.append((child, as_bytes(value)))
        if domain not in _ONNX:
            foreign[f"{domain}.{operator}"] = None
    return external, foreign


def _tensor(message: memoryview) -> tuple[str, tuple[int, ...], bool]:
    """Return a TensorProto's name, shape, and whether its data lies in another file."""
    name, shape, is_external = "", [], False
    for number, value in fields(message):
        if number == 1:  # dims: packed by today's serializers, one by one by older ones
            shape += [value] if isinstance(value, int) else list(varints(value))
        elif number == 8:
            name = as_text(value)
        elif number == 13 or (number == 14 and value == 1):  # external_data; data_location
            is_external = True
    return name, tuple(shape), is_external


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield a protobuf message's fields: (number, integer or bytes)."""
    position, end = 0, len(message)
    while position < end:
        tag, position = _varint(message, position)
        # Other readers drop the bits above 32, and so see another field.
        if tag >> 32:
            raise CorruptModelError("the file is altered (a field number over 29 bits)")
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, position = _varint(message, position)
        elif wire_type in (_FIXED64, _FIXED32):
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise CorruptModelError("the file is cut short or altered (unknown wire type)")
        if number == 0 or position + size > end:
            raise CorruptModelError("the file is cut short or altered")
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise CorruptModelError("the file is cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise CorruptModelError("the file is altered (a number over 64 bits)")


def varints(message: memoryview) -> Iterator[int]:
    position = 0
    while position < len(message):
        value, position = _varint(message, position)
        yield value


def as_bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise CorruptModelError("the file is altered (a number where a message belongs)")
    return value


def as_text(value: int | memoryview) -> str:
    try:
        return str(as_bytes(value), "utf-8")
    except UnicodeDecodeError as error:
        raise CorruptModelError("the file is altered (text that isn't UTF-8)") from error
