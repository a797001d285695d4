"""The ONNX graph that comes out of tf2onnx, before anything of pocketrnn is added."""

import onnx
import pytest

from pocketrnn import TextConfig
from pocketrnn_export import convert
from pocketrnn_train import TrainConfig, network

TEXT = TextConfig(num_words=40, maxlen=12)


@pytest.fixture(scope="module")
def converted() -> onnx.ModelProto:
    keras_model = network.build(TrainConfig(text=TEXT, embedding=5, units=4), classes=2)
    return convert.to_onnx(keras_model)


def test_is_valid_onnx(converted: onnx.ModelProto) -> None:
    onnx.checker.check_model(converted, full_check=True)


def test_names_and_open_dimensions(converted: onnx.ModelProto) -> None:
    (ids,), (scores,) = converted.graph.input, converted.graph.output
    assert ids.name == "ids"
    assert scores.name == "scores"
    assert [d.dim_param for d in ids.type.tensor_type.shape.dim] == ["batch", "time"]
    batch, columns = scores.type.tensor_type.shape.dim
    assert (batch.dim_param, columns.dim_value) == ("batch", 1)


def test_needs_no_more_than_opset_15_and_ir_8(converted: onnx.ModelProto) -> None:
    assert converted.ir_version == 8
    assert [(o.domain, o.version) for o in converted.opset_import] == [("", 15)]


def test_finds_the_table_with_a_row_for_each_id(converted: onnx.ModelProto) -> None:
    (name,) = convert.tables(converted.graph, 40)
    (table,) = [c for c in converted.graph.initializer if c.name == name]
    assert list(table.dims) == [40, 5]


def test_finds_no_table_of_another_size(converted: onnx.ModelProto) -> None:
    assert convert.tables(converted.graph, 41) == ()
