"""From a finished run to the one file that deployment needs."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pocketrnn
from pocketrnn import ModelConfig, Tokenizer, modelfile
from pocketrnn.errors import PocketRNNError
from pocketrnn.extras import require
from pocketrnn.files import write_atomic
from pocketrnn_train import Run

from . import parity


class ParityError(PocketRNNError):
    """The served scores aren't the trained ones."""


@dataclass(frozen=True)
class Export:
    """An exported model."""

    data: bytes
    """The ONNX file."""
    difference: float
    """The largest difference seen between Keras's scores and the served ones."""
    texts: int
    """How many texts were compared."""


def export(run: Run, path: str | os.PathLike[str], *, threshold: float | None = None) -> Export:
    """Convert the model of `run`, check it against Keras, and write it to `path` at once.

    `threshold` is the probability over which the second of two labels is chosen; by default
    the one that the run found on its validation texts. Raises ParityError, and writes nothing,
    if any score differs by more than 1e-5; MissingExtraError without `pocketrnn[export]`.
    """
    require("export", "tensorflow", "tf2onnx", "onnx")
    report = run.report
    corpus = run.read("corpus.json")
    if threshold is None:
        threshold = report.get("threshold", 0.5)
    card = {
        "corpus": corpus,
        "recipe": run.config.to_dict(),
        **({"limits": run.limits} if run.limits else {}),
        "figures": {"test": report["test"], "validation": report["validation"]},
        "trained": {"date": report["date"], "versions": report["versions"]},
        "exported": {
            "date": datetime.now(UTC).date().isoformat(),
            "versions": {
                name: version(name) for name in ("pocketrnn", "tf2onnx", "onnx", "onnxruntime")
            },
        },
        "parity": {},
    }
    exported = build(
        run.model(), run.tokenizer, tuple(corpus["labels"]), threshold=threshold, card=card
    )
    write_atomic(path, exported.data)
    return exported


def build(
    keras_model: Any,
    tokenizer: Tokenizer,
    labels: tuple[str, ...],
    *,
    threshold: float = 0.5,
    card: dict[str, Any] | None = None,
) -> Export:
    """Convert any keras.Model from ids to scores, and check it; ParityError if it differs."""
    import onnx

    from . import convert

    onnx_model = convert.to_onnx(keras_model)
    config = ModelConfig(
        text=tokenizer.config,
        labels=labels,
        threshold=threshold,
        tables=convert.tables(onnx_model.graph, tokenizer.config.num_words),
    )
    texts = parity.sample_texts(tokenizer)

    def pack(card: dict[str, Any]) -> bytes:
        graph = onnx_model.graph.SerializeToString()
        onnx.helper.set_model_props(
            onnx_model, modelfile.to_metadata(graph, config, tokenizer, card)
        )
        return onnx_model.SerializeToString()  # type: ignore[no-any-return]

    # The scores don't depend on the card, so the figure that the check finds can go into it.
    model = pocketrnn.load(pack({}))
    difference = parity.largest_difference(keras_model, model, texts)
    # Written so that a NaN fails as well.
    if not difference <= parity.TOLERANCE:
        raise ParityError(
            f"the converted model differs from Keras by {difference:.2g} (allowed: "
            f"{parity.TOLERANCE:.0e}); nothing was written"
        )
    card = {**(card or {}), "parity": {"texts": len(texts), "largest_difference": difference}}
    return Export(pack(card), difference, len(texts))
