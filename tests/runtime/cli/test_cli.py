"""The command `pocketrnn`: what it prints, where, and its exit code."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import pocketrnn.loading
import tinyonnx
from pocketrnn.cli import command, main
from pocketrnn.errors import PocketRNNError
from tinyonnx import resealed

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets standard input to some bytes."""

    def set_stdin(data: bytes) -> None:
        # As in the C locale: the command mustn't depend on it.
        text = io.TextIOWrapper(io.BytesIO(data), "ascii", "surrogateescape")
        monkeypatch.setattr(sys, "stdin", text)

    return set_stdin


def predictions(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def one_line(capsys: Capture) -> str:
    """Return the error line, which must be all that was printed."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err[:-1]


# -- predict -----------------------------------------------------------------------------------


def test_predict_arguments(tiny_path: Path, capsys: Capture) -> None:
    assert main(["predict", "--model", str(tiny_path), "A good film", "bad", ""]) == 0
    out, err = capsys.readouterr()
    model = pocketrnn.load(tiny_path)
    scores = [f"{model.predict(text).score:.4f}" for text in ("A good film", "bad", "")]
    assert out == (
        f"positive  {scores[0]}  A good film\nnegative  {scores[1]}  bad\nunknown   {scores[2]}  \n"
    )
    assert err == ""


def test_predict_is_not_for_files(tmp_path: Path, tiny_path: Path, capsys: Capture) -> None:
    table = tmp_path / "reviews.csv"
    table.write_text("text\ngood\n")
    arguments = ["predict", "--model", str(tiny_path)]
    for name in ("explain", "predict"):
        assert main([name, *arguments[1:], "good", str(table)]) == 2
        expected = f"{table} is a file; to score its rows, run: pocketrnn score {table}"
        assert expected in one_line(capsys)
    assert main([*arguments, "good.csv", "a. b", "a\0.csv", "./" + "a" * 10_000, "."]) == 0


def test_columns_line_up(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(tinyonnx.tiny(labels=("no", "yes!")))
    main(["predict", "--model", str(path), "bad", "good"])
    assert [line[:9] for line in capsys.readouterr().out.splitlines()] == ["no       ", "yes!     "]


def test_predict_json(tiny_path: Path, capsys: Capture) -> None:
    texts = ["A good film", "naïve \u2028 \ud800\x1b[1m", ""]
    assert main(["predict", "--json", "--model", str(tiny_path), *texts]) == 0
    out = capsys.readouterr().out
    model = pocketrnn.load(tiny_path)
    assert predictions(out) == [{**model.predict(text).to_dict(), "text": text} for text in texts]
    assert out.isascii()
    assert out.count("\n") == 3


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b"good\nbad\n", ["good", "bad"]),
        (b"good\r\nbad\r\n", ["good", "bad"]),
        (b"no end of line", ["no end of line"]),
        (b"\n\ngood\n\n", ["", "", "good", ""]),
        (b"\xef\xbb\xbfgood\n\xef\xbb\xbfbad\n", ["good", "\ufeffbad"]),
        ("naïve\u2028\u0085x\x0c中\n".encode(), ["naïve\u2028\u0085x\x0c中"]),
        (b"a\0b\rc\n", ["a\0b\rc"]),
        (b" good \n", [" good "]),
    ],
)
def test_predict_lines(
    data: bytes, texts: list[str], tiny_path: Path, stdin: Any, capsys: Capture
) -> None:
    stdin(data)
    assert main(["predict", "--model", str(tiny_path), "--json"]) == 0
    assert [each["text"] for each in predictions(capsys.readouterr().out)] == texts


def test_line_that_is_not_utf8(tiny_path: Path, stdin: Any, capsys: Capture) -> None:
    stdin(b"good\ncaf\xe9\nbad\n")
    assert main(["predict", "--model", str(tiny_path)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("positive")
    assert out.count("\n") == 1
    assert err == "pocketrnn: standard input, line 2: not UTF-8 text\n"


def test_standard_input_is_closed(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["predict", "--model", str(tiny_path)]) == 1
    assert one_line(capsys) == "pocketrnn: standard input is closed"


@pytest.mark.parametrize("stream", ["None", "closed"])
@pytest.mark.parametrize(
    "arguments", [["predict", "good", "--model"], ["info"], ["verify"], ["score"]]
)
def test_standard_output_is_closed(
    arguments: list[str],
    stream: str,
    tiny_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    """What couldn't be written is never a success."""
    (tmp_path / "in.txt").write_text("good\n")
    if arguments == ["score"]:
        arguments = ["score", str(tmp_path / "in.txt"), "-o", "-", "--model"]
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", None if stream == "None" else closed)
    assert main([*arguments, str(tiny_path)]) == 1
    assert capsys.readouterr().err == "pocketrnn: standard output is closed\n"


def test_without_standard_error(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """What was for standard error doesn't go into the rows on standard output."""
    source = tmp_path / "in.csv"
    source.write_text("text,n\ngood,1\n,2\n")
    monkeypatch.setattr(sys, "stderr", None)
    arguments = ["score", str(source), "-o", "-", "--on-error", "null", "--model", str(tiny_path)]
    assert main([*arguments, "--text-column", "text"]) == 3
    assert len(capsys.readouterr().out.splitlines()) == 3
    source.write_text("text\ngood\n")
    assert main([*arguments]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["predict", "--model", "missing"]) == 1


@pytest.mark.skipif(os.name != "posix", reason="handles of POSIX")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(
    closed: str, tiny_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.txt").write_text("good\n" * 5000)
    command = (
        f"exec {sys.executable} -m pocketrnn score in.txt -o out.csv --workers 2 --model tiny.onnx"
    )
    done = subprocess.run(f"{command} {closed}", shell=True, cwd=tmp_path, check=False)
    assert done.returncode == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "text,label,score"
    assert len(lines) == 5001
    assert all(line.startswith("good,positive,") for line in lines[1:])


def test_standard_output_without_an_encoding(tiny_path: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["predict", "--model", str(tiny_path), "naïve \ud800"]) == 0
    assert out.getvalue().endswith("naïve \\ud800\n")


def test_standard_output_in_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(tinyonnx.tiny(labels=("mauvais", "agréable")))
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, "ascii"))
    assert main(["predict", "--model", str(path), "good 中"]) == 0
    assert main(["info", str(path)]) == 0
    assert buffer.getvalue().startswith(b"agr\\xe9able  0.8")
    assert b"good \\u4e2d\n" in buffer.getvalue()
    assert b"note: f\\xfcr Tests" in buffer.getvalue()


def test_label_cannot_steer_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(tinyonnx.tiny(labels=("no", "\x1b[2J\n")))
    assert main(["predict", "--model", str(path), "good"]) == 0
    assert capsys.readouterr().out.startswith("\\x1b[2J\\n  0.9")


# -- info --------------------------------------------------------------------------------------


def test_info(tiny_path: Path, capsys: Capture) -> None:
    assert main(["info", str(tiny_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [
        "file",
        f"  bytes: {tiny_path.stat().st_size}",
        f"  sha256: {pocketrnn.load(tiny_path).sha256}",
        "  task: classify",
        "config",
        "  text",
    ]
    assert "    maxlen: 8" in lines
    assert '  labels: ["negative", "positive"]' in lines
    assert "    cell: simple_rnn" in lines
    assert lines[-6:] == [
        "card",
        "  corpus",
        "    name: made up",
        "  figures",
        "    accuracy: 0.75",
        "  note: für Tests",
    ]


def test_info_json(tiny_path: Path, capsys: Capture) -> None:
    assert main(["info", "--json", "--model", str(tiny_path)]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about == {
        "file": {
            "bytes": tiny_path.stat().st_size,
            "sha256": pocketrnn.load(tiny_path).sha256,
            "task": "classify",
        },
        "config": json.loads(json.dumps(tinyonnx.config().to_dict())),
        "card": tinyonnx.CARD,
    }


def test_info_of_the_bundled_model(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(pocketrnn.loading, "BUNDLED", tiny_path)
    assert main(["info"]) == 0
    assert "made up" in capsys.readouterr().out


@pytest.fixture
def with_card(tmp_path: Path) -> Any:
    """Return a function that makes a file with a card, given as JSON."""

    def make(card: str) -> str:
        config = tinyonnx.config()
        graph = tinyonnx.graph(config)
        path = tmp_path / "card.onnx"
        path.write_bytes(resealed(graph, tinyonnx.metadata(graph, config), card=card))
        return str(path)

    return make


def test_card_cannot_steer_the_terminal(with_card: Any, capsys: Capture) -> None:
    card = {"\x1b[2J": "\x1b[31m", "line\nbreak": {"\u202e": ["\x07"]}}
    assert main(["info", with_card(json.dumps(card))]) == 0
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.splitlines())
    assert '  \\x1b[2J: "\\u001b[31m"' in out.splitlines()


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_deep_card(option: list[str], with_card: Any, capsys: Capture) -> None:
    # The deepest are too deep to parse, or to print, depending on the version of Python.
    for depth in (50, 990, 5000):
        path = with_card('{"a":' * depth + "1" + "}" * depth)
        code = main(["info", path, *option])
        out, err = capsys.readouterr()
        if depth == 50:
            assert code == 0
        assert (code, err) == (0, "") or (code, out, err.count("\n")) == (1, "", 1)


def test_card_too_deep_to_print(
    with_card: Any, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def too_deep(_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("pocketrnn.cli.info._outline", too_deep)
    path = with_card("{}")
    assert main(["info", path]) == 1
    assert one_line(capsys) == f"pocketrnn: {path}: the card is nested too deeply to print"


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.onnx", "can't read the model file (No such file or directory)"),
        ("text.onnx", "not an ONNX model"),
        (
            ".",
            "can't read the model file (it is a folder; if it is a run, "
            "pocketrnn-export makes a model file of it)",
        ),
    ],
)
@pytest.mark.parametrize(
    "arguments", [["info"], ["info", "--json"], ["predict", "good", "--model"]]
)
def test_bad_model(
    arguments: list[str], name: str, message: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    path = f"{tmp_path}/{name}"
    assert main([*arguments, path]) == 1
    assert one_line(capsys) == f"pocketrnn: {path}: {message}"


def test_error_is_one_line_that_cannot_steer_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bad.onnx"
    config = tinyonnx.config()
    graph = tinyonnx.graph(config)
    settings = json.dumps({**config.to_dict(), "\x1b[2J\nsecond line": 1})
    path.write_bytes(resealed(graph, tinyonnx.metadata(graph, config), config=settings))
    assert main(["predict", "--model", str(path), "good"]) == 1
    line = one_line(capsys)
    assert ": \\x1b[2J second line)" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["predict", "--unknown"],
        ["predict", "--mod", "m.onnx", "good"],  # abbreviations would break when options are added
        ["predict", "--js", "good"],
        ["info", "--js"],
        ["predict", "--model"],
        ["info", "a.onnx", "b.onnx"],
        ["--vers"],
    ],
)
def test_misuse(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    command = f" {arguments[0]}" if len(arguments) > 1 else ""
    assert err.startswith(f"pocketrnn{command}: ")
    assert err.endswith(f"; see pocketrnn{command} --help\n")
    assert err.count("\n") == 1


def test_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"pocketrnn {pocketrnn.__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (PocketRNNError("a  message\nof two\tlines"), 1, "name: a message of two lines"),
        (PocketRNNError("\x1b]0;title\x07"), 1, "name: \\x1b]0;title\\x07"),
        (FileNotFoundError(2, "No such file", "a.txt"), 1, "name: a.txt: No such file"),
        (OSError(28, "No space left on device"), 1, "name: No space left on device"),
        (OSError("of its own kind"), 1, "name: of its own kind"),
        (MemoryError(), 1, "name: out of memory"),
        (KeyboardInterrupt(), 130, "name: interrupted"),
    ],
)
def test_run(error: BaseException, code: int, line: str, capsys: Capture) -> None:
    def body() -> None:
        raise error

    assert command.run("name", body) == code
    assert one_line(capsys) == line


def test_a_bug_is_named_as_one(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert command.run("name", lambda: 1 // 0) == 1
    line = one_line(capsys)
    assert line.startswith(f"name: this is a bug in pocketrnn {pocketrnn.__version__} (ZeroDivis")
    assert "test_cli.py, line " in line
    assert "please report it" in line
    monkeypatch.setenv("POCKETRNN_TRACEBACK", "1")
    assert command.run("name", lambda: 1 // 0) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last)")
    assert err.splitlines()[-1].startswith("name: this is a bug in pocketrnn")


@pytest.mark.parametrize("said", [None, "0"])
def test_start_up_notes_of_a_library(
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What it writes past Python is heard only by who asks for it."""
    (tmp_path / "noisy.py").write_text("import os; os.write(2, b'a note\\n')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "noisy", raising=False)
    monkeypatch.delenv("NOISY_LEVEL", raising=False)
    if said:
        monkeypatch.setenv("NOISY_LEVEL", said)
    command.import_quietly("noisy", "NOISY_LEVEL", "3")
    import noisy  # type: ignore[import-not-found]  # noqa: F401

    assert capfd.readouterr().err == ("a note\n" if said else "")
    assert os.environ["NOISY_LEVEL"] == (said or "3")
    print("ours", file=sys.stderr)
    assert capfd.readouterr().err == "ours\n"


# -- as a process ------------------------------------------------------------------------------


def start(*arguments: str | bytes, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pocketrnn", *arguments]
    pipes = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.PIPE)
    environment = {**os.environ, **options.pop("env", {})}
    environment.pop("PYTHONUNBUFFERED", None)  # it would hide a missing flush
    process = subprocess.Popen(command, env=environment, **{**pipes, **options})
    # A missing answer should fail its test, not hang it.
    watchdog = threading.Timer(60, process.kill)
    watchdog.daemon = True
    watchdog.start()
    return process


def test_process(tiny_path: Path, tmp_path: Path) -> None:
    process = start("predict", "--model", tiny_path.name, cwd=tmp_path)
    out, err = process.communicate(b"good\nbad\n")
    assert [line.split()[0] for line in out.splitlines()] == [b"positive", b"negative"]
    assert (process.returncode, err) == (0, b"")


def test_answers_come_as_soon_as_their_lines(tiny_path: Path) -> None:
    with start("predict", "--model", str(tiny_path)) as process:
        for text in (b"good", b"bad"):
            process.stdin.write(text + b"\n")
            process.stdin.flush()
            assert process.stdout.readline().endswith(text + b"\n")
        process.stdin.close()
    assert process.returncode == 0


def test_reader_of_the_output_leaves(tiny_path: Path) -> None:
    with start("predict", "--model", str(tiny_path)) as process:
        process.stdin.write(b"good\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"bad\n" * 10)
            process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_is_full(tiny_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("predict", "--model", str(tiny_path), "good", stdout=full)
        assert process.communicate()[1] == b"pocketrnn: No space left on device\n"
    assert process.returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupt(tiny_path: Path) -> None:
    # Python leaves SIGINT alone where the parent ignores it, as shells do for background jobs.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from pocketrnn.cli import main; sys.exit(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "predict", "--model", str(tiny_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"good\n")
        process.stdin.flush()
        process.stdout.readline()  # it is up, and waits for the next line
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"pocketrnn: interrupted\n"
    assert process.returncode == 130


@pytest.mark.skipif(os.name != "posix", reason="bytes as arguments are POSIX's")
@pytest.mark.parametrize(
    "variables",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["C", "C without UTF-8"],
)
def test_any_bytes_in_any_locale(variables: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(tinyonnx.tiny(labels=("schlecht", "schön")))
    texts = ["good \udcff".encode("utf-8", "surrogateescape"), "gut, schön".encode()]
    process = start("predict", "--model", str(path), *texts, env=variables)
    out, err = process.communicate()
    assert (process.returncode, err, out.count(b"\n")) == (0, b"", 2)
    assert b"good \\udcff" in out

    process = start("predict", "--json", "--model", str(path), env=variables)
    out, err = process.communicate("naïve\n".encode())
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["text"] == "naïve"

    process = start("info", os.fsencode(tmp_path) + b"/\xff.onnx", env=variables)
    out, err = process.communicate()
    assert (process.returncode, out, err.count(b"\n")) == (1, b"", 1)
    assert b"\\udcff.onnx: can't read the model file" in err
