"""How fast text is generated and scored, against what a user could pick instead.

    taskset -c 0 python benchmarks/generate.py [--units 256] [-o FILE.md]

The network is a GRU of random weights, the same in all ways. Each way has a process of its own, as
TensorFlow in a process slows down everything else in it; rounds are interleaved. Prints a Markdown
table: medians, in processor time of one thread; read the ratios.
"""

import argparse
import multiprocessing
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
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

ROUNDS = 5
LINES = 1_000_000
LETTERS = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Prepared:
    """The network in the forms that the ways need, from the file that `prepare` wrote."""

    def __init__(self, path: Path) -> None:
        self.units, self.weights, self.witness, self.file = pickle.loads(path.read_bytes())
        self.start = len(LETTERS)

    def keras(self) -> Any:
        from pocketrnn_train.network import build_generator

        model = build_generator(settings(self.units), config(self.units).ids)
        model.set_weights(self.weights)
        return model


def settings(units: int) -> NetworkConfig:
    """Return the network's configuration."""
    return NetworkConfig(embedding=64, cell="gru", units=units)


def config(units: int) -> GeneratorConfig:
    """Return the generator's."""
    count = len(LETTERS)
    return GeneratorConfig("characters", count, count + 1, count, None, settings(units))


def prepare(units: int, path: Path) -> None:
    """Write the Keras network's weights, tf2onnx's graph, and the model file."""
    from pocketrnn_export.convert import convert_steps
    from pocketrnn_train.network import build_generator

    made = config(units)
    model, graph = build_generator(settings(units), made.ids), made.graph()
    numbers = onnx.to_bytes(graph, fold.weights(model, settings(units), graph))
    data = file.to_bytes(made, Alphabet(LETTERS, len(LETTERS) + 1), numbers, {})
    witness = convert_steps(model).SerializeToString()
    path.write_bytes(pickle.dumps((units, model.get_weights(), witness, data)))


def one_text(given: Prepared) -> Callable[[int], int]:
    generator = Generator.load(given.file)
    return lambda n: len(generator.generate(length=n, seed=1))


def many_texts(given: Prepared) -> Callable[[int], int]:
    generator = Generator.load(given.file)
    return lambda n: sum(map(len, generator.generate(n=256, length=n, seed=1)))


def tf2onnx(given: Prepared) -> Callable[[int], int]:
    session, sampling = Session(lambda: given.witness), Sampling()
    random = np.random.default_rng(0)

    def make(length: int) -> int:
        ids, state = np.array([[given.start]], np.int32), np.zeros((1, given.units), np.float32)
        for _ in range(length):
            logits, state = session.run({"ids": ids, "before0": state}, ["logits", "after0"])
            ids = sampling.choose(logits[:, 0], random.random(1))[:, None].astype(np.int32)
        return length

    return make


def numpy_alone(given: Prepared) -> Callable[[int], int]:
    embedding, kernel, recurrent, biases, head, bias = given.weights
    table, units, random = embedding @ kernel + biases[0], given.units, np.random.default_rng(0)

    def make(length: int) -> int:
        one, state = given.start, np.zeros(units, np.float32)
        for _ in range(length):
            x, h = table[one], state @ recurrent + biases[1]
            z, r = 1 / (1 + np.exp(-(x + h)[: 2 * units].reshape(2, units)))
            c = np.tanh(x[2 * units :] + r * h[2 * units :])
            state = c + z * (state - c)
            logits = state @ head + bias
            sums = np.exp((logits - logits.max()).astype(np.float64)).cumsum()
            one = int(np.searchsorted(sums, random.random() * sums[-1], side="right"))
        return length

    return make


def tutorial(given: Prepared) -> Callable[[int], int]:
    import tensorflow as tf

    from pocketrnn_export.convert import stepped

    run, _ = stepped(given.keras())
    states = tf.TensorSpec((1, given.units), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec((1, 1), tf.int32), states])
    def one_step(ids: Any, state: Any) -> Any:
        logits, state = run(ids, state)
        return tf.random.categorical(logits[:, -1], 1, dtype=tf.int32), state

    def make(length: int) -> int:
        ids, state = tf.constant([[given.start]]), tf.zeros((1, given.units))
        for _ in range(length):
            ids, state = one_step(ids, state)
            ids.numpy()
        return length

    return make


def predict(given: Prepared) -> Callable[[int], int]:
    model, sampling, random = given.keras(), Sampling(), np.random.default_rng(0)

    def make(length: int) -> int:
        ids = np.zeros((1, 40), np.int32)
        for _ in range(length):
            logits = model.predict(ids, verbose=0)[:, -1]
            chosen = sampling.choose(logits, random.random(1))
            ids = np.column_stack([ids[:, 1:], chosen]).astype(np.int32)
        return length

    return make


WAYS: dict[str, tuple[Callable[[Prepared], Callable[[int], int]], int]] = {
    "**pocketrnn**, one text": (one_text, 4000),
    "pocketrnn, 256 texts at once": (many_texts, 400),
    "tf2onnx's graph in onnxruntime, a step at a time, sampled in Python": (tf2onnx, 2000),
    "NumPy alone": (numpy_alone, 4000),
    "TensorFlow's tutorial: a `tf.function` a step": (tutorial, 500),
    "Keras `predict` on the last 40 characters (textgenrnn)": (predict, 10),
}
"""What makes each way, from the network, and how many characters to ask it for in a round."""


@cache
def ready(name: str, path: Path) -> Callable[[int], int]:
    """Return a way that has run once, in this process."""
    make, count = WAYS[name]
    way = make(Prepared(path))
    way(max(count // 10, 1))
    return way


def rate(name: str, path: Path) -> float:
    """Return characters a second of processor time."""
    way, count = ready(name, path), WAYS[name][1]
    started = time.process_time()
    return way(count) / (time.process_time() - started)


def scored(path: Path, lines: int) -> tuple[float, float]:
    """Return lines a second whose bits are counted, and ms to a stream's first character."""
    generator = Generator.load(Prepared(path).file)
    texts = generator.generate(n=4000, length=12, seed=2)
    started = time.process_time()
    generator.bits(texts[i % len(texts)] for i in range(lines))
    seconds, delays = time.process_time() - started, []
    for _ in range(50):
        started = time.process_time()
        stream = generator.stream("To be", seed=1)
        next(stream), next(stream)
        delays.append(time.process_time() - started)
    return lines / seconds, 1000 * median(delays)


def process() -> ProcessPoolExecutor:
    """Return a new process that takes calls."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def measure(units: int, rounds: int, lines: int) -> str:
    """Measure all ways in turn, and return the figures as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network"
        with process() as own:
            own.submit(prepare, units, path).result()
        processes = {name: process() for name in WAYS}
        for name, own in processes.items():
            own.submit(rate, name, path).result()
        found: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(rounds):
            for name, own in processes.items():
                found[name].append(own.submit(rate, name, path).result())
        for own in processes.values():
            own.shutdown()
        with process() as own:
            bits, delay = own.submit(scored, path, lines).result()
    rates = {name: median(each) for name, each in found.items()}
    first = next(iter(rates.values()))
    heads = [f"| GRU, {units} units | characters a CPU second | ratio |", "|---|---:|---:|"]
    rows = [f"| {name} | {each:,.0f} | {each / first:.3g} |" for name, each in rates.items()]
    more = (
        f"`bits` of {lines:,} lines of 12 characters: {bits:,.0f} lines a CPU second. First "
        f"character after the call: {delay:.2f} ms."
    )
    return "\n".join([*heads, *rows, "", more]) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--lines", type=int, default=LINES, help="whose bits are counted")
    parser.add_argument("-o", "--output", type=Path, help="file to write as well")
    arguments = parser.parse_args(argv)
    table = measure(arguments.units, arguments.rounds, arguments.lines)
    print(table, end="")
    if arguments.output:
        arguments.output.write_text(table, "utf-8")


if __name__ == "__main__":
    main()
