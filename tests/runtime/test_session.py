"""onnxruntime behind its door: private, quiet, and its errors told apart."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinyonnx
from pocketrnn.errors import CorruptModelError
from pocketrnn.modelfile import onnx
from pocketrnn.session import Session
from tinyonnx import field

IDS = np.array([[0, 1, 5], [4, 2, 6]], np.int32)


def run(session: Session, ids: np.ndarray = IDS) -> np.ndarray:
    (scores,) = session.run({"ids": ids}, ["scores"])
    return scores


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (0, 3)])
def test_batch_and_time_are_open(shape: tuple[int, int]) -> None:
    scores = run(Session(lambda: tinyonnx.tiny()), np.zeros(shape, np.int32))
    assert (scores.dtype, scores.shape) == (np.float32, (shape[0], 1))


def test_threads_give_the_same() -> None:
    data = tinyonnx.tiny()
    np.testing.assert_array_equal(run(Session(lambda: data, threads=3)), run(Session(lambda: data)))


@pytest.mark.parametrize("ids", [np.full((1, 1), 10_000, np.int32), np.zeros((1, 1), np.int64)])
def test_a_graph_that_fails_when_run(ids: np.ndarray) -> None:
    with pytest.raises(CorruptModelError, match="onnxruntime can't run the graph"):
        run(Session(lambda: tinyonnx.tiny()), ids)


@pytest.mark.parametrize(
    "graph",
    [
        b"no graph",
        field(1, field(1, "ids") + field(2, "scores") + field(4, "NoSuchOperator")),
        # onnxruntime's own message quotes the name, which isn't UTF-8
        field(1, field(1, b"\xff") + field(2, "x") + field(4, "Identity")),
    ],
)
def test_refusal_is_one_error_and_quiet(graph: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CorruptModelError, match="onnxruntime can't load the graph"):
        Session(lambda: onnx.model_to_bytes(graph))
    assert capfd.readouterr() == ("", "")


def test_a_file_is_read_as_onnx_and_nothing_else() -> None:
    """Bytes 5 to 8 "ORTM" are the mark of onnxruntime's own format."""
    data = tinyonnx.tiny()
    marked = data[:2] + field(2, "ORTM, Inc.") + data[2:]
    assert marked[4:8] == b"ORTM"
    np.testing.assert_array_equal(run(Session(lambda: marked)), run(Session(lambda: data)))


# A graph that makes what it is told, in a process of too little memory for a gigabyte.
SHORT = """
import resource, sys
import numpy as np
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.onnx import Graph, Node, Value
from pocketrnn.session import Session, import_onnxruntime

graph = Graph(
    "g",
    (Value("value", "float32", ("n",)), Value("shape", "int64", ("d",))),
    (Value("scores", "float32", ("n", "m")),),
    (Node("Expand", ("value", "shape"), ("scores",), {}),),
)
session = Session(lambda: onnx.model_to_bytes(onnx.to_bytes(graph, {})))
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 300_000_000,) * 2)
inputs = {"value": np.ones(1, np.float32), "shape": np.array([1 << 14, 1 << 14])}
try:
    session.run(inputs, ["scores"])
except MemoryError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_that_ends_is_not_the_fault_of_the_model() -> None:
    done = subprocess.run([sys.executable, "-c", SHORT], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("not enough memory to run the model\n", "")


def test_the_main_thread_never_waits_for_itself() -> None:
    """As where a signal comes between its going inside and what would note that it left."""
    code = "from pocketrnn import session; session._Inside().__enter__()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
