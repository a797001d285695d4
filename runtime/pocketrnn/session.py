"""The one door to onnxruntime: private by default, quiet, and safe to fork and to end around."""

import atexit
import ctypes
import os
import sys
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from .errors import CorruptModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# From 1.29 on, onnxruntime's Linux and macOS builds write a device id under the home cache and
# upload usage data, unless this is set before the import. Who wants that sets it to 0.
_TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"
_too_late = "onnxruntime" in sys.modules and sys.platform != "win32"
if _too_late and _TELEMETRY_OFF not in os.environ:
    warnings.warn(
        "onnxruntime was imported before pocketrnn, so its telemetry may be on and can't be "
        f"switched off any more: import pocketrnn first, or set {_TELEMETRY_OFF}=1 before Python "
        "starts",
        RuntimeWarning,
        stacklevel=2,
    )
os.environ.setdefault(_TELEMETRY_OFF, "1")


def import_onnxruntime() -> Any:
    """Return the module; a call, so that `pocketrnn info` and --help start without it."""
    import onnxruntime

    # On Windows, only this call switches telemetry off.
    disable = getattr(onnxruntime, "disable_telemetry_events", None)
    if disable and os.environ.get(_TELEMETRY_OFF) != "0":
        disable()
    return onnxruntime


def errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises."""
    # Its exceptions share no base class of their own. The built-in ones are pybind11's: a name or
    # message that isn't UTF-8, for one, is a UnicodeDecodeError.
    native = vars(import_onnxruntime().capi.onnxruntime_pybind11_state).values()
    own = [e for e in native if isinstance(e, type) and issubclass(e, Exception)]
    return (*own, RuntimeError, ValueError)


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
        _inside.add(self)
        if _ending.is_set() and threading.get_ident() != threading.main_thread().ident:
            _inside.discard(self)
            raise SystemExit

    def __exit__(self, *_: object) -> None:
        _inside.discard(self)


@atexit.register
def _wait_for_threads() -> None:
    _ending.set()
    while _inside:
        time.sleep(0.001)


# -- forks --------------------------------------------------------------------------------------

_sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()


def _after_fork() -> None:
    """Have a forked child make anew the sessions that it can't use.

    A child has none of its parent's other threads: a session with a pool of threads would wait for
    them for ever, and so would one that another thread was using, which holds its locks.
    """
    for session in list(_sessions):
        if session.threads > 1 or _inside:
            session.abandon()
    _inside.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Session:
    """An onnxruntime session for a graph from ids (int32) to scores (float32).

    May be used from many threads at once: onnxruntime's `run` is thread-safe. May be used in
    forked processes too, whose first run may have to load the graph again.
    """

    def __init__(self, data: bytes, *, threads: int = 1) -> None:
        """Load the ONNX file `data`; CorruptModelError if onnxruntime refuses it."""
        self.threads = threads
        self._data = data
        self._session: Any = None
        with _Inside():
            self._load()
        _sessions.add(self)

    def _load(self) -> None:
        data, threads = self._data, self.threads
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A spinning pool burns a core between texts; small models gain nothing from it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # By default, bytes 5 to 8 of a file could make onnxruntime read it in a format of its own,
        # which nothing here has checked.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        options.log_severity_level = 4  # what goes wrong is raised, not printed
        self._errors = errors()
        try:
            # The fallback would print, and try the same again.
            session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
            inputs = [(i.type, len(i.shape), i.name) for i in session.get_inputs()]
            outputs = [(o.type, o.shape) for o in session.get_outputs()]
        except self._errors as error:
            raise CorruptModelError(f"onnxruntime can't load the graph: {error}") from error
        if (
            [i[:2] for i in inputs] != [("tensor(int32)", 2)]
            or [(kind, len(shape)) for kind, shape in outputs] != [("tensor(float)", 2)]
            or not isinstance(outputs[0][1][1], int)
        ):
            raise CorruptModelError("the graph doesn't go from ids to scores")
        self._session = session
        self._input: str = inputs[0][2]
        self.columns: int = outputs[0][1][1]

    def run(self, ids: "NDArray[np.int32]") -> "NDArray[np.float32]":
        """Return float32 (texts, columns) for ids of int32 (texts, time)."""
        try:
            with _Inside():
                if self._session is None:
                    self._load()
                (scores,) = self._session.run(None, {self._input: ids})
        except self._errors as error:
            raise CorruptModelError(f"onnxruntime can't run the graph: {error}") from error
        if scores.shape != (len(ids), self.columns):
            raise CorruptModelError("the graph gives another shape than it promises")
        return scores  # type: ignore[no-any-return]

    def abandon(self) -> None:
        """Forget onnxruntime's session, without freeing it; the next run makes one anew."""
        # Freeing it would wait for its threads.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session = None
