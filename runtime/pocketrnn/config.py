"""Frozen dataclasses to and from JSON, strictly: no unknown, missing or mistyped setting."""

import contextlib
import dataclasses
import math
import operator
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Self

from .errors import ConfigError, TextError


class Bound:
    """What a value must be besides its type: `Annotated[int, Bound(...)]`, None aside."""

    def __init__(self, words: str, holds: Callable[[Any], bool]) -> None:
        self.words, self.holds = words, holds

    def __repr__(self) -> str:
        """Return the words: documentation shows them with the type."""
        return self.words


def between(least: float, most: float) -> Bound:
    return Bound(f"from {least} to {most:,}", lambda value: least <= value <= most)


ONE = Bound("at least 1", lambda value: value >= 1)
Count = Annotated[int, ONE]
SHARE = Bound("from 0 to under 1", lambda value: 0 <= value < 1)
Share = Annotated[float, SHARE]
POSITIVE = Bound("over 0 and finite", lambda value: 0 < value < math.inf)

LATER = "later"
"""As `Annotated[bool, LATER]`: what was written before the setting was there has its default."""


class Settings:
    """Base of the configuration dataclasses: checks types and bounds, and converts both ways."""

    def __post_init__(self) -> None:
        """Raise ConfigError where a field's value isn't of the field's type, or within bounds."""
        for name, kind, notes in _fields(type(self)):
            value = getattr(self, name)
            if not _is(value, kind):
                raise ConfigError(f"{name} must be {_describe(kind)}, not {value!r:.80}")
            for bound in notes:
                if isinstance(bound, Bound) and value is not None:
                    check(bound.holds(value), f"{name} must be {bound.words}, not {value!r:.40}")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from what `to_dict` gave; ConfigError for a missing, unknown or wrong setting."""
        if not isinstance(values, Mapping):
            raise ConfigError(f"{cls.__name__} must be an object, not {values!r:.80}")
        kinds = {name: kind for name, kind, _ in _fields(cls)}
        later = {name: getattr(cls, name) for name, _, notes in _fields(cls) if LATER in notes}
        values = {**later, **values}
        if unknown := sorted(set(values) - set(kinds)):
            raise ConfigError(f"unknown setting in {cls.__name__}: {', '.join(unknown)}")
        if missing := sorted(set(kinds) - set(values)):
            raise ConfigError(f"missing setting in {cls.__name__}: {', '.join(missing)}")
        return cls(**{name: _convert(values[name], kind) for name, kind in kinds.items()})


def check(condition: bool, message: str) -> None:
    """Raise ConfigError(message) unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def whole_number(value: Any, wanted: str, least: int = 0, most: float = math.inf) -> int:
    """Return a whole number, numpy's too, as an int. Raises ConfigError for any other value."""
    number = None
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            number = operator.index(value)
    if number is None or not least <= number <= most:
        raise ConfigError(f"{wanted}, not {value!r:.40}")
    return number


def _fields(cls: type) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Yield name, type and notes (bounds, LATER) of each setting."""
    for name, kind in typing.get_type_hints(cls, include_extras=True).items():
        is_annotated = typing.get_origin(kind) is Annotated
        yield name, *((kind.__origin__, kind.__metadata__) if is_annotated else (kind, ()))


def _convert(value: Any, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Settings):
        return kind.from_dict(value)
    if typing.get_origin(kind) is types.UnionType:
        for argument in typing.get_args(kind):
            value = _convert(value, argument) if isinstance(value, Mapping | list | int) else value
    if typing.get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_convert(item, typing.get_args(kind)[0]) for item in value)
    if kind is float and type(value) is int:
        try:
            return float(value)
        except OverflowError as error:
            raise ConfigError("a number is too large") from error
    return value


def _is(value: Any, kind: Any) -> bool:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return value in arguments
    if origin is types.UnionType:
        return any(_is(value, argument) for argument in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(_is(item, arguments[0]) for item in value)
    # bool is a subclass of int, but `True` layers is a typing slip.
    return type(value) is kind or (
        isinstance(kind, type) and issubclass(kind, Settings) and isinstance(value, kind)
    )


def _describe(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(str(argument) for argument in typing.get_args(kind))
    return getattr(kind, "__name__", str(kind)) if not typing.get_origin(kind) else str(kind)


def in_chunks(texts: Any, most: int) -> Iterator[list[str]]:
    """Yield one text, or those of an iterable, at most so many at a time.

    Raises TextError for anything else, and for the first that isn't a str, by its number from 1.
    """
    # What has keys or columns would give their names.
    if isinstance(texts, Mapping) or hasattr(texts, "columns"):
        raise TextError(
            f'a {type(texts).__name__} is no list of texts; give one column of it: df["text"]'
        )
    if getattr(texts, "ndim", 1) == 0:
        raise TextError("texts must be str or an iterable of str, not an array of no dimension")
    if isinstance(texts, bytes | bytearray) or not isinstance(texts, Iterable):
        raise TextError(f"texts must be str or an iterable of str, not {type(texts).__name__}")
    rows, done = iter([texts] if isinstance(texts, str) else texts), 0
    while chunk := list(islice(rows, most)):
        for number, text in enumerate(chunk if set(map(type, chunk)) != {str} else (), done + 1):
            if not isinstance(text, str):
                fault = f"text {number:,} must be a str, not {type(text).__name__}: {text!r:.60}"
                missing = text is None or (isinstance(text, float) and math.isnan(text))
                raise TextError(fault + "; leave missing texts out" * missing)
        yield chunk
        done += len(chunk)
