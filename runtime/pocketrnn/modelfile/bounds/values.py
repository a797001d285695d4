"""What is known of the values of a graph without running it."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ...errors import UnsafeGraphError
from .graph import Constant, Node
from .sizes import ONE, Size, most, product

# More numbers than any shape has aren't followed.
SHORT = 64
INT32_MAX, INT64_MAX = 2**31 - 1, 2**63 - 1

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
    def is_whole(self) -> bool:
        """Whether it has as many numbers as its shape says, if any are known."""
        sizes = [size.constant for size in self.shape]
        known = [size for size in sizes if size is not None]
        return self.numbers is None or (known == sizes and prod(known) == len(self.numbers))

    @property
    def elements(self) -> Size:
        """How many numbers it holds; a dimension of 0 counts as 1, as work goes with the others."""
        return product(*(size if size.factor else ONE for size in self.shape))


class Call(NamedTuple):
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


def broadcast(*shapes: Shape) -> Shape:
    """Return the shape of what combines values number by number."""
    rank = max(map(len, shapes))
    aligned = [(ONE,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(together(sizes) for sizes in zip(*aligned, strict=True))


def together(sizes: Sequence[Size]) -> Size:
    """Return the size of a dimension in which values of several sizes are combined."""
    several = [size for size in sizes if size.constant != 1] or [ONE]
    # A constant other than 1 is what the others are or become; else the run fails.
    fixed = [size for size in several if size.constant is not None]
    return fixed[0] if fixed else most(*several)


def axis_of(axis: int | None, rank: int) -> int:
    """Return the axis counted from the first; it may be given from the last, or not be known."""
    if axis is None or not -rank <= axis < rank:
        raise UnsafeGraphError("has no such axis")
    return axis % rank
