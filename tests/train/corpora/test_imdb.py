"""The Large Movie Review Dataset is read whole, in one order, or refused."""

import gzip
import io
import random
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn.errors import ConfigError, InputError
from pocketrnn_train import Corpus, read_corpus

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
    return one.digest() == other.digest()


def test_archive(archive: Path) -> None:
    corpus = read_corpus(archive)
    assert corpus.name == "aclImdb"
    assert corpus.labels == ("negative", "positive")
    assert "Maas" in corpus.note
    assert corpus.vocabulary is None
    assert corpus.groups().tolist() == list(range(10))  # the split is the published one
    for examples in (corpus.train, corpus.test):
        assert examples.labels.tolist() == [0] * 5 + [1] * 5
        assert examples.labels.dtype == np.int64
        # By number, not by name: 10 comes after 2. Byte for byte, markup and newlines included.
        assert examples.texts[:4] == tuple(
            f"A dull film no. {number}, naïve\n<br />" for number in (0, 1, 2, 10)
        )


@pytest.mark.parametrize(
    "option",
    [
        {"label_column": "label"},
        {"label_separator": ";"},
        {"probability_columns": ["p"]},
        {"weight_column": "weight"},
        {"split_column": "for"},
    ],
)
def test_an_archive_has_no_columns(archive: Path, option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(ConfigError, match=f"has no columns; leave out {name}="):
        read_corpus(archive, **option)


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
        with pytest.raises(
            InputError, match=r"no reviews in t.*expected the layout|no \.txt files"
        ):
            read_corpus(path)


def test_a_review_that_is_not_utf8(archive: Path) -> None:
    files = {**REVIEWS, "train/pos/7_9.txt": "naïve".encode("latin-1")}
    archive.write_bytes(gzip.compress(tar(files.items())))
    with pytest.raises(InputError, match="train/pos, review 7: not UTF-8"):
        read_corpus(archive)


@pytest.mark.slow
def test_the_official_archive(imdb_archive: Path) -> None:
    corpus = read_corpus(imdb_archive)
    assert np.bincount(corpus.train.labels).tolist() == [12_500, 12_500]
    assert np.bincount(corpus.test.labels).tolist() == [12_500, 12_500]
    assert corpus.digest() == "3e29e6cd566712c6fb41fd7ff5b6c9ae4867b4e480fe110bbce9d7ce19d6d18e"
