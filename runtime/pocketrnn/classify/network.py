"""The network, ready to run: a session for each form of its graph that is asked for."""

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptModelError
from ..lazy import lazy
from ..modelfile import forms
from ..modelfile.network import NetworkConfig
from ..session import Session
from .file import ClassifierConfig
from .labels import probabilities
from .padding import Rows, batches, time_for
from .text import pad

Array = NDArray[np.generic]


class OwnGraph:
    """Runs a graph that the file brings, on ids padded to `maxlen`, and trusts it."""

    def __init__(self, config: ClassifierConfig, data: bytes, threads: int) -> None:
        self._config = config
        self._session = Session(lambda: data, threads=threads)

    def one(self, row: Sequence[int]) -> NDArray[np.float32]:
        """Return the scores, float32 (1, labels), of one row of ids of any length."""
        return self.padded(pad([row], self._config.text, self._config.text.maxlen))

    def many(self, rows: Rows) -> NDArray[np.float32]:
        """Return the scores, float32 (texts, labels), of rows of ids."""
        scores = np.empty((len(rows.lengths), len(self._config.labels)), np.float32)
        for numbers, ids in batches(rows, self._config.text, self._config.time_multiple):
            scores[numbers] = self.padded(ids)
        return scores

    def padded(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the scores, float32 (texts, labels), of padded ids (texts, time), in one run."""
        return _checked(self._session, {"ids": ids}, self._config, len(ids))

    def edited(self, row: NDArray[np.int32], edits: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the scores, float32 (edits, labels), of copies of `row`, not longer than maxlen.

        Each has the id of unknown words at the places that its edit lists.
        """
        rows = np.repeat(row[None], len(edits), axis=0)
        for copy, places in zip(rows, edits, strict=True):
            copy[list(places)] = self._config.text.oov_id
        return self.many(Rows(rows.ravel(), np.full(len(edits), len(row))))


class Network(OwnGraph):
    """Runs the graphs that the settings stand for; many threads may use one at once."""

    def __init__(
        self,
        config: ClassifierConfig,
        network: NetworkConfig,
        weights: Mapping[str, Array],
        threads: int,
    ) -> None:
        """Make a session at once, as onnxruntime may refuse it; the others when asked for."""
        self._config, self._network = config, network
        self._sessions = forms.Sessions(weights, threads, network, config.size)
        # What is padded to `maxlen` has several windows, and short texts have one.
        self._sessions[forms.one if network.window and not network.mask else forms.chain]

    def one(self, row: Sequence[int]) -> NDArray[np.float32]:
        text, window, multiple = self._config.text, self._network.window, self._config.time_multiple
        row = row[text.kept]
        if not row:  # nothing but padding
            return self.padded(pad([row], text, multiple))
        form = forms.chain
        if self._network.mask and len(row) <= window:
            multiple = 1  # one window, with as many steps as there are words
        if extra := -len(row) % multiple:
            padding = [text.pad_id] * extra
            row = [*padding, *row] if text.padding == "pre" else [*row, *padding]
        # A list of ints becomes an array.array in half the time of numpy's.
        ids = np.frombuffer(array("i", row), np.int32)
        if window and len(ids) > window:
            form = forms.one
            ids = np.ascontiguousarray(ids.reshape(-1, window).T)
        else:
            ids = ids[:, None]
        inputs = {"ids": ids, **self._start(ids.size, 1)}
        return _checked(self._sessions[form], inputs, self._config, 1)

    def padded(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        texts, time = ids.shape
        inputs = {"ids": ids, **self._start(time, texts)}
        return _checked(self._sessions[forms.many], inputs, self._config, texts)

    def edited(self, row: NDArray[np.int32], edits: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return what `OwnGraph.edited` does; of each copy, only windows with edits are run."""
        window, text = self._network.window, self._config.text
        if not window or not self._network.mask:
            return super().edited(row, edits)
        rows = pad([row.tolist()], text, time_for(len(row), window)).reshape(-1, window)
        first = rows.size - len(row) if text.padding == "pre" else 0
        changed: dict[tuple[int, int], NDArray[np.int32]] = {}
        for number, places in enumerate(edits):
            for place in places:
                which, step = divmod(first + place, window)
                changed.setdefault((number, which), rows[which].copy())[step] = text.oov_id
        ids = np.stack([*rows, *changed.values()], axis=1)
        halves = self._sessions[forms.windows].run({"ids": ids})
        copies = []
        for values in halves:
            each = np.repeat(values[None, : len(rows)], len(edits), axis=0)
            each[tuple(zip(*changed, strict=True))] = values[len(rows) :]
            copies.append(each)
        total, highest = copies[0].sum(axis=1), copies[1].max(axis=1)
        count = np.full((len(edits), 1), len(row), np.float32)
        inputs = {"total": total, "highest": highest, "count": count}
        return _checked(self._sessions[forms.head], inputs, self._config, len(edits))

    def _start(self, time: int, texts: int) -> dict[str, Array]:
        """Return the states before the first of `time` steps, where the graph is handed them."""
        if not self._config.starts_after_padding:
            return {}
        skipped = self._config.text.maxlen - time
        start: dict[str, Array] = {}
        for name, states in self._after_padding.items():
            step = min(skipped, len(states) - 1)
            row = states[step : step + 1]
            start[name] = row if texts == 1 else row.repeat(texts, axis=0)
        return start

    @lazy
    def _after_padding(self) -> dict[str, NDArray[np.float32]]:
        """Return the states after 0, 1, 2, ... steps of padding, up to where they stay as they are.

        By the name of the graph's input: float32 (steps, units).
        """
        graph = forms.chain(self._network, self._config.size)
        starts = [value.name for value in graph.inputs[1:]]
        ends = [value.name for value in graph.outputs[1:]]
        padding = np.full((1, 1), self._config.text.pad_id, np.int32)
        steps = [[np.zeros((1, self._network.units), np.float32) for _ in starts]]
        while len(steps) <= self._config.text.maxlen:
            states = dict(zip(starts, steps[-1], strict=True))
            steps.append(self._sessions[forms.chain].run({"ids": padding, **states}, ends))
            if all(map(np.array_equal, steps[-1], steps[-2])):
                break
        return {name: np.concatenate([step[i] for step in steps]) for i, name in enumerate(starts)}


def _checked(
    session: Session, inputs: dict[str, Array], config: ClassifierConfig, texts: int
) -> NDArray[np.float32]:
    """Run a session, and raise CorruptModelError unless it gives probabilities."""
    (output,) = session.run(inputs, ["scores"])
    # Written so that a NaN fails as well.
    if not (output.shape == (texts, config.outputs) and _are_probabilities(output)):
        raise CorruptModelError("the network's scores aren't probabilities")
    return probabilities(output)


def _are_probabilities(output: NDArray[np.float32]) -> bool:
    if output.size == 1:
        return bool(0 <= output.item() <= 1)
    return not output.size or bool(output.min() >= 0 and output.max() <= 1)
