"""Distillation: the network learns from the soft labels of a teacher.

1. A teacher is fitted and labels all texts once; `teacher.npz` keeps its soft labels.
2. Stage `spans`: the network learns spans of all texts, each with the soft label of that span.
3. Stage `texts`: it learns whole texts and some of the spans. The target of a text without a label
   is the soft label; of a text with a label, the mean of both, weighted. With the label alone,
   the network would soon learn the texts by heart.

A teacher is too sure of texts that it was fitted on. So the training texts are split into folds,
and each fold is labelled by a teacher that was fitted on the others.
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.classify.labels import probabilities

from ..config import Distillation, Spans, TrainConfig
from ..corpora.corpus import Corpus
from ..corpora.splits import folds
from ..run import Run
from . import batches
from .batches import Lesson, Rows
from .evaluation import evaluate
from .ngrams import MOST_WORDS, Ranks
from .teacher import Teacher, blend, with_truth

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
    of_held_out: NDArray[np.float32]


def lesson(
    run: Run,
    config: TrainConfig,
    distillation: Distillation,
    development: Corpus,
    words: Sequence[str],
) -> Lesson:
    """Return what the network is to learn. A teacher is fitted first, unless `run` has its labels.

    The test of `development` is the texts held out for validation.
    """
    train, held_out = development.train, development.test
    labels = run.arrays(SOFT_LABELS, SoftLabels)
    if labels is None:
        print("  teacher: a linear classifier learns n-grams, labels texts and spans", flush=True)
        started = time.perf_counter()
        labels, figures = ask(
            distillation,
            config.seed,
            ranks_of(config, words, train.texts),
            train.labels,
            development.groups(),
            ranks_of(config, words, held_out.texts),
            held_out.labels,
            ranks_of(config, words, development.unlabelled),
        )
        seconds = round(time.perf_counter() - started, 1)
        print(f"  teacher: {seconds:.0f} s; val_accuracy {figures['accuracy']:.4f}", flush=True)
        run.write("teacher.json", {"validation": figures, "seconds": seconds})
        run.write_arrays(SOFT_LABELS, labels)
    tokenizer = Tokenizer(config.task.text, words)
    rows: Rows = batches.ids(tokenizer, (*train.texts, *development.unlabelled))
    mixed = with_truth(labels.of_train, train.labels, distillation.truth)
    targets = np.concatenate([mixed, labels.of_unlabelled])
    settings, of_spans = distillation.spans, labels.of_spans
    spans = cut(rows, labels.spans, tokenizer)
    kept = np.random.default_rng(config.seed).random(len(spans)) < settings.kept
    rows = [*rows, *itertools.compress(spans, kept)]
    targets = np.concatenate([targets, of_spans[kept]])
    stages = [
        batches.stage("spans", spans, of_spans, config, settings, "-spans"),
        batches.stage("whole texts", rows, targets, config, config.fit),
    ]
    return Lesson(stages, labels.of_held_out)


# -- spans -------------------------------------------------------------------------------------


def draw_spans(
    lengths: Sequence[int], settings: Spans, random: np.random.Generator
) -> NDArray[np.int32]:
    """Cut texts of so many words into spans of random lengths: (text, first word, end) of each.

    Every word is in exactly one span. A text's last span may be shorter; an empty text has none.
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


def ask(
    distillation: Distillation,
    seed: int,
    train: Sequence[Ranks],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    held_out: Sequence[Ranks],
    held_out_labels: NDArray[np.int64],
    unlabelled: Sequence[Ranks],
) -> tuple[SoftLabels, dict[str, Any]]:
    """Fit teachers; return their soft labels, and their figures on the texts held out.

    A teacher labels texts that are in none of the groups that it was fitted on.
    """
    random = np.random.default_rng(seed)
    settings = distillation.spans
    classes = labels.shape[1] if labels.ndim > 1 else int(labels.max()) + 1

    def fit(rows: NDArray[np.int64]) -> Teacher:
        texts = [train[row] for row in rows.tolist()]
        return Teacher(texts, labels[rows], classes=classes, seed=seed)

    teacher = fit(np.arange(len(train)))
    # How margins become probabilities is fitted on texts, and spans, that the teacher wasn't.
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

    fold = folds(labels, groups, distillation.folds)
    for number in range(fold.max() + 1):
        own = np.flatnonzero(fold == number)
        others = np.flatnonzero(fold != number)
        one = fit(others) if len(others) else teacher
        of_train[own] = blended.probabilities(one.margins([train[row] for row in own.tolist()]))
        label_spans(one.label(unlabelled, blended)[1], own)
    label_spans(wide, np.arange(len(train), len(everything)))
    # What a blend is fitted to says too much good of it: each half has that of the other one.
    half = np.arange(len(held_out)) % 2
    of_held_out = np.zeros((len(held_out), margins.shape[2]), np.float32)
    for own in (half == 0, half == 1):
        other = blend(margins[:, ~own], held_out_labels[~own])
        of_held_out[own] = other.probabilities(margins[:, own])
    figures = evaluate(probabilities(of_held_out), held_out_labels)
    return SoftLabels(spans, of_spans, of_train, of_unlabelled, of_held_out), figures


def ranks_of(config: TrainConfig, words: Sequence[str], texts: Sequence[str]) -> list[Ranks]:
    """Return the ranks of each text's words; a word without a rank is 0."""
    words = words[:MOST_WORDS]
    bare: dict[str, Any] = {"start_id": None, "pad_id": 0, "oov_id": 0, "index_from": 0}
    tokenizer = Tokenizer(replace(config.task.text, num_words=len(words) + 1, **bare), words)
    return [np.array(tokenizer.ids(text), np.int64) for text in texts]


def _spans_of(texts: Sequence[Ranks], spans: NDArray[np.int32]) -> list[Ranks]:
    return [texts[text][start:end] for text, start, end in spans.tolist()]
