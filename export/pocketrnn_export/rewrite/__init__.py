"""Rewrite the graph that tf2onnx makes of a Keras network into one that is fast to run.

Each pass does one thing, leaves alone what it doesn't recognise, and can be read by itself. The
scores stay the same up to the order of floating-point operations. What is left of a SimpleRNN
layer is a table lookup and a `Scan` over `Gemm` and `Tanh`.
"""

import onnx
import onnx_ir as ir
from onnx_ir.passes import common
from pocketrnn import TextConfig

from .cleanup import plain_ids, plain_shapes, selects
from .inputs import fold_tables, masks_to_zero_rows, products_to_gemm, project_ahead
from .loops import last_states, loops_to_scans, merge_states
from .padding import skip_padding
from .pooling import pool_in_loop
from .tidy import tidy
from .weights import Weights, store_weights

__all__ = ["Weights", "rewrite"]


def rewrite(
    proto: onnx.ModelProto, text: TextConfig, weights: Weights = "float32"
) -> onnx.ModelProto:
    """Return the model after all passes, its tables stored as `weights`."""
    model = ir.from_proto(proto)
    common.LiftConstantsToInitializersPass()(model)
    common.LiftSubgraphInitializersToMainGraphPass()(model)
    tidy(model)
    plain_ids(model)
    plain_shapes(model)
    selects(model)
    loops_to_scans(model)
    merge_states(model)
    last_states(model)
    project_ahead(model)
    fold_tables(model)
    if text.padding == "pre":
        masks_to_zero_rows(model, text.pad_id)
    products_to_gemm(model)
    if text.padding == "pre":
        skip_padding(model, text.maxlen, text.pad_id)
        pool_in_loop(model)
    store_weights(model, text.num_words, weights)
    # Nothing of TensorFlow's names and notes is of use to a reader or to onnxruntime.
    common.NameFixPass()(model)
    common.ClearMetadataAndDocStringPass()(model)
    rewritten: onnx.ModelProto = ir.to_proto(model)
    return rewritten
