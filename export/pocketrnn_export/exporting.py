"""From a finished run to the one file that deployment needs."""

import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

import pocketrnn
from pocketrnn import ClassifierConfig, Tokenizer
from pocketrnn.classify import file
from pocketrnn.classify.labels import Threshold, probabilities
from pocketrnn.config import check
from pocketrnn.errors import OutputError
from pocketrnn.extras import require
from pocketrnn.files import refuse_existing, write_atomic
from pocketrnn.modelfile import fold
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn_train.run import ForecasterRun, GeneratorRun, Run

from .parity import Export

Graph = Literal["pocketrnn", "tf2onnx"]

# Of a run's report, what goes into the card.
_FIGURES = ("test", "validation", "generated")


def export(
    run: Run | GeneratorRun | ForecasterRun,
    path: str | os.PathLike[str],
    *,
    threshold: Threshold | None = None,
    graph: Graph = "pocketrnn",
    force: bool = False,
) -> Export:
    """Convert the model of `run`, check it against Keras, and write it to `path` at once.

    `threshold` is the probability over which the second of two labels is chosen, or, where a text
    may have several, each label, with one for all or one for each in the order of the labels; by
    default what the run found on its validation texts. `graph` is whose graph the file holds: by
    default pocketrnn's own, or tf2onnx's, which is run only where it is trusted. `force` replaces
    an existing file, which is an OutputError otherwise. Raises ParityError, and writes nothing, if
    any score differs from Keras's by more than 1e-5; MissingExtraError without `pocketrnn[export]`.
    """
    refuse_existing(path, force=force)
    folder = Path(path).absolute().parent
    if not os.access(folder, os.W_OK):  # known only after minutes otherwise
        reason = "permission denied" if folder.is_dir() else "no such folder"
        raise OutputError(f"can't write {os.fspath(path)}: {reason}")
    require("export", "tensorflow", "tf2onnx", "onnx")
    from . import forecast, generate

    report = run.report
    corpus = run.read("corpus.json")
    card = {
        "corpus": corpus,
        "recipe": run.config.to_dict(),
        **({"intended_use": run.intended_use} if run.intended_use else {}),
        # It lies around the run's threshold.
        **({"unsure": report["unsure"]} if "unsure" in report and threshold is None else {}),
        **({"usual": report["usual"]} if report.get("usual") else {}),
        "figures": {name: report[name] for name in _FIGURES if name in report},
        "trained": {"date": report["date"], "versions": report["versions"]},
        "exported": {
            "date": datetime.now(UTC).date().isoformat(),
            "versions": {
                name: version(name) for name in ("pocketrnn", "tf2onnx", "onnx", "onnxruntime")
            },
        },
    }
    if not isinstance(run, Run):
        check(
            graph == "pocketrnn" and threshold is None,
            "only a classifier has a threshold; all others have one graph",
        )
    if isinstance(run, ForecasterRun):
        exported = forecast.build(run.model(), run.settings, card=card)
    elif isinstance(run, GeneratorRun):
        exported = generate.build(run.model(), run.settings, run.alphabet, card=card)
    else:
        exported = build(
            run.model(),
            run.tokenizer,
            tuple(corpus["labels"]),
            run.config.network if graph == "pocketrnn" else None,
            threshold=_threshold(report.get("threshold", 0.5), threshold, len(corpus["labels"])),
            card=card,
        )
    write_atomic(path, exported.data)
    return exported


def _threshold(found: float | list[float], wanted: Threshold | None, labels: int) -> Threshold:
    """Return what a run found, or what is wanted instead: of each label, if it has one of each."""
    if isinstance(found, list):
        if isinstance(wanted, tuple):
            return wanted
        return tuple(found if wanted is None else [wanted] * len(found))
    check(wanted is None or labels == 2, "of three labels or more, the most probable one is chosen")
    check(not isinstance(wanted, tuple), "one threshold is enough where a text has one label")
    return found if wanted is None else wanted


def build(
    keras_model: Any,
    tokenizer: Tokenizer,
    labels: tuple[str, ...],
    network: NetworkConfig | None,
    *,
    threshold: Threshold = 0.5,
    card: dict[str, Any] | None = None,
) -> Export:
    """Convert a keras.Model from ids to scores, and check it, as `export` does.

    `network` says what its layers are; None keeps tf2onnx's graph, of any layers.
    """
    from . import convert, parity, test_cases

    config = ClassifierConfig(tokenizer.config, labels, threshold, network)  # before slow work
    texts = parity.sample_texts(tokenizer)
    trained = probabilities(keras_model.predict(tokenizer.encode(texts), verbose=0))
    witness = convert.convert(keras_model)
    if network is None:
        graph = witness.graph.SerializeToString()
    else:
        graph = fold.to_bytes(keras_model, config)

    # The scores don't depend on the card, so the figures found here can go into it.
    served = pocketrnn.load(file.to_bytes(config, tokenizer, graph, {}), trusted=network is None)
    others = [
        parity.witness_scores(witness.SerializeToString(), tokenizer, texts),
        served.scores(texts),
        np.concatenate([served.scores(text) for text in texts]),
    ]
    card = parity.proven(card, [np.abs(scores - trained).max() for scores in others], len(texts))
    data = file.to_bytes(config, tokenizer, graph, card, test_cases.make(served))
    return Export(data, **card["parity"])
