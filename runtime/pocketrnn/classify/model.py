"""The model that a person holds: texts in, labels and probabilities out."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from ..config import check, in_chunks, whole_number
from ..errors import ConfigError
from ..lazy import lazy
from ..loading import Model
from ..modelfile import ModelFile
from .explaining import Explanation, explain
from .file import TASK, read
from .labels import shown, telling, thresholds_of
from .network import Network, OwnGraph
from .padding import Rows, count_words
from .unlike import Unlikeness, Usual
from .vectorized import VectorizedTokenizer

if TYPE_CHECKING:
    from ..tables.block import Function

# Texts sorted by length together: enough that the texts of a batch are of like length, few
# enough that their ids take little memory.
_CHUNK = 4096

_BULK = 16  # fewer texts than this are tokenized one by one: arrays don't pay for them

Unsure = tuple[float, float] | bool | None
"""A band of probabilities in which no label is given; True: the one in the model's card."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one text."""

    label: str | None
    """None where the model knows no word of the text, or is unsure, if asked to say so. With a
    model of several labels a text: the most probable one of `labels`, None if there are none."""
    score: float
    """The probability of `label`, from 0 to 1; if that is None, the highest of any label; with a
    model of several labels a text, of those that `predict` was told to give."""
    threshold: float | None
    """What `score` must reach for its label to be given: 0.5, unless training or the export moved
    it. None with more than two labels of which a text has one, or where `predict` was told which
    of these to give."""
    probabilities: dict[str, float]
    """The probability of each label, in the model's order."""
    words: int
    """How many words of the text the model read: all, up to about `maxlen`. Of a word that it reads
    in pieces, each counts."""
    known: int
    """How many of these are in the model's vocabulary. One piece makes a word known."""
    unlikeness: float | None = None
    """How unlike those that the model learnt from the text is, by how rare its words are: of texts
    like those, one in a hundred is over 1. None without words, or where the card can't tell."""
    labels: tuple[str, ...] = ()
    """All labels that the text gets, in the model's order: `label`, or several where the model
    gives several a text, or none."""

    def top(self, most: int) -> list[tuple[str, float]]:
        """Return up to `most` labels with their probabilities, most probable first."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:most]

    def __repr__(self) -> str:
        known = f"{self.known} of {self.words} words known"
        label = ", ".join(map(repr, self.labels)) or None
        return f"<Prediction {label} {shown(self.score, self.threshold)}, {known}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as plain JSON types."""
        return {**dataclasses.asdict(self), "labels": list(self.labels)}


class Predictions(list[Prediction]):
    """A list that shows its first items only, in notebooks as a table."""

    _SHOWN = 10

    def __repr__(self) -> str:
        return "\n".join([*map(repr, self[: self._SHOWN]), *self._more()]) or "[]"

    def _repr_html_(self) -> str:
        from html import escape  # here, as only notebooks need it

        heads = ["label", "score", "words", "known"]
        rows = [
            [escape(", ".join(p.labels) or "–"), shown(p.score, p.threshold), p.words, p.known]
            for p in self[: self._SHOWN]
        ]
        lines = ["".join(f"<td>{value}</td>" for value in row) for row in rows]
        table = "".join(f"<tr>{line}</tr>" for line in ["<th>" + "<th>".join(heads), *lines])
        return f"<table>{table}</table>" + "".join(self._more())

    def _more(self) -> list[str]:
        return [f"and {len(self) - self._SHOWN:,} more"] if len(self) > self._SHOWN else []


class Reading(NamedTuple):
    """The scores of several texts, and how much of each the model knows."""

    scores: NDArray[np.float32]
    """As `Classifier.scores` returns them."""
    words: NDArray[np.int64]
    """As in Prediction: shape (texts,)."""
    known: NDArray[np.int64]
    """As in Prediction: shape (texts,)."""
    unlikeness: NDArray[np.float64]
    """As in Prediction, but NaN for None: shape (texts,)."""


class Classifier(Model):
    """A loaded model; many threads may use one at once, and it can be pickled and copied."""

    TASK = TASK

    def __init__(self, file: ModelFile, *, threads: int = 1, trusted: bool = False) -> None:
        """Check the file and make it ready to run; `pocketrnn.load` makes one from a path."""
        super().__init__(file, threads=threads, trusted=trusted)
        self.config, self.tokenizer, self.test_cases = read(file, trusted=trusted)
        usual, network = file.card.get("usual"), self.config.network
        self._unlikeness = Unlikeness(Usual.from_dict(usual), self.config.text) if usual else None
        self.needed: tuple[Any, ...] = thresholds_of(self.config.threshold, len(self.labels))
        """What the probability of each label must reach; None where there is no threshold."""
        self.weights = file.weights(self.config.graph()) if network else {}
        self._network = (
            Network(self.config, network, self.weights, threads)
            if network
            else OwnGraph(self.config, self.data, threads)
        )

    def __repr__(self) -> str:
        labels = ", ".join(map(repr, self.labels[:5])) + (", …" if len(self.labels) > 5 else "")
        words, size = self.config.text.vocabulary_size, len(self.data) / 1e6
        return f"<Classifier: {labels}; {words:,} words; {size:.2f} MB; {self.sha256[:12]}>"

    def function(self, *, prefix: str, **options: Any) -> "Function":
        """Return what `score_file` runs over texts: it adds labels and scores."""
        from .scoring import Scoring

        explain = whole_number(options["explain"], "explain must be a whole number from 0")
        band = self.band(options["unsure"])
        rest = {name: options[name] for name in ("probabilities", "known", "label_separator")}
        return Scoring(self, prefix=prefix, band=band, explain=explain, **rest)

    @property
    def parts(self) -> str:
        text = self.config.text
        return (
            f"{text.vocabulary_size:,} words, {text.num_words:,} rows of weights, "
            f"{len(self.labels)} labels"
        )

    def differences(self) -> list[float]:
        """Return how far the scores of each test case are from the stored ones."""
        # One by one, as at the export: with others, a text may be given more padding.
        return [
            float(np.abs(self.scores(case.text) - np.array(case.scores, np.float32)).max())
            for case in self.test_cases
        ]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the columns of `scores`."""
        return self.config.labels

    @overload  # a str is an Iterable[str] too; the first that fits is meant
    def predict(  # type: ignore[overload-overlap]
        self, texts: str, *, unsure: Unsure = None, labels: Sequence[str] | None = None
    ) -> Prediction: ...
    @overload
    def predict(
        self, texts: Iterable[str], *, unsure: Unsure = None, labels: Sequence[str] | None = None
    ) -> list[Prediction]: ...
    def predict(
        self,
        texts: str | Iterable[str],
        *,
        unsure: Unsure = None,
        labels: Sequence[str] | None = None,
    ) -> Prediction | list[Prediction]:
        """Label one text, or each of several.

        A model of several labels a text gives each label whose probability is over its threshold.
        A text of which the model knows no word gets the label None; so does one without words.
        With `unsure`, a band of probabilities such as (0.4, 0.6), a text gets it too if the second
        label's probability is in the band, edges included; with more than two labels, if the most
        probable one's is. True stands for the band that training found, which is in the card.
        With `labels`, only these are given: the most probable of them, or those over their
        thresholds. Raises TextError for what isn't a str, ConfigError for a band that isn't one or
        a model of several labels a text can't have, or labels that the model doesn't have.
        """
        band = self.band(unsure)
        allowed = None if labels is None else self._columns(labels)
        if isinstance(texts, str):
            return self.prediction(*self._read_one(texts), band, allowed)
        read = self.read(texts)
        words, known, unlike = read.words.tolist(), read.known.tolist(), read.unlikeness.tolist()
        return Predictions(
            self.prediction(*row, band, allowed)
            for row in zip(read.scores, words, known, unlike, strict=True)
        )

    def scores(self, texts: str | Iterable[str]) -> NDArray[np.float32]:
        """Return the probability of each class: float32, shape (texts, classes).

        With two classes the network has one sigmoid: column 1 is its value, untouched, and
        column 0 is one minus it, unless a text may have both. Any text has scores, an empty one
        too. Raises TextError for what isn't a str.
        """
        if isinstance(texts, str):
            return self._network.one(self.tokenizer.ids(texts))
        return self.read(texts).scores

    def read(self, texts: str | Iterable[str]) -> Reading:
        """Return the scores of texts with how many words the model read and knew, as arrays.

        Raises TextError for what isn't a str.
        """
        parts = list(map(self._read, in_chunks(texts, _CHUNK)))
        if len(parts) == 1:
            return parts[0]
        none = np.zeros(0, np.int64)
        scores = np.zeros((0, len(self.labels)), np.float32)
        parts.append(Reading(scores, none, none, np.zeros(0)))
        return Reading(*map(np.concatenate, zip(*parts, strict=True)))

    def _read(self, texts: list[str]) -> Reading:
        """Read a chunk of texts: tokenize, sort by length, run in batches, restore the order."""
        if len(texts) == 1:
            row, *about = self._read_one(texts[0])
            return Reading(row[None], *(np.array([each]) for each in about))
        text = self.config.text
        if len(texts) >= _BULK and VectorizedTokenizer.supports(text):
            rows = self._vectorized_tokenizer.rows(texts)
        else:
            rows = Rows.of([self.tokenizer.ids(text) for text in texts], text)
        words, known = rows.words(text)
        unlike = np.full(len(texts), np.nan)
        if self._unlikeness:
            unlike = self._unlikeness.many(rows, words)
        return Reading(self._network.many(rows), words, known, unlike)

    def _read_one(self, text: str) -> tuple[NDArray[np.float32], int, int, float]:
        """Return scores of shape (classes,), the numbers of words read and known, unlikeness."""
        ids, config = self.tokenizer.ids(text), self.config.text
        words, known = count_words(ids, config)
        unlike = self._unlikeness.one(ids, words) if self._unlikeness else math.nan
        return self._network.one(ids)[0], words, known, unlike

    @lazy
    def _vectorized_tokenizer(self) -> VectorizedTokenizer:
        return VectorizedTokenizer(self.tokenizer)

    @overload
    def explain(  # type: ignore[overload-overlap]
        self, texts: str, *, label: str | None = None
    ) -> Explanation: ...
    @overload
    def explain(self, texts: Iterable[str], *, label: str | None = None) -> list[Explanation]: ...
    def explain(
        self, texts: str | Iterable[str], *, label: str | None = None
    ) -> Explanation | list[Explanation]:
        """Say what each word of one text, or of each of several, did to the score of a label.

        By default the label is the one that the text gets. Each word in turn is replaced by an
        unknown one, so a weight is the exact difference of two scores. Raises TextError for what
        isn't a str, ConfigError for a label that the model doesn't have.
        """
        if isinstance(texts, str):
            return explain(self, self._network, texts, label)
        rows = chain.from_iterable(in_chunks(texts, _CHUNK))
        return [explain(self, self._network, text, label) for text in rows]

    def band(self, unsure: Unsure) -> tuple[np.float32, np.float32] | None:
        """Return the band that `unsure` stands for, edges included. ConfigError if it isn't one."""
        if unsure is None or unsure is False:
            return None
        if self.config.multi_label:
            raise ConfigError("unsure is for models of one label a text: this one gives several")
        none = "the model's card has no band of unsure scores; give two numbers"
        check(unsure is not True or "unsure" in self.card, none)
        given: Any = self.card["unsure"] if unsure is True else unsure
        try:
            low, high = map(float, given)
        except (TypeError, ValueError, OverflowError):
            low, high = 1.0, 0.0
        if not 0 <= low <= high <= 1:
            raise ConfigError(
                f"unsure must be two numbers from 0 to 1, the lower one first, not {given!r:.60}"
            )
        # As single precision, as scores are: numpy 1 would compare in double.
        return np.float32(low), np.float32(high)

    def _columns(self, labels: Sequence[str]) -> list[int] | None:
        """Return the columns of the labels that are allowed; None if all are."""
        there = ", ".join(self.labels)
        if isinstance(labels, str) or not labels:
            raise ConfigError(f"labels must be a list of some of: {there}; not {labels!r:.60}")
        if strangers := set(labels) - set(self.labels):
            raise ConfigError(f"no label {min(strangers)!r:.60}; there are: {there}")
        columns = sorted({self.labels.index(label) for label in labels})
        return columns if len(columns) < len(self.labels) else None

    def prediction(
        self,
        row: NDArray[np.float32],
        words: int,
        known: int,
        unlikeness: float = math.nan,
        band: tuple[np.float32, np.float32] | None = None,
        allowed: list[int] | None = None,
    ) -> Prediction:
        """Return what `predict` says of a text that was read already: of one row of a Reading.

        `band` is what the method of that name gives, `allowed` are columns of `scores`.
        """
        values, names, several = row.tolist(), self.labels, self.config.multi_label
        needed, columns = self.needed, range(len(values)) if allowed is None else allowed
        if several:
            given = [i for i in columns if values[i] > needed[i]]
        elif allowed is None and len(values) == 2:
            given = [int(values[1] > needed[1])]
        else:
            given = [max(columns, key=values.__getitem__)]
        if not known or (band and band[0] <= telling(row[None])[0] <= band[1]):
            given = []
        among = given or (allowed if several else None) or range(len(values))
        chosen = max(among, key=values.__getitem__)
        return Prediction(
            names[chosen] if given else None,
            values[chosen],
            None if allowed and not several else needed[chosen],
            dict(zip(names, values, strict=True)),
            words,
            known,
            None if math.isnan(unlikeness) else unlikeness,
            tuple(names[i] for i in given),
        )
