"""Batches of texts of about one length, padded no further than they need."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pocketrnn import TextConfig
from pocketrnn.classify.text import pad

Rows = Sequence[NDArray[np.int32]]

# Texts are drawn at random this many batches at a time, and sorted by length within: enough
# that hardly any padding is left, and a batch is still a random lot of texts.
_SORTED_TOGETHER = 50

# Texts that `predict` takes at a time: beyond this nothing is gained.
PREDICT_BATCH = 256


def shuffled(rows: Rows, size: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return the row numbers of each batch of an epoch, in random order: `count` of them."""
    order = random.permutation(len(rows))
    lengths = np.array([len(row) for row in rows])
    batches = []
    for start in range(0, len(order), size * _SORTED_TOGETHER):
        pool = order[start : start + size * _SORTED_TOGETHER]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    return [batches[i] for i in random.permutation(len(batches))]


def count(rows: Rows, size: int) -> int:
    """Return the number of batches in an epoch."""
    return -(-len(rows) // size)


def padded(rows: Rows, text: TextConfig, multiple: int) -> NDArray[np.int32]:
    """Pad rows of ids to the longest of them, rounded up to a multiple: int32 (rows, time)."""
    longest = max(min(len(row), text.maxlen) for row in rows)
    time = max(-(-longest // multiple), 1) * multiple
    cut = [row[-text.maxlen :] if text.truncating == "pre" else row[: text.maxlen] for row in rows]
    return pad(cast(Sequence[Sequence[int]], cut), dataclasses.replace(text, maxlen=time))


def dataset(
    rows: Rows,
    targets: NDArray[np.float32],
    batches: Sequence[NDArray[np.int64]],
    text: TextConfig,
    multiple: int,
    *,
    word_dropout: float = 0.0,
    seed: Sequence[int] = (),
) -> Any:
    """Return a tf.data.Dataset of (ids, targets) for `batches`, padded while others train.

    A share `word_dropout` of the words, drawn by `classic`, become the unknown word.
    """
    import tensorflow as tf

    def generate() -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        random = np.random.default_rng(seed)
        for batch in batches:
            ids = padded([rows[row] for row in batch], text, multiple)
            if word_dropout:
                ids[(ids > text.index_from) & (random.random(ids.shape) < word_dropout)] = (
                    text.oov_id
                )
            yield ids, targets[batch]

    # Open shapes, so that one traced function serves every length.
    signature = (
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, targets.shape[1]), tf.float32),
    )
    made = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return made.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(8)


def predict(model: Any, rows: Rows, text: TextConfig, multiple: int) -> NDArray[np.float32]:
    """Return Keras's probabilities, float32 (texts, classes), in batches sorted by length.

    Only for networks that mask padding, whose scores don't depend on how much there is.
    """
    lengths = np.array([len(row) for row in rows])
    order = np.argsort(lengths, kind="stable")
    batches = [order[i : i + PREDICT_BATCH] for i in range(0, len(order), PREDICT_BATCH)]
    columns = model.output_shape[-1]
    nothing = np.zeros((len(rows), columns), np.float32)
    found = model.predict(dataset(rows, nothing, batches, text, multiple), verbose=0)
    output = np.empty((len(rows), columns), np.float32)
    output[order] = found
    return np.hstack([1 - output, output]) if columns == 1 else output
