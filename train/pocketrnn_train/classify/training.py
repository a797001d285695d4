"""Fit a network to a corpus: every epoch leaves a run that can be resumed, to the same weights."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.config import check
from pocketrnn.extras import require

from .. import network
from ..config import TrainConfig
from ..corpora.corpus import Corpus, Examples
from ..corpora.splits import split, split_last
from ..loop import learn
from ..run import Run
from . import batches, calibration, distillation, report
from .evaluation import evaluate
from .teacher import one_hot
from .vocabulary import rank_words


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
    holds another run, or the loss isn't finite; MissingExtraError without `pocketrnn[train]`.
    """
    require("train", "tensorflow", "sklearn", "matplotlib")
    run = Run(Path(folder))
    given = corpus.train.probabilities is not None or corpus.train.weights is not None
    check(
        not (given and config.task.distillation),
        "soft labels and weights are for a recipe without a teacher of its own, as everyday is",
    )
    # The words of all texts that are learnt: few labelled ones have too few.
    learnt = corpus.train.texts + (corpus.unlabelled if config.task.distillation else ())
    weights = None if corpus.train.weights is None else corpus.train.weights.tolist()
    words = corpus.vocabulary or rank_words(learnt, config.task.text, weights)
    # A small corpus has fewer words than `num_words` allows: no rows for words that aren't.
    text = config.task.text
    text = replace(text, num_words=min(text.num_words, text.index_from + 1 + len(words)))
    config = replace(config, task=replace(config.task, text=text))
    run.open(config, corpus.facts(), resume=resume)
    if (run.folder / "report.json").exists():
        return run
    tokenizer = Tokenizer(text, words)
    run.write("vocabulary.json", tokenizer.vocabulary)

    import keras  # slow to load, and of no use to a run that is refused above
    import tensorflow as tf

    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    classes = len(corpus.labels)
    model = network.build(
        config.network, num_words=text.num_words, classes=classes, dropout=config.fit.dropout
    )
    model.summary()
    development = _hold_out(config, corpus)
    model = _train(run, config, model, development, words)
    network.round_weights(model, config.network)
    _finish(run, config, model, tokenizer, development.test, corpus)
    return run


def _hold_out(config: TrainConfig, corpus: Corpus) -> Corpus:
    """Return the corpus with the texts held out for validation in place of the test."""
    if corpus.validation:
        return replace(corpus, test=corpus.validation)
    share, labels, groups = config.task.validation_split, corpus.train.labels, corpus.groups()
    if config.task.validation == "last":
        kept, held_out = split_last(labels, groups, share)
    else:
        kept, held_out = split(labels, groups, share, config.seed)
    return replace(corpus, train=corpus.train.take(kept), test=corpus.train.take(held_out))


def _train(
    run: Run, config: TrainConfig, model: Any, development: Corpus, words: Sequence[str]
) -> Any:
    """Train `model` from where `run` stands, and return it."""
    from ..schedule import accuracy

    tokenizer = Tokenizer(config.task.text, words)
    train, held_out = development.train, development.test
    columns = model.output_shape[-1]
    if teaching := config.task.distillation:
        stages = distillation.stages(run, config, teaching, development, words)
    else:
        rows, targets = batches.ids(tokenizer, train.texts), _targets(train, columns)
        weights = None if train.weights is None else train.weights / train.weights.mean()
        stages = [batches.stage("texts", rows, targets, config, config.fit, weights=weights)]
    held_out_rows = batches.ids(tokenizer, held_out.texts)
    return learn(
        run,
        stages,
        model,
        fit=config.fit,
        loss="binary_crossentropy" if columns == 1 else "categorical_crossentropy",
        metrics=[accuracy],
        measure=lambda trained: evaluate(
            batches.predict(trained, held_out_rows, config), held_out.labels
        ),
    )


def _targets(train: Examples, columns: int) -> NDArray[np.float32]:
    """Return what is learnt of each text: its soft label, or else its label."""
    targets = one_hot(train.labels, columns)
    if train.probabilities is None:
        return targets
    soft = train.probabilities[:, -columns:]
    return np.asarray(np.where(np.isnan(soft), targets, soft), np.float32)


def _finish(
    run: Run,
    config: TrainConfig,
    model: Any,
    tokenizer: Tokenizer,
    held_out: Examples,
    corpus: Corpus,
) -> None:
    """Calibrate the trained model, save it, measure it, and delete what only a resume needs."""

    def scores_of(examples: Examples) -> Any:
        return batches.predict(model, batches.ids(tokenizer, examples.texts), config)

    scores, temperature, threshold = scores_of(held_out), 1.0, 0.5
    if config.task.calibrate:
        temperature = calibration.temperature(scores, held_out.labels)
        calibration.apply(model, temperature)
        scores = scores_of(held_out)
        if scores.shape[1] == 2:
            threshold = calibration.threshold(scores, held_out.labels, seed=config.seed)
    run.save_model(model)
    test = corpus.test
    if len(test):
        report.write(run, config, model, tokenizer, test, threshold)
    usual = calibration.usual(batches.ids(tokenizer, corpus.train.texts), tokenizer.config)
    teacher = run.read("teacher.json") if config.task.distillation else None
    history = (*run.history("history-spans.csv"), *run.history())
    figures = {
        "test": evaluate(scores_of(test), test.labels, threshold) if len(test) else None,
        "validation": evaluate(scores, held_out.labels, threshold),
        **({"teacher": teacher["validation"]["accuracy"]} if teacher else {}),
        "threshold": threshold,
        "unsure": calibration.unsure(scores, held_out.labels, threshold),
        "usual": usual and usual.to_dict(),
        "temperature": temperature,
    }
    seconds = sum(row["seconds"] for row in history) + (teacher["seconds"] if teacher else 0)
    run.finish(config, model, figures, seconds)
    (run.folder / distillation.SOFT_LABELS).unlink(missing_ok=True)
