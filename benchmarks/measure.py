"""One measurement in a process of its own: prints one JSON object.

    python measure.py MODE PEER WORK CLOCK

| MODE    | what it gives                                                               |
|---------|-----------------------------------------------------------------------------|
| start   | when the first score was there, and the peak of memory until then           |
| speed   | reviews a second in bulk, microseconds for one text of each length, memory  |
| scores  | the scores of all test texts, written to WORK/scores-PEER.npy               |
| parts   | seconds of tokenizing alone and of the network alone, plain way and ours    |

Nothing but the standard library is imported before what the peer itself imports.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import BARE, PEERS, Peer, plain_session

Clock = Callable[[], float]
# Processor time is the process's own: what other programs make it wait doesn't count.
CLOCKS = {"wall": time.monotonic, "processor": time.process_time}

# For one text of each length: enough calls for a 99th percentile, within a time.
_CALLS, _SECONDS = 2000, 0.5
# In bulk the best pass counts: the first one is still asking the system for memory.
_PASSES = 3


def start(peer: Peer, work: Path, clock: Clock) -> dict[str, Any]:
    """Score the first text."""
    text = _read(work, "first.json")
    score = peer.load(work)
    score([text], 1)
    # Processor time counts from the process's start; wall time is the system's, so that the
    # process that started this one can subtract its own.
    return {"moment": clock(), "memory": _peak()}


def speed(peer: Peer, work: Path, clock: Clock) -> dict[str, Any]:
    """Score reviews in bulk, and texts of each length one by one."""
    score = peer.load(work)
    reviews: list[str] = _read(work, "reviews.json")[: peer.most]
    bulk = {}
    for batch in peer.batches:
        score(reviews[:batch][:100], batch)  # what is made at the first call isn't made again
        passes = []
        for _ in range(_PASSES):
            started = clock()
            score(reviews, batch)
            passes.append(clock() - started)
        bulk[batch] = len(reviews) / min(passes)
    alone = {}
    for words, texts in _read(work, "alone.json").items():
        score(texts[:1], 1)
        seconds: list[float] = []
        until = time.monotonic() + _SECONDS
        while len(seconds) < _CALLS and (time.monotonic() < until or len(seconds) < 5):
            text = texts[len(seconds) % len(texts)]
            started = clock()
            score([text], 1)
            seconds.append(clock() - started)
        seconds.sort()
        alone[words] = {f"p{p}": _quantile(seconds, p / 100) for p in (50, 99)}
    return {"bulk": bulk, "alone": alone, "memory": _peak()}


def scores(key: str, peer: Peer, work: Path) -> dict[str, Any]:
    """Score every test text."""
    import numpy as np

    texts = _read(work, "test.json")
    found = peer.load(work)(texts, peer.batches[-1])
    np.save(work / f"scores-{key}.npy", found)
    return {"texts": len(found)}


def parts(work: Path, clock: Clock) -> dict[str, Any]:
    """Time tokenizing alone and the network alone, by turns: the plain way, and pocketrnn's."""
    import numpy as np

    import pocketrnn
    from pocketrnn.classify.padding import Rows, batches
    from pocketrnn.classify.vectorized import VectorizedTokenizer

    model, plain = pocketrnn.load(work / "pocketrnn.onnx"), plain_session(work)
    tokenizer, text = model.tokenizer, model.config.text
    bulk = VectorizedTokenizer(tokenizer)
    reviews: list[str] = _read(work, "reviews.json")
    single: dict[str, list[str]] = _read(work, "alone.json")
    real, padded = bulk.rows(reviews), tokenizer.encode(reviews)
    full = np.resize(real.ids, (256, text.maxlen))
    full_rows = Rows(full.reshape(-1), np.full(256, text.maxlen))

    def ours(rows: Rows) -> None:
        for _, ids in batches(rows, text, model.config.time_multiple):
            model._network.padded(ids)

    def theirs(ids: Any) -> None:
        for i in range(0, len(ids), 256):
            plain.run(None, {"ids": ids[i : i + 256]})

    def one_by_one(encode: Callable[[str], Any], words: str) -> None:
        for one in single[words]:
            encode(one)

    ways: dict[str, Callable[[], Any]] = {
        "tokenize bulk plain": lambda: [tokenizer.ids(review) for review in reviews],
        "tokenize bulk": lambda: bulk.rows(reviews),
        "tokenize one plain": lambda: one_by_one(lambda one: tokenizer.encode([one]), "230"),
        "tokenize one": lambda: one_by_one(lambda one: Rows.of([tokenizer.ids(one)], text), "230"),
        "network full plain": lambda: theirs(full),
        "network full": lambda: ours(full_rows),
        "network real plain": lambda: theirs(padded),
        "network real": lambda: ours(real),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(8):
        for name, way in ways.items():
            started = clock()
            way()
            seconds[name].append(clock() - started)
    return {name: min(found) for name, found in seconds.items()} | {"reviews": len(reviews)}


def _read(work: Path, name: str) -> Any:
    return json.loads((work / name).read_text("utf-8"))


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _peak() -> float:
    """Return the most memory this process has held, in MB.

    Not `ru_maxrss`: that also counts what the parent held when it forked this process.
    """
    status = Path("/proc/self/status").read_text("ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main(mode: str, key: str, folder: str, clock: str) -> None:
    """Measure, and print the result as the last line."""
    work, peer = Path(folder), BARE if key == "bare" else PEERS[key]
    if mode == "scores":
        result = scores(key, peer, work)
    elif mode == "parts":
        result = parts(work, CLOCKS[clock])
    else:
        result = {"start": start, "speed": speed}[mode](peer, work, CLOCKS[clock])
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
