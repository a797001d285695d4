"""Check a model file on the machine at hand: that it is whole, and scores as it should."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import modelfile
from .classify.model import Classifier, Source, naming, read_bytes
from .errors import (
    CustomOperatorError,
    ExternalDataError,
    ModelFileError,
    UnsafeGraphError,
    VocabularyMismatchError,
)

# What another processor's order of floating-point operations may change; as at the export.
TOLERANCE = 1e-5

NAMES = ("intact", "belongs together", "self-contained", "self-test")


@dataclass(frozen=True, slots=True)
class Check:
    """One of the checks of a model file."""

    name: str
    ok: bool | None
    """None if there was nothing to check, or an earlier check left nothing to look at."""
    detail: str
    """What was found."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found."""

    bytes: int
    sha256: str | None
    """The model's digest; None if the file can't be read far enough."""
    checks: tuple[Check, ...]
    difference: float | None
    """The largest difference from the stored scores; None if there are none."""

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.ok is not False for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"ok": self.ok, **dataclasses.asdict(self)}


def verify(source: Source = None) -> Verification:
    """Check a model file: a path, its bytes, or by default the bundled one.

    A bad file is a check that failed, not an error; ModelFileError if it can't be read.
    """
    with naming(source):
        data = read_bytes(source)
    try:
        file = modelfile.read(data)
    except ModelFileError as error:
        return Verification(len(data), None, tuple(_stopped(error)), None)
    found, difference = _self_test(file)
    return Verification(len(data), file.sha256, (*_passed(file), found), difference)


def _stopped(error: ModelFileError) -> Iterator[Check]:
    numbers = {
        VocabularyMismatchError: 1,
        ExternalDataError: 2,
        CustomOperatorError: 2,
        UnsafeGraphError: 2,
    }
    failed = numbers.get(type(error), 0)
    for number, name in enumerate(NAMES):
        at = number == failed
        yield Check(name, False if at else None, str(error) if at else "not checked")


def _passed(file: modelfile.ModelFile) -> Iterator[Check]:
    text, labels = file.config.text, len(file.config.labels)
    yield Check(NAMES[0], True, f"the digest fits the graph and its metadata ({file.sha256[:12]})")
    yield Check(
        NAMES[1],
        True,
        f"{text.vocabulary_size:,} words, {text.num_words:,} rows of weights, {labels} labels and "
        "the card are those that were exported as one",
    )
    yield Check(
        NAMES[2], True, f"no data in other files; no operators but ONNX's own (opset {file.opset})"
    )


def _self_test(file: modelfile.ModelFile) -> tuple[Check, float | None]:
    name = NAMES[3]
    try:
        model = Classifier(file)
        expected = np.array([vector.scores for vector in file.vectors], np.float64)
        if not file.vectors:
            return Check(name, None, "the file has no texts with scores to compare with"), None
        texts = [vector.text for vector in file.vectors]
        # One by one, as at the export: with others, a text may be given more padding.
        scores = np.concatenate([model.scores(text) for text in texts])
        largest = float(np.abs(scores - expected).max())
    except ModelFileError as error:
        return Check(name, False, str(error)), None
    detail = f"{len(texts)} texts, largest difference {largest:.1e} (allowed: {TOLERANCE:.0e})"
    # Written so that a NaN fails as well.
    return Check(name, largest <= TOLERANCE, detail), largest
