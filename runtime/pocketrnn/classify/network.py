"""The network, ready to run: one session for a single text, one for batches."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptModelError
from ..modelfile import onnx
from ..modelfile.graph import Form
from ..session import Session
from .file import Contents
from .labels import probabilities
from .padding import Rows, batches, time_for
from .text import pad


class Network:
    """Runs a classifier's graph on ids; many threads may use one at once."""

    def __init__(self, contents: Contents, *, threads: int = 1) -> None:
        """Make the session for single texts; that for batches is made when one is asked for."""
        self._contents = contents
        self._config = contents.config
        self._threads = threads
        self._multiple = self._config.time_multiple
        network = self._config.network
        self._window = network.window if network else 0
        self._masks = network is not None and network.mask
        self._one  # noqa: B018 (made now, so that the first text is answered at once)

    @cached_property
    def _one(self) -> Session:
        return self._session("one")

    @cached_property
    def _many(self) -> Session:
        return self._one if self._contents.weights is None else self._session("many")

    def _session(self, form: Form) -> Session:
        """Hand onnxruntime what the settings stand for, or the file itself if that is trusted."""
        if self._contents.weights is None:
            return Session(self._contents.file.data, threads=self._threads)
        graph = onnx.to_bytes(self._config.graph(form), self._contents.weights)
        return Session(onnx.model_to_bytes(graph), threads=self._threads)

    def one(self, row: Sequence[int]) -> NDArray[np.float32]:
        """Return the scores, float32 (1, labels), of one row of ids of any length."""
        text = self._config.text
        row = row[text.kept]
        # A text that fits a window needs no more steps than it has words.
        short = self._window and self._masks and len(row) <= self._window
        time = time_for(len(row), 1 if short else self._multiple)
        ids = pad([row], text, time)
        if self._contents.weights is not None:
            rows = 1 if short or not self._window else time // self._window
            ids = np.ascontiguousarray(ids.reshape(rows, -1).T)
        return self._scores(self._one, ids, 1, time)

    def many(self, rows: Rows) -> NDArray[np.float32]:
        """Return the scores, float32 (texts, labels), of rows of ids."""
        scores = np.empty((len(rows.lengths), len(self._config.labels)), np.float32)
        for numbers, ids in batches(rows, self._config.text, self._multiple):
            scores[numbers] = self.padded(ids)
        return scores

    def padded(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the scores, float32 (texts, labels), of padded ids (texts, time) in one run."""
        return self._scores(self._many, ids, *ids.shape)

    def _scores(
        self, session: Session, ids: NDArray[np.int32], texts: int, time: int
    ) -> NDArray[np.float32]:
        inputs: dict[str, NDArray[np.generic]] = {"ids": ids}
        if self._config.starts_after_padding:
            for name, states in self._after_padding.items():
                state = states[min(self._config.text.maxlen - time, len(states) - 1)]
                inputs[name] = np.tile(state, (texts, 1))
        (output,) = session.run(inputs, ["scores"])
        # Written so that a NaN fails as well.
        if not (output.shape == (texts, self._config.outputs) and _all_from_0_to_1(output)):
            raise CorruptModelError("the network's scores aren't probabilities")
        return probabilities(output)

    @cached_property
    def _after_padding(self) -> dict[str, NDArray[np.float32]]:
        """The states after 0, 1, 2 and so on steps of padding, up to where they stay as they are.

        By the name of the graph's input: float32 (steps, units).
        """
        graph = self._config.graph("one")
        starts = [value.name for value in graph.inputs[1:]]
        ends = [value.name for value in graph.outputs[1:]]
        units = self._config.network.units if self._config.network else 0
        padding = np.full((1, 1), self._config.text.pad_id, np.int32)
        steps = [[np.zeros((1, units), np.float32) for _ in starts]]
        while len(steps) <= self._config.text.maxlen:
            states = dict(zip(starts, steps[-1], strict=True))
            steps.append(self._one.run({"ids": padding, **states}, ends))
            if all(map(np.array_equal, steps[-1], steps[-2])):
                break
        return {name: np.concatenate([step[i] for step in steps]) for i, name in enumerate(starts)}


def _all_from_0_to_1(output: NDArray[np.float32]) -> bool:
    if output.size == 1:
        return 0 <= output.item() <= 1
    return not output.size or bool(output.min() >= 0 and output.max() <= 1)
