"""Tables of people's own are read right, or refused with a message that says what to do."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn.errors import ConfigError, InputError
from pocketrnn_train import Corpus, read_corpus

ROWS = [(f"film {i}", "good" if i % 3 else "bad") for i in range(12)]


def read(path: Path, content: str | bytes, **options: Any) -> Corpus:
    """Write `content` to `path` and read it, with the columns "text" and "label"."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    path.write_bytes(data)
    return read_corpus(path, **{"text_column": "text", "label_column": "label", **options})


def table(rows: Iterable[tuple[str, str]] = ROWS, end: str = "\n") -> str:
    return "".join(",".join(row) + end for row in (("text", "label"), *rows))


def json_lines(rows: Iterable[tuple[Any, Any]] = ROWS) -> str:
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def same(one: Corpus, other: Corpus) -> bool:
    return one.digest() == other.digest()


def texts(corpus: Corpus) -> dict[str, str]:
    """The label of each text, training and test."""
    return {
        text: corpus.labels[label]
        for part in (corpus.train, corpus.test)
        for text, label in zip(part.texts, part.labels, strict=True)
    }


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    return tmp_path / "own.csv"


@pytest.fixture
def jsonl_path(tmp_path: Path) -> Path:
    return tmp_path / "own.jsonl"


def test_csv_tsv_and_jsonl_are_the_same_corpus(tmp_path: Path) -> None:
    corpus = read(tmp_path / "own.csv", table())
    assert corpus.labels == ("bad", "good")
    assert corpus.name == "own.csv"
    assert texts(corpus) == dict(ROWS)
    assert (len(corpus.train), len(corpus.test)) == (9, 3)
    assert same(read(tmp_path / "own.tsv", table().replace(",", "\t")), corpus)
    assert same(read(tmp_path / "own.jsonl", json_lines()), corpus)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.CSV", table().encode()),
        ("own.csv", table().replace(",", ";").encode()),
        ("own.tab", table().replace(",", "\t").encode()),
        ("own.ndjson", json_lines().encode()),
        ("own.csv.gz", gzip.compress(table().encode(), mtime=0)),
        ("OWN.JSONL.GZ", gzip.compress(json_lines().encode(), mtime=0)),
    ],
)
def test_tables_in_every_spelling_that_is_scored(csv_path: Path, name: str, content: bytes) -> None:
    corpus = read(csv_path, table())
    assert same(read(csv_path.with_name(name), content), corpus)


def test_parquet(csv_path: Path) -> None:
    polars = pytest.importorskip("polars")
    path = csv_path.with_name("own.parquet")
    polars.DataFrame(ROWS, ["text", "label"], orient="row").write_parquet(path)
    columns = {"text_column": "text", "label_column": "label"}
    assert same(read_corpus(path, **columns), read(csv_path, table()))


def test_columns_by_any_name_and_in_any_order(csv_path: Path) -> None:
    content = "id,Étiquette,my text\n" + "".join(f"7,{label},{text}\n" for text, label in ROWS)
    corpus = read(csv_path, content, text_column="my text", label_column="Étiquette")
    assert texts(corpus) == dict(ROWS)


@pytest.mark.parametrize(("encoding", "word"), [("cp1251", "тёплый"), ("utf-16", "Ωλ😀")])
def test_other_encodings(csv_path: Path, encoding: str, word: str) -> None:
    rows = [*ROWS, *((f"{word}{end}", f"{word} good") for end in (" film", "", "!"))]
    corpus = read(csv_path, table(rows).encode(encoding), encoding=encoding)
    assert texts(corpus) == dict(rows)
    assert f"{word} good" in corpus.labels


def test_a_wrong_encoding_says_where(csv_path: Path) -> None:
    rows = [(f"film {i} " + "long " * 100, "good" if i % 2 else "bad") for i in range(100)]
    rows[70] = ("naïve", "bad")
    with pytest.raises(InputError, match=r"line 72: bytes that aren't utf-8 text;.*--encoding"):
        read(csv_path, table(rows).encode("latin-1"))


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("utf-16", "the header isn't|not utf-16.* text"), ("klingon", "isn't a text encoding")],
)
def test_encodings_that_do_not_work(csv_path: Path, encoding: str, message: str) -> None:
    with pytest.raises((InputError, ConfigError), match=message):
        read(csv_path, table(), encoding=encoding)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("text,label\n", "no rows"),
        (table() + "one,two,three\n", "line 14: 3 fields where the header has 2"),
        (table() + "text,\n", "line 14: 'label' isn't a label: ''"),
        (table() + '"never closed,good\n', "line 14: not CSV: a quote that never closes"),
        (table([("a", "same")] * 9), "two labels or more; all rows have 'same'"),
        (table([*ROWS, ("a", "rare"), ("b", "rare")]), r"label 'rare' has 2 row.*at least 3"),
    ],
)
def test_tables_that_are_refused(csv_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(csv_path, content)
    assert str(caught.value).startswith(str(csv_path))


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        ("Text,label,id\na,b,c\n", {}, "no column called 'text'; there are: 'Text', 'label', 'id'"),
        ("text,Label\na,b\n", {}, "no column called 'label'; there are: 'text', 'Label'"),
        ("text,label,label\na,b,c\n", {}, "two columns called 'label'"),
        ("a,b,label\n", {"text_column": None}, "Say --text-column; there are: 'a', 'b', 'label'"),
        ("label\ngood\n", {"text_column": None}, "which column holds the text"),
        (table(), {"text_column": "label"}, "'label' can't be both the text and the label"),
        ("text,b\n", {"label_column": None}, "Say --label-column; there are: 'text', 'b'"),
    ],
)
def test_columns_that_are_not_there(
    csv_path: Path, content: str, columns: dict[str, None], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(csv_path, content, **columns)
    assert str(caught.value).startswith(str(csv_path))


@pytest.mark.parametrize("name", ["text", "words"])
def test_an_obvious_text_column_needs_no_name(csv_path: Path, name: str) -> None:
    corpus = read(csv_path, table().replace("text,", f"{name},", 1), text_column=None)
    assert texts(corpus) == dict(ROWS)
    assert corpus.text_column == name


def test_labels_are_not_taken_for_texts(csv_path: Path) -> None:
    rows = [{"words": None, "label": "good"}, *({"words": t, "label": n} for t, n in ROWS)]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    corpus = read(csv_path.with_suffix(".jsonl"), content, text_column=None)
    assert (corpus.text_column, texts(corpus)) == ("words", dict(ROWS))


def test_lines_have_no_labels(csv_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no labels; expected \.csv"):
        read(csv_path.with_suffix(".txt"), "a\nb\n")


def test_other_columns_may_hold_what_python_has_no_value_for(csv_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = csv_path.with_name("own.parquet")
    own, labels = zip(*ROWS, strict=True)
    late = pa.array([10**15] * len(ROWS), pa.timestamp("s"))
    pq.write_table(pa.table({"text": own, "label": labels, "late": late}), path)
    assert texts(read_corpus(path, text_column="text", label_column="label")) == dict(ROWS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 13: not JSON: Expecting"),
        ('{"text": "a"}', "line 13: no field 'label'; there are: 'text'"),
        ('{"text": "a", "label": null}', "line 13: 'label' isn't a label: None"),
        ('{"text": "a", "label": 0.5}', "line 13: 'label' isn't a label: 0.5"),
        ('{"text": "a", "label": NaN}', "line 13: 'label' isn't a label: nan"),
        ('{"text": "a", "label": ["good"]}', "line 13: 'label' isn't a label"),
        ('{"text": "a", "label": {"is": 1}}', "line 13: 'label' isn't a label"),
        ('{"text": "a", "label": ""}', "line 13: 'label' isn't a label: ''"),
        (r'{"text": "a", "label": "\ud800"}', "line 13: 'label' isn't a label"),
        (r'{"text": "a", "label": "\u0000"}', "line 13: 'label' isn't a label"),
    ],
)
def test_json_lines_that_are_refused(jsonl_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(jsonl_path, json_lines() + line + "\n")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0, 1), ("0", "1")),
        ((-1, 10, 9), ("-1", "10", "9")),
        ((False, True), ("false", "true")),
        (("very good", " so so ", "not good"), (" so so ", "not good", "very good")),
        (("schlecht", "großartig", "とても良い"), ("großartig", "schlecht", "とても良い")),
        (("yes", "no", 'a "b", c'), ('a "b", c', "no", "yes")),
    ],
)
def test_labels_of_every_kind(jsonl_path: Path, values: Any, labels: tuple[str, ...]) -> None:
    corpus = read(jsonl_path, json_lines([(f"film {i}", v) for i in range(4) for v in values]))
    assert corpus.labels == labels
    assert set(corpus.train.labels) == set(corpus.test.labels) == set(range(len(labels)))


def test_texts_of_every_kind(jsonl_path: Path) -> None:
    odd = ["\0", "\ud800", " a\r\n\u2028", "x" * 200_000]
    corpus = read(jsonl_path, json_lines([*ROWS, *((text, "good") for text in odd)]))
    assert texts(corpus) == {**dict(ROWS), **dict.fromkeys(odd, "good")}
    assert len(corpus.digest()) == 64


def test_unbalanced_classes_are_in_both_parts(csv_path: Path) -> None:
    rows = [(f"common {i}", "common") for i in range(300)] + [(f"rare {i}", "rare") for i in "abc"]
    corpus = read(csv_path, table(rows))
    assert np.bincount(corpus.train.labels).tolist() == [240, 2]
    assert np.bincount(corpus.test.labels).tolist() == [60, 1]


def test_seed_and_share_of_the_test(csv_path: Path) -> None:
    corpus = read(csv_path, table(), seed=1)
    assert same(read(csv_path, table(), seed=1), corpus)
    assert not same(read(csv_path, table(), seed=2), corpus)
    half = read(csv_path, table(), test_split=0.5)
    assert (len(half.train), len(half.test)) == (6, 6)
