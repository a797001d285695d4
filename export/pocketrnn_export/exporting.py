"""From a finished run to the one file that deployment needs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pocketrnn
from pocketrnn import ModelConfig, Tokenizer, modelfile
from pocketrnn.errors import ModelFileError, OutputError, PocketRNNError
from pocketrnn.extras import require
from pocketrnn.files import write_atomic
from pocketrnn.modelfile import Vector
from pocketrnn_train import Run

from . import parity, selftest

if TYPE_CHECKING:
    from .rewrite import Weights


class ParityError(PocketRNNError):
    """The served scores aren't the trained ones."""


@dataclass(frozen=True)
class Export:
    """An exported model."""

    data: bytes = field(repr=False)
    """The ONNX file."""
    difference: float
    """The largest difference seen between Keras's scores and those of the rewritten graph."""
    rounding: float
    """The largest difference seen once the weights are stored in fewer bits; 0 for float32."""
    texts: int
    """How many texts were compared."""
    loops: int
    """Recurrent layers left as tf2onnx made them, as no pass recognised them."""
    step: int
    """The graph takes multiples of this many steps; `maxlen` if no padding can be skipped."""


def export(
    run: Run,
    path: str | os.PathLike[str],
    *,
    threshold: float | None = None,
    weights: "Weights" = "int16",
    force: bool = False,
) -> Export:
    """Convert the model of `run`, check it against Keras, and write it to `path` at once.

    `threshold` is the probability over which the second of two labels is chosen; by default the
    one that the run found on its validation texts. `weights` is how the tables are stored:
    int16 halves the file and has changed no label. `force` replaces an existing file, which is an
    OutputError otherwise. Raises ParityError, and writes nothing, if any score of the graph with
    float32 weights differs from Keras's by more than 1e-5, or if rounding the weights moves any by
    more than 1e-2; MissingExtraError without `pocketrnn[export]`.
    """
    if Path(path).exists() and not force:
        raise OutputError(f"{os.fspath(path)}: exists already; replace it with --force")
    require("export", "tensorflow", "tf2onnx", "onnx", "onnx_ir")
    report = run.report
    corpus = run.read("corpus.json")
    if threshold is None:
        threshold = report.get("threshold", 0.5)
    card = {
        "corpus": corpus,
        "recipe": run.config.to_dict(),
        **({"intended_use": run.intended_use} if run.intended_use else {}),
        "figures": {"test": report["test"], "validation": report["validation"]},
        "trained": {"date": report["date"], "versions": report["versions"]},
        "exported": {
            "date": datetime.now(UTC).date().isoformat(),
            "versions": {
                name: version(name) for name in ("pocketrnn", "tf2onnx", "onnx", "onnxruntime")
            },
        },
    }
    exported = build(
        run.model(),
        run.tokenizer,
        tuple(corpus["labels"]),
        threshold=threshold,
        weights=weights,
        card=card,
    )
    write_atomic(path, exported.data)
    return exported


def build(
    keras_model: Any,
    tokenizer: Tokenizer,
    labels: tuple[str, ...],
    *,
    threshold: float = 0.5,
    weights: "Weights" = "int16",
    card: dict[str, Any] | None = None,
) -> Export:
    """Convert any keras.Model from ids to scores, and check it, as `export` does."""
    from . import convert
    from .rewrite import rewrite, windows

    plain = convert.to_onnx(keras_model)
    exact = rewrite(plain, tokenizer.config)
    texts = parity.sample_texts(tokenizer)
    trained = parity.keras_scores(keras_model, tokenizer, texts)

    def pack(graph: Any, step: int, card: dict[str, Any], vectors: Sequence[Vector] = ()) -> bytes:
        config = ModelConfig(
            text=tokenizer.config,
            labels=labels,
            threshold=threshold,
            tables=convert.tables(graph.graph, tokenizer.config.num_words),
            step=step,
        )
        serialized = graph.graph.SerializeToString()
        metadata = modelfile.to_metadata(serialized, config, tokenizer, card, vectors)
        return convert.with_metadata(graph, metadata)

    def difference(graph: Any, step: int) -> float:
        # The scores don't depend on the card, so the figures found here can go into it.
        served = pocketrnn.load(pack(graph, step, {}))
        return parity.largest_difference(trained, served, texts)

    # How much padding may be left out is seen by leaving it out: a network with windows takes
    # whole ones, and one that pools over padding, or reads it last, needs every step.
    maxlen = tokenizer.config.maxlen
    for step in sorted({1, *windows(exact), maxlen}):
        try:
            exactness = difference(exact, step)
        except ModelFileError:
            if step == maxlen:
                raise
            continue
        # Written so that a NaN fails as well.
        if exactness <= parity.TOLERANCE:
            break
    else:
        raise ParityError(
            f"the converted model differs from Keras by {exactness:.2g} (allowed: "
            f"{parity.TOLERANCE:.0e}); nothing was written"
        )
    stored = rewrite(plain, tokenizer.config, weights)
    rounding = 0.0 if weights == "float32" else difference(stored, step)
    if not rounding <= parity.ROUNDING_TOLERANCE:
        raise ParityError(
            f"with weights in {weights} the scores differ from Keras's by {rounding:.2g} "
            f"(allowed: {parity.ROUNDING_TOLERANCE:.0e}); nothing was written: try "
            "--weights float32"
        )
    measured = {"texts": len(texts), "difference": exactness, "weights": weights} | (
        {"rounding": rounding} if rounding else {}
    )
    card = {**(card or {}), "parity": measured}
    vectors = selftest.vectors(pocketrnn.load(pack(stored, step, card)))
    data = pack(stored, step, card, vectors)
    loops = sum(node.op_type == "Loop" for node in stored.graph.node)
    return Export(data, exactness, rounding, len(texts), loops, step)
