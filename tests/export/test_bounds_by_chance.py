"""Graphs put together by chance: what is told of their values is what onnxruntime makes of them."""

import random
from fractions import Fraction

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pocketrnn.errors import UnsafeGraphError
from pocketrnn.modelfile.bounds import graph as onnxgraph
from pocketrnn.modelfile.bounds import walk
from pocketrnn.modelfile.bounds.sizes import Size
from pocketrnn.modelfile.bounds.values import Value
from pocketrnn.session import errors, import_onnxruntime

BATCHES = ((1, 1), (2, 3), (3, 5), (1, 4))
ENDS = (2**31 - 1, 2**63 - 1, -(2**31), -(2**63), 0, 1, 2, -1, -2, 5)


class Chance:
    """Puts nodes together that compute with sizes."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.constants: list[onnx.TensorProto] = []
        self.names = ["shape"]
        for _ in range(4):
            length = self.draw.randrange(4)
            row = [self.draw.randint(-1, 5) for _ in range(length)]
            self.names.append(self.constant(row if length else self.draw.randint(-2, 6)))

    def constant(self, value: object) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.int64), name))
        return name

    def nodes(self, number: int) -> list[onnx.NodeProto]:
        """Return an operation on what there is, and what has to come before it."""
        draw, made = self.draw, f"made_{number}"
        one, other = (draw.choice(self.names[-5:] + self.names) for _ in range(2))
        axis = self.constant([draw.choice([0, 0, 1, -1])])
        kinds: dict[str, tuple[list[str], dict[str, object]]] = {
            **{name: ([one, other], {}) for name in ("Add", "Sub", "Mul", "Div", "Min", "Max")},
            **{name: ([one], {}) for name in ("Shape", "Size", "Transpose", "Identity")},
            **{name: ([one, other], {}) for name in ("Expand", "Tile")},
            **{name: ([one, axis], {}) for name in ("Squeeze", "Unsqueeze")},
            "Concat": ([one, other], {"axis": 0}),
            "Gather": ([one, self.constant(draw.choice([0, -1, [0], [1, 0], [0, 0, 0]]))], {}),
            "Slice": (
                [
                    one,
                    *(self.constant([draw.choice(ENDS)]) for _ in range(2)),
                    axis,
                    self.constant([draw.choice([1, 1, -1, 2, -2])]),
                ],
                {},
            ),
            "Reshape": ([one, self.constant(draw.choice([[-1], [1, -1], [0, -1], [1], []]))], {}),
            "ReduceProd": ([one], {"keepdims": draw.randrange(2), "axes": [0]}),
            "ConstantOfShape": ([one], {"value": numpy_helper.from_array(np.array([2]))}),
            "Range": (
                [self.constant(draw.randrange(2)), one, self.constant(draw.choice([1, 2]))],
                {},
            ),
            "Where": ([f"which_{number}", one, other], {}),
        }
        operator = draw.choice(sorted(kinds))
        inputs, attributes = kinds[operator]
        self.names.append(made)
        found = [helper.make_node(operator, inputs, [made], **attributes)]
        if operator == "Where":
            found.insert(
                0, helper.make_node("Equal", [one, draw.choice(self.names[:-1])], inputs[:1])
            )
        return found

    def model(self, nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
        """Return a model that gives out all that the nodes make."""
        made = [name for node in nodes for name in node.output if not name.startswith("which")]
        graph = helper.make_graph(
            [helper.make_node("Shape", ["ids"], ["shape"]), *nodes],
            "chance",
            [helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "time"])],
            [helper.make_tensor_value_info(name, TensorProto.INT64, None) for name in made],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def told(model: onnx.ModelProto) -> list[Value]:
    """Return what is known of the outputs; UnsafeGraphError if the graph is refused."""
    graph = onnxgraph.read(memoryview(model.graph.SerializeToString()))
    ids = Value((walk.BATCH, walk.TIME), kind=onnxgraph.INT32)
    return walk.Walk(500, 10_000).graph(graph, walk.ChainMap(), [ids], walk.ONE)


def holds(size: Size, real: int, batch: int, time: int) -> bool:
    most = Fraction(size.factor, size.divisor) * batch**size.batch * time**size.time
    return real == most if size.exact else 0 <= real <= most


def check(values: list[Value], model: onnx.ModelProto) -> bool:
    """Compare with what onnxruntime makes for several batches; tell whether it ran at all."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    refused = errors()
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    except refused:
        return False
    ran = False
    for batch, time in BATCHES:
        try:
            arrays = session.run(None, {"ids": np.zeros((batch, time), np.int32)})
        except refused:
            continue
        ran = True
        for value, array in zip(values, arrays, strict=True):
            where = (str(model.graph.node), batch, time, value, array)
            assert len(value.shape) == array.ndim, where
            for size, real in zip(value.shape, array.shape, strict=True):
                assert holds(size, real, batch, time), where
            if value.numbers is not None:
                assert len(value.numbers) == array.size, where
                for number, real in zip(value.numbers, array.ravel().tolist(), strict=True):
                    assert number is None or holds(number, real, batch, time), where
    return ran


@pytest.mark.slow
def test_what_is_told_is_so() -> None:
    compared = 0
    for seed in range(1500):
        chance, kept = Chance(seed), list[onnx.NodeProto]()
        for number in range(8):
            # One more operation, if it is let through and can be run.
            longer = [*kept, *chance.nodes(number)]
            model = chance.model(longer)
            try:
                values = told(model)
            except UnsafeGraphError:
                chance.names.pop()
                continue
            if check(values, model):
                kept = longer
                compared += len(values)
            else:
                chance.names.pop()
    assert compared > 5000
