"""Which texts are unlike those that a model learnt from: `unlikeness`, and the unknown words alone.

    python benchmarks/unlikeness.py [FOLDER] [--man FOLDER]

FOLDER holds the data (POCKETRNN_DATA, or ../shared/data); the folder of `--man` (by default
/usr/share/man) translated manuals. Both measures are calibrated on the training reviews: over their
limit is one in a hundred. Prints a Markdown table of how many texts are over it, cut to so many
words, and of the area under the ROC curve against test reviews.
"""

import argparse
import csv
import gzip
import os
import random
import re
import string
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import pocketrnn
from pocketrnn.classify import figures
from pocketrnn.classify.padding import Rows
from pocketrnn.classify.unlike import Unlikeness
from pocketrnn_train.classify import batches, calibration

LENGTHS = (5, 20, 500)
TEXTS = 1500
LANGUAGES = ("es", "fr", "pl")


def reviews(data: Path, part: str) -> list[str]:
    """Return the labelled reviews of a part."""
    with tarfile.open(data / "aclImdb_v1.tar.gz") as archive:
        members = [m for m in archive if re.match(rf"aclImdb/{part}/(pos|neg)/.*\.txt", m.name)]
        return [archive.extractfile(member).read().decode() for member in members]  # type: ignore[union-attr]


def manual(folder: Path) -> Iterator[str]:
    """Yield the paragraphs of manuals."""
    for path in sorted(folder.glob("man*/*.gz")):
        source = gzip.decompress(path.read_bytes()).decode(errors="replace")
        for part in re.split(r"\n\.[A-Z].*\n", source):
            yield re.sub(r"^\..*|\\f.|\\\(..|\\.", "", part, flags=re.MULTILINE)


def kinds(data: Path, man: Path, words: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield kinds of text, each with texts."""
    drawn = random.Random(0)
    for language in LANGUAGES:
        yield f"manuals, {language}", list(manual(man / language))
    for name, table in (("German tweets", "germeval18"), ("Chinese reviews", "chn_waimai")):
        with gzip.open(data / f"tables/{table}.train.csv.gz", "rt", encoding="utf-8") as file:
            yield name, [row["text"] for row in csv.DictReader(file)]
    library = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    sources = [path.read_text("utf-8", errors="replace") for path in library]
    yield "Python", [part for source in sources for part in re.split(r"\n(?=def |class )", source)]

    def lists(word: object) -> list[str]:
        return [" ".join(word() for _ in range(200)) for _ in range(TEXTS)]  # type: ignore[operator]

    yield "known words by chance", lists(lambda: drawn.choice(words))
    yield "letters", lists(lambda: "".join(drawn.choices(string.ascii_lowercase, k=5)))
    yield "numbers to 100", lists(lambda: str(drawn.randint(0, 100)))
    yield "Shakespeare", (data / "tinyshakespeare.txt").read_text("utf-8").split("\n\n")
    with gzip.open(data / "everyday.tsv.gz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    for name, source in (
        ("news", "newsmtsc"),
        ("headlines of finance", "sentfin"),
        ("tweets", "semeval-tweets"),
        ("reviews of products", "fdu-mtl"),
    ):
        yield name, [row[4] for row in rows if row[0] == source]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    data = os.environ.get("POCKETRNN_DATA", "../shared/data")
    parser.add_argument("data", nargs="?", type=Path, default=Path(data))
    parser.add_argument("--man", type=Path, default=Path("/usr/share/man"))
    arguments = parser.parse_args()
    tokenizer = pocketrnn.load().tokenizer
    texts, test = reviews(arguments.data, "train"), reviews(arguments.data, "test")[::10]
    usual = calibration.usual(batches.ids(tokenizer, texts), tokenizer.config)
    if usual is None:
        parser.error("the reviews don't differ")
    unlikeness = Unlikeness(usual, tokenizer.config)

    def measured(texts: list[str], most: int) -> tuple[np.ndarray, np.ndarray]:
        cut = [ids[: most + 1] for ids in map(tokenizer.ids, texts) if len(ids) > 5]
        rows = Rows.of(cut, tokenizer.config)
        words, known = rows.words(tokenizer.config)
        return 1 - known / words, unlikeness.many(rows, words)

    limits = (float(np.quantile(measured(texts, 500)[0], 0.99)), 1.0)
    others = [measured(test, most) for most in LENGTHS]
    heads = [f"{name}, {n} words" for n in LENGTHS for name in ("unknown", "unlikeness")]
    print(f"| kind | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
    random.seed(0)
    for name, found in [
        ("film reviews", test),
        *kinds(arguments.data, arguments.man, tokenizer.vocabulary),
    ]:
        chosen = random.sample(found, min(TEXTS, len(found)))
        cells = []
        for most, base in zip(LENGTHS, others, strict=True):
            for values, limit, usual_values in zip(
                measured(chosen, most), limits, base, strict=True
            ):
                both = np.concatenate([usual_values, values])
                curve = figures.curve(np.arange(len(both)) >= len(usual_values), both)
                cells.append(f"{np.mean(values > limit):.2f} ({figures.roc_auc(curve):.3f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
