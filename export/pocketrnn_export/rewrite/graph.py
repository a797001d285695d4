"""Small questions that the passes ask of a graph."""

from collections.abc import Callable, Iterator

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray


def nodes(graph: ir.Graph, op_type: str) -> list[ir.Node]:
    """Return the graph's own nodes of one operator: a copy, so that passes may edit."""
    return [node for node in graph if node.op_type == op_type]


def made_by(value: ir.Value | None, op_type: str) -> ir.Node | None:
    """Return the node that computes `value`, if it is of that operator."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type == op_type else None


def constant(value: ir.Value | None) -> NDArray[np.generic] | None:
    """Return the value of an initializer, or None for what is computed."""
    tensor = value.const_value if value is not None else None
    return None if tensor is None else tensor.numpy()


def is_constant(value: ir.Value | None, expected: float) -> bool:
    """Tell whether `value` is a constant of one number, or of many that are all equal to it."""
    array = constant(value)
    return array is not None and bool(np.all(array == expected))


def is_zeros(value: ir.Value | None) -> bool:
    """Tell whether `value` is a tensor of zeros, of whatever shape."""
    if (node := made_by(value, "Expand")) is not None:
        return is_constant(node.inputs[0], 0)
    if (node := made_by(value, "ConstantOfShape")) is not None:
        fill = node.attributes.get("value")
        return fill is None or not np.any(fill.as_tensor().numpy())
    return is_constant(value, 0)


def state_count(scan: ir.Node) -> int:
    """Return how many states a Scan carries: its first inputs and outputs, its body's as well."""
    return len(scan.inputs) - int(scan.attributes["num_scan_inputs"].as_int())


def is_used(value: ir.Value) -> bool:
    """Tell whether a node or the graph's caller reads `value`."""
    return bool(value.uses()) or value.is_graph_output()


def sources(value: ir.Value, stop: Callable[[ir.Value], bool]) -> Iterator[ir.Value]:
    """Yield all that `value` is computed from, down to where `stop` holds (those included)."""
    pending, seen = [value], set()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        node = value.producer()
        if node is not None and not stop(value):
            pending += [source for source in node.inputs if source is not None]


def initializer(graph: ir.Graph, name: str, array: NDArray[np.generic]) -> ir.Value:
    """Add a constant to the graph, under a name that no other has."""
    unique, number = name, 1
    while unique in graph.initializers:
        number += 1
        unique = f"{name}_{number}"
    value = ir.Value(name=unique, const_value=ir.tensor(np.asarray(array, order="C"), name=unique))
    value.shape = ir.Shape(array.shape)
    value.dtype = value.const_value.dtype
    graph.register_initializer(value)
    return value


def insert(before: ir.Node, op_type: str, *inputs: ir.Value, **attributes: object) -> ir.Value:
    """Insert a node with one output ahead of `before`, and return the output."""
    node = ir.node(op_type, inputs, attributes=attributes)
    graph = before.graph
    if graph is None:
        raise ValueError(f"{before.name} isn't in a graph")
    graph.insert_before(before, node)
    return node.outputs[0]
