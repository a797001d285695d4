"""How unlike the texts that a model learnt from a text is: by how rare its words are.

What is measured is the mean, over the words that are read, of the logarithm of a word's rank in the
vocabulary. Other languages, code, lists of numbers and words drawn by chance have a high one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config import Settings, check
from .text import TextConfig

# The rank of unknown words, in sizes of the vocabulary.
_UNKNOWN = 3


def log_ranks(config: TextConfig) -> NDArray[np.float64]:
    """Return the logarithm of each id's rank; 0 for padding and the start. float64 (ids,).

    Rounded to 1/1024, so that sums of them are exact, in whatever order.
    """
    ranks = np.ones(config.num_words)
    words = config.vocabulary_size
    ranks[config.index_from + 1 :] = np.arange(1, words + 1)
    ranks[config.oov_id] = _UNKNOWN * max(words, 1)
    return np.round(1024 * np.log(ranks)) / 1024


@dataclass(frozen=True)
class Usual(Settings):
    """What is usual of texts like those that a model learnt from; training measures it."""

    mean: float
    """Of the logarithms of the ranks of all words."""
    within: float
    """Their variance within texts, times `limit` squared."""
    between: float
    """The variance of the texts' means beyond what follows from `within`, times `limit` squared.

    `limit` is what one text in a hundred exceeds, in standard deviations.
    """

    def __post_init__(self) -> None:
        """Raise ConfigError for what no texts could have."""
        super().__post_init__()
        good = all(map(math.isfinite, (self.mean, self.within, self.between)))
        check(good and self.within > 0 and self.between >= 0, f"no variances: {self}")

    def unlikeness(
        self, sums: NDArray[np.float64], words: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return how unlike texts are, from the sums of their `log_ranks` and numbers of words.

        One in a hundred of the texts that were measured is over 1. NaN for a text without words.
        """
        counts = np.where(words > 0, words, np.nan)
        spread = np.sqrt(self.between + self.within / counts)
        found: NDArray[np.float64] = (sums / counts - self.mean) / spread
        return found
