"""Every corpus is read right, or refused with a message that says what to do."""

import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.errors import ConfigError, InputError
from pocketrnn_train import Corpus, Examples, read_corpus
from pocketrnn_train.corpus import split

# -- the Large Movie Review Dataset ------------------------------------------------------------

REVIEWS = {
    f"{part}/{folder}/{number}_{rating}.txt": f"{opinion} film no. {number}, naïve\n<br />".encode()
    for part in ("test", "train")
    for folder, rating, opinion in (("neg", 2, "A dull"), ("pos", 9, "A warm"))
    for number in (0, 1, 2, 10, 100)
}
# What the official archive holds besides.
OTHER_FILES = {
    "README": b"about",
    "imdb.vocab": b"the\nand",
    "imdbEr.txt": b"0.1",
    "train/labeledBow.feat": b"9 0:9",
    "train/unsupBow.feat": b"0 0:8",
    "train/urls_pos.txt": b"http://example.org/1",
    "train/unsup/0_0.txt": b"\xff unlabelled",
    "test/urls_neg.txt": b"http://example.org/2",
}
Files = dict[str, bytes]


def tar(files: Iterable[tuple[str, bytes]], prefix: str = "aclImdb/") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files:
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "aclImdb_v1.tar.gz"
    path.write_bytes(gzip.compress(tar(REVIEWS.items())))
    return path


def write_folder(path: Path, files: Files) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def same(one: Corpus, other: Corpus) -> bool:
    return one.digest() == other.digest() and all(
        a.texts == b.texts and a.labels.tolist() == b.labels.tolist()
        for a, b in ((one.train, other.train), (one.test, other.test))
    )


def test_archive(archive: Path) -> None:
    corpus = read_corpus(archive)
    assert corpus.name == "aclImdb"
    assert corpus.labels == ("negative", "positive")
    assert "Maas" in corpus.note
    assert corpus.vocabulary is None
    for examples in (corpus.train, corpus.test):
        assert examples.labels.tolist() == [0] * 5 + [1] * 5
        assert examples.labels.dtype == np.int64
        # By number, not by name: 10 comes after 2. Byte for byte, markup and newlines included.
        assert examples.texts[:4] == tuple(
            f"A dull film no. {number}, naïve\n<br />" for number in (0, 1, 2, 10)
        )


def test_archive_folder_and_any_order_are_the_same_corpus(archive: Path, tmp_path: Path) -> None:
    corpus = read_corpus(archive)
    folder = write_folder(tmp_path / "unpacked" / "aclImdb", REVIEWS)
    assert same(read_corpus(folder), corpus)
    assert same(read_corpus(folder.parent), corpus)
    shuffled = tmp_path / "shuffled.tgz"
    for seed in range(3):
        files = list(REVIEWS.items())
        random.Random(seed).shuffle(files)
        shuffled.write_bytes(gzip.compress(tar(files, prefix="./aclImdb/")))
        assert same(read_corpus(shuffled), corpus)


def test_other_official_files_are_ignored(archive: Path, tmp_path: Path) -> None:
    corpus = read_corpus(archive)
    files = {**OTHER_FILES, **REVIEWS}
    archive.write_bytes(gzip.compress(tar(files.items())))
    assert same(read_corpus(archive), corpus)
    assert same(read_corpus(write_folder(tmp_path / "folder", files)), corpus)


def test_digest_tells_texts_labels_and_order_apart() -> None:
    def corpus(texts: Sequence[str], labels: Sequence[int], names: Sequence[str]) -> Corpus:
        examples = Examples(tuple(texts), np.array(labels))
        return Corpus("any", tuple(names), examples, examples)

    digests = {
        corpus(*arguments).digest()
        for arguments in (
            ("ab", [0, 1], "xy"),
            ("ba", [0, 1], "xy"),
            ("ab", [1, 0], "xy"),
            ("ab", [0, 1], "yx"),
            ("aB", [0, 1], "xy"),
            ("a\ud800", [0, 1], "xy"),
        )
    }
    assert len(digests) == 6


def test_half_a_download_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    # Stored, not compressed: then every member's header and text is cut somewhere.
    whole = gzip.compress(tar(REVIEWS.items()), compresslevel=0)
    path = tmp_path / "half.tar.gz"
    for size in range(0, len(whole), 101):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"half\.tar\.gz: cut short"):
            read_corpus(path)


def test_a_damaged_archive_is_refused_wherever_it_is_damaged(archive: Path) -> None:
    whole = archive.read_bytes()
    # After gzip's own header, whose time and name don't matter.
    for position in range(10, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        archive.write_bytes(damaged)
        with pytest.raises(InputError, match="cut short or not a"):
            read_corpus(archive)


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no tar" * 1000)], ids=len)
def test_not_an_archive(archive: Path, content: bytes) -> None:
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"aclImdb_v1\.tar\.gz: "):
        read_corpus(archive)


@pytest.mark.parametrize("missing", ["test/pos", "test/neg", "train/pos", "train/neg", "t"])
def test_a_missing_part(archive: Path, tmp_path: Path, missing: str) -> None:
    files = {name: text for name, text in REVIEWS.items() if not name.startswith(missing)}
    archive.write_bytes(gzip.compress(tar(files.items())))
    folder = write_folder(tmp_path / "folder" / "aclImdb", files or {"README": b""})
    for path in (archive, folder):
        with pytest.raises(InputError, match=r"no reviews in t.*expected the layout"):
            read_corpus(path)


def test_a_review_that_is_not_utf8(archive: Path) -> None:
    files = {**REVIEWS, "train/pos/7_9.txt": "naïve".encode("latin-1")}
    archive.write_bytes(gzip.compress(tar(files.items())))
    with pytest.raises(InputError, match="train/pos, review 7: not UTF-8"):
        read_corpus(archive)


@pytest.mark.parametrize("name", ["missing.csv", "missing", "missing.tar.gz", "-"])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: no such file or folder"):
        read_corpus(tmp_path / name)


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.xlsx"
    path.touch()
    with pytest.raises(InputError, match=r"not a corpus; expected a folder, .*\.csv.*keras:imdb"):
        read_corpus(path)


@pytest.mark.slow
def test_the_official_archive(imdb_archive: Path) -> None:
    corpus = read_corpus(imdb_archive)
    assert np.bincount(corpus.train.labels).tolist() == [12_500, 12_500]
    assert np.bincount(corpus.test.labels).tolist() == [12_500, 12_500]
    assert corpus.digest() == "3e29e6cd566712c6fb41fd7ff5b6c9ae4867b4e480fe110bbce9d7ce19d6d18e"


# -- keras.datasets.imdb -----------------------------------------------------------------------

WORD_INDEX = {"the": 1, "film": 2, "naïve": 3, "don't": 4, "\x96": 5, "warm": 6, "dull": 7}


def ragged(rows: Sequence[Sequence[int]]) -> Any:
    array = np.empty(len(rows), object)
    array[:] = [list(row) for row in rows]
    return array


@pytest.fixture
def imdb_npz(tmp_path: Path) -> Path:
    """Files of the same form as those that Keras downloads."""
    random = np.random.default_rng(0)
    arrays = {}
    for part in ("train", "test"):
        rows = [random.integers(1, 8, size).tolist() for size in range(12)]
        arrays |= {f"x_{part}": ragged(rows), f"y_{part}": np.arange(12) % 2}
    np.savez(tmp_path / "imdb.npz", **arrays)
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(WORD_INDEX))
    return tmp_path / "imdb.npz"


@pytest.fixture
def downloads(imdb_npz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras finds `imdb_npz` where it would download."""
    monkeypatch.setattr(
        "keras.src.datasets.imdb.get_file", lambda fname, **_: str(imdb_npz.with_name(fname))
    )


@pytest.mark.parametrize("num_words", [5, 8, 100])
@pytest.mark.usefixtures("downloads")
def test_keras_imdb_gives_the_ids_of_load_data(num_words: int) -> None:
    corpus = read_corpus("keras:imdb")
    assert corpus.name == "keras.datasets.imdb"
    assert corpus.labels == ("negative", "positive")
    assert corpus.vocabulary == tuple(WORD_INDEX)
    tokenizer = Tokenizer(TextConfig(num_words=num_words), corpus.vocabulary)
    loaded = keras.datasets.imdb.load_data(num_words=num_words)
    for examples, (ids, labels) in zip((corpus.train, corpus.test), loaded, strict=True):
        assert [tokenizer.ids(text) for text in examples.texts] == [list(row) for row in ids]
        assert examples.labels.tolist() == labels.tolist()


@pytest.mark.usefixtures("downloads")
def test_a_local_npz_is_the_same_in_the_order_of_the_file(imdb_npz: Path, tmp_path: Path) -> None:
    corpus = read_corpus(imdb_npz)
    assert corpus.train.labels.tolist() == [0, 1] * 6
    downloaded = read_corpus("keras:imdb")
    assert sorted(corpus.train.texts) == sorted(downloaded.train.texts)
    assert sorted(corpus.test.texts) == sorted(downloaded.test.texts)

    index = imdb_npz.with_name("imdb_word_index.json").rename(tmp_path / "words.json")
    assert same(read_corpus(imdb_npz, word_index=index), corpus)
    with pytest.raises(InputError, match=r"imdb_word_index\.json: No such file"):
        read_corpus(imdb_npz)


def test_a_download_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_file(*_: Any, **__: Any) -> None:
        raise Exception("URL fetch failure")  # noqa: TRY002 (this is what Keras raises)

    monkeypatch.setattr("keras.src.datasets.imdb.get_file", get_file)
    with pytest.raises(InputError, match=r"keras:imdb: URL fetch failure; give an imdb\.npz"):
        read_corpus("keras:imdb")


@pytest.mark.parametrize(
    "index",
    [
        {**WORD_INDEX, "gap": 9},
        {**WORD_INDEX, "again": 7},
        {**WORD_INDEX, "zeroth": 0},
        {**WORD_INDEX, "text": "8"},
        {**WORD_INDEX, "list": [8]},
    ],
)
def test_a_word_index_whose_ranks_have_gaps(imdb_npz: Path, index: dict[str, Any]) -> None:
    imdb_npz.with_name("imdb_word_index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="must rank its words 1, 2, 3"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize("index", ["[]", "7", "no JSON", "\xff"])
def test_not_a_word_index(imdb_npz: Path, index: str) -> None:
    imdb_npz.with_name("imdb_word_index.json").write_bytes(index.encode("latin-1"))
    with pytest.raises(InputError, match="not Keras's"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize("rank", [8, 0, -1])
def test_a_review_with_a_word_that_the_index_lacks(imdb_npz: Path, rank: int) -> None:
    rows, labels = ragged([[1, rank], [2]]), [0, 1]
    np.savez(imdb_npz, x_train=rows, y_train=labels, x_test=rows, y_test=labels)
    with pytest.raises(InputError, match="a word that the index lacks"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize("labels", [[0, 1, 1], [1, 1], [1, 2]])
def test_labels_that_do_not_fit_the_reviews(imdb_npz: Path, labels: list[int]) -> None:
    rows = ragged([[1, 2], [2]])
    np.savez(imdb_npz, x_train=rows, y_train=labels, x_test=rows, y_test=labels)
    with pytest.raises(InputError, match="must have a label, 0 or 1"):
        read_corpus(imdb_npz)


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: b"no archive", lambda data: data[:-40], lambda data: data[:40]],
    ids=["empty", "text", "cut", "cut early"],
)
def test_not_an_npz(imdb_npz: Path, damage: Callable[[bytes], bytes]) -> None:
    imdb_npz.write_bytes(damage(imdb_npz.read_bytes()))
    with pytest.raises(InputError, match="not Keras's IMDB files"):
        read_corpus(imdb_npz)


def test_an_npz_of_something_else(imdb_npz: Path) -> None:
    np.savez(imdb_npz, x=np.arange(3))
    with pytest.raises(InputError, match="not Keras's IMDB files"):
        read_corpus(imdb_npz)


# -- people's own texts ------------------------------------------------------------------------

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


def test_quotes_commas_and_newlines_inside_a_text(csv_path: Path) -> None:
    awkward = 'She said "no", twice.\r\nThen\n\nleft,\tgone'
    quoted = '"' + awkward.replace('"', '""') + '"'
    corpus = read(csv_path, table([*ROWS, (quoted, "bad")], end="\r\n"))
    assert texts(corpus) == {**dict(ROWS), awkward: "bad"}


def test_line_ends_and_empty_lines(csv_path: Path, jsonl_path: Path) -> None:
    corpus = read(csv_path, table())
    for content in (
        table(end="\r\n"),
        table(end="\r"),
        table(end="\n\n") + "\n\n",
        table().removesuffix("\n"),
    ):
        assert same(read(csv_path, content), corpus)
    lines = json_lines()
    for content in (lines.replace("\n", "\r\n"), lines.replace("\n", "\n \n")):
        assert same(read(jsonl_path, content), corpus)


@pytest.mark.parametrize("encoding", ["utf-8", "utf8", "UTF-8", "utf-8-sig"])
@pytest.mark.parametrize("name", ["own.csv", "own.tsv", "own.jsonl"])
def test_a_byte_order_mark_is_no_text(tmp_path: Path, name: str, encoding: str) -> None:
    content = json_lines() if name.endswith("l") else table()
    if name.endswith("tsv"):
        content = content.replace(",", "\t")
    assert texts(read(tmp_path / name, "\ufeff" + content, encoding=encoding)) == dict(ROWS)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1251", "utf-16", "shift_jis"])
def test_other_encodings(csv_path: Path, encoding: str) -> None:
    word = {"latin-1": "naïve", "cp1251": "тёплый", "utf-16": "Ωλ😀", "shift_jis": "映画"}[encoding]
    rows = [*ROWS, (f"{word} film", f"{word} good"), (word, f"{word} good"), ("", f"{word} good")]
    corpus = read(csv_path, table(rows).encode(encoding), encoding=encoding)
    assert texts(corpus) == dict(rows)
    assert f"{word} good" in corpus.labels


def test_a_wrong_encoding_says_where(csv_path: Path) -> None:
    rows = [(f"film {i} " + "long " * 100, "good" if i % 2 else "bad") for i in range(100)]
    rows[70] = ("naïve", "bad")
    with pytest.raises(InputError, match=r"line 72: bytes that aren't utf-8 text;.*--encoding"):
        read(csv_path, table(rows).encode("latin-1"))


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (table().encode("utf-16")[:-1], "utf-16", "not utf-16-le text .*--encoding"),
        (table().encode("utf-16"), "utf-8", "the header isn't utf-8 text; .*--encoding"),
        (b"text,label\n\xff", "ascii", "line 2: bytes that aren't ascii text; .*--encoding"),
        *(
            (table(), name, "isn't a text encoding that Python knows")
            for name in ("klingon", "hex", "", "a\0b")
        ),
    ],
)
def test_encodings_that_do_not_work(
    csv_path: Path, content: str | bytes, encoding: str, message: str
) -> None:
    with pytest.raises((InputError, ConfigError), match=message):
        read(csv_path, content, encoding=encoding)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\ufeff", "the file is empty"),
        ("text,label\n", "no rows"),
        ("text,label\n\n\n", "no rows"),
        (table() + "one,two,three\n", "line 14: 3 fields where the header has 2"),
        (table() + "one\n", "line 14: 1 fields where the header has 2"),
        (table() + '"one\nmore",b,c\n', "line 14: 3 fields"),
        (table() + "text,\n", "line 14: 'label' isn't a label: ''"),
        (table() + '"never closed,good\n', "line 14: not CSV: unexpected end of data"),
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
    with pytest.raises(InputError, match="line 1: 'words' is null"):
        read(csv_path.with_suffix(".jsonl"), content, text_column=None)


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
        ("[1, 2]", "line 13: a list, not a JSON object"),
        ("null", "line 13: null, not a JSON object"),
        ("[" * 100_000, "line 13: .*recursion"),
        ('{"text": "a"}', "line 13: no field 'label'; there are: 'text'"),
        ("{}", "line 13: no field 'text'; there are: none"),
        ('{"text": null, "label": "good"}', "line 13: 'text' is null, not text"),
        ('{"text": 7, "label": "good"}', "line 13: 'text' is a number, not text"),
        ('{"text": ["a"], "label": "good"}', "line 13: 'text' is a list, not text"),
        ('{"text": "a", "label": null}', "line 13: 'label' isn't a label: None"),
        ('{"text": "a", "label": 0.5}', "line 13: 'label' isn't a label: 0.5"),
        ('{"text": "a", "label": NaN}', "line 13: 'label' isn't a label: nan"),
        ('{"text": "a", "label": ["good"]}', "line 13: 'label' isn't a label"),
        ('{"text": "a", "label": {"is": 1}}', "line 13: 'label' isn't a label"),
        ('{"text": "a", "label": ""}', "line 13: 'label' isn't a label: ''"),
        (r'{"text": "a", "label": "\ud800"}', "line 13: 'label' isn't a label"),
        (r'{"text": "a", "label": "\u0000"}', "line 13: 'label' isn't a label"),
        ('{"text": "a", "label": ' + "1" * 5000 + "}", "line 13: .*limit"),
    ],
)
def test_json_lines_that_are_refused(jsonl_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(jsonl_path, json_lines() + line + "\n")


def test_an_empty_json_lines_file(jsonl_path: Path) -> None:
    with pytest.raises(InputError, match="no rows"):
        read(jsonl_path, "\n")


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
    odd = ["", " ", "\0", "\ud800", "\r\n\u2028", "x" * 200_000]
    corpus = read(jsonl_path, json_lines([*ROWS, *((text, "good") for text in odd)]))
    assert texts(corpus) == {**dict(ROWS), **dict.fromkeys(odd, "good")}
    assert len(corpus.digest()) == 64


def test_a_long_field(csv_path: Path) -> None:
    text = "x" * 1_000_000  # the csv module's own limit is 131,072
    assert text in texts(read(csv_path, table([*ROWS, (text, "good")])))


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


# -- splits ------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=200),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_split(labels: list[int], share: float, seed: int) -> None:
    array = np.array(labels)
    kept, drawn = split(array, share, seed)
    assert sorted([*kept, *drawn]) == list(range(len(labels)))  # disjoint and complete
    for label in set(labels):
        count, of_it = labels.count(label), int((array[drawn] == label).sum())
        if count == 1:
            assert of_it == 0
        else:
            assert 1 <= of_it <= count - 1
            assert abs(of_it - share * count) <= 1
    again = split(array, share, seed)
    assert all((a == b).all() for a, b in zip((kept, drawn), again, strict=True))


def test_split_depends_on_the_seed_and_shuffles() -> None:
    labels = np.repeat([0, 1], 50)
    kept, drawn = split(labels, 0.2, 1)
    assert set(split(labels, 0.2, 2)[1]) != set(drawn)
    for rows in (kept, drawn):
        assert rows.tolist() != sorted(rows)
