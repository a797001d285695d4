"""The model file: one ONNX file whose metadata holds all that serving needs beside the weights.

| metadata key           | value                                                               |
|------------------------|---------------------------------------------------------------------|
| `pocketrnn.schema`     | version of this layout, an integer                                  |
| `pocketrnn.task`       | what the model does: `classify`, `generate` or `forecast`           |
| `pocketrnn.config`     | JSON: the task's settings, and those of the network                 |
| `pocketrnn.vocabulary` | the task's vocabulary                                               |
| `pocketrnn.card`       | JSON: what the model was made from, how, and how good it is         |
| `pocketrnn.test_cases` | JSON: inputs with their outputs, so that a model can test itself    |
| `pocketrnn.sha256`     | digest of the graph and of the values above: see `digest`           |

This module knows the layout; what the values mean is the task's to know.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..config import Settings, check
from ..errors import CorruptModelError, GraphError, NewerSchemaError, NoMetadataError
from . import onnx

SCHEMA = 1
MOST_TEST_CASES = 100  # `verify` runs each, however long that takes
Case = TypeVar("Case", bound=Settings)
_PREFIX = "pocketrnn."


@dataclass(frozen=True)
class ModelFile:
    """A model file whose digest fits; its graph and settings are still to be checked."""

    data: bytes = field(repr=False)
    graph: memoryview = field(repr=False)
    """The serialized GraphProto."""
    task: str
    config: Any
    vocabulary: str = field(repr=False)
    card: dict[str, Any]
    test_cases: Any
    sha256: str
    metadata: dict[str, str] = field(repr=False)

    def weights(self, graph: onnx.Graph) -> dict[str, onnx.Array]:
        """Return the numbers of the constants, by name.

        Raises GraphError unless the whole file is what pocketrnn would write for `graph`.
        """
        weights = onnx.weights_of(graph, self.graph)
        if onnx.model_to_bytes(self.graph, self.metadata) != self.data:
            raise GraphError("holds more than a graph and metadata, or in another order")
        return weights

    def cases(self, kind: type[Case], fits: Callable[[Case], bool]) -> tuple[Case, ...]:
        """Return the test cases, which are of the task's `kind`; ConfigError for what aren't."""
        check(isinstance(self.test_cases, list), "the test cases aren't a list")
        check(
            len(self.test_cases) <= MOST_TEST_CASES,
            f"{MOST_TEST_CASES} test cases at most may be there",
        )
        cases = tuple(kind.from_dict(value) for value in self.test_cases)
        for case in cases:
            check(fits(case), f"a test case doesn't fit the settings: {case!r:.80}")
        return cases


def to_bytes(
    task: str,
    config: Settings,
    graph: bytes,
    card: dict[str, Any],
    test_cases: Sequence[Settings] = (),
    vocabulary: str = "",
) -> bytes:
    """Return the model file around the serialized GraphProto `graph`."""
    # JSON in ASCII: a label may hold a lone surrogate or a NUL, which the file's UTF-8 can't.
    metadata = {
        _PREFIX + "schema": str(SCHEMA),
        _PREFIX + "task": task,
        _PREFIX + "config": json.dumps(config.to_dict()),
        _PREFIX + "vocabulary": vocabulary,
        _PREFIX + "card": json.dumps(card),
        _PREFIX + "test_cases": json.dumps([case.to_dict() for case in test_cases]),
    }
    metadata[_PREFIX + "sha256"] = digest(graph, metadata)
    return onnx.model_to_bytes(graph, metadata)


def digest(graph: bytes | memoryview, metadata: Mapping[str, str]) -> str:
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
    """Return the parts of a model file.

    Raises the ModelFileError that fits: NotAModelError, NoMetadataError, NewerSchemaError or
    CorruptModelError.
    """
    graph, metadata = onnx.parse(data)
    schema = metadata.get(_PREFIX + "schema")
    if schema is None:
        raise NoMetadataError(
            "an ONNX model without pocketrnn metadata; make the file with pocketrnn-export"
        )
    if not (schema.isascii() and schema.isdigit()):
        raise CorruptModelError(f"the file is altered (schema {schema!r:.40})")
    if len(schema) > 9 or int(schema) > SCHEMA:
        raise NewerSchemaError(
            f"made for a newer pocketrnn (schema {schema:.20}, this one reads up to {SCHEMA}); "
            "update pocketrnn"
        )
    try:
        values = {
            name: metadata[_PREFIX + name]
            for name in ("task", "config", "vocabulary", "card", "test_cases", "sha256")
        }
        parsed = {name: json.loads(values[name]) for name in ("config", "card", "test_cases")}
    except KeyError as error:
        raise CorruptModelError(f"the file is cut short or altered (no {error})") from error
    except (ValueError, RecursionError) as error:
        raise CorruptModelError("the file is altered (metadata that isn't JSON)") from error
    if not isinstance(parsed["card"], dict):
        raise CorruptModelError("the file is altered (the card isn't an object)")
    if digest(graph, metadata) != values["sha256"]:
        raise CorruptModelError(
            "the file is altered (its digest doesn't fit its contents); get it again, or export "
            "it again"
        )
    return ModelFile(data, graph, **{**values, **parsed}, metadata=metadata)
