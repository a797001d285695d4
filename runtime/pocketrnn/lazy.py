"""A property that is computed once."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 (used as a decorator)
    """As `functools.cached_property`, without the lock that Python 3.11 has in it.

    A process that is forked while another thread holds that lock would wait for it for ever. Two
    threads may both compute a value here, of which one is kept.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        """Take the function that computes the value."""
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name under which the value is kept."""
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        """Compute the value, and keep it in the instance, where it is found from then on."""
        if instance is None:
            return self  # type: ignore[return-value]
        value = instance.__dict__[self._name] = self._make(instance)
        return value
