"""The one door to onnxruntime: private by default, and quiet."""

import os
from typing import TYPE_CHECKING, Any

from .errors import CorruptModelError

if TYPE_CHECKING:
    import numpy as np
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
    """An onnxruntime session for a graph from ids (int32) to scores (float32).

    May be used from many threads at once: onnxruntime's `run` is thread-safe.
    """

    def __init__(self, data: bytes, *, threads: int = 1) -> None:
        """Load the ONNX file `data`; CorruptModelError if onnxruntime refuses it."""
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
            (scores,) = self._session.run(None, {self._input: ids})
        except self._errors as error:
            raise CorruptModelError(f"onnxruntime can't run the graph: {error}") from error
        if scores.shape != (len(ids), self.columns):
            raise CorruptModelError("the graph gives another shape than it promises")
        return scores  # type: ignore[no-any-return]
