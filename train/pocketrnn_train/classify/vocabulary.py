"""Rank the words of the training texts."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.text import LEAST_PIECE, MOST_CUT, MOST_PIECE, is_storable

FEW = 3
"""A word that stands in fewer texts may tell who wrote one of them."""

# Of few texts most words stand in one or two. With so many others they aren't missed.
_ENOUGH = 1000

# So many words without an id are cut in all ways; a piece must be in so many of them to be tried;
# and how often those of few texts are left out.
_CUT, _IN_WORDS, _ROUNDS = 20_000, 4, 3

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
    they tell of nobody. If `config` says so, pieces of those left out are among the words.
    """
    tokenizer = Tokenizer(config, [])
    counts: Counter[str] = Counter()
    standing: Counter[str] = Counter()
    first: defaultdict[str, list[int]] = defaultdict(list)  # texts of a word, up to `min_texts`
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
        _log.warning("no word stands in %d texts: a model file will hold words of few", min_texts)
        kept = [word for word in counts if is_storable(word)]

    if config.pieces:
        words = _ranked(kept, counts)[: config.vocabulary_size]
        rare = {word: first[word] for word in counts.keys() - set(words)}
        pieces = _pieces(rare, standing, words, config, min_texts)
        counts.update(pieces)
        standing.update(pieces)
        kept = list({*kept, *pieces})
    ranked = _ranked(kept, counts)
    return ranked, sum(standing[word] < FEW for word in ranked[: config.vocabulary_size])


def _ranked(words: Iterable[str], counts: Mapping[str, float]) -> list[str]:
    return sorted(words, key=lambda word: (-counts[word], word))


def _pieces(
    rare: Mapping[str, Sequence[int]],
    standing: Mapping[str, int],
    words: Sequence[str],
    config: TextConfig,
    min_texts: int,
) -> dict[str, int]:
    """Return pieces of words without an id, and how many texts have each, or some more.

    `rare` has these words' texts: all of them, where they are fewer than `min_texts`. So many must
    have a piece when words are cut as the tokenizer cuts them: one that is in many words may never
    be the longest.
    """
    tried: Counter[str] = Counter()
    short = sorted(word for word in rare if len(word) <= MOST_CUT)
    for word in short[:: len(short) // _CUT + 1]:
        starts = range(len(word) - LEAST_PIECE + 1)
        sizes = range(LEAST_PIECE, MOST_PIECE + 1)
        tried.update({word[start : start + size] for start in starts for size in sizes})
    reader, known = Tokenizer(config, []), set(words)
    pieces = {
        piece: count
        for piece, count in tried.items()
        if count >= _IN_WORDS
        and piece not in known
        and piece.isalpha()
        and reader.words(piece) == [piece]
    }
    for _ in range(_ROUNDS):
        every = [*words, *pieces]
        cutter = Tokenizer(replace(config, num_words=len(every) + config.index_from + 1), every)
        texts: defaultdict[int, set[int]] = defaultdict(set)
        more: Counter[int] = Counter()
        for word, own in rare.items():
            for piece in set(cutter.ids_of(word)):
                if standing[word] < min_texts:
                    texts[piece].update(own)
                else:
                    more[piece] += standing[word]
        first = config.index_from + 1 + len(words)
        counts = {piece: len(texts[i]) + more[i] for i, piece in enumerate(pieces, first)}
        pieces = {piece: count for piece, count in counts.items() if count >= min_texts}
    return pieces
