"""The one door to onnxruntime: private by default, quiet, and safe to fork and to end around."""

import atexit
import ctypes
import os
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import CorruptModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray


# From 1.29 on, onnxruntime's Linux and macOS builds write a device id under the home cache and
# upload usage data, unless this is set before the import. To keep telemetry on, set it to 0.
_TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"
_too_late = "onnxruntime" in sys.modules and sys.platform != "win32"
if _too_late and os.environ.get(_TELEMETRY_OFF, "") == "":
    warnings.warn(
        "onnxruntime was imported before pocketrnn, so its telemetry may be on and can't be "
        f"switched off any more: import pocketrnn first, or set {_TELEMETRY_OFF}=1 before Python "
        "starts",
        RuntimeWarning,
        stacklevel=2,
    )
if os.environ.get(_TELEMETRY_OFF) != "0":  # an empty value would leave it on
    os.environ[_TELEMETRY_OFF] = "1"


def import_onnxruntime() -> Any:
    """Return the module; a call, so that `pocketrnn info` and --help start without it."""
    import onnxruntime

    # On Windows, only this call switches telemetry off.
    disable = getattr(onnxruntime, "disable_telemetry_events", None)
    if disable and os.environ.get(_TELEMETRY_OFF) != "0":
        disable()
    return onnxruntime


# -- the end of the interpreter -----------------------------------------------------------------

# One entry for each run or load. Python ends while daemon threads still run; one that then comes
# back from onnxruntime's C++ code would abort the process.
_inside: set["_Inside"] = set()
_ending = threading.Event()


class _Inside:
    """Has the interpreter wait, before it ends, for a thread that is inside onnxruntime.

    Once it is ending, a thread ends where it would go inside, silently, as by `sys.exit()`. The
    main thread may still go on, as it is the one that ends the interpreter.
    """

    def __enter__(self) -> None:
        self.thread = threading.get_ident()
        _inside.add(self)  # first: else the end could begin between check and add
        if _ending.is_set() and self.thread != threading.main_thread().ident:
            _inside.discard(self)
            raise SystemExit

    def __exit__(self, *_: object) -> None:
        _inside.discard(self)


@atexit.register
def _wait_for_threads() -> None:
    _ending.set()
    # A signal may have kept this thread, the main one, from leaving as it should.
    while any(one.thread != threading.get_ident() for one in list(_inside)):
        time.sleep(0.001)


# -- forks --------------------------------------------------------------------------------------

_sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()
_making = threading.Lock()


def making() -> threading.Lock:
    """Return the lock to hold while a session is made: several threads may want the same one."""
    return _making


def _after_fork() -> None:
    """Have a forked child make anew the sessions that it can't use.

    A child has none of its parent's other threads: a session with a pool of threads would wait for
    them for ever, and so would one that another thread was using, which holds its locks.
    """
    global _making
    _making = threading.Lock()  # which another thread may have held
    for session in list(_sessions):
        if session.threads > 1 or _inside:
            session.abandon()
    _inside.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Session:
    """An onnxruntime session for one ONNX model.

    May be used from many threads at once: onnxruntime's `run` is thread-safe. May be used in
    forked processes too, whose first run may have to load the model again.
    """

    def __init__(self, model: Callable[[], bytes], *, threads: int = 1) -> None:
        """Load the ModelProto that `model` serializes; CorruptModelError if onnxruntime can't."""
        self.threads = threads
        self._model = model
        self._session: Any = None
        with _Inside():
            self._load()
        _sessions.add(self)

    def _load(self) -> None:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # A spinning pool burns a core between texts; small models gain nothing from it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # By default, bytes 5 to 8 of a file could make onnxruntime read it in another format.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        options.log_severity_level = 4  # what goes wrong is raised, not printed
        model = self._model()
        try:
            # The fallback would print, and try the same again.
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:
            raise _meaning(error, "load") from error

    def run(
        self, inputs: "Mapping[str, NDArray[Any]]", outputs: Sequence[str] | None = None
    ) -> "list[NDArray[Any]]":
        """Return the named outputs, or all, for `inputs`, by their names."""
        with _Inside():
            if self._session is None:
                self._load()
            try:
                return self._session.run(outputs, inputs)  # type: ignore[no-any-return]
            except Exception as error:  # onnxruntime's own have no base class but this
                raise _meaning(error, "run") from error

    def abandon(self) -> None:
        """Forget onnxruntime's session, without freeing it; the next run makes one anew."""
        # Freeing it would wait for its threads.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session = None


def _meaning(error: Exception, verb: str) -> Exception:
    """Return what to raise for an error of onnxruntime's: memory that ends isn't a bad model."""
    # C++ says so in one way or another, and onnxruntime's own allocator in a third.
    short = ("MemoryError", "bad_alloc", "bad allocation", "allocate memory")
    if any(said in repr(error) for said in short):
        return MemoryError(f"not enough memory to {verb} the model")
    return CorruptModelError(f"onnxruntime can't {verb} the graph: {error}")
