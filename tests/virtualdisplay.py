"""A virtual display, and what is done to windows on it as a person would."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TOOLS = ("Xvfb", "xdotool", "import")


@contextlib.contextmanager
def server(size: str = "1024x768", dpi: int = 96) -> Iterator[str]:
    """Run a virtual display, and give its name."""
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        pytest.skip(f"needs {', '.join(missing)}")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-dpi", str(dpi)]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as numbers:
            yield f":{int(numbers.readline())}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """The name of a virtual display of a usual size.

    Until the end of all tests: Tk stays connected to each display that it was on, and ends the
    process where it opens another window once one of them is gone.
    """
    with server() as name:
        yield name


def until(condition: Callable[[], object], seconds: float = 60, step: float = 0.05) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(step)


class Window:
    """The window of a running program, worked with keys and mouse."""

    def __init__(self, display: str, name: str) -> None:
        self._environment = {**os.environ, "DISPLAY": display}
        until(lambda: self._find(name))
        self._id = self._find(name)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        return done.stdout.strip()

    def _find(self, name: str) -> str:
        return self._run("xdotool", "search", "--onlyvisible", "--name", name).partition("\n")[0]

    @property
    def title(self) -> str:
        return self._run("xdotool", "getwindowname", self._id)

    def type(self, text: str) -> None:
        self._run("xdotool", "windowfocus", "--sync", self._id)
        self._run("xdotool", "mousemove", "--window", self._id, "300", "200", "click", "1")
        self._run("xdotool", "type", "--delay", "10", text)

    def press(self, key: str) -> None:
        self._run("xdotool", "key", key)

    def save(self, path: Path) -> None:
        self._run("import", "-window", self._id, str(path))
