"""Forged model files, their digests right: loaded and run in a process of little memory.

Whatever comes, it is a pocketrnn error or probabilities; the process neither crashes nor hangs,
and needs no more memory than it is given.
"""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinyonnx
from limited import outcomes
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig
from tinyonnx import WORDS, resealed, varint

pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")

MANY = tuple(f"w{i}" for i in range(2100))  # enough for a large matrix
CONFIGS = [
    (tinyonnx.config(), WORDS),
    (tinyonnx.config(tuple("abcde"), padding="post"), WORDS),
    *(
        (tinyonnx.config(words=MANY, network=NetworkConfig(8, *network)), MANY)
        for network in (
            ("simple_rnn", "relu", 4, 1, False, False, "last", 0, "float16"),
            ("gru", "tanh", 3, 2, True, True, "sqrtn_max", 4, "int8"),
            ("lstm", "tanh", 2, 1, True, False, "sqrtn_max", 0, "int8"),
            ("lstm", "tanh", 2, 3, False, True, "last", 0, "float32"),
        )
    ),
]
WEIGHTS = [tinyonnx.weights(config, words) for config, words in CONFIGS]
GRAPHS = [onnx.to_bytes(config.graph(), w) for (config, _), w in zip(CONFIGS, WEIGHTS, strict=True)]
METADATA = [
    tinyonnx.metadata(graph, config, words)
    for graph, (config, words) in zip(GRAPHS, CONFIGS, strict=True)
]
HUGE = (10**9, 2**31, 2**40, 2**62, 2**63 - 1, -1)
NUMBERS = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, -1e-45, 0.0, 1e4, -1e4)
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2, 3, 4, 7, 8, 9, 512, 513, 10_000, 10_001, 2**70, 1.5, "", "ab"),
    *([], {}, ["a", "b"], ["a", "b", "c"], ["a", "a"], "\ud800", "pre", "post", " ", "gru", "lstm"),
    *("tanh", "relu", "last", "sqrtn_max", "int8", "float16", "float32", "simple_rnn"),
)


def forged(seed: int) -> bytes:
    """Return one of the files with something altered, in a way of `seed`."""
    choose = random.Random(seed)
    base = choose.randrange(len(CONFIGS))
    kind = choose.randrange(6)
    if kind <= 1:
        weights = {name: numbers.copy() for name, numbers in WEIGHTS[base].items()}
        for _ in range(choose.randint(1, 3)):
            _forge_weights(weights[choose.choice(sorted(weights))], choose)
        return resealed(onnx.to_bytes(CONFIGS[base][0].graph(), weights), METADATA[base])
    if kind == 2:
        return resealed(bytes(_edited(bytearray(GRAPHS[base]), choose)), METADATA[base])
    if kind == 3:
        return resealed(GRAPHS[choose.randrange(len(GRAPHS))], METADATA[base])
    if kind == 4:
        name = choose.choice(["vocabulary", "card", "test_cases", "config", "task", "schema"])
        stored = bytearray(METADATA[base][f"pocketrnn.{name}"].encode())
        changed = _edited(stored, choose).decode(errors="replace")
        return resealed(GRAPHS[base], METADATA[base], **{name: changed})
    config = json.loads(METADATA[base]["pocketrnn.config"])
    for _ in range(choose.randint(1, 2)):
        part = choose.choice(
            [config, config["text"], config["network"] or {}, config["text"] or {}]
        )
        if isinstance(part, dict) and part:
            part[choose.choice(sorted(part))] = choose.choice(ODD)
        if not (isinstance(config["text"], dict) and isinstance(config["network"], dict)):
            break
    return resealed(GRAPHS[base], METADATA[base], config=json.dumps(config))


def _forge_weights(numbers: onnx.Array, choose: random.Random) -> None:
    """Change one number, a row, or all, to odd ones, or to any bits at all."""
    flat = numbers.reshape(-1)
    start = choose.randrange(len(flat))
    part = flat[start : start + choose.choice([1, numbers.shape[-1], len(flat)])]
    if numbers.dtype == np.int8 or choose.random() < 0.3:
        part.view(np.uint8)[:] = np.frombuffer(choose.randbytes(part.nbytes), np.uint8)
    else:
        with np.errstate(over="ignore"):
            part[:] = np.array(choose.choice(NUMBERS)).astype(numbers.dtype)


def _edited(data: bytearray, choose: random.Random) -> bytearray:
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(len(data) or 1)
        edit = choose.randrange(4)
        if edit == 0:
            data[at : at + 1] = bytes([choose.randrange(256)])
        elif edit == 1 and data:
            data[at] ^= 1 << choose.randrange(8)
        elif edit == 2:
            data[at:at] = varint(choose.choice([*HUGE, choose.randrange(256)]))
        else:
            del data[at : at + choose.randint(1, 8)]
    return data


def made_by_hand() -> Iterator[tuple[str, bytes]]:
    """Yield files that chance would hardly make."""
    config, metadata, graph = CONFIGS[0][0], METADATA[0], GRAPHS[0]
    whole = json.loads(metadata["pocketrnn.config"])
    for part in ("text", "network"):
        for name in whole[part]:
            for number, odd in enumerate(ODD):
                changed = {**whole, part: {**whole[part], name: odd}}
                yield (
                    f"{part}.{name} {number}",
                    resealed(graph, metadata, config=json.dumps(changed)),
                )
    for number, odd_json in enumerate(
        ("null", "1", '"x"', "[[]]", "NaN", '{"a": 1e999}', "\\u0000")
    ):
        for name in ("config", "card", "test_cases", "schema", "task", "vocabulary"):
            yield f"{name} {number}", resealed(graph, metadata, **{name: odd_json})
    for number, value in enumerate(NUMBERS):
        for name in WEIGHTS[0]:
            weights = {**WEIGHTS[0], name: np.full_like(WEIGHTS[0][name], value)}
            yield f"{name} {number}", resealed(onnx.to_bytes(config.graph(), weights), metadata)
    for depth in (50, 1000, 100_000):
        yield (
            f"card {depth} deep",
            resealed(graph, metadata, card='{"a":' * depth + "1" + "}" * depth),
        )


def check(folder: Path, files: dict[str, bytes]) -> dict[str, int]:
    """Load and run files, and return how often each outcome was seen."""
    found = outcomes(folder, files)
    counts: dict[str, int] = {}
    for outcome in found.values():
        counts[outcome] = counts.get(outcome, 0) + 1
    allowed = {"refused", "refused when run", "probabilities"}
    assert {name: outcome for name, outcome in found.items() if outcome not in allowed} == {}
    return counts


def test_made_by_hand(tmp_path: Path) -> None:
    counts = check(tmp_path, dict(made_by_hand()))
    assert counts["refused"] > 300
    assert counts["refused when run"] > 10, "no score was NaN"
    assert counts["probabilities"] > 50


def test_forged(tmp_path: Path) -> None:
    counts = check(tmp_path, {str(seed): forged(seed) for seed in range(200)})
    assert min(counts.values()) >= 10
    assert len(counts) == 3


@pytest.mark.slow
def test_many_forged(tmp_path: Path) -> None:
    def some(start: int) -> dict[str, int]:
        folder = tmp_path / str(start)
        folder.mkdir()
        return check(folder, {str(seed): forged(seed) for seed in range(start, start + 2000)})

    with ThreadPoolExecutor(2) as pool:  # each waits for a process of its own
        for counts in pool.map(some, range(1000, 21_000, 2000)):
            print(counts)
