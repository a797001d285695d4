"""From a path, or a file's bytes, to a model, whatever its task."""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import modelfile
from .errors import ConfigError, CorruptModelError, ModelFileError

if TYPE_CHECKING:
    from .classify.model import Classifier

BUNDLED = Path(__file__).with_name("bundled.onnx")

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | None
"""A path, a file's bytes, or None for the bundled model."""

# More than any device has cores: each thread takes memory, whether it has work or not.
_MOST_THREADS = 256

# The module and class of each task, imported when a file of that task is loaded.
_TASKS = {"classify": ("classify.model", "Classifier")}


def load(source: Source = None, *, threads: int = 1, trusted: bool = False) -> "Classifier":
    """Load a model file: a path, its bytes, or by default the bundled one.

    `threads` are those that onnxruntime uses within one call, from 1 to 256. A file with a graph
    of its own (`pocketrnn-export --graph tf2onnx`) is an ordinary ONNX program; only with
    `trusted` is it run, so know who made it. Raises a subclass of ModelFileError, its message
    starting with the path, if the file can't be used; ConfigError for the number of threads.
    """
    if type(threads) is not int or not 1 <= threads <= _MOST_THREADS:
        raise ConfigError(f"threads must be from 1 to {_MOST_THREADS}, not {threads!r:.40}")
    with naming(source):
        file = modelfile.read(read_bytes(source))
        if file.task not in _TASKS:
            raise CorruptModelError(f"the file is altered (task {file.task!r:.40})")
        module, name = _TASKS[file.task]
        task: Any = getattr(import_module(f".{module}", __package__), name)
        return task(file, threads=threads, trusted=trusted)  # type: ignore[no-any-return]


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
