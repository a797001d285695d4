"""Messages speak of settings as Python's callers know them; the commands make options of them."""

import argparse
import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketrnn import cli
from pocketrnn.cli import command, main
from pocketrnn.errors import PocketRNNError

ROOT = Path(__file__).parents[3]
SETTING = re.compile(r"\b[a-z]\w*=(?:True|False|\.\.\.|\"\w+\")")


def messages() -> Iterator[tuple[str, str]]:
    """Yield the texts in the code that isn't of the commands, but for docstrings and styles."""
    paths = [
        path
        for path in ROOT.glob("*/pocketrnn*/**/*.py")
        if not {"cli", "cli.py", "page.py", "__pyinstaller"} & set(path.parts)
    ]
    assert len(paths) > 40
    for path in paths:
        tree = ast.parse(path.read_text("utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in alone
            ):
                yield path.name, node.value


def options() -> set[str]:
    (commands,) = (
        action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    return {option for each in commands.choices.values() for option in each._option_string_actions}


def test_no_message_speaks_of_a_shell() -> None:
    found = [each for each in messages() if re.search(r"(?<![\w-])--[a-z]|pip install", each[1])]
    assert found == []


def test_a_command_names_its_options() -> None:
    settings = {found for _, text in messages() for found in SETTING.findall(text)}
    assert {"force=True", "resume=True", "text_column=...", 'on_error="skip"'} <= settings
    shown = {setting: command.in_options(setting) for setting in settings}
    known = options() | {"--batch-size", "--learning-rate"}  # of pocketrnn-train
    assert [each for each, option in shown.items() if option.split()[0] not in known] == []
    assert shown['on_error="skip"'] == "--on-error skip"
    assert command.in_options("say header=False") == "say --no-header"
    assert command.in_options("test_split must be from 0") == "--test-split must be from 0"
    for kept in ("this_file must be.csv", "label 'top_p must be'", "pad_id, start_id must be"):
        assert command.in_options(kept) == kept
    assert command.in_options("good=True, my_force=True.csv") == "good=True, my_force=True.csv"


def test_errors_and_warnings_are_printed_so(capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> None:
        logging.getLogger("pocketrnn").warning("%s: say header=False", "a.csv")
        raise PocketRNNError("pyarrow not installed; add the extra pocketrnn[parquet]")

    assert command.run("pocketrnn", body) == 1
    assert capsys.readouterr().err.splitlines() == [
        "a.csv: say --no-header",
        "pocketrnn: pyarrow not installed; run: pip install 'pocketrnn[parquet]'",
    ]


def test_a_choice_of_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.csv"
    path.write_text("text,review\ngood,bad\n")
    assert main(["score", str(path), "-o", str(tmp_path / "out.csv")]) == 2
    assert "Say --text-column; there are" in capsys.readouterr().err
