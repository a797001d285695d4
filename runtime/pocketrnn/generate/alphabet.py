"""From text to ids and back: an id for each character, or for each byte of its UTF-8."""

import codecs
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..lazy import lazy

Decoder = Callable[[Sequence[int], bool], str]
"""From the next ids, and whether they are the last ones, to as much text as is whole by then."""


class Alphabet:
    """The characters that have ids, in the order of these: one that has none is `unknown`.

    With None for `characters`, the ids are those of bytes, and no text is unknown.
    """

    def __init__(self, characters: str | None, unknown: int | None) -> None:
        self.characters = characters
        self._unknown = np.int32(-1 if unknown is None else unknown)
        self._codes = _codes(characters or "")
        self._order = np.argsort(self._codes).astype(np.int32)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return the ids of a text: int32 (characters or bytes,)."""
        if self.characters is None:
            return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8).astype(np.int32)
        codes, order = _codes(text), self._order
        places = np.searchsorted(self._codes, codes, sorter=order)
        ids = order[places.clip(max=len(order) - 1)]
        return np.where(self._codes[ids] == codes, ids, self._unknown)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; what isn't UTF-8 becomes U+FFFD."""
        return self.decoder()(ids, True)

    def decoder(self) -> Decoder:
        """Return what decodes ids that come bit by bit: a character may have several bytes."""
        characters = self.characters
        if characters is not None:
            return lambda ids, final: "".join([characters[i] for i in ids])
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        return lambda ids, final: decode(bytes(ids), final)

    @lazy
    def spaces(self) -> list[int]:
        """Return the ids of white space."""
        characters = map(chr, range(128)) if self.characters is None else self.characters
        return [i for i, character in enumerate(characters) if character.isspace()]


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
