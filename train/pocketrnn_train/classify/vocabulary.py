"""Rank the words of the training texts."""

import logging
from collections import Counter
from collections.abc import Iterable

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.text import is_storable

FEW = 3
"""A word that stands in fewer texts may tell who wrote one of them."""

_log = logging.getLogger("pocketrnn")


def rank_words(
    texts: Iterable[str], config: TextConfig, *, min_texts: int = 1
) -> tuple[list[str], int]:
    """Return the words of `texts`, and how many that have an id stand in fewer than `FEW` texts.

    The most frequent words come first, ties in code-point order. Keras's Tokenizer breaks ties by
    first appearance; code points make the ranks independent of the order in which files are read.
    Words that stand in fewer than `min_texts` texts are left out, unless all do: then a warning
    says that all are kept.
    """
    tokenizer = Tokenizer(config, [])
    counts: Counter[str] = Counter()
    standing: Counter[str] = Counter()
    for text in texts:
        words = tokenizer.words(text)
        counts.update(words)
        standing.update(set(words))
    kept = [word for word in counts if standing[word] >= min_texts and is_storable(word)]
    if counts and not kept:
        _log.warning("no word stands in %d texts: a model file will hold words of few", min_texts)
        kept = [word for word in counts if is_storable(word)]
    ranked = sorted(kept, key=lambda word: (-counts[word], word))
    return ranked, sum(standing[word] < FEW for word in ranked[: config.vocabulary_size])
