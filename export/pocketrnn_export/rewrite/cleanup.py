"""Passes that undo what TensorFlow and tf2onnx wrap around simple things."""

import numpy as np
import onnx
import onnx.reference
import onnx_ir as ir

from .graph import constant, insert, made_by, nodes
from .tidy import tidy


def plain_ids(model: ir.Model) -> None:
    """Look words up by their ids themselves, where the lookup allows for negative ones.

    Keras adds the table's size to negative indices, a dozen nodes. Ids are never negative, so
    where the computed index of every id is that id, the computation goes.
    """
    ids = model.graph.inputs[0]
    for gather in nodes(model.graph, "Gather"):
        table, index = constant(gather.inputs[0]), gather.inputs[1]
        if table is None or table.ndim != 2 or index is None or index is ids:
            continue
        part = ir.convenience.extract(model.graph, [ids], [index])
        proto = ir.to_proto(ir.Model(part, ir_version=model.ir_version))
        every = np.arange(len(table), dtype=np.int32)[None]
        (computed,) = onnx.reference.ReferenceEvaluator(proto).run(None, {ids.name: every})
        if np.array_equal(computed, every):
            gather.replace_input_with(1, ids)
    tidy(model)


def selects(model: ir.Model) -> None:
    """Turn `mask * new + (not mask) * old` into `Where(mask, new, old)`.

    tf2onnx spells TensorFlow's SelectV2 out in this way, with casts between bool and float.
    """
    for graph in (model.graph, *model.graph.subgraphs()):
        for add in nodes(graph, "Add"):
            one, other = (_switched(value) for value in add.inputs)
            if one is None or other is None:
                continue
            for (mask, new), (switch, old) in ((one, other), (other, one)):
                inverse = made_by(switch, "Not")
                if inverse is not None and inverse.inputs[0] is mask:
                    where = insert(add, "Where", mask, new, old)
                    where.dtype = add.outputs[0].dtype
                    add.outputs[0].replace_all_uses_with(where, replace_graph_outputs=True)
                    break
    tidy(model)


def _switched(product: ir.Value | None) -> tuple[ir.Value, ir.Value] | None:
    """Return (switch, value) where `product` is `Cast(switch) * value`, switch being bool."""
    multiply = made_by(product, "Mul")
    if multiply is None:
        return None
    for cast, value in (multiply.inputs, multiply.inputs[::-1]):
        node = made_by(cast, "Cast")
        if node is not None and value is not None:
            switch = node.inputs[0]
            comparison = switch.producer() if switch is not None else None
            is_bool = switch is not None and (
                switch.dtype == ir.DataType.BOOL
                or (comparison is not None and comparison.op_type in ("Not", "Equal", "Less"))
                or made_by(switch, "Gather") is not None
            )
            if switch is not None and is_bool:
                return switch, value
    return None
