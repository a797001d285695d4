"""Batches of running text, whose state is carried on, and of lines, which start from nothing."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.config import check
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn.generate.file import GeneratorConfig

from ..loop import Stage, alike
from .config import GeneratorTrainConfig
from .corpus import Sequences

Ids = NDArray[np.int32]

# An epoch goes through a small text several times, to have so many batches.
_LEAST_STEPS = 100


def stage(
    config: GeneratorTrainConfig, settings: GeneratorConfig, alphabet: Alphabet, learnt: Sequences
) -> Stage:
    """Return the stage that learns texts.

    The batches of an epoch come from the seed and its number alone, so a resumed run has the same.
    Raises ConfigError for running text with less than a character for each row of a batch.
    """
    encoded = [alphabet.encode(text) for text in learnt.texts]
    fit, task = config.fit, config.task
    size = fit.batch_size
    if task.lines:
        weights = np.array(list(learnt.texts.values()))
        rows = learnt.rows * -(-_LEAST_STEPS * size // learnt.rows)
        steps = -(-rows // size)
    else:
        running = np.concatenate([np.append(np.int32(settings.start), ids) for ids in encoded])
        check(
            len(running) >= size,
            f"too little text: {len(running)} characters to learn from; a batch needs {size} at "
            "least (batch_size=...)",
        )
        copies = -(-_LEAST_STEPS * size * task.steps // len(running))
        while math.gcd(copies, size) > 1:  # or rows of a batch would start at the same place
            copies += 1
        running = np.tile(running, copies)
        steps = -(-(len(running) // size) // task.steps)

    def epoch(number: int) -> Any:
        random = np.random.default_rng((config.seed, number))
        if task.lines:
            drawn = _drawn(weights, rows, random)
            pairs = _lines([encoded[i] for i in drawn], settings, size, random)
        else:
            rolled = np.roll(running, random.integers(len(running)))
            pairs = _running(rolled, settings.start, size, task.steps)
        shape = (None if task.lines else size, None)
        return _dataset(pairs, shape, steps, settings.unknown, fit.word_dropout, random)

    return Stage(
        "lines" if task.lines else "running text",
        epochs=fit.epochs,
        steps=steps,
        learning_rate=fit.learning_rate,
        warm_up=fit.warm_up,
        batches=epoch,
        patience=task.patience,
    )


def _running(ids: Ids, start: int, size: int, steps: int) -> Iterator[tuple[Ids, Ids]]:
    """Yield what batches read and what follows: each row goes on from that of the batch before."""
    rows = ids[: len(ids) // size * size].reshape(size, -1)
    before = np.column_stack([np.full(size, start, np.int32), rows[:, :-1]])
    for first in range(0, rows.shape[1], steps):
        yield before[:, first : first + steps], rows[:, first : first + steps]


def _drawn(weights: NDArray[np.float64], count: int, random: np.random.Generator) -> Any:
    """Draw the lines of an epoch, each as often as its weight says, by systematic sampling."""
    places = (np.arange(count) + random.random()) * (weights.sum() / count)
    return np.searchsorted(weights.cumsum(), places, side="right").clip(max=len(weights) - 1)


def _lines(
    lines: list[Ids], settings: GeneratorConfig, size: int, random: np.random.Generator
) -> Iterator[tuple[Ids, Ids]]:
    """Yield what batches of lines of like length read and what follows; -1 behind the end."""
    lengths = np.array([len(line) for line in lines])
    for batch in alike(lengths, size, random):
        time = lengths[batch].max() + 1
        read = np.full((len(batch), time), settings.start, np.int32)
        follows = np.full((len(batch), time), -1, np.int32)
        for row, number in enumerate(batch):
            line = lines[number]
            read[row, 1 : len(line) + 1] = follows[row, : len(line)] = line
            follows[row, len(line)] = settings.stop
        yield read, follows


def _dataset(
    pairs: Iterator[tuple[Ids, Ids]],
    shape: tuple[int | None, None],
    steps: int,
    unknown: int | None,
    dropout: float,
    random: np.random.Generator,
) -> Any:
    """Return the tf.data.Dataset of batches with the weight of each step; the mean weight is 1."""
    import tensorflow as tf

    def generate() -> Iterator[tuple[Ids, Ids, NDArray[np.float32]]]:
        for read, follows in pairs:
            if dropout and unknown is not None:
                characters = read < unknown - 1  # special ids are the last ones
                read = np.where(characters & (random.random(read.shape) < dropout), unknown, read)
            counts = follows >= 0
            yield read, follows.clip(min=0), counts * np.float32(counts.size / counts.sum())

    # Open shapes, so that one traced function serves every length.
    signature = [tf.TensorSpec(shape, kind) for kind in (tf.int32, tf.int32, tf.float32)]
    dataset = tf.data.Dataset.from_generator(generate, output_signature=tuple(signature))
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(8)
