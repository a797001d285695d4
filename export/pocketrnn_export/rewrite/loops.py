"""Passes that turn tf2onnx's counted `Loop` into a `Scan` that does no more than the cell.

The `Loop` that a Keras recurrent layer becomes counts its steps three times, compares the counts
as floats, picks its inputs by `Gather` and keeps every state. A `Scan` is told its sequences.
"""

import onnx_ir as ir

from .graph import constant, is_constant, is_used, is_zeros, made_by, nodes, sources, state_count
from .tidy import tidy


def loops_to_scans(model: ir.Model) -> None:
    """Replace each Loop that steps through sequences from first to last by a Scan."""
    for loop in nodes(model.graph, "Loop"):
        _loop_to_scan(loop)
    tidy(model)


def _loop_to_scan(loop: ir.Node) -> None:
    """Replace one Loop, or leave it as it is where it isn't understood.

    Understood is: carried values that count from 0 by 1, that never change, or others (the
    states); sequences that a counter indexes; as many trips as a sequence has steps; and nothing
    else that depends on the counts.
    """
    body, outer = loop.attributes["body"].as_graph(), loop.graph
    carried, initial = body.inputs[2:], loop.inputs[2:]
    updates, collected = body.outputs[1 : 1 + len(carried)], body.outputs[1 + len(carried) :]
    counters = [i for i, value in enumerate(carried) if _counts(value, updates[i], initial[i])]
    fixed = [i for i, value in enumerate(carried) if updates[i] is value]
    states = [i for i in range(len(carried)) if i not in counters and i not in fixed]

    counts = [carried[i] for i in counters]
    picks = [node for node in nodes(body, "Gather") if _picks_step(node, counts, body)]
    picked = [node.outputs[0] for node in picks]
    results = [*(updates[i] for i in states), *collected]
    needed = [
        value for result in results for value in sources(result, stop=lambda value: value in picked)
    ]
    if (
        not picks
        or any(value in needed for value in (*counts, *body.inputs[:2]))
        or any(is_used(loop.outputs[i]) for i in (*counters, *fixed))
        or any(carried[i] in _condition(body, picked) for i in states)
        or not _trips_are_steps(loop.inputs[0], [node.inputs[0] for node in picks])
    ):
        return

    # Values can be of one graph only: the old body lets go of those that the new one takes.
    body.outputs.clear()
    body.inputs.clear()
    for i in fixed:
        carried[i].replace_all_uses_with(initial[i])
    slices: dict[ir.Value, ir.Value] = {}
    for node in picks:
        sequence = node.inputs[0]
        if sequence not in slices:
            slices[sequence] = ir.Value(name=f"{sequence.name}_step", type=node.outputs[0].type)
        node.outputs[0].replace_all_uses_with(slices[sequence])
    moved = [
        node
        for node in body
        if node not in picks and any(value in needed for value in node.outputs)
    ]
    body.remove(moved)
    outputs: list[ir.Value] = []
    for result in results:
        if result.producer() not in moved:
            identity = ir.node("Identity", [result])
            identity.outputs[0].type = result.type
            moved.append(identity)
            result = identity.outputs[0]
        # Keras's recurrent layers compute in float32, and a body's outputs must state a type.
        result.type = result.type or ir.TensorType(ir.DataType.FLOAT)
        outputs.append(result)
    scan = ir.node(
        "Scan",
        [*(initial[i] for i in states), *slices],
        attributes={
            "body": ir.Graph(
                [*(carried[i] for i in states), *slices.values()], outputs, nodes=moved, name="step"
            ),
            "num_scan_inputs": len(slices),
        },
        num_outputs=len(results),
    )
    outer.insert_before(loop, scan)
    replaced = [*(loop.outputs[i] for i in states), *loop.outputs[len(carried) :]]
    for old, new in zip(replaced, scan.outputs, strict=True):
        new.type = old.type
        old.replace_all_uses_with(new, replace_graph_outputs=True)
    outer.remove(loop, safe=True)
    # What stays behind would still count as a reader of the outer graph's values.
    for node in reversed(list(body)):
        body.remove(node, safe=True)


def _condition(body: ir.Graph, picked: list[ir.Value]) -> list[ir.Value]:
    """Return all that decides whether there is another trip."""
    condition = list(sources(body.outputs[0], stop=lambda value: value in picked))
    # A condition on the sequence is as good as one on a state.
    return condition if not any(value in picked for value in condition) else list(body.inputs)


def _counts(value: ir.Value, update: ir.Value, initial: ir.Value) -> bool:
    add = made_by(update, "Add")
    return (
        add is not None
        and is_constant(initial, 0)
        and value in add.inputs
        and any(is_constant(step, 1) for step in add.inputs)
    )


def _picks_step(gather: ir.Node, counts: list[ir.Value], body: ir.Graph) -> bool:
    axis = gather.attributes.get("axis")
    sequence, index = gather.inputs
    return index in counts and sequence.graph is not body and (axis is None or axis.as_int() == 0)


def _trips_are_steps(trips: ir.Value, sequences: list[ir.Value]) -> bool:
    """Tell whether `trips` is the first dimension of one of `sequences`, reversed or not."""
    forward = [node.inputs[0] for value in sequences if (node := made_by(value, "ReverseSequence"))]
    fixed = constant(trips)
    if fixed is not None:
        return any(_first_dimension(value) == int(fixed) for value in [*sequences, *forward])
    node = trips.producer()
    while node is not None and node.op_type in ("Cast", "Squeeze", "Slice"):
        if node.op_type == "Slice" and not is_constant(node.inputs[1], 0):
            return False
        node = node.inputs[0].producer()
    return node is not None and node.op_type == "Shape" and node.inputs[0] in [*sequences, *forward]


def _first_dimension(sequence: ir.Value) -> int | None:
    """Return the first dimension where it is known: of windows made time-major."""
    transpose = made_by(sequence, "Transpose")
    reshape = made_by(transpose.inputs[0], "Reshape") if transpose is not None else None
    shape = constant(reshape.inputs[1]) if reshape is not None else None
    return (
        None
        if shape is None or transpose is None
        else int(shape[transpose.attributes["perm"].as_ints()[0]])
    )


def merge_states(model: ir.Model) -> None:
    """Keep one of two states that start at zero and change alike.

    A masked Keras layer carries its last output beside its state; for SimpleRNN and GRU they
    are the same.
    """
    for scan in nodes(model.graph, "Scan"):
        body = scan.attributes["body"].as_graph()
        count = state_count(scan)
        zero = [i for i in range(count) if is_zeros(scan.inputs[i])]
        for i in zero:
            for j in zero:
                pair = (body.inputs[i], body.inputs[j])
                if i < j and _alike(body.outputs[i], body.outputs[j], pair):
                    body.inputs[j].replace_all_uses_with(body.inputs[i])
                    scan.outputs[j].replace_all_uses_with(scan.outputs[i])
    tidy(model)


def _alike(a: ir.Value, b: ir.Value, equal: tuple[ir.Value, ir.Value]) -> bool:
    """Tell whether two values are computed alike, given that those of `equal` are the same."""
    if a is b or (a in equal and b in equal):
        return True
    one, other = a.producer(), b.producer()
    return (
        one is not None
        and other is not None
        and one.op_type == other.op_type
        and not one.attributes
        and not other.attributes
        and len(one.inputs) == len(other.inputs)
        and all(_alike(x, y, equal) for x, y in zip(one.inputs, other.inputs, strict=True))
    )


def last_states(model: ir.Model) -> None:
    """Read a layer's last state from the Scan, rather than keep all of them to slice one off."""
    for scan in nodes(model.graph, "Scan"):
        body = scan.attributes["body"].as_graph()
        count = state_count(scan)
        for collected, kept in zip(scan.outputs[count:], body.outputs[count:], strict=True):
            identity = made_by(kept, "Identity")
            state = identity.inputs[0] if identity is not None else kept
            if state not in body.outputs[:count]:
                continue
            final = scan.outputs[body.outputs.index(state)]
            for slice_ in [node for node, _ in collected.uses() if _takes_last(node)]:
                for squeeze in [node for node, _ in slice_.outputs[0].uses()]:
                    if squeeze.op_type == "Squeeze" and is_constant(squeeze.inputs[1], 0):
                        squeeze.outputs[0].replace_all_uses_with(final, replace_graph_outputs=True)
    tidy(model)


def _takes_last(node: ir.Node) -> bool:
    """Tell whether `node` is `x[-1:]`."""
    if node.op_type != "Slice" or len(node.inputs) < 4:
        return False
    _, start, end, axis = node.inputs[:4]
    last = constant(end)
    return (
        is_constant(start, -1) and is_constant(axis, 0) and last is not None and last.min() > 2**30
    )
