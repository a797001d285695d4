"""Compare what Keras, tf2onnx's graph and pocketrnn make of the same texts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.classify.labels import probabilities
from pocketrnn.errors import PocketRNNError
from pocketrnn.session import Session

# What the order of floating-point operations may change.
TOLERANCE = 1e-5


class ParityError(PocketRNNError):
    """What is served isn't what was trained."""


@dataclass(frozen=True)
class Export:
    """An exported model."""

    data: bytes = field(repr=False)
    """The ONNX file."""
    difference: float
    """The largest difference seen between what Keras gives, tf2onnx's graph, and the served."""
    texts: int
    """How many texts were compared."""


def proven(card: dict[str, Any] | None, differences: Sequence[float], texts: int) -> dict[str, Any]:
    """Return a card that also says how much others differ from Keras on so many texts.

    Raises ParityError if any does by more than the order of operations makes it.
    """
    difference = float(np.max(differences))  # not max(): it would pass over a NaN
    if not difference <= TOLERANCE:  # so that a NaN fails as well
        raise ParityError(
            f"the converted model differs from Keras by {difference:.2g} (allowed: "
            f"{TOLERANCE:.0e}); nothing was written"
        )
    return {**(card or {}), "parity": {"texts": texts, "difference": difference}}


def sample_texts(tokenizer: Tokenizer, count: int = 64) -> list[str]:
    """Make texts of the vocabulary's words and unknown ones, of lengths that matter.

    At least `count` of them. Words are drawn with probability 1/rank (Zipf's law), as in real text.
    """
    random = np.random.default_rng(0)
    words = np.array([*tokenizer.vocabulary, "\u00d8unknown"], object)
    weights = 1 / np.arange(1, len(words) + 1)
    weights[-1] = 0.05 * weights.sum()  # as many unknown words as in real text
    maxlen = tokenizer.config.maxlen
    # A text that fills a batch to the last step has no padding, where one a word shorter has.
    parts = [part for part in range(1, maxlen + 1) if maxlen % part == 0]
    lengths = sorted({0, 1, 2, 3 * maxlen, *(part + i for part in parts for i in (-2, -1, 0, 1))})
    lengths = [length for length in lengths if length >= 0]
    lengths += random.integers(1, 2 * maxlen, max(count - len(lengths), 0)).tolist()
    return [
        tokenizer.config.split.join(random.choice(words, length, p=weights / weights.sum()))
        for length in lengths
    ]


def witness_scores(model: bytes, tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the scores that tf2onnx's ONNX model gives: float32, shape (texts, labels)."""
    (scores,) = Session(lambda: model).run({"ids": tokenizer.encode(texts)}, ["scores"])
    return probabilities(scores)
