"""One model in threads, asyncio, and forked and spawned processes; pickled; and at Python's end."""

import asyncio
import copy
import dataclasses
import http.client
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn import Classifier, session
from pocketrnn.classify import file
from pocketrnn.loading import BUNDLED
from pocketrnn.modelfile import forms
from tables import write_numbered
from virtualdisplay import until

TEXTS = [f"the {'good' if i % 3 else 'bad'} film " * (i % 40) + str(i) for i in range(200)]
METHODS = [
    pytest.param(
        method,
        marks=pytest.mark.skipif(
            method not in multiprocessing.get_all_start_methods(), reason="not on this system"
        ),
    )
    for method in ("spawn", "fork", "forkserver")
]


@pytest.fixture(scope="module", params=["tiny", "bundled"])
def model(request: pytest.FixtureRequest) -> Classifier:
    if request.param == "tiny":
        return pocketrnn.load(tinyonnx.tiny())
    if not BUNDLED.exists():
        pytest.skip("no bundled model in this checkout")
    return pocketrnn.load()


@pytest.fixture(scope="module")
def alone(model: Classifier) -> list[np.ndarray[Any, Any]]:
    return [model.scores(text) for text in TEXTS]


def test_sixteen_threads(model: Classifier, alone: list[np.ndarray[Any, Any]]) -> None:
    barrier = threading.Barrier(16)

    def work(number: int) -> list[np.ndarray[Any, Any]]:
        barrier.wait()
        order = TEXTS[number:] + TEXTS[:number]
        found = [model.scores(text) for text in order]
        return found[len(found) - number :] + found[: len(found) - number]

    with ThreadPoolExecutor(16) as pool:
        for found in pool.map(work, range(16)):
            np.testing.assert_array_equal(np.concatenate(found), np.concatenate(alone))


def test_first_use_by_many_at_once() -> None:
    """What is built when first needed, such as the bulk tokenizer, is built rightly."""
    texts = TEXTS[:40]
    expected = pocketrnn.load(tinyonnx.tiny()).scores(texts)
    for _ in range(10):
        fresh, barrier = pocketrnn.load(tinyonnx.tiny()), threading.Barrier(16)

        def work(_: int, fresh: Classifier = fresh, barrier: Any = barrier) -> Any:
            barrier.wait()
            return fresh.scores(texts)

        with ThreadPoolExecutor(16) as pool:
            for found in pool.map(work, range(16)):
                np.testing.assert_array_equal(found, expected)


def test_many_that_need_a_session_at_once_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made, barrier = [], threading.Barrier(8)

    class Counted(session.Session):
        def __init__(self, *given: Any, **more: Any) -> None:
            made.append(None)
            super().__init__(*given, **more)

    monkeypatch.setattr(forms, "Session", Counted)
    model = pocketrnn.load(BUNDLED)
    assert len(made) == 1

    def work(text: str) -> Any:
        barrier.wait()
        return model.scores(text).tolist()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, ["a fine film " * 20] * 8))
    assert len(made) == 2
    assert found == [found[0]] * 8


def test_asyncio(model: Classifier, alone: list[np.ndarray[Any, Any]]) -> None:
    async def ask() -> list[np.ndarray[Any, Any]]:
        return await asyncio.gather(*(asyncio.to_thread(model.scores, text) for text in TEXTS))

    np.testing.assert_array_equal(np.concatenate(asyncio.run(ask())), np.concatenate(alone))


# -- processes ----------------------------------------------------------------------------------


def score(model: Classifier, text: str) -> list[float]:
    return model.scores(text)[0].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int, model: Classifier, alone: list[np.ndarray[Any, Any]]) -> None:
    sent = pickle.dumps(model, protocol)
    back = pickle.loads(sent)
    assert (back.sha256, back.labels, back.card) == (model.sha256, model.labels, model.card)
    np.testing.assert_array_equal(back.scores(TEXTS[5]), alone[5])
    assert len(pickle.dumps(back)) < len(model.data) + 300


@pytest.mark.parametrize("trusted", [False, True])
def test_pickle_keeps_how_it_was_loaded(trusted: bool) -> None:
    """A file with a graph of its own is trusted in a worker as it was at home."""
    config = tinyonnx.config()
    own = dataclasses.replace(config, network=None if trusted else config.network)
    words = pocketrnn.Tokenizer(own.text, tinyonnx.WORDS)
    data = file.to_bytes(own, words, tinyonnx.graph(config), {})
    model = pocketrnn.load(data, threads=2, trusted=trusted)
    back = pickle.loads(pickle.dumps(model))
    assert back._options == {"threads": 2, "trusted": trusted}
    np.testing.assert_array_equal(back.scores("good"), model.scores("good"))


def test_copies(model: Classifier, alone: list[np.ndarray[Any, Any]]) -> None:
    for copied in (copy.copy(model), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.scores(TEXTS[5]), alone[5])


def test_pickle_needs_no_file(tiny_path: Path) -> None:
    model = pocketrnn.load(tiny_path)
    expected = model.scores("good")
    tiny_path.unlink()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).scores("good"), expected)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", METHODS)
def test_worker_processes(method: str) -> None:
    model = pocketrnn.load(tinyonnx.tiny())
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(score, [model] * 8, TEXTS[:8]))
    assert found == [score(model, text) for text in TEXTS[:8]]


# -- forks --------------------------------------------------------------------------------------

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# The child ends as a whole interpreter does, which frees the model.
FORK = """
import os, signal, sys, threading
import pocketrnn

threads, busy, children = map(int, sys.argv[2:])
model = pocketrnn.load(sys.argv[1], threads=threads)
texts = [f"the good film {i} " * (i % 40) for i in range(200)]
expected = model.scores(texts)
stop = threading.Event()

def work():
    while not stop.is_set():
        model.scores(texts)

others = [threading.Thread(target=work) for _ in range(busy)]
for other in others:
    other.start()
for number in range(children):
    if (child := os.fork()) == 0:
        signal.alarm(60)  # ends a child that hangs
        if number:  # the first one ends without using it
            assert (model.scores(texts) == expected).all()
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for other in others:
    other.join()
assert (model.scores(texts) == expected).all()
"""


@needs_fork
@pytest.mark.parametrize(("threads", "busy"), [(1, 0), (2, 0), (1, 3), (2, 3)])
def test_fork_of_a_process_with_a_used_model(threads: int, busy: int, tmp_path: Path) -> None:
    """As web servers do that load first and fork then; other threads may be scoring meanwhile."""
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tinyonnx.tiny(maxlen=256))
    command = [sys.executable, "-W", "ignore", "-c", FORK, str(path), str(threads), str(busy), "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


SERVER = """
import pocketrnn

model = pocketrnn.load(threads=2)
model.predict("Once, before the fork.")

def app(environ, start_response):
    start_response("200 OK", [])
    return [model.predict("A warm, funny film.").label.encode()]
"""


class Unix(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


@pytest.mark.slow
@needs_fork
def test_a_web_server_that_loads_before_it_forks(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", packages, "gunicorn"]
    subprocess.run(install, check=True)
    (tmp_path / "server.py").write_text(SERVER)
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "server:app"]
    path = os.pathsep.join([str(packages), *sys.path])
    with (tmp_path / "log").open("w+") as log:
        server = subprocess.Popen(
            [*command, "--bind", f"unix:{tmp_path}/socket"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path},
            stderr=log,
        )
        try:
            until(lambda: (tmp_path / "socket").exists())
            for _ in range(20):
                connection = Unix(str(tmp_path / "socket"), timeout=30)
                connection.request("GET", "/")
                assert connection.getresponse().read() == b"positive"
                connection.close()
            server.send_signal(signal.SIGTERM)
            # A worker that hangs is killed after 30 seconds.
            assert server.wait(timeout=20) == 0
        finally:
            server.kill()
            server.wait()
        log.seek(0)
        assert "SIGKILL" not in log.read()


# -- the end of the interpreter -----------------------------------------------------------------

END = """
import itertools, os, sys, threading, time
import pocketrnn

use, path, table = sys.argv[1:]
model = pocketrnn.load(path)
texts = [f"the good film {i} " * 60 for i in range(300)]
calls = {
    "scores": lambda _: model.scores(texts),
    "load": lambda _: pocketrnn.load(path),
    "score_file": lambda name: pocketrnn.score_file(table, f"{name}.csv", model=model),
}
begun = threading.Event()
calls[use](f"{os.getpid()}-first")  # a module can't be imported any more once Python ends

def work(number):
    for i in itertools.count():
        begun.set()
        calls[use](f"{os.getpid()}-{number}-{i}")

for number in range(2):
    threading.Thread(target=work, args=[number], daemon=True).start()
begun.wait()
time.sleep(0.1 + time.time() % 0.05)  # ends anywhere within a call
"""


@pytest.mark.parametrize("use", ["scores", "load", "score_file"])
def test_python_ends_while_daemon_threads_use_a_model(use: str, tmp_path: Path) -> None:
    """Without a gate, about five of six such processes abort: here are six of them."""
    table = write_numbered(tmp_path / "t.csv", [f"a good film {i} " * 30 for i in range(1500)])
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tinyonnx.tiny(maxlen=256))
    source = BUNDLED if BUNDLED.exists() else path
    for _ in range(2):
        command = [sys.executable, "-c", END, use, str(source), str(table)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


AT_EXIT = """
import atexit, sys, threading

def last():  # registered before pocketrnn's own, so it comes after
    other = threading.Thread(target=model.predict, args=["good"], daemon=True)
    if sys.version_info < (3, 12):  # later ones start no thread any more
        other.start()
        other.join()
    print(model.predict("good").label)

atexit.register(last)
import pocketrnn
model = pocketrnn.load(sys.argv[1])
"""


def test_the_main_thread_may_score_at_exit(tiny_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, str(tiny_path)], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("positive\n", "")


# -- memory -------------------------------------------------------------------------------------

CALLS = """
import asyncio, os, sys
from concurrent.futures import ThreadPoolExecutor
import pocketrnn

model = pocketrnn.load(sys.argv[1])
texts = ["the good film " * (i % 30) + str(i) for i in range(500)]
page = os.sysconf("SC_PAGE_SIZE")

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * page / 1e6

def calls(count):
    for i in range(count):
        model.predict(texts[i % 500])

async def some(count):
    for _ in range(count // 100):
        await asyncio.gather(*(asyncio.to_thread(model.predict, t) for t in texts[:100]))

with ThreadPoolExecutor(16) as pool:
    list(pool.map(calls, [1000] * 16))
    asyncio.run(some(1000))
    before = resident()
    list(pool.map(calls, [6000] * 16))
    asyncio.run(some(4000))
print(before, resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_hundred_thousand_calls_take_no_memory(tiny_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALLS, str(tiny_path)], capture_output=True, text=True, check=True
    )
    before, growth = map(float, done.stdout.split())
    print(f"\n{before:.1f} MB, after 100,000 calls {growth:+.2f} MB")
    assert growth < 3
