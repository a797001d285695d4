"""Settings go to JSON and back, and nothing unknown, missing or mistyped gets in."""

import json
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, Literal

import pytest

from pocketrnn.config import Settings, check
from pocketrnn.errors import ConfigError


@dataclass(frozen=True)
class Inner(Settings):
    size: int = 1


@dataclass(frozen=True)
class Outer(Settings):
    inner: Inner = field(default_factory=Inner)
    name: str = "a"
    share: float = 0.5
    flag: bool = False
    limit: int | None = None
    side: Literal["pre", "post"] = "pre"
    tags: tuple[str, ...] = ()


VALUES = {
    "inner": {"size": 3},
    "name": "b",
    "share": 0.25,
    "flag": True,
    "limit": 7,
    "side": "post",
    "tags": ["x", "y"],
}


def test_round_trip_through_json() -> None:
    settings = Outer.from_dict(VALUES)
    assert settings == Outer(Inner(3), "b", 0.25, True, 7, "post", ("x", "y"))
    assert Outer.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Outer().name = "b"  # type: ignore[misc]


@pytest.mark.parametrize("name", VALUES)
def test_missing_setting(name: str) -> None:
    values = {key: value for key, value in VALUES.items() if key != name}
    with pytest.raises(ConfigError, match=f"missing setting in Outer: {name}"):
        Outer.from_dict(values)


def test_unknown_settings() -> None:
    with pytest.raises(ConfigError, match="unknown setting in Outer: colour, zoom"):
        Outer.from_dict({**VALUES, "zoom": 1, "colour": 2})
    with pytest.raises(ConfigError, match="unknown setting in Inner: depth"):
        Outer.from_dict({**VALUES, "inner": {"size": 1, "depth": 1}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inner", None),
        ("inner", [["size", 1]]),
        ("inner", {"size": True}),
        ("inner", {"size": 1.0}),
        ("name", None),
        ("name", 1),
        ("share", "0.5"),
        ("share", True),
        ("flag", 0),
        ("limit", 1.0),
        ("limit", False),
        ("side", "left"),
        ("side", ["pre"]),
        ("tags", "x"),
        ("tags", ["x", 1]),
        ("tags", {"x": "y"}),
    ],
)
def test_mistyped_setting(name: str, value: Any) -> None:
    with pytest.raises(ConfigError):
        Outer.from_dict({**VALUES, name: value})


@pytest.mark.parametrize("values", [None, [], "{}", 1])
def test_not_an_object(values: Any) -> None:
    with pytest.raises(ConfigError, match="Outer must be an object"):
        Outer.from_dict(values)


def test_whole_number_for_a_float_comes_from_json_alone() -> None:
    settings = Outer.from_dict({**VALUES, "share": 1})
    assert type(settings.share) is float
    assert settings.share == 1
    with pytest.raises(ConfigError, match="share must be float, not 1"):
        Outer(share=1)


def test_number_too_large_for_a_float() -> None:
    with pytest.raises(ConfigError, match="too large"):
        Outer.from_dict({**VALUES, "share": 10**400})


def test_list_is_no_tuple_in_python() -> None:
    with pytest.raises(ConfigError, match="tags must be"):
        Outer(tags=["x"])  # type: ignore[arg-type]


def test_check() -> None:
    check(True, "unused")
    with pytest.raises(ConfigError, match="because"):
        check(False, "because")
