"""Score a column of a Spark DataFrame: the same model, on as many machines as Spark has.

The model's bytes travel with the job, and each Python worker process loads them once. Workers
need `pocketrnn[spark]` installed; they read no file and open no connection of their own.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .classify.model import Classifier
from .classify.scoring import ModelSource, Scoring, classifier
from .errors import ConfigError
from .extras import require
from .tables.writing import taken_error


def scorer(
    model: ModelSource = None, *, probabilities: bool = False, label_separator: str | None = None
) -> Any:
    """Return a pandas UDF from a column of text to a struct of `label` and `score`.

    `model` is what `pocketrnn.load` takes; it is read here, on the driver. `probabilities` adds
    `probability_LABEL` for each label to the struct; a model of several labels a text gives
    `labels`, joined by `label_separator` (";"), and these. A text that is null or blank gets a null
    label and nulls.
    Raises MissingExtraError, or a ModelFileError.
    """
    require("spark", "pyspark", "pandas", "pyarrow")
    import numpy as np
    import pandas as pd
    from pyspark.sql.functions import pandas_udf
    from pyspark.sql.types import FloatType, StringType, StructField, StructType

    read = classifier(model)
    data = read.data
    columns = Scoring(read, probabilities, label_separator=label_separator).columns
    kinds = {"text": StringType(), "float": FloatType()}
    struct = StructType([StructField(column.name, kinds[column.kind]) for column in columns])

    # Spark tells the kind of UDF by these annotations.
    def score(series: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        scoring = Scoring(_loaded(data), probabilities, label_separator=label_separator)
        for texts in series:
            present = np.array([isinstance(t, str) and bool(t.strip()) for t in texts], bool)
            frame = {}
            for column, values in zip(columns, scoring(texts[present].tolist()), strict=True):
                # Nullable floats, so that what is missing is null and not NaN.
                dtype = "Float32" if column.kind == "float" else object
                frame[column.name] = pd.Series([None] * len(texts), dtype=dtype)
                frame[column.name][present] = values
            yield pd.DataFrame(frame)

    return pandas_udf(score, struct)


def score_frame(
    frame: Any,
    text_column: str,
    *,
    model: ModelSource = None,
    probabilities: bool = False,
    prefix: str = "",
    label_separator: str | None = None,
) -> Any:
    """Return `frame` with the columns that `pocketrnn score` adds, the others unchanged.

    The arguments are those of `pocketrnn.score_file`; a text that is null or blank
    gets a null label and score. Names of columns are compared as Spark does: without regard to
    case, unless `spark.sql.caseSensitive` is set.
    Raises ConfigError for a column that is missing, or there already or twice, and what `scorer`
    raises.
    """
    read = classifier(model)
    score = scorer(read, probabilities=probabilities, label_separator=label_separator)
    scoring = Scoring(read, probabilities, prefix, label_separator=label_separator)
    added = [column.name for column in scoring.columns]
    is_exact = frame.sparkSession.conf.get("spark.sql.caseSensitive") == "true"
    folded = str if is_exact else str.lower  # Spark's Java lower-cases names, too
    there = [folded(name) for name in frame.columns]
    if (count := there.count(folded(text_column))) != 1:
        found = "two columns" if count else "no column"
        raise ConfigError(f"{found} {text_column!r}; there are: {', '.join(frame.columns)}")
    whole = "pocketrnn scored"
    while folded(whole) in there:
        whole += "_"
    if taken := {name for name in frame.columns if folded(name) in map(folded, added)}:
        raise taken_error("the frame", taken)
    # In quotes, so that Spark sees no structure in it.
    struct = score(frame["`" + text_column.replace("`", "``") + "`"])
    scored = frame.withColumn(whole, struct)
    parts = [scored[whole][name.removeprefix(prefix)].alias(name) for name in added]
    return scored.select("*", *parts).drop(whole)  # a name would be unclear where two are alike


@lru_cache(maxsize=4)
def _loaded(data: bytes) -> Classifier:
    return Classifier.load(data)
