"""Score windows on several cores, in order, and with the same results as on one.

A window is always scored whole, so its scores don't depend on who scores it. Workers are
processes, as tokenizing is Python and holds the interpreter's lock; they are spawned, not
forked, as onnxruntime has threads of its own. The calling process scores too, when the others
have enough to do: `workers` processes in all.
"""

import contextlib
import multiprocessing
import queue
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import PocketRNNError, WorkerError
from .model import Model, load
from .window import Window

# Windows that wait for each process: one in work, and one that it can start on at once.
_AHEAD = 2

_Scores = NDArray[np.float32]


def scored(
    windows: Iterable[Window], model: Model, data: bytes, workers: int
) -> Generator[tuple[Window, _Scores], None, None]:
    """Yield each window with the scores of the texts in it that can be scored, in order.

    `data` are the bytes of the model's file, for the other processes. An error in reading is
    raised after all windows before it. Raises WorkerError if a process ends.
    """
    pending: deque[tuple[Window, Future[_Scores]]] = deque()
    with _Processes(data, workers - 1) as processes:
        try:
            for window, last in _marking_last(windows):
                while pending and pending[0][1].done():
                    done, future = pending.popleft()
                    yield done, future.result()
                # The last window is no reason to start a process: there's nothing else to do.
                if last or not processes.ready():
                    future = Future()
                    future.set_result(model.scores(window.to_score()))
                else:
                    future = processes.submit(window.to_score())
                pending.append((window, future))
                if len(pending) > _AHEAD * workers:
                    done, future = pending.popleft()
                    yield done, future.result()
        except PocketRNNError as error:
            if isinstance(error, WorkerError):
                raise
            for done, future in pending:
                yield done, future.result()
            raise
        for done, future in pending:
            yield done, future.result()


def _marking_last(windows: Iterable[Window]) -> Iterator[tuple[Window, bool]]:
    """Yield each window and whether it is the last; then raise what stopped the reading."""
    previous, stopped = None, None
    try:
        for window in windows:
            if previous is not None:
                yield previous, False
            previous = window
    except PocketRNNError as error:
        stopped = error
    if previous is not None:
        yield previous, True
    if stopped is not None:
        raise stopped


class _Processes:
    """The processes, started one by one as there is work for them."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = data
        self._most = most
        self._context = multiprocessing.get_context("spawn")
        self._started: list[tuple[Any, Connection]] = []
        self._idle: queue.SimpleQueue[tuple[Any, Connection]] = queue.SimpleQueue()
        self._futures: set[Future[_Scores]] = set()
        # A thread for each process sends it texts and waits for its scores.
        self._threads = ThreadPoolExecutor(max(1, most), "pocketrnn-worker")

    def __enter__(self) -> "_Processes":
        return self

    def __exit__(self, *error: object) -> None:
        for process, _ in self._started:
            process.terminate()
        self._threads.shutdown(cancel_futures=True)
        for process, connection in self._started:
            connection.close()
            process.join()

    def ready(self) -> bool:
        """Tell whether a process can take a window, starting one if none of them can."""
        self._futures = {future for future in self._futures if not future.done()}
        if len(self._futures) < _AHEAD * len(self._started):
            return True
        if len(self._started) < self._most:
            self._start()
            return True
        return False

    def submit(self, texts: list[str]) -> "Future[_Scores]":
        """Have a process score `texts`."""
        future = self._threads.submit(self._ask, texts)
        self._futures.add(future)
        return future

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._data), daemon=True)
        with _interrupts_later():
            process.start()
        theirs.close()  # so that we see the end of the process as the end of the pipe
        self._started.append((process, ours))
        self._idle.put((process, ours))

    def _ask(self, texts: list[str]) -> _Scores:
        worker = process, connection = self._idle.get()
        try:
            connection.send(texts)
            answer: _Scores | str = connection.recv()
        except (EOFError, OSError) as error:
            process.join(1)
            raise WorkerError(
                f"a worker process ended (exit code {process.exitcode}; is memory short, or does a "
                "script lack its `if __name__ == '__main__':`?); go on with --resume, perhaps with "
                "fewer --workers"
            ) from error
        finally:
            self._idle.put(worker)
        if isinstance(answer, str):
            raise WorkerError(f"a worker process failed: {answer}; go on with --resume")
        return answer


def _serve(connection: Connection, data: bytes) -> None:
    """Score what comes, until the other side closes the connection or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process we work for
    with contextlib.suppress(EOFError, OSError):
        try:
            model = load(data)
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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
