"""What each operator that a model may use makes of the sizes of its inputs.

The operators are those that tf2onnx 1.17 made of Keras networks of all the kinds that the tests
export, rewritten or not, and their like: arithmetic, products, convolutions, reductions, moving
values about. What isn't here can't be in a model. Each rule follows the operator's specification
(github.com/onnx/onnx/blob/main/docs/Operators.md) at opset 15.
"""

from collections.abc import Callable, Sequence

from ...errors import UnsafeGraphError
from . import moving
from .graph import BOOL, FLOAT, FLOATS, INT32, INT64, NUMBERS, Constant
from .sizes import ONE, Size, most, product, quotient, total
from .values import INT32_MAX, Call, Shape, Value, axis_of, broadcast

Rule = Callable[[Call], list[Value]]


def kind(call: Call) -> int:
    """Return the type of what a node makes; 0 if that doesn't matter."""
    operator = call.node.operator
    if operator == "Cast":
        return call.integer("to", 0)
    if operator in ("Constant", "ConstantOfShape"):
        value = call.node.attributes.get("value")
        other = INT64 if operator == "Constant" else FLOAT
        return value.kind if isinstance(value, Constant) else other
    if operator in ("Shape", "Size", "ArgMax", "ArgMin"):
        return INT64
    if operator in COMPARISONS:
        return BOOL
    return call.input(1 if operator == "Where" else 0).kind


def _first(call: Call) -> list[Value]:
    return [Value(call.input(0).shape)]


def _kept(call: Call) -> list[Value]:
    return [call.input(0)]


def _cast(call: Call) -> list[Value]:
    value = call.input(0)
    to = call.integer("to", 0)
    if to not in NUMBERS:
        raise UnsafeGraphError("makes something else of numbers")
    # What fits in 32 bits is the same in 64; a narrower type would wrap around.
    fits = value.numbers and None not in (_unless_it_wraps(n, call) for n in value.numbers)
    return [value if to == INT64 or (to == INT32 and fits) else Value(value.shape)]


def _unless_it_wraps(number: Size | None, call: Call) -> Size | None:
    """Return a number that fits in 32 bits; onnxruntime's integers would wrap around."""
    fits = number is not None and abs(number.for_batch(call.steps)) <= INT32_MAX
    return number if fits else None


# -- arithmetic --------------------------------------------------------------------------------


def _elementwise(call: Call) -> list[Value]:
    values = [call.input(i) for i in range(len(call.inputs))]
    if not values or (call.node.operator in ("Div", "Sub") and len(values) != 2):
        raise UnsafeGraphError("has another number of inputs")
    shape = broadcast(*(value.shape for value in values))
    # Processors trap at the least integer by -1, and some versions of onnxruntime at any by 0.
    if call.node.operator in ("Div", "Mod") and values[0].kind not in FLOATS:
        by = call.input(1).numbers or (None,)
        if any(number is None or not number.exact or number.factor <= 0 for number in by):
            raise UnsafeGraphError("divides by whole numbers that may be 0 or less")
    combine = _ARITHMETIC.get(call.node.operator)
    if combine is None or any(value.numbers is None for value in values):
        return [Value(shape)]
    known = [value.numbers or () for value in values]
    length = max(map(len, known))
    if any(len(value.shape) > 1 for value in values) or any(
        len(n) not in (1, length) for n in known
    ):
        return [Value(shape)]
    numbers = []
    for i in range(length):
        row = [n[i if len(n) > 1 else 0] for n in known]
        result = None if None in row else combine(*(n for n in row if n is not None))
        numbers.append(_unless_it_wraps(result, call))
    return [Value(shape, tuple(numbers))]


def _sum(*numbers: Size) -> Size | None:
    if all(number.factor >= 0 for number in numbers):
        return total(*numbers)
    if len(numbers) != 2:
        return None
    less, more = sorted(numbers, key=lambda number: number.factor)
    if less.constant is None or not more.exact or more.factor + less.factor * more.divisor < 0:
        return None
    return total(more, less) if more.constant is not None else more.at_most()


def _difference(one: Size, other: Size) -> Size | None:
    if not other.exact:
        return None
    if one[1:] == other[1:] and one.factor >= other.factor:
        return product(one._replace(factor=one.factor - other.factor))
    return _sum(one, other._replace(factor=-other.factor))


def _multiplied(*numbers: Size) -> Size | None:
    signed = any(number.factor < 0 for number in numbers)
    return None if signed and not all(n.exact for n in numbers) else product(*numbers)


def _divided(one: Size, other: Size) -> Size | None:
    if one.factor < 0 or other.factor <= 0 or not other.exact:
        return None
    found = quotient(one, other)
    return found if found.divisor == 1 else found.at_most()


def _largest(*numbers: Size) -> Size | None:
    return None if any(number.factor < 0 for number in numbers) else most(*numbers)


_ARITHMETIC: dict[str, Callable[..., Size | None]] = {
    "Add": _sum,
    "Div": _divided,
    "Max": _largest,
    "Min": _largest,
    "Mul": _multiplied,
    "Sub": _difference,
}


def _where(call: Call) -> list[Value]:
    shape = broadcast(*(call.input(i).shape for i in range(3)))
    one, other = call.input(1).numbers, call.input(2).numbers
    if one is None or other is None or len(one) != len(other):
        return [Value(shape)]
    pairs = zip(one, other, strict=True)
    return [Value(shape, tuple(a if a == b else a and b and _largest(a, b) for a, b in pairs))]


# -- products ----------------------------------------------------------------------------------


def _matmul(call: Call) -> list[Value]:
    one, other = call.input(0).shape, call.input(1).shape
    if not one or not other:
        raise UnsafeGraphError("multiplies a number")
    rows = one[-2:-1] if len(one) > 1 else ()
    columns = other[-1:] if len(other) > 1 else ()
    return [Value((*broadcast(one[:-2], other[:-2]), *rows, *columns))]


def _gemm(call: Call) -> list[Value]:
    one, other = call.input(0).shape, call.input(1).shape
    if len(one) != 2 or len(other) != 2:
        raise UnsafeGraphError("multiplies what aren't matrices")
    rows = one[1 if call.integer("transA", 0) else 0]
    return [Value((rows, other[0 if call.integer("transB", 0) else 1]))]


def _convolution(call: Call) -> list[Value]:
    image, kernels = call.input(0).shape, call.input(1).shape
    if len(kernels) < 3:
        raise UnsafeGraphError("has no kernel")
    return [Value((image[0], kernels[0], *_slid(call)))]


def _pool(call: Call) -> list[Value]:
    return [Value((*call.input(0).shape[:2], *_slid(call)))]


def _slid(call: Call) -> Shape:
    """Return how often a kernel fits, at the least stride."""
    image = call.input(0).shape[2:]
    if not image:
        raise UnsafeGraphError("slides along nothing")
    pads = call.integers("pads") or (0,) * 2 * len(image)
    steps = [call.integers(name) or () for name in ("strides", "dilations", "kernel_shape")]
    if min((1, *sum(steps, ()))) < 1 or call.integer("group", 1) < 1:
        raise UnsafeGraphError("has a stride, dilation, kernel or group of less than 1")
    if len(pads) != 2 * len(image) or min(pads) < 0:
        raise UnsafeGraphError("pads another number of dimensions")
    begins, ends = pads[: len(image)], pads[len(image) :]
    return tuple(
        total(size, Size(begin + end + 1)).at_most()
        for size, begin, end in zip(image, begins, ends, strict=True)
    )


def _pool_all(call: Call) -> list[Value]:
    shape = call.input(0).shape
    return [Value((*shape[:2], *(ONE for _ in shape[2:])))]


def _recurrent(call: Call) -> list[Value]:
    sequence, recurrent = call.input(0).shape, call.input(2).shape
    if len(sequence) != 3 or len(recurrent) != 3 or call.integer("layout", 0):
        raise UnsafeGraphError("isn't fed a sequence of batches")
    directions, units = recurrent[0], recurrent[2]
    last = Value((directions, sequence[1], units))
    every = Value((sequence[0], directions, sequence[1], units))
    return [every, *[last] * (len(call.node.outputs) - 1)]


# -- reductions --------------------------------------------------------------------------------


def _reduce(call: Call) -> list[Value]:
    value = call.input(0)
    axes: Sequence[int | None] | None = call.integers("axes")
    if axes is None and (given := call.optional(1)) is not None:
        axes = [number and number.constant for number in call.numbers(1)]
        if given.shape and given.shape[0].constant == 0:
            axes = None
    return [_reduced(call, value, axes)]


def _arg(call: Call) -> list[Value]:
    return [_reduced(call, call.input(0), [call.integer("axis", 0)])]


def _reduced(call: Call, value: Value, axes: Sequence[int | None] | None) -> Value:
    if axes is None and call.integer("noop_with_empty_axes", 0):
        return Value(value.shape)
    rank = len(value.shape)
    gone = set(range(rank)) if axes is None else {axis_of(axis, rank) for axis in axes}
    kept = call.integer("keepdims", 1)
    shape = tuple(
        ONE if i in gone else size for i, size in enumerate(value.shape) if kept or i not in gone
    )
    if call.node.operator != "ReduceProd" or value.numbers is None or rank != 1 or not gone:
        return Value(shape)
    known = [number for number in value.numbers if number is not None]
    result = _multiplied(*known) if len(known) == len(value.numbers) else None
    return Value(shape, (_unless_it_wraps(result, call),))


# -- what doesn't show in sizes ----------------------------------------------------------------


def scratch(call: Call) -> list[Value]:
    """Return what a node holds only while it runs, if that may be large."""
    if call.node.operator != "Conv":
        return []
    # onnxruntime lays out what each place of the kernel covers, one after the other.
    return [Value((call.input(0).shape[0], *_slid(call), *call.input(1).shape[1:]))]


def multiplications(call: Call, made: list[Value]) -> Size:
    """Return how many multiplications a node does, beyond looking at each value once."""
    operator = call.node.operator
    if operator in ("MatMul", "Gemm"):
        shape = call.input(0).shape
        common = shape[-2 if operator == "Gemm" and call.integer("transA", 0) else -1]
        return product(made[0].elements, common)
    if operator == "Conv":
        return product(made[0].elements, *call.input(1).shape[1:])
    if operator in ("MaxPool", "AveragePool"):
        return product(made[0].elements, *map(Size, call.integers("kernel_shape") or ()))
    if operator in RECURRENT:
        weights = total(call.input(1).elements, call.input(2).elements)
        return product(*call.input(0).shape[:2], weights)
    return ONE


COMPARISONS = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
RECURRENT = ("RNN", "GRU", "LSTM")
# These look at a part of their first input, or at its shape alone.
PARTIAL = ("Gather", "Slice", "Shape", "Size")

_SAME_SHAPE = """
Abs Acos Asin Atan BatchNormalization Ceil Celu Clip Cos CumSum Dropout Elu Erf Exp Floor
HardSigmoid HardSwish Hardmax InstanceNormalization IsInf IsNaN LeakyRelu Log LogSoftmax
LpNormalization Neg Not Reciprocal Relu ReverseSequence Round Selu Sigmoid Sign Sin Softmax
Softplus Softsign Sqrt Tan Tanh ThresholdedRelu
"""
_NUMBER_BY_NUMBER = "Add And Div Max Mean Min Mod Mul Or PRelu Pow Sub Sum Xor"
_REDUCTIONS = """
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
ReduceSumSquare
"""

RULES: dict[str, Rule] = {
    **dict.fromkeys(
        _SAME_SHAPE.split(),
        _first,
    ),
    **dict.fromkeys(
        _NUMBER_BY_NUMBER.split(),
        _elementwise,
    ),
    **dict.fromkeys(COMPARISONS, _elementwise),
    **dict.fromkeys(
        _REDUCTIONS.split(),
        _reduce,
    ),
    **dict.fromkeys(RECURRENT, _recurrent),
    "ArgMax": _arg,
    "ArgMin": _arg,
    "AveragePool": _pool,
    "Cast": _cast,
    "Concat": moving.concat,
    "Constant": moving.constant,
    "ConstantOfShape": moving.filled,
    "Conv": _convolution,
    "Expand": moving.expand,
    "Flatten": moving.flatten,
    "Gather": moving.gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _pool_all,
    "GlobalMaxPool": _pool_all,
    "Identity": _kept,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "Pad": moving.pad,
    "Range": moving.ranged,
    "Reshape": moving.reshape,
    "Shape": moving.shape_of,
    "Size": moving.size_of,
    "Slice": moving.sliced,
    "Split": moving.split,
    "Squeeze": moving.squeeze,
    "Tile": moving.tile,
    "Transpose": moving.transpose,
    "Unsqueeze": moving.unsqueeze,
    "Where": _where,
}
