"""The served score is the trained score, for kinds of networks that hold each pair of choices.

Keras, tf2onnx's graph, and pocketrnn's graph in its three forms score the same texts; for some
networks, so does the onnx package's reference evaluator, which shares no code with onnxruntime.
"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops import op_scan

import pocketrnn
from kinds import KINDS, MAXLEN, WORDS, Kind, config, covering
from pocketrnn import ClassifierConfig, Tokenizer
from pocketrnn.classify import file
from pocketrnn.classify.labels import probabilities
from pocketrnn.modelfile import fold
from pocketrnn.modelfile import onnx as own
from pocketrnn.session import import_onnxruntime
from pocketrnn_export import convert
from pocketrnn_train import network as keras_network


def trained(config: ClassifierConfig) -> Any:
    """Return a network with weights drawn by chance, biases too, and scores that are far apart.

    The word vectors are large; the recurrent weights aren't, as larger ones make the state
    chaotic, and then no two orders of floating-point operations agree.
    """
    assert config.network
    keras.utils.set_random_seed(7)
    noise = np.random.default_rng(7)
    model = keras_network.build(
        config.network,
        num_words=config.text.num_words,
        classes=len(config.labels),
        multi_label=config.multi_label,
    )
    embedding, *others = model.get_weights()
    others = [array + noise.normal(0, 0.1, array.shape).astype(np.float32) for array in others]
    # What relu makes of large vectors has no bound, and drives the scores to 0 and 1.
    scale = 20 if config.network.activation == "tanh" else 2
    model.set_weights([scale * embedding, *others])
    keras_network.round_weights(model, config.network)
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


def check(settings: ClassifierConfig, *, witness: bool = True, reference: bool = False) -> None:
    """Compare all that can score the texts with Keras."""
    network, text = settings.network, settings.text
    assert network
    model = trained(settings)
    ids = keras_ids(text.padding)
    expected = probabilities(np.asarray(model(ids, training=False)))
    assert np.ptp(expected, axis=0).max() > 5e-4, "scores that are all alike prove nothing"

    graph = settings.graph()
    folded = own.to_bytes(graph, fold.weights(model, network, graph))
    data = file.to_bytes(settings, Tokenizer(text, WORDS), folded, {})
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
    session = import_onnxruntime().InferenceSession(model, providers=["CPUExecutionProvider"])
    (output,) = session.run(["scores"], {"ids": ids})
    return probabilities(output)


# tf2onnx takes two seconds for each, so here it is asked for a sixth of them. Each export asks it.
@pytest.mark.parametrize(("number", "kind"), list(enumerate(covering(18))), ids=str)
def test_served_is_trained(number: int, kind: Kind) -> None:
    check(config(kind), witness=number % 6 == 0, reference=True)


@pytest.mark.parametrize("labels", [("no", "yes"), tuple("abcde")])
def test_several_labels_a_text(labels: tuple[str, ...]) -> None:
    """Only the head is another one."""
    settings = replace(config(KINDS[0]), labels=labels, threshold=(0.5,) * len(labels))
    check(settings, witness=len(labels) == 2, reference=True)


# 7 divides none of the numbers of choices, so each pair of choices is among these.
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS[::7], ids=str)
def test_served_is_trained_for_many_kinds(kind: Kind) -> None:
    # To tf2onnx it is all one how the weights will be stored.
    check(config(kind), witness=kind[-1] == "int8")
