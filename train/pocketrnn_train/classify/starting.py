"""Start from a model file: its words with their vectors, its recurrent layers, maybe its head.

What the file was trained on need not have the same labels; its head is taken if it has.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Classifier
from pocketrnn.modelfile.graph import layers
from pocketrnn.modelfile.network import NetworkConfig

from ..config import MadeUp, TrainConfig
from ..network import recurrent_weights

_log = logging.getLogger("pocketrnn")

# Where fewer of the commonest words are known, there is little to start from.
_COMMON, _FEW_KNOWN = 500, 0.5

# Of the learning rate: what was learnt already shall not be lost in the first steps.
_SLOWER = 0.3


def follow(config: TrainConfig, first: Classifier, labels: Sequence[str]) -> TrainConfig:
    """Return settings with the file's network and tokenizer, and with slower steps.

    A network that knows the labels already is better than a teacher of few texts, and has none.
    """
    text = replace(first.config.text, maxlen=config.task.text.maxlen, num_words=2**20)
    distillation = config.task.distillation
    if _has_head(first, labels, config.task.multi_label):
        distillation = None
    elif distillation and (made_up := config.task.made_up):
        rate, divisor = _SLOWER * made_up.learning_rate, MadeUp.divisor  # the file's
        slower = replace(made_up, learning_rate=rate, divisor=divisor)
        distillation = replace(distillation, made_up=slower)
    elif distillation and text.pieces:
        _log.warning(
            "words are read whole, not in pieces as by the file: spans are cut between words"
        )
        text = replace(text, pieces=False)
    settings = {"learning_rate": _SLOWER * config.fit.learning_rate, "distillation": distillation}
    return config.with_settings(network=first.config.network, text=text, **settings)


def words(first: Classifier, own: Sequence[str]) -> list[str]:
    """Return the file's words, and behind them those of `own` that it hasn't.

    Warns where most of `own`, the words of a corpus by rank, are new to the file.
    """
    known = set(first.tokenizer.vocabulary)
    common = own[:_COMMON]
    share = sum(word in known for word in common) / max(len(common), 1)
    if share < _FEW_KNOWN:
        _log.warning(
            "the model file knows %.0f %% of the %d commonest words of these texts: is it of "
            "another language, or of quite other texts?",
            100 * share,
            len(common),
        )
    return list(dict.fromkeys([*first.tokenizer.vocabulary, *own]))


def _has_head(first: Classifier, labels: Sequence[str], multi_label: bool) -> bool:
    """Return whether the file's head tells the same labels, two of them in any order."""
    its, own = first.config.labels, tuple(labels)
    same = own == its or (not multi_label and own[::-1] == its and len(own) == 2)
    return same and multi_label == first.config.multi_label


def start(
    model: Any,
    network: NetworkConfig,
    first: Classifier,
    labels: Sequence[str],
    *,
    multi_label: bool = False,
) -> None:
    """Give `model`, a Keras model of the file's `network`, the weights of the file."""
    stored: dict[str, NDArray[Any]] = dict(first.weights)

    def numbers(name: str) -> NDArray[np.float32]:
        found = stored[name].astype(np.float32)
        return found * stored[f"{name}.scale"] if f"{name}.scale" in stored else found

    embedding, *recurrent, head = [layer for layer in model.layers if layer.get_weights()]
    (vectors,) = embedding.get_weights()
    known = numbers("embedding")
    vectors[: len(known)] = known
    embedding.set_weights([vectors])
    for layer, ways in zip(recurrent, layers(network), strict=True):
        each = [recurrent_weights(numbers, way.name, network) for way in ways]
        layer.set_weights([weight for weights in each for weight in weights])
    if _has_head(first, labels, multi_label):
        sign = 1 if tuple(labels) == first.config.labels else -1
        head.set_weights([sign * numbers("head.kernel"), sign * numbers("head.bias")])
