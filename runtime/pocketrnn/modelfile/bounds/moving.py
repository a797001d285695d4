"""The rules of operators that move values about, or make much of little."""

from ...errors import UnsafeGraphError
from .graph import Constant
from .sizes import ONE, Size, product, quotient, total
from .values import (
    INT32_MAX,
    INT64_MAX,
    SHORT,
    Call,
    Numbers,
    Shape,
    Value,
    axis_of,
    broadcast,
    together,
)


def shape_of(call: Call) -> list[Value]:
    sizes = call.input(0).shape
    end = call.integer("end", len(sizes))
    sizes = sizes[call.integer("start", 0) : end]
    return [Value((Size(len(sizes)),), sizes)]


def size_of(call: Call) -> list[Value]:
    return [Value((), (product(*call.input(0).shape),))]


def constant(call: Call) -> list[Value]:
    attributes = call.node.attributes
    value = attributes.get("value")
    if isinstance(value, Constant):
        return [Value.of(value)]
    if "value_int" in attributes:
        return [Value((), (Size(call.integer("value_int", 0)),))]
    if (integers := call.integers("value_ints")) is not None:
        short = len(integers) <= SHORT
        return [Value((Size(len(integers)),), tuple(map(Size, integers)) if short else None)]
    raise UnsafeGraphError("has its value elsewhere than in value, value_int or value_ints")


def reshape(call: Call) -> list[Value]:
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


def flatten(call: Call) -> list[Value]:
    shape, axis = call.input(0).shape, call.integer("axis", 1)
    axis = axis if axis == len(shape) else axis_of(axis, len(shape))
    return [Value((product(*shape[:axis]), product(*shape[axis:])))]


def squeeze(call: Call) -> list[Value]:
    value = call.input(0)
    if call.optional(1) is None:
        gone = {i for i, size in enumerate(value.shape) if size.constant == 1}
        if any(size.constant is None for size in value.shape):
            raise UnsafeGraphError("doesn't say which axes go")
    else:
        gone = {axis_of(number and number.constant, len(value.shape)) for number in call.numbers(1)}
    return [Value(tuple(s for i, s in enumerate(value.shape) if i not in gone), value.numbers)]


def unsqueeze(call: Call) -> list[Value]:
    value, axes = call.input(0), call.numbers(1)
    rank = len(value.shape) + len(axes)
    new = {axis_of(number and number.constant, rank) for number in axes}
    if len(new) != len(axes):
        raise UnsafeGraphError("has an axis twice")
    old = iter(value.shape)
    return [Value(tuple(ONE if i in new else next(old) for i in range(rank)), value.numbers)]


def transpose(call: Call) -> list[Value]:
    value = call.input(0)
    rank = len(value.shape)
    order = call.integers("perm") or tuple(range(rank))[::-1]
    if sorted(order) != list(range(rank)):
        raise UnsafeGraphError("has no such axis")
    return [Value(tuple(value.shape[i] for i in order), value.numbers if rank < 2 else None)]


def concat(call: Call) -> list[Value]:
    values = [call.input(i) for i in range(len(call.inputs))]
    rank = len(values[0].shape) if values else 0
    axis = axis_of(call.integer("axis", 0), rank)
    if any(len(value.shape) != rank for value in values):
        raise UnsafeGraphError("joins values of different rank")
    shape = tuple(
        (total if i == axis else lambda *sizes: together(sizes))(*sizes)
        for i, sizes in enumerate(zip(*(value.shape for value in values), strict=True))
    )
    known = [value.numbers for value in values if value.numbers is not None]
    joined = tuple(number for numbers in known for number in numbers)
    short = rank == 1 and len(known) == len(values) and len(joined) <= SHORT
    return [Value(shape, joined if short else None)]


def split(call: Call) -> list[Value]:
    value, parts = call.input(0), len(call.node.outputs)
    axis = axis_of(call.integer("axis", 0), len(value.shape))
    if call.optional(1) is not None:
        sizes = [size or value.shape[axis].at_most() for size in call.numbers(1)]
    else:
        sizes = [quotient(value.shape[axis], Size(parts))] * parts
    if len(sizes) != parts or any(size.factor < 0 for size in sizes):
        raise UnsafeGraphError("splits into another number of parts")
    return [Value((*value.shape[:axis], size, *value.shape[axis + 1 :])) for size in sizes]


def sliced(call: Call) -> list[Value]:
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
        at = axis_of(axis, rank)
        shape[at] = _cut(shape[at], *bounds)
        if rank == 1 and value.numbers is not None and None not in bounds and shape[at].exact:
            numbers = value.numbers[slice(*bounds)]
    return [Value(tuple(shape), numbers)]


def _integers(value: Value) -> list[int | None] | None:
    numbers = value.numbers
    return None if numbers is None else [number and number.constant for number in numbers]


def _cut(size: Size, begin: int | None, end: int | None, stride: int | None) -> Size:
    """Return how long a slice of a dimension is."""
    if begin is None or end is None or not stride:
        return size.at_most()
    if stride < 0:
        # Where else a slice that goes back may begin and end, ONNX and Python disagree.
        return size if (stride, begin) == (-1, -1) and end <= -INT32_MAX else size.at_most()
    if size.constant is not None:
        return Size(len(range(*slice(begin, end, stride).indices(size.constant))))
    if stride == 1 and begin == 0 and end >= INT32_MAX:
        return size
    if stride == 1 and size.exact and (begin, end) in ((0, 1), (-1, INT32_MAX), (-1, INT64_MAX)):
        return ONE
    return size.at_most()


def gather(call: Call) -> list[Value]:
    value, index = call.input(0), call.input(1)
    axis = axis_of(call.integer("axis", 0), len(value.shape))
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


def expand(call: Call) -> list[Value]:
    return [Value(broadcast(call.input(0).shape, _wanted(call.numbers(1))))]


def filled(call: Call) -> list[Value]:
    shape = _wanted(call.numbers(0))
    fill = call.node.attributes.get("value")
    length = shape[0].constant if len(shape) == 1 else None
    if isinstance(fill, Constant) and fill.integers and length is not None and length <= SHORT:
        return [Value(shape, (Size(fill.integers[0]),) * length)]
    return [Value(shape)]


def tile(call: Call) -> list[Value]:
    shape, times = call.input(0).shape, _wanted(call.numbers(1))
    if len(shape) != len(times):
        raise UnsafeGraphError("repeats another number of dimensions")
    return [Value(tuple(product(*each) for each in zip(shape, times, strict=True)))]


def ranged(call: Call) -> list[Value]:
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


def pad(call: Call) -> list[Value]:
    shape, pads = call.input(0).shape, _wanted(call.numbers(1))
    rank = len(shape)
    if len(pads) != 2 * rank:
        raise UnsafeGraphError("pads another number of dimensions")
    return [Value(tuple(total(shape[i], pads[i], pads[rank + i]) for i in range(rank)))]
