"""A property that is computed once."""

from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")


class lazy(cached_property[T]):  # noqa: N801 (used as a decorator)
    """As `functools.cached_property`, without the lock that Python 3.11 has in it.

    A process that is forked while another thread holds that lock would wait for it for ever. Two
    threads may both compute a value here, of which one is kept.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> T:  # type: ignore[override]
        """Compute the value, and keep it in the instance, where it is found from then on."""
        if instance is None:
            return self  # type: ignore[return-value]
        value: T = self.func(instance)
        instance.__dict__[self.attrname] = value
        return value
