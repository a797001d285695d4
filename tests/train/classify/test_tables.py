"""What the default makes of tables that are easy, or that nothing can be learnt of."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn_train import RECIPES, Corpus, Run, fit

pytestmark = pytest.mark.slow


def train(labels: int, rows: int, folder: Path, key: str, **settings: Any) -> Run:
    """Train on so many rows of each label: filler words, and a word made by the format `key`.

    The test has as many.
    """
    random = np.random.default_rng(5)
    texts, names = [], []
    for label in range(labels):
        for _ in range(2 * rows):
            words = [f"filler{i}" for i in random.integers(0, 300, random.integers(5, 15))]
            own = "".join(random.choice(list("bdgkmnpt"), 5))
            word = key.format(label=label, end=("hof", "tal")[label % 2], own=own)
            words.insert(int(random.integers(len(words) + 1)), word)
            texts.append(" ".join(words))
            names.append(f"label {label}")
    corpus = Corpus.of(texts, names, test_split=0.5)
    return fit(RECIPES["default"].with_settings(seed=1, **settings), corpus, folder)


@pytest.mark.parametrize(("labels", "rows"), [(3, 20), (20, 100)])
def test_a_word_that_tells_the_label(labels: int, rows: int, tmp_path: Path) -> None:
    few = {"folds": 0} if rows == 20 else {}  # or it trains three networks more
    report = train(labels, rows, tmp_path / "run", "key{label}", **few).report
    assert report["test"]["accuracy"] >= 0.95
    if rows > 20:  # networks of 45 texts may be under their teacher, and say so
        assert not report["comparison"]["concerns"]


def test_nothing_to_learn(tmp_path: Path) -> None:
    run = train(2, 100, tmp_path / "run", "key", folds=0)
    (concern,) = run.report["comparison"]["concerns"]
    assert "Nothing was learnt" in concern


def test_a_part_of_words_that_stand_in_one_text(tmp_path: Path) -> None:
    run = train(2, 100, tmp_path / "run", "{own}{end}", folds=0)
    assert run.config.task.text.pieces
    assert run.report["test"]["accuracy"] >= 0.95
