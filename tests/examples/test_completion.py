"""The example that completes as one types, on a virtual display."""

import tkinter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pocketrnn
from virtualdisplay import display, server  # noqa: F401 (fixtures)

EXAMPLE = Path(__file__).parents[2] / "examples" / "completion"


@pytest.fixture
def field(display: str) -> Iterator[Any]:  # noqa: F811
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", display)
        patch.syspath_prepend(str(EXAMPLE))
        import complete

        window = tkinter.Tk()
        model = pocketrnn.Generator.load(pocketrnn.bundled("names"))
        field = complete.Completion(window, model)
        field.pack()
        window.update()
        yield field
        window.destroy()


def test_suggestions_follow_what_is_typed(field: Any) -> None:
    assert field.list.size() == 5  # how a name may begin
    for letter in "Mar":
        field.entry.insert("end", letter)
    expected = field.generator.suggest("mar", 5)
    assert list(field.list.get(0, "end")) == expected
    assert all(name.startswith("mar") for name in expected)


def test_tab_takes_the_best_and_a_click_any(field: Any) -> None:
    field.entry.insert("end", "eli")
    best, second = field.list.get(0, 1)
    field.entry.focus_force()
    field.update()
    field.entry.event_generate("<Tab>")
    field.update()
    assert field.text.get() == best
    field.text.set("eli")
    field.list.selection_set(1)
    field.list.event_generate("<<ListboxSelect>>")
    assert field.text.get() == second


def test_what_no_name_is_like(field: Any) -> None:
    field.text.set("漢字 \U0001f600" * 20)
    assert field.list.size() <= 5
    assert field.take() == "break"  # nothing is selected
