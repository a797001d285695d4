"""Count the n-grams of many texts at once, as integers instead of strings.

A word is its rank, an n-gram the ranks of its words side by side in one 64-bit integer. Sorting
and searching such integers takes a tenth of the time of hashing strings.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Three words fit into an int64 with 20 bits each: a million words, and rank 0 for none.
_BITS = 20
LONGEST = 3
MOST_WORDS = 2**_BITS - 1

# Texts counted at a time, so that the n-grams of all texts are never in memory at once.
BLOCK = 5000

Ranks = NDArray[np.int64]


class NGrams:
    """The n-grams of 1 to `longest` words that are in `min_texts` of the given texts or more.

    Texts are arrays of ranks: 1 is the most frequent word, 0 a word without a rank, which is in
    no n-gram.
    """

    def __init__(
        self, texts: Sequence[Ranks], *, longest: int = LONGEST, min_texts: int = 2
    ) -> None:
        each = [np.zeros(0, np.int64), *(np.unique(_keys(text, longest)[0]) for text in texts)]
        found, counts = np.unique(np.concatenate(each), return_counts=True)
        self._longest = longest
        self._keys: NDArray[np.int64] = found[counts >= min_texts]

    def __len__(self) -> int:
        return len(self._keys)

    def count(self, texts: Sequence[Ranks]) -> Any:
        """Return how often each n-gram is in each text of a block: CSR float32 (texts, n-grams)."""
        from scipy import sparse

        if not len(self._keys):
            return sparse.csr_matrix((len(texts), 0), dtype=np.float32)
        # The texts one after the other, a 0 behind each, and the row of each place.
        joined = np.concatenate([part for text in texts for part in (text, [0])])
        row_of = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
        keys, first = _keys(joined, self._longest)
        column = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[column] == keys
        places = row_of[first[known]], column[known].astype(np.int32)
        ones, shape = np.ones(len(places[0]), np.float32), (len(texts), len(self))
        return sparse.coo_matrix((ones, places), shape).tocsr()  # adds up what is there twice


def _keys(ranks: Ranks, longest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the key of every n-gram, and the position of its first word."""
    keys, positions = [], []
    key, valid = np.zeros(len(ranks), np.int64), np.ones(len(ranks), bool)
    for n in range(longest):
        count = max(len(ranks) - n, 0)
        words = ranks[n:]
        # Ranks start at 1, so an n-gram's key never equals a shorter one's.
        key = key[:count] << _BITS | words
        valid = valid[:count] & (words > 0)
        position = np.flatnonzero(valid)
        keys.append(key[position])
        positions.append(position)
    return np.concatenate(keys), np.concatenate(positions)


def blocks(texts: Sequence[Ranks]) -> Iterator[Sequence[Ranks]]:
    """Yield the texts, so many at a time that their n-grams fit into memory."""
    for start in range(0, len(texts), BLOCK):
        yield texts[start : start + BLOCK]
