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
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, MutableMapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import whole_number
from ..errors import PocketRNNError, WorkerError
from .block import UNDER_WAY, Block, Function

# A share of a block ends when it reaches one of these. Enough that sending it takes little of
# its time, few enough that the workers are done with a block at nearly the same time.
_ROWS = 512
_CHARACTERS = 1 << 20

_Values = list[NDArray[Any]]

# Seconds in which the processes of a broken pool should end.
_ENDING = 5

# Of the values of a column, by its kind.
_DTYPES = {"text": object, "float": np.float32, "count": np.int32}

_log = logging.getLogger("pocketrnn")


def computed(
    blocks: Iterable[Block], function: Function, workers: int
) -> Generator[tuple[Block, _Values], None, None]:
    """Yield each block with the values of its rows, in order.

    There is an array for each column of the function, of objects for text or of numbers, with a
    cell for each row, which means nothing where that has a problem. An error in reading is raised
    after all blocks before it. Raises WorkerError if a process ends.
    """
    workers = whole_number(workers, "workers must be a whole number from 1", 1)
    if workers > 1 and multiprocessing.current_process().daemon:
        _log.warning("a daemonic process may start no others: it scores by itself (workers=1)")
        workers = 1
    # The other processes have the other blocks while this one reads and writes. So many blocks are
    # a reason to start processes; fewer aren't.
    most = UNDER_WAY if workers > 1 else 1
    pending: deque[tuple[Block, list[_Share]]] = deque()
    stopped: list[PocketRNNError] = []

    def read() -> Iterator[Block]:
        try:
            yield from blocks
        except PocketRNNError as error:
            stopped.append(error)

    with contextlib.closing(_Crew(function, workers - 1)) as crew:
        for block in read():
            pending.append((block, crew.share(block)))
            del block  # not to be held while the next one is read
            if len(pending) == most:
                if workers > 1:
                    crew.employ()
                yield crew.finish(*pending.popleft())
        while pending:
            yield crew.finish(*pending.popleft())
    if stopped:
        raise stopped[0]


@dataclass(eq=False, slots=True)
class _Share:
    rows: list[int]  # of the block, which they are from
    texts: list[str]
    future: Future[list[Any]] = field(default_factory=Future)  # its values


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

    def close(self) -> None:
        """End all at once: whoever has a share has it in vain, or doesn't answer."""
        self._waiting.clear()
        if self._pool is not None:
            for process in list(self._processes.values()):
                process.kill()
            self._pool.shutdown()
            self._functions.cancel_join_thread()  # what is left in it nobody takes
            self._functions.close()

    def share(self, block: Block) -> list[_Share]:
        """Cut the texts that can be scored into shares, which whoever is free first computes."""
        # Of like length, so that little is padded.
        order = sorted(block.good(), key=lambda row: -len(block.texts[row]))
        shares, first, size = list[_Share](), 0, 0
        for i, row in enumerate(order, 1):
            size += len(block.texts[row])
            if i - first >= _ROWS or size >= _CHARACTERS or i == len(order):
                rows = order[first:i]
                shares.append(_Share(rows, [block.texts[row] for row in rows]))
                first, size = i, 0
        self._waiting.extend(shares)
        return shares

    def employ(self) -> None:
        """Have the other processes take part."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            # Not an argument of the processes: what is sent as they start must fit into a pipe,
            # or would be waited for in vain if one ended.
            self._functions = context.Queue()
            pickled = pickle.dumps(self._function)
            for _ in range(self._most):
                self._functions.put(pickled)
            self._pool = ProcessPoolExecutor(self._most, context, _begin, (self._functions,))
            # Python 3.14 has `kill_workers`; until then, only this tells who they are.
            self._processes = self._pool._processes
        self._send()

    def finish(self, block: Block, shares: list[_Share]) -> tuple[Block, _Values]:
        """Return a block and its values, taking part in computing until they are there."""
        while self._waiting and not all(share.future.done() for share in shares):
            share = self._waiting.popleft()
            share.future.set_result(list(self._function(share.texts)))
            self._send()
        kinds = [_DTYPES[kind] for _, kind, _ in self._function.columns]
        values: _Values = [np.zeros(len(block), kind) for kind in kinds]
        for share in shares:
            for column, some in zip(values, self._result(share.future), strict=True):
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
                    share.future = self._pool.submit(_compute, share.texts)
                    self._sent.append(share.future)
        except BrokenProcessPool as error:
            raise self._ended() from error
        except OSError as error:
            raise WorkerError(
                f"can't start a worker process ({error.strerror or error}); go on with "
                "resume=True, perhaps with fewer workers"
            ) from error

    def _result(self, future: Future[list[Any]]) -> list[Any]:
        try:
            return future.result()
        except BrokenProcessPool as error:
            raise self._ended() from error
        except (PocketRNNError, MemoryError) as error:
            raise WorkerError(
                f"a worker process failed: {type(error).__name__}: {error}; go on with resume=True"
            ) from error

    def _ended(self) -> WorkerError:
        processes = list(self._processes.values())
        until = time.monotonic() + _ENDING
        while any(process.exitcode is None for process in processes) and time.monotonic() < until:
            time.sleep(0.01)
        codes = {process.exitcode for process in processes} - {None}
        # A broken pool ends its other processes, with SIGTERM.
        codes = codes - {-signal.SIGTERM} or codes
        return WorkerError(
            f"a worker process ended (exit code {min(codes, default='unknown')}; is memory short, "
            "or does a script lack its `if __name__ == '__main__':`?); go on with resume=True, "
            "perhaps with fewer workers"
        )


# Of a worker process: what it computes, once it has taken that from the queue.
_function: Function | None = None
_functions: Any = None


def _begin(functions: Any) -> None:
    """Leave Ctrl-C to the process that this one works for, and end with it."""
    global _functions
    _functions = functions
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # held back when this process was started
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _compute(texts: list[str]) -> list[Any]:
    global _function
    if _function is None:
        _function = pickle.loads(_functions.get())  # noqa: S301 (from our parent)
    return list(_function(texts))


@contextlib.contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back, and from processes started meanwhile, where the system can."""
    if not hasattr(signal, "pthread_sigmask") or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    resource_tracker.ensure_running()  # which would let SIGINT through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
