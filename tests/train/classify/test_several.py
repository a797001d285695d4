"""Training on texts of several labels each, or none."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn import Classifier, ClassifierConfig, Tokenizer
from pocketrnn.classify import file
from pocketrnn.errors import ConfigError, InputError
from pocketrnn.modelfile import fold
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn_train import RECIPES, Corpus, PocketClassifier, Run, TrainConfig, fit, read_corpus
from pocketrnn_train.classify import calibration, comparison, starting
from pocketrnn_train.classify.batches import balanced
from pocketrnn_train.classify.linear import Linear, teachers
from pocketrnn_train.classify.teacher import blend
from pocketrnn_train.config import Distillation, MadeUp
from pocketrnn_train.corpora.splits import folds, split
from pocketrnn_train.network import build

SHARES = {"fog": 0.1, "rain": 0.5, "wind": 0.4}


def table(rows: int = 120) -> tuple[list[str], list[str]]:
    """Texts of filler words, and a word for each label."""
    draw, texts, labels = random.Random(1), [], []
    for _ in range(rows):
        own = [label for label, share in SHARES.items() if draw.random() < share]
        words = [*draw.choices(["on", "a", "day", "in", "may"], k=4), *(f"{x}y" for x in own)]
        draw.shuffle(words)
        texts.append(" ".join(words))
        labels.append(";".join(own))
    return texts, labels


TEXTS, LABELS = table()
COPIED = [*TEXTS, *TEXTS[:9]], [*LABELS, *LABELS[:9]]
CORPUS = Corpus.of(*COPIED, label_separator=";")


# -- corpora -----------------------------------------------------------------------------------


def test_a_corpus_has_a_matrix() -> None:
    assert CORPUS.labels == tuple(SHARES)
    assert CORPUS.multi_label
    own = dict(zip(TEXTS, LABELS, strict=True))
    for examples in (CORPUS.train, CORPUS.test):
        for text, row in zip(examples.texts, examples.labels, strict=True):
            assert [label for label, has in zip(SHARES, row, strict=True) if has] == [
                label for label in own[text].split(";") if label
            ]
    lists = [label.split(";") if label else [] for label in COPIED[1]]
    assert Corpus.of(COPIED[0], lists, label_separator=";").digest() == CORPUS.digest()


def test_tables(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "table.jsonl"
    cells = [*LABELS[:60], ["rain", "fog"], [], None]
    rows = zip([*TEXTS[:60], "listed", "empty", "null"], cells, strict=True)
    path.write_text("\n".join(json.dumps({"text": text, "label": own}) for text, own in rows))
    test = tmp_path / "test.csv"
    test.write_text(f"text,label\nsome rainy fogy text,fog;rain\nnothing,\n{TEXTS[0]},wind\n")
    corpus = read_corpus(path, label_separator=";", test=test, unlabelled=True)
    assert corpus.test.labels.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert TEXTS[0] not in corpus.train.texts
    assert corpus.unlabelled == ("null",)
    assert corpus.train.labels[corpus.train.texts.index("listed")].tolist() == [1, 1, 0]
    assert corpus.train.labels[corpus.train.texts.index("empty")].tolist() == [0, 0, 0]
    assert "with none of the labels" in caplog.text
    assert (
        "1 row without a label: used only by a recipe with a teacher; if they have" in caplog.text
    )
    test.write_text("text,label\nx,hail\n")
    with pytest.raises(InputError, match="no training text has the label 'hail'"):
        read_corpus(path, label_separator=";", test=test)
    for options in ({"probability_columns": ["p"]}, {"positive_label": "rain"}):
        with pytest.raises(ConfigError):
            read_corpus(path, label_separator=";", **options)


def test_columns_of_0_and_1_are_refused() -> None:
    rows = [[i % 2, 1 - i % 2] for i in range(20)]
    with pytest.raises(InputError, match="labels are 0 and 1; expected names of labels"):
        Corpus.of(TEXTS[:20], rows, label_separator=";")


@pytest.mark.parametrize(("label", "only"), [("rain", "only 'rain'"), ("", "none")])
def test_one_label_or_none_is_refused(label: str, only: str) -> None:
    with pytest.raises(InputError, match=f"needs two labels or more; there is {only}$"):
        Corpus.of(["a", "b"], [label, ""], label_separator=";")


def test_a_label_of_too_few_texts_is_refused() -> None:
    with pytest.raises(InputError, match=r"texts of their own: 'hail' \(1\); at least"):
        Corpus.of([*TEXTS, "once"], [*LABELS, "hail;rain"], label_separator=";")


def test_each_label_is_on_either_side_and_copies_on_one() -> None:
    labels, groups = CORPUS.train.labels, CORPUS.groups()
    assert len(np.unique(groups)) < len(groups)
    kept, drawn = split(labels, groups, 0.2, 1)
    assert labels[kept].any(axis=0).all()
    assert labels[drawn].any(axis=0).all()
    assert not set(groups[kept]) & set(groups[drawn])
    fold_of = folds(labels, groups, 3)
    assert all(labels[fold_of == number].any(axis=0).all() for number in range(3))


def test_the_estimator_refuses_them() -> None:
    with pytest.raises(InputError, match="PocketClassifier learns one label a text"):
        PocketClassifier().fit(TEXTS, [label.split(";") for label in LABELS])


# -- teachers and calibration ------------------------------------------------------------------


def test_teachers_tell_each_label_by_itself() -> None:
    tokenizer, labels = Tokenizer(TrainConfig().task.text, []), CORPUS.train.labels
    found, matrix = teachers(
        tokenizer,
        CORPUS.train.texts,
        labels,
        CORPUS.groups(),
        classes=3,
        count=3,
        seed=1,
        few=True,
        settings=(1.0, False),
    )
    assert ((found.of_train > 0.5) == labels).mean() > 0.95
    assert found.of_train.sum(axis=1).max() > 1.5
    sure = np.tile([0, 1], (len(labels), 1))  # a label that no text has, and one that all have
    assert Linear(matrix, sure, 2, (1.0, False), 1).margins(matrix[:2]).tolist() == [[-1, 1]] * 2


def test_a_blend_of_sigmoids() -> None:
    labels = np.tile([[0, 1], [1, 1], [0, 0]], (40, 1))
    margins = (2.0 * labels - 1)[None]
    chances = blend(margins, labels, [1.0]).probabilities(margins)
    assert ((chances > 0.5) == labels).all()


def test_calibration_of_each_label() -> None:
    draw = np.random.default_rng(3)
    truth = draw.random((4000, 2)) * [1.0, 0.2]
    labels = (draw.random(truth.shape) < truth).astype(np.int64)
    logits = 3 * np.log(truth / (1 - truth))  # three times too sure
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    temperature = calibration.temperature(scores, labels)
    assert temperature == pytest.approx(3, rel=0.1)
    scores = calibration.scaled(scores, temperature, multi_label=True)
    np.testing.assert_allclose(scores, truth, atol=0.05)
    common, rare = calibration.thresholds(scores, labels, seed=1)
    assert common == 0.5
    assert rare < 0.3


def test_class_weights() -> None:
    targets = np.array([[1, 0], [0, 0], [0, 0], [0, 1]], np.float32)
    weights = balanced(targets, multi_label=True)
    np.testing.assert_allclose(weights, [4 / 3, 2 / 3, 2 / 3, 4 / 3], rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.5, (0.5, 0.5, 0.5)])
def test_a_head_is_taken_if_it_tells_the_same_in_the_same_way(threshold: Any) -> None:
    network = NetworkConfig(embedding=3, units=3, mask=True)
    first = Classifier.load(tinyonnx.tiny(CORPUS.labels, threshold=threshold, network=network))
    config = RECIPES["default"].with_settings(multi_label=True)
    assert (starting.follow(config, first, CORPUS.labels).task.distillation is None) == (
        threshold != 0.5
    )
    model = build(network, num_words=first.config.text.num_words, classes=3, multi_label=True)
    starting.start(model, network, first, CORPUS.labels, multi_label=True)
    same = np.array_equal(model.get_weights()[-2], first.weights["head.kernel"])
    assert same == (threshold != 0.5)


def test_comparison_counts_wrong_labels() -> None:
    labels = np.tile([[0, 1, 1], [1, 0, 0]], (100, 1))
    near, none = labels.copy(), np.zeros_like(labels)
    near[::2, 0] = 1
    found = comparison.compare(labels, {"network": near, "tfidf": labels, "commonest": none}, 200)
    assert found["network"]["accuracy"] == 0.5
    assert found["network"]["micro_f1"] == pytest.approx(6 / 7)
    assert found["commonest"]["micro_f1"] == 0
    assert "clearly under TF-IDF" in found["concerns"][0]
    assert "micro F1, macro F1" in comparison.lines(found)[0]


# -- whole runs --------------------------------------------------------------------------------

SETTINGS = {"embedding": 16, "units": 16, "learning_rate": 0.04, "epochs": 5, "batch_size": 4}


def served(run: Run) -> pocketrnn.Classifier:
    """Return the model as the export makes it, but for the proof."""
    network = run.config.network
    threshold = tuple(run.report["threshold"])
    config = ClassifierConfig(run.tokenizer.config, run.labels, threshold, network)
    graph = fold.to_bytes(run.model(), config)
    return pocketrnn.Classifier.load(file.to_bytes(config, run.tokenizer, graph, {}))


def test_a_run(tmp_path: Path) -> None:
    config = (
        TrainConfig()
        .with_settings(
            maxlen=8, mask=True, pooling="sqrtn_max", optimizer="adam", calibrate=True, **SETTINGS
        )
        .with_settings(class_weights="balanced")
    )
    run = fit(config, CORPUS, tmp_path / "run")
    report = run.report
    assert report["test"]["accuracy"] > 0.85
    assert report["test"]["micro_f1"] > 0.9
    assert report["test"]["labels"]["texts"] == CORPUS.test.labels.sum(axis=0).tolist()
    assert len(report["threshold"]) == 3
    assert "unsure" not in report
    assert set(run.history()[0]) >= {"accuracy", "val_accuracy", "loss", "val_loss"}
    assert "(macro)" in (run.folder / "report.html").read_text("utf-8")
    model = served(run)
    assert model.predict("in may windy a rainy day").labels == ("rain", "wind")
    assert model.predict("a day in may").labels == ()


@pytest.mark.slow
@pytest.mark.parametrize("made_up", [MadeUp(texts=600, epochs=2), None])
def test_a_run_with_a_teacher(made_up: MadeUp | None, tmp_path: Path) -> None:
    config = RECIPES["default"].with_settings(
        distillation=Distillation(folds=2, made_up=made_up), adapted=(), refit=False, **SETTINGS
    )
    report = fit(config, CORPUS, tmp_path / "run").report
    assert report["comparison"]["teacher"]["micro_f1"] > 0.9
    assert report["test"]["micro_f1"] > 0.9
