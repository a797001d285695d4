"""The one door to onnxruntime: private by default, and quiet."""

import os
from typing import TYPE_CHECKING, Any

from .errors import CorruptModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _onnxruntime() -> Any:
    # From 1.29 on, onnxruntime's Linux and macOS builds write a device id under the home cache
    # and upload usage data, unless this is set before the import. Someone who wants that sets
    # the variable to 0.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime  # here, so that `pocketrnn info` and --help start without it

    return onnxruntime


class Session:
    """An onnxruntime session for a graph from ids (int32) to scores (float32).

    May be used from many threads at once: onnxruntime's `run` is thread-safe.
    """

    def __init__(self, data: bytes, *, threads: int = 1) -> None:
        """Load the ONNX file `data`; CorruptModelError if onnxruntime refuses it."""
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A spinning pool burns a core between texts; small models gain nothing from it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 4  # what goes wrong is raised, not printed
        # onnxruntime's exceptions share no base class of their own.
        native = vars(onnxruntime.capi.onnxruntime_pybind11_state).values()
        errors = tuple(e for e in native if isinstance(e, type) and issubclass(e, Exception))
        try:
            session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except errors as error:
            raise CorruptModelError(f"onnxruntime can't load the graph: {error}") from error
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if (
            [(i.type, len(i.shape)) for i in inputs] != [("tensor(int32)", 2)]
            or [(o.type, len(o.shape)) for o in outputs] != [("tensor(float)", 2)]
            or not isinstance(outputs[0].shape[1], int)
        ):
            raise CorruptModelError("the graph doesn't go from ids to scores")
        self._session = session
        self._input = inputs[0].name
        self.columns: int = outputs[0].shape[1]

    def run(self, ids: "NDArray[np.int32]") -> "NDArray[np.float32]":
        """Return float32 (texts, columns) for ids of int32 (texts, time)."""
        (scores,) = self._session.run(None, {self._input: ids})
        return scores  # type: ignore[no-any-return]
