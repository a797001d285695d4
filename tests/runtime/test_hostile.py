"""Model files made to do harm, their digests right: loaded and run in a process of little memory.

Whatever comes, it is a pocketrnn error or scores; the process neither crashes nor hangs, and
needs no more memory than it is given.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tinyonnx
from pocketrnn import modelfile
from tinyonnx import field, nested, node, resealed, tensor, varint

pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")

CONFIG = tinyonnx.config()
TABLE = tinyonnx.weights(CONFIG)
GRAPH = tinyonnx.graph(TABLE)
METADATA = tinyonnx.metadata(GRAPH, CONFIG)
HUGE = (10**9, 2**31, 2**40, 2**62, 2**63 - 1, -1)

# Loads and runs each file of a folder, with 200 MB more address space than onnxruntime's import
# took, and prints each one's outcome. Python's own faults would show as another error's name.
CHILD = """
import faulthandler, json, os, resource, sys
import pocketrnn
from pocketrnn import cli

faulthandler.dump_traceback_later(240, exit=True)
pocketrnn.session.import_onnxruntime()
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 200_000_000,) * 2)
outcomes = {}
for name in sorted(os.listdir(sys.argv[1])):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        data = file.read()
    try:
        scores = pocketrnn.load(data).scores(["the good film", "bad", ""])
        outcomes[name] = f"scores {scores.shape}"
    except pocketrnn.PocketRNNError:
        outcomes[name] = "refused"
    except BaseException as error:
        outcomes[name] = f"{type(error).__name__}: {error}"
print(json.dumps(outcomes))
"""


def outcomes(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Return what became of each file."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # The last line: some versions of onnxruntime print what they can't load.
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == len(files)
    return found


def of(graph: bytes) -> bytes:
    """Return a file of any graph, its digest right."""
    return resealed(graph, METADATA)


def with_nodes(*nodes: bytes, extra: bytes = b"") -> bytes:
    """Return a file whose graph also makes what `nodes` make and adds it to the sums."""
    table = field(5, tensor("table", TABLE)) + field(5, tensor("time", np.array([1])))
    usual = (
        node("Gather", ["table", "ids"], ["rows"]),
        node("ReduceSum", ["rows", "time"], ["sums"], tinyonnx.attribute("keepdims", 0)),
        *nodes,
        node("ReduceSum", ["made"], ["one"], tinyonnx.attribute("keepdims", 0)),
        node("Add", ["sums", "one"], ["more"]),
        node("Sigmoid", ["more"], ["scores"]),
    )
    graph = b"".join(field(1, each) for each in usual) + field(2, "g") + table + extra
    graph += field(11, tinyonnx.value_info("ids", tinyonnx.INT32, "batch", "time"))
    return of(graph + field(12, tinyonnx.value_info("scores", tinyonnx.FLOAT, "batch", 1)))


def claims(kind: int, dims: tuple[int, ...], data: bytes) -> bytes:
    """Return a file whose table claims a type and a shape that its data needn't have."""
    shape = b"".join(field(1, size) for size in dims)
    table = shape + field(2, kind) + field(8, "table") + field(9, data)
    return of(GRAPH.replace(field(5, tensor("table", TABLE)), field(5, table)))


def files() -> Iterator[tuple[str, bytes]]:
    whole = TABLE.tobytes()
    for kind in (*range(24), 99, 2**31 - 1, 2**40):
        yield f"table of type {kind}", claims(kind, TABLE.shape, whole)
    for size in HUGE:
        yield f"table of {size} columns", claims(1, (10, size), whole)
        yield f"table of 2**62 x {size} columns", claims(1, (10, 2**62, size), whole)
        shape = field(5, tensor("shape", np.array([size])))
        yield (
            f"made of {size}",
            with_nodes(node("ConstantOfShape", ["shape"], ["made"]), extra=shape),
        )
        yield (
            f"expanded to {size}",
            with_nodes(node("Expand", ["sums", "shape"], ["made"]), extra=shape),
        )
        yield (
            f"tiled {size} times",
            with_nodes(
                node("Tile", ["time", "shape"], ["tiled"]),
                node("Cast", ["tiled"], ["made"], tinyonnx.attribute("to", 1)),
                extra=shape,
            ),
        )
        yield (
            f"huge attribute {size}",
            with_nodes(node("EyeLike", ["sums"], ["made"], tinyonnx.attribute("k", size))),
        )
    yield "no data", claims(1, TABLE.shape, b"")
    yield "odd data", claims(1, TABLE.shape, whole[:-3])
    yield "cycle", with_nodes(node("Identity", ["made"], ["made"]))
    yield "name twice", with_nodes(node("Identity", ["sums"], ["rows"]))
    yield "itself as input", of(GRAPH + field(1, node("Identity", ["y"], ["y"])))
    for depth in (50, 99, 101, 1000):
        yield f"{depth} loops deep", of(GRAPH + nested(depth))
    kind = field(1, field(1, 1))
    for _ in range(2000):
        kind = field(4, field(1, kind))
    yield "deep type", of(GRAPH + field(13, field(1, "deep") + field(2, kind)))
    yield "many nodes", of(GRAPH + field(1, node("Identity", ["ids"], [""])) * 20_000)
    yield "many attributes", of(GRAPH + field(1, b"".join(
        [*(field(5, tinyonnx.attribute(f"a{i}", i)) for i in range(20_000)), field(4, "Identity")]
    )))  # fmt: skip
    sparse = field(1, tensor("table", TABLE)) + field(3, 2**62) + field(3, 2**62)
    yield "huge sparse", of(GRAPH + field(15, sparse))
    for name in ("config", "card", "vectors"):
        for odd in ("null", "1", '"x"', "[[]]", '[{"text": []}]', "NaN", '{"a": 1e999}', "\\u0000"):
            label = "".join(c if c.isalnum() else "." for c in odd)
            yield f"{name} {label}", resealed(GRAPH, METADATA, **{name: odd})
    values = json.loads(METADATA["pocketrnn.config"])
    for name in values["text"]:
        for number, odd_value in enumerate(
            (None, True, -1, 2**70, 1.5, "", "ab", [], {}, "\ud800")
        ):
            changed = json.dumps({**values, "text": {**values["text"], name: odd_value}})
            yield f"text.{name} {number}", resealed(GRAPH, METADATA, config=changed)
    yield "entries", tinyonnx.model(GRAPH, METADATA, extra=field(14, field(1, "x")) * 50_000)
    yield "lengths", GRAPH[:1] + varint(2**63) + GRAPH


def test_nothing_but_errors_and_scores(tmp_path: Path) -> None:
    found = outcomes(tmp_path, dict(files()))
    bad = {
        name: outcome
        for name, outcome in found.items()
        if outcome != "refused" and not outcome.startswith("scores (3, ")
    }
    assert bad == {}
    assert sum(outcome == "refused" for outcome in found.values()) > 100
    assert any(outcome.startswith("scores") for outcome in found.values())


def mutated(seed: int) -> bytes:
    """Return a file whose graph, settings and vectors are altered anywhere, its digest right."""
    choose = random.Random(seed)
    graph = bytearray(GRAPH)
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(len(graph))
        kind = choose.randrange(4)
        if kind == 0:
            graph[at] = choose.randrange(256)
        elif kind == 1:
            graph[at] ^= 1 << choose.randrange(8)
        elif kind == 2:
            graph[at:at] = varint(choose.choice([*HUGE, choose.randrange(256)]))
        else:
            del graph[at : at + choose.randint(1, 8)]
    metadata = dict(METADATA)
    metadata["pocketrnn.sha256"] = modelfile.digest(bytes(graph), metadata)
    return tinyonnx.model(bytes(graph), metadata)


def check_mutated(folder: Path, seeds: range) -> None:
    found = outcomes(folder, {str(seed): mutated(seed) for seed in seeds})
    bad = {
        seed: outcome
        for seed, outcome in found.items()
        if outcome != "refused" and not outcome.startswith("scores (3, ")
    }
    assert bad == {}


def test_mutated_graphs(tmp_path: Path) -> None:
    """Past the digest: what a forger could hand to onnxruntime."""
    check_mutated(tmp_path, range(500))


@pytest.mark.slow
def test_many_mutated_graphs(tmp_path: Path) -> None:
    for start in range(1000, 21_000, 2000):
        folder = tmp_path / str(start)
        folder.mkdir()
        check_mutated(folder, range(start, start + 2000))
