"""Labelled texts, and how a part of them is held out."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Examples:
    """Texts, and the index of each one's label: int64, shape (texts,)."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        """Return how many texts there are: a notebook shows the value of a cell's last line."""
        return f"<Examples: {len(self):,} texts>"

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """Return the examples at `rows`, in that order."""
        return Examples(tuple(self.texts[row] for row in rows), self.labels[rows])


@dataclass(frozen=True)
class Corpus:
    """Training and test examples of two or more labels."""

    name: str
    labels: tuple[str, ...]
    train: Examples
    test: Examples
    note: str = ""
    vocabulary: tuple[str, ...] | None = None
    """Words by rank, if the corpus brings a ranking."""
    unlabelled: tuple[str, ...] = ()
    """Texts like the training ones, of unknown labels, for a teacher to label."""
    text_column: str | None = None
    """The column of the table that the texts are from."""

    def __repr__(self) -> str:
        """Return name, labels and sizes."""
        sizes = f"{len(self.train):,} training and {len(self.test):,} test texts"
        more = f", {len(self.unlabelled):,} unlabelled" if self.unlabelled else ""
        return f"<Corpus {self.name!r}: {', '.join(self.labels[:5])}; {sizes}{more}>"

    def digest(self) -> str:
        """Return the SHA-256, in hex, of all that training sees."""
        sizes = [len(self.train), len(self.test)]
        sha256 = hashlib.sha256(json.dumps([self.labels, self.vocabulary, sizes]).encode())
        labels = [*self.train.labels.tolist(), *self.test.labels.tolist()]
        labels += "?" * len(self.unlabelled)
        texts = (*self.train.texts, *self.test.texts, *self.unlabelled)
        for label, text in zip(labels, texts, strict=True):
            data = text.encode("utf-8", "surrogatepass")
            sha256.update(f"{label} {len(data)}\0".encode() + data)
        return sha256.hexdigest()

    def facts(self) -> dict[str, Any]:
        """Return what a run says of its corpus: no texts."""
        return {
            "name": self.name,
            "labels": self.labels,
            "train_texts": len(self.train),
            "test_texts": len(self.test),
            "unlabelled_texts": len(self.unlabelled),
            "sha256": self.digest(),
            "note": self.note,
        }


def split(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], ...]:
    """Draw a share of each label at random: return (rows kept, rows drawn), both shuffled.

    Each label has a text on either side, if it has two, so that rare ones are tested too.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    drawn = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        drawn[rows[: _count(rows, share)]] = True
    return order[~drawn[order]], order[drawn[order]]


def split_last(labels: NDArray[np.int64], share: float) -> tuple[NDArray[np.int64], ...]:
    """Take the last share of each label: return (rows kept, rows taken), both in order.

    Each label has a text on either side, if it has two.
    """
    taken = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        taken[rows[len(rows) - _count(rows, share) :]] = True
    return np.flatnonzero(~taken), np.flatnonzero(taken)


def _count(rows: NDArray[np.int64], share: float) -> int:
    """Return how many of a label's rows a share is: not none and not all, if that can be."""
    return min(max(round(share * len(rows)), 1), len(rows) - 1)
