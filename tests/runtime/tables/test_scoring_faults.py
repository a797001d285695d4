"""Ends that no program can catch: killed at any moment, and a disk that is full."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from pocketrnn import load, score_file
from pocketrnn.errors import OutputError, PocketRNNError
from tables import names
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


def command(*arguments):
    return [sys.executable, "-m", "pocketrnn", "score", *map(str, arguments)]


def forked(act, log):
    """Start `act` in a process that has all in memory already; it waits to be continued.

    Its exit code is 0, or 1 for one of our errors, which goes to `log`; 2 for any other.
    """
    pid = os.fork()
    if pid:
        os.waitpid(pid, os.WUNTRACED)
        return pid
    code = 0
    try:
        os.kill(os.getpid(), signal.SIGSTOP)
        act()
    except PocketRNNError as error:
        code, message = 1, str(error)
    except BaseException:  # noqa: BLE001
        code, message = 2, traceback.format_exc()
    if code:
        log.write_text(message)
    os._exit(code)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("output", ["out.csv", "out.csv.zst", "out.jsonl.gz", "out.parquet"])
@pytest.mark.parametrize("force", [False, True])
def test_killed_again_and_again(output, force, tmp_path):
    """POCKETRNN_KILLS is how often, at least."""
    pytest.importorskip("pyarrow")
    if sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    source, folder = tmp_path / "in.csv", tmp_path / f"{output}.pocketrnn-run"
    write_rows(source, 15_000)
    with source.open("a") as file:
        file.write("short\r\n")
    options = {"model": load(MODEL), "text_column": "text", "on_error": "skip"}
    began = time.monotonic()
    score_file(source, tmp_path / f"whole-{output}", **options)
    duration = time.monotonic() - began
    wanted = (tmp_path / f"whole-{output}").read_bytes()
    listed = (tmp_path / f"whole-{output}.errors.csv").read_bytes()
    draw = random.Random(output)
    kills = runs = 0
    while kills < int(os.environ.get("POCKETRNN_KILLS", "10")):
        progress, code, runs = 0, None, runs + 1
        if force:
            (tmp_path / output).write_bytes(b"of an earlier run")
        while code is None:
            act = partial(
                score_file, source, tmp_path / output, resume=True, force=force, **options
            )
            pid = forked(act, tmp_path / "log")
            os.kill(pid, signal.SIGCONT)
            # Often long enough to come further, mostly short enough to be killed.
            time.sleep(draw.choice([draw.uniform(0, 0.1), draw.uniform(0, 1.2)]) * duration)
            os.kill(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
            if os.WIFEXITED(status):
                code = os.WEXITSTATUS(status)
                break
            kills += 1
            there = names(folder) if folder.exists() else []
            done = sum(bool(re.fullmatch(r"\d+\.part", name)) for name in there)
            is_there = (tmp_path / output).exists()
            is_whole = is_there and (tmp_path / output).read_bytes() == wanted
            assert done >= progress or is_whole, there  # a block that is done is never lost
            progress = done
            if not force and is_there and "run.json" not in there:
                code = 0  # killed in its very last instant
        assert code == 0, (tmp_path / "log").read_text()
        assert (tmp_path / output).read_bytes() == wanted
        assert (tmp_path / f"{output}.errors.csv").read_bytes() == listed
        shutil.rmtree(folder, ignore_errors=True)
        made = [name + end for name in (output, f"whole-{output}") for end in ("", ".errors.csv")]
        assert names(tmp_path) == sorted(["in.csv", *made])
        (tmp_path / output).unlink()
        (tmp_path / f"{output}.errors.csv").unlink()
    print(f"{output}: {kills} kills in {runs} runs")


CALLS = (
    "openat,read,write,pread64,lseek,fsync,close,rename,unlink,mkdir,rmdir,flock,newfstatat,fstat,"
    "getdents64,readlink,ftruncate,chmod,fchmod"
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_every_system_call_fails_once(output, error, tmp_path):
    """Whatever fails, nothing wrong is written, an error is one line, and the run can go on."""
    pytest.importorskip("pyarrow")
    folder, log, trace = tmp_path / "here", tmp_path / "log", tmp_path / "trace"
    folder.mkdir()
    source = folder / "in.csv"
    write_rows(source, 2500)
    with source.open("a") as file:
        file.write("short\r\n")
    options = {"model": load(MODEL), "text_column": "text", "on_error": "skip"}
    run = partial(score_file, source, folder / output, **options)
    run(force=True)

    def tidy():
        for path in folder.iterdir():
            if path != source:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def traced(*how):
        tidy()
        pid = forked(run, log)
        arguments = ["strace", "-y", "-s", "0", "-o", str(trace), "-p", str(pid), *how]
        with subprocess.Popen(arguments, stderr=subprocess.PIPE) as strace:
            assert b"attached" in strace.stderr.readline()
            os.kill(pid, signal.SIGCONT)
            code = os.WEXITSTATUS(os.waitpid(pid, 0)[1])
        return code, trace.read_text("utf-8", "replace").splitlines()

    code, lines = traced("-e", f"trace={CALLS}")
    assert code == 0
    wanted = {name: (folder / name).read_bytes() for name in names(folder)}
    count, ours = Counter(), []
    for line in lines:
        call = line.partition("(")[0]
        count[call] += 1
        if str(folder) in line:
            ours.append((call, count[call]))
    assert len(ours) > 100
    failed, raw = 0, []
    for call, number in ours:
        code, _ = traced("-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}")
        where = f"{call} {number}: " + (log.read_text() if code else "")
        failed += code == 1
        if code == 2:  # none of our errors
            raw.append(where)
            print(where[-1500:], flush=True)
        if (folder / output).exists():
            assert (folder / output).read_bytes() == wanted[output], where
        try:
            run(resume=True)
        except OutputError as again:
            assert "exists already" in str(again), (where, again)  # noqa: PT017
        left = {name: (folder / name).read_bytes() for name in names(folder) if "-run" not in name}
        assert left == wanted, where
    assert not raw, raw
    print(f"{output}, {error}: {len(ours)} calls failed, {failed} runs stopped")


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--force"], ["--resume", "--force"], ["--resume"], []])
def test_three_processes_on_one_output(options, tiny_path, tmp_path):
    """Whoever looks sees no output or a whole one. POCKETRNN_RACE is for how many seconds."""
    output, link = tmp_path / "out.csv", tmp_path / "link.csv"
    link.symlink_to(output)
    for i in range(3):
        write_rows(tmp_path / f"in{i}.csv", 3000 + 500 * i)
    common = ["--text-column", "text", "--workers", "1", "--model", tiny_path]
    wanted = set()
    for i in range(3):
        subprocess.run(
            command(tmp_path / f"in{i}.csv", "-o", tmp_path / f"whole{i}.csv", *common),
            check=True,
            stderr=subprocess.DEVNULL,
        )
        wanted.add((tmp_path / f"whole{i}.csv").read_bytes())
    ends, looks = Counter(), 0
    stop = time.monotonic() + float(os.environ.get("POCKETRNN_RACE", "5"))
    running: dict[int, subprocess.Popen[bytes]] = {}
    while running or time.monotonic() < stop:
        for i in range(3):
            if i not in running and time.monotonic() < stop:
                to = link if i == 2 else output
                arguments = command(tmp_path / f"in{i}.csv", "-o", to, *common, *options)
                running[i] = subprocess.Popen(arguments, stderr=subprocess.PIPE)
            if i in running and running[i].poll() is not None:
                error = running[i].communicate()[1]
                assert b"Traceback" not in error, error
                assert running.pop(i).returncode in (0, 1), error
                ends[re.sub(rb".*: |;.*| rows in.*", b"", error.splitlines()[-1])[:40]] += 1
        with contextlib.suppress(FileNotFoundError):
            assert output.read_bytes() in wanted
            looks += 1
            if "--force" not in options and looks % 50 == 0:
                output.unlink()  # so that the next one may
        time.sleep(0.01)
    print(options, looks, "looks", dict(ends))
    assert looks > 20


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


@pytest.mark.slow
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
        with pytest.raises(OutputError, match=r"can't write .*No space left.*resume=True"):
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


def test_a_full_device(tiny_path, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    source = tmp_path / "in.txt"
    source.write_text("good\n")
    with Path("/dev/full").open("wb") as full:
        arguments = command(source, "-o", "-", "--model", tiny_path)
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"pocketrnn: No space left on device\n"
