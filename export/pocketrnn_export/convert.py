"""Keras to ONNX by tf2onnx: an independent witness of what a network computes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from pocketrnn.modelfile.onnx import IR_VERSION, OPSET


def convert(model: Any, reads: str = "ids", gives: str = "scores") -> onnx.ModelProto:
    """Convert a keras.Model of one input and one output; batch and time stay open.

    These have the shapes of the model's: of `ids`, int32 (batch, time), `scores` are float32
    (batch, columns); of `values`, float32 (batch, context), come `quantiles`.
    """

    def with_names(shape: Sequence[int | None]) -> Sequence[Any]:
        return ("batch", *(size or "time" for size in shape[1:]))

    return _convert(
        lambda given: [model(given, training=False)],
        {reads: with_names(model.input_shape)},
        {gives: with_names(model.output_shape)},
    )


def convert_steps(model: Any) -> onnx.ModelProto:
    """Convert a keras.Model from ids to logits, as `stepped` runs it; batch and time stay open.

    The graph's inputs are `ids`, int32 (batch, time), and `before0` and on, float32 (batch,
    units); its outputs `logits`, float32 (batch, time, ids), and `after0` and on.
    """
    run, widths = stepped(model)
    states = [("batch", width) for width in widths]
    before = {f"before{i}": shape for i, shape in enumerate(states)}
    after = {f"after{i}": shape for i, shape in enumerate(states)}
    logits = ("batch", "time", model.output_shape[-1])
    return _convert(run, {"ids": ("batch", "time"), **before}, {"logits": logits, **after})


def stepped(model: Any) -> tuple[Callable[..., list[Any]], list[int]]:
    """Return a generator's Keras layers as a function, and the width of each state.

    The function takes ids and the states of all layers, and returns logits and states.
    """
    embedding, *layers, head = [layer for layer in model.layers if layer.get_weights()]
    recurrent = []
    for layer in layers:
        settings = {"return_state": True, "return_sequences": True, "stateful": False}
        copy = type(layer).from_config({**layer.get_config(), **settings})
        copy.build((None, None, layer.get_weights()[0].shape[0]))
        copy.set_weights(layer.get_weights())
        recurrent.append(copy)

    def run(ids: Any, *states: Any) -> list[Any]:
        seen, given, after = embedding(ids), iter(states), []
        for layer in recurrent:
            before = [next(given) for _ in layer.state_size]
            seen, *new = layer(seen, initial_state=before, training=False)
            after += new
        return [head(seen), *after]

    return run, [width for layer in recurrent for width in layer.state_size]


def _convert(
    function: Callable[..., list[Any]],
    inputs: Mapping[str, Sequence[Any]],
    outputs: Mapping[str, Sequence[Any]],
) -> onnx.ModelProto:
    """Convert a function of TensorFlow's, of a list; a shape's names are open dimensions."""
    import tensorflow as tf
    import tf2onnx

    # tf2onnx.convert.from_keras fails on Keras 3 (tensorflow-onnx issue 2448); a traced
    # function doesn't.
    signature = [
        tf.TensorSpec(
            [None if isinstance(size, str) else size for size in shape], _dtype(name), name=name
        )
        for name, shape in inputs.items()
    ]

    def named(*given: Any) -> dict[str, Any]:
        return dict(zip(outputs, function(*given), strict=True))

    traced = tf.function(named, input_signature=signature)
    onnx_model: onnx.ModelProto
    onnx_model, _ = tf2onnx.convert.from_function(traced, input_signature=signature, opset=OPSET)
    graph = onnx_model.graph
    del graph.input[:], graph.output[:]
    for values, declared in ((graph.input, inputs), (graph.output, outputs)):
        for name, shape in declared.items():
            kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(_dtype(name)))
            values.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    onnx_model.ir_version = IR_VERSION
    # tf2onnx also declares domains that the graph doesn't use.
    del onnx_model.opset_import[:]
    onnx_model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    return onnx_model


def _dtype(name: str) -> str:
    return "int32" if name == "ids" else "float32"
