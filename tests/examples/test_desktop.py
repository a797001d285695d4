"""The desktop example on a virtual display: from source, and frozen by PyInstaller.

With POCKETRNN_SCREENSHOT set, the frozen app's screenshot is copied to that path.
"""

import csv
import gc
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pocketrnn
from tables import write_numbered
from virtualdisplay import Window, display, until  # noqa: F401 (a fixture)

APP = Path(__file__).parents[2] / "examples" / "desktop" / "app.py"
TEXT = "A warm, funny film with a wonderful cast: I would happily see it again."
ROWS = 60_000
NOT_NEEDED = (
    *("tensorflow", "keras", "onnx", "sklearn", "scipy", "matplotlib"),
    *("pandas", "pyarrow", "pyspark"),
)
pytestmark = pytest.mark.slow


# -- from source --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def module(display: str) -> ModuleType:  # noqa: F811
    pytest.importorskip("tkinter")
    os.environ["DISPLAY"] = display
    spec = importlib.util.spec_from_file_location("desktop_app", APP)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def collected_here() -> Iterator[None]:
    """Collect garbage in this thread alone: Tcl aborts if another one frees a window.

    An app with one window for all its life has no such garbage; here there are several.
    """
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture
def app(module: ModuleType) -> Iterator[Any]:
    gc.collect()
    app = module.App()
    yield app
    app._close()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = (f"{TEXT} It was {i} times {'good' if i % 3 else 'bad'}." for i in range(ROWS))
    return write_numbered(tmp_path_factory.mktemp("table") / "texts.csv", texts)


def pump(app: Any, condition: Any, seconds: float = 120) -> float:
    """Run the window's loop until `condition` holds; return the longest it took for a round."""
    longest, start = 0.0, time.monotonic()
    while not condition():
        before = time.monotonic()
        assert before < start + seconds, f"waited in vain: {status(app)}"
        app.update()
        longest = max(longest, time.monotonic() - before)
        time.sleep(0.005)
    return longest


def label(app: Any) -> str:
    return str(app._label.cget("text"))


def status(app: Any) -> str:
    return str(app._status.cget("text"))


def test_label_moves_as_one_types(app: Any) -> None:
    for text, expected in ((TEXT, "positive"), ("A dull, boring waste of time.", "negative")):
        app.text.delete("1.0", "end")
        app.text.insert("1.0", text)
        pump(app, lambda expected=expected: label(app) == expected)
        assert f"{pocketrnn.load().predict(text).score:.4f}" in app.title()
    app.text.delete("1.0", "end")
    pump(app, lambda: label(app) == "–")


def test_a_file_in_the_background(
    app: Any, module: ModuleType, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.filedialog, "askopenfilename", lambda **_: str(table))
    app._open.invoke()
    assert str(app._open.cget("state")) == "disabled"
    seen: set[float] = set()

    def done() -> bool:
        seen.add(float(app._progress.cget("value")))
        return str(app._save.cget("state")) == "normal"

    app.text.insert("1.0", TEXT)  # while the file is being scored
    typed = pump(app, lambda: label(app) == "positive")
    longest = max(typed, pump(app, done))
    print(f"\nlongest round of the window's loop: {longest * 1000:.0f} ms")
    assert longest < 0.5
    assert len(seen) > 3
    assert f"{ROWS:,} rows" in status(app)

    saved = tmp_path / "saved.csv"
    monkeypatch.setattr(module.filedialog, "asksaveasfilename", lambda **_: str(saved))
    app._save.invoke()
    with saved.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["number"]) for row in rows] == list(range(ROWS))
    expected = pocketrnn.load().scores(rows[7]["text"]).max()
    assert float(rows[7]["score"]) == pytest.approx(expected, abs=1e-5)


def test_cancel(app: Any, table: Path) -> None:
    app.open(table)
    pump(app, lambda: "rows scored" in status(app))
    app._cancel.invoke()
    pump(app, lambda: status(app) == "Cancelled.")
    assert str(app._open.cget("state")) == "normal"
    assert str(app._save.cget("state")) == "disabled"


def test_a_file_that_can_not_be_scored(app: Any, tmp_path: Path) -> None:
    app.open(tmp_path / "gone.csv")
    pump(app, lambda: "gone.csv" in status(app) and "Scoring" not in status(app))
    assert str(app._open.cget("state")) == "normal"


def test_a_missing_model_is_said(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pocketrnn.loading, "BUNDLED", tmp_path / "gone.onnx")
    app = module.App()
    pump(app, lambda: "bundled model is missing" in status(app))
    app._close()


def test_nothing_is_left_behind(module: ModuleType, table: Path, tmp_path: Path) -> None:
    app = module.App(str(table))
    folder = Path(app._folder.name)
    pump(app, lambda: "rows scored" in status(app))
    app._close()
    until(lambda: not folder.exists())


def test_as_short_as_promised() -> None:
    source = APP.read_text().splitlines()
    glue = source[source.index("class Scorer:") :]
    glue = glue[: next(i for i, line in enumerate(glue) if line.startswith("# --"))]
    assert len(source) < 250
    assert sum(bool(line.strip()) for line in glue) < 40


# -- frozen -------------------------------------------------------------------------------------


def freeze(folder: Path, script: Path, *options: str) -> Path:
    """Freeze `script` as one folder, with no settings but `options`; return that folder."""
    pytest.importorskip("PyInstaller")
    if not any("pocketrnn" in entry.value for entry in entry_points(group="pyinstaller40")):
        pytest.skip("pocketrnn isn't installed, so PyInstaller can't find its hook")
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    # As where pocketrnn is installed alone: PyInstaller takes hundreds of MB of these along.
    command += [f"--exclude-module={name}" for name in NOT_NEEDED]
    environment = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(folder / "cache")}
    subprocess.run([*command, *options, str(script)], cwd=folder, env=environment, check=True)
    return folder / "dist" / script.stem


def megabytes(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if not p.is_symlink()) / 1e6


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty HOME and nothing on PATH."""
    for name in ("home", "bin"):
        (tmp_path / name).mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}


def test_frozen_app(
    display: str,  # noqa: F811
    tmp_path: Path,
    bare: dict[str, str],
) -> None:
    folder = freeze(tmp_path, APP, "--windowed")
    assert list(folder.glob("**/pocketrnn/bundled.onnx"))
    started = time.monotonic()
    program = subprocess.Popen([folder / "app"], env={**bare, "DISPLAY": display}, cwd="/")
    try:
        window = Window(display, "pocketrnn")
        visible = time.monotonic() - started
        window.type(TEXT)
        expected = f"positive {pocketrnn.load().predict(TEXT).score:.4f} – pocketrnn"
        until(lambda: window.title == expected, 30)
        time.sleep(0.3)
        shot = tmp_path / "desktop.png"
        window.save(shot)
        assert shot.stat().st_size > 5000
        if wanted := os.environ.get("POCKETRNN_SCREENSHOT"):
            shutil.copy(shot, wanted)
    finally:
        program.terminate()
        program.wait()
    print(f"\nfrozen app: {megabytes(folder):.0f} MB, window after {visible:.2f} s")
    assert list((tmp_path / "home").iterdir()) == []


def test_frozen_command(tmp_path: Path, bare: dict[str, str], table: Path) -> None:
    script = tmp_path / "labels.py"
    script.write_text("import sys\nfrom pocketrnn.cli import main\nsys.exit(main())\n")
    folder = freeze(tmp_path, script)
    program = str(folder / "labels")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], env=bare, capture_output=True, encoding="utf-8", timeout=300
        )

    run("predict", TEXT)  # once, so that the files are in the disk's cache
    started = time.monotonic()
    result = run("predict", TEXT)
    seconds = time.monotonic() - started
    score = pocketrnn.load().predict(TEXT).score
    assert result.stdout == f"positive  {score:.4f}  {TEXT}\n"
    assert run("verify").returncode == 0
    print(f"\nfrozen command: {megabytes(folder):.0f} MB, one text in {seconds:.2f} s")

    # Worker processes are the program itself, started again.
    result = run("score", str(table), "-o", str(tmp_path / "out.csv"), "--workers", "2")
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1].startswith(f"{ROWS:,} rows in ")
    assert list((tmp_path / "home").iterdir()) == []

    next(folder.glob("**/pocketrnn/bundled.onnx")).unlink()
    result = run("predict", TEXT)
    assert result.returncode == 1
    assert "bundled model is missing" in result.stderr
    assert "if this is a frozen app, include pocketrnn's data files" in result.stderr
    assert result.stderr.count("\n") == 1
