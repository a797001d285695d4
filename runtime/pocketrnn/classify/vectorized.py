"""The tokenizer over many texts at once: the ids of `Tokenizer.ids`, several times faster.

`Tokenizer` is the definition; this is the same on arrays. The texts lie end to end in one buffer,
as UTF-8, with every filtered byte made a space. NumPy finds where words begin and end, reads each
word as one or three 8-byte integers, and looks these up in a hash table that compares them whole,
so that no collision of hashes can give a wrong id.
"""

import os
import string
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .padding import Rows
from .text import FOLDED_FILTERS, MOST_CUT, TextConfig, Tokenizer

# Bytes of a word that fit one integer, or three, with the space behind it, which tells a word
# from the same word followed by NULs. Longer words are few and go through a dict.
_SHORT, _LONG = 7, 23

_CHUNK = 256  # texts at a time: the arrays of their words stay in a processor's cache

# Bytes of a word that is cut into pieces, and words whose pieces are kept.
_MOST_CUT, _CACHED = 4 * MOST_CUT, 1 << 13

# More bytes than any array here and in `batches` has, and within what glibc goes up to (32 MB).
_LARGEST = 24 << 20

# _LOW[n] keeps the first n bytes of a little-endian integer.
_LOW = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)

# Odd factors for multiply-shift hashing (Dietzfelbinger et al. 1997), drawn anew in each process,
# so that no file can hold words that all have one hash.
_MIX = np.frombuffer(os.urandom(24), np.uint64) | np.uint64(1)


class VectorizedTokenizer:
    """Turns many texts into Rows; the ids are those that the Tokenizer gives one by one."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Build the hash table: a few milliseconds for 10,000 words."""
        # glibc takes an array over 128 KB from the system and gives it back when it is freed, so
        # that each page of the next one is made anew, which took a fifth of the time. Once a larger
        # one has been freed, it keeps what is smaller (mallopt(3), M_MMAP_THRESHOLD). This one is
        # never written to, so it takes no memory; elsewhere it does nothing.
        np.empty(_LARGEST, np.uint8)
        self._tokenizer = tokenizer
        self._config = config = tokenizer.config
        filtered, split = config.filters.encode(), config.split.encode()
        lowered = bytes(range(256)).lower() if config.lower else bytes(range(256))
        spaces = bytes(ord(config.split) if b in filtered + _END else b for b in lowered)
        self._bytes = spaces.replace(_QUOTE, bytes([spaces[ord("'")]]))
        words = [word.encode() for word in tokenizer.vocabulary]
        ids = np.arange(len(words), dtype=np.int32) + config.index_from + 1
        if config.start_id is not None:
            words, ids = [*words, _START], np.append(ids, np.int32(config.start_id))
        buffer = split.join([*words, split * 24])
        lengths = np.array([len(word) for word in words], np.int64)
        starts = np.cumsum(lengths + 1) - lengths - 1
        short, long = lengths <= _SHORT, (lengths > _SHORT) & (lengths <= _LONG)
        self._short, self._long = (
            _HashTable(_as_integers(buffer, starts[of], lengths[of], width), ids[of], config.oov_id)
            for of, width in ((short, 1), (long, 3))
        )
        self._longer = {words[i]: int(ids[i]) for i in np.flatnonzero(lengths > _LONG)}
        self._pieces = lru_cache(_CACHED)(
            lambda word: tokenizer.ids_of(word.decode("utf-8", "surrogatepass"))
        )

    @staticmethod
    def supports(config: TextConfig) -> bool:
        """Tell whether what parts words is always one byte of UTF-8, which is never lowered.

        And, where texts are folded, whether nothing that folding looks for is part of a word.
        """
        split = config.split
        plain = split.isascii() and not split.isupper() and config.filters.isascii()
        parted = set(FOLDED_FILTERS) <= set(config.filters)
        return plain and (not config.fold or (config.lower and parted))

    def rows(self, texts: Sequence[str]) -> Rows:
        """Return the ids of `texts`, cut to `maxlen`."""
        chunks = [self._rows(texts[i : i + _CHUNK]) for i in range(0, max(len(texts), 1), _CHUNK)]
        return Rows(*map(np.concatenate, zip(*chunks, strict=True)))

    def _rows(self, texts: Sequence[str]) -> Rows:
        config = self._config
        parts, split = list(map(self._encoded, texts)), config.split.encode()
        buffer = self._folded(parts) if config.fold else _END.join([b"", *parts, b""])
        if config.start_id is not None:
            buffer = buffer.replace(_END, _END + _START + split, len(parts))
        ends_of_texts = np.array(list(_places(buffer, _END[0])))[1:]
        # The spaces behind the last word are room for reading it 8 bytes at a time.
        buffer = (buffer + split * 25).translate(self._bytes)

        outside = np.frombuffer(buffer, np.uint8) == ord(config.split)
        edges = np.flatnonzero(outside[1:] != outside[:-1]) + 1
        starts, lengths = edges[::2], edges[1::2] - edges[::2]
        counts = np.diff(np.searchsorted(starts, ends_of_texts), prepend=0)

        # What will be cut needn't be looked up.
        kept, counts = self._kept(counts)
        starts, lengths = starts[kept], lengths[kept]
        ids = self._look_up(buffer, starts, lengths)
        if config.pieces:
            unknown, none = np.flatnonzero(ids == config.oov_id), (config.oov_id,)
            cut = [
                self._pieces(buffer[start : start + length]) if length <= _MOST_CUT else none
                for start, length in zip(starts[unknown], lengths[unknown], strict=True)
            ]
            sizes = np.ones(len(ids), np.int64)
            sizes[unknown] = list(map(len, cut))
            before = np.append(0, np.cumsum(sizes))
            ids = np.repeat(ids, sizes)
            ids[ids == config.oov_id] = list(chain.from_iterable(cut))
            kept, counts = self._kept(np.diff(before[np.append(0, np.cumsum(counts))]))
            ids = ids[kept]
        return Rows(ids, counts)

    def _kept(self, counts: NDArray[np.int64]) -> tuple[Any, NDArray[np.int64]]:
        """Return which are kept of rows of so many words, and how many of each row."""
        most, ends = self._config.maxlen, np.cumsum(counts)
        if not (long := counts > most).any():
            return slice(None), counts
        kept = np.ones(ends[-1], bool)
        for end, count in zip(ends[long], counts[long], strict=True):
            cut = slice(0, -most) if self._config.truncating == "pre" else slice(most, None)
            kept[end - count : end][cut] = False
        return kept, np.minimum(counts, most)

    def _encoded(self, text: str) -> bytes:
        """Return the text as `prepare` does; but ASCII as it is, and others with their words."""
        if type(text) is str and text.isascii():
            return text.encode()
        if self._config.fold:
            return self._encoded_apart(text)
        # A lone surrogate has no UTF-8; passed through, it is one more unknown character.
        return self._tokenizer.prepare(text).encode("utf-8", "surrogatepass")

    def _encoded_apart(self, text: str) -> bytes:
        """Return a text with words in place of what isn't ASCII, as far as the next spaces."""
        self._tokenizer.prepare("" if isinstance(text, str) else text)  # raises the TextError
        rest = text.replace("<br />", " ")
        may_be_tag = any(sign in rest.lower() for sign in ("<", "\uff1c", "&lt;"))
        parts = [text] if may_be_tag else rest.split(" ")  # a tag has spaces
        return b" ".join([p.encode() if p.isascii() else self._words(p) for p in parts])

    def _words(self, text: str) -> bytes:
        """Return the words of a text, with `_QUOTE`s so that no apostrophe is taken off again."""
        words = " ".join(self._tokenizer.words(text)).encode("utf-8", "surrogatepass")
        return words.replace(b"'", _QUOTE)

    def _folded(self, parts: Sequence[bytes]) -> bytes:
        """Return the folded texts, each between two `_END`."""
        buffer = _without_breaks((b" " + _END + b" ").join([b"", *parts, b" " * 8]))
        pieces, at = [], 0
        for start, end in _rare(buffer):
            text = buffer[start:end].decode("utf-8", "surrogatepass")
            pieces += [buffer[at:start], self._words(text)]
            at = end
        buffer = _without_runs_and_quotes(b"".join([*pieces, buffer[at:]]))
        return buffer.replace(b"!", b" ! ").replace(b"?", b" ? ")

    def _look_up(
        self, buffer: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Return the id of each word: int32, shape (words,)."""
        ids = self._short.get(_as_integers(buffer, starts, lengths, 1))
        long = np.flatnonzero(lengths > _SHORT)
        ids[long] = self._long.get(_as_integers(buffer, starts[long], lengths[long], 3))
        for i in np.flatnonzero(lengths > _LONG) if self._longer else ():
            word = buffer[starts[i] : starts[i] + lengths[i]]
            ids[i] = self._longer.get(word, self._config.oov_id)
        return ids


def _table(characters: str) -> NDArray[np.bool_]:
    return np.isin(np.arange(256), list(characters.encode()))


# Between texts, and what stands for the start of each, and for an apostrophe that is a part of its
# word: UTF-8 has no such bytes.
_END, _START, _QUOTE = b"\xff", b"\xfe", b"\xfd"

_LETTERS = string.ascii_letters + string.digits
_IN_WORDS = _table(_LETTERS) | (np.arange(256) > 127) & (np.arange(256) < 255)
_IN_RUNS = _table(string.ascii_letters)
_MARKS = _table("!?")
_BREAK = np.uint64(int.from_bytes(b"<br />", "little"))
_IN_FACES = _table(")]}([{/\\|*dpoDPO'^-")
_IN_SIGNS, _IN_MAIL = _table(_LETTERS + "/#"), _table(_LETTERS + "_.-")


def _without_breaks(buffer: bytes) -> bytes:
    """Return `buffer` with spaces for each `<br />`, but for its `<`, at which other tags end."""
    places = np.flatnonzero(np.frombuffer(buffer, np.uint8) == ord("<"))
    eights = np.ndarray((len(buffer) - 7,), "<u8", buffer, strides=(1,))[places]
    changed = bytearray(buffer)
    breaks = places[eights & _LOW[6] == _BREAK]
    np.frombuffer(changed, np.uint8)[breaks[:, None] + np.arange(1, 6)] = ord(" ")
    return bytes(changed)


def _places(buffer: bytes, byte: int) -> Iterator[int]:
    """Yield where a byte is: where it is rare, faster than NumPy."""
    at = buffer.find(byte)
    while at >= 0:
        yield at
        at = buffer.find(byte, at + 1)


def _rare(buffer: bytes) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of the parts that `folding` must fold: it may yield too many.

    All that folding finds lies between two spaces, but for tags, for which a text is taken whole.
    """
    found = np.frombuffer(buffer, np.uint8)
    signs = [at for sign in b"<&" for at in _places(buffer, sign) if _IN_SIGNS[buffer[at + 1]]]
    signs += [at for at in _places(buffer, ord("@")) if _IN_MAIL[buffer[at + 1]]]
    eyes = [at for sign in b":;=" for at in _places(buffer, sign) if _IN_FACES[buffer[at + 1]]]
    sites = np.flatnonzero((found[1:] == ord(".")) & (found[:-1] | 32 == ord("w")))
    sites = sites[(found[sites - 1] | 32 == ord("w")) & (found[sites - 2] | 32 == ord("w"))]
    digits = found - np.uint8(ord("0")) < 10
    two = digits[1:] & digits[:-1]
    numbers = np.flatnonzero(two[3:] & two[:-3] & digits[2:-2])
    parts = []
    for place in [*signs, *eyes, *sites.tolist(), *numbers.tolist()]:
        is_tag = buffer[place] == ord("<") or buffer[place : place + 4].lower() == b"&lt;"
        edge = _END if is_tag else b" "
        parts.append((buffer.rfind(edge, 0, place) + 1, buffer.find(edge, place)))
    at = 0
    for start, end in sorted(parts, key=lambda part: (part[0], -part[1])):
        if end > at:  # else it is within the one before
            yield start, end
            at = end


def _without_runs_and_quotes(buffer: bytes) -> bytes:
    """Return `buffer` with letters and marks twice at most, and apostrophes only within words."""
    changed = bytearray(buffer)
    found = np.frombuffer(changed, np.uint8)
    lower = found | 32
    same = (lower[1:] == lower[:-1]) & (lower[1:] > ord(" "))
    runs = np.flatnonzero(same[1:] & same[:-1])
    marks, runs = runs[_MARKS[found[runs]]], runs[_IN_RUNS[found[runs]]]
    quotes = np.flatnonzero(found == ord("'"))
    inside = _IN_WORDS[found[quotes - 1]] & _IN_WORDS[found[quotes + 1]]
    found[quotes[~inside]] = found[marks + 2] = ord(" ")
    cuts = [-1, *(runs + 2).tolist(), len(buffer)]
    return b"".join([changed[a + 1 : b] for a, b in pairwise(cuts)])


def _as_integers(
    buffer: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64], width: int
) -> NDArray[np.uint64]:
    """Return words as uint64 (width, words): their bytes, the space behind them, then zeros.

    `buffer` must go on for 24 bytes from the last start. Equal columns are equal words, for words
    of up to 8 * width - 1 bytes; no longer word is equal to any of them.
    """
    # An integer for each byte of the buffer: the 8 bytes from there on.
    eights = np.ndarray((len(buffer) - 7,), "<u8", buffer, strides=(1,))
    columns = np.empty((width, len(starts)), np.uint64)
    for part, column in enumerate(columns):
        # Not `eights.take`: that would first copy an array whose elements aren't 8 bytes apart.
        found = eights[starts + 8 * part if part else starts]
        np.bitwise_and(found, _LOW.take(lengths + (1 - 8 * part), mode="clip"), out=column)
    return columns


class _HashTable:
    """Open addressing with linear probing, for many keys at once (Knuth, TAOCP volume 3, 6.4)."""

    def __init__(self, keys: NDArray[np.uint64], values: NDArray[np.int32], default: int) -> None:
        """Store distinct keys (width, n) with their values (n,)."""
        width, count = keys.shape
        # At most a quarter full, so that a probe or two find a word, or that it isn't there.
        bits = max(4, (4 * count).bit_length())
        self._shift = np.uint64(64 - bits)
        self._mask = (1 << bits) - 1
        # Zero marks an empty slot: no word of a vocabulary begins with NULs.
        self._keys = np.zeros((width, 1 << bits), np.uint64)
        self._values = np.full(1 << bits, default, np.int32)
        pending, slots = np.arange(count), self._hash(keys)
        while len(pending):
            free = self._keys[0, slots] == 0
            # Of several keys for one free slot, the one written last stays.
            self._values[slots[free]] = pending[free]
            self._keys[:, slots[free]] = keys[:, self._values[slots[free]]]
            waiting = (self._keys[:, slots] != keys[:, pending]).any(axis=0)
            pending, slots = pending[waiting], (slots[waiting] + 1) & self._mask
        used = self._keys[0] != 0
        self._values[used] = values[self._values[used]]

    def get(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the value of each key (width, n), or the default: int32 (n,)."""
        slots = self._hash(keys)
        found = self._values[slots]
        pending = np.flatnonzero(self._occupied_by_another(slots, keys))
        slots = slots[pending]
        while len(pending):
            slots = (slots + 1) & self._mask
            found[pending] = self._values[slots]
            wrong = self._occupied_by_another(slots, keys[:, pending])
            pending, slots = pending[wrong], slots[wrong]
        return found

    def _occupied_by_another(
        self, slots: NDArray[np.int64], keys: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        first = self._keys[0][slots]
        other: NDArray[np.bool_] = first != keys[0]
        for stored, key in zip(self._keys[1:], keys[1:], strict=True):
            other |= stored[slots] != key
        other &= first != 0
        return other

    def _hash(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        mixed = keys[0] * _MIX[0]
        for key, mix in zip(keys[1:], _MIX[1:], strict=False):
            mixed ^= key * mix
        return np.asarray((mixed >> self._shift).astype(np.int64))
