"""A run folder gives back what was put in, and says so if it is unfinished or damaged."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn.errors import InputError
from pocketrnn_train import Run, TrainConfig, network

TINY = TrainConfig().with_settings(num_words=6, maxlen=4, embedding=2, units=2)


def build() -> Any:
    return network.build(TINY.network, num_words=6, classes=2)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path)
    run.write("config.json", TINY.to_dict())
    run.write("corpus.json", {"labels": ["übel", "très bien"]})
    run.write("vocabulary.json", ["the", "naïve"])
    return run


def test_gives_back_what_was_written(run: Run) -> None:
    assert run.config == TINY
    assert run.labels == ("übel", "très bien")
    assert run.tokenizer.encode(["The naïve film"]).tolist() == [[1, 4, 5, 2]]


@pytest.mark.parametrize("name", ["config", "tokenizer", "labels", "report"])
def test_an_empty_folder_is_not_a_finished_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"not a finished run \(no \w+\.json\)"):
        getattr(Run(tmp_path), name)


@pytest.mark.parametrize("content", [b"", b'{"seed": 1', b"\xff"], ids=ascii)
def test_damaged_json(run: Run, content: bytes) -> None:
    (run.folder / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.json: damaged"):
        _ = run.config


@pytest.mark.parametrize("values", [[], {}, {**TINY.to_dict(), "seed": "two"}])
def test_a_configuration_that_is_none(run: Run, values: object) -> None:
    run.write("config.json", values)
    with pytest.raises(InputError):
        _ = run.config


def test_history(run: Run) -> None:
    assert run.history() == []
    history = [{"epoch": n, "loss": 1 / 3**n, "seconds": 0.1 + 0.2} for n in (1, 2)]
    run.write_history(history)
    assert run.history() == history
    assert all(type(row["epoch"]) is int for row in run.history())
    with (run.folder / "history.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["epoch", "loss", "seconds"]


def test_model_with_and_without_its_optimizer(run: Run) -> None:
    model = build()
    model.compile("rmsprop", "binary_crossentropy")
    ids = np.array([[1, 4, 5, 2], [0, 0, 1, 4]], np.int32)
    model.fit(ids, np.array([0, 1]), verbose=0)
    run.save_model(model)
    loaded = run.model(optimizer=True)
    assert int(loaded.optimizer.iterations) == 1
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not run.model().compiled


def test_no_model(run: Run) -> None:
    with pytest.raises(InputError, match=r"not a finished run \(no model\.keras\)"):
        run.model()


def test_a_damaged_model(run: Run) -> None:
    path = run.folder / "model.keras"
    run.save_model(build())
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (b"", b"no model", whole[:-100], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"model\.keras: Keras can't read it"):
            run.model()


def test_writing_is_all_or_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (run.folder / "config.json").read_bytes()
    names = sorted(run.folder.iterdir())

    def replace(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        run.write("config.json", {})
    assert (run.folder / "config.json").read_bytes() == before
    assert sorted(run.folder.iterdir()) == names
