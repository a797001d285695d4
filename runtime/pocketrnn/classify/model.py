"""Load a model file and score texts with it."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from .. import modelfile
from ..errors import ConfigError, CorruptModelError, ModelFileError, TextError
from ..modelfile import ModelConfig
from ..session import Session
from .padding import Rows, alone, batches
from .text import Tokenizer
from .vectorized import VectorizedTokenizer

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | None

BUNDLED = Path(__file__).parents[1] / "bundled.onnx"

# Texts sorted by length together: enough that the texts of a batch are of like length, few
# enough that their ids take little memory.
_WINDOW = 4096

# Fewer texts than this are tokenized one by one: arrays don't pay for them.
_BULK = 16


_Band = tuple[np.float32, np.float32]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one text."""

    label: str | None
    """None where the model knows no word of the text, or is unsure, if asked to say so."""
    score: float
    """The probability of `label`, from 0 to 1; if that is None, the highest of any label."""
    probabilities: dict[str, float]
    """The probability of each label, in the model's order."""
    words: int
    """How many words of the text the model read: all, up to about `maxlen`."""
    known: int
    """How many of these are in the model's vocabulary."""

    def __repr__(self) -> str:
        """Return label, score and how many words were known."""
        known = f"{self.known} of {self.words} words known"
        return f"<Prediction {self.label!r} {self.score:.4f}, {known}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as plain JSON types."""
        return dataclasses.asdict(self)


class Predictions(list[Prediction]):
    """A list that shows its first items only, in notebooks as a table."""

    _SHOWN = 10

    def __repr__(self) -> str:
        """Return the first predictions, and how many more there are."""
        return "\n".join([*map(repr, self[: self._SHOWN]), *self._more()]) or "[]"

    def _repr_html_(self) -> str:
        from html import escape  # here, as only notebooks need it

        heads = ["label", "score", "words", "known"]
        rows = [
            ["–" if p.label is None else escape(p.label), f"{p.score:.4f}", p.words, p.known]
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


class Classifier:
    """A loaded model; many threads may use one at once, and it can be pickled and copied."""

    def __init__(self, file: modelfile.ModelFile, *, threads: int = 1) -> None:
        """Make the session; use `load` to get a model from a path."""
        self.config: ModelConfig = file.config
        self.tokenizer: Tokenizer = file.tokenizer
        self.card: dict[str, Any] = file.card
        self.sha256: str = file.sha256
        self.data: bytes = file.data  # the file's, so that other processes can load it
        self._threads = threads
        self._session = Session(file.data, threads=threads)
        classes = len(self.config.labels)
        if self._session.columns != (1 if classes == 2 else classes):
            raise CorruptModelError(
                f"the graph has {self._session.columns} outputs for {classes} labels"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the file's bytes: another process loads them, and needs no file."""
        return _loaded, (self.data, self._threads)

    def __repr__(self) -> str:
        """Return labels, number of words, size and the digest's start."""
        labels = ", ".join(map(repr, self.labels[:5])) + (", …" if len(self.labels) > 5 else "")
        words, size = self.config.text.vocabulary_size, len(self.data) / 1e6
        return f"<Classifier: {labels}; {words:,} words; {size:.2f} MB; {self.sha256[:12]}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the columns of `scores`."""
        return self.config.labels

    @overload  # a str is an Iterable[str] too; the first that fits is meant
    def predict(  # type: ignore[overload-overlap]
        self, texts: str, *, unsure: tuple[float, float] | None = None
    ) -> Prediction: ...
    @overload
    def predict(
        self, texts: Iterable[str], *, unsure: tuple[float, float] | None = None
    ) -> list[Prediction]: ...
    def predict(
        self, texts: str | Iterable[str], *, unsure: tuple[float, float] | None = None
    ) -> Prediction | list[Prediction]:
        """Label one text, or each of several.

        A text of which the model knows no word gets the label None; so does one without words.
        With `unsure`, a band of probabilities such as (0.4, 0.6), a text gets it too if the second
        label's probability is in the band, edges included; with more than two labels, if the most
        probable one's is. Raises TextError for what isn't a str, ConfigError for a band that isn't
        one.
        """
        band = None if unsure is None else _band(unsure)
        if isinstance(texts, str):
            scores, words, known = self._read_one(texts)
            return self._prediction(scores[0], words, known, band)
        read = self.read(texts)
        counts = zip(read.words.tolist(), read.known.tolist(), strict=True)
        return Predictions(
            self._prediction(row, *count, band)
            for row, count in zip(read.scores, counts, strict=True)
        )

    def scores(self, texts: str | Iterable[str]) -> NDArray[np.float32]:
        """Return the probability of each class: float32, shape (texts, classes).

        With two classes the network has one sigmoid: column 1 is its value, untouched, and
        column 0 is one minus it. Any text has scores, an empty one too. Raises TextError for what
        isn't a str.
        """
        return self.read(texts).scores

    def read(self, texts: str | Iterable[str]) -> Reading:
        """Return the scores of texts with how many words the model read and knew, as arrays.

        Raises TextError for what isn't a str.
        """
        if isinstance(texts, Mapping) or hasattr(texts, "columns"):  # gives its names, not texts
            raise TextError(
                f'a {type(texts).__name__} is no list of texts; give one column of it: df["text"]'
            )
        if isinstance(texts, bytes | bytearray) or not isinstance(texts, Iterable):
            raise TextError(f"texts must be str or an iterable of str, not {type(texts).__name__}")
        rows = iter([texts] if isinstance(texts, str) else texts)
        parts = [self._read(window) for window in _windows(rows)]
        if len(parts) == 1:
            return parts[0]
        none = np.zeros(0, np.int64)
        parts.append(Reading(np.zeros((0, len(self.labels)), np.float32), none, none))
        return Reading(*map(np.concatenate, zip(*parts, strict=True)))

    def _read(self, texts: list[str]) -> Reading:
        """Read a window of texts: tokenize, sort by length, run in batches, restore the order."""
        text = self.config.text
        if len(texts) == 1:
            one, words, known = self._read_one(texts[0])
            return Reading(one, np.array([words]), np.array([known]))
        if len(texts) >= _BULK and VectorizedTokenizer.supports(text):
            rows = self._vectorized_tokenizer.rows(texts)
        else:
            rows = Rows.of([self.tokenizer.ids(text) for text in texts], text)
        scores = np.empty((len(texts), len(self.labels)), np.float32)
        for numbers, ids in batches(rows, text, self.config.step):
            scores[numbers] = self._run(ids)
        return Reading(scores, *rows.words(text))

    def _read_one(self, single: str) -> tuple[NDArray[np.float32], int, int]:
        """Return scores of shape (1, classes), and the numbers of words read and known."""
        text = self.config.text
        row = self.tokenizer.ids(single)
        ids = alone(row, text, self.config.step)
        cut = len(row) > text.maxlen and text.truncating == "pre"
        words = min(len(row), text.maxlen) - (text.start_id is not None and not cut)
        return self._run(ids), words, int(np.count_nonzero(ids > text.index_from))

    @cached_property
    def _vectorized_tokenizer(self) -> VectorizedTokenizer:
        return VectorizedTokenizer(self.tokenizer)

    def score_ids(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return `scores` for padded ids of int32 (texts, time), in one run of the graph.

        `time` is `maxlen`, or any smaller multiple of the model's `step`. Raises ConfigError for
        ids of another type or shape, or that the model doesn't have.
        """
        text, step = self.config.text, self.config.step
        if ids.dtype != np.int32 or ids.ndim != 2 or not 0 < ids.shape[1] <= text.maxlen:
            raise ConfigError(
                f"ids must be int32 (texts, time up to {text.maxlen}), not {ids.dtype} {ids.shape}"
            )
        if ids.shape[1] % step:
            raise ConfigError(f"time must be a multiple of {step}, not {ids.shape[1]}")
        if ids.size and not 0 <= ids.min() <= ids.max() < text.num_words:
            raise ConfigError(f"ids must be from 0 to {text.num_words - 1}")
        return self._run(ids)

    def _run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        output = self._session.run(ids)
        if output.shape[1] > 1:
            return output
        both = np.empty((len(output), 2), np.float32)
        np.subtract(1, output[:, 0], out=both[:, 0])
        both[:, 1] = output[:, 0]
        return both

    def choose(self, row: NDArray[np.float32]) -> int:
        """Return the index of the label for one row of `scores`.

        With two classes, the second where its probability is over the threshold (Keras's
        `binary_accuracy` compares the same way); with more, the most probable.
        """
        # numpy 1 would compare a float32 scalar with a float in double precision.
        threshold = np.float32(self.config.threshold)
        return int(row[1] > threshold) if len(row) == 2 else int(row.argmax())

    def _prediction(
        self, row: NDArray[np.float32], words: int, known: int, unsure: _Band | None
    ) -> Prediction:
        values = row.tolist()
        probabilities = dict(zip(self.labels, values, strict=True))
        telling = row[1] if len(row) == 2 else row.max()
        if not known or (unsure and unsure[0] <= telling <= unsure[1]):
            return Prediction(None, max(values), probabilities, words, known)
        chosen = self.choose(row)
        return Prediction(self.labels[chosen], values[chosen], probabilities, words, known)


def load(source: Source = None, *, threads: int = 1) -> Classifier:
    """Load a model file: a path, its bytes, or by default the bundled one.

    `threads` are those that onnxruntime uses within one call. Raises a subclass of
    ModelFileError, its message starting with the path, if the file can't be used.
    """
    if type(threads) is not int or threads < 1:
        raise ConfigError(f"threads must be a whole number from 1, not {threads!r}")
    with naming(source):
        return Classifier(modelfile.read(read_bytes(source)), threads=threads)


def _loaded(data: bytes, threads: int) -> Classifier:
    return load(data, threads=threads)


def _band(unsure: tuple[float, float]) -> _Band:
    try:
        low, high = map(float, unsure)
    except (TypeError, ValueError, OverflowError):
        low, high = 1.0, 0.0
    if not 0 <= low <= high <= 1:
        raise ConfigError(
            f"unsure must be two numbers from 0 to 1, the lower one first, not {unsure!r:.60}"
        )
    # As single precision, as scores are: numpy 1 would compare in double.
    return np.float32(low), np.float32(high)


def read_bytes(source: Source) -> bytes:
    """Return the bytes of a model file that `load` would take."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    try:
        if source is None:
            # By the import system, as pocketrnn may have been imported from a zip file.
            data: bytes = globals()["__loader__"].get_data(str(BUNDLED))
            return data
        return Path(source).read_bytes()
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            "can't read the model file (not a path, nor a file's bytes)"
        ) from error
    except OSError as error:
        if source is None:
            raise ModelFileError(
                "the bundled model is missing from this installation; install pocketrnn again, or "
                "if this is a frozen app, include pocketrnn's data files in it"
            ) from error
        raise ModelFileError(f"can't read the model file ({error.strerror})") from error


class naming:  # noqa: N801 (a context manager, read as a verb)
    """Put the model's path before the message of any ModelFileError raised inside."""

    def __init__(self, source: Source) -> None:
        if source is None:
            self._name = "bundled model"
        elif isinstance(source, str | os.PathLike):
            self._name = f"{source!s:.300}"
        elif isinstance(source, bytes | bytearray | memoryview):
            self._name = "model in memory"
        else:
            self._name = f"model of type {type(source).__name__}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ModelFileError):
            error.args = (f"{self._name}: {error}",)


def _windows(texts: Iterator[str]) -> Iterator[list[str]]:
    while window := list(islice(texts, _WINDOW)):
        yield window
