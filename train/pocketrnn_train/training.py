"""Fit the network: every epoch leaves a run that can be resumed, to the same weights."""

import dataclasses
import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.extras import require

from . import calibration, distillation, network
from .config import TrainConfig
from .corpus import Corpus, split, split_last
from .evaluation import evaluate
from .run import Run, RunError
from .vocabulary import rank_words

# Texts that `predict` takes at a time: beyond this nothing is gained.
_PREDICT_BATCH = 1024


def fit(
    config: TrainConfig,
    corpus: Corpus,
    folder: str | os.PathLike[str] = "run",
    *,
    resume: bool = False,
) -> Run:
    """Train a network by `config` on `corpus`, and return its finished run.

    Prints Keras's summary and progress. The same seed on the same machine gives the same
    weights, bit for bit, whether interrupted and resumed or not. Raises RunError if `folder`
    holds another run; MissingExtraError without `pocketrnn[train]`.
    """
    require("train", "tensorflow", "sklearn", "matplotlib")
    run = Run(Path(folder))
    # The words of all texts that are learnt: few labelled ones have too few.
    learnt = corpus.train.texts + (corpus.unlabelled if config.distillation else ())
    words = corpus.vocabulary or rank_words(learnt, config.text)
    # A small corpus has fewer words than `num_words` allows: no rows for words that aren't.
    num_words = min(config.text.num_words, config.text.index_from + 1 + len(words))
    config = dataclasses.replace(config, text=dataclasses.replace(config.text, num_words=num_words))
    _open(run, config, corpus, resume=resume)
    if (run.folder / "report.json").exists():
        return run
    tokenizer = Tokenizer(config.text, words)
    run.write("vocabulary.json", tokenizer.vocabulary)

    import keras  # slow to load, and of no use to a run that is refused above
    import tensorflow as tf

    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    model = network.build(config, len(corpus.labels))
    model.summary()
    labels = corpus.train.labels
    train, validation = (
        split_last(labels, config.validation_split)
        if config.validation == "last"
        else split(labels, config.validation_split, config.seed)
    )
    if config.distillation is None:
        model = _train(run, config, corpus, tokenizer, model, train, validation)
    else:
        model = distillation.distil(run, config, corpus, words, model, train, validation)
    _finish(run, config, corpus, tokenizer, model, validation)
    return run


def _train(
    run: Run,
    config: TrainConfig,
    corpus: Corpus,
    tokenizer: Tokenizer,
    model: Any,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
) -> Any:
    """Train the classic way, on texts of full length; return the model after its last epoch."""
    history = run.history()
    if (run.folder / "checkpoint.keras").exists():
        built, model = model, run.model("checkpoint.keras", optimizer=True)
        network.restore_dropout(model, built, int(model.optimizer.iterations))
    ids = tokenizer.encode(corpus.train.texts)
    labels = corpus.train.labels
    steps = -(-len(train) // config.batch_size)
    # The optimizer counts its steps, so a checkpoint knows its own epoch; history, written
    # first, may be one ahead.
    first = int(model.optimizer.iterations) // steps
    history = history[:first]
    for epoch in range(first, config.epochs):
        print(f"Epoch {epoch + 1}/{config.epochs}")
        started = time.perf_counter()
        # An order for each epoch from seed and epoch alone: the same after a resume.
        random = np.random.default_rng([config.seed, epoch])
        order = train[random.permutation(len(train))]
        _seed_dropout(model, random)
        figures = model.fit(
            ids[order],
            labels[order],
            batch_size=config.batch_size,
            shuffle=False,
            validation_data=(ids[validation], labels[validation]),
        ).history
        seconds = time.perf_counter() - started
        if not np.isfinite([figures["loss"], figures["val_loss"]]).all():
            raise RunError(f"{run.folder}: the loss isn't finite; try a lower --learning-rate")
        history.append(
            {"epoch": epoch + 1, **{k: v[0] for k, v in figures.items()}, "seconds": seconds}
        )
        run.write_history(history)
        run.save_model(model, "checkpoint.keras")
    # Without the optimizer's state, which is half of the file.
    return run.model("checkpoint.keras")


def _finish(
    run: Run,
    config: TrainConfig,
    corpus: Corpus,
    tokenizer: Tokenizer,
    model: Any,
    validation: NDArray[np.int64],
) -> None:
    """Calibrate the trained model, save it, measure it, and drop what only a resume needs."""
    held = corpus.train.take(validation)
    heat, threshold = 1.0, 0.5
    if config.calibrate:
        heat = calibration.temperature(predict(model, tokenizer.encode(held.texts)), held.labels)
        calibration.fold(model, heat)
    scores = predict(model, tokenizer.encode(held.texts))
    if config.calibrate and len(corpus.labels) == 2:
        threshold = calibration.threshold(scores, held.labels, seed=config.seed)
    run.save_model(model)
    history = run.history()
    _draw(run, history)
    test = predict(model, tokenizer.encode(corpus.test.texts))
    teacher = run.read("teacher.json") if config.distillation else None
    seconds = [row["seconds"] for row in (*run.history("history-chunks.csv"), *history)]
    seconds.append(teacher["seconds"] if teacher else 0)
    # Last, as its presence says that the run is finished.
    run.write(
        "report.json",
        {
            "test": evaluate(test, corpus.test.labels, threshold),
            "validation": evaluate(scores, held.labels, threshold),
            **({"teacher": teacher["validation"]["accuracy"]} if teacher else {}),
            "threshold": threshold,
            "temperature": heat,
            "seed": config.seed,
            "epochs": len(history),
            "parameters": model.count_params(),
            "seconds": round(sum(seconds), 1),
            "date": datetime.now(UTC).date().isoformat(),
            "corpus_sha256": run.read("corpus.json")["sha256"],
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("pocketrnn", "tensorflow", "keras", "numpy")},
            },
        },
    )
    for name in ("checkpoint.keras", *distillation.TEMPORARY):
        (run.folder / name).unlink(missing_ok=True)


def _seed_dropout(model: Any, random: np.random.Generator) -> None:
    """Start dropout's draws afresh: Keras's files don't say how far they had come."""
    for layer in model.layers:
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign([random.integers(2**31), 0])


def predict(model: Any, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return Keras's own probabilities, float32 (texts, classes), for padded ids."""
    output = model.predict(ids, batch_size=_PREDICT_BATCH, verbose=0)
    return np.hstack([1 - output, output]) if output.shape[1] == 1 else output


def _open(run: Run, config: TrainConfig, corpus: Corpus, *, resume: bool) -> None:
    """Start a new run, or check that the one to resume is of this configuration and corpus."""
    facts = {
        "name": corpus.name,
        "labels": corpus.labels,
        "train_texts": len(corpus.train),
        "test_texts": len(corpus.test),
        "unlabelled_texts": len(corpus.unlabelled),
        "sha256": corpus.digest(),
        "note": corpus.note,
    }
    started = (run.folder / "config.json").exists()
    if started and not resume:
        raise RunError(
            f"{run.folder}: holds a run already; resume it (--resume), or name another folder"
        )
    if resume and not started:
        raise RunError(f"{run.folder}: no run to resume")
    if started:
        changed = _differences(run.config.to_dict(), config.to_dict())
        if changed:
            raise RunError(f"{run.folder}: can't resume with another {', '.join(changed)}")
        before = run.read("corpus.json")
        if any(before[key] != facts[key] for key in ("train_texts", "test_texts", "sha256")):
            raise RunError(f"{run.folder}: can't resume with another corpus")
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    run.write("corpus.json", facts)
    run.write("config.json", config.to_dict())


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    names = []
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(old[name], dict):
            names += _differences(old[name], value)
        elif value != old[name]:
            names.append(f"{name} ({old[name]} before, {value} now)")
    return names


def _draw(run: Run, history: Sequence[dict[str, float]]) -> None:
    from matplotlib.figure import Figure  # no pyplot: no window, no global state

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [row[name] for row in history], marker="o", label="training")
        axes.plot(epochs, [row["val_" + name] for row in history], marker="o", label="validation")
        axes.set(xlabel="epoch", title=name, xticks=epochs)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(run.folder / "curves.png", dpi=100)
