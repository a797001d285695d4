"""The one family of errors that pocketrnn, pocketrnn_train and pocketrnn_export raise."""

from collections.abc import Sequence

_MOST_NAMED = 3


def counted(count: int, noun: str) -> str:
    """Return `1 row` or `2 rows` for a message."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def first_of(items: Sequence[str], between: str) -> str:
    """Return the first items for a message, and how many more there are."""
    more = len(items) - _MOST_NAMED
    return between.join([*items[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])


class PocketRNNError(Exception):
    """Base of every error raised on purpose; its message says what, where and what to do."""


class ConfigError(PocketRNNError, ValueError):
    """A setting has a value, type or name that isn't allowed."""


class ColumnError(ConfigError):
    """A table's column of texts isn't named, isn't there, or is there twice."""

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


class TextError(PocketRNNError, TypeError):
    """Something other than text was given to be scored."""


class SeriesError(PocketRNNError, ValueError):
    """A series can't be forecast: it isn't numbers, or too few of them are known."""


class InputError(PocketRNNError):
    """A file of texts can't be read, or doesn't hold what it should."""


class OutputError(PocketRNNError):
    """An output exists already, or can't be written."""


class MissingExtraError(PocketRNNError, ImportError):
    """An optional dependency isn't installed; the message names the extra that brings it."""


class ModelFileError(PocketRNNError):
    """A model file can't be used; each subclass is one reason."""


class NotAModelError(ModelFileError):
    """The bytes aren't an ONNX model."""


class NoMetadataError(ModelFileError):
    """The ONNX model has no pocketrnn metadata."""


class NewerSchemaError(ModelFileError):
    """The metadata follows a schema newer than this pocketrnn reads."""


class CorruptModelError(ModelFileError):
    """The file is cut short or altered."""


class GraphError(ModelFileError):
    """The graph isn't the one that the file's configuration stands for."""


class VocabularyMismatchError(ModelFileError):
    """The vocabulary and the weights aren't of one model."""


class OtherTaskError(ModelFileError):
    """The model does something else than what was asked for; the message names its task."""


class WorkerError(PocketRNNError):
    """A process that scores for another one ended or failed."""
