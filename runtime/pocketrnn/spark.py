"""Score a column of a Spark DataFrame: the same model, on as many machines as Spark has.

The model's bytes travel with the job, and each Python worker process loads them once. Workers
need `pocketrnn[spark]` installed; they read no file and open no connection of their own.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .classify.model import Classifier, load
from .errors import ConfigError
from .extras import require
from .tables.block import Added
from .tables.scoring import ModelSource
from .tables.writers import taken_error


def scorer(model: ModelSource = None, *, probabilities: bool = False) -> Any:
    """Return a pandas UDF from a column of text to a struct of `label` and `score`.

    `model` is what `pocketrnn.load` takes; it is read here, on the driver. `probabilities` adds
    `probability_LABEL` for each label to the struct. A null text gets a null label and nulls.
    Raises MissingExtraError, or a ModelFileError.
    """
    require("spark", "pyspark", "pandas", "pyarrow")
    import numpy as np
    import pandas as pd
    from pyspark.sql.functions import pandas_udf
    from pyspark.sql.types import FloatType, StringType, StructField, StructType

    read = model if isinstance(model, Classifier) else load(model)
    data, added = read.data, Added.of(read.labels, probabilities=probabilities, prefix="")
    kinds = [StringType(), *[FloatType()] * (len(added.names) - 1)]
    struct = StructType([StructField(n, k) for n, k in zip(added.names, kinds, strict=True)])

    # Spark tells the kind of UDF by these annotations.
    def score(columns: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        loaded = _loaded(data)
        for texts in columns:
            present = texts.notna().to_numpy()
            scores = loaded.scores(texts[present].tolist())
            chosen = [loaded.choose(row) for row in scores]
            labels = np.full(len(texts), None, object)
            labels[present] = [loaded.labels[i] for i in chosen]
            numbers = np.full((len(texts), len(added.names) - 1), np.nan, np.float32)
            numbers[present, 0] = scores[np.arange(len(scores)), chosen] if chosen else []
            if probabilities:
                numbers[present, 1:] = scores
            # Nullable floats, so that what is missing is null and not NaN.
            values = [pd.array(column, "Float32") for column in numbers.T]
            for column in values:
                column[~present] = pd.NA
            yield pd.DataFrame(dict(zip(added.names, [labels, *values], strict=True)))

    return pandas_udf(score, struct)


def score_frame(
    frame: Any,
    text_column: str,
    *,
    model: ModelSource = None,
    probabilities: bool = False,
    prefix: str = "",
) -> Any:
    """Return `frame` with the columns that `pocketrnn score` adds, the others unchanged.

    The arguments are those of `pocketrnn.score_file`; a null text gets a null label and score.
    Raises ConfigError for a column that is missing, or there already, and what `scorer` raises.
    """
    read = model if isinstance(model, Classifier) else load(model)
    score = scorer(read, probabilities=probabilities)
    added = Added.of(read.labels, probabilities=probabilities, prefix=prefix)
    if text_column not in frame.columns:
        raise ConfigError(f"no column {text_column!r}; there are: {', '.join(frame.columns)}")
    if taken := set(added.names) & set(frame.columns):
        raise taken_error("the frame", taken)
    struct = score(frame[_quoted(text_column)])
    whole = "pocketrnn scored"
    scored = frame.withColumn(whole, struct)
    parts = [scored[whole][name.removeprefix(prefix)].alias(name) for name in added.names]
    return scored.select(*[scored[_quoted(name)] for name in frame.columns], *parts)


def _quoted(name: str) -> str:
    """Return a column's name so that Spark sees no structure in it."""
    return "`" + name.replace("`", "``") + "`"


@lru_cache(maxsize=4)
def _loaded(data: bytes) -> Classifier:
    return load(data)
