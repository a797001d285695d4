"""The served score is the trained score, for every kind of network that a configuration can say.

Keras, tf2onnx's graph, and pocketrnn's graph in its three forms score the same texts; for some
networks, so does the onnx package's reference evaluator, which shares no code with onnxruntime.
"""

import itertools
import random
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pocketrnn
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops import op_scan
from pocketrnn import ClassifierConfig, TextConfig, Tokenizer
from pocketrnn.classify import file
from pocketrnn.classify.labels import probabilities
from pocketrnn.modelfile import onnx as own
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn.modelfile.weights import rounded
from pocketrnn_export import convert, fold
from pocketrnn_train.layers import SqrtnMax, Windows

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
    """Return kinds that hold every two values of different parts together, and some by chance."""
    choose = random.Random(1)
    pairs = {kind: set(itertools.combinations(enumerate(kind), 2)) for kind in KINDS}
    missing = set().union(*pairs.values())
    chosen: list[Kind] = []
    while missing:
        best = max(KINDS, key=lambda kind: len(pairs[kind] & missing))
        chosen.append(best)
        missing -= pairs[best]
    return chosen + choose.sample([k for k in KINDS if k not in chosen], count - len(chosen))


def build(network: NetworkConfig, *, num_words: int, classes: int) -> Any:
    """Build the keras.Model."""
    cells = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}
    model = keras.Sequential([keras.Input((None,), dtype="int32")])
    model.add(keras.layers.Embedding(num_words, network.embedding, mask_zero=network.mask))
    pooled = network.pooling == "sqrtn_max"
    for layer in range(network.layers):
        recurrent = getattr(keras.layers, cells[network.cell])(
            network.units,
            activation=network.activation,
            return_sequences=pooled or layer < network.layers - 1,
        )
        if network.bidirectional:
            recurrent = keras.layers.Bidirectional(recurrent)
        model.add(Windows(recurrent, network.window) if network.window else recurrent)
    if pooled:
        model.add(SqrtnMax())
    columns, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    model.add(keras.layers.Dense(columns, activation=activation))
    return model


def trained(config: ClassifierConfig) -> Any:
    """Return a network with weights drawn by chance, biases too, and scores that are far apart.

    The word vectors are large; the recurrent weights aren't, as larger ones make the state
    chaotic, and then no two orders of floating-point operations agree.
    """
    assert config.network
    keras.utils.set_random_seed(7)
    noise = np.random.default_rng(7)
    model = build(config.network, num_words=config.text.num_words, classes=len(config.labels))
    embedding, *others = model.get_weights()
    others = [array + noise.normal(0, 0.1, array.shape).astype(np.float32) for array in others]
    model.set_weights([rounded(20 * embedding, config.network.weights), *others])
    return model


def rows() -> list[list[str]]:
    draw = np.random.default_rng(5)
    lengths = (0, 1, MAXLEN - 2, MAXLEN - 1, MAXLEN, MAXLEN + 1, 100_000)
    words = [*WORDS, *["unheard"] * 100]
    return [draw.choice(words, length).tolist() for length in lengths]


ROWS = rows()
TEXTS = [" ".join(row) for row in ROWS]


def keras_ids(padding: str) -> NDArray[np.int32]:
    """Make padded ids with nothing of the runtime."""
    numbers = {word: i + 4 for i, word in enumerate(WORDS)}
    ids = [[1, *(numbers.get(word, 2) for word in row)] for row in ROWS]
    padded: NDArray[np.int32] = keras.utils.pad_sequences(ids, maxlen=MAXLEN, padding=padding)
    return padded


class Scan(op_scan.Scan):
    """The reference Scan, which has no directions, with those that pocketrnn's graphs ask for.

    They are all inputs and outputs backwards, or none.
    """

    op_domain = ""

    def __init__(self, node: Any, run_params: Any) -> None:
        plain = onnx.NodeProto()
        plain.CopyFrom(node)
        kept = [each for each in node.attribute if not each.name.endswith("_directions")]
        del plain.attribute[:]
        plain.attribute.extend(kept)
        super().__init__(plain, run_params)
        self._step = -1 if len(kept) < len(node.attribute) else 1

    def _run(self, *args: Any, **options: Any) -> tuple[Any, ...]:
        states = len(args) - self.num_scan_inputs
        inputs = [array[:: self._step] for array in args[states:]]
        made = super()._run(*args[:states], *inputs, **options)
        return (*made[:states], *(array[:: self._step] for array in made[states:]))


def check(kind: Kind, *, witness: bool = True, reference: bool = False) -> None:
    """Compare all that can score the texts with Keras."""
    (cell, activation), layers, both, mask, (pooling, window), padding, labels, weights = kind
    network = NetworkConfig(8, cell, activation, 6, layers, both, mask, pooling, window, weights)
    text = TextConfig(num_words=IDS, maxlen=MAXLEN, padding=padding)
    config = ClassifierConfig(text, labels, 0.5, network)
    model = trained(config)
    ids = keras_ids(padding)
    expected = probabilities(np.asarray(model(ids, training=False)))
    assert np.ptp(expected, axis=0).max() > 0.01, "scores that are all alike prove nothing"

    graph = own.to_bytes(config.graph(), fold.weights(model, config))
    data = file.to_bytes(config, Tokenizer(text, WORDS), graph, {})
    served = pocketrnn.load(data)
    found = {
        "file": run(data, ids),
        "many": served.scores(TEXTS),
        "one": np.concatenate([served.scores(text) for text in TEXTS]),
    }
    if witness:
        found["tf2onnx"] = run(convert.convert(model).SerializeToString(), ids)
    if reference:
        evaluator = ReferenceEvaluator(onnx.load_from_string(data), new_ops=[Scan])
        (output,) = evaluator.run(None, {"ids": ids})
        found["reference"] = probabilities(output)
    for name, scores in found.items():
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5, err_msg=name)


def run(model: bytes, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Run an ONNX model as anyone would."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (output,) = session.run(["scores"], {"ids": ids})
    return probabilities(output)


@pytest.mark.parametrize("kind", covering(18), ids=str)
def test_served_is_trained(kind: Kind) -> None:
    check(kind, reference=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_served_is_trained_for_every_kind(kind: Kind) -> None:
    # To tf2onnx it is all one how the weights will be stored.
    check(kind, witness=kind[-1] == "int8")
