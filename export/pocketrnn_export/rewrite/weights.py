"""The pass that stores the tables in fewer bytes; nearly all of a file is tables."""

from typing import Literal

import numpy as np
import onnx_ir as ir

from .graph import constant, initializer, insert, nodes
from .tidy import tidy

Weights = Literal["float32", "int16", "float16", "int8"]


def store_weights(model: ir.Model, rows: int, weights: Weights) -> None:
    """Store each table that has a row for each id in fewer bits.

    int16 has a scale a column, int8 a scale a row. int16 takes as many bytes as float16 and rounds
    three times finer or better: numbers of one size don't need float16's exponents.
    """
    if weights == "float32":
        return
    for gather in nodes(model.graph, "Gather"):
        table = constant(gather.inputs[0])
        if table is None or table.ndim != 2 or len(table) != rows or not _is_ids(gather.inputs[1]):
            continue
        if weights == "float16":
            # Cast before the lookup: onnxruntime does that once, when it loads the file.
            half = initializer(model.graph, "table", table.astype(np.float16))
            gather.replace_input_with(0, insert(gather, "Cast", half, to=ir.DataType.FLOAT))
        elif weights == "int16":
            step = np.abs(table).max(axis=0) / np.float32(32767)
            step[step == 0] = 1
            small = initializer(model.graph, "table", np.rint(table / step).astype(np.int16))
            # Before the lookup, as above.
            value = insert(gather, "Cast", small, to=ir.DataType.FLOAT)
            scales = initializer(model.graph, "scale", step.astype(np.float32))
            gather.replace_input_with(0, insert(gather, "Mul", value, scales))
        else:
            scale = np.abs(table).max(axis=1, keepdims=True) / 127
            scale[scale == 0] = 1
            small = initializer(model.graph, "table", np.rint(table / scale).astype(np.int8))
            scales = initializer(model.graph, "scale", scale.astype(np.float32))
            # Behind the lookup, so that only the rows that a text uses are made floats.
            found = insert(gather, "Gather", small, gather.inputs[1], axis=0)
            factor = insert(gather, "Gather", scales, gather.inputs[1], axis=0)
            value = insert(gather, "Cast", found, to=ir.DataType.FLOAT)
            product = insert(gather, "Mul", value, factor)
            gather.outputs[0].replace_all_uses_with(product, replace_graph_outputs=True)
    tidy(model)


def _is_ids(index: ir.Value) -> bool:
    """Tell whether `index` is the graph's ids, moved about."""
    node = index.producer()
    while node is not None and node.op_type in ("Transpose", "Reshape", "ReverseSequence"):
        index = node.inputs[0]
        node = index.producer()
    return bool(index.is_graph_input())
