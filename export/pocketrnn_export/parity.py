"""Compare the exported file with the Keras model that it came from."""

from typing import Any

import numpy as np
import pocketrnn
from pocketrnn import Tokenizer

TOLERANCE = 1e-5


def sample_texts(tokenizer: Tokenizer, count: int = 64, seed: int = 0) -> list[str]:
    """Make texts of the vocabulary's words and unknown ones, of lengths that matter.

    Words are drawn with probability 1/rank (Zipf's law), as in real text.
    """
    random = np.random.default_rng(seed)
    words = np.array([*tokenizer.vocabulary, "\u00d8unknown"], object)
    weights = 1 / np.arange(1, len(words) + 1)
    maxlen = tokenizer.config.maxlen
    lengths = [0, 1, 2, maxlen - 1, maxlen, maxlen + 1, 3 * maxlen]
    lengths += random.integers(1, 2 * maxlen, max(count - len(lengths), 0)).tolist()
    return [
        tokenizer.config.split.join(random.choice(words, length, p=weights / weights.sum()))
        for length in lengths[:count]
    ]


def largest_difference(keras_model: Any, model: pocketrnn.Model, texts: list[str]) -> float:
    """Return the largest difference between Keras's scores and the served ones."""
    trained = keras_model.predict(model.tokenizer.encode(texts), verbose=0)
    served = model.scores(texts)
    # With two classes Keras gives the second one's sigmoid alone.
    return float(np.abs(trained - served[:, -trained.shape[1] :]).max())
