"""The protobuf reader: it finds what it looks for, wherever that is, and refuses the rest."""

from collections.abc import Callable

import numpy as np
import pytest
import tinyonnx
from pocketrnn.errors import CorruptModelError, NotAModelError
from pocketrnn.modelfile import protobuf as onnxproto
from tinyonnx import attribute, constant, external_tensor, field, nested, node, tensor, varint

GRAPH = field(2, "g")
SECRET = external_tensor("secret")


def file(graph: bytes = GRAPH, extra: bytes = b"") -> bytes:
    return tinyonnx.model(graph, {}, extra=extra)


def test_parse() -> None:
    constants = [tensor("table", np.zeros((5, 3), np.float32)), tensor("one", np.array(1))]
    graph = b"".join([field(5, constants[0]), GRAPH, field(5, constants[1])])
    onnx = onnxproto.parse(tinyonnx.model(graph, {"b": "naïve \u0130 中", "a": "", "": "x"}))
    assert bytes(onnx.graph) == graph
    assert onnx.metadata == {"b": "naïve \u0130 中", "a": "", "": "x"}
    assert onnx.initializers == {"table": (5, 3), "one": ()}
    assert onnx.external == ()


def test_shape_may_be_packed() -> None:
    shape = varint(300) + varint(7)
    onnx = onnxproto.parse(file(field(5, field(1, shape) + field(8, "table"))))
    assert onnx.initializers == {"table": (300, 7)}


@pytest.mark.parametrize(
    "unknown",
    [
        varint(99 << 3) + varint(2**64 - 1),
        varint(99 << 3 | 1) + bytes(8),
        field(99, b"anything"),
        varint(99 << 3 | 5) + bytes(4),
        varint((2**29 - 1) << 3) + varint(0),
    ],
    ids=["varint", "fixed64", "bytes", "fixed32", "largest number"],
)
def test_unknown_fields_are_skipped(unknown: bytes) -> None:
    graph = unknown + field(5, unknown + tensor("table", np.zeros(2, np.float32)) + unknown)
    onnx = onnxproto.parse(file(graph, unknown))
    assert onnx.initializers == {"table": (2,)}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08",
        b"PK\x03\x04zip",
        b"\x08\x00" + field(7, GRAPH),
        b"\x08\x80\x01" + field(7, GRAPH),
        field(7, GRAPH),
        b"text that is no model",
        "\ufeff\x08\x08".encode(),
    ],
)
def test_not_a_model(data: bytes) -> None:
    with pytest.raises(NotAModelError):
        onnxproto.parse(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (field(1, 8), "no graph"),
        (file(extra=field(7, GRAPH)), "two graphs"),
        (file(extra=b"\x80"), "cut short"),
        (file(extra=b"\x72"), "cut short"),
        (file(extra=b"\x72\x05abcd"), "cut short"),
        (file(extra=varint(99 << 3 | 1) + bytes(7)), "cut short"),
        (file(extra=varint(99 << 3 | 5) + bytes(3)), "cut short"),
        (file(extra=varint(99 << 3 | 2) + varint(2**63)), "cut short"),
        (file(extra=varint(99 << 3 | 3)), "unknown wire type"),
        (file(extra=varint(99 << 3 | 4)), "unknown wire type"),
        (file(extra=varint(99 << 3 | 7)), "unknown wire type"),
        (file(extra=b"\x02\x00"), "altered"),
        (file(extra=varint(99 << 3) + b"\xff" * 10), "over 64 bits"),
        # Protobuf libraries keep 32 bits of a tag, and would read this as a second graph.
        (file(extra=varint(2**32 + (7 << 3 | 2)) + varint(len(GRAPH)) + GRAPH), "over 29 bits"),
        (field(1, 8) + field(7, 1), "a number where a message belongs"),
        (file(field(5, 1)), "a number where a message belongs"),
        (file(field(1, 1)), "a number where a message belongs"),
        (file(extra=field(14, 1)), "a number where a message belongs"),
        (file(extra=field(14, field(1, 1))), "a number where a message belongs"),
        (file(extra=field(14, field(1, b"\xff"))), "isn't UTF-8"),
        (file(extra=field(14, field(2, b"\xed\xa0\x80"))), "isn't UTF-8"),
        (file(field(5, field(8, b"\xff"))), "isn't UTF-8"),
        (file(field(5, field(1, b"\x80"))), "cut short"),
    ],
)
def test_damaged(data: bytes, message: str) -> None:
    with pytest.raises(CorruptModelError, match=message):
        onnxproto.parse(data)


def in_node(secret: bytes, number: int, kind: int) -> bytes:
    return field(1, node("Constant", [], ["c"], attribute("a", secret, number=number, kind=kind)))


# every place in a graph that can hold a tensor
PLACES: dict[str, Callable[[bytes], bytes]] = {
    "initializer": lambda secret: field(5, secret),
    "values of a sparse initializer": lambda secret: field(15, field(1, secret)),
    "indices of a sparse initializer": lambda secret: field(15, field(2, secret)),
    "attribute": lambda secret: in_node(secret, 5, 4),
    "list attribute": lambda secret: in_node(secret, 10, 9),
    "sparse attribute": lambda secret: in_node(field(1, secret), 22, 11),
    "list of sparse attributes": lambda secret: in_node(field(2, secret), 23, 12),
    "body of a loop": lambda secret: in_node(field(5, secret), 6, 5),
    "list of bodies": lambda secret: in_node(field(5, secret), 11, 10),
    "constant in a loop in a loop": lambda secret: nested(2, constant(secret)),
}


@pytest.mark.parametrize("place", PLACES)
def test_external_tensor_in_the_graph(place: str) -> None:
    assert onnxproto.parse(file(PLACES[place](SECRET))).external == ("secret",)
    inside = tensor("inside", np.zeros(1, np.float32))
    assert onnxproto.parse(file(PLACES[place](inside))).external == ()


@pytest.mark.parametrize(
    "extra",
    [
        field(25, field(7, node("Constant", [], ["c"], attribute("a", SECRET, number=5, kind=4)))),
        field(25, field(11, attribute("a", SECRET, number=5, kind=4))),
        field(20, field(1, field(5, SECRET))),
        field(20, field(2, field(5, SECRET))),
    ],
    ids=["node of a function", "default of a function", "initialization", "training step"],
)
def test_external_tensor_outside_the_graph(extra: bytes) -> None:
    assert onnxproto.parse(file(extra=extra)).external == ("secret",)


@pytest.mark.parametrize(
    ("mark", "external"),
    [
        (field(13, field(1, "location") + field(2, "/etc/hostname")), True),
        (field(13, b""), True),
        (field(14, 1), True),
        (field(14, 0), False),
    ],
)
def test_either_mark_makes_a_tensor_external(mark: bytes, external: bool) -> None:
    onnx = onnxproto.parse(file(field(5, field(8, "t") + mark)))
    assert onnx.external == (("t",) if external else ())


def test_external_names_are_given_once_and_in_order() -> None:
    onnx = onnxproto.parse(
        file(nested(1, field(5, external_tensor("a"))) + field(5, external_tensor("b")) * 2)
    )
    assert onnx.external == ("b", "a")


def test_nesting_deeper_than_the_stack() -> None:
    graph = nested(3000, field(5, SECRET))
    assert onnxproto.parse(file(graph)).external == ("secret",)
