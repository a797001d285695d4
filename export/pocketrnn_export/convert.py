"""Keras to ONNX by tf2onnx: an independent witness of what a network computes."""

from typing import Any

import onnx

from pocketrnn.modelfile.onnx import IR_VERSION, OPSET


def convert(model: Any) -> onnx.ModelProto:
    """Convert a keras.Model from ids to scores; batch and time stay open.

    The graph's input is `ids`, int32 (batch, time); its output `scores`, float32 (batch, columns).
    """
    import tensorflow as tf
    import tf2onnx

    # tf2onnx.convert.from_keras fails on Keras 3 (tensorflow-onnx issue 2448); a traced
    # function doesn't.
    signature = [tf.TensorSpec((None, None), tf.int32, name="ids")]
    function = tf.function(lambda ids: model(ids, training=False), input_signature=signature)
    onnx_model: onnx.ModelProto
    onnx_model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    graph = onnx_model.graph
    _rename(graph, graph.output[0].name, "scores")
    columns = model.output_shape[-1]
    del graph.input[:], graph.output[:]
    graph.input.append(
        onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT32, ["batch", "time"])
    )
    graph.output.append(
        onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", columns])
    )
    onnx_model.ir_version = IR_VERSION
    # tf2onnx also declares domains that the graph doesn't use.
    del onnx_model.opset_import[:]
    onnx_model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    return onnx_model


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new
