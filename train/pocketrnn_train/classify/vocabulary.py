"""Rank the words of the training texts."""

from collections import Counter
from collections.abc import Iterable

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.text import is_storable


def rank_words(
    texts: Iterable[str], config: TextConfig, weights: Iterable[float] | None = None
) -> list[str]:
    """Return the words of `texts`, most frequent first, ties in code-point order.

    Keras's Tokenizer breaks ties by first appearance; code points make the ranks independent
    of the order in which files are read. With `weights`, one a text, the count of a word is their
    sum over the texts that have it.
    """
    tokenizer = Tokenizer(config, [])
    counts: Counter[str] = Counter()
    if weights is None:
        for text in texts:
            counts.update(tokenizer.words(text))
    else:
        for text, weight in zip(texts, weights, strict=True):
            counts.update(dict.fromkeys(tokenizer.words(text), weight))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return [word for word in ranked if is_storable(word)]
