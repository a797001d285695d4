"""Texts made of parts of the training texts: more to learn from where these are few or short.

A made-up text is a part of a text, the start of one and the end of another, or a text with some of
its words swapped for words of others. All that goes into it is of one fold, so a teacher that has
seen nothing of it can label it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer

from ..config import Distillation, MadeUp, TrainConfig
from ..corpora.corpus import Corpus
from . import batches
from .adapting import is_few
from .batches import Lesson, Rows
from .linear import Choice, Linear, teachers, tells
from .teacher import one_hot, with_truth

# Share of the words that are swapped.
_SWAPPED = 0.2

# Word vectors start from log ratios times this, and from uniform draws up to the other.
_SCALE, _DRAWN = 0.1, 0.05


def make_up(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    fold: NDArray[np.int64],
    settings: MadeUp,
    random: np.random.Generator,
) -> tuple[list[str], NDArray[np.int64]]:
    """Return texts of at least one word and at most `longest`, and the fold that each is of."""
    places = [tokenizer.spans(text) for text in texts]
    filled = [row for row, words in enumerate(places) if words]
    members = {
        number: [row for row in filled if fold[row] == number] for number in np.unique(fold[filled])
    }

    def part(row: int, start: int, end: int) -> str:
        return texts[row][places[row][start][0] : places[row][end - 1][1]]

    def draw(limit: int) -> int:
        """Draw a whole number from 1 to `limit`."""
        return int(random.integers(limit)) + 1

    made, folds = [], []
    for first in random.choice(filled, settings.texts).tolist():
        mates, length = members[fold[first]], len(places[first])
        other = mates[int(random.integers(len(mates)))]
        size = min(length, settings.longest)
        kind = random.integers(3)
        if kind == 0 or size < length:
            size = draw(size)
            start = int(random.integers(length - size + 1))
            text = part(first, start, start + size)
        elif kind == 1:
            end = len(places[other])
            kept, added = draw(size), min(draw(end), settings.longest)
            text = f"{part(first, 0, kept)} {part(other, end - added, end)}"
        else:
            words = [part(first, i, i + 1) for i in range(length)]
            for i in np.flatnonzero(random.random(length) < _SWAPPED).tolist():
                mate = mates[int(random.integers(len(mates)))]
                word = int(random.integers(len(places[mate])))
                words[i] = part(mate, word, word + 1)
            text = " ".join(words)
        made.append(text)
        folds.append(fold[first])
    return made, np.array(folds, np.int64)


def lesson(
    config: TrainConfig,
    distillation: Distillation,
    settings: MadeUp,
    development: Corpus,
    tokenizer: Tokenizer,
    suffix: str,
    chosen: Choice | None,
) -> Lesson:
    """Fit teachers, and return what they teach; `chosen` are their settings, if they are known."""
    train, classes = development.train, len(development.labels)
    few = is_few(len(train) + len(development.test))
    teaching, matrix = teachers(
        tokenizer,
        train.texts,
        train.labels,
        development.groups(),
        classes=classes,
        count=distillation.folds,
        seed=config.seed,
        few=few,
        settings=chosen,
    )
    fitted = matrix, train.labels, classes, teaching.settings, config.seed
    if few:
        # Most words stand in one or two texts: only a teacher that has seen them can judge them.
        teacher = Linear(*fitted)
        teaching = replace(teaching, fold=np.zeros_like(teaching.fold), models=[teacher])
    random = np.random.default_rng(config.seed)
    texts, fold = make_up(tokenizer, train.texts, teaching.fold, settings, random)
    more = development.unlabelled  # no teacher has seen them, so any will do
    texts, fold = [*texts, *more], np.append(fold, np.arange(len(more)) % len(teaching.models))
    of_made = teaching.label(texts, fold)
    made = batches.ids(tokenizer, texts)
    rows = batches.ids(tokenizer, train.texts)
    mixed = with_truth(teaching.of_train, train.labels, distillation.truth)
    targets = np.tile(mixed, (settings.repeats, 1))
    of_held_out = np.zeros((0, of_made.shape[1]), np.float32)
    if len(development.test):
        teacher = teaching.models[0] if few else Linear(*fitted)  # of all texts
        margins = teacher.margins(teaching.vectorizer.transform(development.test.texts))
        of_held_out = teaching.blended.probabilities(margins[None])
    return Lesson(
        [
            batches.stage("made-up texts", made, of_made, config, settings, f"-made-up{suffix}"),
            batches.stage(
                "whole texts", rows * settings.repeats, targets, config, config.fit, suffix
            ),
        ],
        of_held_out,
        word_vectors(rows, train.labels, config, classes, random),
        teaching.settings,
    )


def word_vectors(
    rows: Rows,
    labels: NDArray[np.int64],
    config: TrainConfig,
    classes: int,
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Return vectors that say how much each word speaks for each label: float32 (ids, width).

    They are the largest principal components of the words' log ratios of naive Bayes; widths that
    are left are drawn at random, as Keras draws them.
    """
    ids, width = config.task.text.num_words, config.network.embedding
    counts = np.zeros((ids, classes))
    own = one_hot(labels, classes)
    for row, label in zip(rows, own, strict=True):
        counts[np.unique(row)] += label
    _, ratios = tells(counts, own.sum(axis=0))
    ratios -= ratios.mean(axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(ratios, full_matrices=False)
    known = min(width, classes)
    vectors = random.uniform(-_DRAWN, _DRAWN, (ids, width))
    vectors[:, :known] += _SCALE * (left * values)[:, :known]
    return vectors.astype(np.float32)
