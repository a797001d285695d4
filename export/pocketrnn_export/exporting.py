"""From a finished run to the one file that deployment needs."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

import pocketrnn
from pocketrnn import ClassifierConfig, Tokenizer
from pocketrnn.classify import file
from pocketrnn.errors import OutputError, PocketRNNError
from pocketrnn.extras import require
from pocketrnn.files import write_atomic
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn_train import Run

Graph = Literal["pocketrnn", "tf2onnx"]


class ParityError(PocketRNNError):
    """The served scores aren't the trained ones."""


@dataclass(frozen=True)
class Export:
    """An exported model."""

    data: bytes = field(repr=False)
    """The ONNX file."""
    difference: float
    """The largest difference seen between Keras's scores, tf2onnx's and the served ones."""
    texts: int
    """How many texts were compared."""


def export(
    run: Run,
    path: str | os.PathLike[str],
    *,
    threshold: float | None = None,
    graph: Graph = "pocketrnn",
    force: bool = False,
) -> Export:
    """Convert the model of `run`, check it against Keras, and write it to `path` at once.

    `threshold` is the probability over which the second of two labels is chosen; by default the
    one that the run found on its validation texts. `graph` is whose graph the file holds: by
    default pocketrnn's own, or tf2onnx's, which is run only where it is trusted. `force` replaces
    an existing file, which is an OutputError otherwise. Raises ParityError, and writes nothing, if
    any score differs from Keras's by more than 1e-5; MissingExtraError without
    `pocketrnn[export]`.
    """
    if Path(path).exists() and not force:
        raise OutputError(f"{os.fspath(path)}: exists already; replace it with force=True")
    require("export", "tensorflow", "tf2onnx", "onnx")
    report = run.report
    corpus = run.read("corpus.json")
    card = {
        "corpus": corpus,
        "recipe": run.config.to_dict(),
        **({"intended_use": run.intended_use} if run.intended_use else {}),
        # It lies around the run's threshold.
        **({"unsure": report["unsure"]} if "unsure" in report and threshold is None else {}),
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
        run.config.network if graph == "pocketrnn" else None,
        threshold=report.get("threshold", 0.5) if threshold is None else threshold,
        card=card,
    )
    write_atomic(path, exported.data)
    return exported


def build(
    keras_model: Any,
    tokenizer: Tokenizer,
    labels: tuple[str, ...],
    network: NetworkConfig | None,
    *,
    threshold: float = 0.5,
    card: dict[str, Any] | None = None,
) -> Export:
    """Convert a keras.Model from ids to scores, and check it, as `export` does.

    `network` says what its layers are; None keeps tf2onnx's graph, of any layers.
    """
    from . import convert, fold, parity, test_cases

    config = ClassifierConfig(tokenizer.config, labels, threshold, network)  # before slow work
    texts = parity.sample_texts(tokenizer)
    trained = parity.keras_scores(keras_model, tokenizer, texts)
    witness = convert.convert(keras_model)
    if network is None:
        graph = witness.graph.SerializeToString()
    else:
        expected = config.graph()
        graph = onnx.to_bytes(expected, fold.weights(keras_model, network, expected))

    # The scores don't depend on the card, so the figures found here can go into it.
    served = pocketrnn.load(file.to_bytes(config, tokenizer, graph, {}), trusted=network is None)
    others = [
        parity.witness_scores(witness.SerializeToString(), tokenizer, texts),
        *parity.served_scores(served, texts),
    ]
    difference = max(float(np.abs(scores - trained).max()) for scores in others)
    # Written so that a NaN fails as well.
    if not difference <= parity.TOLERANCE:
        raise ParityError(
            f"the converted model differs from Keras by {difference:.2g} (allowed: "
            f"{parity.TOLERANCE:.0e}); nothing was written"
        )
    card = {**(card or {}), "parity": {"texts": len(texts), "difference": difference}}
    data = file.to_bytes(config, tokenizer, graph, card, test_cases.make(served))
    return Export(data, difference, len(texts))
