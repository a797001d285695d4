"""How many texts of other kinds the bundled model's `unlikeness` tells, and unknown words alone.

    python benchmarks/unlikeness.py [FOLDER] [--man FOLDER]

FOLDER holds the data (POCKETRNN_DATA, or ../shared/data); the folder of `--man` (by default
/usr/share/man) translated manuals. `unlikeness` is the model file's own; the limit of the share of
unknown words is what one in a hundred of the training texts is over. Prints a Markdown table of how
many texts are over either limit, cut to so many words, and of the area under the ROC curve against
test texts of the kinds that the model learnt from.
"""

import argparse
import csv
import gzip
import os
import random
import re
import string
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import pocketrnn
from pocketrnn.classify import figures
from pocketrnn.classify.padding import Rows
from pocketrnn.classify.unlike import Unlikeness, Usual

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
from everyday import Text, read_everyday, read_imdb

LENGTHS = (5, 20, 500)
TEXTS = 1500
LANGUAGES = ("es", "fr", "pl")
# Kinds that it learnt from: names, and the sources of their test texts.
LEARNT = {
    "film reviews": "imdb",
    "reviews of products": "fdu-mtl",
    "tweets": "semeval-tweets",
    "news": "newsmtsc",
    "headlines of finance": "sentfin",
}


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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    data = os.environ.get("POCKETRNN_DATA", "../shared/data")
    parser.add_argument("data", nargs="?", type=Path, default=Path(data))
    parser.add_argument("--man", type=Path, default=Path("/usr/share/man"))
    arguments = parser.parse_args()
    model = pocketrnn.load()
    tokenizer, usual = model.tokenizer, Usual(**model.card["usual"])
    unlikeness = Unlikeness(usual, tokenizer.config)
    drawn = random.Random(0)

    def measured(texts: list[str], most: int) -> tuple[np.ndarray, np.ndarray]:
        cut = [ids[: most + 1] for ids in map(tokenizer.ids, texts) if len(ids) > 5]
        rows = Rows.of(cut, tokenizer.config)
        words, known = rows.words(tokenizer.config)
        return 1 - known / words, unlikeness.many(rows, words)

    def some(texts: list[str], most: int) -> list[str]:
        return drawn.sample(texts, min(most, len(texts)))

    texts: list[Text] = read_everyday(arguments.data / "everyday.tsv.gz")
    texts += read_imdb(arguments.data / "aclImdb_v1.tar.gz")

    def part(split: str, source: str = "") -> list[str]:
        return [t.text for t in texts if t.split == split and source in ("", t.source)]

    limits = (float(np.quantile(measured(some(part("train"), 20000), 500)[0], 0.99)), 1.0)
    base = some(part("test"), 2 * TEXTS)
    others = [measured(base, most) for most in LENGTHS]
    heads = [f"{name}, {n} words" for n in LENGTHS for name in ("unknown", "unlikeness")]
    print(f"| kind | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
    for name, found in [
        ("all that it learnt from", part("test")),
        *((name, part("test", source)) for name, source in LEARNT.items()),
        *kinds(arguments.data, arguments.man, tokenizer.vocabulary),
    ]:
        chosen = some(found, TEXTS)
        cells = []
        for most, mixed in zip(LENGTHS, others, strict=True):
            for values, limit, usual_values in zip(
                measured(chosen, most), limits, mixed, strict=True
            ):
                both = np.concatenate([usual_values, values])
                curve = figures.curve(np.arange(len(both)) >= len(usual_values), both)
                cells.append(f"{np.mean(values > limit):.2f} ({figures.roc_auc(curve):.3f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
