"""What the largest network costs that a file may ask for: the figures of SECURITY.md."""

import itertools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import tinyonnx
from pocketrnn import ClassifierConfig, TextConfig, Tokenizer
from pocketrnn.classify import file, text
from pocketrnn.classify.padding import STEPS
from pocketrnn.errors import ConfigError
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.graph import MOST_NUMBERS
from pocketrnn.modelfile.network import MOST_LAYERS, MOST_UNITS, NetworkConfig


@dataclass
class Cost:
    """What a network costs at most, beside its file."""

    multiplications: int
    """For one text of `maxlen` words."""
    numbers: int
    """Float32 numbers that a batch makes: of each layer what it is given, twice, and its states,
    twice; and the rows that words are looked up in."""


def cost(network: NetworkConfig, ids: int, maxlen: int, labels: int) -> Cost:
    """Compute the cost of a network."""
    width = network.directions * network.units
    gates = network.gates * width
    below = [network.embedding] + [width] * (network.layers - 1)
    each_step = sum(gates * (size + network.units) for size in below)
    # The states behind padding are made step by step, once.
    padding = 2 if network.pooling == "last" and not network.bidirectional else 1
    return Cost(
        multiplications=padding * maxlen * each_step + 2 * width * labels,
        numbers=STEPS * 2 * (gates + width) + ids * gates,
    )


def largest() -> list[tuple[NetworkConfig, int]]:
    """Return networks at the bounds, and how many ids they may have."""
    found = []
    for cell, both, pooling in itertools.product(
        ("simple_rnn", "gru", "lstm"), (False, True), ("last", "sqrtn_max")
    ):
        network = NetworkConfig(
            MOST_UNITS, cell, "tanh", MOST_UNITS, MOST_LAYERS, both, False, pooling, 0, "int8"
        )
        gates = network.directions * network.gates * network.units
        found.append((network, min(MOST_NUMBERS // gates, text.MOST_IDS)))
    return found


def test_as_stated() -> None:
    costs = [cost(network, ids, text.MOST_WORDS, file.MOST_LABELS) for network, ids in largest()]
    assert max(each.multiplications for each in costs) < 2.4e11
    assert max(each.numbers for each in costs) * 4 < 1.7e9


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"units": MOST_UNITS + 1}, {}),
        ({"embedding": MOST_UNITS + 1}, {}),
        ({"layers": MOST_LAYERS + 1}, {}),
        ({}, {"maxlen": text.MOST_WORDS + 1}),
        ({}, {"num_words": text.MOST_IDS + 1}),
        ({"units": 128}, {"num_words": MOST_NUMBERS // 128 + 1}),
        ({"embedding": 128}, {"num_words": MOST_NUMBERS // 128 + 1}),
    ],
)
def test_nothing_larger_is_admitted(network: dict[str, int], words: dict[str, int]) -> None:

    def make() -> None:
        config = NetworkConfig(**{"units": 2, "embedding": 2, **network})
        ClassifierConfig(TextConfig(**words), ("a", "b"), 0.5, config).graph()

    with pytest.raises(ConfigError, match=r"must be|too many"):
        make()


RUN = """
import re, sys, time
import pocketrnn

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1000

model = pocketrnn.load(sys.argv[1])
text = " ".join(f"w{i % 1000}" for i in range(10_001))
for texts in ([text], [text] * 3):
    before = time.process_time()
    model.scores(texts)
    print(f"{len(texts)} texts: {time.process_time() - before:.0f} s, {peak():.0f} MB so far")
print(peak())
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_the_largest_runs_in_the_memory_that_is_stated(tmp_path: Path) -> None:
    """Some minutes of one core, for the network that makes the most numbers."""
    network, ids = max(largest(), key=lambda pair: cost(*pair, 10_000, 2).numbers)
    words = [f"w{i}" for i in range(ids - 4)]
    labels = [f"label {i}" for i in range(file.MOST_LABELS)]
    config = tinyonnx.config(labels, words=words, network=network, maxlen=text.MOST_WORDS)
    graph = onnx.to_bytes(config.graph(), tinyonnx.weights(config, words))
    path = tmp_path / "largest.onnx"
    path.write_bytes(file.to_bytes(config, Tokenizer(config.text, words), graph, {}))
    done = subprocess.run([sys.executable, "-c", RUN, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(f"\n{path.stat().st_size / 1e6:.0f} MB\n{done.stdout}")
    assert float(done.stdout.splitlines()[-1]) < 2500
