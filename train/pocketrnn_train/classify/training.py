"""Fit a network to a corpus: every epoch leaves a run that can be resumed, to the same weights.

Texts are held out in one round or several, each with a network that hasn't learnt them: they say
how good it is, and how sure it may be. If the settings say so, it is then fitted to all texts.
"""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Classifier, Tokenizer
from pocketrnn.classify.labels import Threshold, choose, probabilities
from pocketrnn.config import check
from pocketrnn.errors import InputError
from pocketrnn.extras import require

from .. import backend, network
from ..config import TrainConfig
from ..corpora.corpus import Corpus, Examples
from ..corpora.splits import folds, split, split_last
from ..loop import about, learn
from ..run import Run
from . import batches, calibration, comparison, distillation, made_up, report, starting
from .adapting import adapt, is_few
from .batches import Lesson
from .comparison import tells_apart
from .evaluation import evaluate
from .linear import Choice, regression, tfidf
from .teacher import columns_of, one_hot
from .vocabulary import is_better_in_pieces, rank_words

_log = logging.getLogger("pocketrnn")


@backend.seeding()
def fit(
    config: TrainConfig,
    corpus: Corpus,
    folder: str | os.PathLike[str] = "run",
    *,
    start: str | os.PathLike[str] | bytes | None = None,
    resume: bool = False,
) -> Run:
    """Train a network by `config` on `corpus`, and return its finished run.

    `start` is a model file (a path, its bytes, or "bundled") whose words, vectors and recurrent
    weights the network starts from; its settings of network and tokenizer hold too.

    Prints what it does, and how long it will take. The same seed on the same machine gives the
    same weights, bit for bit, whether interrupted and resumed or not. Raises RunError if `folder`
    holds another run, or the loss isn't finite; MissingExtraError without `pocketrnn[train]`.
    """
    require("train", "tensorflow", "sklearn", "matplotlib")
    refuse(config, corpus, start=start)
    run = Run(Path(folder))
    config = config.with_settings(multi_label=corpus.multi_label)
    every = corpus.train.and_also(corpus.validation) if corpus.validation else corpus.train
    chooses_pieces = "pieces" in config.task.adapted
    if config.task.adapted:
        read = map(Tokenizer(config.task.text, []).words, every.texts)
        lengths, letters = np.array([(len(words), sum(map(len, words))) for words in read]).T
        config = adapt(config, lengths, len(corpus.labels), letters.sum() / max(lengths.sum(), 1))
        if corpus.validation:
            config = config.with_settings(folds=0)
    first = None if start is None else Classifier.load(None if start == "bundled" else start)
    if first:
        config = starting.follow(config, first, corpus.labels)
        if corpus.unlabelled and not config.task.distillation:
            _log.warning(
                "texts without a label aren't learnt: with the model's head, no teacher is"
            )
            corpus = replace(corpus, unlabelled=())
    refuse(config, corpus)
    # The words of all texts that are learnt: few labelled ones have too few.
    learnt = corpus.train.texts + (corpus.unlabelled if config.task.distillation else ())
    facts, words = corpus.facts(), list(corpus.vocabulary or ())
    if config.task.text.fold:  # a ranking of words by Keras's rule has some that aren't folded
        folding = Tokenizer(config.task.text, [])
        words = [word for word in words if folding.words(word) == [word]]
    if not words:
        weights = None if corpus.train.weights is None else corpus.train.weights.tolist()
        least = config.task.min_texts
        common = Classifier.load(None).tokenizer.vocabulary if config.task.text.fold else ()
        if chooses_pieces and not first:
            pieces = bool(config.task.made_up) and is_better_in_pieces(
                corpus.train,
                corpus.groups(),
                config.task.text,
                classes=len(corpus.labels),
                min_texts=least,
                common=common,
                seed=config.seed,
            )
            config = config.with_settings(pieces=pieces)
            if pieces:
                print("Words without an id are read in pieces")
        # New pieces would break up words that a file's own read well.
        text = replace(config.task.text, pieces=config.task.text.pieces and not first)
        words, few = rank_words(learnt, text, weights, min_texts=least, common=common)
        facts["words_of_few_texts"] = few
    if first:
        words = starting.words(first, words)
        facts["started_from"] = first.sha256
    # A small corpus has fewer words than `num_words` allows: no rows for words that aren't.
    text = config.task.text
    config = config.with_settings(num_words=min(text.num_words, text.index_from + 1 + len(words)))
    run.open(config, facts, resume=resume)
    if (run.folder / "report.json").exists():
        return run
    run.write("vocabulary.json", Tokenizer(config.task.text, words).vocabulary)
    started = time.perf_counter()
    parts = _hold_out(config, corpus)
    rounds, networks, seconds = [], len(parts) + config.task.refit, 0.0
    for number, development in enumerate(parts, 1):
        turn = f"Round {number} of {len(parts)}: " if len(parts) > 1 else ""
        sizes = f"{len(development.train):,} texts, {len(development.test):,} held out"
        print(f"{turn}{sizes}{_left(seconds * (networks - number + 1))}", flush=True)
        began = time.perf_counter()
        rounds.append(_round(run, development, words, first, number))
        seconds = time.perf_counter() - began
    if config.task.refit:
        whole = replace(corpus, train=every, test=every.take(np.zeros(0, np.int64)))
        print(f"Once more, on all {len(every):,} texts{_left(seconds)}", flush=True)
        model, _ = _learn(run, whole, words, first, "-all", rounds[0].settings)
    else:
        model = run.model("checkpoint.keras")
    network.fold_divisor(model)
    network.round_weights(model, config.network)
    _finish(run, model, corpus, rounds, time.perf_counter() - started)
    return run


def refuse(config: TrainConfig, corpus: Corpus, *, start: Any = None) -> None:
    """Raise ConfigError or InputError for a corpus that can't be trained by these settings.

    With a model file to `start` from, there may be no teacher though the settings have one.
    """
    check(
        not (corpus.validation and config.task.folds),
        "folds are drawn of the training texts: leave out either them or the validation texts",
    )
    weights = corpus.train.weights
    given = corpus.train.probabilities is not None or weights is not None
    check(
        not (given and config.task.distillation and start is None),
        "soft labels and weights are for a recipe without a teacher of its own, as everyday is",
    )
    if weights is not None and not weights.any():
        raise InputError(f"{corpus.name}: all weights are 0")


def _left(seconds: float) -> str:
    """Return how long all that is left will take, if that is more than some seconds."""
    return f"; {about(seconds)} to go" if seconds > 10 else ""


@dataclass(frozen=True)
class Round:
    """What was said of texts that were held out."""

    labels: NDArray[np.int64]
    """The true ones."""
    scores: NDArray[np.float32]
    """The network's probabilities: (texts, classes)."""
    teacher: NDArray[np.float32]
    """The teacher's; without one, (0, columns)."""
    baseline: NDArray[np.float32]
    """Those of TF-IDF with logistic regression: (texts, classes)."""
    commonest: NDArray[np.int64]
    """The commonest label, or labels, of the texts that weren't held out, for each text."""
    teachers: NDArray[np.float64]
    """The settings of a teacher of words and pieces: shape (2,); without one (0,)."""

    @property
    def settings(self) -> Choice | None:
        """The settings of the teacher."""
        return (float(self.teachers[0]), bool(self.teachers[1])) if len(self.teachers) else None


def _hold_out(config: TrainConfig, corpus: Corpus) -> list[Corpus]:
    """Return the corpus of each round, with the texts held out in place of the test."""
    labels, groups, task = corpus.train.labels, corpus.groups(), config.task
    if corpus.validation:
        return [replace(corpus, test=corpus.validation)]
    if task.folds:
        fold = folds(labels, groups, task.folds, whole=False)
        found = [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in np.unique(fold)]
    elif task.validation == "last":
        found = [split_last(labels, groups, task.validation_split)]
    else:
        found = [split(labels, groups, task.validation_split, config.seed)]
    if not all(len(held_out) for _, held_out in found):
        raise InputError(
            f"{corpus.name}: too few texts to hold any out, as all copies of one are on one side"
        )
    train = corpus.train
    return [
        replace(corpus, train=train.take(kept), test=train.take(held_out))
        for kept, held_out in found
    ]


def _round(
    run: Run, development: Corpus, words: Sequence[str], first: Classifier | None, number: int
) -> Round:
    """Train on a part of the texts, and tell what was said of the others; from the run, if done."""
    suffix = "" if number == 1 else f"-{number}"
    name = f"round{suffix}.npz"
    if before := run.arrays(name, Round):
        return before
    train, held_out = development.train, development.test
    model, lesson = _learn(run, development, words, first, suffix)
    network.round_weights(model, run.config.network)
    scores = batches.predict(model, batches.ids(run.tokenizer, held_out.texts), run.config)
    found, counts = np.unique(train.labels, axis=0, return_counts=True)
    commonest = found[counts.argmax()]
    done = Round(
        labels=held_out.labels,
        scores=scores,
        teacher=probabilities(lesson.of_held_out),
        baseline=regression(
            tfidf(run.tokenizer, pieces=False),
            train.texts,
            train.labels,
            held_out.texts,
            len(development.labels),
        ),
        commonest=np.repeat(commonest[None], len(held_out), axis=0),
        teachers=np.array(lesson.settings or (), np.float64),
    )
    run.write_arrays(name, done)
    return done


def _learn(
    run: Run,
    development: Corpus,
    words: Sequence[str],
    first: Classifier | None,
    suffix: str,
    settings: Choice | None = None,
) -> tuple[Any, Lesson]:
    """Train a network from where `run` stands; return it, and what it was taught.

    A teacher's `settings` aren't chosen if they are given.
    """
    config, held_out = run.config, development.test
    several, made = config.task.multi_label, config.task.made_up
    lesson = _lesson(run, development, words, suffix, settings)
    backend.start(config.seed)
    from keras.metrics import CategoricalAccuracy, MeanMetricWrapper

    from ..layers import DIVISOR
    from ..schedule import accuracy

    model = network.build(
        config.network,
        num_words=config.task.text.num_words,
        classes=len(development.labels),
        dropout=config.fit.dropout,
        divisor=made.divisor if made else DIVISOR,
        multi_label=several,
    )
    if first:
        starting.start(model, config.network, first, development.labels, multi_label=several)
    elif lesson.vectors is not None:
        model.layers[0].set_weights([lesson.vectors])
    rows = batches.ids(run.tokenizer, held_out.texts)
    sigmoid = several or model.output_shape[-1] == 1
    metric = MeanMetricWrapper(accuracy, "accuracy") if sigmoid else CategoricalAccuracy("accuracy")

    def measure(trained: Any) -> dict[str, Any]:
        if not len(held_out):
            return {}
        return evaluate(batches.predict(trained, rows, config), held_out.labels)

    trained = learn(
        run,
        lesson.stages,
        model,
        fit=config.fit,
        loss=f"{'binary' if sigmoid else 'categorical'}_crossentropy",
        metrics=[metric],
        measure=measure,
    )
    if made and config.task.refit and is_few(len(development.train) + len(held_out)):
        # Few texts are soon learnt by heart: halfway there, less of the first stage is forgotten.
        early, late = run.model(lesson.stages[0].checkpoint).get_weights(), trained.get_weights()
        trained.set_weights([(one + other) / 2 for one, other in zip(early, late, strict=True)])
    return trained, lesson


def _lesson(
    run: Run, development: Corpus, words: Sequence[str], suffix: str, settings: Choice | None
) -> Lesson:
    """Return what a network is to learn of the texts."""
    config, tokenizer, train = run.config, run.tokenizer, development.train
    teaching, made = config.task.distillation, config.task.made_up
    if teaching is None:
        rows = batches.ids(tokenizer, train.texts)
        targets = _targets(train, len(development.labels))
        weights = None if train.weights is None else train.weights / train.weights.mean()
        stage = batches.stage("whole texts", rows, targets, config, config.fit, suffix, weights)
        return Lesson([stage], targets[:0])
    if made:
        return made_up.lesson(config, teaching, made, development, tokenizer, suffix, settings)
    return distillation.lesson(run, config, teaching, development, words)


def _targets(train: Examples, classes: int) -> NDArray[np.float32]:
    """Return what is learnt of each text: its soft label, or else its label."""
    columns = columns_of(train.labels, classes)
    targets = one_hot(train.labels, columns)
    if train.probabilities is None:
        return targets
    soft = train.probabilities[:, -columns:]
    return np.asarray(np.where(np.isnan(soft), targets, soft), np.float32)


def _finish(run: Run, model: Any, corpus: Corpus, rounds: Sequence[Round], seconds: float) -> None:
    """Calibrate the trained model, save it, measure it, and delete what only a resume needs."""
    config, tokenizer = run.config, run.tokenizer
    labels, scores, teacher, others, commonest = (
        np.concatenate([getattr(one, name) for one in rounds])
        for name in ("labels", "scores", "teacher", "baseline", "commonest")
    )
    several = config.task.multi_label
    even: Threshold = (0.5,) * len(corpus.labels) if several else 0.5
    temperature, threshold = 1.0, even
    if config.task.calibrate:
        temperature = calibration.temperature(scores, labels)
        calibration.apply(model, temperature)
        scores = calibration.scaled(scores, temperature, multi_label=several)
        threshold = calibration.thresholds(scores, labels, seed=config.seed)
    run.save_model(model)
    test = None
    if len(corpus.test):
        found = batches.predict(model, batches.ids(tokenizer, corpus.test.texts), config)
        test = evaluate(found, corpus.test.labels, threshold)
        report.write(run, model, corpus.test, threshold)
    usual = calibration.usual(batches.ids(tokenizer, corpus.train.texts), tokenizer.config)
    # By even thresholds, as the others choose: those moved were fitted on these very texts.
    chosen = {"network": choose(scores, even)}
    if len(teacher):
        chosen["teacher"] = choose(teacher, even)
    chosen |= {"tfidf": choose(others, even), "commonest": commonest}
    figures = {
        "comparison": comparison.compare(
            labels,
            chosen,
            len(corpus.train),
            ranks=scores.shape[1] == 2 and not several and tells_apart(scores[:, 1], labels),
        ),
        "test": test,
        "validation": evaluate(scores, labels, threshold),
        **({"teacher": evaluate(teacher, labels)["accuracy"]} if len(teacher) else {}),
        "threshold": threshold,
        "usual": usual and usual.to_dict(),
        "temperature": temperature,
    }
    if not isinstance(threshold, tuple):
        figures["unsure"] = calibration.unsure(scores, labels, threshold)
    run.finish(config, model, figures, seconds)
    for path in [run.folder / distillation.SOFT_LABELS, *run.folder.glob("round*.npz")]:
        path.unlink(missing_ok=True)
