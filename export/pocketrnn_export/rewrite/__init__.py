"""Rewrite the graph that tf2onnx makes of a Keras network into one that is fast to run.

Each pass does one thing, leaves alone what it doesn't recognise, and can be read by itself. The
scores stay the same up to the order of floating-point operations. What is left of a SimpleRNN
layer is a table lookup and a `Scan` over `Gemm` and `Tanh`.
"""

from collections.abc import Callable
from functools import partial

import onnx
import onnx_ir as ir
from onnx_ir.passes import common
from pocketrnn import TextConfig

from .cleanup import plain_ids, selects
from .inputs import fold_tables, masks_to_zero_rows, products_to_gemm, project_ahead
from .loops import last_states, loops_to_scans, merge_states
from .padding import skip_padding
from .pooling import pool_in_loop
from .tidy import name_values, tidy
from .weights import Weights, store_weights

__all__ = ["Weights", "passes", "rewrite", "windows"]

Pass = Callable[[ir.Model], None]


def passes(text: TextConfig, weights: Weights = "float32") -> dict[str, Pass]:
    """Return the passes by name, in the order in which they build on each other."""
    chosen: list[Pass] = [
        plain_ids,
        selects,
        loops_to_scans,
        merge_states,
        last_states,
        project_ahead,
        fold_tables,
    ]
    if text.padding == "pre":
        # What is masked is padding alone only where no word inside a text has its id.
        if text.pad_id not in (text.oov_id, text.start_id):
            chosen.append(partial(masks_to_zero_rows, pad_id=text.pad_id))
        chosen.append(partial(skip_padding, maxlen=text.maxlen, pad_id=text.pad_id))
        if text.pad_id not in (text.oov_id, text.start_id):
            chosen.append(partial(pool_in_loop, pad_id=text.pad_id))
    chosen += [products_to_gemm, partial(store_weights, rows=text.num_words, weights=weights)]
    return {getattr(p, "func", p).__name__: p for p in chosen}


def rewrite(
    proto: onnx.ModelProto, text: TextConfig, weights: Weights = "float32"
) -> onnx.ModelProto:
    """Return the model after all passes, its tables stored as `weights`."""
    model = load(proto)
    for apply in passes(text, weights).values():
        apply(model)
    return store(model)


def windows(proto: onnx.ModelProto) -> list[int]:
    """Return the lengths of the windows that the graph cuts texts into, if it does."""
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in proto.graph.initializer}
    reshapes = [node for node in proto.graph.node if node.op_type == "Reshape"]
    shapes = [constants[node.input[1]] for node in reshapes if node.input[1] in constants]
    return [int(shape[1]) for shape in shapes if len(shape) > 1 and shape[0] == -1 and shape[1] > 0]


def load(proto: onnx.ModelProto) -> ir.Model:
    """Return the model in the form that the passes work on, all constants initializers."""
    model = ir.from_proto(proto)
    common.LiftConstantsToInitializersPass()(model)
    common.LiftSubgraphInitializersToMainGraphPass()(model)
    tidy(model)
    return model


def store(model: ir.Model) -> onnx.ModelProto:
    """Return the model as ONNX, without TensorFlow's notes, which are of no use any more."""
    name_values(model)
    common.ClearMetadataAndDocStringPass()(model)
    rewritten: onnx.ModelProto = ir.to_proto(model)
    return rewritten
