"""Texts without labels: read only where they are used, and never those of the test."""

import dataclasses
import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from pocketrnn.errors import ConfigError, InputError
from pocketrnn_train import cli, read_corpus

REVIEWS = {
    "train/neg/0_2.txt": "dull",
    "train/neg/1_2.txt": "noisy",
    "train/pos/0_9.txt": "warm",
    "train/pos/1_9.txt": "clever",
    "test/neg/0_1.txt": "slow",
    "test/pos/0_9.txt": "funny",
    "train/unsup/10_0.txt": "last",
    "train/unsup/2_0.txt": "first",
    "train/unsup/3_0.txt": "funny",  # a text of the test
    "train/unsup/4_0.txt": "first",  # twice
    "train/unsup/5_0.txt": "dull",  # a text with a label
    "test/unsup/0_0.txt": "nowhere",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name, text in REVIEWS.items():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(text)
            file.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    rows = [f"text {n},{'ab'[n % 2]}" for n in range(12)]
    path.write_text("\n".join(["words,kind", *rows]), encoding="utf-8")
    return path


COLUMNS = {"text_column": "words", "label_column": "kind"}


def test_the_archives_own_only_if_asked(archive: Path) -> None:
    assert read_corpus(archive).unlabelled == ()
    # In the order of their numbers, 2 before 10.
    assert read_corpus(archive, unlabelled=True).unlabelled == ("first", "last")


def test_an_unpacked_folder_gives_the_same(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "unpacked", filter="data")
    corpus = read_corpus(tmp_path / "unpacked", unlabelled=True)
    assert corpus.digest() == read_corpus(archive, unlabelled=True).digest()


def test_digest_counts_them(archive: Path) -> None:
    plain, more = read_corpus(archive), read_corpus(archive, unlabelled=True)
    assert plain.digest() != more.digest()
    assert dataclasses.replace(more, unlabelled=()).digest() == plain.digest()
    swapped = dataclasses.replace(more, unlabelled=more.unlabelled[::-1])
    assert swapped.digest() != more.digest()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("more.txt", "\ufeffone\n\ntwo\r\n \nthree, four"),
        ("more.csv", 'words\none\ntwo\n"three, four"'),
        ("more.tsv", "kind\twords\nx\tone\ny\ttwo\nz\tthree, four"),
        ("more.jsonl", "\n".join(json.dumps({"words": w}) for w in ("one", "two", "three, four"))),
    ],
)
def test_own_files(name: str, content: str, table: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    corpus = read_corpus(table, **COLUMNS, unlabelled=path)
    assert corpus.unlabelled == ("one", "two", "three, four")
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_corpus(table, **COLUMNS, unlabelled=packed).unlabelled == corpus.unlabelled


def test_own_folder(table: Path, tmp_path: Path) -> None:
    for name, text in {"b": "two\n\nlines", "a": "one", "c": " "}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    columns = {**COLUMNS, "text_column": None}
    table.write_text(table.read_text().replace("words", "text"))
    corpus = read_corpus(table, **columns, unlabelled=tmp_path)
    assert corpus.unlabelled == ("one", "two\n\nlines")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("more.doc", b"one", r"expected \.csv, .*\.txt or a folder"),
        ("more.txt", b"\xff text", "line 1: bytes that aren't utf-8 text"),
        ("more.csv", b"other\none", "no column called 'words'"),
        ("more.jsonl", b'{"words": 1}', "line 1: 'words' is a number, not text"),
        ("more.jsonl", b"{", "line 1: not JSON"),
    ],
)
def test_what_is_wrong_with_a_file(
    name: str, content: bytes, message: str, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises((InputError, ConfigError), match=message):
        read_corpus(table, **COLUMNS, unlabelled=path)


def test_lines_are_compared_without_the_white_space_around(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "more.txt"
    path.write_text("  text 0 \nnew\n new\t\n", encoding="utf-8")
    assert read_corpus(table, **COLUMNS, unlabelled=path).unlabelled == ("new",)


def test_no_such_file(table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read_corpus(table, **COLUMNS, unlabelled=tmp_path / "nowhere.txt")


def test_recipe_without_a_teacher(capsys: pytest.CaptureFixture[str], table: Path) -> None:
    assert cli.main([str(table), "--recipe", "classic", "--unlabelled", "more.txt"]) == 2
    assert "--unlabelled is for recipes with a teacher; classic has none" in capsys.readouterr().err
