"""The benchmark works on a tiny run, with the peers that are quick to prepare."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn import TextConfig
from pocketrnn_train import Corpus, Examples, Run, TrainConfig, fit

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import compare
import peers

KEYS = ["pocketrnn", "plain", "linear-1"]
CONFIG = TrainConfig().with_settings(
    text=TextConfig(num_words=100, maxlen=6), embedding=3, units=3, epochs=1, batch_size=4
)


def examples(count: int) -> Examples:
    texts = tuple(f"{'good' if i % 2 else 'bad'} number {i}, they say" for i in range(count))
    return Examples(texts, np.arange(count) % 2)


CORPUS = Corpus("tiny", ("no", "yes"), examples(20), examples(8), note="our own words")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(CONFIG, CORPUS, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def work(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    compare.prepare(run, CORPUS, folder, KEYS, reviews=6)
    return folder


@pytest.fixture(scope="module")
def results(run: Run, work: Path) -> dict[str, Any]:
    raw = compare.measure(work, KEYS, rounds=1, clock="wall")
    return compare.summarise(raw, run, CORPUS, work, KEYS)


@pytest.mark.slow
def test_every_peer_is_measured(results: dict[str, Any]) -> None:
    assert list(results["peers"]) == KEYS
    for row in results["peers"].values():
        assert row["reviews a second"] > 0
        assert set(row["alone"]) == {"10", "230", "500", "2000"}
        assert all(0 < one["p50"] <= one["p99"] for one in row["alone"].values())
        assert 0 < row["start"] < 60
        assert row["memory"] > 1
        assert row["model bytes"] > 0
    assert results["peers"]["linear-1"]["accuracy"] == 1
    parts = results["raw"]["parts"][0]
    assert parts["network full"] > 0
    assert parts["tokenize bulk"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("key", ["plain"])
def test_the_same_network_gives_the_same_scores(
    key: str, work: Path, results: dict[str, Any]
) -> None:
    ours, theirs = (np.load(work / f"scores-{k}.npy") for k in ("pocketrnn", key))
    np.testing.assert_allclose(ours, theirs, atol=1e-2)  # float16 tables of tiny numbers


@pytest.mark.slow
def test_what_is_written(results: dict[str, Any], tmp_path: Path) -> None:
    compare.write({**results, "clock": "wall", "left out": ["something"]}, tmp_path)
    table = (tmp_path / "results.md").read_text("utf-8")
    assert "| **pocketrnn** |" in table
    assert "left out: something" in table
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["run"] == "run"
    assert (tmp_path / "chart.png").stat().st_size > 1000
    written = table + (tmp_path / "results.json").read_text("utf-8")
    assert "they say" not in written  # figures, but no text


def test_keras_tokenizer_gives_the_ids_of_ours(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text(json.dumps(CONFIG.task.text.to_dict()))
    (tmp_path / "vocabulary.json").write_text(json.dumps(["good", "bad", "number", "they", "3"]))
    texts = ["Good, number 3!", "", "nothing of this is known", "bad bad bad bad bad bad bad bad"]
    np.testing.assert_array_equal(
        peers.keras_encoder(tmp_path)(texts), peers.plain_encoder(tmp_path)(texts)
    )


def test_a_peer_that_is_not_installed_is_not_available() -> None:
    peer = peers.Peer()
    peer.modules = ("json", "no_such_module")
    assert not peer.available()
    assert peers.PocketRNN().available()


def test_best_batch_is_that_of_the_median() -> None:
    rounds = [{"bulk": {"1": fast, "2": slow}} for fast, slow in ((9, 5), (1, 5), (2, 4))]
    assert compare.best_batch(rounds) == "2"


def test_an_environment_is_a_package_with_all_it_needs() -> None:
    numpy = compare.environment_bytes(["numpy"])
    onnxruntime = compare.environment_bytes(["onnxruntime"])
    assert numpy
    assert onnxruntime
    assert onnxruntime > numpy
    assert compare.environment_bytes(["no-such-package"]) is None
