"""Text to ids: Keras's tokenizer and padding, defined once for training and serving.

Conventions and their sources:

- words: `keras.preprocessing.text.text_to_word_sequence` (lower, filter, split);
- ids: `keras.datasets.imdb.load_data` (0 pads, 1 starts, 2 stands for unknown words, the word
  of frequency rank r, from 1, is r + 3, and ids from `num_words` up become 2);
- padding: `keras.utils.pad_sequences` (by default keep the last `maxlen`, pad on the left).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ..config import LATER, Settings, between, check
from ..errors import TextError
from .folding import canonical, fold, is_canonical, trace

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # the default of Keras's Tokenizer

# What is left to be filtered of folded texts: all of ASCII but letters, digits and " '!?".
FOLDED_FILTERS = "".join(c for c in map(chr, range(128)) if not (c.isalnum() or c in " '!?"))

# Far more than a recurrent network can make use of; they bound what one text can cost, and what
# memory a vocabulary can take.
MOST_WORDS = 10_000
MOST_IDS = 1 << 20

# Characters of a piece of a word, and of a word that is cut into pieces, which bounds what one
# costs.
LEAST_PIECE, MOST_PIECE, MOST_CUT = 3, 16, 64


@dataclass(frozen=True)
class TextConfig(Settings):
    """How a text becomes a row of ids; it travels in the model file."""

    lower: bool = True
    filters: str = KERAS_FILTERS
    split: str = " "
    num_words: Annotated[int, between(1, MOST_IDS)] = 10_000
    """Size of the vocabulary: the most frequent words, and the special ids."""
    maxlen: Annotated[int, between(1, MOST_WORDS)] = 500
    """Words of a text that are read, its start included: its last ones, or its first."""
    pad_id: int = 0
    start_id: int | None = 1
    oov_id: int = 2
    index_from: int = 3
    padding: Literal["pre", "post"] = "pre"
    truncating: Literal["pre", "post"] = "pre"
    fold: Annotated[bool, LATER] = False
    """Whether texts are folded before they are split (`folding.py`); False is Keras's rule."""
    pieces: Annotated[bool, LATER] = False
    """Whether a word that isn't in the vocabulary is read as the pieces of it that are."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(len(self.split) == 1, f"split must be one character, not {self.split!r}")
        check(not self.fold or self.split == " ", "fold makes spaces, so split must be one")
        special = [self.pad_id, self.oov_id, *([] if self.start_id is None else [self.start_id])]
        check(
            min(special) >= 0 and max(special) <= self.index_from,
            "pad_id, start_id and oov_id must be between 0 and index_from "
            f"({self.index_from}), so that no word shares them",
        )
        check(
            self.num_words > self.index_from,
            f"num_words ({self.num_words}) must be over index_from ({self.index_from})",
        )

    @property
    def vocabulary_size(self) -> int:
        """How many words have an id of their own: ranks 1 to num_words - index_from - 1."""
        return self.num_words - self.index_from - 1

    @property
    def kept(self) -> slice:
        """What is kept of a row of ids: its last `maxlen`, or its first."""
        return slice(-self.maxlen, None) if self.truncating == "pre" else slice(self.maxlen)


def is_storable(word: str) -> bool:
    """Tell whether a model file can hold `word`.

    ONNX metadata is UTF-8 in C strings, so a lone surrogate or a NUL can't be in a vocabulary;
    such a word counts as unknown in training and serving alike.
    """
    try:
        return b"\0" not in word.encode()
    except UnicodeEncodeError:
        return False


class _Ids(dict[str, int]):
    """The id of each word; what isn't there has the id of unknown words."""

    unknown: int
    folds: bool

    def __missing__(self, word: str) -> int:
        return self.get(canonical(word), self.unknown) if self.folds else self.unknown


class Tokenizer:
    """Turns texts into ids by a TextConfig and the vocabulary's words in order of rank."""

    def __init__(self, config: TextConfig, words: Sequence[str]) -> None:
        """Keep the words whose id is below `num_words`; ConfigError for words no text can hold."""
        self.config = config
        self.vocabulary = tuple(words[: config.vocabulary_size])
        first = config.index_from + 1
        self._ids = _Ids({word: first + i for i, word in enumerate(self.vocabulary)})
        self._ids.unknown, self._ids.folds = config.oov_id, config.fold
        check(len(self._ids) == len(self.vocabulary), "a word is twice in the vocabulary")
        # The lengths of the pieces that begin with three characters, the longest first.
        self._lengths: dict[str, dict[int, None]] = {}
        for word in sorted(self.vocabulary, key=len, reverse=True) if config.pieces else ():
            if LEAST_PIECE <= len(word) <= MOST_PIECE:
                self._lengths.setdefault(word[:LEAST_PIECE], {})[len(word)] = None
        self._translation = str.maketrans(dict.fromkeys(config.filters, config.split))
        # A file stores the words joined by `split`: splitting must give the same words.
        stored = config.split.join(self.vocabulary)
        if config.fold:
            restored = tuple(self._split(stored)) if is_canonical(stored) else ()
        else:
            restored = tuple(stored.split(config.split)) if stored else ()
        check(
            restored == self.vocabulary and all(restored) and is_storable(stored),
            f"a word is empty, isn't folded, or holds {config.split!r}, a NUL or a lone surrogate",
        )

    def prepare(self, text: str) -> str:
        """Return `text` as the settings say before it is split; TextError if it isn't str."""
        if not isinstance(text, str):
            raise TextError(f"a text must be a str, not {type(text).__name__}: {text!r:.60}")
        lowered = text.lower() if self.config.lower else text
        return fold(lowered) if self.config.fold else lowered

    def words(self, text: str) -> list[str]:
        """Split `text` into words, without `fold` as Keras's `text_to_word_sequence` does."""
        words = self._split(text)
        return list(map(canonical, words) if self.config.fold else words)

    def _split(self, text: str) -> Iterator[str]:
        prepared = self.prepare(text).translate(self._translation)
        return filter(None, prepared.split(self.config.split))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each of `words(text)` begins in `text`, and where it ends."""
        prepared = text.lower() if self.config.lower else text
        places = [(i, i + 1) for i in range(len(text))]
        if len(prepared) != len(text):  # in lower case, İ is two characters
            places = [place for place, c in zip(places, text, strict=True) for _ in c.lower()]
        if self.config.fold:
            prepared, origins = trace(prepared)
            places = [(places[start][0], places[end - 1][1]) for start, end in origins]
        place, found = 0, []
        for part in prepared.translate(self._translation).split(self.config.split):
            if part:
                found.append((places[place][0], places[place + len(part) - 1][1]))
            place += len(part) + 1
        return found

    def ids(self, text: str) -> list[int]:
        """Return the ids of the whole text, neither cut nor padded."""
        ids = [] if self.config.start_id is None else [self.config.start_id]
        if not self.config.pieces:
            return ids + list(map(self._ids.__getitem__, self._split(text)))
        for word in self._split(text):
            ids += self.ids_of(word)
        return ids

    def ids_of(self, word: str) -> Sequence[int]:
        """Return the id of a word of a text, or those of its pieces.

        A word without an id is read from its first character on: the longest piece that is a word
        of the vocabulary is taken, or where there is none, the character left out. Without any
        piece it is the unknown word.
        """
        known = self._ids[word]
        if known != self.config.oov_id or not self.config.pieces:
            return (known,)
        word = canonical(word) if self.config.fold else word
        found, at = [], 0
        while len(word) <= MOST_CUT and at <= len(word) - LEAST_PIECE:
            for length in self._lengths.get(word[at : at + LEAST_PIECE], ()):
                piece = self._ids.get(word[at : at + length])
                if piece is not None:
                    found.append(piece)
                    at += length
                    break
            else:
                at += 1
        return found or (known,)

    def encode(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return the padded ids of `texts`: int32, shape (texts, maxlen)."""
        return pad([self.ids(text) for text in texts], self.config, self.config.maxlen)


def pad(rows: Sequence[Sequence[int]], config: TextConfig, time: int) -> NDArray[np.int32]:
    """Cut rows of ids to `maxlen`, and pad them to int32 (rows, time).

    As `keras.utils.pad_sequences` does; `time` must be enough for the longest row.
    """
    padded = np.full((len(rows), time), config.pad_id, np.int32)
    for target, row in zip(padded, rows, strict=True):
        kept = row[config.kept]
        start = time - len(kept) if config.padding == "pre" else 0
        target[start : start + len(kept)] = kept
    return padded
