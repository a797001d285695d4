"""The scores that Spark's workers give are those of the command."""

import csv
import os
import sys

import numpy as np
import pytest

from pocketrnn import load, score_file
from pocketrnn.errors import ConfigError
from tinyonnx import tiny

pytest.importorskip("pyspark")
pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytestmark = pytest.mark.slow

LABELS = ("bad", "so so", "good.est")
MODEL = tiny(LABELS)


@pytest.fixture(scope="module")
def session():
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # it would take PATH's python3
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 100)
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def rows():
    texts = [f'good {"bad " * (i % 7)}film\n"quoted", naïve {i}' for i in range(1000)]
    return [(i, text if i % 10 else None, {"k": i}) for i, text in enumerate(texts)]


def scores_of_the_command(rows, tmp_path):
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for _, text, _ in rows if text)])
    score_file(source, output, model=MODEL, probabilities=True)
    with output.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_frames_are_scored_as_files_are(session, rows, tmp_path):
    from pocketrnn.spark import score_frame

    frame = session.createDataFrame(rows, "id long, `a.text` string, other map<string, int>")
    scored = score_frame(
        frame.repartition(3), "a.text", model=MODEL, probabilities=True, prefix="p_"
    )
    added = ["p_label", "p_score", *(f"p_probability_{label}" for label in LABELS)]
    assert scored.columns == ["id", "a.text", "other", *added]
    assert [field.dataType.typeName() for field in scored.schema][3:] == ["string"] + ["float"] * 4
    found = sorted(scored.collect())
    assert [tuple(row)[:3] for row in found] == rows
    assert all(tuple(row)[3:] == (None,) * 5 for row in found if row["a.text"] is None)
    wanted = scores_of_the_command(rows, tmp_path)
    present = [tuple(row)[3:] for row in found if row["a.text"] is not None]
    assert [label for label, *_ in present] == [row["label"] for row in wanted]
    np.testing.assert_allclose(
        np.array([numbers for _, *numbers in present], np.float32),
        np.array([list(row.values())[2:] for row in wanted], np.float32),
        atol=1e-6,
    )


def test_several_labels_a_text(session):
    from pocketrnn.spark import score_frame

    labels, texts = ("bad; sad", "so so", "good.est"), ["good film", "bad", "xyzzy", None]
    model = tiny(labels, threshold=(0.5, 0.4, 0.2))
    frame = session.createDataFrame(list(enumerate(texts)), "id long, text string")
    found = sorted(score_frame(frame, "text", model=model, label_separator="|").collect())
    predictions = load(model).predict(texts[:3])
    assert [row["labels"] for row in found] == ["so so|good.est", "bad; sad", None, None]
    for row, prediction in zip(found, predictions, strict=False):
        assert tuple(row)[3:] == pytest.approx(list(prediction.probabilities.values()), abs=1e-6)
    assert tuple(found[3])[2:] == (None,) * 4
    with pytest.raises(ConfigError, match="label_separator is for a model of several labels"):
        score_frame(frame, "text", model=MODEL, label_separator="|")


def test_a_column_in_sql(session, rows, tmp_path):
    from pocketrnn.spark import scorer

    frame = session.createDataFrame(rows, "id long, text string, other map<string, int>")
    session.udf.register("sentiment", scorer(MODEL))
    frame.createOrReplaceTempView("reviews")
    counts = session.sql(
        "SELECT sentiment(text).label AS label, count(*) AS n FROM reviews "
        "WHERE text IS NOT NULL GROUP BY 1"
    ).collect()
    labels = [row["label"] for row in scores_of_the_command(rows, tmp_path)]
    assert {row["label"]: row["n"] for row in counts} == {
        label: labels.count(label) for label in set(labels)
    }


def test_each_worker_process_loads_the_model_once(session, rows):
    from pocketrnn.spark import _loaded, scorer

    frame = session.createDataFrame(rows, "id long, text string, other map<string, int>")
    frame = frame.repartition(8)
    score = scorer(MODEL)
    for _ in range(3):
        frame.select(score("text")).collect()

    def loads(_):
        info = _loaded.cache_info()
        yield (info.misses, info.hits)

    counted = session.sparkContext.parallelize(range(2), 2).mapPartitions(loads).collect()
    assert max(misses for misses, _ in counted) <= 1


def test_columns_that_are_missing_or_taken(session):
    from pocketrnn.spark import score_frame

    frame = session.createDataFrame([("good", 1.0)], "text string, score double")
    with pytest.raises(ConfigError, match="no column 'review'; there are: text, score"):
        score_frame(frame, "review", model=MODEL)
    with pytest.raises(ConfigError, match="has a column 'score' already"):
        score_frame(frame, "text", model=MODEL)


def test_columns_are_found_as_spark_finds_them(session):
    from pocketrnn.spark import score_frame

    frame = session.createDataFrame([("good", 1)], "text string, Label long")
    with pytest.raises(ConfigError, match=r"has a column 'Label' already; .*prefix="):
        score_frame(frame, "TEXT", model=MODEL)
    scored = score_frame(frame, "TEXT", model=MODEL, prefix="p_")
    assert scored.columns == ["text", "Label", "p_label", "p_score"]
    assert scored.collect()[0]["p_label"] in LABELS
    session.conf.set("spark.sql.caseSensitive", "true")
    try:
        with pytest.raises(ConfigError, match="no column 'TEXT'; there are: text, Label"):
            score_frame(frame, "TEXT", model=MODEL)
        scored = score_frame(frame, "text", model=MODEL)
        assert scored.columns == ["text", "Label", "label", "score"]
        assert scored.collect()[0]["Label"] == 1
    finally:
        session.conf.unset("spark.sql.caseSensitive")


def test_columns_whose_names_spark_takes_for_one(session):
    from pocketrnn.spark import score_frame

    frame = session.createDataFrame(
        [("good", "bad", 1, 2)], "text string, Text string, a int, A int"
    )
    with pytest.raises(ConfigError, match="two columns 'text'; there are: text, Text, a, A"):
        score_frame(frame, "text", model=MODEL)
    frame = session.createDataFrame([("good", 1, 2)], "text string, a int, A int")
    scored = score_frame(frame, "text", model=MODEL)
    assert scored.columns == ["text", "a", "A", "label", "score"]
    assert tuple(scored.collect()[0])[:3] == ("good", 1, 2)
