"""Sizes that depend on what a model is fed: how many texts a batch has, and how long they are."""

from math import gcd
from typing import NamedTuple

from ...classify.padding import STEPS


class Size(NamedTuple):
    """`factor / divisor * texts**batch * steps**time`: exactly that, or anything from 0 up to it.

    Texts and steps are 1 or more. Only an exact size is ever negative.
    """

    factor: int
    divisor: int = 1
    batch: int = 0
    time: int = 0
    exact: bool = True

    @property
    def constant(self) -> int | None:
        """The number, if it is one whatever the model is fed."""
        plain = self.exact and self.divisor == 1 and self.batch == self.time == 0
        return self.factor if plain else None

    def at_most(self) -> "Size":
        """Return the same, no longer exact."""
        return self._replace(exact=False)

    def for_one(self, steps: int) -> int:
        """Return the most that it can be for one text of up to `steps`."""
        return int(-(-self.factor * steps**self.time // self.divisor))

    def for_batch(self, steps: int) -> int:
        """Return the most that it can be for any batch that pocketrnn makes."""
        if not self.batch:
            return self.for_one(steps)
        one = self._replace(time=max(self.time - 1, 0)).for_one(steps)
        return int(one * max(STEPS, steps) ** self.batch)


ONE = Size(1)
BATCH = Size(1, batch=1)
TIME = Size(1, time=1)


def product(*sizes: Size) -> Size:
    """Return the product of sizes of which none is negative, or all are exact."""
    count, divisor, batch, time, exact = ONE
    for size in sizes:
        count, divisor = count * size.factor, divisor * size.divisor
        batch, time, exact = batch + size.batch, time + size.time, exact and size.exact
    common = gcd(count, divisor) or 1
    return Size(count // common, divisor // common, batch, time, exact)


def quotient(size: Size, by: Size) -> Size:
    """Return `size / by` for an exact `by` over 0; no less than that where it is a fraction."""
    by = by._replace(factor=by.divisor, divisor=by.factor, batch=-by.batch, time=-by.time)
    found = product(size, by)
    if found.batch < 0 or found.time < 0:
        found = found._replace(batch=max(found.batch, 0), time=max(found.time, 0), exact=False)
    return found


def total(*sizes: Size) -> Size:
    """Return the sum, or what it can't exceed; none is negative."""
    first, *others = [size for size in sizes if size.factor] or sizes[:1]
    if all(size[1:] == first[1:] for size in others):
        return product(first._replace(factor=sum(size.factor for size in sizes)))
    return most(*sizes)._replace(factor=sum(-(-size.factor // size.divisor) for size in sizes))


def most(*sizes: Size) -> Size:
    """Return what none exceeds; the size itself, if all are the same."""
    if all(size == sizes[0] for size in sizes):
        return sizes[0]
    return Size(
        max(-(-size.factor // size.divisor) for size in sizes),
        batch=max(size.batch for size in sizes),
        time=max(size.time for size in sizes),
        exact=False,
    )
