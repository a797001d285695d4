"""The pass that stores tables in fewer bytes."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from numpy.typing import NDArray
from pocketrnn_export.rewrite.weights import Weights, store_weights

ROWS = 200


def lookup(table: NDArray[np.float32]) -> ir.Model:
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gather", ["table", "ids"], ["rows"])],
        "lookup",
        [onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT32, [None])],
        [onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [None, 4])],
        [onnx.numpy_helper.from_array(table, "table")],
    )
    opset = onnx.helper.make_opsetid("", 15)
    return ir.from_proto(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8))


def error(table: NDArray[np.float32], weights: Weights) -> tuple[NDArray[np.float32], int]:
    model = lookup(table)
    store_weights(model, ROWS, weights)
    data = ir.to_proto(model).SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    ids = np.arange(len(table), dtype=np.int32)
    return np.abs(session.run(None, {"ids": ids})[0] - table), len(data)


@pytest.fixture
def table() -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    table = (random.normal(size=(ROWS, 4)) * [0.1, 0.5, 2, 0]).astype(np.float32)
    table[0] = 0  # a masked network's padding must stay exactly zero
    return table


@pytest.mark.parametrize(
    ("weights", "bits", "share"), [("int16", 16, 2**-15), ("float16", 16, 2**-10), ("int8", 8, 1)]
)
def test_rounding_stays_within_the_format(
    weights: Weights, bits: int, share: float, table: NDArray[np.float32]
) -> None:
    found, size = error(table, weights)
    highest = np.abs(table).max(axis=0)
    if weights == "int8":
        highest = np.abs(table).max(axis=1, keepdims=True) / 127 * np.ones((1, 4))
    assert (found <= share * highest * 0.51 + 1e-9).all()
    assert not found[0].any()
    scales = ROWS * 4 if weights == "int8" else 0
    assert size < table.size * bits / 8 + scales + 400


def test_int16_rounds_finer_than_float16(table: NDArray[np.float32]) -> None:
    errors = {w: np.sqrt((error(table, w)[0] ** 2).mean()) for w in ("int16", "float16")}
    assert 2 * errors["int16"] < errors["float16"]


def test_other_tables_stay(table: NDArray[np.float32]) -> None:
    model = lookup(table[1:])
    store_weights(model, ROWS, "int16")
    assert [value.name for value in model.graph.initializers.values()] == ["table"]
