"""Tables as people have them: stray quotes, no header, Excel's habits, and cells without text."""

import csv
import io
import json

import pytest

from pocketrnn import cli
from pocketrnn.errors import ColumnError, ConfigError, InputError
from pocketrnn.tables import compression
from pocketrnn.tables.formats import FORMATS
from pocketrnn.tables.reading import ReadOptions
from tables import read, rows_of, score
from tinyonnx import tiny

pytestmark = pytest.mark.usefixtures("unflushed")


def texts(source, **options):
    return [text for _, text, _ in read(source, **options)]


# -- quotes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("closes", [False, True])
def test_a_stray_quote_costs_one_row(closes, tmp_path):
    rows = [f"{i},a good film number {i},3" for i in range(3000)]
    rows[1000] = '1000,"a good film number 1000,3'
    if closes:  # another one, many rows later
        rows[1900] = '1900,"a good film number 1900",3'
        rows[1950] = '1950,good "film",3'
    source = tmp_path / "in.csv"
    source.write_text("\n".join(["id,text,n", *rows]) + "\n")
    found = read(source)
    assert len(found) == 3000
    bad = [(line, problem) for line, _, problem in found if problem]
    assert [line for line, _ in bad] == [1002]
    assert bad[0][1].endswith("; read on at the line after it")
    summary = score(source, tmp_path / "out.csv", text_column="text", on_error="skip")
    assert (summary.rows, summary.errors) == (2999, 1)
    assert score(source, tmp_path / "all.csv", text_column="text", quotes=False).rows == 3000


@pytest.mark.parametrize(
    ("name", "row", "odd", "errors"),
    [
        ("in.csv", "{0},{1},3", None, [22]),
        ("in.csv", "{0},{1},3", "40,well, an unquoted comma,3", [22, 42]),
        ("in.csv", "{1},b", "well, an unquoted comma,b", [22, 42]),
        ("in.csv", "{1}", None, [22]),
        ("in.tsv", "{1}", None, [22]),
        ("in.tsv", "{0}\t{1}", "just one short line", [42]),
    ],
)
def test_two_stray_quotes_that_fit_each_other(name, row, odd, errors, tmp_path):
    """Most lines between them are rows by themselves: they are read as rows, and one is told."""
    rows = [row.format(i, "a good film") for i in range(100)]
    rows[20], rows[60] = row.format(20, '"a good film'), row.format(60, 'a good film"')
    rows[40] = odd or rows[40]
    source = tmp_path / name
    source.write_text("\n".join([row.format("id", "text").replace("3", "n"), *rows]) + "\n")
    found = read(source)
    assert len(found) == 100
    assert [line for line, _, problem in found if problem] == errors


@pytest.mark.parametrize("row", ['1,"{}"', '"{}",1', '1,"{}",2', '1\t"{}"'])
def test_a_long_mail_is_a_text(row, tmp_path):
    mail = """Dear John,

thank you for the film, which we saw on Friday.
It was long, and the seats were hard,
but nobody left before the end.
The music was good, the actors better,
and the story was new to all of us.

My sister, who rarely laughs, laughed twice.
She says the book is better, as ever.
We would go again, if it weren't so far.

Kind regards,
Mary"""
    source = tmp_path / ("in.tsv" if "\t" in row else "in.csv")
    header = row.replace('"{}"', "text").replace("1", "id").replace("2", "n")
    source.write_text("\n".join([header, row.format(mail), row.format("bad")]) + "\n")
    assert read(source) == [(2, mail, ""), (16, "bad", "")]


@pytest.mark.parametrize("distance", [1, 50, 8900])
def test_quotes_mean_nothing_in_tables_of_tabs(distance, tmp_path):
    """As databases write them: no row is lost, none in error."""
    rows = [f"{i}\tgood film" for i in range(12_000)]
    rows[100] = '100\t"Great film, loved it'
    rows[100 + distance] = f'{100 + distance}\tloved it"'
    rows[50] = '50\t"Great" film'
    source = tmp_path / "in.tsv"
    source.write_text("\n".join(["id\ttext", *rows]) + "\n")
    found = read(source)
    assert len(found) == 12_000
    assert not [problem for *_, problem in found if problem]
    assert [found[i][1] for i in (50, 100)] == ['"Great" film', '"Great film, loved it']


@pytest.mark.usefixtures("small_blocks")
def test_lines_are_told_where_they_are_more_than_rows(tmp_path, tiny_path, capsys):
    rows = [f"{i},a good film" for i in range(40)]
    rows[10], rows[18], rows[30] = '10,"a good film', '18,loved it"', '30,"bad'
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("\n".join(["id,text", *rows]) + "\n")
    command = ["score", str(source), "-o", str(output), "--model", str(tiny_path)]
    assert cli.main(command) == 1
    assert cli.main([*command, "--resume", "--on-error", "skip"]) == 3
    assert "\n32 rows from 40 lines, " in capsys.readouterr().err
    source.write_text("id,text\n1,good\n")
    assert cli.main([*command, "--force"]) == 0
    assert "\n1 row in " in capsys.readouterr().err


def test_quotes_in_tables_of_tabs_that_mean_something(tmp_path):
    table = [["id", "text"], ["1", "one\nof two\nlines"], ["2", "a\ttab"], ["3", 'a "quote"']]
    text = io.StringIO()
    csv.writer(text, delimiter="\t").writerows(table)
    source = tmp_path / "in.tsv"
    source.write_bytes(text.getvalue().encode())
    assert texts(source) == [row[1] for row in table[1:]]


@pytest.mark.parametrize("lines", [1, 5, 900])
def test_long_quoted_texts_are_texts(lines, tmp_path):
    """Lines of a text rarely have the delimiters of a row, all of them."""
    text = "\n".join("good, " * (i % 3) + "film" for i in range(lines))
    source = tmp_path / "in.csv"
    source.write_text(f'id,text\n1,"{text}"\n2,bad\n')
    assert texts(source) == [text, "bad"]
    if lines > 800:
        problems = [problem for *_, problem in read(source, max_lines=800) if problem]
        assert "a quote that stays open for 800 lines" in problems[0]


def test_a_quote_at_the_end_of_a_file(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text('id,text\n1,good\n2,"bad\n3,film\n')
    problem = "not CSV: a quote that never closes; read on at the line after it"
    assert read(source) == [(2, "good", ""), (3, '2,"bad', problem), (4, "film", "")]


def test_labels_without_quotes(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text('text\n"good\n')
    with pytest.raises(ConfigError, match="can't be written without quotes"):
        score(source, tmp_path / "out.csv", model=tiny(("no", "a,b")), quotes=False)
    score(source, tmp_path / "out.csv", quotes=False)
    assert (tmp_path / "out.csv").read_text().startswith('text,label,score\n"good,positive,')


# -- cells without text --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet", "txt", "folder"])
def test_no_text_no_label(kind, tmp_path):
    """One rule for all formats: empty, blank or null is a row in error."""
    source = tmp_path / f"in.{kind}"
    values = ["good", "", " \t\u2003 ", None, "bad"]
    if kind == "parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.table({"text": values}), source)
    elif kind == "json":
        source.write_text(json.dumps([{"text": value} for value in values]))
    elif kind == "jsonl":
        source.write_text("".join(json.dumps({"text": value}) + "\n" for value in values))
    elif kind == "folder":
        source.mkdir()
        for i, value in enumerate(values):
            (source / f"{i}.txt").write_text(value or "", encoding="utf-8")
    else:
        delimiter = {"csv": ",", "tsv": "\t"}.get(kind, "")
        table = io.StringIO()
        for value in values:
            quoted = f'"{value or ""}"' if delimiter else (value or "")
            table.write(f"{quoted}{delimiter}{'1' if delimiter else ''}\n")
        head = f"text{delimiter}n\n" if delimiter else ""
        source.write_text(head + table.getvalue(), encoding="utf-8")
    assert [problem for *_, problem in read(source)] == ["", *["no text"] * 3, ""]
    summary = score(source, tmp_path / "out.csv", text_column="text", on_error="null")
    assert (summary.rows, summary.errors) == (2, 3)


# -- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl"])
def test_without_a_header(output, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text('1,"good\nfilm"\n2,bad\n')
    summary = score(source, tmp_path / output, header=False, text_column="2")
    assert summary.rows == 2
    lines = (tmp_path / output).read_text().splitlines()
    if output == "out.csv":
        assert [line.rsplit(",", 1)[0] for line in lines[1:]] == [
            'film",positive',
            "2,bad,negative",
        ]
        assert lines[0] == '1,"good'
    else:
        assert [json.loads(line)["2"] for line in lines] == ["good\nfilm", "bad"]
    with pytest.raises(ConfigError, match="there are: '1', '2'"):
        score(source, tmp_path / "o.csv", header=False)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("A warm and funny film.,3", True),
        ("Great food", True),
        ("Great!", False),
        ("I loved it!,1", True),
        ("id,1", True),
        ("id,text", False),
        ("Customer review text,Star rating", False),
    ],
)
def test_a_header_that_looks_like_a_row(header, told, tmp_path, caplog):
    source = tmp_path / "in.csv"
    source.write_text(f"{header}\nbad film,1\n" if "," in header else f"{header}\nbad film\n")
    first = header.split(",")[0]
    score(source, tmp_path / "out.csv", text_column=first)
    assert ["say header=False" in record.getMessage() for record in caplog.records] == [True] * told


def test_a_missing_header_is_told_before_a_missing_column(tmp_path, caplog):
    source = tmp_path / "in.csv"
    source.write_text('"A fine film, truly.",5\n"bad film",1\n')
    with pytest.raises(ColumnError, match="which column holds the text"):
        score(source, tmp_path / "out.csv")
    assert "say header=False" in caplog.text


@pytest.mark.parametrize("header", ["A great film, I loved it", "id,words", "id,film review"])
@pytest.mark.parametrize("column", [None, "verdict"])
def test_a_column_that_is_missing_as_the_header_is(header, column, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(f"{header}\nAwful film,1\n")
    with pytest.raises(ColumnError, match="there are: '") as caught:
        read(source, text_column=column)
    assert ("like the others, say header=False" in str(caught.value)) == ("great" in header)


# -- spellings -----------------------------------------------------------------------------------


def test_excels_delimiter(tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(b'\xef\xbb\xbfsep=;\r\ntext;n,m\r\n"good; film";1,5\r\n')
    assert texts(source) == ["good; film"]
    score(source, tmp_path / "out.csv", text_column="text")
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(
        b'\xef\xbb\xbfsep=;\r\ntext;n,m;label;score\r\n"good; film";1,5;positive;'
    )


@pytest.mark.parametrize(
    ("content", "header", "delimiter"),
    [
        ("Text, deutsch;text\nGood, really good;1\n", True, ";"),
        ("text,sentiment (pos|neg)\ngood film,pos\n", True, ","),
        ("Good; but slow,1\nBad film,2\n", False, ","),
        ("Good; but slow,1\n", False, ","),
        ("text|a;b\ngood|1\n", True, "|"),
        ("text\ngood; really\n", True, ","),
        ("sep=;\ntext\nGood, really good\n", True, ";"),
    ],
)
def test_the_delimiter(content, header, delimiter, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(content)
    reader = FORMATS["csv"].reader(str(source), ReadOptions(header=header))
    assert reader.delimiter == delimiter
    reader.close()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_mark_says_the_encoding(encoding, tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes("text,naïve\ngood,ü\n".encode(encoding))
    assert texts(source) == ["good"]
    score(source, tmp_path / "out.csv", text_column="text")
    assert (
        (tmp_path / "out.csv").read_bytes().decode(encoding).startswith("text,naïve,label,score\n")
    )


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    "wrap", ["{}", ' \n{{"a": [], "rows" : {}}}', '{{"n": {{"x": [1]}}, "data": {}, "b": "c"}} ']
)
def test_json(wrap, suffix, tmp_path, monkeypatch):
    rows = [{"id": i, "text": f"good film {i}", "more": ["]", {"a": "}"}]} for i in range(3000)]
    source = tmp_path / f"in.json{suffix}"
    content = wrap.format(json.dumps(rows, indent=2 if suffix else None))
    source.write_bytes(compression.compress(content.encode(), suffix))
    assert texts(source) == [row["text"] for row in rows]
    score(source, tmp_path / "out.jsonl", text_column="text")
    back = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [{key: row[key] for key in ("id", "text", "more")} for row in back] == rows
    assert [line for line, *_ in read(source)] == list(range(1, 3001))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "good"}\n{"text": "bad"}\n', 'not JSON: Extra data.*say format="jsonl"'),
        ('{"text": "good"} {"text": "bad"}\n', r"not JSON: Extra data[^;]*$"),
        ('{"text": "good"}', r"holds 0 lists of objects, not one; expected \[[^;]*$"),
        ('{"text": {"0": "good"}}\n', r"holds 0 lists of objects, not one; expected [^;]*$"),
        ('{"a": [{"text": "x"}], "b": [{"text": "y"}]}', "holds 2 lists of objects"),
        ('["good film","bad"]\n', r"holds 0 lists of objects, not one; expected [^;]*$"),
        ("3", "holds 0 lists"),
        ("", "not JSON"),
        ('[{"text": "good"},\n{"text": "ba', "not JSON: .*line 2"),
        ('[{"text": "' + "a" * 2_000_000 + '"}]', "over 1,600,000 characters .* write it as .json"),
        ('[{"a": ' * 30_000, "not JSON"),
    ],
)
def test_json_that_is_none(content, message, tmp_path):
    source = tmp_path / "in.json"
    source.write_text(content)
    with pytest.raises(InputError, match=message):
        read(source, max_characters=100_000)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ('{"text": "good"', "line 2: not JSON: Expecting ',' delimiter"),
        ('["good"]', "line 2: a list, not a JSON object"),
    ],
)
def test_a_first_line_of_json_that_tells_no_columns(first, reason, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(f'\n{first}\n{{"text": "bad"}}\n')
    with pytest.raises(ColumnError, match=f"which column .*; it can't be told from {reason}"):
        read(source, text_column=None)
    assert [text for _, text, problem in read(source) if not problem] == ["bad"]


def test_a_long_object_in_a_list(tmp_path):
    (tmp_path / "in.json").write_text(json.dumps([{"text": "good " * 1000}, {"text": "bad"}]))
    assert [problem for *_, problem in read(tmp_path / "in.json", max_characters=1000)] == [
        "over 1,000 characters (max_characters=...)",
        "",
    ]


def test_an_empty_list(tmp_path):
    (tmp_path / "in.json").write_text("[]")
    score(tmp_path / "in.json", tmp_path / "out.jsonl", text_column="text")
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_workbooks(tmp_path, caplog):
    pytest.importorskip("python_calamine")
    openpyxl = pytest.importorskip("openpyxl")
    import datetime

    book = openpyxl.Workbook()
    day = datetime.date(2026, 3, 1)
    for row in (["id", "text", "day"], [1, "good\nfilm", day], [2.5, None, None], [3, "bad", True]):
        book.active.append(row)
    book.create_sheet("more").append(["x"])
    source = tmp_path / "in.xlsx"
    book.save(source)
    found = list(rows_of(source, text_column="text"))
    assert [list(row.values.values()) for row in found] == [
        ["1", "good\nfilm", "2026-03-01"],
        ["2.5", "", ""],
        ["3", "bad", "True"],
    ]
    assert [row.problem for row in found] == ["", "no text", ""]
    assert [row.line for row in found] == [2, 3, 4]
    assert "only its first sheet is read, 'Sheet'" in caplog.text
    score(source, tmp_path / "out.csv", text_column="text", on_error="skip")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4
    first, *_ = rows_of(source, text_column="2", header=False)
    assert first.values["2"] == "text"
    source.write_bytes(source.read_bytes()[:500])
    with pytest.raises(InputError, match=r"in\.xlsx: cut short, damaged or not a workbook"):
        score(source, tmp_path / "o.csv")


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_column_for_the_source(output, tmp_path):
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(f"text,n\ngood {name},1\n,2\n")
    score(
        [tmp_path / "a.csv", tmp_path / "b.csv"],
        tmp_path / output,
        text_column="text",
        source_column="file",
        on_error="null",
    )
    back = rows_of(tmp_path / output, text_column="text")
    files = [row.values["file"] for row in back]
    assert files == [str(tmp_path / name) for name in ("a.csv", "a.csv", "b.csv", "b.csv")]
    with pytest.raises(ConfigError, match="has a column 'n' already"):
        score(tmp_path / "a.csv", tmp_path / "x.csv", text_column="text", source_column="n")
