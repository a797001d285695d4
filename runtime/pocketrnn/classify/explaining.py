"""Why a text got its score: what the score would be without each of its words."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from .labels import shown
from .network import OwnGraph

if TYPE_CHECKING:
    from .model import Classifier

# Bounds the edits of a long text that are scored together: times words times units, they are at
# most so many, which take 64 MB.
_NUMBERS = 1 << 24

# Pairs of neighbours are tried around so many of the strongest words, and called a phrase where
# leaving out both does more than the sum of each by so much.
_STRONGEST = 10
_MORE = 0.01


@dataclass(frozen=True, slots=True)
class Span:
    """A word, or two neighbouring words, and what they did to the score."""

    start: int
    """Of its first character in the text."""
    end: int
    """Behind its last character."""
    weight: float
    """The score, less what it would be with unknown words in place of these: above 0, they speak
    for the label. 0 for words that the model doesn't know, or that are cut off a long text."""
    known: bool
    """Whether it is in the model's vocabulary, or a piece of it that the model reads."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What each word did to the score of one label."""

    text: str
    label: str | None
    """By default that of a Prediction, or the most probable one where that has none; but None where
    the model knows no word."""
    score: float
    """The probability of `label`, from 0 to 1; if that is None, the highest of any label."""
    threshold: float | None
    """As in Prediction; None too where the label was asked for."""
    spans: tuple[Span, ...]
    """The words, in the text's order."""
    phrases: tuple[Span, ...]
    """Neighbouring words that do more together than the sum of both, strongest first."""

    def __repr__(self) -> str:
        words = ", ".join(f"{word!r:.40} {weight:+.4f}" for word, weight in self.strongest(3))
        return f"<Explanation {self.label!r} {shown(self.score, self.threshold)}: {words or '-'}>"

    def strongest(self, most: int) -> list[tuple[str, float]]:
        """Return up to `most` words or phrases with their weights, strongest first."""
        spans = sorted((*self.phrases, *self.spans), key=lambda span: -abs(span.weight))
        return [(self.text[s.start : s.end], s.weight) for s in spans[:most] if s.weight]

    @property
    def rest(self) -> str:
        """What is behind the last word."""
        return self.text[self.spans[-1].end if self.spans else 0 :]

    def pieces(self) -> Iterator[tuple[str, str, Span, float]]:
        """Yield what is before each word, the word, its span, and its share of the strongest."""
        done, most = 0, max((abs(span.weight) for span in self.spans), default=0) or 1.0
        for span in self.spans:
            start = max(done, span.start)  # words of one composed character share its place
            yield self.text[done:start], self.text[start : span.end], span, abs(span.weight) / most
            done = max(done, span.end)

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain JSON types."""
        return asdict(self)


def explain(model: "Classifier", network: OwnGraph, text: str, label: str | None) -> Explanation:
    """Explain the score of one label, by default the one that the text gets.

    Exact: each word in turn is replaced by the unknown word. Raises TextError for what isn't a
    str, ConfigError for a label that the model doesn't have.
    """
    if label is not None and label not in model.labels:
        raise ConfigError(f"no label {label!r:.60}; there are: {', '.join(model.labels)}")
    config = model.config.text
    # The ids of each part of the text. Where there are several (of `!!!`, or of a word that is
    # read in pieces), they are left out together.
    parts: dict[tuple[int, int], list[int]] = {}
    reader = model.tokenizer
    ids = reader.ids("")  # what every text starts with
    for word, place in zip(reader.words(text), reader.spans(text), strict=True):
        own = reader.ids_of(word)
        parts.setdefault(place, []).extend(range(len(ids), len(ids) + len(own)))
        ids += own
    known = [one > config.index_from for one in ids]
    row = np.array(ids, np.int32)[config.kept]
    cut = len(ids) - len(row) if config.truncating == "pre" else 0
    in_row = range(cut, cut + len(row))
    counted = {
        place: [at for at in part if known[at] and at in in_row] for place, part in parts.items()
    }
    read = {place: part for place, part in counted.items() if part}

    base = network.one(ids)[0]
    if label is not None:
        column = model.labels.index(label)
    else:
        said = model.prediction(base, len(row), len(read)).label
        column = int(base.argmax()) if said is None else model.labels.index(said)
    score = float(base[column])
    of = model.config.network
    most = max(_NUMBERS // max(len(row) * (of.units * of.directions if of else 1), 1), 1)

    def without(groups: Sequence[Sequence[int]]) -> list[float]:
        """Return what leaving out each group of ids does to the score."""
        edits = [[at - cut for at in group] for group in groups]
        some = [network.edited(row, edits[i : i + most]) for i in range(0, len(edits), most)]
        return [score - other for scores in some for other in scores[:, column].tolist()]

    weights = dict.fromkeys(parts, 0.0)
    weights.update(zip(read, without(list(read.values())), strict=True))
    strongest = set(sorted(read, key=lambda place: -abs(weights[place]))[:_STRONGEST])
    pairs = [
        (a, b)
        for a, b in pairwise(read)
        if read[b][0] == read[a][-1] + 1 and not strongest.isdisjoint((a, b))
    ]
    phrases = [
        Span(a[0], b[1], weight, known=True)
        for (a, b), weight in zip(
            pairs, without([read[a] + read[b] for a, b in pairs]), strict=True
        )
        if abs(weight) > abs(weights[a] + weights[b]) + _MORE
    ]
    return Explanation(
        text,
        model.labels[column] if label is not None or read else None,
        score,
        model.needed[column] if label is None else None,
        tuple(
            Span(*place, weights[place], any(known[at] for at in part))
            for place, part in parts.items()
        ),
        tuple(sorted(phrases, key=lambda phrase: -abs(phrase.weight))),
    )
