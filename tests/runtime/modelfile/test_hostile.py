"""Model files made to do harm, their digests right: loaded and run in a process of little memory.

Whatever comes, it is a pocketrnn error or scores; the process neither crashes nor hangs, and
needs no more memory than it is given.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tinyonnx
from limited import outcomes
from pocketrnn import modelfile
from pocketrnn.classify.model import BUNDLED
from pocketrnn.modelfile import protobuf as onnxproto
from tinyonnx import field, nested, node, resealed, tensor, varint

pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")

CONFIG = tinyonnx.config()
TABLE = tinyonnx.weights(CONFIG)
GRAPH = tinyonnx.graph(TABLE)
METADATA = tinyonnx.metadata(GRAPH, CONFIG)
HUGE = (10**9, 2**31, 2**40, 2**62, 2**63 - 1, -1)


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
    yield (
        "ids beyond a table",
        with_nodes(
            node("Gather", ["time", "ids"], ["found"]),
            node("Cast", ["found"], ["made"], tinyonnx.attribute("to", 1)),
        ),
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


def mutated(
    seed: int, whole: bytes = GRAPH, own: dict[str, str] = METADATA, spared: range = range(0)
) -> bytes:
    """Return a file whose graph is altered anywhere but at `spared`, its digest right."""
    choose = random.Random(seed)
    graph = bytearray(whole)
    for _ in range(choose.randint(1, 4)):
        while (at := choose.randrange(len(graph))) in spared:
            pass
        kind = choose.randrange(4)
        if kind == 0:
            graph[at] = choose.randrange(256)
        elif kind == 1:
            graph[at] ^= 1 << choose.randrange(8)
        elif kind == 2:
            graph[at:at] = varint(choose.choice([*HUGE, choose.randrange(256)]))
        else:
            del graph[at : at + choose.randint(1, 8)]
    metadata = dict(own)
    metadata["pocketrnn.sha256"] = modelfile.digest(bytes(graph), metadata)
    return tinyonnx.model(bytes(graph), metadata)


def check_mutated(folder: Path, files: dict[str, bytes]) -> None:
    found = outcomes(folder, files)
    bad = {
        seed: outcome
        for seed, outcome in found.items()
        if outcome != "refused" and not outcome.startswith("scores (3, ")
    }
    assert bad == {}


def test_mutated_graphs(tmp_path: Path) -> None:
    """Past the digest: what a forger could hand to onnxruntime."""
    check_mutated(tmp_path, {str(seed): mutated(seed) for seed in range(500)})


def bundled(seed: int) -> bytes:
    """Return the bundled model, altered outside its one large table."""
    onnx = onnxproto.parse(BUNDLED.read_bytes())
    constants = [bytes(value) for number, value in onnxproto.fields(onnx.graph) if number == 5]
    table = max(constants, key=len)
    start = bytes(onnx.graph).index(table)
    spared = range(start, start + len(table))
    return mutated(seed, bytes(onnx.graph), onnx.metadata, spared)


def test_mutated_bundled_models(tmp_path: Path) -> None:
    check_mutated(tmp_path, {str(seed): bundled(seed) for seed in range(100)})


@pytest.mark.slow
def test_many_mutated_graphs(tmp_path: Path) -> None:
    for start in range(1000, 21_000, 2000):
        folder = tmp_path / str(start)
        folder.mkdir()
        seeds = range(start, start + 2000)
        check_mutated(folder, {str(seed): mutated(seed) for seed in seeds})
