"""Ends that no program can catch: killed at any moment, and a disk that is full."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pocketrnn import score_file
from pocketrnn.errors import OutputError
from tinyonnx import tiny

MODEL = tiny()


def write_rows(path, rows):
    draw = random.Random(11)
    words = ["good", "bad", "film", "the", "naïve", '""quoted""', ","]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("id,text,more\r\n")
        for number in range(rows):
            text = " ".join(draw.choices(words, k=draw.randrange(1, 40)))
            file.write(f'{number},"{text}",x\r\n')


@pytest.mark.slow
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl.gz", "out.parquet"])
def test_killed_again_and_again(output, tmp_path):
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    model = tmp_path / "tiny.onnx"
    model.write_bytes(MODEL)
    write_rows(tmp_path / "in.csv", 300_000)

    def start(name, *options):
        arguments = [tmp_path / "in.csv", "-o", tmp_path / name, "--text-column", "text", *options]
        command = ["-m", "pocketrnn", "score", *map(str, arguments), "--model", str(model)]
        return subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)

    began = time.monotonic()
    assert start(f"whole-{output}", "--workers", "1").wait() == 0
    duration = time.monotonic() - began

    draw = random.Random(output)
    folder = tmp_path / f"{output}.pocketrnn-run"
    kills, progress = 0, []
    while True:
        process = start(output, "--resume", "--workers", str(draw.choice([1, 2])))
        try:
            # Long enough to come further now and then, short enough to be killed often.
            assert process.wait(draw.uniform(0.1, 0.5) * duration) == 0
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            assert kills < 200
            if (tmp_path / output).exists():  # killed in its last steps
                if folder.exists():
                    continue
                break
            progress.append(len(list(folder.glob("*.part"))))
    assert kills >= 3
    assert progress == sorted(progress)  # a block that is done is never lost
    assert (tmp_path / output).read_bytes() == (tmp_path / f"whole-{output}").read_bytes()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted(["in.csv", "tiny.onnx", output, f"whole-{output}"])


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 2 MB, if we may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True)
    except OSError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip("mounting a file system isn't permitted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_a_full_disk(output, small_disk, tmp_path):
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    source = tmp_path / "in.csv"
    write_rows(source, 20_000)
    assert source.stat().st_size > 1_500_000
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    arguments = {"model": MODEL, "text_column": "text", "resume": True}
    for _ in range(2):
        with pytest.raises(OutputError, match=r"can't write .*No space left.*--resume"):
            score_file(source, small_disk / output, **arguments)
        assert not (small_disk / output).exists()
    ballast.unlink()
    whole = tmp_path / output
    score_file(source, whole, **arguments)
    # Still too small a disk for the whole: made larger, the run goes on.
    remount = ["mount", "-o", "remount,size=16m", str(small_disk)]
    subprocess.run(remount, check=True)
    score_file(source, small_disk / output, **arguments)
    assert (small_disk / output).read_bytes() == whole.read_bytes()
    assert os.listdir(small_disk) == [output]  # noqa: PTH208


def test_a_full_device(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    source = tmp_path / "in.txt"
    source.write_text("good\n")
    model = tmp_path / "tiny.onnx"
    model.write_bytes(MODEL)
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "pocketrnn", "score", source, "-o", "-", "--model", model]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"pocketrnn: No space left on device\n"
