"""Measure finished runs on the short texts of tests/data/sentences.tsv.

    python benchmarks/sentences.py runs/default-1 [RUN...]

Writes `sentences.json` (accuracy by kind of text) into each run, and for film reviews
`intended_use.txt`, which pocketrnn-export puts into the model card.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.files import write_atomic
from pocketrnn_train import Run
from pocketrnn_train.classify import batches

SENTENCES = Path(__file__).parents[1] / "tests" / "data" / "sentences.tsv"

INTENDED_USE = """\
Made for English film reviews: right on {test:.1%} of {texts:,} that it hasn't seen. \
One sentence about a film: right on {movie:.0%} of {movies} of our own making. \
One sentence about a meal, a hotel or a purchase: {other:.0%} of {others}; for these, train on \
texts of your own. It reads the last {maxlen} words of a text, a few words at a time: \
it misses irony, what depends on facts, and opinions that only the whole argument gives away. \
Scores near 0.5 mean that it can't tell, and so does a text without any opinion, whatever its \
score. Other languages, and other tasks such as the tone of a conversation: not at all."""


def read_sentences() -> list[dict[str, str]]:
    """Return the sentences: dicts of domain, label and text."""
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def measure(run: Run) -> dict[str, dict[str, float]]:
    """Return accuracy and number of the sentences of each domain."""
    rows = read_sentences()
    ids = batches.ids(run.tokenizer, [row["text"] for row in rows])
    chosen = batches.predict(run.model(), ids, run.config)[:, 1] > run.report["threshold"]
    right = np.array([row["label"] == "positive" for row in rows]) == chosen
    domains = np.array([row["domain"] for row in rows])
    return {
        domain: {
            "texts": int((domains == domain).sum()),
            "accuracy": float(right[domains == domain].mean()),
        }
        for domain in dict.fromkeys(domains.tolist())
    }


def intended_use(run: Run, measured: dict[str, dict[str, Any]]) -> str:
    """Return what a model of film reviews is and isn't good for."""
    return INTENDED_USE.format(
        test=run.report["test"]["accuracy"],
        texts=run.report["test"]["texts"],
        movie=measured["movie"]["accuracy"],
        movies=measured["movie"]["texts"],
        other=measured["other"]["accuracy"],
        others=measured["other"]["texts"],
        maxlen=run.config.task.text.maxlen,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure each run given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    for folder in parser.parse_args(argv).runs:
        run = Run(folder)
        measured = measure(run)
        run.write("sentences.json", measured)
        if run.read("corpus.json")["name"] == "aclImdb":  # else benchmarks/everyday.py writes it
            write_atomic(folder / "intended_use.txt", intended_use(run, measured) + "\n")
        figures = ", ".join(f"{name} {value['accuracy']:.3f}" for name, value in measured.items())
        print(f"{folder}: {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
