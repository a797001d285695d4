"""The command `pocketrnn generate`, and what other commands do with a generator's file."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import generators
from pocketrnn.cli import main
from pocketrnn.generate.model import Generator

RUN = [sys.executable, "-m", "pocketrnn"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("models") / "tiny.onnx"
    file.write_bytes(generators.tiny("text"))
    return str(file)


def test_the_shell_makes_the_same_texts_as_python(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Generator.load(path)
    options = ["--model", path, "--seed", "5", "--length", "30"]
    assert main(["generate", "ab", *options]) == 0
    expected = model.generate("ab", seed=5, length=30)
    assert capsys.readouterr().out == expected + "\n"
    assert main(["generate", "-n", "3", *options, "--json"]) == 0
    texts = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert texts == model.generate(n=3, seed=5, length=30)
    more = ["--temperature", "0.5", "--top-k", "3", "--top-p", "0.9", "--stop", "c"]
    assert main(["generate", "ab", *options, *more]) == 0
    expected = model.generate(
        "ab", seed=5, length=30, temperature=0.5, top_k=3, top_p=0.9, stop="c"
    )
    assert capsys.readouterr().out == expected + "\n"


def test_control_characters_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evil.onnx"
    path.write_bytes(generators.tiny("text", "\x1b\n\t\u202e"))
    assert main(["generate", "--model", str(path), "--seed", "1", "--length", "50"]) == 0
    out = capsys.readouterr().out
    assert "\\x1b" in out
    assert "\x1b" not in out
    assert "\t" in out


@pytest.mark.parametrize(
    "options",
    [
        ["--length", "-1"],
        ["--temperature", "nan"],
        ["--top-p", "0"],
        ["--seed", "-1"],
        ["-n", "-1"],
    ],
    ids=" ".join,
)
def test_mistakes(path: str, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--model", path, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "must be" in err


def test_the_default_is_the_bundled_model_whatever_lies_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("names").mkdir()
    options = ["--seed", "1", "--length", "5"]
    assert main(["generate", *options, "--model", "names"]) == 0  # no file, so the bundled one
    made = capsys.readouterr().out
    Path("names").rmdir()
    for name in ("names", "monthly"):
        Path(name).write_text("mine")
    assert main(["generate", *options]) == 0
    assert capsys.readouterr().out == made
    Path("in.txt").write_text("1\n" * 40)
    assert main(["forecast", "in.txt", "-o", "out.csv"]) == 0
    assert main(["generate", "--model", "names"]) == 1  # a file comes first


def test_other_commands_name_the_right_one(
    path: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["predict", "a text", "--model", path]) == 1
    assert "the command pocketrnn generate" in capsys.readouterr().err
    assert main(["verify", path]) == 0
    assert "belongs together  6 characters" in capsys.readouterr().out
    assert main(["info", path]) == 0
    assert "task: generate" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["generate", "--unknown"])


def test_score_adds_bits(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["abc", "b a", "cab c", "zzz"]
    (tmp_path / "in.csv").write_text("text\n" + "\n".join(texts) + "\n", "utf-8")
    out = tmp_path / "out.csv"
    assert main(["score", str(tmp_path / "in.csv"), "-o", str(out), "--model", path]) == 0
    assert "; 0 in error" in capsys.readouterr().err
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = Generator.load(path).bits(texts)
    assert [row["text"] for row in rows] == texts
    assert [float(row["bits"]) for row in rows] == pytest.approx(expected, rel=1e-5)
    assert main(["score", str(tmp_path / "in.csv"), "-o", "-", "--model", path,
                 "--probabilities"]) == 2  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")
def test_a_stream_can_be_interrupted(path: str) -> None:
    command = [*RUN, "generate", "--model", path, "--length", "1000000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(50)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) == 130
        assert process.stderr.read() == b"pocketrnn: interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")
def test_a_closed_pipe_ends_a_stream_quietly(path: str) -> None:
    command = [*RUN, "generate", "--model", path, "--length", "1000000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(50)
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


def test_characters_that_the_model_does_not_know_are_named(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "aäb\x07", "--model", path, "--length", "3"]) == 0
    assert capsys.readouterr().err == "characters that the model doesn't know: \\x07 ä\n"
