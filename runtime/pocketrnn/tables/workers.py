"""Run a function over blocks on several cores, in order, with the same results as on one.

A block is cut into shares, the same ones for any number of workers, and a share is computed whole;
so values don't depend on who computes it. Workers are processes, as tokenizing is Python and holds
the interpreter's lock; they are spawned, not forked, as onnxruntime has threads of its own. The
calling process computes too, when it has nothing to read or write: `workers` processes in all.
"""

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, MutableMapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import resource_tracker
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, PocketRNNError, WorkerError
from .block import UNDER_WAY, Block, Function

# A share of a block ends when it reaches one of these. Enough that sending it takes little of
# its time, few enough that the workers are done with a block at nearly the same time.
_ROWS = 512
_CHARACTERS = 1 << 20

_Values = list[NDArray[Any]]

# Of the values of a column, by its kind.
_DTYPES = {"text": object, "float": np.float32, "count": np.int32}

_log = logging.getLogger("pocketrnn")


def computed(
    blocks: Iterable[Block], function: Function, workers: int
) -> Generator[tuple[Block, _Values], None, None]:
    """Yield each block with the values of its rows that have no problem, in order.

    There is an array for each column of the function, of objects for text or of numbers. An error
    in reading is raised after all blocks before it. Raises WorkerError if a process ends.
    """
    if type(workers) is not int or workers < 1:
        raise ConfigError(f"workers must be a whole number from 1, not {workers!r}")
    if workers > 1 and multiprocessing.current_process().daemon:
        _log.warning("a daemonic process may start no others: it scores by itself (workers=1)")
        workers = 1
    pending: deque[tuple[Block, list[_Share]]] = deque()
    # The other processes have the other blocks while this one reads and writes.
    ahead = UNDER_WAY - 1 if workers > 1 else 0
    more, stopped, begun = True, None, 0
    with _Crew(function, workers - 1) as crew:
        cut = ((block, _shares(block)) for block in blocks)
        while more or pending:
            before = len(pending)
            try:
                # Without a variable, which would hold the block while the next one is read.
                pending.extend(islice(cut, 1))
            except PocketRNNError as error:
                stopped = error
            more = len(pending) > before
            # So many blocks are a reason to start processes; fewer aren't.
            if workers > 1 and more and len(pending) == UNDER_WAY:
                crew.employ(
                    chain.from_iterable(shares for _, shares in islice(pending, begun, None))
                )
                begun = UNDER_WAY - 1
            if len(pending) > (ahead if more else 0):
                yield crew.finish(*pending.popleft())
    if stopped is not None:
        raise stopped


@dataclass(eq=False, slots=True)
class _Share:
    """Some texts of a block."""

    rows: NDArray[np.intp]  # which ones
    texts: list[str]
    future: Future[list[Any] | None] | None = None  # its values, if another process has it
    values: list[Any] | None = None

    def is_done(self) -> bool:
        return self.values is not None or (self.future is not None and self.future.done())


def _shares(block: Block) -> list[_Share]:
    """Cut the texts that can be scored into shares, of like length, so that little is padded."""
    good = block.good()
    lengths = np.array([len(block.texts[i]) for i in good], np.int64)
    order = np.argsort(-lengths, kind="stable")
    shares, first, size = [], 0, 0
    for i, length in enumerate(lengths[order].tolist(), 1):
        size += length
        if i - first >= _ROWS or size >= _CHARACTERS or i == len(order):
            rows = order[first:i]
            shares.append(_Share(rows, [block.texts[good[row]] for row in rows]))
            first, size = i, 0
    return shares


class _Crew:
    """The other processes that compute, started one by one, as there is work."""

    def __init__(self, function: Function, most: int) -> None:
        self._function = function
        self._most = most
        self._pool: ProcessPoolExecutor | None = None
        self._processes: MutableMapping[int, Any] = {}
        # Shares that nobody has begun. A pool's own can't be taken back: in Python before 3.12.1
        # one that was cancelled makes the end of a process a wait for ever.
        self._waiting: deque[_Share] = deque()
        self._sent: list[Future[Any]] = []  # what the pool has to do
        self._unloaded = most  # processes that may not have the function

    def __enter__(self) -> "_Crew":
        return self

    def __exit__(self, *error: object) -> None:
        """End all at once: whoever has a share has it in vain, or doesn't answer."""
        self._waiting.clear()
        if self._pool is not None:
            for process in list(self._processes.values()):
                process.kill()
            self._pool.shutdown()

    def employ(self, shares: Iterable[_Share]) -> None:
        """Have shares computed by whoever is free first."""
        if self._pool is None:
            self._pickled = pickle.dumps(self._function)
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._most, context, _begin)
            # Python 3.14 has `kill_workers`; until then, only this tells who they are.
            self._processes = self._pool._processes
        self._waiting.extend(shares)
        self._send()

    def finish(self, block: Block, shares: list[_Share]) -> tuple[Block, _Values]:
        """Return a block and its values, taking part in computing until they are there."""
        if self._pool is None:
            self._waiting.extend(shares)
        while self._waiting and not all(share.is_done() for share in shares):
            share = self._waiting.popleft()
            share.values = list(self._function(share.texts))
            self._send()
        values: _Values = [
            np.empty(len(block) - len(block.problems), _DTYPES[kind])
            for _, kind, _ in self._function.columns
        ]
        for share in shares:
            for column, some in zip(values, self._result(share), strict=True):
                column[share.rows] = some
        return block, values

    def _send(self) -> None:
        """Give each other process a share, and the next one for when it is done."""
        if self._pool is None:
            return
        self._sent = [future for future in self._sent if not future.done()]
        try:
            with _interrupts_later():
                while self._waiting and len(self._sent) < 2 * self._most:
                    share = self._waiting.popleft()
                    # Most probably, each process gets one of the first shares.
                    function = self._pickled if self._unloaded > 0 else b""
                    share.future = self._pool.submit(_compute, share.texts, function)
                    self._unloaded -= 1
                    self._sent.append(share.future)
        except BrokenProcessPool as error:
            raise self._ended() from error
        except OSError as error:
            raise WorkerError(
                f"can't start a worker process ({error.strerror or error}); go on with "
                "resume=True, perhaps with fewer workers"
            ) from error

    def _result(self, share: _Share) -> list[Any]:
        values = share.values
        try:
            if values is None and share.future is not None:
                values = share.future.result()
            if values is None:  # the process hasn't got the function yet
                assert self._pool is not None  # noqa: S101
                values = self._pool.submit(_compute, share.texts, self._pickled).result()
        except BrokenProcessPool as error:
            raise self._ended() from error
        except (PocketRNNError, MemoryError) as error:
            raise WorkerError(
                f"a worker process failed: {type(error).__name__}: {error}; go on with resume=True"
            ) from error
        assert values is not None  # noqa: S101
        return values

    def _ended(self) -> WorkerError:
        for process in list(self._processes.values()):
            process.join(1)
        codes = {process.exitcode for process in list(self._processes.values())} - {None}
        return WorkerError(
            f"a worker process ended (exit code {min(codes, default='unknown')}; is memory short, "
            "or does a script lack its `if __name__ == '__main__':`?); go on with resume=True, "
            "perhaps with fewer workers"
        )


_function: Function | None = None  # of a worker process


def _begin() -> None:
    """Leave Ctrl-C to the process that this one works for, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _compute(texts: list[str], function: bytes) -> list[Any] | None:
    """Return the function's values of some texts, or None where the function isn't there yet.

    The function comes with a share and not when the process starts: what is sent then must fit
    into a pipe, or would be waited for in vain if the process ended.
    """
    global _function
    if _function is None:
        if not function:
            return None
        _function = pickle.loads(function)  # noqa: S301 (from the process that started this one)
    return list(_function(texts))


@contextlib.contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold SIGINT back, and from processes started meanwhile, where the system can."""
    if not hasattr(signal, "pthread_sigmask") or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    resource_tracker.ensure_running()  # which would let SIGINT through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
