"""One model in threads, in asyncio, in forked and spawned processes, and pickled."""

import asyncio
import copy
import dataclasses
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pocketrnn
import pytest
import tinyonnx
from pocketrnn import Classifier
from pocketrnn.classify import file
from pocketrnn.loading import BUNDLED

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
def test_worker_processes(
    method: str, model: Classifier, alone: list[np.ndarray[Any, Any]]
) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(score, [model] * 8, TEXTS[:8]))
    assert found == [scores[0].tolist() for scores in alone[:8]]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("threads", [1, 2])
def test_fork_of_a_process_with_a_used_model(threads: int) -> None:
    """As web servers do that load first and fork then."""
    model = pocketrnn.load(tinyonnx.tiny(maxlen=256), threads=threads)
    expected = model.scores(TEXTS)
    for _ in range(5):
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.write(writing, b"same" if (model.scores(TEXTS) == expected).all() else b"not")
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            assert pipe.read() == b"same"
        os.waitpid(child, 0)
    np.testing.assert_array_equal(model.scores(TEXTS), expected)


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
