"""Evaluation of a model on a table: every figure is that of the scores that the model gives."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn.classify import evaluating, figures
from pocketrnn.classify.labels import choose
from pocketrnn.classify.report import headline
from pocketrnn.errors import ConfigError, InputError
from tinyonnx import LABELS, WORDS

Row = dict[str, str]


def rows(count: int, labels: tuple[str, ...] = LABELS, seed: int = 0) -> list[Row]:
    random = np.random.default_rng(seed)
    return [
        {
            "text": " ".join(random.choice([*WORDS, "xyzzy"], random.integers(1, 15))),
            "label": str(random.choice(labels)),
            "country": str(random.choice(["de", "fr", ""])),
        }
        for _ in range(count)
    ]


def write(path: Path, table: list[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


@pytest.mark.parametrize("labels", [LABELS, ("a", "b", "c")])
@pytest.mark.parametrize("workers", [1, 2])
def test_figures_are_those_of_the_scores(tmp_path: Path, labels: Any, workers: int) -> None:
    table = rows(2500, labels)  # three blocks
    model = pocketrnn.load(tinyonnx.tiny(labels, threshold=0.6))
    path = write(tmp_path / "table.csv", table)
    found = pocketrnn.evaluate(path, model=model, by=["country"], workers=workers, precision=0.4)

    read = model.read([row["text"] for row in table])
    truth = np.array([labels.index(row["label"]) for row in table])
    chosen = choose(read.scores, model.config.threshold)
    right = chosen == truth
    matrix = figures.confusion_matrix(truth, chosen, len(labels))
    assert (found.model, found.texts, found.errors) == (model.sha256, 2500, 0)
    assert found.accuracy == pytest.approx(right.mean())
    assert found.interval == figures.wilson(int(right.sum()), 2500)
    assert found.confusion == matrix.tolist()
    assert found.baseline == np.bincount(truth).max() / 2500
    assert found.unknown == (read.known == 0).sum()
    assert found.known_words == pytest.approx(read.known.sum() / read.words.sum())
    assert found.log_loss == pytest.approx(figures.log_loss(read.scores, truth), abs=1e-6)
    reliability = figures.reliability(read.scores, truth)
    assert found.calibration_error == pytest.approx(reliability.error, abs=1e-6)
    assert sum(each.texts for each in found.reliability) == 2500
    for i, (label, each) in enumerate(found.labels.items()):
        curve = figures.curve(truth == i, read.scores[:, i])
        assert label == labels[i]
        assert (each.texts, each.chosen) == (matrix[i].sum(), matrix[:, i].sum())
        assert each.recall == pytest.approx(matrix[i, i] / matrix[i].sum())
        assert each.roc_auc == pytest.approx(figures.roc_auc(curve), abs=1e-3)
        assert each.average_precision == pytest.approx(figures.average_precision(curve), abs=1e-3)
        if each.wanted:
            over = read.scores[:, i] > np.float32(each.wanted.threshold)
            assert each.wanted.precision == pytest.approx((truth == i)[over].mean(), abs=5e-3)
            assert each.wanted.precision >= 0.4

    assert [sum(g.texts for g in found.lengths), sum(map(sum, found.histogram.values()))] == [
        2500,
        2500,
    ]
    for name, group in {group.name: group for group in found.slices["country"]}.items():
        inside = np.array([row["country"] == name for row in table])
        assert (group.texts, group.accuracy) == (inside.sum(), pytest.approx(right[inside].mean()))
    assert found.slices["country"] == sorted(found.slices["country"], key=lambda g: g.high)

    own = read.scores[np.arange(2500), truth]
    wrong: dict[str, float] = {}
    for i in np.flatnonzero(~right)[np.argsort(own[~right])].tolist():
        wrong.setdefault(table[i]["text"], float(own[i]))
    worst = sorted(wrong.values())[:10]
    assert [e.probability for e in found.worst] == pytest.approx(worst, abs=1e-6)
    for example in (*found.worst, *found.least_sure):
        file, line = example.place.split(", line ")
        row = table[int(line) - 2]
        assert (file, example.text, example.label) == (str(path), row["text"], row["label"])
    assert json.loads(json.dumps(found.to_dict()))["accuracy"] == found.accuracy


def test_of_equal_texts_one_is_shown(tmp_path: Path) -> None:
    table = [{**row, "text": row["text"] + f" {i % 3}"} for i, row in enumerate(rows(6) * 500)]
    path = write(tmp_path / "table.csv", table)
    found = pocketrnn.evaluate(path, model=tinyonnx.tiny(LABELS))
    for kept in (found.worst, found.least_sure):
        texts = [example.text for example in kept]
        assert len(texts) == len(set(texts)) > 2
    assert len(found.least_sure) == len({row["text"] for row in table})
    places = [int(example.place.rsplit(" ", 1)[1]) for example in found.least_sure]
    assert max(places) <= 7


@pytest.mark.parametrize("labels", [LABELS, ("a", "b", "c")])
def test_weights(tmp_path: Path, labels: Any) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(1)
    table = rows(400, labels)
    given = random.choice([0, 0.5, 1, 3], len(table))
    weighted = [row | {"w": str(w)} for row, w in zip(table, given, strict=True)]
    path = write(tmp_path / "table.csv", weighted)
    model = pocketrnn.load(tinyonnx.tiny(labels))
    options: Any = {"model": model, "by": ["country"], "text_column": "text"}
    found = pocketrnn.evaluate(path, weight_column="w", **options)

    read = model.read([row["text"] for row in table])
    truth = np.array([labels.index(row["label"]) for row in table])
    chosen = choose(read.scores, model.config.threshold)
    assert found.texts == (given > 0).sum()
    accuracy = metrics.accuracy_score(truth, chosen, sample_weight=given)
    assert found.accuracy == pytest.approx(accuracy, abs=1e-9)
    matrix = metrics.confusion_matrix(truth, chosen, sample_weight=given)
    np.testing.assert_allclose(found.confusion, matrix, atol=1e-9)
    for i, each in enumerate(found.labels.values()):
        assert each.texts == pytest.approx(matrix[i].sum())
        auc = metrics.roc_auc_score(truth == i, read.scores[:, i], sample_weight=given)
        assert each.roc_auc == pytest.approx(auc, abs=1e-3)  # scores differ in their last bits
    groups = {group.name: group.texts for group in found.slices["country"]}
    for name, texts in groups.items():
        inside = np.array([row["country"] == name for row in table])
        assert texts == pytest.approx(given[inside].sum())
    assert sum(map(sum, found.histogram.values())) == pytest.approx(given.sum())
    assert json.loads(json.dumps(found.to_dict()))["known_words"] == pytest.approx(
        (read.known * given).sum() / (read.words * given).sum()
    )
    # Weights that are all the same say nothing: the interval doesn't shrink with them.
    same = write(tmp_path / "same.csv", [row | {"w": "5"} for row in table])
    alike = pocketrnn.evaluate(same, weight_column="w", **options)
    plain = pocketrnn.evaluate(same, **options)
    assert alike.interval == pytest.approx(plain.interval, abs=1e-12)


@pytest.mark.parametrize("weight", ["-1", "nan", "inf", "1e200", "1e-200", "much", ""])
def test_a_weight_that_is_none(tmp_path: Path, weight: str) -> None:
    table = [{"text": "good", "label": "positive", "w": w} for w in ("1", weight)]
    path = write(tmp_path / "table.csv", table)
    options: Any = {"model": tinyonnx.tiny(), "text_column": "text", "weight_column": "w"}
    with pytest.raises(
        InputError, match=r"line 3: weight '.*'; it must be 0, or from 1e-100 to 1e100"
    ):
        pocketrnn.evaluate(path, **options)
    assert pocketrnn.evaluate(path, on_error="skip", **options).errors == 1
    nothing = write(tmp_path / "zero.csv", [row | {"w": "0"} for row in table])
    with pytest.raises(InputError, match=r"no row has a text and a label .* and counts"):
        pocketrnn.evaluate(nothing, **options)


def test_columns_and_labels_of_json(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text('{"text": "good", "label": true}\n{"text": "...", "label": false}\n')
    with pytest.raises(InputError, match="line 1: label 'true'; the model has"):
        pocketrnn.evaluate(path, model=tinyonnx.tiny())
    for yes, no in (("true", "false"), (True, False)):
        new = {yes: LABELS[1], no: LABELS[0]}
        found = pocketrnn.evaluate(path, model=tinyonnx.tiny(), rename=new)  # type: ignore[arg-type]
    assert found.texts == 2
    assert [group.name for group in found.lengths] == ["none", "1–10"]
    with pytest.raises(ConfigError, match="no row has 'contry', to group the texts by"):
        pocketrnn.evaluate(path, model=tinyonnx.tiny(), rename=new, by=["contry"])  # type: ignore[arg-type]


def test_two_models(tmp_path: Path) -> None:
    table = rows(300)
    first = pocketrnn.load(tinyonnx.tiny())
    second = pocketrnn.load(tinyonnx.tiny(threshold=0.9, truncating="post"))
    path = write(tmp_path / "table.csv", table)
    found = pocketrnn.evaluate(path, model=first, against=second)
    comparison = found.comparison
    assert comparison is not None
    alone = pocketrnn.evaluate(path, model=first)
    assert vars(found) | {"comparison": None} == vars(alone)
    assert comparison.other == pocketrnn.evaluate(path, model=second)
    texts, true = ([r[name] for r in table] for name in ("text", "label"))
    answers = [choose(m.scores(texts), m.config.threshold) for m in (first, second)]
    a, b = (np.array(first.labels)[answer] == true for answer in answers)
    assert (comparison.only_first, comparison.only_second) == ((a & ~b).sum(), (b & ~a).sum())
    assert comparison.p_value == figures.mcnemar(comparison.only_first, comparison.only_second)
    weighted = write(tmp_path / "weights.csv", [row | {"w": "2"} for row in table])
    heavy = pocketrnn.evaluate(weighted, model=first, against=second, weight_column="w").comparison
    assert heavy is not None  # the test knows no weights
    assert (heavy.only_first, heavy.p_value) == (comparison.only_first, None)
    differing = {r["text"] for r, x, y in zip(table, *answers, strict=True) if x != y}
    assert len(comparison.changed) == min(10, sum(x != y for x, y in zip(*answers, strict=True)))
    assert {example.text for example in comparison.changed} <= differing


def test_one_class_only_and_a_class_that_is_missing(tmp_path: Path) -> None:
    table = [{"text": "good film", "label": "b"}] * 3
    path = write(tmp_path / "table.csv", table)
    found = pocketrnn.evaluate(path, model=tinyonnx.tiny(("a", "b", "c")))
    assert found.baseline == 1
    assert [each.texts for each in found.labels.values()] == [0, 3, 0]
    assert [each.roc_auc for each in found.labels.values()] == [None] * 3
    assert [each.average_precision for each in found.labels.values()] == [None, 1, None]


def test_rename_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    lines = [{"text": "good", "label": 1}, {"text": "bad", "label": 0.0}]
    path.write_text("\n".join(map(json.dumps, lines)))
    rename = {"1": "positive", "0": "negative"}
    assert pocketrnn.evaluate(path, model=tinyonnx.tiny(), rename=rename).accuracy == 1


BAD = [
    {"text": "good", "label": "positive"},
    {"text": "bad", "label": "neutral"},
    {"text": " ", "label": "positive"},
    {"text": "bad", "label": ""},
]


def test_rows_in_error(tmp_path: Path) -> None:
    path = write(tmp_path / "table.csv", BAD)
    with pytest.raises(InputError, match=r"table.csv, line 3: label 'neutral'; the model has 'neg"):
        pocketrnn.evaluate(path, model=tinyonnx.tiny())
    found = pocketrnn.evaluate(path, model=tinyonnx.tiny(), on_error="skip")
    assert (found.texts, found.errors, found.accuracy) == (1, 3, 1)
    assert found.reasons == {"label 'neutral'": 1, "no text": 1, "label ''": 1}
    assert ("1", "for this reason: no text") in headline(found)
    assert ("1", "texts, of the column 'text'; labels of 'label'") in headline(found)
    lacking = r"no row has a text and a label .* \(most often: no text\)"
    with pytest.raises(InputError, match=lacking):
        pocketrnn.evaluate(write(path, BAD[1:]), model=tinyonnx.tiny(), on_error="skip")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_column": "class"}, "no column called 'class'; there are: 'text', 'label', 'c"),
        ({"text_column": "label"}, "which column holds the label"),
        ({"by": ["land"]}, "no column called 'land'"),
        ({"rename": {"pos": "good"}}, "no label 'good'; it has 'negative', 'positive'"),
        (
            {"text_column": "label", "label_column": "label"},
            "'label' can't be both the text and the label",
        ),
        ({"on_error": "null"}, "on_error must be fail or skip"),
        ({"precision": 0.9, "recall": 0.9}, "not for both"),
        ({"recall": 2.0}, "recall must be over 0"),
        ({"against": tinyonnx.tiny(("a", "b"))}, "the same labels"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "table.csv", rows(3))
    with pytest.raises(ConfigError, match=message):
        pocketrnn.evaluate(path, model=tinyonnx.tiny(), **options)


def test_plain_text_has_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("good\n")
    with pytest.raises(ConfigError, match="which column holds the label"):
        pocketrnn.evaluate(path, model=tinyonnx.tiny())


def test_a_column_that_json_rows_lack_is_a_group_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    row = '{"text": "good", "label": "positive"'
    path.write_text(f'{row}}}\n{row}, "country": null}}\n')
    found = pocketrnn.evaluate(path, model=tinyonnx.tiny(), by=["country"])
    assert [(g.name, g.texts) for g in found.slices["country"]] == [("", 2)]


def test_lengths_are_named_by_their_words(tmp_path: Path) -> None:
    table = [{"text": "good " * n, "label": "positive"} for n in (1, 10, 11, 500, 501)]
    model = tinyonnx.tiny(maxlen=600)
    found = pocketrnn.evaluate(write(tmp_path / "table.csv", table), model=model)
    assert [(g.name, g.texts) for g in found.lengths] == [
        ("1–10", 2),
        ("11–20", 1),
        ("201–500", 1),
        ("over 500", 1),
    ]
    assert evaluating.Example is type(found.least_sure[0])
