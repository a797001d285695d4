"""From a path, or a file's bytes, to a model, whatever its task."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from . import modelfile
from .config import whole_number
from .errors import ConfigError, CorruptModelError, ModelFileError, OtherTaskError

if TYPE_CHECKING:
    from .classify.model import Classifier
    from .tables.block import Function

BUNDLED = Path(__file__).with_name("bundled.onnx")

# In the package.
NAMED = ("everyday", "names", "hourly", "daily", "weekly", "monthly", "quarterly")

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | None
"""A path or a bundled model's name, a file's bytes, or None for the bundled classifier."""

_MOST_BYTES = 1 << 30  # more than the largest network and vocabulary take
_MOST_THREADS = 256  # more than any device has cores: each takes memory, with work or without

# The class of each task, imported when a file of that task is loaded, and the command.
_TASKS = {
    "classify": ("Classifier", "predict"),
    "generate": ("Generator", "generate"),
    "forecast": ("Forecaster", "forecast"),
}


class Model:
    """What the models of all tasks are: a loaded file, that can be pickled and copied."""

    TASK: ClassVar[str]

    def __init__(self, file: modelfile.ModelFile, *, threads: int, trusted: bool) -> None:
        self.card: dict[str, Any] = file.card
        self.sha256: str = file.sha256
        self.data: bytes = file.data  # the file's, so that other processes can load it
        self._options = {"threads": threads, "trusted": trusted}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the file's bytes: another process loads them, and needs no file."""
        return partial(load, **self._options), (self.data,)

    def function(self, *, prefix: str, **options: Any) -> "Function":
        """Return what `score_file` runs over texts, by those of its options that say what."""
        raise NotImplementedError

    @property
    def parts(self) -> str:
        """What the file holds that must belong together, in words."""
        raise NotImplementedError

    def differences(self) -> list[float]:
        """Return how far the output of each test case is from the stored one."""
        raise NotImplementedError

    @classmethod
    def load(cls, source: Source, *, threads: int = 1, trusted: bool = False) -> Self:
        """Load a model file as `pocketrnn.load` does; OtherTaskError for one of another task."""
        model: Self = _load(source, threads, trusted, task=cls.TASK)
        return model


@overload
def load(source: None = None, *, threads: int = 1, trusted: bool = False) -> "Classifier": ...
@overload
def load(source: Source, *, threads: int = 1, trusted: bool = False) -> Any: ...
def load(source: Source = None, *, threads: int = 1, trusted: bool = False) -> Any:
    """Load a model file: a path, its bytes, or by default the bundled classifier.

    "names" and so on are the other bundled models, unless a file is called so. The file's task
    decides what it gives: a `Classifier`, `Generator` or `Forecaster`. Type checkers know it with
    `Classifier.load(source)` and so on.

    `threads` are those that onnxruntime uses within one call, from 1 to 256. A file with a graph
    of its own (`pocketrnn-export --graph tf2onnx`) is an ordinary ONNX program; only with
    `trusted` is it run, so know who made it. Raises a subclass of ModelFileError, its message
    starting with the path, if the file can't be used; ConfigError for the number of threads.
    """
    return _load(source, threads, trusted)


def _load(source: Source, threads: int, trusted: bool, task: str | None = None) -> Any:
    threads = whole_number(threads, f"threads must be from 1 to {_MOST_THREADS}", 1, _MOST_THREADS)
    with naming(source):
        file = modelfile.read(read_bytes(source))
        if file.task not in _TASKS:
            raise CorruptModelError(f"the file is altered (task {file.task!r:.40})")
        name, command = _TASKS[file.task]
        if task and task != file.task:
            raise OtherTaskError(
                f"a model of the task {file.task}, not {task}; for it there are the command "
                f"pocketrnn {command} and the class {name}"
            )
        model = getattr(import_module(f".{file.task}.model", __package__), name)
        return model(file, threads=threads, trusted=trusted)


def bundled(name: str) -> Path:
    """Return the path of a bundled model.

    `everyday` is the classifier that `load` gives by default; `names` makes first names; `hourly`,
    `daily`, `weekly`, `monthly` and `quarterly` forecast series of these frequencies. Raises
    ConfigError for another name.
    """
    if name not in NAMED:
        raise ConfigError(f"there is no bundled model {name!r:.40}; there is: {', '.join(NAMED)}")
    return BUNDLED if name == "everyday" else BUNDLED.with_name(f"{name}.onnx")


def read_bytes(source: Source) -> bytes:
    """Return the bytes of a model file that `load` would take."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    try:
        path = BUNDLED if source is None else Path(source)
        if source in NAMED and not path.is_file():
            path = bundled(str(source))
        if path.parent == BUNDLED.parent:
            # By the import system, as pocketrnn may have been imported from a zip file.
            data: bytes = globals()["__loader__"].get_data(str(path))
            return data
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise ModelFileError(f"not a model file: {size:,} bytes are more than any has")
        return path.read_bytes()
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
        what = str(error.strerror)
        if isinstance(error, IsADirectoryError):
            what = "it is a folder; if it is a run, pocketrnn-export makes a model file of it"
        if isinstance(error, FileNotFoundError) and not path.suffix and path == Path(path.name):
            what += f"; bundled models are {', '.join(NAMED)}"
        raise ModelFileError(f"can't read the model file ({what})") from error


@contextmanager
def naming(source: Source) -> Iterator[None]:
    """Put the model's path before the message of any ModelFileError raised inside.

    Settings that no model has, and such as are nested too deeply, are a CorruptModelError.
    """
    try:
        yield
    except (ModelFileError, ConfigError, RecursionError) as error:
        if isinstance(source, str | os.PathLike):
            name = f"{source!s:.300}"
        elif isinstance(source, bytes | bytearray | memoryview):
            name = "model in memory"
        else:
            name = "bundled model" if source is None else f"model of type {type(source).__name__}"
        if not isinstance(error, ModelFileError):
            raise CorruptModelError(f"{name}: the file is altered ({error})") from error
        error.args = (f"{name}: {error}",)
        raise
