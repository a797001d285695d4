"""The command's parser can be read by what completes commands and by what documents them."""

import subprocess
import sys
from pathlib import Path

import pytest

from pocketrnn import cli

ROOT = Path(__file__).parents[3]
COMMANDS = (
    "predict",
    "explain",
    "score",
    "evaluate",
    "generate",
    "forecast",
    "flag",
    "info",
    "verify",
)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell: str) -> None:
    shtab = pytest.importorskip("shtab")
    script = shtab.complete(cli.parser(), shell=shell)
    for word in (*COMMANDS, "--label-column", "--on-error"):
        assert word in script


def test_reference(tmp_path: Path) -> None:
    page = tmp_path / "commands.md"
    subprocess.run([sys.executable, ROOT / "docs" / "commands.py", page], check=True)
    text = page.read_text("utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[: len(COMMANDS)] == [f"## pocketrnn {name}" for name in COMMANDS]
    assert "--label-column NAME" in text
