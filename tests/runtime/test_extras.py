"""A command whose extra is missing says so in one line; the runtime alone is enough to say it."""

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from pocketrnn.errors import MissingExtraError
from pocketrnn.extras import require

HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib", "tf2onnx", "onnx")


def test_nothing_is_missing() -> None:
    require("train", "numpy", "json")


def test_all_that_is_missing_is_named() -> None:
    with pytest.raises(MissingExtraError) as caught:
        require("train", "numpy", "no_such_module", "nor_this_one.of_it")
    assert str(caught.value) == (
        "no_such_module, nor_this_one.of_it not installed; add the extra pocketrnn[train]"
    )
    assert isinstance(caught.value, ImportError)


def run(module: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that finds none of the extras, installed or not."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({HEAVY})); "
        f"from {module}.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [("train", ["reviews.csv", "--epochs", "1"]), ("export", ["run", "-o", "model.onnx"])],
)
def test_command_without_its_extra(extra: str, arguments: list[str], tmp_path: Path) -> None:
    result = run(f"pocketrnn_{extra}", *arguments, folder=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(
        rf"pocketrnn-{extra}: tensorflow, [\w, ]+ not installed; "
        rf"run: pip install 'pocketrnn\[{extra}\]'\n",
        result.stderr,
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "option"), [("pocketrnn_train", "--help"), ("pocketrnn_export", "--version")]
)
def test_help_and_version_need_no_extra(module: str, option: str, tmp_path: Path) -> None:
    result = run(module, option, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "pocketrnn" in result.stdout


def test_three_commands_are_installed() -> None:
    installed = {
        point.name: point.value
        for point in entry_points(group="console_scripts")
        if point.name.startswith("pocketrnn")
    }
    assert installed == {
        "pocketrnn": "pocketrnn.cli:main",
        "pocketrnn-train": "pocketrnn_train.cli:main",
        "pocketrnn-export": "pocketrnn_export.cli:main",
    }
