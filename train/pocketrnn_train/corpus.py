"""Labelled texts: the IMDB reviews, from the archive or from Keras, and people's own."""

import dataclasses
import gzip
import hashlib
import json
import pickle
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.classify.text import is_storable
from pocketrnn.errors import ConfigError, InputError
from pocketrnn.tables.block import Block
from pocketrnn.tables.formats import format_of, open_reader
from pocketrnn.tables.readers import (
    FolderReader,
    LinesReader,
    Reader,
    check_column,
    find_text_column,
)

IMDB_NOTE = (
    "Large Movie Review Dataset v1.0 (Maas et al., 2011, Learning Word Vectors for Sentiment "
    "Analysis). The reviews are their authors'; this model holds weights and a word list, no "
    "review text."
)


@dataclass(frozen=True)
class Examples:
    """Texts, and the index of each one's label: int64, shape (texts,)."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)

    def __repr__(self) -> str:
        """Return how many texts there are: notebooks show the value of a cell's last line."""
        return f"<Examples: {len(self):,} texts>"

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """Return the examples at `rows`, in that order."""
        return Examples(tuple(self.texts[row] for row in rows), self.labels[rows])


@dataclass(frozen=True)
class Corpus:
    """Training and test examples of two or more labels."""

    name: str
    labels: tuple[str, ...]
    train: Examples
    test: Examples
    note: str = ""
    vocabulary: tuple[str, ...] | None = None
    """Words by rank, where the corpus comes with a ranking of its own."""
    unlabelled: tuple[str, ...] = ()
    """Texts like the training ones, of unknown labels, for a teacher to label."""
    text_column: str | None = None
    """The column of the table that the texts are from."""

    def __repr__(self) -> str:
        """Return name, labels and sizes."""
        sizes = f"{len(self.train):,} training and {len(self.test):,} test texts"
        more = f", {len(self.unlabelled):,} unlabelled" if self.unlabelled else ""
        return f"<Corpus {self.name!r}: {', '.join(self.labels[:5])}; {sizes}{more}>"

    def digest(self) -> str:
        """Return the SHA-256, in hex, of all that training sees: no two corpora share it."""
        sizes = [len(self.train), len(self.test)]
        sha256 = hashlib.sha256(json.dumps([self.labels, self.vocabulary, sizes]).encode())
        for examples in (self.train, self.test):
            for label, text in zip(examples.labels.tolist(), examples.texts, strict=True):
                data = text.encode("utf-8", "surrogatepass")
                sha256.update(f"{label} {len(data)}\0".encode() + data)
        for text in self.unlabelled:
            data = text.encode("utf-8", "surrogatepass")
            sha256.update(f"? {len(data)}\0".encode() + data)
        return sha256.hexdigest()


def read_corpus(
    source: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    encoding: str = "utf-8",
    word_index: str | Path | None = None,
    unlabelled: str | Path | bool = False,
    test_split: float = 0.2,
    seed: int = 113,
) -> Corpus:
    """Read any corpus, told by its name: InputError or ConfigError says what is wrong with it.

    - `keras:imdb` is `keras.datasets.imdb`, downloaded by Keras; an `.npz` file is the same
      from disk, with `word_index` its JSON (default: `imdb_word_index.json` beside it). Its
      arrays are pickled: read only files you trust.
    - a folder or `.tar.gz` is the Large Movie Review Dataset in its official layout.
    - a table of any format that is scored is people's own texts, with `label_column` and, unless
      it is obvious, `text_column`; a share `test_split` of each label, drawn by `classic`, becomes
      the test.

    `unlabelled` adds texts without labels: True those that the corpus brings (the Large Movie
    Review Dataset has 50,000), a path those of a table, of a .txt file, a text a line, or of a
    folder of .txt files.
    """
    corpus = _read_labelled(
        source,
        text_column,
        label_column,
        encoding,
        word_index,
        unlabelled is True,
        test_split,
        seed,
    )
    if not isinstance(unlabelled, bool):
        texts = _read_unlabelled(Path(unlabelled), text_column, encoding)
        corpus = dataclasses.replace(corpus, unlabelled=texts)
    # A text of the test mustn't be learnt in disguise, nor one be learnt twice.
    known = {*corpus.train.texts, *corpus.test.texts}
    kept = dict.fromkeys(text for text in corpus.unlabelled if text not in known)
    return dataclasses.replace(corpus, unlabelled=tuple(kept))


def _read_labelled(
    source: str | Path,
    text_column: str | None,
    label_column: str | None,
    encoding: str,
    word_index: str | Path | None,
    unlabelled: bool,
    test_split: float,
    seed: int,
) -> Corpus:
    if source == "keras:imdb":
        return _from_keras()
    path = Path(source)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_dir():
        return _imdb(path, _folder_reviews(path, _wanted(unlabelled)))
    if path.name.lower().endswith((".tar.gz", ".tgz")):
        return _imdb(path, _archive_reviews(path, _wanted(unlabelled)))
    if path.suffix.lower() == ".npz":
        return _from_npz(path, Path(word_index or path.with_name("imdb_word_index.json")))
    if format_of(path.name):
        return _from_table(path, text_column, label_column, encoding, test_split, seed)
    raise InputError(
        f"{path}: not a corpus; expected a folder, .tar.gz, .npz, {_TABLES}, or keras:imdb"
    )


def split(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], ...]:
    """Draw a share of every label at random: return (rows kept, rows drawn), both shuffled.

    At least one of each label goes either way, so that small classes are trained and tested.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    drawn = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        drawn[rows[: min(max(round(share * len(rows)), 1), len(rows) - 1)]] = True
    return order[~drawn[order]], order[drawn[order]]


def split_last(labels: NDArray[np.int64], share: float) -> tuple[NDArray[np.int64], ...]:
    """Take the last share of every label: return (rows kept, rows taken), both in order.

    At least one of each label goes either way.
    """
    taken = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        taken[rows[len(rows) - min(max(round(share * len(rows)), 1), len(rows) - 1) :]] = True
    return np.flatnonzero(~taken), np.flatnonzero(taken)


# -- the Large Movie Review Dataset ------------------------------------------------------------

_REVIEW = re.compile(r"(?:^|.*/)(train|test)/(neg|pos)/(\d+)_\d+\.txt")
_REVIEW_OR_UNLABELLED = re.compile(
    r"(?:^|.*/)(train|test)/(neg|pos|(?<=train/)unsup)/(\d+)_\d+\.txt"
)
# split and folder of the dataset, the review's number, its text
_Review = tuple[str, str, int, bytes]


def _wanted(unlabelled: bool) -> re.Pattern[str]:
    # The 50,000 unlabelled reviews take as long to read as the rest: only where they are used.
    return _REVIEW_OR_UNLABELLED if unlabelled else _REVIEW


def _archive_reviews(path: Path, wanted: re.Pattern[str]) -> Iterator[_Review]:
    try:
        # "r|" reads front to back, once, and unpacks nothing to disk. Not "r|gz", which ignores
        # gzip's checksum and often takes the start of a download for the whole of it.
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if (found := wanted.fullmatch(member.name)) and member.isfile():
                    file = archive.extractfile(member)
                    yield found[1], found[2], int(found[3]), file.read() if file else b""
            while stream.read(2**20):  # up to the checksum, which lies after the tar's end
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path}: cut short or not a .tar.gz ({error})") from error


def _folder_reviews(path: Path, wanted: re.Pattern[str]) -> Iterator[_Review]:
    for file in path.rglob("*.txt"):
        if found := wanted.fullmatch(file.relative_to(path).as_posix()):
            yield found[1], found[2], int(found[3]), file.read_bytes()


def _imdb(path: Path, reviews: Iterable[_Review]) -> Corpus:
    rows: dict[str, list[tuple[int, int, str]]] = {"train": [], "test": []}
    unlabelled: list[tuple[int, str]] = []
    for part, folder, number, content in reviews:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: {part}/{folder}, review {number}: not UTF-8") from error
        if folder == "unsup":
            unlabelled.append((number, text))
            continue
        rows[part].append((int(folder == "pos"), number, text))
    for part, found in rows.items():
        if {label for label, _, _ in found} != {0, 1}:
            raise InputError(
                f"{path}: no reviews in {part}/neg or {part}/pos; expected the layout of "
                "aclImdb_v1.tar.gz"
            )
        found.sort()  # by label and number: archives and file systems have orders of their own
    train, test = (
        Examples(tuple(text for _, _, text in found), np.array([label for label, _, _ in found]))
        for found in rows.values()
    )
    free = tuple(text for _, text in sorted(unlabelled))
    return Corpus("aclImdb", ("negative", "positive"), train, test, IMDB_NOTE, unlabelled=free)


# -- keras.datasets.imdb -----------------------------------------------------------------------

_Ranks = tuple[Sequence[Sequence[int]], Sequence[int]]


def _from_keras() -> Corpus:
    from keras.datasets import imdb

    try:
        # Ranks as they are: nothing added, nothing left out.
        train, test = imdb.load_data(num_words=2**31, start_char=None, oov_char=None, index_from=0)
        index = imdb.get_word_index()
    except Exception as error:  # what Keras raises itself when a download fails
        raise InputError(f"keras:imdb: {error}; give an imdb.npz that you have instead") from error
    return _from_ranks(train, test, index, "keras:imdb")


def _from_npz(path: Path, word_index: Path) -> Corpus:
    try:
        index = json.loads(word_index.read_text("utf-8"))
        with np.load(path, allow_pickle=True) as arrays:
            train = (arrays["x_train"], arrays["y_train"])
            test = (arrays["x_test"], arrays["y_test"])
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    except (KeyError, ValueError, EOFError, pickle.PickleError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} with {word_index}: not Keras's IMDB files ({error})") from error
    if not isinstance(index, dict):
        raise InputError(f"{word_index}: not Keras's word index")
    return _from_ranks(train, test, index, str(path))


def _from_ranks(train: _Ranks, test: _Ranks, word_index: dict[str, int], source: str) -> Corpus:
    """Turn ranks back to words, so that training sees exactly what serving will see."""
    in_order = range(1, len(word_index) + 1)
    words = {rank: word for word, rank in word_index.items() if rank in in_order}
    if len(words) < len(word_index):
        raise InputError(f"{source}: the word index must rank its words 1, 2, 3 and so on")

    def examples(ranks: _Ranks) -> Examples:
        rows, labels = ranks
        if len(rows) != len(labels) or set(labels) != {0, 1}:
            raise InputError(f"{source}: each review must have a label, 0 or 1")
        try:
            texts = tuple(" ".join([words[rank] for rank in row]) for row in rows)
        except KeyError:
            raise InputError(f"{source}: a review has a word that the index lacks") from None
        return Examples(texts, np.asarray(labels, np.int64))

    return Corpus(
        "keras.datasets.imdb",
        ("negative", "positive"),
        examples(train),
        examples(test),
        IMDB_NOTE,
        tuple(words[rank] for rank in in_order),
    )


# -- people's own texts ------------------------------------------------------------------------

_TABLES = ".csv, .tsv, .jsonl (also .gz or .zst of these), .parquet"


def _from_table(
    path: Path,
    text_column: str | None,
    label_column: str | None,
    encoding: str,
    test_split: float,
    seed: int,
) -> Corpus:
    texts: list[str] = []
    names: list[str] = []
    with closing(_open(path, encoding)) as reader:
        if label_column is None:
            there = ", ".join(map(repr, reader.columns))
            raise ConfigError(
                f"{path}: which column holds the label? Say --label-column; there are: {there}"
            )
        if isinstance(reader, LinesReader):
            raise ConfigError(f"{path}: has no labels; expected {_TABLES}")
        if text_column == label_column:
            raise ConfigError(f"{path}: {label_column!r} can't be both the text and the label")
        check_column(reader, label_column)
        text_column = find_text_column(reader, text_column, label_column=label_column)
        for where, text, label in _rows(reader, text_column, label_column):
            name = json.dumps(label) if isinstance(label, int) else label
            if not isinstance(name, str) or not name or not is_storable(name):
                raise InputError(f"{where}: {label_column!r} isn't a label: {label!r:.60}")
            texts.append(text)
            names.append(name)
    if not texts:
        raise InputError(f"{path}: no rows")
    counts = Counter(names)
    labels = sorted(counts)
    if len(labels) < 2:
        raise InputError(f"{path}: needs two labels or more; all rows have {names[0]!r:.60}")
    for label in labels:
        if counts[label] < 3:
            raise InputError(
                f"{path}: label {label!r:.60} has {counts[label]} row(s); at least 3 are needed, "
                "for training, validation and test"
            )
    index = {label: i for i, label in enumerate(labels)}
    examples = Examples(tuple(texts), np.array([index[name] for name in names], np.int64))
    # In the file's order again: neighbours may be alike, which validation can allow for.
    train, test = map(np.sort, split(examples.labels, test_split, seed))
    return Corpus(
        path.name,
        tuple(labels),
        examples.take(train),
        examples.take(test),
        text_column=text_column,
    )


def _read_unlabelled(path: Path, text_column: str | None, encoding: str) -> tuple[str, ...]:
    """Return the texts that aren't blank, of any format that is scored."""
    with closing(_open(path, encoding)) as reader:
        if isinstance(reader, LinesReader | FolderReader):
            text_column = None  # it is the table's
        texts = [text for _, text, _ in _rows(reader, find_text_column(reader, text_column))]
        if isinstance(reader, LinesReader):
            texts = [text.strip() for text in texts]
        return tuple(text for text in texts if text.strip())


def _open(path: Path, encoding: str) -> Reader:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    kind = "folder" if path.is_dir() else format_of(path.name)
    if kind is None:
        raise InputError(f"{path}: expected {_TABLES}, .txt or a folder of .txt files")
    return open_reader(str(path), kind, encoding)


def _rows(
    reader: Reader, text_column: str, label_column: str | None = None
) -> Iterator[tuple[str, str, Any]]:
    """Yield where each row stands, its text and its label. Raises InputError for a bad row."""
    for block in reader.blocks(text_column):
        if block.problems:
            row = min(block.problems)
            raise InputError(f"{block.place(row)}: {block.problems[row]}")
        for row, (text, label) in enumerate(
            zip(block.texts, _labels(block, label_column), strict=True)
        ):
            yield block.place(row), text, label


def _labels(block: Block, column: str | None) -> Sequence[Any]:
    if column is None:
        return [None] * len(block)
    if block.table is not None:  # the other columns may hold what Python can't
        labels: list[Any] = block.table.column(column).to_pylist()
        return labels
    rows = list(block.values())
    for row, values in enumerate(rows):
        if column not in values:
            there = ", ".join(map(repr, values))
            raise InputError(f"{block.place(row)}: no field {column!r}; there are: {there}")
    return [values[column] for values in rows]
