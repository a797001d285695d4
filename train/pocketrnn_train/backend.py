"""Keras and TensorFlow, as every training starts them: from a seed, and repeatable."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pocketrnn.cli.command import import_quietly


@contextmanager
def seeding() -> Iterator[None]:
    """Keep the state of the caller's own random numbers, which Keras takes the seed of as well."""
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


quiet = False
"""Whether TensorFlow's notes at its start are kept back; for commands, as all that the process
writes to standard error meanwhile is."""


def start(seed: int) -> Any:
    """Return the module keras. It is slow to load, so call this when nothing can be refused.

    TensorFlow's own seed, and its deterministic operators, stay set for the process.
    """
    if quiet:
        import_quietly("tensorflow", "TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # a network of each round is traced anew, and that is right
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return keras
