"""The model file: one ONNX file whose metadata holds all that serving needs beside the weights.

| metadata key           | value                                                               |
|------------------------|---------------------------------------------------------------------|
| `pocketrnn.schema`     | version of this layout, an integer                                  |
| `pocketrnn.config`     | JSON of `ModelConfig`: text settings, labels, threshold, and so on  |
| `pocketrnn.vocabulary` | the words in order of rank, joined by the `split` character         |
| `pocketrnn.card`       | JSON: what the model was made from, how, and how good it is         |
| `pocketrnn.vectors`    | JSON of `Vector`s: texts with their scores; may be missing          |
| `pocketrnn.sha256`     | digest of the graph and of the values above: see `digest`           |
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..classify.text import TextConfig, Tokenizer
from ..config import Settings, check
from ..errors import (
    ConfigError,
    CorruptModelError,
    CustomOperatorError,
    ExternalDataError,
    NewerSchemaError,
    NoMetadataError,
    UnsafeGraphError,
    VocabularyMismatchError,
)
from . import bounds
from . import protobuf as onnxproto

SCHEMA = 1
# Of the files of this schema. From 2021: old enough for every onnxruntime that pocketrnn supports,
# and nothing these networks need came later.
OPSET = 15
_PREFIX = "pocketrnn."


@dataclass(frozen=True)
class ModelConfig(Settings):
    """How to turn a text into the graph's input, and the graph's output into a label."""

    text: TextConfig
    labels: tuple[str, ...]  # one a class; with two, the sigmoid is the second one's probability
    threshold: float  # with two classes: the second is chosen above it; unused with more
    tables: tuple[str, ...]  # the graph's constants that have a row for each id
    step: int  # the graph takes any multiple of this as time, up to maxlen, for the same scores

    def __post_init__(self) -> None:
        """Raise ConfigError for settings that no model could have."""
        super().__post_init__()
        check(len(self.labels) >= 2, f"a model needs two labels or more, not {self.labels}")
        check(len(set(self.labels)) == len(self.labels), f"a label is there twice: {self.labels}")
        check(0 <= self.threshold <= 1, f"threshold must be from 0 to 1, not {self.threshold}")
        check(bool(self.tables), "no table named that has a row for each id")
        check(
            self.step >= 1 and self.text.maxlen % self.step == 0,
            f"maxlen ({self.text.maxlen}) must be a multiple of step ({self.step})",
        )


@dataclass(frozen=True)
class Vector(Settings):
    """A text and what the model makes of it, so that any machine can test itself."""

    text: str
    scores: tuple[float, ...]  # one a label, as `Model.scores` gave them at the export


@dataclass(frozen=True)
class ModelFile:
    """A model file's checked contents."""

    data: bytes
    config: ModelConfig
    tokenizer: Tokenizer
    card: dict[str, Any]
    vectors: tuple[Vector, ...]
    sha256: str
    opset: int  # the version of ONNX's operators


def to_metadata(
    graph: bytes,
    config: ModelConfig,
    tokenizer: Tokenizer,
    card: dict[str, Any],
    vectors: Sequence[Vector] = (),
) -> dict[str, str]:
    """Return the metadata to store in the ONNX file beside the serialized GraphProto `graph`."""
    # JSON in ASCII: a label may hold a lone surrogate or a NUL, which the file's UTF-8 can't.
    metadata = {
        _PREFIX + "schema": str(SCHEMA),
        _PREFIX + "config": json.dumps(config.to_dict()),
        _PREFIX + "vocabulary": config.text.split.join(tokenizer.vocabulary),
        _PREFIX + "card": json.dumps(card),
    }
    if vectors:
        metadata[_PREFIX + "vectors"] = json.dumps([vector.to_dict() for vector in vectors])
    metadata[_PREFIX + "sha256"] = digest(graph, metadata)
    return metadata


def digest(graph: bytes | memoryview, metadata: dict[str, str]) -> str:
    """Return the SHA-256, in hex, of the graph and all pocketrnn metadata but the digest itself.

    Hashed are the serialized GraphProto as it lies in the file, then key, NUL, value, NUL of
    each entry in code-point order of the keys, as UTF-8.
    """
    sha256 = hashlib.sha256(graph)
    for key in sorted(metadata):
        if key.startswith(_PREFIX) and key != _PREFIX + "sha256":
            sha256.update(f"{key}\0{metadata[key]}\0".encode())
    return sha256.hexdigest()


def read(data: bytes) -> ModelFile:
    """Check a model file and return its contents, before onnxruntime sees a byte of it.

    Raises the ModelFileError that fits: NotAModelError, NoMetadataError, NewerSchemaError,
    ExternalDataError, CustomOperatorError, VocabularyMismatchError, CorruptModelError or
    UnsafeGraphError.
    """
    onnx = onnxproto.parse(data)
    schema = onnx.metadata.get(_PREFIX + "schema")
    if schema is None:
        raise NoMetadataError(
            "an ONNX model without pocketrnn metadata; make the file with pocketrnn-export"
        )
    if not (schema.isascii() and schema.isdigit()):
        raise CorruptModelError(f"the file is altered (schema {schema!r:.40})")
    if len(schema) > 9 or int(schema) > SCHEMA:
        raise NewerSchemaError(
            f"made for a newer pocketrnn (schema {schema:.20}, this one reads up to {SCHEMA}); "
            "run: pip install --upgrade pocketrnn"
        )
    if onnx.external:
        raise ExternalDataError(
            f"keeps weights in other files ({', '.join(onnx.external)[:80]}); a pocketrnn model is "
            "one file: make it with pocketrnn-export"
        )
    if onnx.opset != OPSET:
        raise CorruptModelError(
            f"the file is altered (opset {onnx.opset}, where schema {schema} has {OPSET})"
        )
    if onnx.programs:
        raise UnsafeGraphError(
            "brings functions or graphs for training, which pocketrnn never runs"
        )
    if onnx.foreign:
        raise CustomOperatorError(
            f"needs operators that ONNX doesn't define ({', '.join(onnx.foreign)[:80]}); make the "
            "file with pocketrnn-export"
        )
    try:
        config = ModelConfig.from_dict(json.loads(onnx.metadata[_PREFIX + "config"]))
        vocabulary = onnx.metadata[_PREFIX + "vocabulary"]
        words = vocabulary.split(config.text.split) if vocabulary else []
        _check_vocabulary(config, len(words), onnx.initializers)
        tokenizer = Tokenizer(config.text, words)
        card = json.loads(onnx.metadata[_PREFIX + "card"])
        vectors = _vectors(onnx.metadata.get(_PREFIX + "vectors", "[]"), len(config.labels))
        sha256 = onnx.metadata[_PREFIX + "sha256"]
    except KeyError as error:
        raise CorruptModelError(f"the file is cut short or altered (no {error})") from error
    except (ValueError, RecursionError) as error:  # JSON that doesn't parse, and ConfigError
        reason = str(error) if isinstance(error, ConfigError) else "metadata that isn't JSON"
        raise CorruptModelError(f"the file is altered ({reason})") from error
    if not isinstance(card, dict):
        raise CorruptModelError("the file is altered (the card isn't an object)")
    if digest(onnx.graph, onnx.metadata) != sha256:
        raise CorruptModelError(
            "the file is altered (its digest doesn't fit its contents); get it again, or export "
            "it again"
        )
    bounds.check(onnx.graph, config.text.maxlen, len(data))
    return ModelFile(data, config, tokenizer, card, vectors, sha256, onnx.opset)


def _vectors(stored: str, labels: int) -> tuple[Vector, ...]:
    """Return the vectors; ConfigError for what isn't one, or not one of this model."""
    values = json.loads(stored)
    check(isinstance(values, list), "the vectors aren't a list")
    vectors = tuple(Vector.from_dict(value) for value in values)
    for vector in vectors:
        fits = len(vector.scores) == labels and all(map(math.isfinite, vector.scores))
        check(fits, f"a vector needs {labels} scores, not {vector.scores!r:.80}")
    return vectors


def _check_vocabulary(
    config: ModelConfig, words: int, initializers: dict[str, tuple[int, ...]]
) -> None:
    """Raise VocabularyMismatchError unless every id has a word and a row, and no more."""
    if words != config.text.vocabulary_size:
        raise VocabularyMismatchError(
            f"the vocabulary has {words} words, the settings speak of "
            f"{config.text.vocabulary_size}; export the model again"
        )
    for table in config.tables:
        rows = initializers.get(table, (0,))[:1]
        if rows != (config.text.num_words,):
            raise VocabularyMismatchError(
                f"the vocabulary needs {config.text.num_words} rows of weights, but {table!r} has "
                f"{rows[0] if rows else 0}; export the model again"
            )
