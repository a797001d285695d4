"""Keras and TensorFlow, as every training starts them: from a seed, repeatable, and quiet."""

from typing import Any

from pocketrnn.cli.command import import_quietly


def start(seed: int) -> Any:
    """Return the module keras. It is slow to load, so call this when nothing can be refused."""
    import_quietly("tensorflow", "TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # a network of each round is traced anew, and that is right
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return keras
