"""Keras and TensorFlow, as every training starts them: from a seed, and repeatable."""

import random
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from pocketrnn.cli.command import import_quietly

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def seeding(train: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Keep the state of the caller's own random numbers, which Keras takes the seed of as well."""

    @wraps(train)
    def kept(*given: Given.args, **named: Given.kwargs) -> Returned:
        states = random.getstate(), np.random.get_state()
        try:
            return train(*given, **named)
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])

    return kept


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
