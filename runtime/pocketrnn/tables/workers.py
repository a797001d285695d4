"""Score blocks on several cores, in order, and with the same results as on one.

A block is cut into shares, the same ones for any number of workers, and a share is scored whole;
so scores don't depend on who does it. All workers have the shares of one block, then of the next,
so that no more than a window is in memory, or lost at a sudden end, however many workers there are.

Workers are processes, as tokenizing is Python and holds the interpreter's lock; they are spawned,
not forked, as onnxruntime has threads of its own. The calling process scores too, when it has
nothing to read or write: `workers` processes in all.
"""

import contextlib
import multiprocessing
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..classify.model import Classifier, load
from ..errors import PocketRNNError, WorkerError
from .block import WINDOW, Block

# A share of a block ends when it reaches one of these. Enough that sending it takes little of
# its time, few enough that the workers are done with a block at nearly the same time.
_ROWS = 512
_CHARACTERS = 1 << 20

# Seconds after which a thread gets the interpreter from another one. It takes several turns to give
# a process its next share, each of Python's usual 5 ms while this one reads CSV, and the process
# would be done with the one before: the wait for a share fell by 2 of 6 ms.
_SWITCH = 0.0005

# Scores of so many bytes fit into a pipe before it is read: it is a pair of sockets that take 8 KB
# on macOS, a named pipe of 8 KB on Windows; pickle's header needs room as well.
_PIPE = 1 << 12

_Scores = NDArray[np.float32]


def scored(
    blocks: Iterable[Block], model: Classifier, workers: int
) -> Generator[tuple[Block, _Scores], None, None]:
    """Yield each block with the scores of the texts in it that can be scored, in order.

    An error in reading is raised after all blocks before it. Raises WorkerError if a process
    ends.
    """
    pending: deque[tuple[Block, list[_Share]]] = deque()
    # The other processes have the rest of a window while this one reads and writes.
    ahead = WINDOW - 1 if workers > 1 else 0
    more, stopped = True, None
    with _Crew(model, workers - 1) as crew:
        begun = map(crew.begin, blocks)
        while more or pending:
            before = len(pending)
            try:
                # Without a variable, which would hold the block while the next one is read.
                pending.extend(islice(begun, 1))
            except PocketRNNError as error:
                stopped = error
            more = len(pending) > before
            # A full window is a reason to start a process; less isn't.
            if more and before == ahead:
                crew.grow()
            if len(pending) > (ahead if more else 0):
                yield crew.finish(*pending.popleft())
    if stopped is not None:
        raise stopped


class _Share(NamedTuple):
    """Some texts of a block."""

    rows: NDArray[np.intp]  # which ones
    texts: list[str]
    scores: Future[_Scores]


def _cut(texts: Sequence[str]) -> Iterator[NDArray[np.intp]]:
    """Yield the texts' numbers, a share at a time: of like length, so that little is padded."""
    lengths = np.array([len(text) for text in texts], np.int64)
    order = np.argsort(-lengths, kind="stable")
    first = size = 0
    for i, length in enumerate(lengths[order].tolist(), 1):
        size += length
        if i - first >= _ROWS or size >= _CHARACTERS or i == len(order):
            yield order[first:i]
            first, size = i, 0


class _Crew:
    """The processes that score; all but this one are started one by one, as there is work."""

    def __init__(self, model: Classifier, most: int) -> None:
        self._model = model
        self._most = most
        self._context = multiprocessing.get_context("spawn")
        self._switch = sys.getswitchinterval()
        self._started: list[tuple[Any, Connection, threading.Thread]] = []
        self._waiting: queue.SimpleQueue[_Share | None] = queue.SimpleQueue()

    def __enter__(self) -> "_Crew":
        return self

    def __exit__(self, *error: object) -> None:
        sys.setswitchinterval(self._switch)
        for process, _, _ in self._started:
            process.terminate()
            self._waiting.put(None)
        for process, connection, thread in self._started:
            thread.join()
            connection.close()
            process.join()

    def grow(self) -> None:
        """Start another process, if there may be one more."""
        if len(self._started) == self._most:
            return
        sys.setswitchinterval(_SWITCH)
        ours, theirs = self._context.Pipe()
        # The model goes through the pipe like what it scores: an argument that doesn't fit into
        # the one of `start` would be waited for in vain if the process ended.
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        try:
            with _interrupts_later():
                process.start()
        except OSError as error:
            raise WorkerError(
                f"can't start a worker process ({error.strerror or error}); go on with --resume, "
                "perhaps with fewer --workers"
            ) from error
        theirs.close()  # so that we see the end of the process as the end of the pipe
        # The thread sends it shares and waits for their scores.
        thread = threading.Thread(target=self._employ, args=(process, ours), daemon=True)
        thread.start()
        self._started.append((process, ours, thread))

    def begin(self, block: Block) -> tuple[Block, list[_Share]]:
        """Have a block's texts scored, after those of the blocks before."""
        texts = block.to_score()
        shares = [_Share(rows, [texts[i] for i in rows], Future()) for rows in _cut(texts)]
        for share in shares:
            self._waiting.put(share)
        return block, shares

    def finish(self, block: Block, shares: list[_Share]) -> tuple[Block, _Scores]:
        """Return a block and its scores, taking part in scoring until they are there."""
        while not all(share.scores.done() for share in shares) and (free := self._take()):
            free.scores.set_result(self._model.scores(free.texts))
        count = sum(len(share.rows) for share in shares)
        scores = np.empty((count, len(self._model.labels)), np.float32)
        for share in shares:
            scores[share.rows] = share.scores.result()
        return block, scores

    def _take(self) -> _Share | None:
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None

    def _employ(self, process: Any, connection: Connection) -> None:
        """Have a process score what waits, until a None comes or the process ends."""
        # It gets a share while it still has another, so that it needn't wait for this thread, and
        # that for the interpreter's lock. The scores must fit into the pipe meanwhile.
        most = 2 if 4 * len(self._model.labels) * _ROWS <= _PIPE else 1
        sent: deque[_Share] = deque()
        try:
            _send(connection, self._model.data)
            while True:
                while len(sent) < most:
                    try:
                        share = self._waiting.get(block=not sent)
                    except queue.Empty:
                        break
                    if share is None:  # nobody waits for what is sent
                        return
                    sent.append(share)
                    _send(connection, share.texts)
                share = None  # let go of with its texts, once it is scored
                scores = _receive(process, connection)
                sent.popleft().scores.set_result(scores)
        except Exception as error:  # noqa: BLE001 (raised where the scores are waited for)
            for share in sent:
                share.scores.set_exception(error)


def _send(connection: Connection, message: bytes | list[str]) -> None:
    with contextlib.suppress(OSError):  # a process that has ended may have said why
        connection.send(message)


def _receive(process: Any, connection: Connection) -> _Scores:
    try:
        answer: _Scores | str = connection.recv()
    except (EOFError, OSError) as error:
        process.join(1)
        raise WorkerError(
            f"a worker process ended (exit code {process.exitcode}; is memory short, or does a "
            "script lack its `if __name__ == '__main__':`?); go on with --resume, perhaps with "
            "fewer --workers"
        ) from error
    if isinstance(answer, str):
        raise WorkerError(f"a worker process failed: {answer}; go on with --resume")
    return answer


def _serve(connection: Connection) -> None:
    """Score what comes behind the model, until the other side closes the connection or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process we work for
    with contextlib.suppress(EOFError, OSError):
        try:
            model = load(connection.recv())
            while True:
                connection.send(model.scores(connection.recv()))
        except (PocketRNNError, MemoryError) as error:
            connection.send(f"{type(error).__name__}: {error}")


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
