"""What `score_file` and the command do besides formats: errors, resuming, workers, exit codes."""

import csv
import json
import multiprocessing
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

from pocketrnn import cli, load
from pocketrnn.classify import scoring
from pocketrnn.errors import InputError, OutputError, WorkerError
from pocketrnn.tables import block, parquet
from tables import MODEL, Stopped, names, parts, rows_of, score, stop, stopping_after
from virtualdisplay import until

pytestmark = pytest.mark.usefixtures("unflushed")


def test_a_loaded_model_will_do(source, tmp_path, monkeypatch):
    score(source, tmp_path / "by-bytes.csv")
    loaded = load(MODEL)
    monkeypatch.setattr(scoring, "load", None)  # it isn't loaded again
    score(source, tmp_path / "by-model.csv", model=loaded)
    assert (tmp_path / "by-model.csv").read_bytes() == (tmp_path / "by-bytes.csv").read_bytes()
    assert len(list(rows_of(source, model=loaded))) == 95


# -- rows in error -------------------------------------------------------------------------------

BAD = {
    "csv": (
        b"id,text,more\n"
        b"1,good,a\n"
        b"2,caf\xe9,b\n"  # Latin-1
        b"3,short\n"
        b'4,"quo"ted,c\n'
        b"5,long,d,e\n"
        b"6, ,f\n"
        b"7,bad,g\n",
        {
            3: "bytes that aren't utf-8 text",
            4: "2 fields",
            5: "not CSV",
            6: "4 fields",
            7: "no text",
        },
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
            2: "no text",
            3: "'text' is a number, not text",
            4: "no field 'text'; there are: 'id', 'test'",
            5: "bytes that aren't utf-8 text",
            7: "not JSON: ",
            8: "a list, not a JSON object",
        },
    ),
    "txt": (b"good\ncaf\xe9\n\nbad\n", {2: "bytes that aren't utf-8 text", 3: "no text"}),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("out", ["csv", "jsonl"])
def test_bad_rows_are_left_out(kind, out, tmp_path):
    content, reasons = BAD[kind]
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{out}"
    source.write_bytes(content)
    summary = score(source, output, text_column="text", on_error="skip")
    assert (summary.rows, summary.errors) == (2, len(reasons))
    assert summary.errors_path == tmp_path / f"out.{out}.errors.csv"
    with summary.errors_path.open(newline="") as file:
        head, *listed = list(csv.reader(file))
    assert head == ["file", "line", "reason"]
    assert [(name, int(line)) for name, line, _ in listed] == [(str(source), n) for n in reasons]
    for (*_, reason), start in zip(listed, reasons.values(), strict=True):
        assert reason.startswith(start)
    back = list(rows_of(output, text_column="text"))
    assert [row.values["text"] for row in back] == ["good", "bad"]
    assert [row.values["label"] for row in back] == ["positive", "negative"]


def test_bad_csv_rows_kept(tmp_path):
    (tmp_path / "in.csv").write_bytes(BAD["csv"][0])
    score(tmp_path / "in.csv", tmp_path / "out.csv", text_column="text", on_error="null")
    lines = (tmp_path / "out.csv").read_bytes().split(b"\n")
    assert lines[1].startswith(b"1,good,a,positive,0.")
    assert lines[2:7] == [
        b"2,caf\xe9,b,,",
        b"3,short,,,",
        b',"4,""quo""ted,c",,,',
        b',"5,long,d,e",,,',
        b"6, ,f,,",
    ]
    assert lines[7].startswith(b"7,bad,g,negative,0.")
    # The other formats can't hold bytes that aren't text.
    score(
        tmp_path / "in.csv",
        tmp_path / "out.jsonl",
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
    score(tmp_path / "in.jsonl", tmp_path / "out.jsonl", text_column="text", on_error="null")
    lines = (tmp_path / "out.jsonl").read_bytes().split(b"\n")
    end = b', "label": null, "score": null}'
    assert lines[1] == b'{"id": 2, "text": null' + end
    assert lines[3] == b'{"id": 4, "test": "a"' + end
    assert lines[4] == '{"id": 5, "text": "caf\ufffd"'.encode() + end  # JSON is UTF-8
    assert json.loads(lines[5]) == {"text": '{"id": 6, "text": ', "label": None, "score": None}
    assert len(lines) == 9


def test_how_many_words_are_known(tmp_path, capsys):
    (tmp_path / "in.csv").write_text('text,n\n"a good film, naïve",1\n,2\nxyzzy,3\n', "utf-8")
    (tmp_path / "model.onnx").write_bytes(MODEL)
    options = ["--model", str(tmp_path / "model.onnx"), "--known", "--on-error", "null"]
    options += ["--text-column", "text", "--prefix", "p_", "--probabilities"]
    out = tmp_path / "out.jsonl"
    assert cli.main(["score", str(tmp_path / "in.csv"), "-o", str(out), *options]) == 3
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert list(rows[0])[-4:] == ["p_probability_negative", "p_probability_positive",
                                  "p_words", "p_known"]  # fmt: skip
    assert [(row["p_words"], row["p_known"]) for row in rows] == [(4, 3), (None, None), (1, 0)]


def test_how_many_words_are_known_in_parquet(pq, tmp_path):
    (tmp_path / "in.csv").write_text("text,n\ngood film,1\n,2\nxyzzy,3\n")
    out = tmp_path / "out.parquet"
    score(tmp_path / "in.csv", out, text_column="text", known=True, on_error="null")
    table = pq.read_table(out)
    assert str(table.schema.field("words").type) == "int32"
    assert table["words"].to_pylist() == [2, None, 1]
    assert table["known"].to_pylist() == [2, None, 0]


def test_null_texts_of_parquet(pa, pq, tmp_path):
    pq.write_table(pa.table({"text": ["good", None, "bad"]}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet, line 2: no text"):
        score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    for on_error, labels in {
        "skip": ["positive", "negative"],
        "null": ["positive", None, "negative"],
    }.items():
        output = tmp_path / f"{on_error}.parquet"
        score(tmp_path / "in.parquet", output, on_error=on_error)
        table = pq.read_table(output)
        assert table["label"].to_pylist() == labels
        assert [score is None for score in table["score"].to_pylist()] == [
            label is None for label in labels
        ]


def test_no_good_row_in_parquet(pa, pq, tmp_path):
    for texts in ([], [None, None]):
        source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
        pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), source)
        summary = score(source, output, on_error="skip", force=True)
        assert (summary.rows, summary.errors) == (0, len(texts))
        assert pq.read_table(output).to_pydict() == {"text": [], "label": [], "score": []}


def test_an_undecodable_file_in_a_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_bytes(b"good")
    (tmp_path / "in" / "b.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"in/b\.txt, line 1: bytes that aren't utf-8 text"):
        score(tmp_path / "in", tmp_path / "out.csv")
    score(tmp_path / "in", tmp_path / "out.csv", encoding="latin-1", force=True)
    assert "b.txt,café," in (tmp_path / "out.csv").read_text("utf-8")


def test_failing_keeps_what_was_done(source, tmp_path, small_blocks):
    lines = source.read_text().splitlines()
    lines[58] = "57"
    source.write_text("\n".join(lines) + "\n")
    output = tmp_path / "out.csv"
    with pytest.raises(InputError, match=r"in\.csv, line 59: 1 field where the header has 2; "):
        score(source, output)
    assert names(tmp_path) == ["in.csv", "out.csv.pocketrnn-run"]
    assert len(parts(output)) == 5
    # Nothing but good rows so far, so how errors are taken may change now, and only now.
    with pytest.raises(Stopped):
        score(source, output, on_error="skip", resume=True, progress=stopping_after(3))
    with pytest.raises(OutputError, match="this changed: on error"):
        score(source, output, on_error="null", resume=True)
    summary = score(source, output, on_error="skip", resume=True)
    assert (summary.rows, summary.errors) == (94, 1)
    whole = tmp_path / "whole.csv"
    score(source, whole, on_error="skip")
    assert output.read_bytes() == whole.read_bytes()
    errors = (tmp_path / "out.csv.errors.csv").read_bytes()
    assert errors == (tmp_path / "whole.csv.errors.csv").read_bytes()
    assert errors.decode() == f"file,line,reason\n{source},59,1 field where the header has 2\n"


# -- Parquet ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "value"),
    [("_ROW_GROUP", 1000), ("_BLOCKS", 3)],  # bytes: blocks have up to 600
)
def test_row_groups(pq, limit, value, source, tmp_path, small_blocks, monkeypatch):
    """Several blocks each, the same ones for a run that was stopped and resumed."""
    monkeypatch.setattr(parquet, limit, value)
    stopped, output = tmp_path / "stopped.parquet", tmp_path / "out.parquet"
    score(source, output)
    groups = pq.ParquetFile(output).metadata
    rows = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert sum(rows) == 95
    assert len(rows) > 2
    assert min(rows[:-1]) > 10
    for blocks in (1, 2):
        with pytest.raises(Stopped):
            score(source, stopped, resume=True, progress=stopping_after(blocks))
    score(source, stopped, resume=True)
    assert stopped.read_bytes() == output.read_bytes()


def test_dictionaries_are_not_joined(pa, pq, tmp_path, small_blocks):
    """Each block has few values, as pandas' categories do; all of them have too many for a byte."""
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    kind = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema([("text", pa.string()), ("kind", kind), ("kinds", pa.list_(kind))])
    with pq.ParquetWriter(source, schema) as parquet:
        for group in range(20):
            names = pa.array([f"{group} {i}" for i in range(10)]).dictionary_encode().cast(kind)
            lists = pa.ListArray.from_arrays(pa.array(range(11), pa.int32()), names)
            parquet.write_table(pa.table([["good film"] * 10, names, lists], schema=schema))
    score(source, output, text_column="text")
    assert pq.read_table(output).select(schema.names).equals(pq.read_table(source))


def test_parquet_needs_no_pandas(pa, pq, tmp_path):
    """It would take 40 MB, which pyarrow only needs to tell pandas' own types."""
    pq.write_table(pa.table({"text": ["good", "bad"]}), tmp_path / "in.parquet")
    (tmp_path / "tiny.onnx").write_bytes(MODEL)
    program = (
        "import sys, pocketrnn\n"
        "pocketrnn.score_file('in.parquet', 'out.parquet', model='tiny.onnx')\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path).returncode == 0


# -- workers -------------------------------------------------------------------------------------


def test_workers_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(block, "ROWS", 100)
    source = tmp_path / "in.txt"
    source.write_text("".join(f"good film {'bad ' * (i % 9)}{i}\n" for i in range(4_000)))
    started = []
    process = multiprocessing.get_context("spawn").Process
    start = process.start
    monkeypatch.setattr(process, "start", lambda self: (started.append(self), start(self)))
    for number in (1, 2, 3):
        summary = score(source, tmp_path / f"{number}.csv", workers=number)
        assert summary.rows == 4_000
        assert len(started) == number - 1
        started.clear()
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "3.csv").read_bytes()
    rows = list(rows_of(source, workers=2))
    assert [row.line for row in rows] == list(range(1, 4_001))
    with (tmp_path / "1.csv").open() as file:
        scores = [np.float32(row["score"]) for row in csv.DictReader(file)]
    assert [np.float32(row.score) for row in rows] == scores


def test_one_block_starts_no_process(source, tmp_path, monkeypatch):
    monkeypatch.setattr(multiprocessing.get_context("spawn").Process, "start", stop)
    score(source, tmp_path / "out.csv", workers=8)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [9, 15])  # SIGKILL, SIGTERM
def test_a_killed_worker(number, tmp_path, monkeypatch):
    monkeypatch.setattr(block, "ROWS", 500)
    source, output = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("good film\n" * 50_000)
    process = multiprocessing.get_context("spawn").Process
    start = process.start

    def doomed(self):
        start(self)
        os.kill(self.pid, number)

    with monkeypatch.context() as patch:
        patch.setattr(process, "start", doomed)
        expected = rf"worker process ended \(exit code -{number}.*resume=True"
        with pytest.raises(WorkerError, match=expected):
            score(source, output, workers=2)
    assert not output.exists()
    score(source, output, workers=2, resume=True)
    assert len(output.read_text().splitlines()) == 50_001


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
    monkeypatch.setattr(block, "ROWS", 100)
    source = tmp_path / "in.csv"
    source.write_text("text\n" + "good\n" * 1000 + '"open\n' + "bad\n" * 1000)
    with pytest.raises(InputError, match="line 1002: not CSV: a quote that stays open"):
        score(source, tmp_path / "out.csv", workers=2)
    assert len(parts(tmp_path / "out.csv")) == 10


# -- the command ---------------------------------------------------------------------------------


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


def test_exit_codes(source, tiny_path, tmp_path, capsys):
    options = ["-o", tmp_path / "out.csv", "--model", tiny_path]
    assert code(source, *options) == 0
    out, err = capsys.readouterr()
    column, last = err.splitlines()
    assert out == ""
    assert column == "text column: text"
    assert last.startswith("95 rows in ")
    assert last.endswith("; 0 in error")
    assert "rows/s): negative " in last
    assert code(source, *options) == 1
    message = "out.csv: exists already; replace it with --force\n"
    assert capsys.readouterr().err.endswith(message)
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
    options = [bad, "-o", tmp_path / "b.csv", "--model", tiny_path, "--text-column", "text"]
    capsys.readouterr()
    assert code(*options) == 1
    said = "bad.csv, line 3: bytes that aren't utf-8 text; the file may have another encoding "
    assert (
        said + "(Excel on Windows: --encoding cp1252); correct the file, or say --on-error skip\n"
        in capsys.readouterr().err
    )
    assert code(*options, "--resume", "--on-error", "skip") == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("7 rows in ")
    assert ": negative 1, positive 1; 5 in error, listed in " in last
    assert not list(tmp_path.glob("x.*"))


def test_pipes(source, tiny_path, tmp_path):
    run(source, "-o", tmp_path / "out.csv", "--model", tiny_path)
    piped = run("-", "-o", "-", "--format", "csv", "--model", tiny_path, input=source.read_bytes())
    assert piped.returncode == 0
    assert piped.stdout == (tmp_path / "out.csv").read_bytes()
    bad = run(
        "-",
        *("-o", "-", "--format", "jsonl", "--model", tiny_path, "--on-error", "skip"),
        input=BAD["jsonl"][0],
    )
    assert bad.returncode == 3
    assert len(bad.stdout.splitlines()) == 2
    assert b"standard input,7,not JSON: " in bad.stderr


def test_standard_input_can_be_resumed_if_it_is_the_same(source, tiny_path, tmp_path):
    output = tmp_path / "out.csv"
    options = ["-", "--format", "csv", "-o", output, "--model", tiny_path]
    content = b"id,text\n" + b"1,good film\n" * 4096 + b"2,bad\n3\n"
    assert run(*options, input=content).returncode == 1
    other = content.replace(b"good", b"fine", 1)
    refused = run(*options, "--resume", "--on-error", "skip", input=other)
    assert refused.returncode == 1
    assert b"the input changed" in refused.stderr
    assert run(*options, "--resume", "--on-error", "skip", input=content).returncode == 3
    assert len(output.read_text().splitlines()) == 4098


def test_a_reader_that_leaves(tiny_path, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("good film\n" * 100_000)
    process = subprocess.Popen(
        command(source, "-o", "-", "--model", tiny_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"text,label,score\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_ctrl_c(number, tiny_path, tmp_path):
    source, output = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("good film\n" * 80_000)
    options = [source, "-o", output, "--model", tiny_path, "--workers", number]
    process = subprocess.Popen(command(*options), stderr=subprocess.PIPE, start_new_session=True)
    until(lambda: len(parts(output)) > 4)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    assert process.stderr.read().decode().splitlines() == [
        "go on with --resume",
        "pocketrnn: interrupted",
    ]
    assert process.wait(60) == 130
    assert run(*options, "--resume").returncode == 0
    assert len(output.read_text().splitlines()) == 80_001


def test_ended_by_sigterm(tiny_path, tmp_path):
    source, output = tmp_path / "in.txt", tmp_path / "out.csv"
    source.write_text("good film\n" * 80_000)
    options = [source, "-o", output, "--model", tiny_path, "--workers", 2]
    process = subprocess.Popen(command(*options), stderr=subprocess.PIPE)
    until(lambda: len(parts(output)) > 4)
    process.terminate()
    assert process.wait(60) == 143
    assert process.stderr.read() == b""
    assert run(*options, "--resume").returncode == 0
    assert len(output.read_text().splitlines()) == 80_001


def test_workers_die_with_their_master(tiny_path, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("good film\n" * 2_000_000)
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    process = subprocess.Popen(
        command(source, "-o", tmp_path / "out.csv", "--model", tiny_path, "--workers", 2),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    group = process.pid
    until(lambda: len(_members(group)) >= 2 and parts(tmp_path / "out.csv"))
    process.kill()
    process.wait()
    until(lambda: not _members(group))


def test_a_bar_on_a_terminal(source, tiny_path, tmp_path):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        command(source, "-o", tmp_path / "out.csv", "--model", tiny_path), stderr=theirs
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
