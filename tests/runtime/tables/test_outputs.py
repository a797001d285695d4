"""Outputs that survive any end, and touch nothing that isn't theirs."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from pocketrnn.errors import ConfigError, InputError, OutputError
from pocketrnn.tables import block, jsonlines, outputs
from tables import Stopped, folder_of, names, parts, score, stopping_after
from tinyonnx import tiny

pytestmark = pytest.mark.usefixtures("unflushed", "small_blocks")


class Killed(BaseException):
    pass


def stopped(source, output, blocks, **options):
    with pytest.raises(Stopped):
        score(source, output, progress=stopping_after(blocks), **options)


# -- resuming ------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet"])
def test_resumed_runs_end_with_the_same_bytes(output, source, tmp_path):
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    whole, resumed = tmp_path / f"whole-{output}", tmp_path / output
    expected = score(source, whole)
    done = []
    for blocks in (0, 1, 3, 2):
        stopped(source, resumed, blocks, resume=True)
        assert not resumed.exists()
        done.append(len(parts(resumed)))
        if done[-1]:  # what a crash may leave
            (folder_of(resumed) / ".out.0123456789ab.csv").write_bytes(b"half a fi")
    assert done == [0, 1, 3, 3]  # nothing is lost, though the last run came less far
    # Damage of any kind is found, and that part made again.
    folder = folder_of(resumed)
    whole_part = (folder / "000000001.part").read_bytes()
    (folder / "000000001.part").write_bytes(whole_part[:100] + b"\0\0" + whole_part[102:])
    (folder / "000000002.part").write_bytes(whole_part)
    summary = score(source, resumed, resume=True)
    assert resumed.read_bytes() == whole.read_bytes()
    assert (summary.rows, summary.labels) == (expected.rows, expected.labels)
    assert summary.rows_before == 10
    assert names(tmp_path) == sorted(["in.csv", whole.name, output])


@pytest.mark.parametrize(
    ("name", "good", "force"),
    [("out.csv", True, True), ("out.csv", False, False), ("out.parquet", False, True)],
)
def test_a_run_killed_at_each_step(name, good, force, source, tmp_path, monkeypatch):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(block, "ROWS", 50)
    if not good:
        source.write_text(source.read_text() + "short\n")
    whole, output = tmp_path / f"whole-{name}", tmp_path / name
    options = {"on_error": "skip", "force": force}
    expected = score(source, whole, **options)
    wanted = [path.name for path in tmp_path.glob("whole-*")]
    killed, step, close = True, 0, outputs.Folder.close
    while killed:
        if force:
            output.write_text("of an earlier run")
            Path(f"{output}.errors.csv").write_text("file,line,reason\nof an earlier run")
        left = step

        def stopping(act):
            def wrapped(*arguments, **keywords):
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return act(*arguments, **keywords)

            return wrapped

        def ending(folder):
            """Close it; after a kill, let go of the lock, but tidy up nothing."""
            if left >= 0:  # noqa: B023 (called within the loop)
                close(folder)
            elif folder._lock is not None:
                os.close(folder._lock)
                folder._lock = None

        with monkeypatch.context() as patch:
            for method in ("replace", "unlink", "rmdir", "open", "stat", "mkdir"):
                patch.setattr(Path, method, stopping(getattr(Path, method)))
            # No tidying up: that isn't what a kill does.
            patch.setattr(outputs.Folder, "close", ending)
            try:
                score(source, output, **options)
                killed = False
            except Killed:
                step += 1
        there = names(folder_of(output)) if folder_of(output).exists() else []
        if "run.json" not in there and not force:
            # Killed in the very last instant: docs/score.md says so.
            if output.exists():
                with pytest.raises(OutputError, match="exists already"):
                    score(source, output, resume=True, **options)
                assert output.read_bytes() == whole.read_bytes()
        elif folder_of(output).exists():
            summary = score(source, output, resume=True, **options)
            assert (summary.rows, summary.errors) == (expected.rows, expected.errors)
            assert output.read_bytes() == whole.read_bytes()
            assert names(tmp_path) == sorted(
                ["in.csv", *wanted, *(found.removeprefix("whole-") for found in wanted)]
            )
        for path in (output, Path(f"{output}.errors.csv")):
            path.unlink(missing_ok=True)
    assert step > 20


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_is_not_there(resume, source, tmp_path):
    with pytest.raises(OutputError, match=r"can't write .*out\.csv: no such folder$"):
        score(source, tmp_path / "gone" / "out.csv", resume=resume)
    assert names(tmp_path) == ["in.csv"]


def test_a_lost_output_is_not_taken_for_the_older_one(source, tmp_path, monkeypatch):
    output = tmp_path / "out.csv"
    score(source, tmp_path / "whole.csv")
    output.write_text("older")

    def stopping_at_the_end(folder, *, all_of_it):
        if parts(output):
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(outputs.Folder, "clear", stopping_at_the_end)
        with pytest.raises(Stopped):
            score(source, output, force=True)
    output.write_text("older")  # as a power cut may have it
    with pytest.raises(OutputError, match=r"out\.csv: exists already"):
        score(source, output, resume=True)
    score(source, output, resume=True, force=True)
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="folders aren't flushed")
def test_on_disk_before_it_is_relied_on(source, tmp_path, monkeypatch):
    """Each file before its rename, that one before the next step."""
    source.write_text(source.read_text() + "short\n")
    events, flushed = [], set()
    replace, unlink = Path.replace, Path.unlink

    def fsync(handle):
        name = Path(f"/proc/self/fd/{handle}").readlink().name
        flushed.add(name)
        if not name.startswith("."):
            events.append(f"flush {name}")

    def renaming(path, target):
        assert path.name in flushed
        events.append(f"rename {target.name}")
        return replace(path, target)

    def unlinking(path, **options):
        if path.exists():
            events.append(f"unlink {path.name}")
        unlink(path, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renaming)
    monkeypatch.setattr(Path, "unlink", unlinking)
    score(source, tmp_path / "out.csv", on_error="skip")
    run, here = "flush out.csv.pocketrnn-run", f"flush {tmp_path.name}"
    numbers = [f"{number:09}.part" for number in range(10)]
    assert events == [
        *("rename run.json", run),
        *(event for number in numbers for event in (f"rename {number}", run)),
        *("rename out.csv.errors.csv", here),
        *("rename out.csv", here),
        *(f"unlink {name}" for name in ["run.json", *numbers, "lock"]),
    ]


@pytest.mark.parametrize(
    ("output", "number"), [("out.csv", 1), ("out.jsonl", 2), ("out.parquet", 4)]
)
def test_what_is_done_again(output, number, tmp_path, monkeypatch):
    """At any moment no more than four blocks are read and not yet written."""
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    assert block.UNDER_WAY * 1024 == 4096  # as docs/score.md says
    assert block.UNDER_WAY * block.CHARACTERS == 1 << 23
    monkeypatch.setattr(block, "ROWS", 100)
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "good film"}\n' * 2050)
    read, ahead = 0, []
    blocks = jsonlines.JsonLinesReader.blocks

    def counted(self, text_column):
        nonlocal read
        for found in blocks(self, text_column):
            read += len(found)
            ahead.append(read - 100 * len(parts(tmp_path / output)))
            yield found

    monkeypatch.setattr(jsonlines.JsonLinesReader, "blocks", counted)
    score(source, tmp_path / output, workers=number)
    assert read == 2050
    assert max(ahead) == 400
    assert set(ahead[4:-1]) == {100 if number == 1 else 400}


def test_a_run_that_did_nothing_leaves_nothing(tmp_path):
    (tmp_path / "in.csv").write_text("id,text\n1\n")
    with pytest.raises(InputError):
        score(tmp_path / "in.csv", tmp_path / "out.csv")
    assert names(tmp_path) == ["in.csv"]


def test_what_changed_is_named(source, tmp_path):
    output = tmp_path / "out.csv"
    stopped(source, output, 3)
    done = {name: (folder_of(output) / name).read_bytes() for name in parts(output)}
    for changes, named in [
        ({"model": tiny(truncating="post")}, "model"),
        ({"text_column": "id"}, "text column"),
        ({"probabilities": True}, "columns"),
        ({"prefix": "p"}, "columns"),
        ({"source_column": "file"}, "columns, source column"),
        ({"output_format": "jsonl"}, "output format"),
        ({"encoding": "latin-1", "on_error": "skip"}, "encoding"),
        ({"quotes": False}, "quotes"),
        ({"max_lines": 7}, "max_lines"),
    ]:
        with pytest.raises(OutputError, match=rf"can't resume, as this changed: {named}; "):
            score(source, output, resume=True, **{"text_column": "text", **changes})
    before = source.stat()
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(OutputError, match=r"this changed: input .*in\.csv; "):
        score(source, output, resume=True)
    # As long as before, and from the same time: only reading it again tells.
    content = source.read_text()
    source.write_text(content.replace("film", "Film", 1))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match=r"can't resume, as the input changed: .*line 2 isn't"):
        score(source, output, resume=True)
    assert {name: (folder_of(output) / name).read_bytes() for name in parts(output)} == done
    source.write_text(content)
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    score(source, output, resume=True)
    assert len(output.read_text().splitlines()) == 96


def test_a_shorter_input_is_not_taken_for_the_whole(source, tmp_path):
    output = tmp_path / "out.csv"
    before, content = source.stat(), source.read_text()
    stopped(source, output, 9)
    (folder_of(output) / "000000003.part").unlink()
    source.write_text("".join(content.splitlines(keepends=True)[:51]).ljust(len(content), "\n"))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match="the input changed: its end isn't"):
        score(source, output, resume=True)
    assert not output.exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]"])
def test_a_damaged_run_is_never_a_new_start(damage, source, tmp_path):
    output = tmp_path / "out.csv"
    stopped(source, output, 5)
    (folder_of(output) / "run.json").write_bytes(damage)
    for _ in range(2):
        with pytest.raises(OutputError, match=r"run\.json: damaged.*; start over with force=True"):
            score(source, output, resume=True)
        assert len(parts(output)) == 5
    score(source, output, force=True)
    assert names(tmp_path) == ["in.csv", "out.csv"]


def test_a_part_that_is_damaged_while_the_run_is_on(source, tmp_path):
    output = tmp_path / "out.csv"

    def damage(progress):
        if progress.rows == 95:
            (folder_of(output) / "000000002.part").write_bytes(b"x")

    with pytest.raises(OutputError, match=r"000000002\.part: was damaged.*resume=True"):
        score(source, output, progress=damage)
    assert not output.exists()
    score(source, output, resume=True)
    score(source, tmp_path / "whole.csv")
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


# -- what is there already -----------------------------------------------------------------------


def test_nothing_is_overwritten_unasked(source, tmp_path):
    output = tmp_path / "out.csv"
    stopped(source, output, 2)
    with pytest.raises(OutputError, match="unfinished run is there; go on with resume=True"):
        score(source, output)
    score(source, output, force=True)
    before = output.read_bytes()
    for resume in (False, True):
        with pytest.raises(OutputError, match=r"out\.csv: exists already; replace it"):
            score(source, output, resume=resume)
    stopped(source, output, 2, force=True)
    assert output.read_bytes() == before
    with pytest.raises(OutputError, match="not a file that could be replaced"):
        score(source, os.devnull, output_format="csv", force=True)
    with pytest.raises(OutputError, match=r"can't write .*nowhere"):
        score(source, tmp_path / "nowhere" / "out.csv")


@pytest.mark.parametrize("name", ["in.csv", "link.csv", "hard.csv"])
def test_the_output_is_the_input(name, source, tmp_path):
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    before = source.read_bytes()
    with pytest.raises(ConfigError, match="is the input; choose another output"):
        score(source, tmp_path / name, force=True)
    assert source.read_bytes() == before


def test_an_input_with_the_name_of_what_a_run_writes(source, tmp_path):
    listed, inside = tmp_path / "out.csv.errors.csv", tmp_path / "out.csv.pocketrnn-run" / "in.csv"
    source.rename(listed)
    inside.parent.mkdir()
    inside.write_bytes(listed.read_bytes())
    for path, message in ((listed, "is the input"), (inside, "lies where the run writes")):
        with pytest.raises(ConfigError, match=message):
            score(path, tmp_path / "out.csv", force=True, on_error="skip")
    assert inside.read_bytes() == listed.read_bytes()


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("kind", ["file", "link", "folder", "link to a folder"])
@pytest.mark.parametrize("suffix", [".errors.csv", ".pocketrnn-run"])
def test_what_no_run_made_is_not_touched(suffix, kind, force, source, tmp_path):
    source.write_text(source.read_text() + "short\n")
    mine, other = tmp_path / f"out.csv{suffix}", tmp_path / "other"
    if "folder" in kind:
        other.mkdir()
        (other / "mine").write_text("precious")
    else:
        other.write_text("precious")
    if kind.startswith("link"):
        mine.symlink_to(other)
    else:
        other.rename(mine)
    with pytest.raises(
        OutputError, match=r"no run wrote (it|this)|no run made this|exists already"
    ):
        score(source, tmp_path / "out.csv", on_error="skip", force=force)
    kept = mine / "mine" if "folder" in kind else mine
    assert kept.read_text() == "precious"
    assert mine.is_symlink() == kind.startswith("link")
    assert not (tmp_path / "out.csv").exists()


def test_a_list_of_errors_belongs_to_its_output(source, tmp_path):
    good, output = source.read_text(), tmp_path / "out.csv"
    source.write_text(good + "short\n")
    score(source, output, on_error="skip")
    output.unlink()
    with pytest.raises(OutputError, match=r"out\.csv\.errors\.csv: exists already"):
        score(source, output, on_error="skip")
    source.write_text(good)
    score(source, output, on_error="skip", force=True)
    assert names(tmp_path) == ["in.csv", "out.csv"]


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_rights_are_kept(source, tmp_path):
    output = tmp_path / "out.csv"
    score(source, output)
    assert stat.S_IMODE(output.stat().st_mode) == stat.S_IMODE(source.stat().st_mode)
    output.chmod(0o600)
    stopped(source, output, 3, force=True)
    assert stat.S_IMODE(folder_of(output).stat().st_mode) == 0o700
    score(source, output, force=True)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


# -- locks ---------------------------------------------------------------------------------------


def test_one_run_at_a_time(source, tmp_path):
    output, link = tmp_path / "out.csv", tmp_path / "link.csv"
    link.symlink_to(output)

    def other(progress):
        for name in (output, link):
            for options in ({"resume": True}, {"force": True}):
                with pytest.raises(OutputError, match="another process is writing this output"):
                    score(source, name, **options)

    score(source, output, progress=other)
    assert len(output.read_text().splitlines()) == 96


def test_the_lock_of_a_run_that_just_ended_is_not_taken_for_one(source, tmp_path, monkeypatch):
    """Between opening and locking it, the other run ends and removes it, and a third begins."""
    output, lock = tmp_path / "out.csv", outputs._lock

    def late(handle):
        if os.fstat(handle).st_nlink and not (tmp_path / "third").exists():
            (tmp_path / "third").touch()
            (folder_of(output) / "lock").unlink()
        lock(handle)

    monkeypatch.setattr(outputs, "_lock", late)

    def other(progress):
        with pytest.raises(OutputError, match="another process is writing this output"):
            score(source, output)

    score(source, output, progress=other)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks(code, source, tmp_path, monkeypatch, caplog):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(code, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    score(source, tmp_path / "out.csv")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 96
    assert [record.message for record in caplog.records] == [
        "this file system has no locks: see to it that no other run writes the same output"
    ]


# -- a disk that is full -------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["run.json", "000000003.part", "out.csv", "out.csv.errors.csv"])
def test_a_full_disk(when, source, tmp_path, monkeypatch):
    source.write_text(source.read_text() + "short\n")
    output, replace = tmp_path / "out.csv", Path.replace

    def full(path, target):
        if target.name == when:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        message = (
            rf"can't write .*{when}: No space left on device; what is written is kept: .*resume="
        )
        with pytest.raises(OutputError, match=message):
            score(source, output, on_error="skip")
    assert not output.exists()
    if when != "run.json":
        assert json.loads((folder_of(output) / "run.json").read_text())["on error"] == "skip"
    score(source, output, on_error="skip", resume=True)
    assert names(tmp_path) == ["in.csv", "out.csv", "out.csv.errors.csv"]


def test_a_long_name_of_an_output(tmp_path: Path) -> None:
    """Rows in error are listed beside it, by a name that is longer still."""
    source = tmp_path / "in.csv"
    source.write_text('text\ngood\n""\nbad\n')
    output = tmp_path / ("x" * 231 + ".csv")
    done = score(source, output, model=tiny(), on_error="skip")
    assert (done.rows, done.errors) == (2, 1)
    assert output.exists()
    assert done.errors_path is not None
    assert done.errors_path.exists()
