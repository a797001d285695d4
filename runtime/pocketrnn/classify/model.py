"""Load a model file and score texts with it."""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from .. import modelfile
from ..errors import ConfigError, CorruptModelError, ModelFileError, TextError
from ..modelfile import ModelConfig
from ..session import Session
from .padding import Rows, alone, batches
from .text import Tokenizer
from .vectorized import VectorizedTokenizer

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
    """None where the model is unsure, if asked to say so."""
    score: float
    """The probability of `label`, from 0 to 1; if that is None, the highest of any label."""
    probabilities: dict[str, float]
    """The probability of each label, in the model's order."""

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as plain JSON types."""
        return dataclasses.asdict(self)


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

        With `unsure`, a band of probabilities such as (0.4, 0.6), a text gets the label None if
        the second label's probability is in it, edges included; with more than two labels, if
        the most probable one's is. Raises TextError for what isn't a str, ConfigError for a
        band that isn't one.
        """
        band = None if unsure is None else _band(unsure)
        predictions = [self._prediction(row, band) for row in self.scores(texts)]
        return predictions[0] if isinstance(texts, str) else predictions

    def scores(self, texts: str | Iterable[str]) -> NDArray[np.float32]:
        """Return the probability of each class: float32, shape (texts, classes).

        With two classes the network has one sigmoid: column 1 is its value, untouched, and
        column 0 is one minus it. Raises TextError for what isn't a str.
        """
        if isinstance(texts, bytes | bytearray) or not isinstance(texts, Iterable):
            raise TextError(f"texts must be str or an iterable of str, not {type(texts).__name__}")
        rows = iter([texts] if isinstance(texts, str) else texts)
        parts = [self._scores(window) for window in _windows(rows)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), np.float32)

    def _scores(self, texts: list[str]) -> NDArray[np.float32]:
        """Score a window of texts: tokenize, sort by length, run in batches, restore the order."""
        text = self.config.text
        if len(texts) == 1:
            return self._run(alone(self.tokenizer.ids(texts[0]), text, self.config.step))
        if len(texts) >= _BULK and VectorizedTokenizer.supports(text):
            rows = self._vectorized_tokenizer.rows(texts)
        else:
            rows = Rows.of([self.tokenizer.ids(text) for text in texts], text)
        scores = np.empty((len(texts), len(self.labels)), np.float32)
        for numbers, ids in batches(rows, text, self.config.step):
            scores[numbers] = self._run(ids)
        return scores

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

    def _prediction(self, row: NDArray[np.float32], unsure: _Band | None = None) -> Prediction:
        values = row.tolist()
        probabilities = dict(zip(self.labels, values, strict=True))
        if unsure and unsure[0] <= (row[1] if len(row) == 2 else row.max()) <= unsure[1]:
            return Prediction(None, max(values), probabilities)
        chosen = self.choose(row)
        return Prediction(self.labels[chosen], values[chosen], probabilities)


def load(source: str | os.PathLike[str] | bytes | None = None, *, threads: int = 1) -> Classifier:
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


def read_bytes(source: str | os.PathLike[str] | bytes | None) -> bytes:
    """Return the bytes of a model file that `load` would take."""
    if isinstance(source, bytes):
        return source
    try:
        return (BUNDLED if source is None else Path(source)).read_bytes()
    except (TypeError, ValueError) as error:
        raise ModelFileError("can't read the model file (not a path)") from error
    except OSError as error:
        if source is None:
            raise ModelFileError(
                "the bundled model is missing from this installation; install pocketrnn again, or "
                "if this is a frozen app, include pocketrnn's data files in it"
            ) from error
        raise ModelFileError(f"can't read the model file ({error.strerror})") from error


class naming:  # noqa: N801 (a context manager, read as a verb)
    """Put the model's path before the message of any ModelFileError raised inside."""

    def __init__(self, source: str | os.PathLike[str] | bytes | None) -> None:
        self._name = (
            "model in memory"
            if isinstance(source, bytes)
            else "bundled model"
            if source is None
            else str(source)
        )

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ModelFileError):
            error.args = (f"{self._name}: {error}",)


def _windows(texts: Iterator[str]) -> Iterator[list[str]]:
    while window := list(islice(texts, _WINDOW)):
        yield window
