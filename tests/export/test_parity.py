"""The served score is the trained score, for every network that can be trained."""

import itertools
from functools import cache

import keras
import numpy as np
import onnx
import onnx.reference
import pytest
from onnx.reference.ops import op_loop

import pocketrnn
from pocketrnn import TextConfig, Tokenizer
from pocketrnn_export import Export, build, parity
from pocketrnn_train import TrainConfig, network

WORDS = [f"w{i}" for i in range(56)]

Network = tuple[str, int, bool, int]
NETWORKS = list(itertools.product(("simple_rnn", "gru", "lstm"), (1, 2), (False, True), (2, 5)))
# Every value of every part; the slow test has them all, and of longer texts.
FEW = [("simple_rnn", 2, True, 5), ("gru", 1, False, 2), ("lstm", 1, False, 5)]


def texts(maxlen: int) -> list[str]:
    random = np.random.default_rng(5)
    lengths = (0, 1, maxlen - 1, maxlen, maxlen + 1, 200 * maxlen)
    return [" ".join(random.choice([*WORDS, "unheard"], length)) for length in lengths]


def spread(keras_model: keras.Model) -> None:
    """Give a new network scores that are far apart: its word vectors are made large.

    The recurrent weights stay: larger ones make the state chaotic, and then no two orders of
    floating-point operations agree.
    """
    embedding, *others = keras_model.get_weights()
    keras_model.set_weights([20 * embedding, *others])


@cache
def exported(network_: Network, maxlen: int) -> tuple[keras.Model, Export]:
    cell, layers, bidirectional, classes = network_
    keras.utils.set_random_seed(7)
    text = TextConfig(num_words=60, maxlen=maxlen)
    config = TrainConfig.from_dict(
        TrainConfig(text=text, embedding=6, units=5, dropout=0.1).to_dict()
        | {"cell": cell, "layers": layers, "bidirectional": bidirectional}
    )
    keras_model = network.build(config, classes)
    spread(keras_model)
    labels = tuple("abcde"[:classes])
    return keras_model, build(keras_model, Tokenizer(text, WORDS), labels, weights="float32")


def check(network_: Network, maxlen: int) -> None:
    keras_model, made = exported(network_, maxlen)
    # Keras's own tokenizer and padding, so that nothing of the runtime is on this side.
    rows = [text.split() for text in texts(maxlen)]
    ids = keras.utils.pad_sequences(
        [[1] + [WORDS.index(w) + 4 if w in WORDS else 2 for w in row] for row in rows],
        maxlen=maxlen,
    )
    trained = keras_model.predict(ids, verbose=0)
    served = pocketrnn.load(made.data).scores(texts(maxlen))
    assert np.ptp(trained) > 0.01, "scores that are all alike prove nothing"
    np.testing.assert_allclose(served[:, -trained.shape[1] :], trained, rtol=0, atol=1e-5)
    assert made.difference <= 1e-5


@pytest.mark.parametrize("network_", FEW, ids=str)
def test_served_is_trained(network_: Network) -> None:
    check(network_, 40)


@pytest.mark.slow
@pytest.mark.parametrize("network_", NETWORKS, ids=str)
def test_served_is_trained_for_every_network(network_: Network) -> None:
    check(network_, 500)


class Loop(op_loop.Loop):
    """The reference Loop, but scan outputs are stacked, as in the specification's own listing.

    The evaluator joins them along their first axis instead, which loses the time axis.
    """

    op_domain = ""

    def _run(self, M, cond, *args, **kwargs):
        outputs = super()._run(M, cond, *args, **kwargs)
        states = len(self.body.input_names) - 2
        joined = [o.reshape(int(M), -1, *o.shape[1:]) for o in outputs[states:]]
        return (*outputs[:states], *joined)


@pytest.mark.parametrize("network_", FEW, ids=str)
def test_right_by_the_specification(network_: Network) -> None:
    """The onnx package's reference evaluator shares no code with onnxruntime."""
    keras_model, made = exported(network_, 40)
    data = made.data
    ids = pocketrnn.load(data).tokenizer.encode(["w1 w2", " ".join(WORDS), ""])
    reference = onnx.reference.ReferenceEvaluator(onnx.load_from_string(data), new_ops=[Loop])
    (scores,) = reference.run(None, {"ids": ids})
    np.testing.assert_allclose(scores, keras_model.predict(ids, verbose=0), rtol=0, atol=1e-5)


def test_sample_texts_have_the_lengths_that_matter() -> None:
    tokenizer = Tokenizer(TextConfig(num_words=60, maxlen=20), WORDS)
    samples = parity.sample_texts(tokenizer, 16)
    lengths = [len(tokenizer.words(sample)) for sample in samples]
    assert {0, 1, 19, 20, 21} <= set(lengths)
    assert len(samples) == 16
    assert samples == parity.sample_texts(tokenizer, 16)
    assert any(2 in tokenizer.ids(sample) for sample in samples), "no unknown word"
