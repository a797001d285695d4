"""Measure finished runs on single sentences of the reviews that they were validated on.

    python benchmarks/validation_sentences.py aclImdb_v1.tar.gz runs/default-1 [RUN...]

Each sentence has the label of its review. Many sentences don't show it, so nobody can be right on
nearly all. Choose settings by these figures; the sentences of tests/data/sentences.tsv stay
unseen.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pocketrnn_train import Examples, Run, evaluate, read_corpus
from pocketrnn_train.classify import batches
from pocketrnn_train.corpora.splits import split_last

WORDS = range(5, 31)
_ENDS = re.compile(r"(?<=[.!?])[\s\"')]+|(?:<br />)+")


def sentences(text: str) -> Iterator[str]:
    """Yield a text's sentences of 5 to 30 words."""
    for sentence in _ENDS.split(text):
        if len(sentence.split()) in WORDS:
            yield sentence


def of_validation(archive: Path, share: float) -> Examples:
    """Return the sentences of the last `share` of each class."""
    corpus = read_corpus(archive)
    held = corpus.train.take(split_last(corpus.train.labels, corpus.groups(), share)[1])
    found = [list(sentences(text)) for text in held.texts]
    labels = np.repeat(held.labels, [len(own) for own in found])
    return Examples(tuple(sentence for own in found for sentence in own), labels)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure each run given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("archive", type=Path)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    arguments = parser.parse_args(argv)
    runs = [Run(folder) for folder in arguments.runs]
    examples = of_validation(arguments.archive, runs[0].config.task.validation_split)
    for run in runs:
        rows = batches.ids(run.tokenizer, examples.texts)
        scores = batches.predict(run.model(), rows, run.config)
        figures = evaluate(scores, examples.labels)
        print(
            f"{run.folder}: {len(examples):,} sentences, accuracy {figures['accuracy']:.4f}, "
            f"loss {figures['loss']:.4f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
