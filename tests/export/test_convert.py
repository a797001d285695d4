"""The witness: the ONNX graph that comes out of tf2onnx."""

import onnx
import pytest

from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn_export import convert
from pocketrnn_train import network


@pytest.fixture(scope="module")
def converted() -> onnx.ModelProto:
    config = NetworkConfig(embedding=5, units=4)
    return convert.convert(network.build(config, num_words=40, classes=2))


def test_is_valid_onnx(converted: onnx.ModelProto) -> None:
    onnx.checker.check_model(converted, full_check=True)


def test_names_and_open_dimensions(converted: onnx.ModelProto) -> None:
    (ids,), (scores,) = converted.graph.input, converted.graph.output
    assert (ids.name, scores.name) == ("ids", "scores")
    assert [d.dim_param for d in ids.type.tensor_type.shape.dim] == ["batch", "time"]
    batch, columns = scores.type.tensor_type.shape.dim
    assert (batch.dim_param, columns.dim_value) == ("batch", 1)


def test_needs_no_more_than_opset_15_and_ir_8(converted: onnx.ModelProto) -> None:
    assert converted.ir_version == 8
    assert [(o.domain, o.version) for o in converted.opset_import] == [("", 15)]
