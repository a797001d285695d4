"""The one door to onnxruntime: private by default, and quiet."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import CorruptModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# From 1.29 on, onnxruntime's Linux and macOS builds write a device id under the home cache and
# upload usage data, unless this is set before the import. Who wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def import_onnxruntime() -> Any:
    """Return the module; a call, so that `pocketrnn info` and --help start without it."""
    import onnxruntime

    return onnxruntime


def errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises."""
    # Its exceptions share no base class of their own. The built-in ones are pybind11's: a name or
    # message that isn't UTF-8, for one, is a UnicodeDecodeError.
    native = vars(import_onnxruntime().capi.onnxruntime_pybind11_state).values()
    own = [e for e in native if isinstance(e, type) and issubclass(e, Exception)]
    return (*own, RuntimeError, ValueError)


class Session:
    """An onnxruntime session for one ONNX model.

    May be used from many threads at once: onnxruntime's `run` is thread-safe.
    """

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        """Load a serialized ModelProto; CorruptModelError if onnxruntime refuses it."""
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A spinning pool burns a core between texts; small models gain nothing from it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # By default, bytes 5 to 8 of a file could make onnxruntime read it in another format.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        options.log_severity_level = 4  # what goes wrong is raised, not printed
        self._errors = errors()
        try:
            # The fallback would print, and try the same again.
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except self._errors as error:
            raise _meaning(error, "load") from error

    def run(
        self, inputs: "Mapping[str, NDArray[Any]]", outputs: Sequence[str]
    ) -> "list[NDArray[Any]]":
        """Return the named outputs for `inputs`, by their names."""
        try:
            return self._session.run(outputs, inputs)  # type: ignore[no-any-return]
        except self._errors as error:
            raise _meaning(error, "run") from error


def _meaning(error: Exception, verb: str) -> Exception:
    """Return what to raise for an error of onnxruntime's: memory that ends isn't a bad model."""
    # C++ says so in one way or another, and onnxruntime's own allocator in a third.
    if any(said in str(error) for said in ("bad_alloc", "bad allocation", "allocate memory")):
        return MemoryError(f"not enough memory to {verb} the model")
    return CorruptModelError(f"onnxruntime can't {verb} the graph: {error}")
