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

    def until(what: bytes, typed: bytes = b"") -> None:
        """Type, and read up to `what`; once more after a while, as a busy machine may lose it."""
        nonlocal shown
        for _ in range(3):
            os.write(ours, typed)
            while what not in shown and select.select([ours], [], [], 20)[0]:
                shown += os.read(ours, 4096)
            if what in shown:
                shown = shown.partition(what)[2]
                return
        raise AssertionError(f"no {what!r} in {shown!r}")

    until(b"reading texts, a line each")
    until(b"> ")
    until(b"positive  0.", b"good\n")
    until(b"> ")
    until(b"> ", b"\n")  # no text: only the prompt again
    until(b"negative  0.", b"bad\n")
    until(b"> ")
    os.write(ours, b"\x04")
    assert process.wait(30) == 0
    os.close(ours)
