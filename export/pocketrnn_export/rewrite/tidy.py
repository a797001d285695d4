"""What every pass ends with: removing what it made redundant."""

import onnx_ir as ir
from onnx_ir.passes import common

from .graph import is_used, nodes, state_count


def tidy(model: ir.Model) -> None:
    """Remove identities, repeated computations and what nothing uses; loop bodies too."""
    common.IdentityEliminationPass()(model)
    common.CommonSubexpressionEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)
    for scan in nodes(model.graph, "Scan"):
        _drop_unused(scan)
    common.RemoveUnusedNodesPass()(model)
    for name, value in list(model.graph.initializers.items()):
        if not is_used(value):
            del model.graph.initializers[name]
    # What a loop body returns twice must be two values, however equal.
    for body in model.graph.subgraphs():
        outputs = list(body.outputs)
        for i, value in enumerate(outputs):
            if value in outputs[:i]:
                copy = ir.node("Identity", [value])
                copy.outputs[0].type = value.type
                body.append(copy)
                body.outputs[i] = copy.outputs[0]


def name_values(model: ir.Model) -> None:
    """Give each node and each value it computes a name of its own, in loop bodies as well.

    onnxruntime wants names in a body to differ from all of the graph around it.
    """
    for number, node in enumerate(model.graph.all_nodes()):
        node.name = f"{node.op_type}_{number}"
        for i, value in enumerate(node.outputs):
            if value.graph is not model.graph or not value.is_graph_output():
                value.name = f"{node.name}.{i}" if i else node.name
    for number, body in enumerate(model.graph.subgraphs()):
        for i, value in enumerate(body.inputs):
            value.name = f"step_{number}.{i}"


def _drop_unused(scan: ir.Node) -> None:
    """Rebuild a Scan without the states and collected sequences that nothing reads."""
    body = scan.attributes["body"].as_graph()
    count = state_count(scan)
    states = [i for i in range(count) if is_used(scan.outputs[i]) or body.inputs[i].uses()]
    steps = [i for i in range(count, len(body.inputs)) if body.inputs[i].uses()]
    outputs = [*states, *(i for i in range(count, len(body.outputs)) if is_used(scan.outputs[i]))]
    if len(states) + len(steps) == len(body.inputs) and len(outputs) == len(body.outputs):
        return
    replace_scan(
        scan,
        [(scan.inputs[i], body.inputs[i]) for i in states],
        [(scan.inputs[i], body.inputs[i]) for i in steps],
        [(scan.outputs[i], body.outputs[i]) for i in outputs],
    )


def replace_scan(
    scan: ir.Node,
    states: list[tuple[ir.Value, ir.Value]],
    sequences: list[tuple[ir.Value, ir.Value]],
    results: list[tuple[ir.Value, ir.Value]],
) -> ir.Node:
    """Put a Scan of the same steps in another's place.

    Each pair is (value outside, value in the body): of the initial states, of the sequences,
    and of the results, which are the old Scan's outputs and take its readers along.
    """
    body, outer = scan.attributes["body"].as_graph(), scan.graph
    moved = list(body)
    body.outputs.clear()
    body.inputs.clear()
    body.remove(moved)
    new = ir.node(
        "Scan",
        [outside for outside, _ in (*states, *sequences)],
        attributes={
            "body": ir.Graph(
                [inside for _, inside in (*states, *sequences)],
                [inside for _, inside in results],
                nodes=moved,
                name="step",
            ),
            "num_scan_inputs": len(sequences),
        },
        num_outputs=len(results),
    )
    outer.insert_before(scan, new)
    for (old, _), output in zip(results, new.outputs, strict=True):
        output.type = old.type
        old.replace_all_uses_with(output, replace_graph_outputs=True)
    outer.remove(scan, safe=True)
    return new
