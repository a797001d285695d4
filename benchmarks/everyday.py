"""Measure a run on the everyday texts, source by source, with VADER beside it.

    python benchmarks/everyday.py aclImdb_v1.tar.gz everyday.tsv.gz runs/everyday [--part test]

Writes `domains.json` into the run: of each source, and of the IMDB test reviews, texts, accuracy,
mean F1 and calibration error of two labels; VADER's accuracy; and of neutral texts, how many are in
the run's band of unsure scores. Settings are chosen with `--part validation`, which writes nothing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.classify import figures
from pocketrnn_train import Run
from pocketrnn_train.classify import batches

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
from everyday import Text, read_everyday, read_imdb


def measure(run: Run, texts: Sequence[Text]) -> dict[str, Any]:
    """Return the figures of texts of one source."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer, band = SentimentIntensityAnalyzer(), run.report["unsure"]
    scores = batches.predict(
        run.model(), batches.ids(run.tokenizer, [t.text for t in texts]), run.config
    )
    neutral = np.array([t.label == "neutral" for t in texts])
    labels = np.array([t.label == "positive" for t in texts], np.int64)[~neutral]
    inside = (scores[neutral, 1] >= band[0]) & (scores[neutral, 1] <= band[1])
    unsure = (scores[~neutral, 1] >= band[0]) & (scores[~neutral, 1] <= band[1])
    own, chosen = scores[~neutral], (scores[~neutral, 1] > run.report["threshold"]).astype(np.int64)
    matrix = figures.confusion_matrix(labels, chosen, 2)
    vader = np.array([analyzer.polarity_scores(t.text[:5000])["compound"] > 0 for t in texts])
    return {
        "texts": len(labels),
        "accuracy": float((chosen == labels).mean()),
        "mean_f1": figures.macro_f1(matrix),
        "calibration_error": figures.reliability(own, labels).error,
        "unsure": float(unsure.mean()),
        "vader": float((vader[~neutral] == labels).mean()),
        "neutral_texts": int(neutral.sum()),
        "neutral_unsure": float(inside.mean()) if neutral.any() else None,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("imdb", type=Path)
    parser.add_argument("everyday", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--part", choices=["validation", "test"], default="test")
    arguments = parser.parse_args(argv)
    run, found = Run(arguments.run), {}
    texts = [*read_everyday(arguments.everyday), *read_imdb(arguments.imdb)]
    for source in sorted({text.source for text in texts}):
        own = [t for t in texts if t.source == source and t.split == arguments.part]
        if any(t.label != "neutral" for t in own):
            found[source] = measure(run, own)
            print(source, found[source], flush=True)
    if arguments.part == "test":
        run.write("domains.json", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
