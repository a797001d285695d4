"""Labelled texts, from wherever they are."""

import hashlib
import json
import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketrnn.classify.labelled import labels_of
from pocketrnn.config import check
from pocketrnn.errors import ConfigError, InputError, TextError, counted, first_of

from .splits import Rows, groups_of, leaders, plain, split

_MOST_NAMED = 3  # of the texts with more than one label

_FEW = 4  # texts of a label: with fewer, not every fold has one

RARE = 0.2  # share of the rows under which one of two labels is the positive one

# Of the sum of a row's probabilities, by rounding each to two digits.
_MOST_OFF, _ROUNDED = 0.05, 0.005

PARTS = ("train", "validation", "test")
"""What a row may be for."""

_log = logging.getLogger("pocketrnn")


class Row(NamedTuple):
    """A row of a table of texts."""

    place: str
    text: str
    """Blank if the row has none."""
    label: Any
    """What a cell says; once that is read, a tuple of one label, or with a separator of several,
    or None."""
    probabilities: tuple[float, ...] = ()
    """Of each label, in order; none if the row has none."""
    weight: float = 1.0
    part: str = ""
    """`train`, `validation` or `test`, where the table says it."""

    @property
    def is_labelled(self) -> bool:
        """Whether it says anything of its labels."""
        return self.label is not None or bool(self.probabilities)


@dataclass(frozen=True)
class Examples:
    """Texts, and the index of each one's label: int64, shape (texts,).

    Where a text may have several labels: 1 for those that it has, else 0, shape (texts, labels).
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32] | None = None
    """Soft labels, to be learnt in place of the labels: (texts, labels); NaN where there are none.
    """
    weights: NDArray[np.float32] | None = None
    """How much each text counts in training: (texts,); None: all the same."""

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        """Return how many texts there are: a notebook shows the value of a cell's last line."""
        return f"<Examples: {len(self):,} texts>"

    def having(self, label: int) -> NDArray[np.bool_]:
        """Return which texts have a label."""
        several = self.labels.ndim > 1
        has: NDArray[np.bool_] = self.labels[:, label] == 1 if several else self.labels == label
        return has

    def and_also(self, others: "Examples") -> "Examples":
        """Return these examples, and others behind them; without a weight, one counts 1."""
        return Examples(
            (*self.texts, *others.texts),
            np.concatenate([self.labels, others.labels]),
            _joined((self.probabilities, others.probabilities), (self, others), np.nan),
            _joined((self.weights, others.weights), (self, others), 1),
        )

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """Return the examples at `rows`, in that order."""
        return Examples(
            tuple(self.texts[row] for row in rows),
            self.labels[rows],
            None if self.probabilities is None else self.probabilities[rows],
            None if self.weights is None else self.weights[rows],
        )


@dataclass(frozen=True)
class Corpus:
    """Training and test examples of two or more labels."""

    name: str
    labels: tuple[str, ...]
    train: Examples
    test: Examples
    note: str = ""
    vocabulary: tuple[str, ...] | None = None
    """Words by rank, if the corpus brings a ranking."""
    unlabelled: tuple[str, ...] = ()
    """Texts like the training ones, of unknown labels, for a teacher to label."""
    text_column: str | None = None
    """The column of the table that the texts are from."""
    label_column: str | None = None
    keep_together: bool = True
    """Whether texts that are alike stay on one side of a split. Not with the IMDB reviews, whose
    splits are those that others have published; a few of them are there twice."""
    validation: Examples | None = None
    """The texts to hold out, where the corpus says which."""

    @property
    def multi_label(self) -> bool:
        """Return whether a text may have several labels, or none."""
        return self.train.labels.ndim > 1

    @classmethod
    def of(
        cls,
        texts: Iterable[str | None],
        labels: Iterable[Any],
        *,
        name: str = "texts",
        label_separator: str | None = None,
        test_split: float = 0.2,
        seed: int = 113,
    ) -> "Corpus":
        """Make a corpus of texts in memory: lists, arrays, or columns of a data frame.

        A label is a str, a bool or a whole number; with `label_separator`, a text has several, in a
        list or in a str between separators. Rows without text are left out; those without a
        label become `unlabelled`; a share `test_split` of each label, drawn by `seed`, becomes the
        test. Raises TextError for what isn't a list of texts, InputError for texts and labels that
        can't be trained on.
        """
        rows = _listed(texts, "texts")
        values = _listed(labels, "labels")
        if len(rows) != len(values):
            raise InputError(f"{name}: {len(rows):,} texts, but {len(values):,} labels")
        places = [f"{name}, row {i}" for i in range(1, len(rows) + 1)]
        for i, text in enumerate(rows):
            if text is None or (isinstance(text, float) and math.isnan(text)):
                rows[i] = ""
            elif not isinstance(text, str):
                raise TextError(f"{places[i]}: a text must be a str, not {type(text).__name__}")
        together = map(Row, places, rows, values)
        corpus = corpus_of_rows(
            name, together, test_split=test_split, seed=seed, separator=label_separator
        )
        return corpus.with_unlabelled(corpus.unlabelled)

    def with_unlabelled(self, texts: Iterable[str]) -> "Corpus":
        """Return the corpus with these texts as `unlabelled`.

        Without those that are also labelled, as the test must stay unseen, and without any twice.
        """
        held_out = self.validation.texts if self.validation else ()
        known = set(map(plain, (*self.train.texts, *self.test.texts, *held_out)))
        kept: dict[str, str] = {}
        for text in texts:
            if (alike := plain(text)) not in known:
                kept.setdefault(alike, text)
        return replace(self, unlabelled=tuple(kept.values()))

    def with_positive(self, label: str) -> "Corpus":
        """Return the corpus with `label` as the second of its two labels; ConfigError if it can't.

        The second label is the one that precision, recall, F1 and the threshold are of.
        """
        if len(self.labels) != 2 or label not in self.labels or self.multi_label:
            raise ConfigError(
                f"{self.name}: the positive label must be one of two labels, not {label!r:.60}; "
                f"there are: {', '.join(self.labels)[:200]}"
            )
        if label == self.labels[1]:
            return self
        return replace(
            self,
            labels=self.labels[::-1],
            train=_swapped(self.train),
            test=_swapped(self.test),
            validation=self.validation and _swapped(self.validation),
        )

    def holding_out(self, part: str, rows: Iterable[Row], separator: str | None = None) -> "Corpus":
        """Return the corpus with a `test`, or a `validation`, of these rows.

        Training texts that are in it too are left out, with a warning, and validation texts that
        are in the test. Raises InputError for a label that no training text has, or where no rows
        are left.
        """
        kept = [row for row in _with_text(rows, separator) if row.is_labelled]
        for row in kept:
            for label in row.label or ():
                if label not in self.labels:
                    raise InputError(f"{row.place}: no training text has the label {label!r:.60}")
        if not kept:
            raise InputError(f"{self.name}: no rows with a text and a label in the {part}")
        examples: Any = _examples(kept, self.labels, separator)
        return replace(self, **{part: examples})._apart_from(part)

    def _apart_from(self, part: str) -> "Corpus":
        """Return the corpus without texts, of what is learnt or chosen by, that `part` has too."""
        held_out = getattr(self, part)
        known = set(map(plain, held_out.texts if held_out else ()))

        def others(examples: Examples, what: str) -> Examples:
            kept = [row for row, text in enumerate(examples.texts) if plain(text) not in known]
            if lost := len(examples) - len(kept):
                count = counted(lost, f"{what} text")
                _log.warning("%s: left out: %s in the %s too", self.name, count, part)
            return examples.take(np.array(kept, np.int64))

        train, validation = others(self.train, "training"), self.validation
        for label, name in enumerate(self.labels):
            if not train.having(label).any():
                raise InputError(
                    f"{self.name}: no training text has the label {name!r:.60}; copies of texts "
                    "that are held out don't count"
                )
        if validation and part == "test":
            validation = others(validation, "validation")
            if not len(validation):
                raise InputError(f"{self.name}: all validation texts are in the test too")
        return replace(self, train=train, validation=validation)

    def groups(self) -> Rows:
        """Return the group of each training text, from 0; a group is on one side of a split."""
        return groups_of(self.train.texts) if self.keep_together else np.arange(len(self.train))

    def __repr__(self) -> str:
        sizes = f"{len(self.train):,} training and {len(self.test):,} test texts"
        more = f", {len(self.unlabelled):,} unlabelled" if self.unlabelled else ""
        return f"<Corpus {self.name!r}: {', '.join(self.labels[:5])}; {sizes}{more}>"

    def digest(self) -> str:
        """Return the SHA-256, in hex, of all that training sees."""
        sizes = [len(self.train), len(self.test)]
        sha256 = hashlib.sha256(json.dumps([self.labels, self.vocabulary, sizes]).encode())
        labels = [*self.train.labels.tolist(), *self.test.labels.tolist()]
        labels += "?" * len(self.unlabelled)
        texts = [*self.train.texts, *self.test.texts, *self.unlabelled]
        if self.validation:
            texts += self.validation.texts
            labels += self.validation.labels.tolist()
        for label, text in zip(labels, texts, strict=True):
            data = text.encode("utf-8", "surrogatepass")
            sha256.update(f"{label} {len(data)}\0".encode() + data)
        for part in (self.train, *([self.validation] if self.validation else [])):
            for array in (part.probabilities, part.weights):
                sha256.update(b"" if array is None else array.tobytes())
        return sha256.hexdigest()

    def facts(self) -> dict[str, Any]:
        """Return what a run says of its corpus: no texts."""
        return {
            "name": self.name,
            "labels": self.labels,
            "train_texts": len(self.train),
            "test_texts": len(self.test),
            "unlabelled_texts": len(self.unlabelled),
            "sha256": self.digest(),
            "note": self.note,
        }


def corpus_of_rows(
    name: str, rows: Iterable[Row], *, test_split: float, seed: int, separator: str | None = None
) -> Corpus:
    """Make a corpus of rows; InputError if they can't be one.

    With a `separator`, a row may have several labels. What is left out, and what looks wrong, is
    logged as a warning.
    """
    check(separator != "", "label_separator must not be empty")
    every = list(rows)
    with_text = _with_text(every, separator)
    kept = [row for row in with_text if row.is_labelled]
    others = [row for row in with_text if not row.is_labelled]
    unlabelled = tuple(row.text for row in others if row.part not in PARTS[1:])
    if without := len(every) - len(with_text):
        _log.warning("%s: left out: %s without text", name, counted(without, "row"))
    if without := len(others) - len(unlabelled):
        count = counted(without, "row")
        _log.warning("%s: left out: %s for validation or test without a label", name, count)
    if unlabelled:
        count = counted(len(unlabelled), "row")
        none = '; if they have none of the labels, give them an empty one: fillna("")'
        _log.warning(
            "%s: %s without a label: used only by a recipe with a teacher%s",
            name,
            count,
            none if separator else "",
        )
    if not kept:
        raise InputError(f"{name}: no rows with a text and a label")
    counts = Counter(label for row in kept for label in row.label or ())
    if separator and (without := sum(row.label == () for row in kept)):
        _log.warning("%s: %s with none of the labels", name, counted(without, "row"))
    if separator and max(len(row.label or ()) for row in kept) < 2:
        _log.warning("%s: no row has two labels; is %r what stands between them?", name, separator)
    for mark in "" if separator else ";,|":
        if any(
            mark in one and counts.keys() >= set(map(str.strip, one.split(mark))) for one in counts
        ):
            _log.warning(
                "%s: %r joins labels; if a text has several: label_separator=...", name, mark
            )
    if separator and counts.keys() == {"0", "1"}:
        raise InputError(
            f"{name}: the labels are 0 and 1; expected names of labels, which pandas makes of "
            'columns of 0 and 1: table[names].apply(lambda row: ";".join(row.index[row == 1]), '
            "axis=1)"
        )
    for alike in look_alikes(counts):
        _log.warning("%s: labels that look alike: %s; is it one label?", name, alike)
    labels = sorted(counts)
    if len(labels) == 2 and not separator and counts[labels[0]] < RARE * counts.total():
        labels.reverse()
    if len(labels) < 2:
        only = f"only {labels[0]!r:.60}" if labels else "none"
        raise InputError(f"{name}: needs two labels or more; there is {only}")
    examples = _examples(kept, labels, separator)
    groups = groups_of(examples.texts)
    if separator:
        shown = [", ".join(sorted(row.label)) for row in kept]
    else:  # a row without a label has its most probable one
        shown = [labels[i] for i in examples.labels.tolist()]
    _tell_copies(name, groups, kept, shown)
    if split_by_column := any(row.part for row in kept):
        found = np.array([row.part for row in kept])
        if odd := sorted(set(found.tolist()) - set(PARTS)):
            raise InputError(f"{name}: a row is for {', '.join(PARTS)}, not {odd[0]!r:.60}")
        train, validation, test = (np.flatnonzero(found == part) for part in PARTS)
    else:
        _check_enough(name, labels, examples, groups, tests=test_split > 0)
        train, validation = np.arange(len(examples)), np.zeros(0, np.int64)
        test = validation
        if test_split:
            # In the order of the rows again, so that validation can take the last ones.
            train, test = map(np.sort, split(examples.labels, groups, test_split, seed))
    corpus = Corpus(
        name,
        tuple(labels),
        examples.take(train),
        examples.take(test),
        unlabelled=unlabelled,
        validation=examples.take(validation) if len(validation) else None,
    )
    if split_by_column:
        for part in PARTS[1:]:
            corpus = corpus._apart_from(part)
    return corpus


def look_alikes(counts: Counter[str]) -> list[str]:
    """Return a line for each group of labels that differ in case, spaces or Unicode's forms."""
    alike = defaultdict(list)
    for label in sorted(counts):
        alike[plain(label)].append(f"{label!r:.60} ({counted(counts[label], 'row')})")
    return [", ".join(labels) for labels in alike.values() if len(labels) > 1]


def _check_enough(
    name: str, labels: Sequence[str], examples: Examples, groups: Rows, *, tests: bool
) -> None:
    """Raise InputError for a label with too few texts of its own to be split; warn of few."""
    if examples.labels.ndim > 1:
        own_texts = [len(np.unique(groups[examples.having(label)])) for label in range(len(labels))]
    else:
        leading = examples.labels[leaders(examples.labels, groups)]
        own_texts = np.bincount(leading, minlength=len(labels)).tolist()
    uses = ["training", "validation", *(["test"] if tests else [])]

    def rare(least: int) -> str:
        pairs = zip(labels, own_texts, strict=True)
        return first_of([f"{label!r:.60} ({own})" for label, own in pairs if own < least], ", ")

    if too_rare := rare(len(uses)):
        raise InputError(
            f"{name}: labels with too few different texts of their own: {too_rare}; at least "
            f"{len(uses)} are needed, for {', '.join(uses[:-1])} and {uses[-1]}"
        )
    if few := rare(_FEW):
        _log.warning("%s: labels with fewer than %d texts, too few to rely on: %s", name, _FEW, few)


def _with_text(rows: Iterable[Row], separator: str | None) -> list[Row]:
    """Return the rows that have a text, their labels read; InputError for what can't be a label."""
    kept = []
    for row in rows:
        if row.text.strip():
            try:
                kept.append(row._replace(label=labels_of(row.label, separator)))
            except ValueError as error:
                raise InputError(f"{row.place}: {error}") from error
    return kept


def _examples(rows: Sequence[Row], labels: Sequence[str], separator: str | None) -> Examples:
    """Return rows as examples; one without a label has its most probable one."""
    index = {label: i for i, label in enumerate(labels)}
    of_labels = sorted(labels)
    probabilities = np.full((len(rows), len(labels)), np.nan, np.float32)
    for i, row in enumerate(rows):
        if row.probabilities:
            given = row.probabilities
            if len(given) == 1:
                given = (1 - given[0], given[0])
            if len(given) != len(labels) or not all(0 <= p <= 1 for p in given) or not sum(given):
                raise InputError(
                    f"{row.place}: needs a probability of each of {len(labels)} labels, not "
                    f"{given!r:.60}"
                )
            if abs(sum(given) - 1) > max(_MOST_OFF, _ROUNDED * len(labels)):
                raise InputError(
                    f"{row.place}: the probabilities are {sum(given):.2f} together; a text has one "
                    "label, so they must be 1"
                )
            for label, p in zip(of_labels, given, strict=True):
                probabilities[i, index[label]] = p / sum(given)
    chosen = [
        (labels[int(said.argmax())],) if row.label is None else row.label
        for row, said in zip(rows, probabilities, strict=True)
    ]
    if separator:
        indices = np.zeros((len(rows), len(labels)), np.int64)
        for has, own in zip(indices, chosen, strict=True):
            has[[index[label] for label in own]] = 1
    else:
        indices = np.array([index[label] for (label,) in chosen], np.int64)
    weights = np.array([row.weight for row in rows], np.float32)
    for odd in np.flatnonzero(~(np.isfinite(weights) & (weights >= 0))).tolist():
        raise InputError(
            f"{rows[odd].place}: a weight must be a number from 0, not {rows[odd].weight:g}"
        )
    return Examples(
        tuple(row.text for row in rows),
        indices,
        None if np.isnan(probabilities).all() else probabilities,
        None if (weights == 1).all() else weights,
    )


def _joined(
    parts: Sequence[NDArray[np.float32] | None], examples: Sequence[Examples], missing: float
) -> NDArray[np.float32] | None:
    """Return the parts as one array, with `missing` for the examples without; None if all are."""
    shapes = [part.shape[1:] for part in parts if part is not None]
    if not shapes:
        return None
    return np.concatenate(
        [
            np.full((len(own), *shapes[0]), missing, np.float32) if part is None else part
            for part, own in zip(parts, examples, strict=True)
        ]
    )


def _swapped(examples: Examples) -> Examples:
    """Return the examples with the two labels in the other order."""
    probabilities = examples.probabilities
    return replace(
        examples,
        labels=1 - examples.labels,
        probabilities=None if probabilities is None else probabilities[:, ::-1],
    )


def _tell_copies(name: str, groups: Rows, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Warn of texts that are there more than once, and name those with more than one label."""
    sizes = np.bincount(groups)
    copies = len(groups) - len(sizes)
    if not copies:
        return
    _log.warning(
        "%s: %s with a text that is there before; all its copies are on one side of each split",
        name,
        counted(copies, "row"),
    )
    found: dict[int, dict[str, int]] = {}  # the first row of each label, for each text
    for row in np.flatnonzero(sizes[groups] > 1).tolist():
        found.setdefault(int(groups[row]), {}).setdefault(names[row], row)
    torn = [each for each in found.values() if len(each) > 1]
    for each in torn[:_MOST_NAMED]:
        where = first_of([f"{label!r:.60} at {rows[i].place}" for label, i in each.items()], "; ")
        text = rows[next(iter(each.values()))].text
        _log.warning("a text with %d labels: %r: %s", len(each), text[:60], where)
    if len(torn) > _MOST_NAMED:
        _log.warning("%s: and %s more such texts", name, f"{len(torn) - _MOST_NAMED:,}")


def _listed(values: Any, what: str) -> list[Any]:
    """Return the elements of a list, array or data frame's column; None where it has a gap."""
    if isinstance(values, str | bytes | Mapping) or hasattr(values, "columns"):
        raise TextError(
            f'{what} must be a list, an array or one column (df["{what[:-1]}"]), not '
            f"{type(values).__name__}"
        )
    if hasattr(values, "notna"):  # pandas has several values for a gap
        values = values.astype(object).where(values.notna(), None)
    try:
        return list(values)
    except TypeError as error:
        raise TextError(f"{what} must be a list, not {type(values).__name__}") from error
