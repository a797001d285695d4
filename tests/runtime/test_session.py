"""onnxruntime behind its door: private, quiet, and refusing what isn't a classifier."""

import numpy as np
import pytest
import tinyonnx
from pocketrnn.errors import CorruptModelError
from pocketrnn.session import Session
from tinyonnx import field, node, value_info

CONFIG = tinyonnx.config()
WEIGHTS = tinyonnx.weights(CONFIG)
IDS = np.array([[0, 1, 5], [4, 2, 6]], np.int32)


def test_run() -> None:
    tiny = Session(tinyonnx.tiny())
    scores = tiny.run(IDS)
    assert tiny.columns == 1
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-WEIGHTS[IDS].sum(axis=1))), atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 500)])
def test_batch_and_time_are_open(shape: tuple[int, int]) -> None:
    assert Session(tinyonnx.tiny()).run(np.zeros(shape, np.int32)).shape == (shape[0], 1)


def test_threads_give_the_same() -> None:
    data = tinyonnx.tiny()
    np.testing.assert_array_equal(Session(data, threads=3).run(IDS), Session(data).run(IDS))


def graph(*nodes: bytes, outputs: tuple[bytes, ...], ids: int = tinyonnx.INT32) -> bytes:
    """Return a model of `nodes` that has the tiny one's weights."""
    fields = [field(1, each) for each in nodes] + [field(12, output) for output in outputs]
    fields += [field(2, "g"), field(5, tinyonnx.tensor("table", WEIGHTS))]
    fields += [field(11, value_info("ids", ids, "batch", "time"))]
    return tinyonnx.model(b"".join(fields), {})


GATHER = node("Gather", ["table", "ids"], ["rows"])
FLOATS = node("Cast", ["ids"], ["scores"], tinyonnx.attribute("to", tinyonnx.FLOAT))


@pytest.mark.parametrize(
    "data",
    [
        graph(GATHER, outputs=(value_info("rows", tinyonnx.FLOAT, "batch", "time", 1),)),
        graph(FLOATS, outputs=(value_info("scores", tinyonnx.FLOAT, "batch", "time"),)),
        graph(
            node("Identity", ["ids"], ["scores"]),
            outputs=(value_info("scores", tinyonnx.INT32, "batch", 1),),
        ),
        graph(
            FLOATS,
            ids=tinyonnx.INT64,
            outputs=(value_info("scores", tinyonnx.FLOAT, "batch", 1),),
        ),
        graph(
            FLOATS,
            node("Identity", ["scores"], ["more"]),
            outputs=(
                value_info("scores", tinyonnx.FLOAT, "batch", 1),
                value_info("more", tinyonnx.FLOAT, "batch", 1),
            ),
        ),
    ],
    ids=["rank 3", "open columns", "int32 scores", "int64 ids", "two outputs"],
)
def test_not_a_classifier(data: bytes) -> None:
    with pytest.raises(CorruptModelError, match="doesn't go from ids to scores"):
        Session(data)


def test_graph_that_breaks_its_promise() -> None:
    output = value_info("scores", tinyonnx.FLOAT, "batch", 1)
    broken = Session(graph(FLOATS, outputs=(output,)))
    assert broken.run(np.zeros((2, 1), np.int32)).shape == (2, 1)
    with pytest.raises(CorruptModelError, match="another shape than it promises"):
        broken.run(IDS)


def test_graph_that_fails_when_run() -> None:
    # ids that the table lacks
    with pytest.raises(CorruptModelError, match="onnxruntime can't run the graph"):
        Session(tinyonnx.tiny()).run(np.full((1, 1), 10_000, np.int32))


@pytest.mark.parametrize(
    "data",
    [
        b"no model",
        tinyonnx.model(b"", {}),
        graph(node("NoSuchOperator", ["ids"], ["scores"]), outputs=()),
        # onnxruntime's own message quotes the name, which isn't UTF-8
        tinyonnx.model(field(1, field(1, b"\xff") + field(2, "x") + field(4, "Identity")), {}),
    ],
)
def test_refusal_is_one_error_and_quiet(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CorruptModelError, match=r"onnxruntime can't load the graph|from ids"):
        Session(data)
    assert capfd.readouterr() == ("", "")


def test_file_is_read_as_onnx_and_nothing_else() -> None:
    """Bytes 5 to 8 "ORTM" are the mark of onnxruntime's own format."""
    data = tinyonnx.tiny()
    marked = data[:2] + field(2, "ORTM, Inc.") + data[2:]
    assert marked[4:8] == b"ORTM"
    np.testing.assert_array_equal(Session(marked).run(IDS), Session(data).run(IDS))
