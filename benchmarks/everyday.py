"""Measure a run on the everyday texts, source by source, with VADER and a linear model beside it.

    python benchmarks/everyday.py aclImdb_v1.tar.gz everyday.tsv.gz runs/everyday [--part test]

Writes `domains.json` into the run, and `intended_use.txt`, which pocketrnn-export puts into the
card (after benchmarks/sentences.py): of each source, and of the IMDB test reviews, texts, accuracy,
mean F1 and calibration error of two labels, and what error labels drawn by the scores themselves
have, which so few texts make; VADER's accuracy, and that of a logistic regression on TF-IDF of
words and pairs, fitted on the training texts; and of neutral texts, how many are in the run's band
of unsure scores. Settings are chosen with `--part validation`, which writes nothing.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.classify import figures
from pocketrnn.files import write_atomic
from pocketrnn_train import Run
from pocketrnn_train.classify import batches
from pocketrnn_train.classify.linear import tfidf

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
from everyday import Text, read_everyday, read_imdb, weights

Chooser = Callable[[Sequence[str]], NDArray[np.bool_]]
"""Says of texts whether they are positive."""

STRENGTH = 2
"""Of the logistic regression: the best of 2 and 8 on validation texts."""

INTENDED_USE = """\
Made for everyday English, positive or negative: right on {imdb:.1%} of the 25,000 official IMDB \
test reviews, and on {all:.1%} of all {texts:,} test texts of {sources} sources ({some}). \
Sentences of our own making: {plain:.0%} of {plain_texts} plain ones, {hard:.0%} of {hard_texts} \
with negation, comparison, irony or mixed feelings. There is no neutral label: of texts without \
any opinion {neutral:.0%} are in the unsure band, {band}. It reads the last {maxlen} words of a \
text, a few words at a time: it misses irony, what depends on facts, and opinions that only the \
whole argument gives away. News and tweets are the hardest. Other languages, and other tasks: \
not at all."""


def intended_use(run: Run, found: dict[str, Any]) -> str:
    """Return what the model is and isn't good for."""
    sentences = run.read("sentences.json")
    hard = [sentences[kind] for kind in ("negation", "comparison", "irony", "mixed")]
    some = ("mams-absa", "fdu-mtl", "semeval-tweets", "newsmtsc")
    return INTENDED_USE.format(
        imdb=found["imdb"]["accuracy"],
        all=run.report["test"]["accuracy"],
        texts=run.report["test"]["texts"],
        sources=len(found),
        some=", ".join(f"{name} {found[name]['accuracy']:.1%}" for name in some),
        plain=sentences["everyday"]["accuracy"],
        plain_texts=sentences["everyday"]["texts"],
        hard=sum(kind["accuracy"] * kind["texts"] for kind in hard)
        / sum(kind["texts"] for kind in hard),
        hard_texts=sum(kind["texts"] for kind in hard),
        neutral=sum((f["neutral_unsure"] or 0) * f["neutral_texts"] for f in found.values())
        / sum(f["neutral_texts"] for f in found.values()),
        band=" to ".join(f"{edge:.2f}" for edge in run.report["unsure"]),
        maxlen=run.config.task.text.maxlen,
    )


def linear(tokenizer: Tokenizer, texts: Sequence[Text]) -> Chooser:
    """Return a logistic regression fitted on the training texts, weighted as the network's are."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    own = [t for t in texts if t.split == "train" and t.label in ("negative", "positive")]
    counts = np.array(list(weights([t.source for t in own], [t.label for t in own])))
    model = LogisticRegression(C=STRENGTH, solver="liblinear", tol=0.001)
    pipeline = make_pipeline(tfidf(tokenizer, pieces=False), model).fit(
        [t.text for t in own],
        [t.label == "positive" for t in own],
        logisticregression__sample_weight=counts / counts.mean(),
    )
    return pipeline.predict


def measure(run: Run, texts: Sequence[Text], beside: Chooser) -> dict[str, Any]:
    """Return the figures of texts of one source, and the accuracy of what is beside the run."""
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
    random = np.random.default_rng(1)
    drawn = [(random.random(len(own)) < own[:, 1]).astype(np.int64) for _ in range(20)]
    vader = np.array([analyzer.polarity_scores(t.text[:5000])["compound"] > 0 for t in texts])
    return {
        "texts": len(labels),
        "accuracy": float((chosen == labels).mean()),
        "mean_f1": figures.macro_f1(matrix),
        "calibration_error": figures.reliability(own, labels).error,
        "calibration_noise": np.mean([figures.reliability(own, d).error for d in drawn]).item(),
        "unsure": float(unsure.mean()),
        "vader": float((vader[~neutral] == labels).mean()),
        "linear": float((beside([t.text for t in texts])[~neutral] == labels).mean()),
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
    beside = linear(run.tokenizer, texts)
    for source in sorted({text.source for text in texts}):
        own = [t for t in texts if t.source == source and t.split == arguments.part]
        if any(t.label != "neutral" for t in own):
            found[source] = measure(run, own, beside)
            print(source, found[source], flush=True)
    if arguments.part == "test":
        run.write("domains.json", found)
        write_atomic(run.folder / "intended_use.txt", intended_use(run, found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
