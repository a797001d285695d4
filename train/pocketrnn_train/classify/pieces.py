"""Pieces of words that stand in few texts, to read other words of such pieces by."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from unicodedata import category

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.text import LEAST_PIECE, MOST_CUT, MOST_PIECE

# Letters of words without an id that are cut in all ways; words that a piece must be in to be
# tried; and how often the pieces of few texts are left out.
_CUT, _IN_WORDS, _ROUNDS = 200_000, 4, 3


def pieces_of(
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
    for word in short[:: sum(map(len, short)) // _CUT + 1]:
        starts = range(len(word) - LEAST_PIECE + 1)
        sizes = range(LEAST_PIECE, MOST_PIECE + 1)
        tried.update({word[start : start + size] for start in starts for size in sizes})
    reader, known = Tokenizer(config, []), set(words)
    pieces = {
        piece: count
        for piece, count in tried.items()
        if count >= _IN_WORDS
        and piece not in known
        and piece[0].isalpha()
        and all(category(letter)[0] in "LM" for letter in piece)  # vowel signs are no letters
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
