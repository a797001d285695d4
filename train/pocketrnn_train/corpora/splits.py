"""How a part of labelled texts is held out: at random, or the last; texts that are alike together.

A text that is trained on and also tested on says nothing of how good a model is. So all splits are
of groups of texts that are alike: a group is on one side, whole.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""One for each text. Where texts have several labels, all splits are by the rarest one of each."""


def plain(text: str) -> str:
    """Return what texts that are alike have in common: they differ in case, spaces or form.

    Forms are the ways in which Unicode spells one character: NFKC unites them.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def groups_of(texts: Sequence[str]) -> Rows:
    """Return the group of each text, from 0, in their order: those that are alike share one."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(plain(text), len(numbers)) for text in texts], np.int64)


def rarest(labels: NDArray[np.int64]) -> Rows:
    """Return the rarest label of each text, as the number of labels where it has none.

    `labels` are 1 where a text has the label, else 0: (texts, labels). Other labels stay as they
    are.
    """
    if labels.ndim == 1:
        return labels
    order = np.argsort(labels.sum(axis=0), kind="stable")
    first = order[labels[:, order].argmax(axis=1)]
    return np.asarray(np.where(labels.any(axis=1), first, labels.shape[1]))


def split(labels: Rows, groups: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Draw a share of each label at random: return (rows kept, rows drawn), both shuffled.

    Each label has a group on either side, if it has two, so that rare ones are tested too.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    drawn = _take(labels, groups, share, order)
    return order[~drawn[order]], order[drawn[order]]


def split_last(labels: Rows, groups: Rows, share: float) -> tuple[Rows, Rows]:
    """Take the last share of each label: return (rows kept, rows taken), both in order.

    Each label has a group on either side, if it has two.
    """
    taken = _take(labels, groups, share, np.arange(len(labels))[::-1])
    return np.flatnonzero(~taken), np.flatnonzero(taken)


def folds(labels: Rows, groups: Rows, count: int, *, whole: bool = True) -> Rows:
    """Return the fold of each row, from 0; a fold has neighbours of every label.

    There are `count` folds, or fewer where a label has fewer groups; if they needn't be `whole`,
    such a label is in some of them only, and so may be one of several labels of a text. Each label
    then starts at another fold, so that all folds are of about one size.
    """
    whole = whole and labels.ndim == 1
    labels = rarest(labels)
    leading = labels[leaders(labels, groups)]
    if whole:
        count = min(count, int(np.unique(leading, return_counts=True)[1].min()))
    fold = np.zeros(len(leading), np.int64)
    for number, label in enumerate(np.unique(leading)):
        own = np.flatnonzero(leading == label)
        start = 0 if whole else number
        fold[own] = (np.arange(len(own)) * count // len(own) + start) % count
    return fold[groups]


def _take(labels: Rows, groups: Rows, share: float, order: Rows) -> NDArray[np.bool_]:
    """Return whether each row is taken: in `order`, each group that still fits into the share."""
    labels = rarest(labels)
    leading = labels[leaders(labels, groups)]
    sizes = np.bincount(groups)
    taken = np.zeros(len(sizes), bool)
    _, positions = np.unique(groups[order], return_index=True)
    ordered = groups[order][np.sort(positions)]  # each group where it is met first
    for label in np.unique(leading):
        own = ordered[leading[ordered] == label]
        rows = int(sizes[own].sum())
        room = min(max(round(share * rows), 1), rows - 1)
        for group in own:
            if sizes[group] <= room:
                taken[group] = True
                room -= sizes[group]
        if not taken[own].any() and len(own) > 1:
            taken[own[np.argmin(sizes[own])]] = True
    return taken[groups]


def leaders(labels: Rows, groups: Rows) -> Rows:
    """Return the row of each group whose label counts as the group's: its rarest one, first met."""
    rows = np.lexsort((labels, np.bincount(labels)[labels], groups))  # stable
    return rows[np.unique(groups[rows], return_index=True)[1]]
