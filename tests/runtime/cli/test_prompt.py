"""`pocketrnn predict` on a terminal: a prompt, and an answer to each text."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on Windows")


def test_prompt(tiny_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pocketrnn", "predict", "--model", str(tiny_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "dumb"},
    )
    os.close(theirs)
    shown = b""

    def until(what: bytes) -> None:
        """Read up to `what`. Type at the prompt only: what comes before it may get lost."""
        nonlocal shown
        while what not in shown:
            assert select.select([ours], [], [], 60)[0], shown
            shown += os.read(ours, 4096)
        shown = shown.partition(what)[2]

    until(b"reading texts, a line each")
    until(b"> ")
    os.write(ours, b"good\n")
    until(b"positive  0.")
    until(b"> ")
    os.write(ours, b"\n")  # no text: only the prompt again
    until(b"> ")
    os.write(ours, b"bad\n")
    until(b"negative  0.")
    until(b"> ")
    os.write(ours, b"\x04")
    assert process.wait(30) == 0
    os.close(ours)
