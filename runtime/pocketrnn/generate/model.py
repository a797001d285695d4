"""The model that a person holds: a prompt in, texts that go on from it out."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config import check, in_chunks, whole_number
from ..errors import CorruptModelError, TextError
from ..loading import Model
from ..modelfile import ModelFile, forms, onnx
from ..modelfile.graph import generator
from ..tables.block import Column, Function
from .file import TASK, read
from .sampling import Options, Sampling, uniform

State = list[NDArray[np.float32]]
"""What the network remembers of texts: an array (texts, units) for each layer, or two for LSTM."""

Logits = NDArray[np.float32]

_Step = tuple[NDArray[np.int64], NDArray[np.int64]]  # texts that are still going, an id for each

# Texts that are generated or scored side by side: with more, the state leaves the cache.
_TEXTS = 256

# Logits that one run of the graph may make: 4 MB.
_LOGITS = 1 << 20

# Characters of a prompt, and texts, that become ids together.
_ENCODED = 4096

# Draws that are computed ahead for each text.
_DRAWS = 64

# Beginnings that `suggest` follows at a time.
_BEAM = 16


class Generator(Model):
    """A loaded model; many threads may use one at once, and it can be pickled and copied."""

    TASK = TASK

    def __init__(self, file: ModelFile, *, threads: int = 1, trusted: bool = False) -> None:
        """Check the file and make it ready to run; `pocketrnn.load` makes one from a path."""
        super().__init__(file, threads=threads, trusted=trusted)
        self.config, self.alphabet, self.test_cases = read(file)
        network, graph = self.config.network, self.config.graph()
        self._sessions = forms.Sessions(file.weights(graph), threads, network, self.config.ids)
        self._before = [value.name for value in graph.inputs[1:]]

    def __repr__(self) -> str:
        kind = "running text" if self.config.stop is None else "lines"
        count, size = self.config.characters, len(self.data) / 1e6
        return (
            f"<Generator: {kind}; {count:,} {self.config.unit}; {size:.2f} MB; {self.sha256[:12]}>"
        )

    def function(self, *, prefix: str, **options: Any) -> Function:
        """Return what `score_file` runs over texts: it adds bits a character."""
        given = [name for name, value in options.items() if value]
        check(not given, f"a generator has no labels, so there is nothing for {', '.join(given)}")
        return Bits(self, prefix)

    @property
    def parts(self) -> str:
        return f"{self.config.characters:,} {self.config.unit}, {self.config.ids:,} rows of weights"

    def differences(self) -> list[float]:
        """Return how far the logits after each test case's prompt are from the stored ones."""
        return [
            difference(self.start(case.prompt)[0], np.array([case.logits], np.float32))
            for case in self.test_cases
        ]

    # -- whole texts ----------------------------------------------------------------------------

    @overload
    def generate(self, prompt: str = "", n: None = None, **options: Unpack[Options]) -> str: ...
    @overload
    def generate(self, prompt: str = "", *, n: int, **options: Unpack[Options]) -> list[str]: ...
    def generate(
        self, prompt: str = "", n: int | None = None, **options: Unpack[Options]
    ) -> str | list[str]:
        """Return `prompt` and what follows it: one text, or with `n` a list of so many.

        A text ends after `length` (200) more characters (bytes, if those have the ids), where the
        model ends it, or before the text `stop`, which is looked for in what is new. `temperature`
        (1) 0 takes the most probable character each time; with a higher one, less probable
        ones come more often. `top_k` draws from the k most probable characters (0: all), `top_p`
        (1) from so many as reach that probability.

        A `seed` from 0 to 2**64 - 1 stands for the same text always, and text i is the same
        whatever `n` is: draws are the same to the bit. Another machine, or another number of
        texts side by side, may round logits otherwise (by 1e-6), so once in about a million
        characters a draw may fall on the other side of an edge. Without a seed, each call differs.

        Raises TextError for a prompt that isn't a str, ConfigError for settings that mean nothing.
        """
        count = 1 if n is None else whole_number(n, "n must be 0 or more")
        sampling = Sampling(**options)
        end = self.alphabet.encode(sampling.stop or "").tolist()
        logits, state = self.start(prompt)
        texts: list[str] = []
        most = self._side_by_side
        for first in range(0, count, most):
            numbers = np.arange(first, min(first + most, count))
            ids: list[list[int]] = [[] for _ in numbers]
            for going, drawn in self._steps(logits, state, numbers, sampling, end):
                for text, one in zip(going.tolist(), drawn.tolist(), strict=True):
                    ids[text].append(one)
            texts += [prompt + self.alphabet.decode(self._without_end(own, end)) for own in ids]
        return texts[0] if n is None else texts

    def stream(self, prompt: str = "", **options: Unpack[Options]) -> Iterator[str]:
        """Yield the prompt, then each character as it comes; joined they are `generate`'s text.

        With `stop`, a character comes once it is clear that it doesn't begin it.
        """
        sampling = Sampling(**options)
        end = self.alphabet.encode(sampling.stop or "").tolist()
        logits, state = self.start(prompt)
        steps = self._steps(logits, state, np.zeros(1, np.int64), sampling, end)
        return self._pieces(prompt, steps, end)

    def _pieces(self, prompt: str, steps: Iterator[_Step], end: list[int]) -> Iterator[str]:
        if prompt:
            yield prompt
        decode, held = self.alphabet.decoder(), list[int]()
        for _, ids in steps:
            if len(held) >= max(len(end), 1) and (piece := decode([held.pop(0)], False)):
                yield piece
            held += ids.tolist()
        if piece := decode(self._without_end(held, end), True):
            yield piece

    def _without_end(self, ids: list[int], end: list[int]) -> list[int]:
        """Return the ids of a text without what ended it."""
        if ids and ids[-1] == self.config.stop:
            return ids[:-1]
        return ids[: -len(end)] if end and ids[-len(end) :] == end else ids

    def _steps(
        self,
        logits: Logits,
        state: State,
        numbers: NDArray[np.int64],
        sampling: Sampling,
        end: list[int],
    ) -> Iterator[_Step]:
        """Yield, step by step, the texts that are still going and the id that each one gets.

        `logits` (1, ids) and `state` are those of the prompt; `numbers` say which streams of
        draws the texts have. The last id of a text may be `stop`, or the last one of `end`.
        """
        texts, recent = np.arange(len(numbers)), np.full((len(numbers), len(end)), -1)
        logits = logits.repeat(len(numbers), axis=0)
        state = [part.repeat(len(numbers), axis=0) for part in state]
        for position in range(sampling.length):
            if position % _DRAWS == 0:
                draws = uniform(sampling.seed, numbers, position, _DRAWS)
            ids = sampling.choose(logits[:, : self.config.drawn], draws[:, position % _DRAWS])
            yield texts, ids
            going = ids != self.config.stop
            if end:
                recent = np.column_stack([recent[:, 1:], ids])
                going &= (recent != end).any(axis=1)
            if position + 1 == sampling.length or not going.any():
                return
            if not going.all():
                texts, numbers, ids = texts[going], numbers[going], ids[going]
                draws, recent = draws[going], recent[going]
                state = [part[going] for part in state]
            logits, state = self._next(ids, state)

    # -- completions ------------------------------------------------------------------------------

    def suggest(self, prompt: str, n: int = 3, *, length: int = 24) -> list[str]:
        """Return up to `n` of the most probable ways to go on from `prompt`, the best one first.

        Each is the prompt with at least one more character: up to the end of the word in running
        text, to that of the line where the model ends lines, of at most `length` more. Found by
        beam search, so the same each time.
        """
        n = whole_number(n, "n must be 1 or more", 1)
        length = whole_number(length, "length must be 0 or more")
        drawn, stop = self.config.drawn, self.config.stop
        ends = np.array(self.alphabet.spaces if stop is None else [stop], np.int64)
        logits, state = self.start(prompt)
        made, scores = np.zeros((1, 0), np.int64), np.zeros(1)
        found: list[tuple[float, list[int]]] = []
        for position in range(length):
            totals = scores[:, None] + log_probabilities(logits)[:, :drawn]
            if position:
                finished = np.logaddexp.reduce(totals[:, ends], axis=1, initial=-np.inf)
                found += zip(finished.tolist(), made.tolist(), strict=True)
                found = sorted(found, key=lambda pair: -pair[0])[:n]
            totals[:, ends] = -np.inf
            best = np.argsort(-totals, axis=None, kind="stable")[: max(_BEAM, n)]
            best = best[totals.ravel()[best] > (found[-1][0] if len(found) == n else -np.inf)]
            if not len(best):
                break
            rows, ids = np.divmod(best, drawn)
            made, scores = np.column_stack([made[rows], ids]), totals.ravel()[best]
            logits, state = self._next(ids, [part[rows] for part in state])
        else:
            found += zip(scores.tolist(), made.tolist(), strict=True)
        found.sort(key=lambda pair: -pair[0])
        # Bytes may be cut within a character, which is left out.
        texts = (prompt + self.alphabet.decoder()(ids, False) for _, ids in found if ids)
        return [text for text in dict.fromkeys(texts) if text != prompt][:n]

    # -- how usual a text is ----------------------------------------------------------------------

    @overload  # a str is an Iterable[str] too; the first that fits is meant
    def bits(self, texts: str) -> float: ...  # type: ignore[overload-overlap]
    @overload
    def bits(self, texts: Iterable[str]) -> NDArray[np.float64]: ...
    def bits(self, texts: str | Iterable[str]) -> float | NDArray[np.float64]:
        """Return how many bits a character of a text, or of each of several, holds: (texts,).

        That is the mean of -log2 of the probability that the model gave each character, and the
        end where it ends lines, after those before it: the more, the less usual a text is. An
        unknown character counts with the probability of any unknown one. NaN for a text of which
        nothing is predicted: an empty part of running text. Raises TextError for what isn't a str.
        """
        if isinstance(texts, str):
            return float(self._bits([texts])[0])
        return np.concatenate([np.zeros(0), *map(self._bits, in_chunks(texts, _ENCODED))])

    def _bits(self, texts: list[str]) -> NDArray[np.float64]:
        """Return the bits of texts, those of like length side by side."""
        encoded = [self.alphabet.encode(text) for text in texts]
        last = [] if self.config.stop is None else [self.config.stop]
        lengths = np.array([len(ids) + len(last) for ids in encoded])
        order = np.argsort(-lengths, kind="stable")
        nats = np.zeros(len(texts))
        first = 0
        while first < len(order):
            time = int(lengths[order[first]]) + 1
            rows = order[first : first + max(1, min(self._side_by_side, _LOGITS // time))]
            first += len(rows)
            ids = np.full((len(rows), time), self.config.start, np.int32)
            for row, text in zip(ids, rows, strict=True):
                row[1 : lengths[text] + 1] = [*encoded[text], *last]
            nats[rows] = self._nats(ids, lengths[rows])
        bits: NDArray[np.float64] = np.full(len(texts), np.nan)
        np.divide(nats, lengths * np.log(2), out=bits, where=lengths > 0)
        return bits

    def _nats(self, ids: NDArray[np.int32], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the nats (texts,) of the ids behind the first: (texts, time), longest first."""
        nats, time = np.zeros(len(ids)), 0
        state: State | None = None
        while count := int((lengths > time).sum()):
            end = min(time + max(1, _LOGITS // (count * self.config.ids)), int(lengths[0]))
            state = [part[:count] for part in state] if state else None
            logits, state = self.run(ids[:count, time:end], state)
            following = ids[:count, time + 1 : end + 1, None]
            found = np.take_along_axis(log_probabilities(logits), following, axis=2)[..., 0]
            nats[:count] -= np.where(np.arange(time, end) < lengths[:count, None], found, 0).sum(1)
            time = end
        return nats

    # -- a step at a time -------------------------------------------------------------------------

    def start(self, prompt: str = "", texts: int = 1) -> tuple[Logits, State]:
        """Return the logits, float32 (texts, ids), of what follows `prompt`, and the state.

        The state is that of as many texts as asked for, all with this prompt; `alphabet` turns
        characters into ids and back. Raises TextError for a prompt that isn't a str.
        """
        texts = whole_number(texts, "texts must be 1 or more", 1)
        if not isinstance(prompt, str):
            raise TextError(f"a prompt must be a str, not {type(prompt).__name__}")
        logits, state = self._next(np.array([self.config.start]))
        steps = max(1, _LOGITS // self.config.ids)
        for first in range(0, len(prompt), _ENCODED):
            ids = self.alphabet.encode(prompt[first : first + _ENCODED])
            for begin in range(0, len(ids), steps):
                whole, state = self.run(ids[None, begin : begin + steps], state)
                logits = whole[:, -1]
        return logits.repeat(texts, axis=0), [part.repeat(texts, axis=0) for part in state]

    def step(self, state: State, ids: ArrayLike) -> tuple[Logits, State]:
        """Return the logits, float32 (texts, ids), of what follows one more id of each text.

        `state` isn't changed, so it can be gone on from more than once. Raises ConfigError for
        another state than `start` and `step` return, and for ids that the model doesn't have, or
        that aren't one for each text.
        """
        fits = isinstance(state, list | tuple) and len(state) == len(self._before)
        fits = fits and len({np.shape(part) for part in state}) == 1
        fits = fits and np.shape(state[0])[1:] == (self.config.network.units,)
        check(fits, "state must be what start or step returned")
        given = np.asarray(ids)
        fits = given.shape == (len(state[0]),) and np.issubdtype(given.dtype, np.integer)
        check(fits, f"ids must be whole numbers, one for each of {len(state[0])} texts")
        most = self.config.ids - 1
        check(bool(((given >= 0) & (given <= most)).all()), f"ids must be from 0 to {most}")
        return self._next(given, state)

    @property
    def _side_by_side(self) -> int:
        return max(1, min(_TEXTS, _LOGITS // self.config.ids))

    def _next(self, ids: NDArray[Any], state: State | None = None) -> tuple[Logits, State]:
        """Return the logits (texts, ids) after one more id of each text: (texts,)."""
        return self._run(forms.step, ids.astype(np.int32), state)

    def run(self, ids: NDArray[np.int32], state: State | None = None) -> tuple[Logits, State]:
        """Run the graph as it is, from `state` or from nothing.

        `ids` is (texts, time), and must be those of the model; the logits of what follows each
        one are float32 (texts, time, ids).
        """
        return self._run(generator, ids, state)

    def _run(
        self, form: Callable[..., onnx.Graph], ids: NDArray[np.int32], state: State | None
    ) -> tuple[Logits, State]:
        if state is None:
            zeros = np.zeros((len(ids), self.config.network.units), np.float32)
            state = [zeros] * len(self._before)
        given = {"ids": ids, **dict(zip(self._before, state, strict=True))}
        logits, *after = self._sessions[form].run(given)
        return _finite(logits), after


class Bits:
    """From texts to how many bits a character of each holds."""

    def __init__(self, model: Generator, prefix: str) -> None:
        self.model = model
        self.columns = (Column(f"{prefix}bits", "float"),)
        self.identity = {"model": model.sha256}

    def __call__(self, texts: list[str]) -> list[Any]:
        return [self.model.bits(texts)]


def log_probabilities(logits: Logits) -> Logits:
    """Return the natural logarithm of the probability of each id, along the last axis."""
    shifted: Logits = logits - logits.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def difference(found: Logits, expected: Logits) -> float:
    """Return the largest difference of any logit.

    It is relative to the largest logit of the same step, where that is over 1: it is float32's
    steps there that the order of operations may change, and at 30 they are 2e-6. Raises
    CorruptModelError where one isn't a finite number.
    """
    largest = np.maximum(np.abs(expected).max(axis=-1, keepdims=True), 1)
    return float((np.abs(_finite(found) - _finite(expected)) / largest).max())


def _finite(logits: Logits) -> Logits:
    """Return logits. Raises CorruptModelError for some that aren't finite numbers."""
    if not np.isfinite(logits).all():
        raise CorruptModelError("the network's logits aren't finite numbers")
    return logits
