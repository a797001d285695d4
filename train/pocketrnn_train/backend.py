"""Keras and TensorFlow, as every training starts them: from a seed, repeatable, and quiet."""

import os
import sys
from typing import Any


def start(seed: int) -> Any:
    """Return the module keras. It is slow to load, so call this when nothing can be refused."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    errors = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)  # notes about processors, from C++, that heed no setting
    try:
        import keras
        import tensorflow as tf
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        os.close(nothing)
    tf.get_logger().setLevel("ERROR")  # a network of each round is traced anew, and that is right
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return keras
