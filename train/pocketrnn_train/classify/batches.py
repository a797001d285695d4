"""Batches of texts of about one length, padded no further than they need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.classify.labels import probabilities
from pocketrnn.classify.padding import time_for
from pocketrnn.classify.text import pad

from ..config import FitConfig, MadeUp, Spans, TrainConfig
from ..loop import Stage, alike
from .linear import Choice

Rows = Sequence[NDArray[np.int32]]
"""The ids of texts, neither cut nor padded."""


@dataclass(frozen=True)
class Lesson:
    """What a network is to learn, and from where."""

    stages: list[Stage]
    of_held_out: NDArray[np.float32]
    """The teacher's probabilities for the texts held out; none without a teacher."""
    vectors: NDArray[np.float32] | None = None
    """The word vectors to start from, float32 (ids, width); None: those that Keras draws."""
    settings: Choice | None = None
    """Those of a teacher of words and pieces."""


# Texts that `predict` takes at a time: more gain nothing.
_PREDICT_BATCH = 256


def ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Return the ids of each text."""
    return [np.array(tokenizer.ids(text), np.int32) for text in texts]


def stage(
    name: str,
    rows: Rows,
    targets: NDArray[np.float32],
    config: TrainConfig,
    settings: FitConfig | Spans | MadeUp,
    suffix: str = "",
    weights: NDArray[np.float32] | None = None,
) -> Stage:
    """Return the stage that learns `rows` as `settings` say: targets float32 (texts, columns).

    `weights` say how much each text counts: float32 (texts,); by default all the same.

    Order and dropped words of an epoch come from the seed and its number alone, so that a resumed
    run draws the same.
    """
    if config.task.class_weights == "balanced":
        own = balanced(targets, multi_label=config.task.multi_label)
        weights = own * (1 if weights is None else weights)

    def epoch(number: int) -> Any:
        seed = (config.seed, number)
        order = shuffled(rows, settings.batch_size, np.random.default_rng(seed), config)
        return _dataset(rows, targets, order, config, config.fit.word_dropout, seed, weights)

    return Stage(
        name,
        epochs=settings.epochs,
        steps=-(-len(rows) // settings.batch_size),
        learning_rate=settings.learning_rate,
        warm_up=settings.warm_up,
        batches=epoch,
        suffix=suffix,
    )


def balanced(targets: NDArray[np.float32], *, multi_label: bool = False) -> NDArray[np.float32]:
    """Return the weight of each text: float32 (texts,), 1 on average.

    A label counts as much as any other: its weight is the inverse of its share of the targets
    (texts, columns), and a text of a soft label has the mean of the labels' weights. With
    `multi_label`, that of having each label or not, and their mean.
    """
    if multi_label:
        return np.asarray(np.mean([balanced(one[:, None]) for one in targets.T], 0), np.float32)
    shares = probabilities(targets)
    weights = shares @ (1 / (shares.shape[1] * np.maximum(shares.mean(axis=0), 1e-9)))
    return np.asarray(weights, np.float32)


def shuffled(
    rows: Rows, size: int, random: np.random.Generator, config: TrainConfig
) -> list[NDArray[np.int64]]:
    """Return the row numbers of each batch of an epoch, in random order."""
    if config.time_multiple == config.task.text.maxlen:  # all are padded to the same length
        order = random.permutation(len(rows))
        return [order[i : i + size] for i in range(0, len(order), size)]
    return alike(np.array([len(row) for row in rows]), size, random)


def padded(rows: Rows, config: TrainConfig) -> NDArray[np.int32]:
    """Cut rows to `maxlen` and pad them to the longest, in time multiples: int32 (rows, time)."""
    text, multiple = config.task.text, config.time_multiple
    longest = min(max(len(row) for row in rows), text.maxlen)
    time = time_for(longest, multiple)
    return pad(cast(Sequence[Sequence[int]], rows), text, time)


def predict(model: Any, rows: Rows, config: TrainConfig) -> NDArray[np.float32]:
    """Return Keras's probabilities, float32 (texts, classes)."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    batches = [order[i : i + _PREDICT_BATCH] for i in range(0, len(order), _PREDICT_BATCH)]
    output = np.zeros((len(rows), model.output_shape[-1]), np.float32)
    output[order] = model.predict(_dataset(rows, output, batches, config), verbose=0)
    return probabilities(output)


def _dataset(
    rows: Rows,
    targets: NDArray[np.float32],
    batches: Sequence[NDArray[np.int64]],
    config: TrainConfig,
    word_dropout: float = 0.0,
    seed: Sequence[int] = (),
    weights: NDArray[np.float32] | None = None,
) -> Any:
    """Return the tf.data.Dataset of `batches`, which are padded while the network is busy."""
    import tensorflow as tf

    text = config.task.text

    def generate() -> Iterator[tuple[NDArray[Any], ...]]:
        random = np.random.default_rng(seed)
        for batch in batches:
            found = padded([rows[row] for row in batch], config)
            if word_dropout:
                words = found > text.index_from
                found[words & (random.random(found.shape) < word_dropout)] = text.oov_id
            of_batch = (found, targets[batch])
            yield of_batch if weights is None else (*of_batch, weights[batch])

    # Open shapes, so that one traced function serves every length.
    signature = (
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, targets.shape[1]), tf.float32),
        *([] if weights is None else [tf.TensorSpec((None,), tf.float32)]),
    )
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(8)
