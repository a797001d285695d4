"""The Large Movie Review Dataset, from its archive or unpacked."""

import gzip
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from pocketrnn.errors import InputError
from pocketrnn.tables.folder import text_files

from .corpus import Corpus, Examples

NOTE = (
    "Large Movie Review Dataset v1.0 (Maas et al., 2011, Learning Word Vectors for Sentiment "
    "Analysis). The reviews are their authors'; this model holds weights and a word list, no "
    "review text."
)

_Reviews = Iterator[tuple[str, str, int, bytes]]  # two folders, number and text of each
_REVIEW = re.compile(r"(?:^|.*/)(train|test)/(neg|pos|(?<=train/)unsup)/(\d+)_\d+\.txt")


def is_dataset(path: Path) -> bool:
    """Tell whether `path` is the dataset, or a part of it: a .tar.gz or a folder."""
    parts = [
        base / part / label
        for base in (path, path / "aclImdb")
        for part in ("train", "test")
        for label in ("neg", "pos")
    ]
    return path.name.lower().endswith((".tar.gz", ".tgz")) or any(map(Path.is_dir, parts))


def read(path: Path, *, unlabelled: bool) -> Corpus:
    """Read the dataset, with its unlabelled reviews or without; InputError if a part is missing.

    There are as many unlabelled reviews as others, so they are read only where they are used.
    """
    wanted = ("neg", "pos", "unsup") if unlabelled else ("neg", "pos")
    rows: dict[tuple[str, str], list[tuple[int, str]]] = {}
    reviews = _folder_reviews if path.is_dir() else _archive_reviews
    for part, folder, number, content in reviews(path, wanted):
        try:
            rows.setdefault((part, folder), []).append((number, content.decode("utf-8")))
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: {part}/{folder}, review {number}: not UTF-8") from error
    for found in rows.values():
        found.sort()  # by number: archives and file systems have orders of their own

    def examples(part: str) -> Examples:
        if not {(part, "neg"), (part, "pos")} <= rows.keys():
            raise InputError(
                f"{path}: no reviews in {part}/neg or {part}/pos; expected the layout of "
                "aclImdb_v1.tar.gz"
            )
        negative, positive = (rows[part, folder] for folder in ("neg", "pos"))
        labels = np.repeat([0, 1], [len(negative), len(positive)])
        return Examples(tuple(text for _, text in negative + positive), labels)

    train, test = examples("train"), examples("test")
    more = tuple(text for _, text in rows.get(("train", "unsup"), ()))
    return Corpus(
        "aclImdb",
        ("negative", "positive"),
        train,
        test,
        NOTE,
        unlabelled=more,
        keep_together=False,
    )


def _archive_reviews(path: Path, wanted: Collection[str]) -> _Reviews:
    try:
        # "r|" reads front to back, once, and unpacks nothing to disk. Not "r|gz", which ignores
        # gzip's checksum and often takes the start of a download for the whole of it.
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                found = _REVIEW.fullmatch(member.name)
                if found and found[2] in wanted and member.isfile():
                    file = archive.extractfile(member)
                    yield found[1], found[2], int(found[3]), file.read() if file else b""
            while stream.read(2**20):  # up to the checksum, which lies after the tar's end
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path}: cut short or not a .tar.gz ({error})") from error


def _folder_reviews(path: Path, wanted: Collection[str]) -> _Reviews:
    for file in text_files(path):
        found = _REVIEW.fullmatch(file.relative_to(path).as_posix())
        if found and found[2] in wanted:
            yield found[1], found[2], int(found[3]), file.read_bytes()
