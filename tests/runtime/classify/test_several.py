"""Models of several labels a text: each label has a probability and a threshold of its own."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pocketrnn
import tinyonnx
from pocketrnn.classify import figures
from pocketrnn.classify.labels import choose
from pocketrnn.classify.page import evaluation_page
from pocketrnn.cli import main
from pocketrnn.errors import ConfigError, CorruptModelError

metrics = pytest.importorskip("sklearn.metrics")

LABELS, THRESHOLDS = ("a", "b", "c"), (0.5, 0.4, 0.2)
SEVERAL = tinyonnx.tiny(LABELS, threshold=THRESHOLDS)
# The labels that the model gives to each, None where it knows no word.
TEXTS = {"good film": ("b", "c"), "bad": ("a",), "the film": ("a", "b"), "xyzzy": None}
TRUE = {"good film": "c", "bad": "", "the film": "b;a", "xyzzy": "a"}


@pytest.fixture
def model() -> pocketrnn.Classifier:
    return pocketrnn.Classifier.load(SEVERAL)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("text,tags\n" + "".join(f"{text},{tags}\n" for text, tags in TRUE.items()))
    return path


def test_each_label_over_its_threshold_is_given(model: pocketrnn.Classifier) -> None:
    for prediction, (text, labels) in zip(model.predict(list(TEXTS)), TEXTS.items(), strict=True):
        assert prediction.labels == model.predict(text).labels == (labels or ())
        over = dict(zip(LABELS, THRESHOLDS, strict=True))
        among = labels or LABELS
        shown = max(among, key=lambda label: prediction.probabilities[label])
        assert prediction.label == (shown if labels else None)
        assert prediction.score == prediction.probabilities[shown]
        assert prediction.threshold == pytest.approx(over[shown])
    assert model.explain("xyzzy").label is None
    assert "'b', 'c' 0.6650 (needs 0.4000)" in repr(model.predict("good film"))
    assert model.predict("good film", labels=["a", "c"]).labels == ("c",)
    assert model.predict("good film", labels=["a"]).labels == ()
    assert model.explain("good film", label="c").label == "c"


def test_two_labels_may_both_be_given_or_none() -> None:
    for threshold, labels in ((0.0, ("negative", "positive")), (1.0, ())):
        model = pocketrnn.load(tinyonnx.tiny(threshold=(threshold, threshold)))
        assert abs(model.scores("film").sum() - 1) > 0.01
        assert model.predict("good").labels == labels
        assert model.predict(["good", "bad"])[0].labels == labels


def test_one_label_is_the_only_one() -> None:
    model = pocketrnn.load(tinyonnx.tiny(LABELS))
    assert [p.labels for p in model.predict(["good", "xyzzy"])] == [("c",), ()]


def test_what_a_file_may_say() -> None:
    graph = tinyonnx.graph(settings := tinyonnx.config(LABELS, threshold=THRESHOLDS))
    metadata = tinyonnx.metadata(graph, settings)
    stored = json.loads(metadata["pocketrnn.config"])
    for threshold in ([0.5, 0.5], [0.5, 0.5, 1.5], [], [0.5, "0.5", 0.5], [[0.5], 0.5, 0.5], 0.5):
        data = tinyonnx.resealed(
            graph, metadata, config=json.dumps(stored | {"threshold": threshold})
        )
        with pytest.raises((CorruptModelError, pocketrnn.errors.GraphError)):
            pocketrnn.load(data)
    whole = tinyonnx.resealed(
        graph, metadata, config=json.dumps(stored | {"threshold": [0, 1, 0.2]})
    )
    assert pocketrnn.load(whole).config.threshold == (0.0, 1.0, 0.2)


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_files(extension: str, table: Path, tmp_path: Path, model: pocketrnn.Classifier) -> None:
    output = tmp_path / f"out.{extension}"
    done = pocketrnn.score_file(table, output, model=model, known=True, label_separator="|")
    assert done.labels == {"a": 2, "b": 2, "c": 1}
    assert done.without_label == 1
    with output.open() as file:
        rows = list(csv.DictReader(file)) if extension == "csv" else list(map(json.loads, file))
    names = ["labels", *(f"probability_{label}" for label in LABELS), "words", "known"]
    assert list(rows[0]) == ["text", "tags", *names]
    scored = list(pocketrnn.score_rows(table, model=model))
    unknown = "" if extension == "csv" else None
    for row, one, prediction in zip(rows, scored, model.predict(list(TEXTS)), strict=True):
        joined = "|".join(prediction.labels) if prediction.known else unknown
        assert row["labels"] == joined
        assert np.float32(row["probability_c"]) == prediction.probabilities["c"]
        for name in ("label", "labels", "score", "threshold", "probabilities"):
            assert getattr(one, name) == getattr(prediction, name)


def test_evaluate(table: Path, model: pocketrnn.Classifier) -> None:
    options: dict[str, Any] = {"label_column": "tags", "label_separator": ";"}
    found = pocketrnn.evaluate(table, model=model, against=model, **options)
    true = np.array([[label in tags.split(";") for label in LABELS] for tags in TRUE.values()], int)
    scores = model.scores(list(TRUE))
    given = [prediction.labels for prediction in model.predict(list(TRUE))]
    chosen = np.array([[label in labels for label in LABELS] for labels in given], int)
    assert choose(scores, THRESHOLDS)[-1].any()  # its score alone would give the last text labels
    assert found.accuracy == metrics.accuracy_score(true, chosen)
    assert found.micro_f1 == pytest.approx(metrics.f1_score(true, chosen, average="micro"))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(true, chosen, average="macro"))
    each = [
        [getattr(label, name) for label in found.labels.values()]
        for name in ("precision", "recall", "f1", "texts")
    ]
    np.testing.assert_allclose(each, metrics.precision_recall_fscore_support(true, chosen))
    aucs = [label.roc_auc for label in found.labels.values()]
    assert np.mean(aucs) == pytest.approx(metrics.roc_auc_score(true, scores, average="macro"))
    assert found.baseline == 0.25
    assert (found.confusion, found.unsure, found.threshold) == ([], [], None)
    assert sum(map(sum, found.histogram.values())) == true.size
    assert ("none", "a") in {(example.label, example.chosen) for example in found.worst}
    wanted = pocketrnn.evaluate(table, model=model, recall=0.9, **options).labels
    for i, label in enumerate(LABELS):  # a text without a known word gets none, at any threshold
        of = wanted[label].wanted
        has, knows = true[:, i] == 1, np.array([one.known > 0 for one in model.predict(list(TRUE))])
        if of is not None:
            assert of.recall == pytest.approx(((scores[:, i] > of.threshold) & knows)[has].mean())
    page = evaluation_page(found, model)
    assert "mean F1 of the labels (macro)" in page
    assert "(coloured: why " in page


def test_rows_may_have_labels_with_any_character(table: Path) -> None:
    model = pocketrnn.Classifier.load(tinyonnx.tiny(("a\nb", "b;", "c"), threshold=THRESHOLDS))
    rows = list(pocketrnn.score_rows(table, model=model))
    assert [row.labels for row in rows] == [("b;", "c"), ("a\nb",), ("a\nb", "b;"), ()]


def test_the_worst_of_many_labels_come_first(tmp_path: Path) -> None:
    labels = tuple(f"l{i}" for i in range(300))
    model = pocketrnn.Classifier.load(tinyonnx.tiny(labels, threshold=(0.0,) * 300))
    table = tmp_path / "many.csv"
    table.write_text("text,label\n" + "".join(f"{text},l1\n" for text in TEXTS))
    found = pocketrnn.evaluate(table, model=model, label_separator=";")
    shares = [example.probability for example in found.worst]
    assert 0 < shares[0] < shares[1] < shares[-1] < 1e-45


def test_curves_of_two_labels_are_those_of_both(tmp_path: Path) -> None:
    table = tmp_path / "two.csv"
    table.write_text("text,label\ngood,positive\nbad,negative\nthe film,negative;positive\n")
    two = pocketrnn.Classifier.load(tinyonnx.tiny(threshold=(0.5, 0.5)))
    found = pocketrnn.evaluate(table, model=two, against=two, label_separator=";")
    page = evaluation_page(found, two)
    assert "ROC: recall" in page
    assert "</b> (first model)" in page


def test_commands(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "several.onnx"
    path.write_bytes(SEVERAL)
    assert main(["predict", "--model", str(path), *TEXTS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["b, c", "a", "a, b", "unknown"]
    high = tmp_path / "high.onnx"
    high.write_bytes(tinyonnx.tiny(LABELS, threshold=(1.0, 1.0, 1.0)))
    assert main(["predict", "--model", str(high), "good"]) == 0
    assert capsys.readouterr().out.startswith("none ")
    assert main(["score", str(table), "--model", str(path), "-o", "-"]) == 0
    assert ": a 2, b 2, c 1, no label 1; 0 in error" in capsys.readouterr().err
    evaluate = ["evaluate", str(table), "--model", str(path), "--label-column", "tags"]
    assert main([*evaluate, "--label-separator", ";"]) == 0
    assert "right in all labels of a text (95 % interval" in capsys.readouterr().out
    assert main(evaluate) == 2
    assert "say --label-separator" in capsys.readouterr().err


def test_what_is_refused(table: Path, tmp_path: Path, model: pocketrnn.Classifier) -> None:
    one, output = tinyonnx.tiny(LABELS), tmp_path / "out.csv"
    with pytest.raises(ConfigError, match="unsure is for models of one label a text"):
        model.predict("good", unsure=(0.4, 0.6))
    for options, reason in (
        ({"explain": 1}, "explain is for models of one label"),
        ({"unsure": (0.4, 0.6)}, "unsure is for models of one label"),
        ({"label_separator": ""}, "must not be empty"),
        ({"label_separator": "a"}, "has 'a' in it"),
        ({"label_separator": ";", "model": one}, "this one gives one"),
    ):
        with pytest.raises(ConfigError, match=reason):
            pocketrnn.score_file(table, output, **{"model": model, **options})
    evaluate: dict[str, Any] = {"label_column": "tags", "label_separator": ";"}
    with pytest.raises(ConfigError, match="for a model of several labels a text"):
        pocketrnn.evaluate(table, model=one, **evaluate)
    with pytest.raises(ConfigError, match="don't have the same labels"):
        pocketrnn.evaluate(table, model=model, against=one, **evaluate)
    table.write_text("text,tags\ngood,a;d\n")
    with pytest.raises(pocketrnn.errors.InputError, match="'a;d'; the model has"):
        pocketrnn.evaluate(table, model=model, **evaluate)
    lists = tmp_path / "lists.jsonl"
    lists.write_text('{"text": "good", "tags": ["a", "b"]}\n')
    assert pocketrnn.evaluate(lists, model=model, **evaluate).texts == 1
    assert pocketrnn.evaluate(lists, model=model).texts == 1  # "tags" is a usual name
    with pytest.raises(pocketrnn.errors.InputError, match="the model has"):
        pocketrnn.evaluate(lists, model=one, label_column="tags")


@settings(max_examples=20)
@given(st.integers(0, 1 << 30))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    texts, labels = draw.integers(1, 30), draw.integers(2, 6)
    true = (draw.random((texts, labels)) < draw.random()).astype(np.int64)
    scores = draw.integers(1, 8, (texts, labels)).astype(np.float32) / 8
    chosen = choose(scores, (0.5,) * labels)
    for weights in (None, draw.random(texts)):
        found, weighted = figures.several(true, chosen, weights), {"sample_weight": weights}
        scored = metrics.precision_recall_fscore_support(true, chosen, zero_division=0, **weighted)
        np.testing.assert_allclose(found.rates, scored[:3], atol=1e-9)
        occurs = np.flatnonzero((true + chosen).any(axis=0))
        for average, value in (("micro", found.micro_f1), ("macro", found.macro_f1)):
            options = {"average": average, "zero_division": 0, **weighted}
            expected = (
                metrics.f1_score(true[:, occurs], chosen[:, occurs], **options)
                if len(occurs)
                else 0.0
            )
            assert value == pytest.approx(expected, abs=1e-9)
        of_labels = [
            metrics.log_loss(true[:, i], scores[:, i].astype(float), labels=[0, 1], **weighted)
            for i in range(labels)
        ]
        assert figures.log_loss(scores, true, weights) == pytest.approx(np.mean(of_labels))
