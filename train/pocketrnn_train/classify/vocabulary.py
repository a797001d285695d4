"""Rank the words of the training texts."""

import logging
from collections import Counter
from collections.abc import Iterable
from itertools import repeat

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.text import is_storable

FEW = 3
"""A word that stands in fewer texts may tell who wrote one of them."""

# Of few texts most words stand in one or two. With so many others they aren't missed.
_ENOUGH = 1000

_log = logging.getLogger("pocketrnn")


def rank_words(
    texts: Iterable[str],
    config: TextConfig,
    weights: Iterable[float] | None = None,
    *,
    min_texts: int = 1,
    common: Iterable[str] = (),
) -> tuple[list[str], int]:
    """Return the words of `texts`, and how many that have an id stand in fewer than `FEW` texts.

    The most frequent words come first, ties in code-point order. Keras's Tokenizer breaks ties by
    first appearance; code points make the ranks independent of the order in which files are read.
    With `weights`, one a text, the count of a word is their sum over the texts that have it.

    Words that stand in fewer than `min_texts` texts are left out, unless all do: then a warning
    says that all are kept. If few are left, `common` words count as if they stood in many texts:
    they tell of nobody.
    """
    tokenizer = Tokenizer(config, [])
    counts: Counter[str] = Counter()
    standing: Counter[str] = Counter()
    for text, weight in zip(texts, repeat(None) if weights is None else weights, strict=False):
        words = tokenizer.words(text)
        own = set(words)
        standing.update(own)
        counts.update(words if weight is None else dict.fromkeys(own, weight))
    if sum(count >= min_texts for count in standing.values()) < _ENOUGH:
        standing.update(dict.fromkeys(common, max(min_texts, FEW)))
    kept = [word for word in counts if standing[word] >= min_texts and is_storable(word)]
    if counts and not kept:
        _log.warning("no word stands in %d texts: a model file will hold words of few", min_texts)
        kept = [word for word in counts if is_storable(word)]
    ranked = sorted(kept, key=lambda word: (-counts[word], word))
    return ranked, sum(standing[word] < FEW for word in ranked[: config.vocabulary_size])
