"""Tiny model files, small enough to be scored by hand, and what it takes to forge others.

They are made by pocketrnn's own functions. `field` and `varint` write protobuf independently of
those, for what they would never write.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pocketrnn import ClassifierConfig, TextConfig, Tokenizer, modelfile
from pocketrnn.classify import file
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig

WORDS = ("the", "good", "bad", "film", "naïve", "don't")
LABELS = ("negative", "positive")
CARD = {"corpus": {"name": "made up"}, "figures": {"accuracy": 0.75}, "note": "für Tests"}
NETWORK = NetworkConfig(embedding=3, units=3)


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


def external_tensor(name: str, location: str = "secret.bin") -> bytes:
    """Return a TensorProto of floats that lie in another file."""
    entry = field(13, field(1, "location") + field(2, location))
    return field(1, 1) + field(2, 1) + field(8, name) + entry + field(14, 1)


# -- model files -------------------------------------------------------------------------------


def config(
    labels: Sequence[str] = LABELS,
    *,
    threshold: float = 0.5,
    words: Sequence[str] = WORDS,
    network: NetworkConfig = NETWORK,
    **text: Any,
) -> ClassifierConfig:
    """Return the configuration of a tiny model; `text` are settings of its TextConfig."""
    settings = {"maxlen": 8, "num_words": text.get("index_from", 3) + 1 + len(words), **text}
    return ClassifierConfig(TextConfig(**settings), tuple(labels), threshold, network)


def weights(config: ClassifierConfig, words: Sequence[str] = WORDS) -> dict[str, onnx.Array]:
    """Return weights drawn by chance, but the same for each call.

    With the default network "good" makes the last label likely, and "bad" the first.
    """
    random = np.random.default_rng(7)
    drawn: dict[str, onnx.Array] = {}
    for constant in config.graph().constants:
        if constant.numbers is None:
            numbers = random.normal(0, 20 if constant.dtype == "int8" else 0.1, constant.shape)
            scale = 0.01 if constant.name.endswith(".scale") else 1
            drawn[constant.name] = (numbers * scale).astype(constant.dtype)
    if config.network == NETWORK:
        drawn["embedding"] *= np.float32(5)
        drawn["head.kernel"] *= np.float32(10)
        for word, value in {"good": 2, "bad": -2}.items():
            if word in words[: config.text.vocabulary_size]:
                drawn["embedding"][config.text.index_from + 1 + words.index(word), 0] = value
        drawn["layer0.forward.kernel"] += np.eye(3, dtype=np.float32)
        drawn["layer0.forward.recurrent"] += 0.7 * np.eye(3, dtype=np.float32)
        drawn["head.kernel"][0, -1] = 4
        drawn["head.kernel"][0, 0] = 4 if config.outputs == 1 else -4
    return drawn


def graph(config: ClassifierConfig, words: Sequence[str] = WORDS) -> bytes:
    """Return the serialized GraphProto."""
    return onnx.to_bytes(config.graph(), weights(config, words))


def metadata(
    graph: bytes, config: ClassifierConfig, words: Sequence[str] = WORDS
) -> dict[str, str]:
    """Return the metadata that belongs to `graph`."""
    data = file.to_bytes(config, Tokenizer(config.text, words), graph, CARD)
    return onnx.parse(data)[1]


def resealed(graph: bytes, metadata: Mapping[str, str], **changes: str | None) -> bytes:
    """Return a file with changed metadata (None: left out) and a digest that fits it."""
    changed = {**metadata, **{f"pocketrnn.{key}": value for key, value in changes.items()}}
    kept = {key: value for key, value in changed.items() if value is not None}
    kept["pocketrnn.sha256"] = modelfile.digest(graph, kept)
    return onnx.model_to_bytes(graph, kept)


def tiny(
    labels: Sequence[str] = LABELS, *, card: Mapping[str, Any] = CARD, **settings: Any
) -> bytes:
    """Return a whole, valid file; `settings` are those of `config`."""
    made, words = config(labels, **settings), settings.get("words", WORDS)
    return file.to_bytes(made, Tokenizer(made.text, words), graph(made, words), card)
