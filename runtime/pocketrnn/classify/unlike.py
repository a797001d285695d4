"""How unlike the texts that a model learnt from a text is: by how rare its words are.

What is measured is the mean, over the words that are read, of the logarithm of a word's rank in the
vocabulary. Other languages, code, lists of numbers and words drawn by chance have a high one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config import Settings, check
from .padding import Rows
from .text import TextConfig

_UNKNOWN = 3  # the rank of unknown words, in sizes of the vocabulary


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
        super().__post_init__()
        good = all(map(math.isfinite, (self.mean, self.within, self.between)))
        check(good and self.within > 0 and self.between >= 0, f"no variances: {self}")


class Unlikeness:
    """Says how unlike texts are: one in a hundred of those that were measured is over 1."""

    def __init__(self, usual: Usual, config: TextConfig) -> None:
        self._usual, self._kept = usual, config.kept
        self._of_ids = log_ranks(config)
        self._listed: list[float] = self._of_ids.tolist()

    def one(self, ids: list[int], words: int) -> float:
        """Return the unlikeness of a text of so many words, from all its ids; NaN without words."""
        if not words:
            return math.nan
        total, usual = sum(map(self._listed.__getitem__, ids[self._kept])), self._usual
        spread = math.sqrt(usual.between + usual.within / words)
        return (total / words - usual.mean) / spread

    def many(self, rows: Rows, words: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the same for each of several rows: float64 (rows,)."""
        totals, some = np.zeros(len(words)), rows.lengths > 0
        begins = (np.cumsum(rows.lengths) - rows.lengths)[some]
        if len(begins):
            totals[some] = np.add.reduceat(self._of_ids[rows.ids], begins)
        counts = np.where(words > 0, words, np.nan)
        spread = np.sqrt(self._usual.between + self._usual.within / counts)
        return np.asarray((totals / counts - self._usual.mean) / spread)
