"""Rank the words of the training texts."""

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify import figures
from pocketrnn.classify.text import is_storable

from ..corpora.corpus import Examples
from ..corpora.splits import folds
from .linear import regression
from .pieces import pieces_of

FEW = 3
"""A word that stands in fewer texts may tell who wrote one of them."""

# Of few texts most words stand in one or two. With so many others they aren't missed.
_ENOUGH = 1000

# Texts that tell whether pieces help, drawn at random, and folds of them; fewer tell nothing.
_MOST, _LEAST, _FOLDS = 5000, 50, 4

_log = logging.getLogger("pocketrnn")


def rank_words(
    texts: Iterable[str],
    config: TextConfig,
    weights: Iterable[float] | None = None,
    *,
    min_texts: int = 1,
    common: Iterable[str] = (),
    warn: bool = True,
) -> tuple[list[str], int]:
    """Return the words of `texts`, and how many that have an id stand in fewer than `FEW` texts.

    The most frequent words come first, ties in code-point order. Keras's Tokenizer breaks ties by
    first appearance; code points make the ranks independent of the order in which files are read.
    With `weights`, one a text, the count of a word is their sum over the texts that have it.

    Words that stand in fewer than `min_texts` texts are left out, unless all do: then all are kept,
    and a warning says so, if it may. If few are left, `common` words count as if they stood in many
    texts: they tell of nobody. If `config` says so, pieces of those left out are among the words.
    """
    tokenizer = Tokenizer(config, [])
    counts: Counter[str] = Counter()
    standing: Counter[str] = Counter()
    first: defaultdict[str, list[int]] = defaultdict(list)  # texts of a word, up to `min_texts`
    weights = None if weights is None else list(weights)
    of_texts = repeat(None) if weights is None else weights
    for number, (text, weight) in enumerate(zip(texts, of_texts, strict=False)):
        words = tokenizer.words(text)
        own = set(words)
        if config.pieces:
            for word in own:
                if standing[word] < min_texts:
                    first[word].append(number)
        standing.update(own)
        counts.update(words if weight is None else dict.fromkeys(own, weight))
    if sum(count >= min_texts for count in standing.values()) < _ENOUGH:
        standing.update(dict.fromkeys(common, max(min_texts, FEW)))
    kept = [word for word in counts if standing[word] >= min_texts and is_storable(word)]
    if counts and not kept:
        if warn:
            _log.warning(
                "no word stands in %d texts: a model file will hold words of few", min_texts
            )
        kept = [word for word in counts if is_storable(word)]

    if config.pieces:
        words = _ranked(kept, counts)[: config.vocabulary_size]
        rare = {word: first[word] for word in counts.keys() - set(words)}
        pieces = pieces_of(rare, standing, words, config, min_texts)
        usual = 1.0 if weights is None else sum(weights) / len(weights)
        counts.update({piece: count * usual for piece, count in pieces.items()})
        standing.update(pieces)
        kept = list({*kept, *pieces})
    ranked = _ranked(kept, counts)
    return ranked, sum(standing[word] < FEW for word in ranked[: config.vocabulary_size])


def _ranked(words: Iterable[str], counts: Mapping[str, float]) -> list[str]:
    return sorted(words, key=lambda word: (-counts[word], word))


def is_better_in_pieces(
    examples: Examples,
    groups: NDArray[np.int64],
    config: TextConfig,
    *,
    classes: int,
    min_texts: int,
    common: Iterable[str],
    seed: int,
) -> bool:
    """Say whether words without an id are better read in pieces.

    They are if logistic regression, on what would be read of each text, then has a lower
    cross-validated loss: pieces of inflected and compound words tell something, those of names may
    be noise.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    some = np.random.default_rng(seed).permutation(len(examples))[:_MOST]
    texts, labels = examples.take(some).texts, examples.labels[some]
    fold = folds(labels, np.unique(groups[some], return_inverse=True)[1], _FOLDS, whole=False)
    if len(texts) < _LEAST or len(np.unique(fold)) < 2:
        return False

    def loss(text: TextConfig) -> float:
        scores = np.zeros((len(texts), classes), np.float32)
        for number in np.unique(fold):
            own, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            learnt = [texts[i] for i in others]
            words, _ = rank_words(learnt, text, min_texts=min_texts, common=common, warn=False)
            if not words:
                return math.inf
            read = TfidfVectorizer(analyzer=Tokenizer(text, words).ids, sublinear_tf=True)
            held_out = [texts[i] for i in own]
            scores[own] = regression(read, learnt, labels[others], held_out, classes)
        return figures.log_loss(scores, labels)

    return loss(replace(config, pieces=True)) < loss(replace(config, pieces=False))
