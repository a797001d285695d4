"""How fast text is generated and scored, against what a user could pick instead.

    taskset -c 0 python benchmarks/generate.py [--units 256] [-o FILE.md]

The network is a GRU of random weights, the same in all ways. Prints a Markdown table: medians of
interleaved rounds, in processor time of one thread; read the ratios.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

# Before the libraries start their threads.
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from pocketrnn.generate import file  # noqa: E402
from pocketrnn.generate.alphabet import Alphabet  # noqa: E402
from pocketrnn.generate.file import GeneratorConfig  # noqa: E402
from pocketrnn.generate.model import Generator  # noqa: E402
from pocketrnn.generate.sampling import Sampling  # noqa: E402
from pocketrnn.modelfile import fold, onnx  # noqa: E402
from pocketrnn.modelfile.network import NetworkConfig  # noqa: E402
from pocketrnn.session import Session  # noqa: E402
from pocketrnn_export.convert import convert_steps, stepped  # noqa: E402
from pocketrnn_train.network import build_generator  # noqa: E402

ROUNDS = 5
LETTERS = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Way = tuple[str, int, Callable[[int], int]]
"""Its name, how many characters to ask for in a round, and what returns how many it made."""


def network(units: int) -> tuple[Any, Generator]:
    """Return a Keras network and the generator that it becomes."""
    settings = NetworkConfig(embedding=64, cell="gru", units=units)
    count = len(LETTERS)
    config = GeneratorConfig("characters", count, count + 1, count, None, settings)
    model, graph = build_generator(settings, config.ids), config.graph()
    numbers = onnx.to_bytes(graph, fold.weights(model, settings, graph))
    return model, Generator.load(file.to_bytes(config, Alphabet(LETTERS, count + 1), numbers, {}))


def ways(model: Any, generator: Generator) -> Iterator[Way]:
    """Yield ways to generate text."""
    import tensorflow as tf

    config = generator.config
    units, random = config.network.units, np.random.default_rng(0)

    yield "**pocketrnn**, one text", 2000, lambda n: len(generator.generate(length=n, seed=1))
    yield (
        "pocketrnn, 256 texts at once",
        200,
        lambda n: sum(map(len, generator.generate(n=256, length=n, seed=1))),
    )

    witness = convert_steps(model).SerializeToString()
    session, sampling = Session(lambda: witness), Sampling()

    def tf2onnx(length: int) -> int:
        ids, state = np.array([[config.start]], np.int32), np.zeros((1, units), np.float32)
        for _ in range(length):
            logits, state = session.run({"ids": ids, "before0": state}, ["logits", "after0"])
            ids = sampling.choose(logits[:, 0], random.random(1))[:, None].astype(np.int32)
        return length

    yield "tf2onnx's graph in onnxruntime, a step at a time, sampled in Python", 1000, tf2onnx

    embedding, kernel, recurrent, biases, head, bias = model.get_weights()
    table = embedding @ kernel + biases[0]

    def numpy_alone(length: int) -> int:
        one, state = config.start, np.zeros(units, np.float32)
        for _ in range(length):
            x, h = table[one], state @ recurrent + biases[1]
            z, r = 1 / (1 + np.exp(-(x + h)[: 2 * units].reshape(2, units)))
            c = np.tanh(x[2 * units :] + r * h[2 * units :])
            state = c + z * (state - c)
            logits = state @ head + bias
            sums = np.exp((logits - logits.max()).astype(np.float64)).cumsum()
            one = int(np.searchsorted(sums, random.random() * sums[-1], side="right"))
        return length

    yield "NumPy alone", 1000, numpy_alone

    run, _ = stepped(model)

    @tf.function(
        input_signature=[tf.TensorSpec((1, 1), tf.int32), tf.TensorSpec((1, units), tf.float32)]
    )
    def one_step(ids: Any, state: Any) -> Any:
        logits, state = run(ids, state)
        return tf.random.categorical(logits[:, -1], 1, dtype=tf.int32), state

    def tutorial(length: int) -> int:
        ids, state = tf.constant([[config.start]]), tf.zeros((1, units))
        for _ in range(length):
            ids, state = one_step(ids, state)
            ids.numpy()
        return length

    yield "TensorFlow's tutorial: a `tf.function` a step", 200, tutorial

    def predict(length: int) -> int:
        ids = np.zeros((1, 40), np.int32)
        for _ in range(length):
            logits = model.predict(ids, verbose=0)[:, -1]
            chosen = sampling.choose(logits, random.random(1))
            ids = np.column_stack([ids[:, 1:], chosen]).astype(np.int32)
        return length

    yield "Keras `predict` on the last 40 characters (textgenrnn)", 5, predict


def measured(body: Callable[[], int]) -> float:
    """Return how many a second of processor time."""
    started = time.process_time()
    return body() / (time.process_time() - started)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure all ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("-o", "--output", type=Path, help="file to write as well")
    arguments = parser.parse_args(argv)
    model, generator = network(arguments.units)
    found: dict[str, list[float]] = {}
    each = list(ways(model, generator))
    for _, count, way in each:
        way(max(count // 10, 1))  # warm up
    for _ in range(ROUNDS):
        for name, count, way in each:
            found.setdefault(name, []).append(measured(lambda way=way, n=count: way(n)))
    first = median(next(iter(found.values())))
    lines = [
        f"| GRU, {arguments.units} units | characters a CPU second | ratio |",
        "|---|---:|---:|",
    ]
    lines += [
        f"| {name} | {median(rates):,.0f} | {median(rates) / first:.3g} |"
        for name, rates in found.items()
    ]
    texts = generator.generate(n=4000, length=12, seed=2)
    rows = 40_000
    rates = [measured(lambda: len(generator.bits(texts * 10)) and rows) for _ in range(3)]
    delays = []
    for _ in range(50):
        started = time.process_time()
        stream = generator.stream("To be", seed=1)
        next(stream), next(stream)
        delays.append(time.process_time() - started)
    lines += [
        "",
        f"`bits` of lines of 12 characters: {median(rates):,.0f} lines a CPU second. First "
        f"character after the call: {1000 * median(delays):.2f} ms.",
    ]
    print("\n".join(lines))
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
