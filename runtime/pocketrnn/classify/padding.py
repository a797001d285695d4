"""Rows of ids of differing lengths, and the padded batches that the network is fed.

`pocketrnn.classify.text.pad` is the definition of padding. A text is padded only up to a multiple
of a number that the network gives (20 for the bundled model, which reads windows of 20 words), and
texts of similar length go into one batch.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .text import TextConfig

# Ids in one batch, padding included. Enough to fill the matrix products, few enough that what the
# network makes of them (4 MB at 32 units) stays in cache: 64 texts of 500 words, 1,638 of 20.
STEPS = 1 << 15


class Rows(NamedTuple):
    """Rows of ids, cut to `maxlen` but not padded."""

    ids: NDArray[np.int32]
    """All rows, end to end."""
    lengths: NDArray[np.int64]
    """The length of each row."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], config: TextConfig) -> "Rows":
        """Cut and join rows of ids."""
        kept = [row[config.kept] for row in rows]
        lengths = np.array([len(row) for row in kept], np.int64)
        return cls(np.array([i for row in kept for i in row], np.int32), lengths)

    def words(self, config: TextConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return `count_words` of each row: int64 (rows,) and (rows,)."""
        ends = np.cumsum(self.lengths)
        begins = ends - self.lengths
        words = self.lengths
        if config.start_id is not None:  # then no row is empty; one that was cut may have lost it
            words = words - (self.ids[begins] == config.start_id)
        known = np.concatenate([[0], np.cumsum(self.ids > config.index_from)])
        return words, known[ends] - known[begins]

    def take(self, order: NDArray[np.int64]) -> "Rows":
        """Return the rows in another order."""
        lengths = self.lengths[order]
        # Where each id of the result is in self.ids: where its row began, and its place in the row.
        begins = (np.cumsum(self.lengths) - self.lengths)[order]
        shifts = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths)
        return Rows(self.ids[shifts + np.arange(len(shifts))], lengths)


def count_words(row: Sequence[int], config: TextConfig) -> tuple[int, int]:
    """Return how many words of a row of ids are read, and how many are in the vocabulary."""
    kept = row[config.kept]
    has_start = kept[:1] == [config.start_id]
    unknown = {config.start_id, config.oov_id} - {None}
    return len(kept) - has_start, len(kept) - sum(map(kept.count, unknown))


def time_for(length: int, multiple: int) -> int:
    """Return the steps that `length` ids need: a multiple of `multiple`, at least one."""
    return max(-(-length // multiple), 1) * multiple


def batches(
    rows: Rows, config: TextConfig, multiple: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Yield batches of rows of like length: their numbers, and int32 (texts, time).

    `time` is what the longest of them needs, in multiples of `multiple`.
    """
    order = np.argsort(-rows.lengths, kind="stable")
    rows = rows.take(order)
    ends = np.cumsum(rows.lengths)
    first = 0
    while first < len(order):
        time = time_for(int(rows.lengths[first]), multiple)
        last = min(first + max(STEPS // time, 1), len(order))
        lengths = rows.lengths[first:last]
        ids = rows.ids[ends[first] - lengths[0] : ends[last - 1]]
        yield order[first:last], _padded(ids, lengths, time, config)
        first = last


def _padded(
    ids: NDArray[np.int32], lengths: NDArray[np.int64], time: int, config: TextConfig
) -> NDArray[np.int32]:
    """Pad many rows at once, as `pad` does row by row."""
    if len(ids) == time * len(lengths):
        return ids.reshape(len(lengths), time)
    padded = np.full((len(lengths), time), config.pad_id, np.int32)
    column, lengths = np.arange(time), lengths[:, None]
    padded[column >= time - lengths if config.padding == "pre" else column < lengths] = ids
    return padded
