"""Passes that take work on a step's input out of the loop, and then out of the graph."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from .graph import constant, initializer, insert, is_constant, is_zeros, made_by, nodes, state_count
from .tidy import replace_scan, tidy


def project_ahead(model: ir.Model) -> None:
    """Multiply a whole sequence by the input kernel ahead of the loop, not step by step.

    `x_t @ W + b` doesn't depend on the state. One product of the sequence is faster than one a
    step, and for the first layer `fold_tables` then makes it a lookup.
    """
    for scan in nodes(model.graph, "Scan"):
        _project_ahead(scan)
    tidy(model)


def _project_ahead(scan: ir.Node) -> None:
    body = scan.attributes["body"].as_graph()
    count = state_count(scan)
    sequences: list[tuple[ir.Value, ir.Value]] = []
    for outside, inside in zip(scan.inputs[count:], body.inputs[count:], strict=True):
        products = [node for node, _ in inside.uses()]
        if not products or not all(
            node.op_type == "MatMul"
            and node.inputs[0] is inside
            # The kernel must be known outside as well.
            and constant(node.inputs[1]) is not None
            for node in products
        ):
            sequences.append((outside, inside))
            continue
        for product in products:
            projected = insert(scan, "MatMul", outside, product.inputs[1])
            target = product.outputs[0]
            uses = target.uses()
            if len(uses) == 1 and uses[0].node.op_type == "Add":
                add = uses[0].node
                bias = add.inputs[1 - uses[0].idx]
                array = constant(bias)
                if array is not None and array.ndim <= 1:
                    projected = insert(scan, "Add", projected, bias)
                    target = add.outputs[0]
            step = ir.Value(name=f"{target.name}_ahead", type=target.type)
            target.replace_all_uses_with(step, replace_graph_outputs=True)
            sequences.append((projected, step))
    if [inside for _, inside in sequences] != list(body.inputs[count:]):
        replace_scan(
            scan,
            list(zip(scan.inputs[:count], body.inputs[:count], strict=True)),
            sequences,
            list(zip(scan.outputs, body.outputs, strict=True)),
        )


def fold_tables(model: ir.Model) -> None:
    """Look up `Embedding(t) @ W + b` in a table, as it depends on the token alone.

    Operators between the lookup and the product that only move rows move ids just as well, and
    an id is a fraction of a row.
    """
    graph = model.graph
    for product in nodes(graph, "MatMul"):
        movers: list[ir.Node] = []
        gather = product.inputs[0].producer()
        while gather is not None and _moves_rows(gather):
            movers.append(gather)
            gather = gather.inputs[0].producer()
        kernel, table = constant(product.inputs[1]), _table(gather)
        if table is None or kernel is None:
            continue
        # In double precision, so that rounding happens once.
        folded = table.astype(np.float64) @ kernel.astype(np.float64)
        last = product
        uses = product.outputs[0].uses()
        if len(uses) == 1 and uses[0].node.op_type == "Add":
            bias = constant(uses[0].node.inputs[1 - uses[0].idx])
            if bias is not None and bias.ndim <= 1:
                folded = folded + bias.astype(np.float64)
                last = uses[0].node
        index = gather.inputs[1]
        _tell_shape(gather.outputs[0], index, table.shape[1])
        for mover in reversed(movers):
            index = _move_ids(product, mover, index)
            _tell_shape(mover.outputs[0], index, table.shape[1])
        rows = initializer(graph, "table", folded.astype(np.float32))
        moved = insert(product, "Gather", rows, index, axis=0)
        moved.type = last.outputs[0].type
        last.outputs[0].replace_all_uses_with(moved, replace_graph_outputs=True)
    graph.sort()
    tidy(model)


def _tell_shape(rows: ir.Value, ids: ir.Value, width: int) -> None:
    """Answer `Shape(rows)` from the ids', so that it doesn't keep the unfolded table in use."""
    for node in [node for node, _ in rows.uses() if node.op_type == "Shape"]:
        columns = initializer(node.graph, "width", np.array([width]))
        shape = insert(node, "Concat", insert(node, "Shape", ids), columns, axis=0)
        node.outputs[0].replace_all_uses_with(shape, replace_graph_outputs=True)


def _table(gather: ir.Node | None) -> NDArray[np.generic] | None:
    """Return the table of rows that `gather` looks up by id, if it does that."""
    if gather is None or gather.op_type != "Gather":
        return None
    axis = gather.attributes.get("axis")
    table = constant(gather.inputs[0])
    is_lookup = table is not None and table.ndim == 2 and (axis is None or axis.as_int() == 0)
    return table if is_lookup else None


def _moves_rows(node: ir.Node) -> bool:
    """Tell whether an operator keeps the last axis, of known width, as it is."""
    if node.op_type == "Transpose":
        permutation: list[int] = list(node.attributes["perm"].as_ints())
        return permutation[-1] == len(permutation) - 1
    if node.op_type == "Reshape":
        # To a width that is the table's: of any other, the product wouldn't be defined.
        shape = constant(node.inputs[1])
        return shape is not None and int(shape[-1]) > 0
    return bool(node.op_type == "ReverseSequence")


def _move_ids(before: ir.Node, mover: ir.Node, ids: ir.Value) -> ir.Value:
    """Do to ids what `mover` does to their rows."""
    if mover.op_type == "Transpose":
        return insert(before, "Transpose", ids, perm=list(mover.attributes["perm"].as_ints())[:-1])
    if mover.op_type == "Reshape":
        shape = constant(mover.inputs[1])
        if shape is not None:
            return insert(before, "Reshape", ids, initializer(before.graph, "shape", shape[:-1]))
    attributes = {name: attribute.value for name, attribute in mover.attributes.items()}
    return insert(before, mover.op_type, ids, *mover.inputs[1:], **attributes)


def masks_to_zero_rows(model: ir.Model, pad_id: int) -> None:
    """Give padding a row of zeros, instead of asking at each step whether to skip it.

    From a state of zero, a step with an input of zero gives `act(0 @ U + 0)`, which is zero for
    tanh and relu: just what a masked step gives. So it holds for padding on the left, where
    each text starts with it.
    """
    for scan in nodes(model.graph, "Scan"):
        body = scan.attributes["body"].as_graph()
        count = state_count(scan)
        if count != 1 or not is_zeros(scan.inputs[0]):
            continue
        outside = dict(zip(body.inputs, scan.inputs, strict=True))
        state, where = body.inputs[0], made_by(body.outputs[0], "Where")
        if where is None or where.inputs[2] is not state:
            continue
        mask, new, _ = where.inputs
        activation = new.producer()
        if activation is None or activation.op_type not in ("Tanh", "Relu"):
            continue
        add = made_by(activation.inputs[0], "Add")
        steps = [value for value in (add.inputs if add is not None else ()) if value in outside]
        if len(steps) != 1 or not _is_recurrent_product(add, steps[0], state):
            continue
        gather = outside[steps[0]].producer()
        table = _table(gather)
        if (
            table is None
            or mask not in outside
            or not masks(outside[mask], pad_id)
            or len(gather.inputs[0].uses()) > 1
        ):
            continue
        zeroed = table.copy()
        zeroed[pad_id] = 0
        gather.replace_input_with(0, initializer(model.graph, "table", zeroed))
        where.outputs[0].replace_all_uses_with(new, replace_graph_outputs=True)
    tidy(model)


def _is_recurrent_product(add: ir.Node | None, step: ir.Value, state: ir.Value) -> bool:
    if add is None:
        return False
    other = add.inputs[1] if add.inputs[0] is step else add.inputs[0]
    product = made_by(other, "MatMul")
    return (
        product is not None
        and product.inputs[0] is state
        and constant(product.inputs[1]) is not None
    )


def masks(mask: ir.Value, pad_id: int) -> bool:
    """Tell whether `mask` is `ids != pad_id`, moved about."""
    node = mask.producer()
    while node is not None and node.op_type in ("Cast", "Transpose", "Unsqueeze", "Reshape"):
        node = node.inputs[0].producer()
    if node is None or node.op_type != "Not":
        return False
    equal = made_by(node.inputs[0], "Equal")
    return (
        equal is not None
        and equal.inputs[0].is_graph_input()
        and is_constant(equal.inputs[1], pad_id)
    )


def products_to_gemm(model: ir.Model) -> None:
    """Let one Gemm do a step's `x_t + h @ U`: what is left of a step are two operators."""
    for scan in nodes(model.graph, "Scan"):
        body = scan.attributes["body"].as_graph()
        for add in nodes(body, "Add"):
            for product, other in (add.inputs, add.inputs[::-1]):
                node = made_by(product, "MatMul")
                if (
                    node is not None
                    and node.inputs[0] in body.inputs
                    and constant(node.inputs[1]) is not None
                    and len(node.outputs[0].uses()) == 1
                ):
                    gemm = insert(add, "Gemm", *node.inputs, other)
                    gemm.type = add.outputs[0].type
                    add.outputs[0].replace_all_uses_with(gemm, replace_graph_outputs=True)
                    break
    tidy(model)
