"""Inputs of every kind: how they are found, opened and bounded, and what is said of bad ones."""

import gzip
import io
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from unittest import mock

import pytest

from pocketrnn import load, score_file
from pocketrnn.errors import ConfigError, InputError, MissingExtraError, OutputError, PocketRNNError
from pocketrnn.tables import block, compression
from tables import MODEL, read, rows_of

pytestmark = pytest.mark.usefixtures("unflushed")


def score(source, output, **options):
    return score_file(source, output, **{"model": MODEL, "text_column": "text", **options})


# -- which inputs --------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_several_pipes_are_each_opened_once(tmp_path):
    names = [tmp_path / name for name in "abc"]
    for name in names:
        os.mkfifo(name)

    def feed():  # one after the other, as a script does
        for name in names:
            name.write_text("".join(f"good film {name.name}\n" for _ in range(3000)))

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    summary = score(names, tmp_path / "out.csv", format="text")
    thread.join(20)
    assert summary.rows == 9000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("good")
    (tmp_path / "in" / "b.txt").mkdir()
    os.mkfifo(tmp_path / "in" / "c.txt")
    summary = score(tmp_path / "in", tmp_path / "out.csv", on_error="skip")
    assert (summary.rows, summary.errors) == (1, 1)
    assert "c.txt,1,not a regular file" in summary.errors_path.read_text()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("", "an input must be a path, not ''"),
        (["a.csv", ""], "an input must be a path, not ''"),
        ([], "no inputs"),
        ([3], "an input must be a path, not 3"),
        (io.StringIO("good"), "an input must be a path, not <_io.StringIO"),
        ("a\0b", "an input must be a path"),
        ("\ud800.csv", "can't encode"),
    ],
)
def test_no_path(inputs, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("text\ngood\n")
    with pytest.raises((ConfigError, InputError), match=message):
        score(inputs, tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="an output must be a path"):
        score("a.csv", "")


def test_a_format_that_is_none(tmp_path):
    for there in (tmp_path, tmp_path / "missing.csv"):
        with pytest.raises(ConfigError, match=r"format must be one of text, .*, not 'bogus'"):
            score(there, tmp_path / "out.csv", format="bogus")


@pytest.mark.parametrize("change", ["columns", "content"])
def test_an_input_that_changes_while_the_run_is_on(change, tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("id,text\n1,good\n")
    second.write_text("id,text\n1,good\n")

    def changing(progress):
        second.write_text("text,id\ngood,1\n" if change == "columns" else "id,text\n11,good\n")
        os.utime(second, ns=(0, 0))

    with pytest.raises(InputError, match=r"b\.csv: changed while the run was on"):
        score([first, second], tmp_path / "out.csv", progress=changing)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="rights of POSIX")
def test_a_folder_that_can_be_written_but_not_read(tmp_path):
    source, folder = tmp_path / "in.csv", tmp_path / "drop"
    source.write_text("text\ngood\n")
    folder.mkdir()
    folder.chmod(0o300)
    score(source, folder / "out.csv")
    folder.chmod(0o700)
    assert [path.name for path in folder.iterdir()] == ["out.csv"]


def test_lines_or_files(tmp_path, caplog):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("good\nbad\n")
    assert score(str(tmp_path / "*.txt"), tmp_path / "out.csv").rows == 4
    assert [record.message for record in caplog.records] == [
        "a line of these files is a row; for a row a file, name their folder"
    ]


# -- streams -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", ["stdin", "stderr", "stdout"])
@pytest.mark.parametrize("name", ["in.csv", "in.txt", "in.jsonl"])
def test_without_standard_streams(stream, name, tmp_path, monkeypatch):
    content = {"in.jsonl": '{"text": "good"}\n', "in.csv": "text\ngood\n", "in.txt": "good\n"}[name]
    (tmp_path / name).write_text(content)
    monkeypatch.setattr(sys, stream, None)
    assert score(tmp_path / name, tmp_path / "out.csv").rows == 1
    if stream == "stdin":
        with pytest.raises(InputError, match="standard input is closed"):
            score("-", tmp_path / "o.csv", format="csv")
    if stream == "stdout":
        with pytest.raises(OutputError, match="standard output is closed"):
            score(tmp_path / name, "-")


# -- processes -----------------------------------------------------------------------------------


def test_workers_in_a_daemonic_process(tmp_path, monkeypatch, caplog):
    """It may start none, so it scores by itself and says so."""
    monkeypatch.setattr(block, "ROWS", 10)
    (tmp_path / "in.txt").write_text("good film\n" * 200)
    with mock.patch.dict(multiprocessing.current_process()._config, daemon=True):
        assert score(tmp_path / "in.txt", tmp_path / "out.csv", workers=2).rows == 200
    assert [record.message for record in caplog.records] == [
        "a daemonic process may start no others: it scores by itself (workers=1)"
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_does_not_wait_for_a_stopped_worker(tmp_path):
    program = f"""
import os, signal, sys, threading
sys.path[:0] = {sys.path!r}
import pocketrnn
from concurrent.futures import process
from tinyonnx import tiny
from pocketrnn.tables import block
block.ROWS = 100

def stop(progress):
    import multiprocessing
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGSTOP)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pocketrnn.score_file("in.txt", "out.csv", model=tiny(), workers=2, progress=stop)
"""
    (tmp_path / "in.txt").write_text("good film\n" * 20_000)
    (tmp_path / "main.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path, stderr=subprocess.PIPE, timeout=60, check=False
    )
    assert b"KeyboardInterrupt" in done.stderr
    assert (tmp_path / "out.csv.pocketrnn-run").exists()


# -- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl", "csv-lines"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_line_that_is_too_long(kind, suffix, tmp_path):
    """It is a row in error with its place, and is never held."""
    if suffix == ".zst" and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    long = {
        "txt": "a" * 300_000,
        "csv": "3," + "a" * 300_000,
        "jsonl": '{"text": "' + "a" * 300_000 + '"}',
        "csv-lines": '3,"' + "\n".join("a" * 1000 for _ in range(300)) + '"',
    }[kind]
    row = {"jsonl": '{{"text": "{}"}}', "txt": "{}"}.get(kind, "1,{}")
    lines = [row.format("good"), long, row.format("bad")]
    if kind.startswith("csv"):
        lines.insert(0, "id,text")
    source = tmp_path / f"in.{kind.partition('-')[0]}{suffix}"
    source.write_bytes(compression.compress("\n".join(lines).encode(), suffix))
    found = read(source, max_characters=10_000)
    assert found[0][1:] == ("good", "")
    assert found[-1][1:] == ("bad", "")
    number, _, problem = found[1]
    assert number == (3 if kind.startswith("csv") else 2)
    if kind == "csv-lines":
        assert "a quote that stays open for" in problem
        assert len(found) > 100  # each of its lines is told
        assert all(problem for *_, problem in found[1:-1])
    else:
        assert problem == "over 10,000 characters (max_characters=...)"
        summary = score(source, tmp_path / "out.csv", max_characters=10_000, on_error="null")
        assert (summary.rows, summary.errors) == (2, 1)
        assert len((tmp_path / "out.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_a_row_that_is_too_long_is_written_without_its_values(kind, tmp_path):
    """Also one whose lines, between quotes, are each short enough."""
    texts = ["good", "\n".join(["a" * 80] * 2), "bad"]
    source = tmp_path / f"in.{kind}"
    if kind == "xlsx":
        workbook = pytest.importorskip("openpyxl").Workbook()
        for row in (["id", "text"], *([7, text] for text in texts)):
            workbook.active.append(row)
        workbook.save(source)
    elif kind == "json":
        source.write_text(json.dumps([{"id": 7, "text": text} for text in texts]))
    else:
        source.write_text("id,text\n" + "".join(f'7,"{text}"\n' for text in texts))
    out = tmp_path / "out.jsonl"
    summary = score(source, out, max_characters=100, on_error="null")
    assert (summary.rows, summary.errors) == (2, 1)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row.get("id") and int(row["id"]) for row in rows] == [7, None, 7]
    assert [row["text"] for row in rows] == ["good", "", "bad"]
    assert "over 100 characters" in (tmp_path / "out.jsonl.errors.csv").read_text()


def test_a_long_line_that_starts_with_spaces_is_no_blank_one(tmp_path):
    source, long = tmp_path / "in.jsonl", " " * 60 + '{"text": "bad"}'
    for lines in ([long, '{"text": "good"}'], ['{"text": "good"}', long], [long, long]):
        source.write_text("\n".join(lines))
        summary = score(
            source, tmp_path / "out.csv", max_characters=40, on_error="skip", force=True
        )
        assert summary.errors == lines.count(long)


def test_the_name_of_a_file_in_a_folder_counts_for_nothing(tmp_path):
    folder, out = tmp_path / "texts", tmp_path / "out.csv"
    folder.mkdir()
    (folder / f"{'a' * 30}.txt").write_text("good film")
    (folder / "b.txt").write_text("bad " * 30)
    summary = score(folder, out, max_characters=20, on_error="null")
    assert (summary.rows, summary.errors) == (1, 1)
    _, first, second = out.read_text().splitlines()
    assert first.startswith(f"{'a' * 30}.txt,good film,")
    assert second.startswith("b.txt,,")


def test_leading_lines_that_are_too_long_are_not_held(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(
        "".join(f'{{"text": "{"a" * 300_000}"}}\n' for _ in range(40)) + '{"text": "a"}'
    )
    tracemalloc.start()
    try:
        found = read(source, max_characters=250_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [number for number, _, problem in found if not problem] == [41]
    assert peak < 5_000_000


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_output_without_rows_is_a_file_of_its_kind(suffix, content, tmp_path):
    if suffix == ".zst" and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    source, out = tmp_path / "in.txt", tmp_path / f"out.jsonl{suffix}"
    source.write_text(content)
    score(source, out, on_error="skip")
    whole = gzip.decompress if suffix == ".gz" else compression.zstd().decompress
    assert out.stat().st_size
    assert whole(out.read_bytes()) == b""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("over", range(-2, 5))
@pytest.mark.parametrize("kind", ["csv", "txt"])
def test_lines_keep_their_numbers_at_the_bound(kind, over, end, tmp_path):
    """Wherever a long line is cut, its end is one end."""
    if kind == "txt" and end == "\r":
        pytest.skip("no end of a line there")
    source = tmp_path / f"in.{kind}"
    lines = ["id,text" if kind == "csv" else "good", "a" * (100 + over), "bad", "1,good", "2,bad"]
    source.write_bytes("".join(line + end for line in lines).encode())
    found = [line for line, *_ in read(source, max_characters=100)]
    assert found == list(range(1 + (kind == "csv"), 6))


def test_a_compressed_bomb_takes_little_memory(tmp_path):
    source = tmp_path / "in.txt.gz"
    with gzip.open(source, "wb") as file:
        for _ in range(30):
            file.write(b"a" * 1_000_000)
        file.write(b"\ngood\n")
    model = load(MODEL)
    (tmp_path / "warm.txt").write_text("good")
    score(tmp_path / "warm.txt", tmp_path / "warm.csv", model=model)
    tracemalloc.start()
    summary = score(
        source, tmp_path / "out.csv", model=model, on_error="skip", max_characters=100_000
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (summary.rows, summary.errors) == (1, 1)
    assert peak < 10_000_000


def test_a_text_in_other_formats_that_is_too_long(pa, pq, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("good " * 1000)
    (tmp_path / "in" / "b.txt").write_text("good")
    problem = "over 1,000 characters (max_characters=...)"
    found = rows_of(tmp_path / "in", max_characters=1000)
    assert [row.problem for row in found] == [problem, ""]
    pq.write_table(pa.table({"text": ["good " * 1000, "good"]}), tmp_path / "in.parquet")
    assert [each for *_, each in read(tmp_path / "in.parquet", max_characters=1000)] == [
        problem,
        "",
    ]


@pytest.mark.parametrize("options", [{"max_characters": 0}, {"max_lines": 1.5}])
def test_bounds_that_bound_nothing(options, tmp_path):
    with pytest.raises(ConfigError, match="must be a whole number from 1"):
        score(tmp_path / "in.csv", tmp_path / "out.csv", **options)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_many_columns(kind, tmp_path):
    """Time grows with their number, not with its square: 200,000 took over a minute."""
    names = ["text", *(f"column {i}" for i in range(60_000))]
    values = ["good", *("x" for _ in names[1:])]
    source = tmp_path / f"in.{kind}"
    if kind == "csv":
        source.write_text(f"{','.join(names)}\n{','.join(values)}\n")
    else:
        source.write_text(json.dumps(dict(zip(names, values, strict=True))) + "\n")
    for output in ("out.csv", "out.jsonl"):
        assert score(source, tmp_path / output).rows == 1
    if kind == "jsonl":  # any row may have it
        return
    with pytest.raises(ConfigError, match=r"no column called 'no'.*and 59,981 more") as caught:
        score(source, tmp_path / "o.csv", text_column="no")
    assert len(str(caught.value)) < 1000


# -- what used to be a traceback -----------------------------------------------------------------


@pytest.mark.parametrize("depth", [49, 60, 100, 500, 900, 5000])
@pytest.mark.parametrize("output", ["out.parquet", "out.csv", "out.jsonl"])
def test_nested_json(depth, output, tmp_path):
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    for opening, inner, closing in (("[", "1", "]"), ('{"a":', "1", "}")):
        value = opening * depth + inner + closing * depth
        (tmp_path / "in.jsonl").write_text(f'{{"text": "good", "deep": {value}}}\n')
        refused = ""
        try:
            score(tmp_path / "in.jsonl", tmp_path / output, on_error="skip", force=True)
        except PocketRNNError as error:
            refused = str(error)
        assert not refused or (depth > 49 and "nested" in refused)


def test_folders_leave_nothing_out(tmp_path):
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    (folder / "A.TXT").write_text("good")
    (folder / "b" / "c.txt").write_text("bad")
    assert score(folder, tmp_path / "out.csv").rows == 2
    if os.name == "posix" and os.geteuid():
        (folder / "b").chmod(0)
        with pytest.raises(InputError, match=r"in/b: Permission denied"):
            score(folder, tmp_path / "out.csv", force=True)
        (folder / "b").chmod(0o700)


@pytest.mark.parametrize(
    "encoding", ["idna", "punycode", "base64", "undefined", "utf-9", "a\0b", ""]
)
def test_encodings_that_files_can_not_have(encoding, tmp_path):
    (tmp_path / "in.csv").write_text("text\ngood\n")
    with pytest.raises(ConfigError, match="isn't a text encoding that files can have"):
        score(tmp_path / "in.csv", tmp_path / "out.csv", encoding=encoding)


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [
        ("utf-8", b"\xff"),
        ("utf-32-le", b"\xff\xff\xff\xff"),
        ("utf-16-le", b"\x00\xd8"),
        ("utf-16-be", b"\xd8\x00"),
    ],
)
def test_bytes_that_no_text_has(encoding, bad, tmp_path):
    """One bad row, where the encoding lets it be told from the others; if not, a clear stop."""
    good, worse = "id,text\n1,good\n2,".encode(encoding), "\n3,bad\n".encode(encoding)
    (tmp_path / "in.csv").write_bytes(good + bad + worse)
    options = {"encoding": encoding, "on_error": "null"}
    if encoding.startswith("utf-16"):
        with pytest.raises(InputError, match=rf"in\.csv: not {encoding} text; name its encoding"):
            score(tmp_path / "in.csv", tmp_path / "out.csv", **options)
        return
    summary = score(tmp_path / "in.csv", tmp_path / "out.csv", **options)
    assert (summary.rows, summary.errors) == (2, 1)
    assert len((tmp_path / "out.csv").read_bytes().decode(encoding, "replace").splitlines()) == 4


def test_surrogates_in_names_and_labels(pq, tmp_path):
    (tmp_path / "in.csv").write_text("text\ngood\nbad\n")
    for output in ("out.parquet", "out.jsonl"):
        score(tmp_path / "in.csv", tmp_path / output, prefix="p\udcff")
    with pytest.raises(ConfigError, match=r"can't hold '\\udcff'"):
        score(tmp_path / "in.csv", tmp_path / "out.csv", prefix="p\udcff")
    assert pq.read_table(tmp_path / "out.parquet").column_names[1:] == [
        "p\ufffdlabel",
        "p\ufffdscore",
    ]


def test_lists_of_fixed_size(pa, pq, tmp_path):
    vectors = pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int8(), 2))
    table = pa.table({"text": ["good", None, "bad", "film"], "vector": vectors})
    pq.write_table(table, tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", tmp_path / "out.parquet", on_error="skip")
    back = pq.read_table(tmp_path / "out.parquet")
    assert back["vector"].to_pylist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    "error", [ImportError("numpy.core"), AttributeError("x"), RuntimeError("y")]
)
def test_a_pyarrow_that_can_not_be_imported(error, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    (tmp_path / "in.parquet").write_bytes(b"PAR1")

    class Broken:
        def find_spec(self, name, *_):
            if name == "pyarrow.parquet":
                raise error

    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match="pyarrow is installed, but can't be imported"):
        score(tmp_path / "in.parquet", tmp_path / "out.csv")


def test_out_of_memory_is_told_as_such(pa, pq, tmp_path):
    """It is no reason to write another format."""
    (tmp_path / "in.txt").write_text("good\n")
    short = mock.Mock(side_effect=pa.ArrowMemoryError("malloc of size 8 failed"))
    with mock.patch.object(pq.ParquetWriter, "write_table", short), pytest.raises(MemoryError):
        score(tmp_path / "in.txt", tmp_path / "out.parquet")
