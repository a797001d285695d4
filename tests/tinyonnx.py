"""Write tiny ONNX models by hand, good and bad: the runtime's tests have no onnx package.

A tiny model sums one row of weights for each id, then takes the sigmoid (two labels) or the
softmax (more). Field numbers are those of onnx.proto3 (github.com/onnx/onnx).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pocketrnn import ModelConfig, TextConfig, Tokenizer, modelfile

WORDS = ("the", "good", "bad", "film", "naïve", "don't")
LABELS = ("negative", "positive")
CARD = {"corpus": {"name": "made up"}, "figures": {"accuracy": 0.75}, "note": "für Tests"}

FLOAT, INT32, INT64 = 1, 6, 7
_DTYPES = {"float32": FLOAT, "int32": INT32, "int64": INT64}


# -- protobuf ----------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """Encode an integer, negative ones as protobuf's int64 does."""
    value %= 2**64
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def field(number: int, value: int | str | bytes) -> bytes:
    """Encode one field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


# -- ONNX --------------------------------------------------------------------------------------


def tensor(name: str, values: NDArray[Any]) -> bytes:
    """Return a TensorProto."""
    dims = b"".join(field(1, size) for size in values.shape)
    return dims + field(2, _DTYPES[str(values.dtype)]) + field(8, name) + field(9, values.tobytes())


def external_tensor(name: str, shape: Sequence[int] = (1,), location: str = "secret.bin") -> bytes:
    """Return a TensorProto of floats that lie in another file."""
    dims = b"".join(field(1, size) for size in shape)
    entry = field(13, field(1, "location") + field(2, location))
    return dims + field(2, FLOAT) + field(8, name) + entry + field(14, 1)


def attribute(name: str, value: int | bytes, *, number: int = 3, kind: int = 2) -> bytes:
    """Return an AttributeProto: an integer, or `value` as field `number` of type `kind`."""
    return field(1, name) + field(number, value) + field(20, kind)


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], *attributes: bytes) -> bytes:
    """Return a NodeProto."""
    names = [field(1, name) for name in inputs] + [field(2, name) for name in outputs]
    return b"".join([*names, field(4, op), *(field(5, value) for value in attributes)])


def constant(tensor: bytes) -> bytes:
    """Return a graph's field: a node that gives `tensor`."""
    return field(1, node("Constant", [], ["c"], attribute("value", tensor, number=5, kind=4)))


def loop(body: bytes) -> bytes:
    """Return a graph's field: a node with the graph `body` inside."""
    return field(1, node("Loop", ["", ""], ["c"], attribute("body", body, number=6, kind=5)))


def nested(depth: int, innermost: bytes = b"") -> bytes:
    """Return a graph's field: loops in loops."""
    for _ in range(depth):
        innermost = loop(innermost)
    return innermost


def value_info(name: str, kind: int, *dims: int | str) -> bytes:
    """Return a ValueInfoProto of a tensor; a str is the name of an open dimension."""
    shape = b"".join(field(1, field(1 if isinstance(dim, int) else 2, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def weights(config: ModelConfig, words: Sequence[str] = WORDS) -> NDArray[np.float32]:
    """Return a row of weights for each id: with two labels, "good" is 2 and "bad" -2."""
    columns = 1 if len(config.labels) == 2 else len(config.labels)
    table = np.random.default_rng(7).normal(0, 0.1, (config.text.num_words, columns))
    first = config.text.index_from + 1
    for word, value in {"good": 2.0, "bad": -2.0}.items():
        if word in words[: config.text.vocabulary_size]:
            table[first + words.index(word), -1] = value
    return table.astype(np.float32)


def graph(table: NDArray[np.float32], extra: bytes = b"", *, ids: int = INT32) -> bytes:
    """Return the GraphProto: ids (batch, time) to scores (batch, columns), and `extra` fields."""
    columns = table.shape[1]
    nodes = (
        node("Gather", ["table", "ids"], ["rows"]),
        node("ReduceSum", ["rows", "time"], ["sums"], attribute("keepdims", 0)),
        node("Sigmoid" if columns == 1 else "Softmax", ["sums"], ["scores"]),
    )
    constants = (tensor("table", table), tensor("time", np.array([1])))
    return b"".join(
        [
            *(field(1, value) for value in nodes),
            field(2, "tiny"),
            *(field(5, value) for value in constants),
            field(11, value_info("ids", ids, "batch", "time")),
            field(12, value_info("scores", FLOAT, "batch", columns)),
            extra,
        ]
    )


def model(
    graph: bytes, metadata: Mapping[str, str], *, opset: int = 15, extra: bytes = b""
) -> bytes:
    """Return the ModelProto, the bytes of an ONNX file."""
    entries = [field(14, field(1, key) + field(2, value)) for key, value in metadata.items()]
    opsets = field(8, field(1, "") + field(2, opset))
    return b"".join([field(1, 8), field(7, graph), opsets, *entries, extra])


# -- pocketrnn ---------------------------------------------------------------------------------


def config(
    labels: Sequence[str] = LABELS,
    *,
    threshold: float = 0.5,
    words: Sequence[str] = WORDS,
    **text: Any,
) -> ModelConfig:
    """Return the configuration of a tiny model; `text` are settings of its TextConfig."""
    settings = {"maxlen": 8, "num_words": text.get("index_from", 3) + 1 + len(words), **text}
    # Padding has a row of weights as well, so every text needs all of its steps.
    step = settings["maxlen"]
    return ModelConfig(TextConfig(**settings), tuple(labels), threshold, ("table",), step)


def metadata(graph: bytes, config: ModelConfig, words: Sequence[str] = WORDS) -> dict[str, str]:
    """Return the metadata that belongs to `graph`."""
    return modelfile.to_metadata(graph, config, Tokenizer(config.text, words), CARD)


def resealed(graph: bytes, metadata: Mapping[str, str], **changes: str | None) -> bytes:
    """Return a file with changed metadata (None: left out) and a digest that fits it."""
    changed = {**metadata, **{f"pocketrnn.{key}": value for key, value in changes.items()}}
    kept = {key: value for key, value in changed.items() if value is not None}
    kept["pocketrnn.sha256"] = modelfile.digest(graph, kept)
    return model(graph, kept)


def tiny(
    labels: Sequence[str] = LABELS,
    *,
    threshold: float = 0.5,
    words: Sequence[str] = WORDS,
    extra: bytes = b"",
    **text: Any,
) -> bytes:
    """Return a whole, valid file; `extra` fields go into its graph."""
    settings = config(labels, threshold=threshold, words=words, **text)
    contents = graph(weights(settings, words), extra)
    return model(contents, metadata(contents, settings, words))
