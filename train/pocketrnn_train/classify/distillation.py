"""Learn from the soft labels of a teacher: what the stages of the network learn.

1. A teacher is fitted, and labels everything once; `teacher.npz` keeps its soft labels.
2. Stage `spans`: the network learns spans of all texts, each with the soft label of that span.
3. Stage `texts`: it learns whole texts and some of the spans. The target of a text without a label
   is the soft label; of a text with one, a mixture of both: the bare label would soon be learnt
   by heart.

A teacher is too sure of texts that it was fitted on. So the training texts are split into folds,
and each fold is labelled by a teacher that was fitted on the others.
"""

import itertools
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pocketrnn import Tokenizer
from pocketrnn.errors import InputError
from pocketrnn.files import replacing

from ..config import Distillation, Spans, TrainConfig
from ..corpora.corpus import Examples
from ..loop import Stage
from ..run import Run
from . import batches
from .batches import Rows
from .evaluation import evaluate
from .ngrams import MOST_WORDS, Ranks
from .teacher import Teacher, blend, one_hot

SOFT_LABELS = "teacher.npz"
"""The file of a run with the soft labels, which only a resume needs."""


@dataclass(frozen=True)
class SoftLabels:
    """The probabilities that the teacher gives: float32 (texts, columns)."""

    spans: NDArray[np.int32]
    """Text (training ones first, then unlabelled), first word and end of each: (spans, 3)."""
    of_spans: NDArray[np.float32]
    of_train: NDArray[np.float32]
    of_unlabelled: NDArray[np.float32]


def stages(
    run: Run,
    config: TrainConfig,
    distillation: Distillation,
    examples: Examples,
    held_out: Examples,
    unlabelled: Sequence[str],
    words: Sequence[str],
) -> list[Stage]:
    """Return what the network is to learn; the teacher is asked first, unless `run` knows."""
    labels = _soft_labels(run, config, distillation, examples, held_out, unlabelled, words)
    tokenizer = Tokenizer(config.task.text, words)
    rows: Rows = batches.ids(tokenizer, (*examples.texts, *unlabelled))
    truth = one_hot(examples.labels, labels.of_train.shape[1])
    mixed = distillation.truth * truth + (1 - distillation.truth) * labels.of_train
    targets = np.concatenate([mixed, labels.of_unlabelled]).astype(np.float32)
    if distillation.spans is None:
        return [texts_stage(config, rows, targets)]
    settings = distillation.spans
    spans = cut(rows, labels.spans, tokenizer)
    first = Stage(
        "spans",
        epochs=settings.epochs,
        steps=batches.steps(spans, settings.batch_size),
        learning_rate=settings.learning_rate,
        warm_up=settings.warm_up,
        batches=lambda number: batches.epoch(
            spans, labels.of_spans, config, size=settings.batch_size, number=number
        ),
        suffix="-spans",
    )
    kept = np.random.default_rng(config.seed).random(len(spans)) < settings.kept
    rows = [*rows, *itertools.compress(spans, kept)]
    return [first, texts_stage(config, rows, np.concatenate([targets, labels.of_spans[kept]]))]


def texts_stage(config: TrainConfig, rows: Rows, targets: NDArray[np.float32]) -> Stage:
    """Return the stage on whole texts, the last one or the only one."""
    fit = config.fit
    return Stage(
        "texts",
        epochs=fit.epochs,
        steps=batches.steps(rows, fit.batch_size),
        learning_rate=fit.learning_rate,
        warm_up=fit.warm_up,
        batches=lambda number: batches.epoch(
            rows, targets, config, size=fit.batch_size, number=number
        ),
    )


# -- spans -------------------------------------------------------------------------------------


def draw_spans(
    lengths: Sequence[int], settings: Spans, random: np.random.Generator
) -> NDArray[np.int32]:
    """Cut texts of so many words into spans of random lengths: (text, first word, end) of each.

    Every word is in one span; a text's last span may be shorter, and an empty text has none.
    """
    spans = []
    for text, length in enumerate(lengths):
        start = 0
        while start < length:
            end = start + int(random.integers(settings.shortest, settings.longest + 1))
            spans.append((text, start, min(end, length)))
            start = end
    return np.array(spans, np.int32).reshape(-1, 3)


def cut(rows: Rows, spans: NDArray[np.int32], tokenizer: Tokenizer) -> list[NDArray[np.int32]]:
    """Return the ids of each span, as if it were a text by itself."""
    before = np.array(tokenizer.ids(""), np.int32)  # what every text starts with
    first = len(before)
    return [
        np.concatenate([before, rows[text][first + start : first + end]])
        for text, start, end in spans.tolist()
    ]


# -- the teacher's soft labels -------------------------------------------------------------------


def _soft_labels(
    run: Run,
    config: TrainConfig,
    distillation: Distillation,
    examples: Examples,
    held_out: Examples,
    unlabelled: Sequence[str],
    words: Sequence[str],
) -> SoftLabels:
    """Return the soft labels: from the run, or else by fitting teachers."""
    path = run.folder / SOFT_LABELS
    if path.exists():
        try:
            with np.load(path) as arrays:
                return SoftLabels(**arrays)
        except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: damaged ({error})") from error
    print("Teacher: a linear classifier learns n-grams, and labels texts and spans", flush=True)
    started = time.perf_counter()
    ranking = _ranking(config, words)
    labels, figures = ask(
        distillation,
        config.seed,
        _ranks(ranking, examples.texts),
        examples.labels,
        _ranks(ranking, held_out.texts),
        held_out.labels,
        _ranks(ranking, unlabelled),
    )
    figures["seconds"] = round(time.perf_counter() - started, 1)
    print(f"teacher: validation accuracy {figures['validation']['accuracy']:.4f}")
    run.write("teacher.json", figures)
    with replacing(path) as temporary:
        np.savez(temporary, **vars(labels))
    return labels


def ask(
    distillation: Distillation,
    seed: int,
    train: Sequence[Ranks],
    labels: NDArray[np.int64],
    held_out: Sequence[Ranks],
    held_out_labels: NDArray[np.int64],
    unlabelled: Sequence[Ranks],
) -> tuple[SoftLabels, dict[str, Any]]:
    """Fit teachers; return the soft labels that they give, and figures of how good they are."""
    random = np.random.default_rng(seed)
    settings = distillation.spans or Spans()
    classes = int(labels.max()) + 1

    def fit(rows: NDArray[np.int64]) -> Teacher:
        texts = [train[row] for row in rows.tolist()]
        longest = distillation.ngrams
        return Teacher(texts, labels[rows], classes=classes, longest=longest, seed=seed)

    teacher = fit(np.arange(len(train)))
    # How margins become probabilities is fitted on texts, and spans, that the teacher hasn't seen.
    margins = teacher.margins(held_out)
    blended = blend(margins, held_out_labels)
    of_unlabelled, wide = teacher.label(unlabelled, blended)
    held_out_spans = draw_spans([len(row) for row in held_out], settings, random)
    span_labels = held_out_labels[held_out_spans[:, 0]]
    spans_blended = blend(wide.margins(_spans_of(held_out, held_out_spans)), span_labels)

    everything = [*train, *unlabelled]
    spans = draw_spans([len(row) for row in everything], settings, random)
    of_train = np.zeros((len(train), of_unlabelled.shape[1]), np.float32)
    of_spans = np.zeros((len(spans), of_unlabelled.shape[1]), np.float32)

    def label_spans(one: Teacher, rows: NDArray[np.int64]) -> None:
        chosen = np.flatnonzero(np.isin(spans[:, 0], rows))
        found = one.margins(_spans_of(everything, spans[chosen]))
        of_spans[chosen] = spans_blended.probabilities(found)

    fold = folds(labels, distillation.folds)
    for number in range(fold.max() + 1):
        own = np.flatnonzero(fold == number)
        others = np.flatnonzero(fold != number)
        one = fit(others) if len(others) else teacher
        of_train[own] = blended.probabilities(one.margins([train[row] for row in own.tolist()]))
        label_spans(one.label(unlabelled, blended)[1], own)
    label_spans(wide, np.arange(len(train), len(everything)))
    figures = {
        "validation": evaluate(batches.with_first(blended.probabilities(margins)), held_out_labels),
        "weights": {
            name: {"texts": whole, "spans": span}
            for name, whole, span in zip(
                ("bayes", "tfidf", "ratios"), blended.weights, spans_blended.weights, strict=True
            )
        },
        "bias": {"texts": blended.bias.tolist(), "spans": spans_blended.bias.tolist()},
    }
    return SoftLabels(spans, of_spans, of_train, of_unlabelled), figures


def folds(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the fold of each text, from 0; a fold has neighbours of every label.

    There are `count` folds, or fewer where a label has fewer texts.
    """
    count = min(count, int(np.bincount(labels).min()))
    fold = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        fold[rows] = np.arange(len(rows)) * count // len(rows)
    return fold


def _ranking(config: TrainConfig, words: Sequence[str]) -> Tokenizer:
    """Return the tokenizer that gives words their bare ranks, and unknown ones 0."""
    words = words[:MOST_WORDS]
    text = replace(
        config.task.text,
        num_words=len(words) + 1,
        start_id=None,
        pad_id=0,
        oov_id=0,
        index_from=0,
    )
    return Tokenizer(text, words)


def _ranks(ranking: Tokenizer, texts: Sequence[str]) -> list[Ranks]:
    return [np.array(ranking.ids(text), np.int64) for text in texts]


def _spans_of(texts: Sequence[Ranks], spans: NDArray[np.int32]) -> list[Ranks]:
    return [texts[text][start:end] for text, start, end in spans.tolist()]
