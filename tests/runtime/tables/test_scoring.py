"""What `score_file` and the command do besides formats: errors, resuming, workers, exit codes."""

import csv
import errno
import io
import json
import multiprocessing
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from pocketrnn import cli, load, score_file, score_rows
from pocketrnn.errors import ConfigError, InputError, OutputError, WorkerError
from pocketrnn.tables import block, outputs, readers, scoring, workers, writers
from pocketrnn.tables.block import Block
from tinyonnx import tiny

pytestmark = pytest.mark.usefixtures("unflushed")

MODEL = tiny()


class Stopped(Exception):
    pass


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(readers, "ROWS", 10)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    rows = [f'{i},"good, film {"bad " * (i % 5)}"' for i in range(95)]
    path.write_text("\n".join(["id,text", *rows]) + "\n")
    return path


def stopping_after(blocks):
    """Return a progress callback that stops the run after so many blocks."""
    left = blocks

    def stop(progress):
        nonlocal left
        if left == 0:
            raise Stopped
        left -= 1

    return stop


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_loaded_model_will_do(source, tmp_path, monkeypatch):
    score_file(source, tmp_path / "by-bytes.csv", model=MODEL)
    loaded = load(MODEL)
    monkeypatch.setattr(scoring, "load", None)  # it isn't loaded again
    score_file(source, tmp_path / "by-model.csv", model=loaded)
    assert (tmp_path / "by-model.csv").read_bytes() == (tmp_path / "by-bytes.csv").read_bytes()
    assert len(list(score_rows(source, model=loaded))) == 95


# -- rows in error -------------------------------------------------------------------------------

BAD = {
    "csv": (
        b"id,text,more\n"
        b"1,good,a\n"
        b"2,caf\xe9,b\n"  # Latin-1
        b"3,short\n"
        b'4,"quo"ted,c\n'
        b"5,long,d,e\n"
        b"6,bad,f\n",
        {3: "bytes that aren't utf-8 text", 4: "2 fields", 5: "not CSV", 6: "4 fields"},
    ),
    "jsonl": (
        b'{"id": 1, "text": "good"}\n'
        b'{"id": 2, "text": null}\n'
        b'{"id": 3, "text": 7}\n'
        b'{"id": 4, "test": "a"}\n'
        b'{"id": 5, "text": "caf\xe9"}\n'
        b"\n"
        b'{"id": 6, "text": \n'
        b'["text"]\n'
        b'{"id": 7, "text": "bad"}',
        {
            2: "'text' is null, not text",
            3: "'text' is a number, not text",
            4: "no field 'text'; there are: 'id', 'test'",
            5: "bytes that aren't utf-8 text",
            7: "not JSON: ",
            8: "a list, not a JSON object",
        },
    ),
    "txt": (b"good\ncaf\xe9\nbad\n", {2: "bytes that aren't utf-8 text"}),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("out", ["csv", "jsonl"])
def test_bad_rows_are_left_out(kind, out, tmp_path):
    content, reasons = BAD[kind]
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{out}"
    source.write_bytes(content)
    summary = score_file(source, output, model=MODEL, text_column="text", on_error="skip")
    assert (summary.rows, summary.errors) == (2, len(reasons))
    assert summary.errors_path == tmp_path / f"out.{out}.errors.csv"
    with summary.errors_path.open(newline="") as file:
        listed = list(csv.reader(file))
    assert [(name, int(line)) for name, line, _ in listed] == [(str(source), n) for n in reasons]
    for (*_, reason), start in zip(listed, reasons.values(), strict=True):
        assert reason.startswith(start)
    back = list(score_rows(output, model=MODEL, text_column="text"))
    assert [row.values["text"] for row in back] == ["good", "bad"]
    assert [row.values["label"] for row in back] == ["positive", "negative"]


def test_bad_csv_rows_kept(tmp_path):
    (tmp_path / "in.csv").write_bytes(BAD["csv"][0])
    score_file(
        tmp_path / "in.csv", tmp_path / "out.csv", model=MODEL, text_column="text", on_error="null"
    )
    lines = (tmp_path / "out.csv").read_bytes().split(b"\n")
    assert lines[1].startswith(b"1,good,a,positive,0.")
    assert lines[2:6] == [
        b"2,caf\xe9,b,,",
        b"3,short,,,",
        b',"4,""quo""ted,c",,,',
        b"5,long,d,e,,",
    ]
    assert lines[6].startswith(b"6,bad,f,negative,0.")
    # The other formats can't hold bytes that aren't text.
    score_file(
        tmp_path / "in.csv",
        tmp_path / "out.jsonl",
        model=MODEL,
        text_column="text",
        on_error="null",
        probabilities=True,
    )
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    nulls = dict.fromkeys(["label", "score", "probability_negative", "probability_positive"])
    assert rows[1] == {"id": "2", "text": "caf\ufffd", "more": "b", **nulls}
    assert rows[2] == {"id": "3", "text": "short", **nulls}
    assert rows[3] == {"text": '4,"quo"ted,c', **nulls}


def test_bad_json_rows_kept(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(BAD["jsonl"][0])
    score_file(
        tmp_path / "in.jsonl",
        tmp_path / "out.jsonl",
        model=MODEL,
        text_column="text",
        on_error="null",
    )
    lines = (tmp_path / "out.jsonl").read_bytes().split(b"\n")
    end = b', "label": null, "score": null}'
    assert lines[1] == b'{"id": 2, "text": null' + end
    assert lines[3] == b'{"id": 4, "test": "a"' + end
    assert lines[4] == '{"id": 5, "text": "caf\ufffd"'.encode() + end  # JSON is UTF-8
    assert json.loads(lines[5]) == {"text": '{"id": 6, "text": ', "label": None, "score": None}
    assert len(lines) == 9


def test_null_texts_of_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"text": ["good", None, "bad"]}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet, line 2: 'text' is null"):
        score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", model=MODEL)
    for on_error, labels in {
        "skip": ["positive", "negative"],
        "null": ["positive", None, "negative"],
    }.items():
        output = tmp_path / f"{on_error}.parquet"
        score_file(tmp_path / "in.parquet", output, model=MODEL, on_error=on_error)
        table = pq.read_table(output)
        assert table["label"].to_pylist() == labels
        assert [score is None for score in table["score"].to_pylist()] == [
            label is None for label in labels
        ]


def test_no_good_row_in_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    for texts in ([], [None, None]):
        source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
        pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), source)
        summary = score_file(source, output, model=MODEL, on_error="skip", force=True)
        assert (summary.rows, summary.errors) == (0, len(texts))
        assert pq.read_table(output).to_pydict() == {"text": [], "label": [], "score": []}


def test_an_undecodable_file_in_a_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_bytes(b"good")
    (tmp_path / "in" / "b.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"in/b\.txt, line 1: bytes that aren't utf-8 text"):
        score_file(tmp_path / "in", tmp_path / "out.csv", model=MODEL)
    score_file(tmp_path / "in", tmp_path / "out.csv", model=MODEL, encoding="latin-1", force=True)
    assert "b.txt,café," in (tmp_path / "out.csv").read_text("utf-8")


def test_failing_keeps_what_was_done(source, tmp_path, small_blocks):
    lines = source.read_text().splitlines()
    lines[58] = "57"
    source.write_text("\n".join(lines) + "\n")
    output = tmp_path / "out.csv"
    with pytest.raises(InputError, match=r"in\.csv, line 59: 1 fields where the header has 2; "):
        score_file(source, output, model=MODEL)
    assert names(tmp_path) == [
        "in.csv",
        "out.csv.partial",
        "out.csv.partial.errors",
        "out.csv.partial.journal",
    ]
    assert len((tmp_path / "out.csv.partial").read_text().splitlines()) == 1 + 50
    # Nothing but good rows so far, so how errors are taken may change now, and only now.
    with pytest.raises(Stopped):
        score_file(
            source,
            output,
            model=MODEL,
            on_error="skip",
            resume=True,
            progress=stopping_after(3),
        )
    with pytest.raises(OutputError, match="this changed: on error"):
        score_file(source, output, model=MODEL, on_error="null", resume=True)
    summary = score_file(source, output, model=MODEL, on_error="skip", resume=True)
    assert (summary.rows, summary.errors) == (94, 1)
    whole = tmp_path / "whole.csv"
    score_file(source, whole, model=MODEL, on_error="skip")
    assert output.read_bytes() == whole.read_bytes()
    errors = (tmp_path / "out.csv.errors.csv").read_bytes()
    assert errors == (tmp_path / "whole.csv.errors.csv").read_bytes()
    assert errors.decode() == f"{source},59,1 fields where the header has 2\n"


# -- resuming ------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet"])
def test_resumed_runs_end_with_the_same_bytes(output, source, tmp_path, small_blocks):
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    whole, resumed = tmp_path / f"whole-{output}", tmp_path / output
    expected = score_file(source, whole, model=MODEL)
    for blocks in (0, 1, 3, 2):
        with pytest.raises(Stopped):
            score_file(source, resumed, model=MODEL, resume=True, progress=stopping_after(blocks))
        assert not resumed.exists()
        # What a crash may leave past the last whole block.
        with Path(f"{resumed}.partial").open("ab") as file:
            file.write(b"half a wind")
        with Path(f"{resumed}.partial.journal").open("ab") as file:
            file.write(b'{"blocks": 99, "by')
        if output.endswith("parquet"):
            Path(f"{resumed}.partial.whole").write_bytes(b"half a file" * 10_000)
    summary = score_file(source, resumed, model=MODEL, resume=True)
    assert resumed.read_bytes() == whole.read_bytes()
    assert (summary.rows, summary.labels) == (expected.rows, expected.labels)
    assert names(tmp_path) == sorted(["in.csv", whole.name, output])


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("good", [True, False])
def test_a_run_killed_in_its_last_steps(name, good, source, tmp_path, monkeypatch):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    if not good:
        source.write_text(source.read_text() + "short\n")
    whole, output = tmp_path / f"whole-{name}", tmp_path / name
    options = {"model": MODEL, "on_error": "skip"}
    expected = score_file(source, whole, **options)
    wanted = [path.name for path in tmp_path.glob("whole-*")]
    stops = 0
    for step in range(20):
        calls = iter(range(20))

        def stopping(act, calls=calls, step=step):
            def wrapped(*arguments, **keywords):
                if next(calls) == step:
                    raise Stopped
                return act(*arguments, **keywords)

            return wrapped

        (tmp_path / f"{name}.errors.csv").write_text("of an earlier output")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", stopping(Path.replace))
            patch.setattr(Path, "unlink", stopping(Path.unlink))
            patch.setattr(outputs, "_sync_folder", stopping(outputs._sync_folder))
            patch.setattr(outputs.FileOutput, "_note", stopping(outputs.FileOutput._note))
            try:
                score_file(source, output, **options)
            except Stopped:
                stops += 1
        if (tmp_path / f"{name}.partial.journal").exists():
            summary = score_file(source, output, resume=True, **options)
            assert (summary.rows, summary.errors) == (expected.rows, expected.errors)
            assert output.read_bytes() == whole.read_bytes()
            assert names(tmp_path) == sorted(
                ["in.csv", *wanted, *(found.removeprefix("whole-") for found in wanted)]
            )
        output.unlink(missing_ok=True)
    assert stops >= 8


def test_stopped_again_after_a_kill_in_the_last_steps(source, tmp_path, monkeypatch):
    """The journal says that the output is complete, but it is being made anew."""
    pytest.importorskip("pyarrow")
    output = tmp_path / "out.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _stop)
        with pytest.raises(Stopped):
            score_file(source, output, model=MODEL)
    assert (tmp_path / "out.parquet.partial.whole").exists()
    with pytest.raises(Stopped):
        score_file(source, output, model=MODEL, resume=True, progress=_stop)
    assert not (tmp_path / "out.parquet.partial.whole").exists()
    score_file(source, output, model=MODEL, resume=True)
    score_file(source, tmp_path / "whole.parquet", model=MODEL)
    assert output.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert names(tmp_path) == ["in.csv", "out.parquet", "whole.parquet"]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_was_to_be_renamed_is_lost(name, source, tmp_path, monkeypatch):
    """The journal says that the output is complete, but there is neither it nor what it was."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    whole, output = tmp_path / f"whole-{name}", tmp_path / name
    score_file(source, whole, model=MODEL)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _stop)
        with pytest.raises(Stopped):
            score_file(source, output, model=MODEL)
    if name.endswith("parquet"):
        (tmp_path / f"{name}.partial.whole").unlink()
        score_file(source, output, model=MODEL, resume=True)
        assert output.read_bytes() == whole.read_bytes()
        return
    (tmp_path / f"{name}.partial").unlink()
    with pytest.raises(OutputError, match=r"out\.csv\.partial: shorter than its journal says"):
        score_file(source, output, model=MODEL, resume=True)


@pytest.mark.skipif(os.name == "nt", reason="folders aren't flushed")
@pytest.mark.parametrize(
    ("name", "events"),
    [
        (
            "out.csv",
            "inputs .journal folder  .partial blocks .journal  .partial .errors blocks .journal  "
            "complete .journal rename:.partial folder rename:.errors unlink:.journal",
        ),
        (
            "out.parquet",
            "inputs .journal folder  blocks .journal  .partial .errors blocks .journal  "
            ".whole complete .journal rename:.whole folder rename:.errors "
            "unlink:.partial unlink:.journal",
        ),
    ],
)
def test_on_disk_before_it_is_relied_on(name, events, source, tmp_path, monkeypatch):
    """Rows before the journal's line of them, that one before the rename, which is before tidying.

    A word is what is flushed, a suffix for a file, or the first key of what the journal is told.
    """
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    source.write_text(source.read_text() + "short\n")
    found, flushed = [], {}
    note, replace, unlink = outputs.FileOutput._note, Path.replace, Path.unlink

    def fsync(handle):
        status = os.fstat(handle)
        for path in tmp_path.iterdir():
            if os.path.samestat(path.stat(), status):
                flushed[path.suffix] = status.st_size
                found.append(path.suffix)
        if os.path.samestat(tmp_path.stat(), status):
            found.append("folder")

    def noting(output, entry):
        found.append(next(iter(entry)))
        if "blocks" in entry:
            assert entry["bytes"] == flushed.get(".partial", 0)
            assert entry["error_bytes"] == flushed.get(".errors", 0)
        note(output, entry)

    def renaming(path, target):
        assert flushed[path.suffix] == path.stat().st_size
        found.append(f"rename:{path.suffix}")
        replace(path, target)

    def unlinking(path, **options):
        if path.exists():
            found.append(f"unlink:{path.suffix}")
        unlink(path, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(outputs.FileOutput, "_note", noting)
    monkeypatch.setattr(Path, "replace", renaming)
    monkeypatch.setattr(Path, "unlink", unlinking)
    score_file(source, tmp_path / name, model=MODEL, on_error="skip")
    assert found == events.split()


@pytest.mark.parametrize(
    ("limit", "value"),
    [("_ROW_GROUP", 1000), ("_BLOCKS", 3)],  # bytes: blocks have up to 600
)
def test_row_groups(limit, value, source, tmp_path, small_blocks, monkeypatch):
    """Several blocks each, the same ones for a run that was stopped and resumed."""
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(writers, limit, value)
    stopped, output = tmp_path / "stopped.parquet", tmp_path / "out.parquet"
    score_file(source, output, model=MODEL)
    groups = pq.ParquetFile(output).metadata
    rows = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert sum(rows) == 95
    assert len(rows) > 2
    assert min(rows[:-1]) > 10
    for blocks in (1, 2):
        with pytest.raises(Stopped):
            score_file(source, stopped, model=MODEL, resume=True, progress=stopping_after(blocks))
    score_file(source, stopped, model=MODEL, resume=True)
    assert stopped.read_bytes() == output.read_bytes()


def test_each_block_of_a_row_group_is_measured_once():
    """Measuring them all for every block took minutes for many small files."""
    pa = pytest.importorskip("pyarrow")
    measured = 0

    class Table:
        @property
        def nbytes(self):
            nonlocal measured
            measured += 1
            return 1

    def open_stream(streams):
        streams.read()
        return mock.Mock(read_all=Table)

    whole = writers._ParquetFile(io.BytesIO(), pa.schema([("text", pa.string())]))
    with mock.patch("pyarrow.ipc.open_stream", open_stream):
        for _ in range(100):
            whole.add(io.BytesIO(b"a block"))
    assert measured == 100


def test_dictionaries_are_not_joined(tmp_path, small_blocks):
    """Each block has few values, as pandas' categories do; all of them have too many for a byte."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    kind = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema([("text", pa.string()), ("kind", kind), ("kinds", pa.list_(kind))])
    with pq.ParquetWriter(source, schema) as parquet:
        for group in range(20):
            names = pa.array([f"{group} {i}" for i in range(10)]).dictionary_encode().cast(kind)
            lists = pa.ListArray.from_arrays(pa.array(range(11), pa.int32()), names)
            parquet.write_table(pa.table([["good film"] * 10, names, lists], schema=schema))
    score_file(source, output, model=MODEL, text_column="text")
    assert pq.read_table(output).select(schema.names).equals(pq.read_table(source))


def test_parquet_needs_no_pandas(tmp_path):
    """It would take 40 MB, which pyarrow only needs to tell pandas' own types."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"text": ["good", "bad"]}), tmp_path / "in.parquet")
    (tmp_path / "tiny.onnx").write_bytes(MODEL)
    program = (
        "import sys, pocketrnn\n"
        "pocketrnn.score_file('in.parquet', 'out.parquet', model='tiny.onnx')\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path).returncode == 0


def test_a_run_that_did_nothing_leaves_nothing(tmp_path):
    (tmp_path / "in.csv").write_text("id,text\n1\n")
    with pytest.raises(InputError):
        score_file(tmp_path / "in.csv", tmp_path / "out.csv", model=MODEL)
    assert names(tmp_path) == ["in.csv"]


def _stop(*arguments):
    raise Stopped


def test_what_changed_is_named(source, tmp_path, small_blocks):
    output = tmp_path / "out.csv"

    def run(**changes):
        score_file(source, output, **{"model": MODEL, "resume": True, **changes})

    with pytest.raises(Stopped):
        run(progress=stopping_after(3))
    partial = (tmp_path / "out.csv.partial").read_bytes()
    for changes, named in [
        ({"model": tiny(threshold=0.4)}, "model"),
        ({"text_column": "id"}, "text column"),
        ({"probabilities": True}, "columns"),
        ({"prefix": "p"}, "columns"),
        ({"output_format": "jsonl"}, "output format"),
        ({"encoding": "latin-1", "on_error": "skip"}, "encoding"),
    ]:
        with pytest.raises(OutputError, match=rf"can't resume, as this changed: {named}; "):
            run(**changes)
    before = source.stat()
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(OutputError, match=r"this changed: input .*in\.csv; "):
        run()
    # As long as before, and from the same time: only reading it again tells.
    content = source.read_text()
    source.write_text(content.replace("film", "Film", 1))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match="can't resume, as the input changed"):
        run()
    assert (tmp_path / "out.csv.partial").read_bytes() == partial
    source.write_text(content)
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    run()
    assert len(output.read_text().splitlines()) == 96


def test_nothing_is_overwritten_unasked(source, tmp_path, small_blocks):
    output = tmp_path / "out.csv"
    with pytest.raises(Stopped):
        score_file(source, output, model=MODEL, progress=stopping_after(2))
    with pytest.raises(OutputError, match="unfinished run is there; go on with --resume"):
        score_file(source, output, model=MODEL)
    score_file(source, output, model=MODEL, force=True)
    before = output.read_bytes()
    for resume, hint in ((False, ""), (True, "it is whole, with nothing to resume; ")):
        with pytest.raises(OutputError, match=rf"out\.csv: exists already; {hint}replace it"):
            score_file(source, output, model=MODEL, resume=resume)
    with pytest.raises(Stopped):
        score_file(source, output, model=MODEL, force=True, progress=stopping_after(2))
    assert output.read_bytes() == before
    with pytest.raises(ConfigError, match="is the input"):
        score_file(source, source, model=MODEL, force=True)
    with pytest.raises(OutputError, match="not a file that could be replaced"):
        score_file(source, os.devnull, model=MODEL, output_format="csv", force=True)
    with pytest.raises(OutputError, match=r"can't write .*nowhere"):
        score_file(source, tmp_path / "nowhere" / "out.csv", model=MODEL)


@pytest.mark.parametrize("suffix", ["", ".errors", ".journal", ".whole"])
def test_a_full_disk_is_said_of_the_right_file(suffix, source, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    source.write_text(source.read_text() + "short\n")
    full = tmp_path / f"out.parquet.partial{suffix}"

    def flush(file):
        if full.exists() and os.path.samestat(os.fstat(file.fileno()), full.stat()):
            raise OSError(errno.ENOSPC, "No space left on device")
        file.flush()

    monkeypatch.setattr(outputs, "_flush", flush)
    with pytest.raises(OutputError, match=rf"can't write {full}: No space left on device; what"):
        score_file(source, tmp_path / "out.parquet", model=MODEL, on_error="skip")


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_full_disk_for_a_row_group(blocks, source, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    adding = mock.Mock(side_effect=[None] * blocks + [OSError(errno.ENOSPC, "No space left")])
    monkeypatch.setattr(writers._ParquetFile, "add", adding)
    with pytest.raises(OutputError, match=r"can't write .*\.partial\.whole: No space left; what"):
        score_file(source, tmp_path / "out.parquet", model=MODEL)


@pytest.mark.parametrize("journal", ["", "{", '{"inputs": []}\n'])
def test_a_journal_of_nothing_beside_an_output(journal, source, tmp_path):
    """Resuming refuses at once, not after everything has been scored again."""
    output = tmp_path / "out.csv"
    output.write_text("here before")
    (tmp_path / "out.csv.partial.journal").write_text(journal)
    with pytest.raises(OutputError, match=r"out\.csv: exists already; replace it with --force"):
        score_file(source, output, model=MODEL, resume=True, progress=_stop)
    assert output.read_text() == "here before"
    score_file(source, output, model=MODEL, resume=True, force=True)
    assert len(output.read_text().splitlines()) == 96


@pytest.mark.skipif(os.name == "nt", reason="no advisory locks")
def test_one_run_at_a_time(source, tmp_path):
    output = tmp_path / "out.csv"

    def other(progress):
        for options in ({"resume": True}, {"force": True}):
            with pytest.raises(OutputError, match="another process is writing this output"):
                score_file(source, output, model=MODEL, **options)

    score_file(source, output, model=MODEL, progress=other)
    assert len(output.read_text().splitlines()) == 96


# -- workers -------------------------------------------------------------------------------------


def test_workers_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "ROWS", 100)
    source = tmp_path / "in.txt"
    source.write_text("".join(f"good film {'bad ' * (i % 9)}{i}\n" for i in range(8_000)))
    started = []
    process = multiprocessing.get_context("spawn").Process
    start = process.start
    monkeypatch.setattr(process, "start", lambda self: (started.append(self), start(self)))
    switch = sys.getswitchinterval()
    for number in (1, 2, 4):
        summary = score_file(source, tmp_path / f"{number}.csv", model=MODEL, workers=number)
        assert summary.rows == 8_000
        assert sys.getswitchinterval() == switch
        assert len(started) == number - 1
        started.clear()
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "4.csv").read_bytes()
    rows = list(score_rows(source, model=MODEL, workers=2))
    assert [row.line for row in rows] == list(range(1, 8_001))
    with (tmp_path / "1.csv").open() as file:
        scores = [np.float32(row["score"]) for row in csv.DictReader(file)]
    assert [np.float32(row.score) for row in rows] == scores


def test_one_block_starts_no_process(source, tmp_path, monkeypatch):
    monkeypatch.setattr(multiprocessing.get_context("spawn").Process, "start", _stop)
    score_file(source, tmp_path / "out.csv", model=MODEL, workers=8)


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_what_is_done_again(output, number, tmp_path, monkeypatch):
    """At any moment no more than a window is read and not yet in the journal."""
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    assert block.WINDOW * block.ROWS == 4096  # as docs/score.md says
    assert block.WINDOW * block.CHARACTERS == 1 << 23
    monkeypatch.setattr(readers, "ROWS", 100)
    source, journal = tmp_path / "in.jsonl", tmp_path / f"{output}.partial.journal"
    source.write_text('{"text": "good film"}\n' * 2050)
    read, ahead = 0, []
    blocks = readers.JsonLinesReader.blocks

    def counted(self, text_column):
        nonlocal read
        for found in blocks(self, text_column):
            read += len(found)
            lines = journal.read_bytes().splitlines() if journal.exists() else []
            ahead.append(read - json.loads(lines[-1]).get("rows", 0) if lines else read)
            yield found

    monkeypatch.setattr(readers.JsonLinesReader, "blocks", counted)
    options = {"model": MODEL, "workers": number}
    score_file(source, tmp_path / output, **options)
    assert read == 2050
    assert max(ahead) == 400
    assert set(ahead[4:-1]) == {100 if number == 1 else 400}
    with pytest.raises(Stopped):
        score_file(source, tmp_path / output, **options, force=True, progress=stopping_after(5))
    assert journal.read_bytes().count(b'"blocks"') == 1 + 5


def test_a_killed_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "ROWS", 500)
    source, output = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("good film\n" * 50_000)
    process = multiprocessing.get_context("spawn").Process
    start = process.start

    def doomed(self):
        start(self)
        os.kill(self.pid, signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(process, "start", doomed)
        with pytest.raises(WorkerError, match=r"worker process ended \(exit code -9.*--resume"):
            score_file(source, output, model=MODEL, workers=2)
    assert not output.exists()
    score_file(source, output, model=MODEL, workers=2, resume=True)
    assert len(output.read_text().splitlines()) == 50_001


def test_the_end_while_a_worker_has_a_share():
    """What a Ctrl-C does: the thread that waits for the worker's scores ends as well."""
    model = load(MODEL)
    crew = workers._Crew(model, 1)
    crew.begin(Block(("text",), "text", texts=["good film"]))
    crew._waiting.put(None)
    connection = mock.Mock(recv=lambda: model.scores(["good film"]))
    thread = threading.Thread(target=crew._employ, args=(None, connection), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.skipif(os.name == "nt", reason="pipes are no sockets")
@pytest.mark.parametrize("labels", [2, 3, 8])
def test_a_pipe_that_takes_little(labels):
    """A worker that sends scores and the thread that sends it shares don't wait for each other."""
    sockets = socket.socketpair()
    for end in sockets:
        # Linux takes twice that, with its own data about it; macOS 8 KB by default.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours, theirs = (Connection(end.detach()) for end in sockets)
    model = load(tiny([f"label {i}" for i in range(labels)]))
    crew = workers._Crew(model, 1)
    texts = [f"good film {i} " * 5 for i in range(8 * workers._ROWS)]
    _, shares = crew.begin(Block(("text",), "text", texts=texts))

    def serve():
        theirs.recv()
        for _ in shares:
            theirs.send(np.zeros((len(theirs.recv()), labels), np.float32))

    for act, *arguments in ((serve,), (crew._employ, None, ours)):
        threading.Thread(target=act, args=arguments, daemon=True).start()
    for share in shares:
        assert share.scores.result(20).shape == (workers._ROWS, labels)
    crew._waiting.put(None)


def test_a_script_without_its_guard(tmp_path):
    """Workers that die at once: an error, not a wait, with a model larger than a pipe as well."""
    (tmp_path / "in.txt").write_text(("good film " * 50 + "\n") * 60_000)
    script = tmp_path / "script.py"
    script.write_text("import pocketrnn; pocketrnn.score_file('in.txt', 'out.csv', workers=2)")
    ended = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert "WorkerError: a worker process ended" in ended.stderr
    assert "lack its `if __name__ == '__main__':`" in ended.stderr
    assert ended.returncode == 1


def test_a_reading_error_comes_after_the_rows_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "ROWS", 100)
    source = tmp_path / "in.csv"
    source.write_text("text\n" + "good\n" * 1000 + '"open\n' + "bad\n" * 1000)
    monkeypatch.setattr(readers, "_LONGEST_RECORD", 2000)
    with pytest.raises(InputError, match="line 1002"):
        score_file(source, tmp_path / "out.csv", model=MODEL, workers=2)
    assert len((tmp_path / "out.csv.partial").read_text().splitlines()) == 1001


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(MODEL)
    return path


def command(*arguments):
    return [sys.executable, "-m", "pocketrnn", "score", *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, timeout=120, **options)


def code(*arguments):
    """Return the exit code of a command, run in this process, which is quicker."""
    try:
        return cli.main(["score", *map(str, arguments)])
    except SystemExit as end:
        return end.code


def test_exit_codes(source, model_file, tmp_path):
    done = run(source, "-o", tmp_path / "out.csv", "--model", model_file)
    assert (done.returncode, done.stdout) == (0, b"")
    column, last = done.stderr.decode().splitlines()
    assert column == "text column: text"
    assert last.startswith("95 rows in ")
    assert last.endswith("; 0 in error")
    assert "rows/s): negative " in last
    again = run(source, "-o", tmp_path / "out.csv", "--model", model_file)
    assert again.returncode == 1
    assert again.stderr.decode().endswith("out.csv: exists already; replace it with --force\n")
    for arguments in (
        [source],
        [source, "-o", tmp_path / "x.csv", "--workers", "none"],
        [source, "-o", tmp_path / "x.csv", "--workers", "0"],
        [source, "-o", tmp_path / "x.csv", "--text-column", "x"],
        [source, "-o", tmp_path / "x.doc"],
        [source, "-o", "-", "--resume"],
        ["-", "-o", tmp_path / "x.csv"],
    ):
        assert code(*arguments) == 2, arguments
    bad = tmp_path / "bad.csv"
    bad.write_bytes(BAD["csv"][0])
    options = [bad, "-o", tmp_path / "b.csv", "--model", model_file, "--text-column", "text"]
    failed = run(*options)
    assert failed.returncode == 1
    assert b"bad.csv, line 3: bytes that aren't utf-8 text; " in failed.stderr
    skipped = run(*options, "--resume", "--on-error", "skip")
    assert skipped.returncode == 3
    assert b"4 in error, listed in " in skipped.stderr
    assert not list(tmp_path.glob("x.*"))


def test_pipes(source, model_file, tmp_path):
    run(source, "-o", tmp_path / "out.csv", "--model", model_file)
    piped = run("-", "-o", "-", "--format", "csv", "--model", model_file, input=source.read_bytes())
    assert piped.returncode == 0
    assert piped.stdout == (tmp_path / "out.csv").read_bytes()
    bad = run(
        "-",
        *("-o", "-", "--format", "jsonl", "--model", model_file, "--on-error", "skip"),
        input=BAD["jsonl"][0],
    )
    assert bad.returncode == 3
    assert len(bad.stdout.splitlines()) == 2
    assert b"standard input,7,not JSON: " in bad.stderr


def test_standard_input_can_be_resumed_if_it_is_the_same(source, model_file, tmp_path):
    output = tmp_path / "out.csv"
    options = ["-", "--format", "csv", "-o", output, "--model", model_file]
    content = b"id,text\n" + b"1,good film\n" * 4096 + b"2,bad\n3\n"
    assert run(*options, input=content).returncode == 1
    other = content.replace(b"good", b"fine", 1)
    refused = run(*options, "--resume", "--on-error", "skip", input=other)
    assert refused.returncode == 1
    assert b"the input changed" in refused.stderr
    assert run(*options, "--resume", "--on-error", "skip", input=content).returncode == 3
    assert len(output.read_text().splitlines()) == 4098


def test_a_reader_that_leaves(model_file, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("good film\n" * 100_000)
    process = subprocess.Popen(
        command(source, "-o", "-", "--model", model_file),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"text,label,score\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_ctrl_c(number, model_file, tmp_path):
    source, output = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("good film\n" * 200_000)
    options = [source, "-o", output, "--model", model_file, "--workers", number]
    process = subprocess.Popen(command(*options), stderr=subprocess.PIPE, start_new_session=True)
    journal = tmp_path / "out.csv.partial.journal"
    _wait(lambda: journal.exists() and len(journal.read_bytes().splitlines()) > 4)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    assert process.stderr.read().decode().splitlines() == [
        "go on with --resume",
        "pocketrnn: interrupted",
    ]
    assert process.wait(60) == 130
    assert run(*options, "--resume").returncode == 0
    assert len(output.read_text().splitlines()) == 200_001


def test_workers_die_with_their_master(model_file, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("good film\n" * 2_000_000)
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    process = subprocess.Popen(
        command(source, "-o", tmp_path / "out.csv", "--model", model_file, "--workers", 2),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    group = process.pid
    _wait(lambda: len(_members(group)) >= 2 and (tmp_path / "out.csv.partial").exists())
    process.kill()
    process.wait()
    _wait(lambda: not _members(group))


def test_a_bar_on_a_terminal(source, model_file, tmp_path):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        command(source, "-o", tmp_path / "out.csv", "--model", model_file), stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
    assert process.wait() == 0
    assert b"0%|" in shown
    assert b"text column: text\r\n" in shown
    assert f"/{source.stat().st_size / 1000:.3g}k [".encode() in shown


def _wait(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError


def _members(group):
    """Return the processes of a process group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            found.append(stat.parent.name)
    return found
