"""The desktop example on a virtual display: from source, and frozen by PyInstaller.

With POCKETRNN_SCREENSHOTS set, the screenshots are kept in that folder; docs/desktop.png is the one
called 96-usual-light.png.
"""

import csv
import gc
import gzip
import os
import shutil
import subprocess
import sys
import time
import tkinter
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pocketrnn.loading
import tinyonnx
from pocketrnn import errors
from tables import write_numbered
from virtualdisplay import Window, display, server, until  # noqa: F401 (a fixture)

REPOSITORY = Path(__file__).parents[2]
APP = REPOSITORY / "examples" / "desktop" / "app.py"
PICTURE = REPOSITORY / "docs" / "desktop.png"
TEXT = "A warm, funny film with a wonderful cast: I would happily see it again."
ROWS = 60_000
slow = pytest.mark.slow


# -- from source --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def module(display: str) -> Iterator[ModuleType]:  # noqa: F811
    pytest.importorskip("tkinter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", display)
        patch.syspath_prepend(str(APP.parent))
        import app

        patch.setattr(app.look, "prefers_dark", lambda: False)
        yield app


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
    app.close()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = (f"{TEXT} It was {i} times {'good' if i % 3 else 'bad'}." for i in range(ROWS))
    return write_numbered(tmp_path_factory.mktemp("table") / "texts.csv", texts)


def pump(app: Any, condition: Any, seconds: float = 30) -> float:
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


def is_error(app: Any) -> bool:
    return str(app._status.cget("style")) == "Error.TLabel"


def enabled(widget: Any) -> bool:
    return bool(widget.instate(["!disabled"]))


def type_in(app: Any, text: str) -> None:
    app.text.delete("1.0", "end")
    app.text.insert("1.0", text)


def test_label_moves_as_one_types(app: Any) -> None:
    for text, expected in ((TEXT, "positive"), ("A dull, boring waste of time.", "negative")):
        type_in(app, text)
        pump(app, lambda expected=expected: label(app) == expected)
        prediction = pocketrnn.load().predict(text)
        assert f"{prediction.score:.4f}" in app.title()
        assert app._bar["value"] == pytest.approx(prediction.score)
    type_in(app, "")
    pump(app, lambda: label(app) == "–")
    assert app.title() == "pocketrnn"


def test_words_that_the_model_does_not_know(app: Any) -> None:
    type_in(app, TEXT)
    pump(app, lambda: label(app) == "positive")
    type_in(app, "xyzzy 映画")
    pump(app, lambda: label(app) == "–")
    assert app._score.cget("text") == "0 of 3 words known"
    type_in(app, f"{TEXT} xyzzy")
    pump(app, lambda: label(app) == "positive")
    assert str(app._score.cget("text")).endswith("14 of 15 words known")


def painted(app: Any) -> dict[str, str]:
    """The words that are coloured, with their tags."""
    found = {}
    for tag in set(app.text.tag_names()) - {"sel"}:
        ends = app.text.tag_ranges(tag)
        found |= {app.text.get(a, b): tag for a, b in zip(ends[::2], ends[1::2], strict=True)}
    return found


def test_words_are_coloured_as_one_types(app: Any) -> None:
    type_in(app, "🎬 The most\nboring film, but superb.")
    pump(app, lambda: label(app) != "–")
    explanation = pocketrnn.load().explain(app.text.get("1.0", "end-1c"))
    weights = {explanation.text[s.start : s.end]: s.weight for s in explanation.spans}
    assert weights["boring"] * weights["superb"] < 0
    assert painted(app)["boring"][:-1] == "first"
    assert painted(app)["superb"][:-1] == "last"
    assert "3" in {tag[-1] for tag in painted(app).values()}
    app.text.insert("end", "x")
    app._show((pocketrnn.load().predict("good"), pocketrnn.load().explain("good")))
    assert "good" not in painted(app)  # what was typed since isn't painted by an older answer
    type_in(app, "xyzzy")
    pump(app, lambda: label(app) == "–")
    assert painted(app) == {}


def test_cannot_tell(app: Any) -> None:
    model = pocketrnn.load()
    texts = ["film", "the film", "a chair", "it is", "a table and a chair", "So so", "and then"]
    unsure = next(text for text in texts if model.predict(text, unsure=True).label is None)
    type_in(app, unsure)
    pump(app, lambda: label(app) == "can't tell")
    assert str(app._label.cget("foreground")) == app._colours["quiet"]
    assert f"{model.predict(unsure).score:.4f}" in app._score.cget("text")


def test_none_of_several_labels(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = pocketrnn.load(tinyonnx.tiny(threshold=(1.0, 1.0)))
    loaded: Future[pocketrnn.Classifier] = Future()
    loaded.set_result(model)
    monkeypatch.setattr(app.scorer, "_model", loaded)
    app._show((model.predict("good"), model.explain("good")))
    assert label(app) == "none"


@slow
def test_a_file_in_the_background(
    app: Any, module: ModuleType, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.filedialog, "askopenfilename", lambda **_: str(table))
    app._open.invoke()
    assert not enabled(app._open)
    assert enabled(app._cancel)
    seen: set[float] = set()

    def done() -> bool:
        seen.add(float(app._progress.cget("value")))
        return enabled(app._save)

    app.text.insert("1.0", TEXT)  # while the file is being scored
    typed = pump(app, lambda: label(app) == "positive")
    longest = max(typed, pump(app, done))
    print(f"\nlongest round of the window's loop: {longest * 1000:.0f} ms")
    assert longest < 0.5
    assert len(seen) > 3
    assert f"{ROWS:,} rows" in status(app)
    assert not is_error(app)

    saved = tmp_path / "saved.csv"
    monkeypatch.setattr(module.filedialog, "asksaveasfilename", lambda **_: str(saved))
    app._save.invoke()
    assert status(app) == f"Saved as {saved}."
    with saved.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["number"]) for row in rows] == list(range(ROWS))
    expected = pocketrnn.load().scores(rows[7]["text"]).max()
    assert float(rows[7]["score"]) == pytest.approx(expected, abs=1e-5)


@slow
def test_cancel(app: Any, table: Path) -> None:
    app.open(table)
    pump(app, lambda: "rows scored" in status(app))
    app.focus_force()
    app.event_generate("<Escape>")
    pump(app, lambda: status(app) == "Cancelled.")
    assert enabled(app._open)
    assert not enabled(app._save)
    assert not is_error(app)


def finished(app: Any) -> Callable[[], bool]:
    return lambda: enabled(app._open)


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a.json", "a-scored.jsonl"),
        ("a.xlsx", "a-scored.csv"),
        ("a.txt.gz", "a-scored.csv"),
        ("a.b.csv.zst", "a.b-scored.csv.zst"),
        ("a.JSONL.gz", "a-scored.JSONL.gz"),
    ],
)
def test_every_kind_is_scored(app: Any, tmp_path: Path, name: str, saved: str) -> None:
    source = tmp_path / name
    if name.endswith("xlsx"):
        pytest.importorskip("python_calamine")
        book = pytest.importorskip("openpyxl").Workbook()
        for text in ("text", "good"):
            book.active.append([text])
        book.save(source)
    else:
        row = '{"text": "good"}\n'
        data = {"a.json": f"[{row}]", "a.JSONL.gz": row}.get(name, "text\ngood\n").encode()
        if name.endswith("zst"):
            data = pytest.importorskip("backports.zstd").compress(data)
        source.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    app.open(source)
    pump(app, finished(app))
    assert not is_error(app), status(app)
    assert app._output.name == saved
    assert app._output.stat().st_size


def test_the_list_of_unreadable_rows_is_saved_too(
    app: Any, module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, saved = tmp_path / "t.csv", tmp_path / "saved.csv"
    listed = tmp_path / "saved (unreadable rows).csv"
    source.write_bytes(b"text\ngood\nbad \xff\ngood\n")
    app.open(source)
    pump(app, finished(app))
    assert "1 row can't be read; a list is saved with the result" in status(app)
    assert is_error(app)
    monkeypatch.setattr(module.filedialog, "asksaveasfilename", lambda **_: str(saved))
    app._save.invoke()
    assert status(app) == f"Saved as {saved}, and beside it {listed.name}."
    assert len(saved.read_bytes().splitlines()) == 4
    assert "UTF-8" in listed.read_text("utf-8").upper()

    listed.write_text("mine")
    saved.write_text("mine too")
    monkeypatch.setattr(module.messagebox, "askyesno", lambda *_, **__: False)
    app._save.invoke()
    assert (listed.read_text(), saved.read_text()) == ("mine", "mine too")
    assert sorted(tmp_path.iterdir()) == sorted([source, saved, listed])


def test_a_result_that_can_not_be_saved(
    app: Any, module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "t.csv"
    source.write_text("text\ngood\n")
    app.open(source)
    pump(app, finished(app))
    gone = tmp_path / "gone" / "saved.csv"
    monkeypatch.setattr(module.filedialog, "asksaveasfilename", lambda **_: str(gone))
    app._save.invoke()
    assert status(app) == "⚠ saved.csv isn't saved: No such file or directory."
    assert is_error(app)
    assert enabled(app._save)


def test_choose_the_column(app: Any, tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_text("title,subject\nbad,good\n")
    app.open(source)
    pump(app, finished(app))
    assert status(app) == "⚠ Which column of t.csv holds the texts? Choose it above."
    assert is_error(app)
    assert app._column["values"][1:] == ("title", "subject")
    for chosen, expected in (("title", "1 negative"), ("subject", "1 positive")):
        app._column.set(chosen)
        app._column.event_generate("<<ComboboxSelected>>")
        pump(app, lambda expected=expected: expected in status(app))
    app._column.set("gone")
    app._column.event_generate("<<ComboboxSelected>>")
    pump(app, lambda: is_error(app))


def test_choose_the_encoding(app: Any, tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_bytes("text\nnaïve and dull and bad\n".encode("cp1252"))
    app.open(source)
    pump(app, finished(app))
    assert "1 row can't be read" in status(app)
    app._encoding.set("Western (Windows)")
    app._encoding.event_generate("<<ComboboxSelected>>")
    pump(app, lambda: not is_error(app) and enabled(app._open))
    assert "1 negative" in status(app)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gone.csv", None),
        ("empty.csv", b""),
        ("photo.jpg", b"\xff\xd8"),
        ("cut.csv.gz", b"\x1f\x8b\x08"),
        ("broken.parquet", b"PAR1"),
        ("numbers.csv", b"text,text\n1,2\n"),
    ],
)
def test_errors_are_seen_and_in_plain_words(
    name: str, content: bytes | None, app: Any, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    app.open(tmp_path / name)
    pump(app, finished(app))
    assert is_error(app)
    assert name in status(app)
    assert not any(word in status(app) for word in ("--", "=", "extra", "Error", "exit"))
    assert not enabled(app._save)


@pytest.mark.parametrize(
    "error",
    [
        errors.MissingExtraError("pyarrow not installed; add the extra pocketrnn[parquet]"),
        errors.CorruptModelError("the file is altered; export it again"),
        errors.OutputError("x: no space left on device; go on with resume=True"),
        MemoryError(),
        RuntimeError("a bug"),
    ],
)
def test_any_error_has_words(error: Exception, module: ModuleType) -> None:
    said = module.in_words(error, "a.csv")
    assert len(said) > 10
    assert not any(word in said for word in ("--", "=", "extra"))


def test_a_missing_model_is_said(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pocketrnn.loading, "BUNDLED", tmp_path / "gone.onnx")
    app = module.App()
    type_in(app, TEXT)
    pump(app, lambda: "bundled model is missing" in status(app))
    assert is_error(app)
    app.close()


# -- keys ---------------------------------------------------------------------------------------


def press(app: Any, key: str) -> None:
    app.text.focus_force()
    app.update()
    app.text.event_generate(key)
    app.update()


def test_usual_keys(
    app: Any, module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("askopenfilename", "asksaveasfilename"):
        monkeypatch.setattr(module.filedialog, name, lambda name=name, **_: asked.append(name))
    type_in(app, "one two")
    press(app, "<Control-s>")  # nothing to save yet
    press(app, "<Control-o>")
    assert asked == ["askopenfilename"]
    assert app.text.get("1.0", "end-1c") == "one two"
    press(app, "<Control-a>")
    assert app.text.get("sel.first", "sel.last").strip() == "one two"
    press(app, "<Control-z>")
    press(app, "<Tab>")
    assert "\t" not in app.text.get("1.0", "end")
    assert app.focus_get() is not app.text

    (tmp_path / "t.csv").write_text("text\ngood\n")
    app.open(tmp_path / "t.csv")
    pump(app, finished(app))
    press(app, "<Control-s>")
    assert asked == ["askopenfilename", "asksaveasfilename"]


def test_all_can_be_reached_by_tab(app: Any) -> None:
    app.text.focus_force()
    app.update()
    seen = []
    for _ in range(12):
        seen.append(app.focus_get())
        seen[-1].event_generate("<Tab>")
        app.update()
    assert {app.text, app._column, app._encoding, app._open} <= set(seen)


# -- the end ------------------------------------------------------------------------------------


def test_nothing_is_left_behind(module: ModuleType, tmp_path: Path) -> None:
    app = module.App()
    folder = Path(app._folder.name)
    (tmp_path / "t.csv").write_text("text\ngood\n")
    app.open(tmp_path / "t.csv")
    app.close()
    assert not folder.exists()


CLOSED = """
import sys
sys.path.insert(0, sys.argv[1])
import app
window = app.App(sys.argv[2])
window.after(int(sys.argv[3]), window.close)
try:
    window.mainloop()
finally:
    window.scorer.close()
"""


@slow
@pytest.mark.parametrize("after", [1, 50, 400, 700, 1000])
def test_closed_while_busy(after: int, display: str, table: Path) -> None:  # noqa: F811
    """Closed while the model loads, or a file is scored, the program ends as it should."""
    command = [sys.executable, "-c", CLOSED, str(APP.parent), str(table), str(after)]
    done = subprocess.run(
        command, env={**os.environ, "DISPLAY": display}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


# -- sizes --------------------------------------------------------------------------------------

SIZES = {"least": 0.0, "usual": 1.0, "large": 1.6}  # times the usual size
ERROR = "1,000 rows in 12.3 s: 500 negative, 500 positive. 20 rows can't be read; and more."


@pytest.fixture(scope="module")
def displays() -> Iterator[dict[int, str]]:
    """Displays of two resolutions, till the end: Tk ends the process if one of them goes."""
    with server("2600x2000", 96) as usual, server("2600x2000", 192) as fine:
        yield {96: usual, 192: fine}


def clipped(widget: Any) -> Iterator[str]:
    """Yield the widgets, of all within `widget`, that don't fit where they are."""
    for child in widget.winfo_children():
        if child.winfo_manager() and child.winfo_class() != "Text":
            inside = (
                child.winfo_x() >= 0
                and child.winfo_x() + child.winfo_width() <= widget.winfo_width()
                and child.winfo_y() + child.winfo_height() <= widget.winfo_height()
            )
            whole = (
                child.winfo_width() >= child.winfo_reqwidth()
                and child.winfo_height() >= child.winfo_reqheight()
            )
            if not (inside and (whole or child.winfo_class() in ("TFrame", "TScrollbar"))):
                yield str(child)
        yield from clipped(child)


# Colours clip nothing: dark ones are tried at one size.
@pytest.mark.parametrize(
    ("size", "dark"), [*((size, False) for size in SIZES), ("usual", True)], ids=str
)
@pytest.mark.parametrize("dpi", [96, 192])
def test_nothing_is_clipped(
    dpi: int,
    displays: dict[int, str],
    size: str,
    dark: bool,
    module: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPLAY", displays[dpi])
    monkeypatch.setattr(module.look, "prefers_dark", lambda: dark)
    app = module.App()
    app.update()
    width, height = app.winfo_width(), app.winfo_height()
    assert width == pytest.approx(760 * dpi / 96, abs=2)
    least, times = app.minsize(), SIZES[size]
    width, height = max(round(width * times), least[0]), max(round(height * times), least[1])
    app.geometry(f"{width}x{height}")
    type_in(app, TEXT)
    if size == "least":
        app._say(ERROR, error=True)
    pump(app, lambda: label(app) == "positive" and app.winfo_width() == width)
    drawn = time.monotonic() + 0.3
    pump(app, lambda: time.monotonic() > drawn)
    assert list(clipped(app)) == []
    line = tkinter.font.nametofont("TkTextFont", app).metrics("linespace")
    assert app.text.winfo_height() >= 2 * line
    # The bar goes over the whole width at any size.
    assert app._bar.winfo_width() >= app.winfo_width() - 5 * dpi / 12

    picture = tmp_path / f"{dpi}-{size}-{'dark' if dark else 'light'}.png"
    prediction = pocketrnn.load().predict(TEXT)
    shown = ["-set", "comment", f"{prediction.label} {prediction.score:.4f}"]
    subprocess.run(["import", "-window", str(app.winfo_id()), *shown, picture], check=True)
    assert picture.stat().st_size > 5000
    if folder := os.environ.get("POCKETRNN_SCREENSHOTS"):
        shutil.copy(picture, folder)
    app.close()


def test_the_picture_in_the_docs_is_of_the_bundled_model() -> None:
    """Its comment says what it shows; the test above makes it anew."""
    prediction = pocketrnn.load().predict(TEXT)
    assert f"{prediction.label} {prediction.score:.4f}".encode() in PICTURE.read_bytes()


def test_as_short_as_promised() -> None:
    source = APP.read_text("utf-8").splitlines()
    glue = source[source.index("class Scorer:") :]
    glue = glue[: next(i for i, line in enumerate(glue) if line.startswith("# --"))]
    assert len(source) <= 365
    assert sum(bool(line.strip()) for line in glue) < 45


# -- frozen -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["fresh", "of all extras"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment of pocketrnn and PyInstaller alone, and the one at hand."""
    if request.param == "fresh":
        folder = tmp_path_factory.mktemp("fresh")
        venv.create(folder, with_pip=True)
        python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        install = [python, "-m", "pip", "install", "-q", REPOSITORY, "pyinstaller>=6.10"]
        subprocess.run(install, check=True)
        return str(python)
    pytest.importorskip("PyInstaller")
    if not any("pocketrnn" in entry.value for entry in entry_points(group="pyinstaller40")):
        pytest.skip("pocketrnn isn't installed, so PyInstaller can't find its hook")
    return sys.executable


def freeze(python: str, folder: Path, script: Path, *options: str) -> Path:
    """Freeze `script` as one folder, with no settings but `options`; return that folder."""
    command = [python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", *options]
    environment = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(folder / "cache")}
    started = time.monotonic()
    subprocess.run([*command, str(script)], cwd=folder, env=environment, check=True)
    frozen = folder / "dist" / script.stem
    print(f"\n{megabytes(frozen):.0f} MB in {time.monotonic() - started:.0f} s")
    assert megabytes(frozen) < 200
    return frozen


def megabytes(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if not p.is_symlink()) / 1e6


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty HOME and nothing on PATH."""
    for name in ("home", "bin"):
        (tmp_path / name).mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}


@slow
def test_frozen_app(
    python: str,
    display: str,  # noqa: F811
    tmp_path: Path,
    bare: dict[str, str],
) -> None:
    folder = freeze(python, tmp_path, APP, "--windowed")
    assert list(folder.glob("**/pocketrnn/bundled.onnx"))
    started = time.monotonic()
    program = subprocess.Popen([folder / "app"], env={**bare, "DISPLAY": display}, cwd="/")
    try:
        window = Window(display, "pocketrnn")
        visible = time.monotonic() - started
        window.type(TEXT)
        expected = f"positive {pocketrnn.load().predict(TEXT).score:.4f} – pocketrnn"
        until(lambda: window.title == expected, 30)
    finally:
        program.terminate()
        program.wait()
    print(f"\nwindow after {visible:.2f} s")
    assert list((tmp_path / "home").iterdir()) == []


@slow
def test_frozen_command(python: str, tmp_path: Path, bare: dict[str, str], table: Path) -> None:
    script = tmp_path / "labels.py"
    script.write_text("import sys\nfrom pocketrnn.cli import main\nsys.exit(main())\n")
    folder = freeze(python, tmp_path, script)
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
    print(f"\none text in {seconds:.2f} s")

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
