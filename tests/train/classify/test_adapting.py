"""The default follows the corpus, but for what a person has chosen."""

import numpy as np
import pytest

from pocketrnn.errors import ConfigError
from pocketrnn_train import RECIPES
from pocketrnn_train.classify.adapting import ADAPTED, adapt
from pocketrnn_train.config import settings_of

DEFAULT = RECIPES["default"]


def test_many_long_texts_are_trained_as_ever() -> None:
    assert adapt(DEFAULT, np.full(25_000, 230), 2) == DEFAULT.with_settings(adapted=())


@pytest.mark.parametrize(
    ("rows", "words", "labels", "width", "maxlen", "folds", "refit"),
    [
        (50, 8, 2, 32, 200, 4, True),
        (1200, 380, 5, 64, 400, 0, True),
        (10_000, 12, 77, 64, 200, 0, True),
        (5000, 205, 2, 32, 220, 0, True),
        (100_000, 3000, 2, 32, 500, 0, False),
    ],
)
def test_tables(
    rows: int,
    words: int,
    labels: int,
    width: int,
    maxlen: int,
    folds: int,
    refit: bool,
) -> None:
    # A text has a start besides its words.
    found = adapt(DEFAULT, np.full(rows, words) // (50 if rows == 100_000 else 1), labels)
    if rows == 100_000:
        maxlen = 200
    assert (found.network.units, found.network.embedding) == (width, width)
    assert found.task.text.maxlen == maxlen
    assert (found.task.folds, found.task.refit) == (folds, refit)
    assert found.task.distillation
    assert found.task.distillation.truth == (0.5 if labels == 2 else None)
    assert found.task.distillation.made_up
    assert found.task.adapted == ()


def test_true_labels_count_most_where_a_text_may_have_several() -> None:
    found = adapt(DEFAULT.with_settings(multi_label=True), np.full(900, 30), 5).task.distillation
    assert found
    assert found.truth == 0.9


def test_characters_are_read_by_a_gru() -> None:
    found = adapt(DEFAULT, np.full(9000, 30), 2, letters=1.1)
    assert (found.network.cell, found.network.units) == ("gru", 56)
    assert adapt(DEFAULT, np.full(9000, 30), 2, letters=3).network.cell == "simple_rnn"
    assert adapt(DEFAULT.with_settings(cell="lstm"), np.full(9, 30), 2, 1.1).network.cell == "lstm"


def test_what_was_chosen_stays() -> None:
    assert set(ADAPTED) <= set(settings_of(type(DEFAULT)))
    chosen = DEFAULT.with_settings(units=7, maxlen=60, refit=False)
    found = adapt(chosen, np.full(50, 8), 200)
    assert (found.network.units, found.task.text.maxlen) == (7, 60)
    assert not found.task.refit
    assert not found.task.folds
    assert found.network.embedding == 64
    # Who says which texts are held out gets those.
    for one in ({"validation": "last"}, {"validation_split": 0.3}):
        found = adapt(DEFAULT.with_settings(**one), np.full(50, 8), 2)
        assert (found.task.folds, found.task.refit) == (0, True)
    # Folds need a last fit; so does a person who asks for one.
    found = adapt(DEFAULT.with_settings(folds=5), np.full(30_000, 8), 2)
    assert (found.task.folds, found.task.refit) == (5, True)
    assert adapt(DEFAULT.with_settings(refit=True), np.full(30_000, 8), 2).task.refit
    with pytest.raises(ConfigError, match="a teacher of spans"):
        adapt(DEFAULT.with_settings(refit=True), np.full(25_000, 230), 2)
