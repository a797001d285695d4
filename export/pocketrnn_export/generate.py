"""A generator's Keras network as a model file, and the proof that all compute the same logits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.generate import file
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn.generate.file import GeneratorConfig, TestCase
from pocketrnn.generate.model import Generator, difference
from pocketrnn.modelfile import fold
from pocketrnn.session import Session

from .convert import convert_steps, stepped
from .parity import Export, proven
from .test_cases import digits

# Texts, and their steps, that are compared.
_TEXTS, _STEPS = 16, 200


def build(
    keras_model: Any,
    config: GeneratorConfig,
    alphabet: Alphabet,
    *,
    card: dict[str, Any] | None = None,
) -> Export:
    """Convert a keras.Model from ids to logits, and check it, as `export` does."""
    import tensorflow as tf

    numbers = fold.to_bytes(keras_model, config)
    served = Generator.load(file.to_bytes(config, alphabet, numbers, {}))
    ids = np.random.default_rng(0).integers(0, config.ids, (_TEXTS, _STEPS), np.int32)
    run, widths = stepped(keras_model)
    zeros = [np.zeros((_TEXTS, width), np.float32) for width in widths]
    trained = np.array(tf.function(run)(ids, *zeros)[0])
    before = {f"before{i}": state for i, state in enumerate(zeros)}
    witness = Session(convert_steps(keras_model).SerializeToString)
    others = witness.run({"ids": ids, **before}, ["logits"])
    others += [served.run(ids)[0], _by_step(served, ids), _by_step(served, ids[:1])]
    card = proven(card, [difference(some, trained[: len(some)]) for some in others], _TEXTS)
    drawn = alphabet.decode(ids[0][ids[0] < config.characters].tolist())
    prompts = ("", drawn, "\u6620 \U0001f600")
    cases = [TestCase(prompt, digits(served.start(prompt)[0])) for prompt in prompts]
    return Export(file.to_bytes(config, alphabet, numbers, card, cases), **card["parity"])


def _by_step(served: Generator, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the served logits, float32 (texts, time, ids), as `generate` gets them."""
    logits, state = served.run(ids[:, :1])
    steps = [logits[:, -1]]
    for column in ids.T[1:]:
        logits, state = served.step(state, column)
        steps.append(logits)
    return np.stack(steps, axis=1)
