"""Passes for networks that pool over the states of all steps: sum and maximum, masked."""

import numpy as np
import onnx_ir as ir

from .graph import constant, initializer, insert, is_constant, made_by, nodes
from .inputs import masks
from .tidy import replace_scan, tidy


def pool_in_loop(model: ir.Model, pad_id: int) -> None:
    """Let the loop carry the sum and the maximum of its states, rather than return all states.

    Recognised is what `pocketrnn_train.layers.SqrtnMax` computes from a Scan's states, through
    windows or not: the sum over time of `states * kept`, and the maximum of
    `states * kept - penalty`, the penalty being far below any state where a step is padding.
    Padding on the left leaves states of zero where it is masked, so `* kept` changes nothing.
    """
    for scan in nodes(model.graph, "Scan"):
        body = scan.attributes["body"].as_graph()
        # One state; that state, collected; one sequence, the projected input.
        if len(body.inputs) == 2 and len(body.outputs) == 2:
            _pool_in_loop(scan, pad_id)
    tidy(model)


def _pool_in_loop(scan: ir.Node, pad_id: int) -> None:
    body, graph = scan.attributes["body"].as_graph(), scan.graph
    state = body.outputs[0]
    copied = made_by(body.outputs[1], "Identity")
    batch_major = _only_reader(scan.outputs[1], "Transpose")
    if copied is None or copied.inputs[0] is not state or batch_major is None:
        return
    joined = _only_reader(batch_major.outputs[0], "Reshape")
    states = joined.outputs[0] if joined is not None else batch_major.outputs[0]
    kept = _only_reader(states, "Mul")
    if kept is None or not any(masks(value, pad_id) for value in kept.inputs):
        return
    sums = [node for node, _ in kept.outputs[0].uses() if _over_time(node, "ReduceSum")]
    subtractions = [node for node, _ in kept.outputs[0].uses() if node.op_type == "Sub"]
    if len(sums) != 1 or len(subtractions) != 1 or len(kept.outputs[0].uses()) != 2:
        return
    subtraction = subtractions[0]
    maximum = _only_reader(subtraction.outputs[0], "ReduceMax")
    if maximum is None or not _over_time(maximum, "ReduceMax"):
        return

    # The penalty, (batch, time, 1), in the order in which the loop goes: (step, row, 1).
    penalty = subtraction.inputs[1]
    if joined is not None:
        window = _window(scan)
        if window is None:
            return
        shape = initializer(graph, "windows", np.array([-1, window, 1]))
        penalty = insert(scan, "Reshape", penalty, shape)
    penalty = insert(scan, "Transpose", penalty, perm=[1, 0, 2])

    zeros = made_by(scan.inputs[0], "Expand")
    zero_row = constant(zeros.inputs[0]) if zeros is not None else None
    if zeros is None or zero_row is None or zero_row.any():
        return
    lowest = initializer(graph, "lowest", np.full_like(zero_row, np.finfo(np.float32).min))
    start = insert(scan, "Expand", lowest, zeros.inputs[1])
    float_type = ir.TensorType(ir.DataType.FLOAT)
    total, highest, step = (
        ir.Value(name=name, type=float_type) for name in ("total", "highest", "penalty_step")
    )
    new_total = ir.node("Add", [total, state])
    penalised = ir.node("Sub", [state, step])
    new_highest = ir.node("Max", [highest, penalised.outputs[0]])
    body.extend([new_total, penalised, new_highest])
    for node in (new_total, new_highest):
        node.outputs[0].type = float_type
    replaced = [ir.Value(type=float_type), ir.Value(type=float_type)]
    pooled = replace_scan(
        scan,
        [(scan.inputs[0], body.inputs[0]), (scan.inputs[0], total), (start, highest)],
        [(scan.inputs[1], body.inputs[1]), (penalty, step)],
        [
            (scan.outputs[0], state),
            (replaced[0], new_total.outputs[0]),
            (replaced[1], new_highest.outputs[0]),
            (scan.outputs[1], body.outputs[1]),
        ],
    )
    for node, value in zip((sums[0], maximum), pooled.outputs[1:3], strict=True):
        if joined is not None:
            value = _over_windows(node, value, graph.inputs[0])
        node.outputs[0].replace_all_uses_with(value, replace_graph_outputs=True)


def _over_windows(node: ir.Node, value: ir.Value, ids: ir.Value) -> ir.Value:
    """Reduce (batch * windows, units) to (batch, units), as `node` does over time."""
    graph = node.graph
    zero, one, rest = (initializer(graph, "number", np.array(n)) for n in ([0], [1], [-1]))
    batch = insert(node, "Slice", insert(node, "Shape", ids), zero, one, zero)
    units = insert(node, "Slice", insert(node, "Shape", value), one, _end(graph), zero)
    parts = insert(node, "Reshape", value, insert(node, "Concat", batch, rest, units, axis=0))
    if node.op_type == "ReduceSum":
        return insert(node, "ReduceSum", parts, one, keepdims=0)
    return insert(node, "ReduceMax", parts, axes=[1], keepdims=0)


def _end(graph: ir.Graph) -> ir.Value:
    return initializer(graph, "number", np.array([2]))


def _only_reader(value: ir.Value, op_type: str) -> ir.Node | None:
    """Return the node that reads `value`, if it is the only one and of that operator."""
    uses = value.uses()
    return uses[0].node if len(uses) == 1 and uses[0].node.op_type == op_type else None


def _over_time(node: ir.Node, op_type: str) -> bool:
    """Tell whether `node` reduces axis 1 and drops it."""
    if node.op_type != op_type or node.attributes["keepdims"].as_int() != 0:
        return False
    if "axes" in node.attributes:
        return bool(list(node.attributes["axes"].as_ints()) == [1])
    return is_constant(node.inputs[1], 1)


def _window(scan: ir.Node) -> int | None:
    """Return the steps of a window, from the ids' `Reshape`."""
    gather = made_by(scan.inputs[1], "Gather")
    transpose = made_by(gather.inputs[1], "Transpose") if gather is not None else None
    reshape = made_by(transpose.inputs[0], "Reshape") if transpose is not None else None
    shape = constant(reshape.inputs[1]) if reshape is not None else None
    return None if shape is None or len(shape) != 2 else int(shape[1])
