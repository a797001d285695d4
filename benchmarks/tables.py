"""How right pocketrnn is on people's own tables, with its defaults, beside what one would use else.

    python benchmarks/tables.py ../shared/data/tables -o benchmarks/results/tables

A table is NAME.train.csv.gz and NAME.test.csv.gz, with columns text and label. What has been
measured is kept in results.json, so a table can be measured by itself (--only NAME), and the page
made anew.
Needs scikit-learn and fastText (`fasttext-community`).
"""

import argparse
import json
import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.files import write_atomic
from pocketrnn_export import export
from pocketrnn_train import RECIPES, Corpus, fit, read_corpus

# Accuracy, bytes of the model, seconds of training.
Figures = tuple[float, int, float]

PAGE = """\
# Tables of labelled texts

Accuracy on each table's own test rows, everything at its defaults, and what was measured by \
`benchmarks/tables.py`; nothing was chosen by these figures, but that a GRU reads characters alone \
(docs/recipes.md). pocketrnn's are means of as many \
seeds as stand behind them; the others hardly depend on one.

{table}

- **Network's size, seconds**: of the model file; of training on one core, by the seed that other \
work disturbed least.
- **TF-IDF + logistic regression**: words and pairs of words, one label against the rest, C by \
five-fold cross-validation; its size is that of its pickle.
- **Words and characters, linear SVM**: the same with pieces of 2 to 5 characters, C likewise.
- **fastText**: 25 epochs, rate 0.5, pairs of words, pieces of 2 to 5 characters.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what hasn't been measured, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results/tables"))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these tables alone")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1], help="of pocketrnn")
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "results.json"
    found: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    names = sorted(file.name.split(".")[0] for file in arguments.data.glob("*.train.csv.gz"))
    for name in arguments.only or names:
        corpus = read_corpus(
            arguments.data / f"{name}.train.csv.gz",
            text_column="text",
            label_column="label",
            test=arguments.data / f"{name}.test.csv.gz",
        )
        measured = found.setdefault(name, {})
        measured["labels"], measured["rows"] = len(corpus.labels), len(corpus.train)
        ways: dict[str, Callable[[], Figures]] = {"tfidf": lambda c=corpus: tfidf(c)}
        ways["svm"] = lambda c=corpus: svm(c)
        ways["fasttext"] = lambda c=corpus: fasttext(c)
        for seed in arguments.seeds:
            ways[f"pocketrnn {seed}"] = lambda c=corpus, s=seed: pocketrnn(c, s)
        for way, measure in ways.items():
            if way not in measured:
                measured[way] = measure()
                print(name, way, *measured[way], flush=True)
                write_atomic(path, json.dumps(found, indent=1) + "\n")
    write_atomic(arguments.output / "results.md", page(found))
    return 0


def pocketrnn(corpus: Corpus, seed: int) -> Figures:
    """Train with the defaults, and export."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = fit(RECIPES["default"].with_settings(seed=seed), corpus, Path(folder, "run"))
        seconds = time.perf_counter() - started
        path = Path(folder, "model.onnx")
        export(run, path)
        return run.report["test"]["accuracy"], path.stat().st_size, seconds


def tfidf(corpus: Corpus) -> Figures:
    """Fit what most people would try first."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = OneVsRestClassifier(LogisticRegression(solver="liblinear"))
    return _searched(corpus, words, model, {"estimator__C": [1.0, 10.0, 100.0]})


def svm(corpus: Corpus) -> Figures:
    """Fit what people would try who know texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return _searched(corpus, make_union(words, pieces), LinearSVC(), {"C": [0.1, 1.0, 10.0]})


def _searched(corpus: Corpus, features: Any, model: Any, tried: dict[str, Any]) -> Figures:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    started = time.perf_counter()
    train = features.fit_transform(corpus.train.texts)
    search = GridSearchCV(model, tried, cv=5).fit(train, corpus.train.labels)
    seconds = time.perf_counter() - started
    whole = make_pipeline(features, search.best_estimator_)
    accuracy = whole.score(corpus.test.texts, corpus.test.labels)
    return float(accuracy), len(pickle.dumps(whole)), seconds


def fasttext(corpus: Corpus) -> Figures:
    """Train fastText on lines of its own format."""
    import fasttext as library

    started = time.perf_counter()

    def plain(text: str) -> str:
        return " ".join(text.split())

    with tempfile.TemporaryDirectory() as folder:
        lines, path = Path(folder, "train.txt"), Path(folder, "model.bin")
        rows = zip(corpus.train.labels, corpus.train.texts, strict=True)
        lines.write_text("".join(f"__label__{label} {plain(text)}\n" for label, text in rows))
        model = library.train_supervised(
            str(lines), epoch=25, lr=0.5, wordNgrams=2, minn=2, maxn=5, dim=50, thread=1, verbose=0
        )
        seconds = time.perf_counter() - started
        model.save_model(str(path))
        chosen, _ = model.predict([plain(text) for text in corpus.test.texts])
        size = path.stat().st_size
    labels = np.array([int(one[0].removeprefix("__label__")) for one in chosen])
    return float((labels == corpus.test.labels).mean()), size, seconds


def page(found: dict[str, dict[str, Any]]) -> str:
    """Return the results as a page of Markdown."""
    rows = []
    for name, measured in found.items():
        own = [figures for way, figures in measured.items() if way.startswith("pocketrnn")]
        if not own:
            continue
        accuracy, size = (statistics.mean(each[i] for each in own) for i in (0, 1))
        seconds = min(each[2] for each in own)
        others = [measured.get(way) for way in ("tfidf", "svm", "fasttext")]
        rows.append(
            [
                name,
                f"{measured['labels']}, {measured['rows']:,}",
                f"**{accuracy:.3f}** ({len(own)})",
                *(f"{figures[0]:.3f}" if figures else "–" for figures in others),
                f"{size / 1e6:.2f} MB, {seconds:.0f} s",
                *(f"{figures[1] / 1e6:.1f} MB" if figures else "–" for figures in others),
            ]
        )
    head = [
        "table",
        "labels, rows",
        "**pocketrnn**",
        "TF-IDF + logistic regression",
        "words and characters, linear SVM",
        "fastText",
        "network's size, seconds",
        "TF-IDF's size",
        "SVM's size",
        "fastText's size",
    ]
    lines = [head, ["---", "---"] + ["--:"] * (len(head) - 2), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return PAGE.format(table=table)


if __name__ == "__main__":
    sys.exit(main())
