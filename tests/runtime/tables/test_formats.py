"""Random tables in every format come back with the same rows, in order, and the right scores."""

import csv
import gzip
import importlib.util
import io
import itertools
import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pocketrnn
from pocketrnn.errors import ConfigError, InputError, OutputError
from pocketrnn.tables import block, compression
from tables import MODEL, rows_of, score
from tinyonnx import tiny

pytestmark = pytest.mark.usefixtures("unflushed")

THREE = tiny(("bad", "so so", 'very, "very" good'))

characters = st.characters(exclude_categories=["Cs"])
awkward = st.sampled_from(
    ["good", "bad film", '"', '""', ",", "\n", "\r\n", "\r", "\t", ";", "naïve"]
)
texts = st.lists(awkward | st.text(characters, max_size=8), max_size=6).map("".join)
names = st.text(characters, min_size=1, max_size=6).filter(
    lambda name: name.strip() and name not in ("label", "score") and "\0" not in name
)
headers = st.lists(names, min_size=1, max_size=4, unique=True)
few = settings(max_examples=30, deadline=None)


@pytest.fixture(scope="module")
def model():
    return pocketrnn.load(MODEL)


def folder():
    return tempfile.TemporaryDirectory()


def expected(model, texts):
    """Return label and score of each text, as the outputs should have them; None of no text."""
    found = iter(model.predict([text for text in texts if text.strip()]))
    predictions = [next(found) if text.strip() else None for text in texts]
    return [(p and p.label, p and np.float32(p.score)) for p in predictions]


def cells(label, score):
    """Return label and score as `expected` has them, from what an output has."""
    return label or None, None if score in ("", None) else np.float32(score)


def to_csv(rows, terminator="\r\n", **dialect):
    text = io.StringIO()
    csv.writer(text, lineterminator=terminator, **dialect).writerows(rows)
    return text.getvalue()


@st.composite
def tables(draw):
    header = draw(headers)
    row = st.lists(texts, min_size=len(header), max_size=len(header))
    return header, draw(st.lists(row, max_size=8)), draw(st.integers(0, len(header) - 1))


@few
@given(
    tables(),
    st.sampled_from([(".csv", ","), (".csv", ";"), (".csv", "|"), (".tsv", "\t")]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_delimited(model, table, kind, encoding, terminator, at_end):
    (extension, delimiter), (header, rows, column) = kind, table
    if len(header) == 1 and extension == ".csv":
        delimiter = ","  # where the header has none to go by
    content = to_csv([header, *rows], terminator, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    if rows and not at_end:
        content = content.removesuffix(terminator)
    with folder() as name:
        source, output = Path(name, "in" + extension), Path(name, "out" + extension)
        source.write_bytes(content.encode(encoding))
        reading = "utf-16" if encoding == "utf-16" else "utf-8"
        score(source, output, text_column=header[column], encoding=reading, on_error="null")
        data = output.read_bytes()
    marks = {"utf-8": b"", "utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}
    assert data.startswith(marks[encoding])
    back = list(csv.reader(io.StringIO(data.decode(encoding), newline=""), delimiter=delimiter))
    assert back[0] == [*header, "label", "score"]
    assert [row[:-2] for row in back[1:]] == rows
    assert [cells(label, score) for *_, label, score in back[1:]] == expected(
        model, [row[column] for row in rows]
    )
    # What was there is there byte for byte.
    scored = to_csv([row[-2:] for row in back], terminator, delimiter=delimiter).split(terminator)[
        :-1
    ]
    lines = to_csv([header, *rows], "\0", delimiter=delimiter, quoting=csv.QUOTE_ALL)
    if "\0" not in "".join(itertools.chain(header, *rows)):
        records = lines.split("\0")[:-1]
        assert data.decode(encoding) == "".join(
            record + delimiter + new + terminator
            for record, new in zip(records, scored, strict=True)
        )


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
objects = st.dictionaries(st.text(max_size=3), leaves, max_size=3)
values = leaves | objects | st.lists(leaves | objects, max_size=3)


@few
@given(
    st.lists(
        st.tuples(texts, st.dictionaries(names.filter(lambda n: n != "text"), values, max_size=4)),
        max_size=8,
    ),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", " \n\n"]),
)
def test_json_lines(model, rows, ascii_only, newline):
    objects = [{**other, "text": text} for text, other in rows]
    lines = [json.dumps(one, ensure_ascii=ascii_only) for one in objects]
    with folder() as name:
        source, output = Path(name, "in.jsonl"), Path(name, "out.jsonl")
        data = "".join(line + newline for line in lines)
        source.write_bytes(data.encode("utf-8", "replace"))
        score(source, output, text_column="text", on_error="null")
        back = output.read_text("utf-8").split("\n")[:-1]
    for line, before in zip(back, lines, strict=True):
        assert line.startswith(before.encode("utf-8", "replace").decode()[:-1])
    found = [json.loads(line) for line in back]
    wanted = [json.loads(line.encode("utf-8", "replace")) for line in lines]
    assert [
        {k: v for k, v in row.items() if k not in ("label", "score")} for row in found
    ] == wanted
    assert [cells(row["label"], row["score"]) for row in found] == expected(
        model, [text for text, _ in rows]
    )


def test_json_keeps_what_parsing_would_lose(tmp_path):
    line = (
        r'{"n": 1.0000000000000000001, "e": 1E400, "u": "\u00e9\/", "a": 1, "a": 2, "text": "bad" }'
    )
    (tmp_path / "in.jsonl").write_text(line + "  \r\n")
    score(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text().startswith(line[:-1] + ', "label": "')


@few
@given(
    st.lists(texts.map(lambda text: text.replace("\n", "").rstrip("\r")), max_size=8), st.booleans()
)
def test_lines(model, rows, at_end):
    with folder() as name:
        source, output = Path(name, "in.txt"), Path(name, "out.csv")
        data = "\n".join(rows) + ("\n" if rows and (at_end or not rows[-1]) else "")
        source.write_bytes(data.encode())
        score(source, output, on_error="null")
        with output.open(encoding="utf-8", newline="") as file:
            head, *back = list(csv.reader(file))
    assert head == ["text", "label", "score"]
    assert [row[0] for row in back] == rows
    assert [cells(label, score) for _, label, score in back] == expected(model, rows)


def test_a_lone_return_is_part_of_a_line(tmp_path):
    (tmp_path / "in.txt").write_bytes(b"good\r\nbad\r\r\nfine\r")
    score(tmp_path / "in.txt", tmp_path / "out.jsonl")
    rows = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert [row["text"] for row in rows] == ["good", "bad\r", "fine\r"]


@few
@given(
    st.dictionaries(st.from_regex("[a-z]{1,5}(/[a-z]{1,5})?", fullmatch=True), texts, min_size=1)
)
def test_folder(model, files):
    with folder() as name:
        root = Path(name, "in")
        for file, text in files.items():
            path = root / f"{file}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        score(root, Path(name, "out.jsonl"), on_error="null")
        back = [
            json.loads(line) for line in Path(name, "out.jsonl").read_text("utf-8").split("\n")[:-1]
        ]
    rows = sorted((f"{file}.txt", text) for file, text in files.items())
    assert [(row["file"], row["text"]) for row in back] == rows
    assert [cells(row["label"], row["score"]) for row in back] == expected(
        model, [text for _, text in rows]
    )


@few
@given(
    tables(),
    st.sampled_from(["csv", "tsv", "jsonl", "csv.gz", "jsonl.gz"]),
    st.sampled_from(["csv", "tsv", "jsonl", "csv.gz", "jsonl.gz"]),
)
def test_from_any_format_to_any(model, table, one, other):
    header, rows, column = table
    with folder() as name:
        first, second, third = (Path(name, f"{i}.{e}") for i, e in enumerate(["csv", one, other]))
        first.write_bytes(to_csv([header, *rows], quoting=csv.QUOTE_ALL).encode())
        arguments = {"model": MODEL, "text_column": header[column]}
        score(first, second, **arguments, on_error="null")
        if not rows and "jsonl" in one:
            return  # without an object there are no columns
        score(second, third, prefix="again ", **arguments, on_error="null")
        back = list(rows_of(third, **arguments))
    wanted = expected(model, [row[column] for row in rows])
    for row, values, (label, number) in zip(back, rows, wanted, strict=True):
        assert list(row.values) == [*header, "label", "score", "again label", "again score"]
        assert list(row.values.values())[: len(header)] == values
        assert (row.label, row.score) == (label, number)
        for again in ("", "again "):
            assert cells(row.values[again + "label"], row.values[again + "score"]) == (
                label,
                number,
            )


@few
@given(data=st.data())
def test_parquet(pa, pq, model, data):
    rows = data.draw(st.lists(texts, max_size=12))
    size = len(rows)

    def column(kind, strategy):
        values = data.draw(st.lists(st.none() | strategy, min_size=size, max_size=size))
        return pa.array(values, kind)

    moments = st.integers(0, 2**62)
    table = pa.table(
        {
            "number": column(pa.int16(), st.integers(-(2**15), 2**15 - 1)),
            "text": pa.array(rows, data.draw(st.sampled_from([pa.string(), pa.large_string()]))),
            "moment": column(pa.timestamp("ns", "Europe/Paris"), moments),
            "exact": column(pa.decimal128(20, 3), st.decimals(0, 1000, places=3)),
            "list": column(pa.list_(pa.float32()), st.lists(st.floats(width=32, allow_nan=False))),
            "bytes": column(pa.binary(), st.binary(max_size=5)),
            "kind": column(pa.string(), st.sampled_from("abc")).dictionary_encode(),
            "nested": column(
                pa.struct([("a", pa.int8())]), st.fixed_dictionaries({"a": st.none()})
            ),
        }
    ).replace_schema_metadata({"made": "here"})
    with folder() as name:
        source, output = Path(name, "in.parquet"), Path(name, "out.parquet")
        pq.write_table(table, source, row_group_size=data.draw(st.integers(1, 5)))
        stored = pq.read_table(source)
        score(source, output, text_column="text", on_error="null")
        back = pq.read_table(output)
    assert back.select(stored.column_names).equals(stored)
    assert back.schema.names == [*stored.schema.names, "label", "score"]
    for field in stored.schema:
        assert back.schema.field(field.name).equals(field, check_metadata=True)
    assert back.schema.metadata[b"made"] == b"here"
    assert back.schema.field("score").type == pa.float32()
    found = list(zip(back["label"].to_pylist(), back["score"].to_pylist(), strict=True))
    # Each row group is a block, so it is scored by itself.
    assert [label for label, _ in found] == [label for label, _ in expected(model, rows)]
    scores = [[score for _, score in pairs if score] for pairs in (found, expected(model, rows))]
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_parquet_without_texts(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    for rows in ([], [None, None]):
        pq.write_table(pa.table({"text": pa.array(rows, pa.null())}), source)
        assert score(source, output, on_error="null", force=True).errors == len(rows)
        assert pq.read_table(output).column("label").to_pylist() == rows


def test_what_is_no_number_is_null_in_json(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    source = tmp_path / "in.parquet"
    table = {"text": ["good"] * 2, "x": [float("nan"), 1.5], "list": [[1.0, float("inf")], []]}
    maps = pa.array([[("a", float("nan"))], []], pa.map_(pa.string(), pa.float64()))
    pq.write_table(pa.table(table).append_column("map", maps), source)
    score(source, tmp_path / "out.jsonl", text_column="text")

    def none(name):
        raise AssertionError(name)

    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    found = [json.loads(line, parse_constant=none) for line in lines]
    assert [(row["x"], row["list"]) for row in found] == [(None, [1.0, None]), (1.5, [])]
    score(source, tmp_path / "out.csv", text_column="text")
    assert [row["x"] for row in csv.DictReader((tmp_path / "out.csv").open())] == ["NaN", "1.5"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "txt"])
def test_to_parquet(pq, kind, tmp_path):
    rows = ["good film", "bad\ud7ff, film", "!"]
    lines = {
        "csv": ["id,text", *(f'{i},"{text}"' for i, text in enumerate(rows))],
        "jsonl": [json.dumps({"id": i, "text": text}) for i, text in enumerate(rows)],
        "txt": rows,
    }[kind]
    source = tmp_path / f"in.{kind}"
    source.write_bytes("".join(line + "\n" for line in lines).encode())
    score(source, tmp_path / "out.parquet", probabilities=True)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["text"].to_pylist() == rows
    if kind != "txt":
        assert table["id"].to_pylist() == ([0, 1, 2] if kind == "jsonl" else ["0", "1", "2"])
    assert table["probability_positive"].to_pylist()[0] > 0.6


@pytest.mark.parametrize(
    "texts", [["good", None, None, "bad", "film", None], [None, "good"], [None]]
)
@pytest.mark.parametrize("view", ["string_view", "binary_view"])
def test_some_rows_of_views(pa, pq, view, texts, tmp_path):
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    more = pa.array([str(i) * 20 for i in range(len(texts))], getattr(pa, view)())
    table = pa.table(
        {"text": pa.array(texts, pa.string()), "more": more, "lists": [[1]] * len(texts)}
    )
    try:
        pq.write_table(table, source)
    except pa.ArrowNotImplementedError:
        pytest.skip("this pyarrow writes no views to Parquet")
    summary = score(source, output, on_error="skip")
    good = [i for i, text in enumerate(texts) if text]
    assert summary.rows == len(good)
    back = pq.read_table(output).select(table.column_names)
    assert back.schema == pq.read_schema(source)
    assert back.to_pylist() == [table.to_pylist()[i] for i in good]


@pytest.mark.parametrize("value", ["{}", "[{}]", '{"a": {}}'])
def test_an_empty_object_to_parquet(value, tmp_path):
    pytest.importorskip("pyarrow")
    source = tmp_path / "in.jsonl"
    source.write_text(f'{{"text": "good", "more": {value}}}\n')
    with pytest.raises(InputError, match=r"the first rows fit no Parquet types \(.*no child field"):
        score(source, tmp_path / "out.parquet", text_column="text")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(
    ("first", "later", "field"),
    [
        ('{"a": 1}', '{"a": 1, "b": 2}', "more.b"),
        ('{"a": 1}', '{"": 2}', "more."),
        ('{"a": {"c": null}}', '{"a": {"b": 2}}', "more.a.b"),
        ('[{"a": 1}]', '[{}, {"a": 1, "b": 2}]', "more.b"),
        ('{"a": [[{"c": 1}]]}', '{"a": [[{"b": 2}]]}', "more.a.b"),
    ],
)
def test_a_new_field_inside_an_object(first, later, field, tmp_path, monkeypatch):
    """Parquet has the fields of the first rows: another one is not to be lost."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(block, "ROWS", 1)
    source = tmp_path / "in.jsonl"
    lines = [f'{{"text": "good", "more": {value}}}\n' for value in [first, "null"] * 3 + [later]]
    source.write_text("".join(lines))
    with pytest.raises(InputError, match=rf"line 7 or after: .*\(new field '{field}'\); write"):
        score(source, tmp_path / "out.parquet", text_column="text")
    source.write_text("".join(lines[:-1]))
    score(source, tmp_path / "out.parquet", text_column="text", force=True)


@pytest.mark.parametrize("method", ["__init__", "write_table"])
def test_what_pyarrow_refuses_to_write(pa, method, tmp_path):
    (tmp_path / "in.txt").write_text("good\n")
    refuse = mock.Mock(side_effect=pa.ArrowNotImplementedError("no such type"))
    with (
        mock.patch(f"pyarrow.parquet.ParquetWriter.{method}", refuse),
        pytest.raises(OutputError, match="can't write Parquet: no such type; write another"),
    ):
        score(tmp_path / "in.txt", tmp_path / "out.parquet")


@pytest.mark.parametrize(
    ("value", "kind", "arguments"),
    [(10**15, "timestamp", ["s"]), (10**7, "date32", []), (1, "timestamp", ["s", "Mars/Olympus"])],
)
def test_dates_that_python_can_not_hold(pa, pq, value, kind, arguments, tmp_path):
    source = tmp_path / "in.parquet"
    far = pa.array([None, value], getattr(pa, kind)(*arguments))
    pq.write_table(pa.table({"text": ["good", "bad"], "far": far}), source)
    message = r"in\.parquet, lines 1 to 2: column 'far' \(.*\) has a value that Python"
    for name in ("out.csv", "out.jsonl"):
        with pytest.raises(InputError, match=message):
            score(source, tmp_path / name, text_column="text")
    with pytest.raises(InputError, match=message):
        next(rows_of(source, text_column="text"))
    score(source, tmp_path / "out.parquet", text_column="text")
    assert pq.read_table(tmp_path / "out.parquet")["far"].equals(pq.read_table(source)["far"])


def test_parquet_to_csv_and_json(pa, pq, tmp_path):
    table = pa.table(
        {
            "text": ["good", None, "bad"],
            "day": pa.array([0, 1, None], pa.date32()),
            "tags": [["a"], [], None],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    for name in ("out.csv", "out.jsonl"):
        score(tmp_path / "in.parquet", tmp_path / name, text_column="text", on_error="null")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[1].startswith('good,1970-01-01,"[""a""]",positive,')
    assert lines[2] == ",1970-01-02,[],,"
    row = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[1])
    assert row == {"text": None, "day": "1970-01-02", "tags": [], "label": None, "score": None}
    pq.write_table(pa.table({"text": ["good"], "raw": [b"\xff"]}), tmp_path / "raw.parquet")
    with pytest.raises(pocketrnn.errors.OutputError, match="binary data"):
        score(tmp_path / "raw.parquet", tmp_path / "raw.csv")


@pytest.mark.slow
def test_ten_megabyte_fields(tmp_path):
    limit = csv.field_size_limit(1 << 26)  # the test's own: scoring sets nothing of the process
    long = 'good, "film"\n' * 800_000
    source = tmp_path / "in.csv"
    source.write_bytes(to_csv([["id", "text"], ["1", long], ["2", "bad"], ["3", long]]).encode())
    score(source, tmp_path / "out.jsonl", max_lines=1_000_000)
    score(source, tmp_path / "out.csv", max_lines=1_000_000)
    back = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["text"] for row in back] == [long, "bad", long]
    with (tmp_path / "out.csv").open(newline="") as file:
        try:
            assert [row[1] for row in csv.reader(file)] == ["text", long, "bad", long]
        finally:
            csv.field_size_limit(limit)


def test_zstandard(tmp_path):
    if sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    zstd = compression.zstd()
    content = to_csv([["text", "n"], *([f"good {i}", str(i)] for i in range(20_000))])
    (tmp_path / "in.csv").write_bytes(content.encode())
    frames = [content.encode()[i : i + 9999] for i in range(0, len(content), 9999)]
    data = b"".join(map(zstd.compress, frames))
    (tmp_path / "in.csv.zst").write_bytes(data)
    score(tmp_path / "in.csv", tmp_path / "out.csv", text_column="text")
    score(tmp_path / "in.csv.zst", tmp_path / "out.csv.zst", text_column="text")
    whole = zstd.decompress((tmp_path / "out.csv.zst").read_bytes())
    assert whole == (tmp_path / "out.csv").read_bytes()
    for cut in (len(data) - 1, len(data) - 4000, 100):
        (tmp_path / "cut.csv.zst").write_bytes(data[:cut])
        with pytest.raises(InputError, match=r"cut\.csv\.zst: cut short or damaged"):
            score(tmp_path / "cut.csv.zst", tmp_path / "cut.csv", text_column="text", force=True)


def test_damaged_gzip(tmp_path, monkeypatch):
    monkeypatch.setattr(block, "ROWS", 400)
    lines = [f"good film {i}" for i in range(20_000)]
    data = gzip.compress("\n".join(lines).encode())
    for name, content in {
        "cut": data[: len(data) // 2],
        "flipped": data[: len(data) // 2] + b"\xff\xff\xff" + data[len(data) // 2 + 3 :],
        "checksum": data[:-8] + b"\0" * 8,
        "other": b"no gzip at all",
    }.items():
        source, output = tmp_path / f"{name}.txt.gz", tmp_path / f"{name}.csv"
        source.write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}\.txt\.gz: cut short or damaged"):
            score(source, output)
        assert not output.exists()
    assert 5 < len(list((tmp_path / "cut.csv.pocketrnn-run").glob("*.part"))) < 50


def test_damaged_parquet(pa, pq, tmp_path):
    pq.write_table(
        pa.table({"text": [f"good {i}" for i in range(9999)]}), tmp_path / "whole.parquet"
    )
    data = (tmp_path / "whole.parquet").read_bytes()
    middle = len(data) // 2
    for content in (
        data[:middle],
        data[:-1],
        b"",
        data[:middle] + b"\xff" * 99 + data[middle + 99 :],
    ):
        (tmp_path / "50% off.parquet").write_bytes(content)
        with pytest.raises(InputError, match=r"50% off\.parquet: cut short, damaged or not Parq"):
            score(tmp_path / "50% off.parquet", tmp_path / "out.csv", force=True)
        assert not (tmp_path / "out.csv").exists()


def test_parquet_that_python_cannot_hold_names_column_and_file(pa, pq, tmp_path):
    far = pa.array([2**50], pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["good"], "t%s": far}), tmp_path / "a%s.parquet")
    with pytest.raises(InputError, match=r"a%s\.parquet, lines 1 to 1: column 't%s' .*\([^%]+\);"):
        score(tmp_path / "a%s.parquet", tmp_path / "out.jsonl")


def test_parquet_with_text_that_is_no_utf8(pa, pq, tmp_path):
    ends = pa.py_buffer(np.array([0, 1], np.int32))
    text = pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(b"\xff")])
    pq.write_table(pa.table({"text": text}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet: cut short, damaged .*can't decode byte"):
        score(tmp_path / "in.parquet", tmp_path / "out.parquet")


def test_columns_and_labels_with_delimiters(tmp_path):
    (tmp_path / "in.csv").write_text("text\ngood\n")
    score(tmp_path / "in.csv", tmp_path / "out.csv", model=THREE, probabilities=True, prefix="a,")
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row)[1:3] == ["a,label", "a,score"]
    assert list(row)[3:] == [f"a,probability_{label}" for label in pocketrnn.load(THREE).labels]
    assert row["a,label"] == 'very, "very" good'
    assert row["a,score"] == row['a,probability_very, "very" good']


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("a.csv", "id,Review\n1,good\n", "Review"),
        ("a.csv", "whatever\ngood\n", "whatever"),
        ("a.jsonl", '{"id": 1, "body": "good", "who": "me"}\n', "body"),
        ("a.jsonl", '{"id": 1, "odd": "good"}\n', "odd"),
        ("A.CSV", "odd\ngood\n", "odd"),
    ],
)
def test_the_obvious_column_is_found(name, content, column, tmp_path):
    (tmp_path / name).write_text(content)
    seen = []
    score(tmp_path / name, tmp_path / "out.csv", progress=seen.append)
    assert {progress.text_column for progress in seen} == {column}


def test_suffixes_in_upper_case(tmp_path):
    (tmp_path / "IN.CSV.GZ").write_bytes(gzip.compress(b"text\ngood\n"))
    score(tmp_path / "IN.CSV.GZ", tmp_path / "OUT.JSONL.GZ")
    assert b'"text": "good"' in gzip.decompress((tmp_path / "OUT.JSONL.GZ").read_bytes())


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("id,name\n1,good\n", None, r"Say text_column=\.\.\.; there are: 'id', 'name'"),
        ("text,review\n1,good\n", None, r"Say text_column=\.\.\.; there are: 'text', 'review'"),
        ("id,name\n1,good\n", "text", r"no column called 'text'; there are: 'id', 'name'"),
        ("text,text\n1,good\n", "text", r"two columns called 'text'"),
    ],
)
def test_no_obvious_column(content, column, message, tmp_path):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(ConfigError, match=message):
        score(tmp_path / "a.csv", tmp_path / "out.csv", text_column=column)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("output", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_columns_that_are_there_already(name, output, tmp_path):
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    record = '{"text": "good", "score": 1}'
    content = {"a.csv": "text,score\ngood,1\n", "a.jsonl": record, "a.json": f"[{record}]"}[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=r"has a column 'score' already; give .* a prefix="):
        score(tmp_path / name, tmp_path / output)
    with pytest.raises(ConfigError, match="the output: has a column 'p_label' already"):
        score(tmp_path / name, tmp_path / output, prefix="p_", source_column="p_label")
    score(tmp_path / name, tmp_path / output, prefix="p_", force=True)
    (row,) = rows_of(tmp_path / output, text_column="text")
    assert list(row.values) == ["text", "score", "p_label", "p_score"]


def test_columns_without_names_get_no_others_name(tmp_path):
    (tmp_path / "a.csv").write_text("good,1\n")
    options = {"header": False, "text_column": "1", "source_column": "2"}
    score(tmp_path / "a.csv", tmp_path / "out.csv", **options)
    with pytest.raises(ConfigError, match="has a column '2' already"):
        score(tmp_path / "a.csv", tmp_path / "out.jsonl", **options)


def test_cells_of_zero_are_no_empty_row(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    book = openpyxl.Workbook()
    for row in (["text", "n"], ["good", 1], [None, 0], ["", False], [None, None], ["bad", 0]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    summary = score(tmp_path / "a.xlsx", tmp_path / "out.csv", on_error="skip")
    assert (summary.rows, summary.errors) == (2, 2)


def test_rows_without_quotes_keep_their_text(tmp_path):
    (tmp_path / "a.tsv").write_text("text\tid\nbad\tx\t3\n")
    score(tmp_path / "a.tsv", tmp_path / "out.tsv", quotes=False, on_error="null")
    assert (tmp_path / "out.tsv").read_text().splitlines()[1] == "bad x 3\t\t\t"


@pytest.mark.parametrize("output", ["out.tsv", "out.jsonl", "out.parquet"])
def test_columns_of_one_name(output, tmp_path):
    """Only the same format has them both; others would have one's values twice, or not at all."""
    (tmp_path / "a.csv").write_text("id,id,text\n1,2,good\n")
    with pytest.raises(ConfigError, match=r"a\.csv: two columns called 'id', .* or write \.csv"):
        score(tmp_path / "a.csv", tmp_path / output)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    score(tmp_path / "a.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().startswith("id,id,text,label,score\n1,2,good,")


def test_other_encodings(tmp_path):
    content = "texte;note\r\n«naïve» good;1\r\n"
    for encoding in ("latin-1", "cp1252", "utf-16", "utf-16-be", "utf-32"):
        (tmp_path / "in.csv").write_bytes(content.encode(encoding))
        score(
            tmp_path / "in.csv",
            tmp_path / "out.csv",
            encoding=encoding,
            text_column="texte",
            force=True,
        )
        back = (tmp_path / "out.csv").read_bytes().decode(encoding)
        head, row = back.split("\r\n")[:-1]
        assert head == "texte;note;label;score"
        assert row.startswith("«naïve» good;1;positive;0.")
    # Any bytes are UTF-16 of some kind.
    (tmp_path / "in.csv").write_text("text\ngood\n")
    with pytest.raises(InputError, match=r"not utf-16 text; .* utf-16-le or utf-16-be without"):
        score(tmp_path / "in.csv", tmp_path / "out.csv", encoding="utf-16", force=True)
    (tmp_path / "in.json").write_bytes(b'[{"text": "caf\xe9"}]')
    with pytest.raises(InputError, match=r"bytes that aren't utf-8 text; .*: encoding="):
        score(tmp_path / "in.json", tmp_path / "out.csv", force=True)
    with pytest.raises(ConfigError, match="'utf-9' isn't a text encoding"):
        score(tmp_path / "in.csv", tmp_path / "o.csv", encoding="utf-9")


def test_empty_inputs(tmp_path):
    (tmp_path / "a.csv").write_text("text,n\r\n")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "none.csv").write_text("")
    score(tmp_path / "a.csv", tmp_path / "csv.csv", text_column="text")
    assert (tmp_path / "csv.csv").read_bytes() == b"text,n,label,score\r\n"
    score(tmp_path / "a.txt", tmp_path / "txt.csv")
    assert (tmp_path / "txt.csv").read_bytes() == b"text,label,score\n"
    score(tmp_path / "a.jsonl", tmp_path / "out.jsonl", text_column="text")
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    if importlib.util.find_spec("pyarrow"):
        for kind in ("csv", "txt"):
            score(tmp_path / f"a.{kind}", tmp_path / f"{kind}.parquet", text_column="text")
            found = rows_of(tmp_path / f"{kind}.parquet", text_column="text")
            assert list(found) == []
    with pytest.raises(InputError, match=r"none\.csv: the file is empty; expected a header"):
        score(tmp_path / "none.csv", tmp_path / "out.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"folder: no \.txt files in this folder"):
        score(tmp_path / "folder", tmp_path / "out.csv")


def test_several_inputs(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.csv").write_bytes(f"text,n\r\ngood {name},1".encode())
    score(str(tmp_path / "[ab].csv"), tmp_path / "out.csv", text_column="text")
    rows = (tmp_path / "out.csv").read_bytes().split(b"\r\n")
    assert [row.split(b",")[0] for row in rows] == [b"text", b"good a", b"good b", b""]
    inputs = [tmp_path / "c.csv", tmp_path / "a.csv"]
    found = rows_of(inputs, text_column="text")
    assert [(Path(row.file).name, row.line) for row in found] == [("c.csv", 2), ("a.csv", 2)]
    (tmp_path / "d.csv").write_text("n,text\n1,good\n")
    (tmp_path / "d.txt").write_text("good")
    for other, message in {
        "d.csv": r"d\.csv: its columns aren't those of .*a\.csv",
        "d.txt": r"d\.txt is text, .*a\.csv csv; give inputs of one format",
        "e.csv": r"e\.csv: no such file",
        "e*.csv": r"e\*\.csv: no file fits",
    }.items():
        with pytest.raises(InputError, match=message):
            score([tmp_path / "a.csv", tmp_path / other], tmp_path / "o.csv", text_column="text")


def test_formats_that_are_read_alone_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("text\ngood\n")
    for name, said in (("o.xlsx", "xlsx can be read, but not written"), ("o.zip", "which format")):
        with pytest.raises(ConfigError, match=said):
            score(tmp_path / "a.csv", tmp_path / name)
