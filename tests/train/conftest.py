"""A tiny corpus and a tiny network: training takes two seconds, not ten minutes."""

import csv
import os
from itertools import product
from pathlib import Path

import pytest

from pocketrnn import TextConfig
from pocketrnn_train import Corpus, Run, TrainConfig, fit, read_corpus

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # for the processes that tests start

COLUMNS = {"text_column": "review", "label_column": "verdict"}
OPINIONS = {
    "thumbs down": ("a dull", "such a slow", "one more noisy"),
    "thumbs up": ("a warm", "what a funny", "so clever a"),
}
ENDINGS = ("film", "film, again", "story; I left at ten", "film by a friend of mine", "play")


@pytest.fixture(scope="session")
def config() -> TrainConfig:
    return TrainConfig().with_settings(
        text=TextConfig(maxlen=8), embedding=4, units=4, epochs=2, batch_size=8, seed=7
    )


@pytest.fixture(scope="session")
def films_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty opinions in `review`, with the labels "thumbs down" and "thumbs up" in `verdict`."""
    path = tmp_path_factory.mktemp("films") / "films.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "review", "verdict"])
        for label, starts in OPINIONS.items():
            for start, ending in product(starts, ENDINGS):
                writer.writerow([1, f"{start} {ending}.", label])
    return path


@pytest.fixture(scope="session")
def films(films_csv: Path, config: TrainConfig) -> Corpus:
    return read_corpus(films_csv, **COLUMNS, test_split=config.task.test_split, seed=config.seed)


@pytest.fixture(scope="session")
def finished(films: Corpus, config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of `config` on `films`, for reading only."""
    return fit(config, films, tmp_path_factory.mktemp("runs") / "finished")
