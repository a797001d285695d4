"""What a generator's model file says: its settings, characters and test cases."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .. import modelfile
from ..config import Count, Settings, check
from ..errors import VocabularyMismatchError
from ..modelfile import ModelFile, onnx
from ..modelfile.graph import generator
from ..modelfile.network import NetworkConfig
from .alphabet import Alphabet

TASK = "generate"
BYTES = 256


@dataclass(frozen=True)
class GeneratorConfig(Settings):
    """What the ids mean, and what network reads and gives them.

    The characters come first; then `stop`, if there is one; then the other special ids.
    """

    unit: Literal["characters", "bytes"]
    """What has an id: a character of the vocabulary, or a byte of UTF-8."""
    characters: Count
    """How many ids are characters, or bytes."""
    unknown: int | None
    """The id of all other characters; None with bytes."""
    start: int
    """The id before a text's first character."""
    stop: int | None
    """The id behind a text's last character; it may be that of `start`. None where texts are parts
    of running text, which has no end."""
    network: NetworkConfig

    def __post_init__(self) -> None:
        super().__post_init__()
        special = {self.unknown, self.start, self.stop} - {None}
        check(
            special == set(range(self.characters, self.ids)),
            f"the ids of unknown, start and stop must be those from {self.characters} on",
        )
        check(
            self.stop in (None, self.characters), f"stop must be the id {self.characters}, or null"
        )
        if self.unit == "bytes":
            fits = self.characters == BYTES and self.unknown is None
            check(fits, f"there are {BYTES} bytes, and none is unknown")
        else:
            fits = self.unknown not in (None, self.start, self.stop)
            check(fits, "unknown characters need an id of their own")
        network = self.network
        check(
            not (network.bidirectional or network.mask) and network.pooling == "last",
            "a generator's network reads one way, without mask and pooling",
        )

    @property
    def ids(self) -> int:
        """Return how many ids there are."""
        return self.characters + len({self.unknown, self.start, self.stop} - {None})

    @property
    def drawn(self) -> int:
        """Return how many ids can come in a text: the first ones, of characters and `stop`."""
        return self.characters + (self.stop is not None)

    def graph(self) -> onnx.Graph:
        """Return the graph of a file with these settings; ConfigError if it is too large."""
        return generator(self.network, self.ids)


@dataclass(frozen=True)
class TestCase(Settings):
    """A prompt and the logits of what follows it, so that any machine can test itself."""

    prompt: str
    logits: tuple[float, ...]
    """One an id, as `Generator.start` gave them at the export."""

    __test__ = False  # pytest would take it for a test


def to_bytes(
    config: GeneratorConfig,
    alphabet: Alphabet,
    graph: bytes,
    card: dict[str, Any],
    test_cases: Sequence[TestCase] = (),
) -> bytes:
    """Return the model file around the serialized GraphProto `graph`."""
    vocabulary = alphabet.characters or ""
    return modelfile.to_bytes(TASK, config, graph, card, test_cases, vocabulary)


def read(file: ModelFile) -> tuple[GeneratorConfig, Alphabet, tuple[TestCase, ...]]:
    """Return what a model file says; ConfigError or VocabularyMismatchError for what none would."""
    config = GeneratorConfig.from_dict(file.config)
    characters = None if config.unit == "bytes" else file.vocabulary
    count = BYTES if characters is None else len(set(characters))
    if count != config.characters or len(file.vocabulary) != (count if characters else 0):
        raise VocabularyMismatchError(
            f"the vocabulary has {count} characters, the settings speak of {config.characters}; "
            "export the model again"
        )
    cases = file.cases(
        TestCase,
        lambda case: len(case.logits) == config.ids and all(map(math.isfinite, case.logits)),
    )
    return config, Alphabet(characters, config.unknown), cases
