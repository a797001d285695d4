"""The pass that lets the loop start behind the padding."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from pocketrnn.session import import_onnxruntime

from .graph import initializer, insert, is_zeros, made_by, nodes, sources, state_count
from .tidy import name_values, tidy

# A few units in the last place of a state, which is about 1.
_ROUNDING = 1e-6


def skip_padding(model: ir.Model, maxlen: int, pad_id: int) -> None:
    """Start each loop from the state that `maxlen - time` steps of padding leave behind.

    That state depends on the number of steps alone, so all of them fit into a table with
    maxlen + 1 rows, and the graph may be fed just the steps that a text needs. As a state settles
    where its input stays the same, the table ends where only rounding still moves it. Where
    padding is masked all rows are zero, and the loop starts from zero as it did.
    """
    scans = [
        scan
        for scan in nodes(model.graph, "Scan")
        if all(is_zeros(value) for value in _initial(scan))
    ]
    if not scans:
        return
    name_values(model)
    after = _states_after_padding(model, maxlen, pad_id)
    graph = model.graph
    for scan in scans:
        for i, rows in enumerate(after[scan.name]):
            shape = insert(scan, "Shape", scan.inputs[-1])  # (time, batch, features)
            zero, one, two = (_numbers(graph, [n]) for n in (0, 1, 2))
            batch = insert(scan, "Slice", shape, one, two, zero)
            if not rows.any():
                row = initializer(graph, "zeros", rows[0])
            elif len(rows) == maxlen + 1 and not _is_reversed(scan.inputs[-1]):
                settled = _until_settled(rows)
                time = insert(scan, "Gather", shape, _numbers(graph, 0), axis=0)
                skipped = insert(scan, "Sub", _numbers(graph, maxlen), time)
                last = insert(scan, "Min", skipped, _numbers(graph, len(settled) - 1))
                row = insert(scan, "Gather", initializer(graph, "padding", settled), last, axis=0)
            else:
                continue  # windows that read their padding, or a loop that reads it last
            shape = insert(scan, "Concat", batch, one, axis=0)
            scan.replace_input_with(i, insert(scan, "Expand", row, shape))
    tidy(model)


def _is_reversed(sequence: ir.Value) -> bool:
    ids_and_movers = sources(sequence, stop=lambda value: made_by(value, "Scan") is not None)
    return any(made_by(value, "ReverseSequence") is not None for value in ids_and_movers)


def _initial(scan: ir.Node) -> list[ir.Value]:
    return list(scan.inputs[: state_count(scan)])


def _states_after_padding(
    model: ir.Model, maxlen: int, pad_id: int
) -> dict[str, list[NDArray[np.float32]]]:
    """Run the graph on nothing but padding: each Scan's states, (steps + 1, units), by its name."""
    copy = ir.from_proto(ir.to_proto(model))
    copy.graph.outputs.clear()
    for scan in nodes(copy.graph, "Scan"):
        body = scan.attributes["body"].as_graph()
        for state in body.outputs[: len(_initial(scan))]:
            # Beside the last state, collect all of them.
            every = ir.node("Identity", [state])
            every.outputs[0].type = state.type
            body.append(every)
            body.outputs.append(every.outputs[0])
            scan.resize_outputs(len(scan.outputs) + 1)
            scan.outputs[-1].name = f"{scan.name}_{len(scan.outputs)}"
            scan.outputs[-1].type = ir.TensorType(ir.DataType.FLOAT)
            copy.graph.outputs.append(scan.outputs[-1])
    session = import_onnxruntime().InferenceSession(
        ir.to_proto(copy).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    padding = np.full((1, maxlen), pad_id, np.int32)
    collected = iter(session.run(None, {"ids": padding}))
    return {
        scan.name: [
            np.vstack([np.zeros_like(steps[:1, 0]), steps[:, 0]])
            for _, steps in zip(_initial(scan), collected, strict=False)
        ]
        for scan in nodes(copy.graph, "Scan")
    }


def _until_settled(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    moves = np.flatnonzero(np.abs(rows - rows[-1]).max(axis=1) > _ROUNDING)
    return rows[: moves[-1] + 2] if len(moves) else rows[:1]


def _numbers(graph: ir.Graph, numbers: int | list[int]) -> ir.Value:
    return initializer(graph, "number", np.array(numbers, np.int64))
