"""Every kind of network that a configuration can say."""

import itertools
import random
from typing import Any

from pocketrnn import ClassifierConfig, TextConfig
from pocketrnn.modelfile.network import NetworkConfig

MAXLEN = 20
IDS = 2100  # so many that the word vectors are a large matrix
WORDS = [f"w{i}" for i in range(IDS - 4)]

Kind = tuple[Any, ...]
PARTS: dict[str, list[Any]] = {
    "cell": [("simple_rnn", "tanh"), ("simple_rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")],
    "layers": [1, 2, 3],
    "bidirectional": [False, True],
    "mask": [False, True],
    "pooling": [("last", 0), ("sqrtn_max", 0), ("sqrtn_max", 5)],
    "padding": ["pre", "post"],
    "labels": [("no", "yes"), tuple("abcde")],
    "weights": ["float32", "float16", "int8"],
}
KINDS: list[Kind] = list(itertools.product(*PARTS.values()))


def covering(count: int) -> list[Kind]:
    """Return kinds that hold every two values of different parts together, then some by chance."""
    choose = random.Random(1)
    pairs = {kind: set(itertools.combinations(enumerate(kind), 2)) for kind in KINDS}
    missing = set().union(*pairs.values())
    chosen: list[Kind] = []
    while missing:
        best = max(KINDS, key=lambda kind: len(pairs[kind] & missing))
        chosen.append(best)
        missing -= pairs[best]
    others = [kind for kind in KINDS if kind not in chosen]
    return chosen + choose.sample(others, max(count - len(chosen), 0))


def config(kind: Kind) -> ClassifierConfig:
    """Return the configuration of a small network of this kind."""
    (cell, activation), layers, both, mask, (pooling, window), padding, labels, weights = kind
    network = NetworkConfig(8, cell, activation, 6, layers, both, mask, pooling, window, weights)
    text = TextConfig(num_words=IDS, maxlen=MAXLEN, padding=padding)
    return ClassifierConfig(text, labels, 0.5, network)
