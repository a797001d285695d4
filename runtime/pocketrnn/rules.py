"""What each operator that a model may use makes of the sizes of its inputs.

The operators are those that tf2onnx 1.17 made of Keras networks of all the kinds that the tests
export, rewritten or not, and their like: arithmetic, products, convolutions, reductions, moving
values about. What isn't here can't be in a model. Each rule follows the operator's specification
(github.com/onnx/onnx/blob/main/docs/Operators.md) at opset 15.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .errors import UnsafeGraphError
from .onnxgraph import BOOL, FLOAT, FLOATS, INT32, INT64, NUMBERS, Constant, Node
from .sizes import ONE, Size, most, product, quotient, total

# More numbers than any shape has aren't followed.
_SHORT = 64
_INT32_MAX, _INT64_MAX = 2**31 - 1, 2**63 - 1

Shape = tuple[Size, ...]
Numbers = tuple[Size | None, ...]


class Value(NamedTuple):
    """What is known of a value in the graph."""

    shape: Shape
    numbers: Numbers | None = None
    """If it is short and made of sizes: those, in order; None for one that isn't known."""
    kind: int = 0
    """The type of its numbers; `kind` adds it to what a rule makes."""

    @classmethod
    def of(cls, constant: Constant) -> "Value":
        """Return a constant's."""
        numbers = None if constant.integers is None else tuple(map(Size, constant.integers))
        return cls(tuple(map(Size, constant.shape)), numbers, constant.kind)

    @property
    def elements(self) -> Size:
        """How many numbers it holds; a dimension of 0 counts as 1, as work goes with the others."""
        return product(*(size if size.factor else ONE for size in self.shape))


@dataclass(frozen=True, slots=True)
class Call:
    """A node and what is known of its inputs."""

    node: Node
    inputs: tuple[Value | None, ...]
    """None where an optional input is left out."""
    steps: int
    """The longest text."""

    def input(self, number: int) -> Value:
        """Return an input that must be there."""
        value = self.optional(number)
        if value is None:
            raise UnsafeGraphError(f"has no input {number}")
        return value

    def optional(self, number: int) -> Value | None:
        """Return an input, or None."""
        return self.inputs[number] if number < len(self.inputs) else None

    def numbers(self, number: int) -> Numbers:
        """Return the numbers in an input that says how large something is to be."""
        numbers = self.input(number).numbers
        if numbers is None:
            raise UnsafeGraphError(f"makes a size of values that aren't sizes (input {number})")
        return numbers

    def integer(self, name: str, default: int) -> int:
        """Return an attribute."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, int):
            raise UnsafeGraphError(f"attribute {name} isn't a whole number")
        return value

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return an attribute that is a list, or None if it isn't there."""
        value = self.node.attributes.get(name)
        if value is not None and not isinstance(value, tuple):
            raise UnsafeGraphError(f"attribute {name} isn't a list of whole numbers")
        return value


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
    fits = value.numbers and all(
        number is not None and abs(number.for_batch(call.steps)) <= _INT32_MAX
        for number in value.numbers
    )
    return [value if to == INT64 or (to == INT32 and fits) else Value(value.shape)]


# -- arithmetic --------------------------------------------------------------------------------


def broadcast(*shapes: Shape) -> Shape:
    """Return the shape of what combines values number by number."""
    rank = max(map(len, shapes))
    aligned = [(ONE,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(_together(sizes) for sizes in zip(*aligned, strict=True))


def _together(sizes: Sequence[Size]) -> Size:
    several = [size for size in sizes if size.constant != 1] or [ONE]
    # A constant other than 1 is what the others are or become; else the run fails.
    fixed = [size for size in several if size.constant is not None]
    return fixed[0] if fixed else most(*several)


def _elementwise(call: Call) -> list[Value]:
    values = [call.input(i) for i in range(len(call.inputs))]
    if not values:
        raise UnsafeGraphError("has no input")
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
        # onnxruntime's integers would wrap around.
        wraps = result is not None and abs(result.for_batch(call.steps)) > _INT32_MAX
        numbers.append(None if wraps else result)
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
    if one is None or other is None or len(one) != len(other) or len(shape) > 1:
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
    gone = set(range(rank)) if axes is None else {_axis(axis, rank) for axis in axes}
    kept = call.integer("keepdims", 1)
    shape = tuple(
        ONE if i in gone else size for i, size in enumerate(value.shape) if kept or i not in gone
    )
    if call.node.operator != "ReduceProd" or value.numbers is None or rank != 1 or not gone:
        return Value(shape)
    known = [number for number in value.numbers if number is not None]
    result = _multiplied(*known) if len(known) == len(value.numbers) else None
    wraps = result is not None and abs(result.for_batch(call.steps)) > _INT32_MAX
    return Value(shape, (None if wraps else result,))


def _axis(axis: int | None, rank: int) -> int:
    if axis is None or not -rank <= axis < rank:
        raise UnsafeGraphError("has no such axis")
    return axis % rank


# -- shapes ------------------------------------------------------------------------------------


def _shape(call: Call) -> list[Value]:
    sizes = call.input(0).shape
    end = call.integer("end", len(sizes))
    sizes = sizes[call.integer("start", 0) : end]
    return [Value((Size(len(sizes)),), sizes)]


def _size(call: Call) -> list[Value]:
    return [Value((), (product(*call.input(0).shape),))]


def _constant(call: Call) -> list[Value]:
    attributes = call.node.attributes
    value = attributes.get("value")
    if isinstance(value, Constant):
        return [Value.of(value)]
    if "value_int" in attributes:
        return [Value((), (Size(call.integer("value_int", 0)),))]
    if (integers := call.integers("value_ints")) is not None:
        return [Value((Size(len(integers)),), tuple(map(Size, integers)))]
    raise UnsafeGraphError("isn't a tensor")


def _reshape(call: Call) -> list[Value]:
    value = call.input(0)
    elements = product(*value.shape)
    wanted = list(call.numbers(1))
    for i, size in enumerate(wanted):
        copied = size is not None and size.constant == 0 and not call.integer("allowzero", 0)
        if copied and i < len(value.shape):
            wanted[i] = value.shape[i]
    exact = [size for size in wanted if size is not None and size.exact and size.factor > 0]
    rest = quotient(elements, product(*exact))
    if len(exact) < len(wanted) - 1:
        rest = rest.at_most()
    shape = []
    for size in wanted:
        if size is None or not size.exact:  # it may be -1, or 0 and stand for the input's own
            shape.append(elements.at_most())
        else:
            shape.append(size if size.factor >= 0 else rest)
    return [Value(tuple(shape), value.numbers)]


def _flatten(call: Call) -> list[Value]:
    shape, axis = call.input(0).shape, call.integer("axis", 1)
    axis = axis if axis == len(shape) else _axis(axis, len(shape))
    return [Value((product(*shape[:axis]), product(*shape[axis:])))]


def _squeeze(call: Call) -> list[Value]:
    value = call.input(0)
    if call.optional(1) is None:
        gone = {i for i, size in enumerate(value.shape) if size.constant == 1}
        if any(size.constant is None for size in value.shape):
            raise UnsafeGraphError("doesn't say which axes go")
    else:
        gone = {_axis(number and number.constant, len(value.shape)) for number in call.numbers(1)}
    return [Value(tuple(s for i, s in enumerate(value.shape) if i not in gone), value.numbers)]


def _unsqueeze(call: Call) -> list[Value]:
    value, axes = call.input(0), call.numbers(1)
    rank = len(value.shape) + len(axes)
    new = {_axis(number and number.constant, rank) for number in axes}
    if len(new) != len(axes):
        raise UnsafeGraphError("has an axis twice")
    old = iter(value.shape)
    return [Value(tuple(ONE if i in new else next(old) for i in range(rank)), value.numbers)]


def _transpose(call: Call) -> list[Value]:
    value = call.input(0)
    rank = len(value.shape)
    order = call.integers("perm") or tuple(range(rank))[::-1]
    if sorted(order) != list(range(rank)):
        raise UnsafeGraphError("has no such axis")
    return [Value(tuple(value.shape[i] for i in order), value.numbers if rank < 2 else None)]


def _concat(call: Call) -> list[Value]:
    values = [call.input(i) for i in range(len(call.inputs))]
    rank = len(values[0].shape) if values else 0
    axis = _axis(call.integer("axis", 0), rank)
    if any(len(value.shape) != rank for value in values):
        raise UnsafeGraphError("joins values of different rank")
    shape = tuple(
        (total if i == axis else lambda *sizes: _together(sizes))(*sizes)
        for i, sizes in enumerate(zip(*(value.shape for value in values), strict=True))
    )
    known = [value.numbers for value in values if value.numbers is not None]
    joined = tuple(number for numbers in known for number in numbers)
    short = rank == 1 and len(known) == len(values) and len(joined) <= _SHORT
    return [Value(shape, joined if short else None)]


def _split(call: Call) -> list[Value]:
    value, parts = call.input(0), len(call.node.outputs)
    axis = _axis(call.integer("axis", 0), len(value.shape))
    if call.optional(1) is not None:
        sizes = [size or value.shape[axis].at_most() for size in call.numbers(1)]
    else:
        sizes = [quotient(value.shape[axis], Size(parts))] * parts
    if len(sizes) != parts or any(size.factor < 0 for size in sizes):
        raise UnsafeGraphError("splits into another number of parts")
    return [Value((*value.shape[:axis], size, *value.shape[axis + 1 :])) for size in sizes]


def _slice(call: Call) -> list[Value]:
    value = call.input(0)
    rank = len(value.shape)
    begins, ends = (_integers(call.input(i)) for i in (1, 2))
    axes = _integers(call.input(3)) if call.optional(3) else list(range(len(begins or ())))
    strides = _integers(call.input(4)) if call.optional(4) else [1] * len(begins or ())
    if axes is None or None in axes:
        raise UnsafeGraphError("has no such axis")
    shape, numbers = [*value.shape], None
    rows = [list_ or [None] * len(axes) for list_ in (begins, ends, strides)]
    if any(len(row) != len(axes) for row in rows):
        raise UnsafeGraphError("has another number of axes than of ends")
    for axis, *bounds in zip(axes, *rows, strict=True):
        at = _axis(axis, rank)
        shape[at] = _cut(shape[at], *bounds)
        if rank == 1 and value.numbers is not None and None not in bounds and bounds[2]:
            numbers = value.numbers[slice(*bounds)]
    return [Value(tuple(shape), numbers)]


def _integers(value: Value) -> list[int | None] | None:
    numbers = value.numbers
    return None if numbers is None else [number and number.constant for number in numbers]


def _cut(size: Size, begin: int | None, end: int | None, stride: int | None) -> Size:
    """Return how long a slice of a dimension is."""
    if begin is None or end is None or not stride:
        return size.at_most()
    if size.constant is not None:
        return Size(len(range(*slice(begin, end, stride).indices(size.constant))))
    if stride == 1 and begin == 0 and end >= _INT32_MAX:
        return size
    if stride == 1 and size.exact and (begin, end) in ((0, 1), (-1, _INT32_MAX), (-1, _INT64_MAX)):
        return ONE
    if stride == -1 and begin == -1 and end <= -_INT32_MAX:
        return size
    return size.at_most()


def _gather(call: Call) -> list[Value]:
    value, index = call.input(0), call.input(1)
    axis = _axis(call.integer("axis", 0), len(value.shape))
    shape = (*value.shape[:axis], *index.shape, *value.shape[axis + 1 :])
    if value.numbers is None or len(value.shape) != 1 or index.numbers is None:
        return [Value(shape)]
    found = []
    for number in index.numbers:
        at = number and number.constant
        there = at is not None and -len(value.numbers) <= at < len(value.numbers)
        found.append(value.numbers[at] if there and at is not None else None)
    return [Value(shape, tuple(found))]


# -- what makes much of little -----------------------------------------------------------------


def _wanted(numbers: Numbers) -> Shape:
    """Return sizes that a value is made of; each must be known."""
    sizes = tuple(number for number in numbers if number is not None and number.factor >= 0)
    if len(sizes) != len(numbers):
        raise UnsafeGraphError("makes a size of values that aren't sizes")
    return sizes


def _expand(call: Call) -> list[Value]:
    return [Value(broadcast(call.input(0).shape, _wanted(call.numbers(1))))]


def _filled(call: Call) -> list[Value]:
    shape = _wanted(call.numbers(0))
    fill = call.node.attributes.get("value")
    length = shape[0].constant if len(shape) == 1 else None
    if isinstance(fill, Constant) and fill.integers and length is not None and length <= _SHORT:
        return [Value(shape, (Size(fill.integers[0]),) * length)]
    return [Value(shape)]


def _tile(call: Call) -> list[Value]:
    shape, times = call.input(0).shape, _wanted(call.numbers(1))
    if len(shape) != len(times):
        raise UnsafeGraphError("repeats another number of dimensions")
    return [Value(tuple(product(*each) for each in zip(shape, times, strict=True)))]


def _range(call: Call) -> list[Value]:
    if any(len(call.numbers(i)) != 1 for i in range(3)):
        raise UnsafeGraphError("counts by what aren't numbers")
    begin, end, stride = (call.numbers(i)[0] for i in range(3))
    first, by = begin and begin.constant, stride and stride.constant
    if first is None or by is None or end is None or by == 0:
        raise UnsafeGraphError("counts by steps, or from a number, that isn't constant")
    if end.constant is not None:
        return [Value((Size(len(range(first, end.constant, by))),))]
    if first < 0 or by < 0:
        raise UnsafeGraphError("counts from below 0, or down")
    # Its numbers are sizes no more.
    return [Value((end if first == 0 and by == 1 else end.at_most(),))]


def _pad(call: Call) -> list[Value]:
    shape, pads = call.input(0).shape, _wanted(call.numbers(1))
    rank = len(shape)
    if len(pads) != 2 * rank:
        raise UnsafeGraphError("pads another number of dimensions")
    return [Value(tuple(total(shape[i], pads[i], pads[rank + i]) for i in range(rank)))]


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
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Conv": _convolution,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _pool_all,
    "GlobalMaxPool": _pool_all,
    "Identity": _kept,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _size,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
