"""The sizes by which a file is let through are those that onnxruntime then makes."""

from collections import ChainMap
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from pocketrnn import TextConfig
from pocketrnn.modelfile import protobuf as onnxproto
from pocketrnn.modelfile.bounds import graph as onnxgraph
from pocketrnn.modelfile.bounds.sizes import BATCH, ONE, TIME, Size
from pocketrnn.modelfile.bounds.values import Value
from pocketrnn.modelfile.bounds.walk import Walk
from pocketrnn.session import import_onnxruntime
from pocketrnn_export import convert, rewrite
from pocketrnn_train import TrainConfig, network

TEXT = TextConfig(num_words=40, maxlen=24)
L = keras.layers


def trained(**settings: Any) -> keras.Model:
    return network.build(TrainConfig(text=TEXT, embedding=3, units=4, **settings), 3)


def own(*layers: Any) -> keras.Model:
    first = [keras.Input((None,), dtype="int32"), L.Embedding(40, 8)]
    return keras.Sequential([*first, *layers, L.Dense(1, activation="sigmoid")])


def attending() -> keras.Model:
    words = keras.Input((None,), dtype="int32")
    vectors = L.Embedding(40, 8, mask_zero=True)(words)
    heard = L.MultiHeadAttention(2, 4)(vectors, vectors)
    return keras.Model(words, L.Dense(1)(L.GlobalAveragePooling1D()(heard)))


NETWORKS: dict[str, Any] = {
    "windows": lambda: trained(mask=True, pooling="sqrtn_max", window=4, layers=2),
    "both ways": lambda: trained(cell="gru", bidirectional=True),
    "an LSTM": lambda: trained(cell="lstm", mask=True, layers=2),
    "convolutions": lambda: own(
        L.Conv1D(6, 3, strides=2, padding="same"), L.MaxPooling1D(2), L.LSTM(5)
    ),
    "norms": lambda: own(
        L.LayerNormalization(), L.GRU(5, return_sequences=True), L.GlobalMaxPooling1D()
    ),
    "repeated": lambda: own(L.SimpleRNN(8), L.RepeatVector(7), L.GRU(4)),
    "attention": attending,
}


def value(size: Size, texts: int, steps: int) -> float:
    return size.factor * texts**size.batch * steps**size.time / size.divisor


def holds(size: Size, actual: int, texts: int, steps: int) -> bool:
    most = value(size, texts, steps)
    return actual == most if size.exact else 0 <= actual <= most


FAST = ("windows", "convolutions")


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS],
)
def test_sizes_are_as_told(name: str) -> None:
    plain = convert.to_onnx(NETWORKS[name]())
    check(rewrite.rewrite(plain, TEXT, "int16"))
    check(plain)


def check(proto: onnx.ModelProto) -> None:
    """Compare what the walk tells of every value in the graph with what a run makes."""
    known = [output.name for output in proto.graph.output]
    for made in [name for node in proto.graph.node for name in node.output if name]:
        if made not in known:
            proto.graph.output.append(onnx.ValueInfoProto(name=made))
    data = proto.SerializeToString()
    graph = onnxgraph.read(onnxproto.parse(data).graph)
    walk = Walk(TEXT.maxlen, len(data))
    told = walk.graph(graph, ChainMap(), [Value((BATCH, TIME), kind=onnxgraph.INT32)], ONE)

    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    for texts, steps in ((1, 24), (3, 24), (3, 8)):
        ids = np.random.default_rng(1).integers(0, 40, (texts, steps), np.int32)
        for found, size in zip(session.run(None, {"ids": ids}), told, strict=True):
            assert len(found.shape) == len(size.shape)
            for actual, one in zip(found.shape, size.shape, strict=True):
                assert holds(one, actual, texts, steps)
            for actual, number in zip(found.flat, size.numbers or (), strict=False):
                assert number is None or holds(number, actual, texts, steps)
            assert size.kind not in (6, 7, 9) or found.dtype.name == {
                6: "int32", 7: "int64", 9: "bool",
            }[size.kind]  # fmt: skip
