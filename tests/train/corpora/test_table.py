"""Tables of people's own are read right, or refused with a message that says what to do."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn.errors import ColumnError, ConfigError, InputError, TextError
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
        ("own.json", f"[{','.join(json_lines().splitlines())}]".encode()),
        ("own.csv.gz", gzip.compress(table().encode(), mtime=0)),
        ("OWN.JSONL.GZ", gzip.compress(json_lines().encode(), mtime=0)),
    ],
)
def test_tables_in_every_spelling_that_is_scored(csv_path: Path, name: str, content: bytes) -> None:
    corpus = read(csv_path, table())
    assert same(read(csv_path.with_name(name), content), corpus)


def test_columns_by_any_name_and_in_any_order(csv_path: Path) -> None:
    content = "id,Étiquette,my text\n" + "".join(f"7,{label},{text}\n" for text, label in ROWS)
    corpus = read(csv_path, content, text_column="my text", label_column="Étiquette")
    assert texts(corpus) == dict(ROWS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\ufeff", "the file is empty"),
        ("text,label\n", "no rows with a text and a label"),
        ("text,label\n\n\n", "no rows with a text and a label"),
        ("text,label\n,good\na,\n", "no rows with a text and a label"),
        (table() + "one,two,three\n", "line 14: 3 fields where the header has 2"),
        (table([("a", "same"), ("b", "same")]), "two labels or more; there is only 'same'"),
        (table([*ROWS, ("a", "rare"), ("b", "rare")]), r"of their own: 'rare' .2.; at least 3"),
        (table([*ROWS, ("a", "rare"), ("A ", "rare"), (" a", "rare")]), "of their own: 'rare' .1."),
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
        ("a,b,label\n", {"text_column": None}, "Say text_column=...; there are: 'a', 'b', 'label'"),
        ("label\ngood\n", {"text_column": None}, "which column holds the text"),
        (table(), {"text_column": "label"}, "'label' can't be both the text and the label"),
        ("text,b\n", {"label_column": None}, "Say label_column=...; there are: 'text', 'b'"),
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
        ('{"text": 7, "label": "good"}', "line 13: 'text' is a number, not text"),
        ('{"text": "a", "label": 0.5}', "line 13: 0.5 isn't a label"),
        ('{"text": "a", "label": ' + "1" * 5000 + "}", "line 13: .*limit"),
    ],
)
def test_json_lines_that_are_refused(jsonl_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(jsonl_path, json_lines() + line + "\n")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((-1, 10, 9), ("-1", "10", "9")),
        ((False, True), ("false", "true")),
        ((1.0, 0, "2.0", "0.5"), ("0", "0.5", "1", "2")),
        (("schlecht", "großartig", "とても良い"), ("großartig", "schlecht", "とても良い")),
    ],
)
def test_labels_of_every_kind(jsonl_path: Path, values: Any, labels: tuple[str, ...]) -> None:
    corpus = read(jsonl_path, json_lines([(f"film {i} {v}", v) for i in range(4) for v in values]))
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


@pytest.mark.parametrize(
    ("fraud", "honest", "labels"),
    [
        (10, 100, ("ok", "fraud")),  # the rare one is the positive one
        (24, 96, ("fraud", "ok")),
        (100, 10, ("fraud", "ok")),
    ],
)
def test_a_rare_label_is_the_positive_one(
    csv_path: Path, fraud: int, honest: int, labels: tuple[str, str]
) -> None:
    rows = [(f"{i}", "fraud" if i < fraud else "ok") for i in range(fraud + honest)]
    corpus = read(csv_path, table(rows))
    assert corpus.labels == labels
    assert texts(corpus) == dict(rows)
    assert texts(read(csv_path, table(rows), positive_label="fraud")) == dict(rows)
    assert read(csv_path, table(rows), positive_label="fraud").labels == ("ok", "fraud")
    more = table([*rows, *((f"other {i}", "other") for i in range(3))])
    assert read(csv_path, more).labels == ("fraud", "ok", "other")
    with pytest.raises(ConfigError, match="must be one of two labels"):
        read(csv_path, more, positive_label="fraud")


def test_seed_and_share_of_the_test(csv_path: Path) -> None:
    corpus = read(csv_path, table(), seed=1)
    assert same(read(csv_path, table(), seed=1), corpus)
    assert not same(read(csv_path, table(), seed=2), corpus)
    half = read(csv_path, table(), test_split=0.5)
    assert (len(half.train), len(half.test)) == (6, 6)


# -- what is left out, and what looks wrong ------------------------------------------------------


@pytest.mark.parametrize("gap", ["null", "NaN", '""', '"  "', None])
def test_rows_without_a_label_are_left_out_and_counted(
    jsonl_path: Path, gap: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    label = "" if gap is None else f', "label": {gap}'
    content = json_lines([(f"film {i}", float(i % 2)) for i in range(12)])
    content += (
        f'{{"text": "more"{label}}}\n{{"text": " MORE"{label}}}\n{{"text": "film 1"{label}}}\n'
    )
    corpus = read(jsonl_path, content)
    assert texts(corpus) == {f"film {i}": str(i % 2) for i in range(12)}
    assert corpus.unlabelled == ()
    assert caplog.messages == [
        f"{jsonl_path}: 3 rows without a label: used only by a recipe with a teacher"
    ]
    # A text with a label isn't learnt without it too, and none twice.
    assert read(jsonl_path, content, unlabelled=True).unlabelled == ("more",)
    more = jsonl_path.with_name("more.txt")
    more.write_text("film 2\nother\n")
    assert read(jsonl_path, content, unlabelled=more).unlabelled == ("more", "other")


def test_rows_without_text_are_left_out_and_counted(
    csv_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = read(csv_path, table([("", "good"), *ROWS, (" ", "bad"), (" \u2028", "other")]))
    assert (texts(corpus), corpus.labels) == (dict(ROWS), ("bad", "good"))
    assert caplog.messages == [f"{csv_path}: left out: 3 rows without text"]


def test_labels_that_look_alike_are_said(csv_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spellings = ["good", " good", "Good", "so  so", "so so", "na\u00efve", "nai\u0308ve", "bad"]
    corpus = read(
        csv_path, table((f"{i}/{j}", s) for i in range(4) for j, s in enumerate(spellings))
    )
    assert len(corpus.labels) == 7  # they are told, not united; but " good" is "good"
    assert [message.partition("alike: ")[2] for message in caplog.messages] == [
        "'Good' (4 rows), 'good' (8 rows); is it one label?",
        "'nai\u0308ve' (4 rows), 'na\u00efve' (4 rows); is it one label?",
        "'so  so' (4 rows), 'so so' (4 rows); is it one label?",
    ]


def test_copies_of_a_text_are_on_one_side(csv_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    forms = ("{}", " {}", "{} ", "{}")
    rows = [(form.format(text), label) for text, label in ROWS for form in forms]
    for seed in range(5):
        corpus = read(csv_path, table(rows), seed=seed)
        sides = [{text.strip() for text in part.texts} for part in (corpus.train, corpus.test)]
        assert sides[0].isdisjoint(sides[1])
        assert len(corpus.train) + len(corpus.test) == 48
        assert set(corpus.test.labels) == {0, 1}
    assert caplog.messages[0] == (
        f"{csv_path}: 36 rows with a text that is there before; all its copies are on one side of "
        "each split"
    )


def test_texts_with_two_labels_are_named(csv_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torn = [(f"FILM {i}", "bad" if i % 3 else "good") for i in range(5)]
    read(csv_path, table([*ROWS, *torn]))
    assert len(caplog.messages) == 5
    assert caplog.messages[1] == (
        f"a text with 2 labels: 'film 0': 'bad' at {csv_path}, line 2; "
        f"'good' at {csv_path}, line 14"
    )
    assert caplog.messages[4] == f"{csv_path}: and 2 more such texts"


# -- columns, files and folders ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["label", "Labels", "class", " Category ", "SENTIMENT", "target", "y"]
)
def test_an_obvious_label_column_needs_no_name(csv_path: Path, name: str) -> None:
    content = table().replace("text,label", f"body,{name}", 1)
    corpus = read(csv_path, content, text_column=None, label_column=None)
    assert texts(corpus) == dict(ROWS)
    assert (corpus.text_column, corpus.label_column) == ("body", name)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("label,text", "label"),  # not the column of texts, whatever its name
        ("label,text,tags", "label"),
        ("text,verdict", None),
        ("class,label,text", None),
        ("label,label,text", None),
    ],
)
def test_a_label_column_that_is_not_obvious(csv_path: Path, header: str, found: str | None) -> None:
    options = {"text_column": "text", "label_column": None}
    if found:
        width = header.count(",") + 1
        rows = [(label, text, "new")[:width] for text, label in ROWS]
        content = header + "\n" + "".join(",".join(row) + "\n" for row in rows)
        assert read(csv_path, content, **options).label_column == found
        return
    with pytest.raises(ColumnError, match="which column holds the label") as caught:
        read(csv_path, header + "\n", **options)
    assert caught.value.columns == tuple(header.split(","))


def test_without_a_header(csv_path: Path) -> None:
    content = table().partition("\n")[2]
    for columns in (
        {"text_column": "1", "label_column": "2"},
        {"text_column": None, "label_column": "2"},
    ):
        assert texts(read(csv_path, content, header=False, **columns)) == dict(ROWS)
    with pytest.raises(ColumnError, match=r"Say label_column=\.\.\.; there are: '1', '2'"):
        read(csv_path, content, header=False, label_column=None, text_column=None)


def test_several_files(csv_path: Path) -> None:
    whole = read(csv_path, table())
    csv_path.write_text(table(ROWS[:5]))
    more = csv_path.with_name("more.jsonl")
    more.write_text(json_lines(ROWS[5:]))
    corpus = read_corpus([csv_path, str(more)])
    assert corpus.name == "own.csv and 1 more"
    assert same(corpus, whole)
    assert (corpus.text_column, corpus.label_column) == ("text", "label")
    more = csv_path.with_name("more.csv")
    more.write_text("text,verdict\na,good\n")
    with pytest.raises(ColumnError, match=r"more\.csv: no column called 'label'"):
        read_corpus([csv_path, more])
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        read_corpus([csv_path, csv_path.with_name("none.csv")])
    more.with_suffix(".npz").touch()
    with pytest.raises(ConfigError, match=r"several files must be \.csv"):
        read_corpus([csv_path, more.with_suffix(".npz")])


def test_a_folder_for_each_label(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "films"
    for i, (text, label) in enumerate(ROWS):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{i:02}.txt").write_text(text + "\n\nmore")
    (folder / "bad" / "empty.txt").touch()
    (folder / "bad" / "notes.md").write_text("no text to learn")
    corpus = read_corpus(folder)
    assert texts(corpus) == {f"{text}\n\nmore": label for text, label in ROWS}
    assert (corpus.name, corpus.text_column, corpus.label_column) == ("films", None, None)
    assert caplog.messages == [f"{folder}: left out: 1 row without text"]
    (folder / "README.txt").write_text("about")  # no label
    assert read_corpus(folder, unlabelled=True).unlabelled == ("about",)
    more = tmp_path / "more.csv"
    more.write_text("text,label\nanother,good\n")
    both = read_corpus([folder, more])
    assert texts(both) == {**texts(corpus), "another": "good"}
    (folder / "bad" / "deep").mkdir()
    (folder / "bad" / "deep" / "a.txt").write_text("a")
    with pytest.raises(InputError, match=r"deep/a\.txt, .*: too deep; expected .*/LABEL/\*\.txt"):
        read_corpus(folder)


# -- texts in memory -----------------------------------------------------------------------------


def test_a_test_and_a_validation_of_ones_own(
    csv_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, rows in (("test", [("FILM  1", "good"), ("new", "bad"), ("", "bad")]),
                       ("held", [("film 0", "bad")])):  # fmt: skip
        csv_path.with_name(f"{name}.csv").write_text(table(rows))
    parts = {"test": csv_path.with_name("test.csv"), "validation": csv_path.with_name("held.csv")}
    corpus = read(csv_path, table(), **parts)
    assert corpus.test.texts == ("FILM  1", "new")
    assert corpus.test.labels.tolist() == [1, 0]
    assert corpus.validation
    assert corpus.validation.texts == ("film 0",)
    # What is like one of these has left the training texts, in which the others all are.
    assert corpus.train.texts == tuple(f"film {i}" for i in range(2, 12))
    assert "left out: 1 training text in the test too" in caplog.text
    assert corpus.digest() != read(csv_path, table(), test=parts["test"]).digest()
    with pytest.raises(InputError, match="all validation texts are in the test too"):
        read(csv_path, table(), test=parts["test"], validation=parts["test"])
    turned = corpus.with_positive("bad")
    assert turned.validation
    assert turned.validation.labels.tolist() == [1]
    assert len(read(csv_path, table(), test_split=0.0).train) == 12


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("new", "fair")], "other.csv, line 2: no training text has the label 'fair'"),
        ([("", "good")], "no rows with a text and a label in the test"),
        (ROWS, "no training text has the label 'bad'; copies"),
    ],
)
def test_tests_that_are_refused(csv_path: Path, rows: list[tuple[str, str]], message: str) -> None:
    other = csv_path.with_name("other.csv")
    other.write_text(table(rows))
    with pytest.raises(InputError, match=message):
        read(csv_path, table(), test=other)


def test_labels_of_few_texts_are_named(csv_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [*ROWS, *((f"rare {i}", "odd") for i in range(3))]
    read(csv_path, table(rows))
    assert "labels with fewer than 4 texts, too few to rely on: 'odd' (3)" in caplog.text


def test_lists_and_arrays(csv_path: Path) -> None:
    own, labels = zip(*ROWS, strict=True)
    corpus = read(csv_path, table())
    for made in (
        Corpus.of(own, labels),
        Corpus.of(list(own), np.array(labels)),
        Corpus.of(np.array(own, object), iter(labels)),
    ):
        assert same(made, corpus)
    more = Corpus.of([*own, own[0].upper(), "new", "new "], [*labels, None, None, None])
    assert more.unlabelled == ("new",)  # no text that the test may hold
    assert not same(Corpus.of(own, labels, seed=1), corpus)
    assert len(Corpus.of(own, labels, test_split=0.5, name="mine").test) == 6


def test_columns_of_a_data_frame(csv_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    own, labels = zip(*ROWS, ("more", None), (None, "good"), strict=True)
    corpus = read(csv_path, table())
    for frame in (
        pandas.DataFrame({"text": own, "label": labels}),
        pandas.DataFrame({"text": own, "label": labels}).convert_dtypes(),
        polars.DataFrame({"text": own, "label": labels}),
    ):
        caplog.clear()
        made = Corpus.of(frame["text"], frame["label"])
        assert texts(made) == texts(corpus)
        assert made.unlabelled == ("more",)
        assert caplog.messages == [
            "texts: left out: 1 row without text",
            "texts: 1 row without a label: used only by a recipe with a teacher",
        ]
        with pytest.raises(TextError, match=r'one column \(df\["text"\]\), not DataFrame'):
            Corpus.of(frame, frame["label"])
        with pytest.raises(ConfigError, match=r'not from a DataFrame; .*Corpus\.of\(df\["text"\]'):
            read_corpus(frame)
    zeros = pandas.DataFrame({"text": own, "label": [float(i % 2) for i in range(13)] + [None]})
    assert Corpus.of(zeros["text"], zeros["label"]).labels == ("0", "1")


@pytest.mark.parametrize(
    ("own", "labels", "error", "message"),
    [
        ("abc", "abc", TextError, "texts must be a list"),
        ({"a": 1}, [1], TextError, "texts must be a list.*not dict"),
        (7, [1], TextError, "texts must be a list, not int"),
        (["a", b"b"], [1, 2], TextError, "row 2: a text must be a str, not bytes"),
        (["a"], [1, 2], InputError, "1 texts, but 2 labels"),
        (["a"], [0.5], InputError, "row 1: 0.5 isn't a label"),
        (["a"], np.array([np.nan], np.float32), InputError, "no rows with a text and a label"),
        ([], [], InputError, "no rows with a text and a label"),
        (["a"] * 9, [0, 1, 2] * 3, InputError, "of their own: .* at least 3 are needed"),
    ],
)
def test_what_is_no_corpus(own: Any, labels: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Corpus.of(own, labels)


@pytest.mark.parametrize("source", [7, None, {"a": 1}, [["a"]], []])
def test_what_is_no_path(source: Any) -> None:
    with pytest.raises(ConfigError, match=r"read from files, not from a .*Corpus\.of"):
        read_corpus(source)


def test_soft_labels_weights_and_splits_are_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = ["good,yes,0.9,2,train", "bad,no,,1,train", "so so,,0.25,,", "fine,yes,,1,test"]
    rows += ["awful,no,,1,validation", "poor,no,,1,test"]
    path.write_text("\n".join(["text,label,p,weight,for", *rows]) + "\n")
    columns = {"probability_columns": ["p"], "weight_column": "weight", "split_column": "for"}
    corpus = read_corpus(path, **columns)
    assert corpus.train.texts == ("good", "bad", "so so")
    assert corpus.train.labels.tolist() == [1, 0, 0]
    assert corpus.train.probabilities is not None
    assert corpus.train.weights is not None
    np.testing.assert_allclose(
        corpus.train.probabilities, [[0.1, 0.9], [np.nan, np.nan], [0.75, 0.25]], rtol=1e-6
    )
    assert corpus.train.weights.tolist() == [2, 1, 1]
    assert corpus.validation is not None
    assert corpus.validation.texts == ("awful",)
    assert corpus.test.texts == ("fine", "poor")
    turned = corpus.with_positive("no")
    assert turned.train.probabilities is not None
    np.testing.assert_allclose(turned.train.probabilities[0], [0.9, 0.1], rtol=1e-6)
    assert corpus.digest() != read_corpus(path, split_column="for").digest()


def test_what_is_held_out_is_not_learnt_without_its_label(
    csv_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ["good,yes,train", "bad,no,train", "so so,,train", "hm,,", "fine,yes,test"]
    content = "\n".join(["text,label,for", *rows, "secret,,test", "hidden,,validation"])
    corpus = read(csv_path, content, split_column="for", unlabelled=True)
    assert corpus.unlabelled == ("so so", "hm")
    left_out = f"{csv_path}: left out: 2 rows for validation or test without a label"
    assert left_out in caplog.messages
    corpus = read(csv_path, content + "\nmore,,unsupervised", split_column="for", unlabelled=True)
    assert corpus.unlabelled == ("so so", "hm", "more")


def test_soft_labels_of_a_validation_file_are_kept(tmp_path: Path) -> None:
    columns = {"probability_columns": ["p"], "weight_column": "weight"}
    head, rows = "text,label,p,weight\n", "good,yes,0.9,2\nbad,no,,1\n"
    rows += "".join(f"text {i},{'yes' if i % 2 else 'no'},,1\n" for i in range(4))
    (tmp_path / "t.csv").write_text(head + rows)
    digests = []
    for p in (0.8, 0.3):
        (tmp_path / "held.csv").write_text(head + f"new,yes,{p},3\nunknown,,0.25,1\n")
        corpus = read_corpus(tmp_path / "t.csv", validation=tmp_path / "held.csv", **columns)
        assert corpus.validation
        assert corpus.validation.texts == ("new", "unknown")
        assert corpus.validation.labels.tolist() == [1, 0]
        assert corpus.validation.probabilities is not None
        np.testing.assert_allclose(corpus.validation.probabilities[:, 1], [p, 0.25])
        assert corpus.validation.weights is not None
        assert corpus.validation.weights.tolist() == [3, 1]
        digests.append(corpus.digest())
    assert digests[0] != digests[1]
    with pytest.raises(ConfigError, match="split_column says which rows"):
        read_corpus(tmp_path / "t.csv", test=tmp_path / "held.csv", split_column="label")
    (tmp_path / "folder" / "yes").mkdir(parents=True)
    (tmp_path / "folder" / "yes" / "1.txt").write_text("good")
    with pytest.raises(ConfigError, match="a folder has no column 'weight'"):
        read_corpus(tmp_path / "folder", weight_column="weight")


def test_no_copy_is_on_both_sides_of_a_split_column(
    csv_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ["good,yes,train", "bad,no,train", "nice,yes,train", "poor,no,train"]
    rows += ["GOOD ,yes,test", " Bad,no,validation"]
    content = "\n".join(["text,label,for", *rows])
    corpus = read(csv_path, content, split_column="for")
    assert corpus.train.texts == ("nice", "poor")
    assert f"{csv_path}: left out: 1 training text in the validation too" in caplog.messages
    assert f"{csv_path}: left out: 1 training text in the test too" in caplog.messages
    with pytest.raises(InputError, match="no training text has the label 'odd'"):
        read(csv_path, content + "\nother,odd,test", split_column="for")
    rows += ["dire,no,validation", "Dire,no,test"]
    corpus = read(csv_path, "\n".join(["text,label,for", *rows]), split_column="for")
    assert corpus.validation
    assert corpus.validation.texts == (" Bad",)
    assert f"{csv_path}: left out: 1 validation text in the test too" in caplog.messages
    with pytest.raises(InputError, match="all validation texts are in the test too"):
        read(csv_path, content + "\nbad,no,test", split_column="for")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("good,yes,1.5,1,train", "probability of each of 2 labels"),
        ("good,yes,many,1,train", "not a number: 'many'"),
        ("good,yes,0.5,1,train\nso so,no,,-1,train", "line 3: a weight must be .* from 0, not -1"),
        ("good,yes,0.5,1,dev", "train, validation, test, not 'dev'"),
    ],
)
def test_columns_that_say_nothing(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"text,label,p,weight,for\n{row}\nbad,no,,1,train\n")
    columns = {"probability_columns": ["p"], "weight_column": "weight", "split_column": "for"}
    with pytest.raises(InputError, match=message):
        read_corpus(path, **columns)


def test_a_weight_that_no_float_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [{"text": "good", "label": "yes", "weight": 10**400}, {"text": "bad", "label": "no"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match="line 1: not a number: 1000"):
        read_corpus(path, weight_column="weight")


@pytest.mark.parametrize(
    ("row", "message"),
    [("0.5,,0.1", "probabilities of some labels only"), ("0.9,0.8,0", "are 1.70 together")],
)
def test_probabilities_that_are_not_those_of_one_label(
    row: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"film {i},{'abc'[i % 3]},,,\n" for i in range(12))
    path.write_text(f"text,label,a,b,c\n{rows}odd,a,{row}\n")
    with pytest.raises(InputError, match=f"line 14: .*{message}"):
        read_corpus(
            path, label_column="label", text_column="text", probability_columns=["a", "b", "c"]
        )
