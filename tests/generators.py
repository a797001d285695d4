"""Small generators for tests, of random weights, made without Keras."""

from typing import Any

import numpy as np

from pocketrnn.generate import file
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn.generate.file import GeneratorConfig
from pocketrnn.generate.model import Generator
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig

LETTERS = "\nabc \U0001f600"


def config(
    kind: str = "lines", characters: str | None = LETTERS, **network: Any
) -> GeneratorConfig:
    """`kind` is lines, which have an end, or text, which has none; None for characters: bytes."""
    count = 256 if characters is None else len(characters)
    return GeneratorConfig(
        unit="bytes" if characters is None else "characters",
        characters=count,
        unknown=None if characters is None else count + 1,
        start=count,
        stop=count if kind == "lines" else None,
        network=NetworkConfig(**{"embedding": 5, "units": 6, "cell": "gru", **network}),
    )


def weights(graph: onnx.Graph, size: float = 1.0, seed: int = 0) -> dict[str, onnx.Array]:
    """Return random weights, large enough that what is drawn depends on what came before."""
    random = np.random.default_rng(seed)
    return {
        c.name: random.normal(0, size, c.shape).astype(c.dtype)
        for c in graph.constants
        if c.numbers is None
    }


def tiny(
    kind: str = "lines",
    characters: str | None = LETTERS,
    size: float = 1.0,
    cases: list[file.TestCase] | None = None,
    **network: Any,
) -> bytes:
    """Return a model file."""
    settings = config(kind, characters, **network)
    graph = settings.graph()
    numbers = onnx.to_bytes(graph, weights(graph, size))
    return file.to_bytes(settings, Alphabet(characters, settings.unknown), numbers, {}, cases or [])


def load(*arguments: Any, **options: Any) -> Generator:
    return Generator.load(tiny(*arguments, **options))
