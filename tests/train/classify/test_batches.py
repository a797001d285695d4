"""Batches hold every text once, of about one length, and padding changes no score."""

import numpy as np
import pytest

from pocketrnn_train import TrainConfig, network
from pocketrnn_train.classify import batches, teacher
from pocketrnn_train.config import FitConfig

ROWS = [np.arange(4, 4 + n % 17 + 1, dtype=np.int32) for n in range(300)]
PLAIN = TrainConfig().with_settings(num_words=30, maxlen=12)


def masked(multiple: int) -> TrainConfig:
    return PLAIN.with_settings(mask=True, pooling="sqrtn_max", window=multiple)


MASKED = masked(1)
EIGHT = FitConfig(batch_size=8)


def draw(config: TrainConfig = MASKED, seed: int = 0) -> list[np.ndarray]:
    return batches.shuffled(ROWS, 8, np.random.default_rng(seed), config)


@pytest.mark.parametrize("config", [PLAIN, MASKED], ids=["plain", "masked"])
def test_every_row_once(config: TrainConfig) -> None:
    found = draw(config)
    stage = batches.stage("texts", ROWS, np.zeros((300, 1), np.float32), config, EIGHT)
    assert len(found) == stage.steps == 38
    assert sorted(np.concatenate(found).tolist()) == list(range(300))


def test_batches_are_of_about_one_length_and_in_random_order() -> None:
    found = draw()
    lengths = [[len(ROWS[row]) for row in batch] for batch in found]
    assert max(max(batch) - min(batch) for batch in lengths) <= 1
    firsts = [batch[0] for batch in lengths]
    assert firsts != sorted(firsts)


def test_same_seed_same_batches() -> None:
    first, second = (draw(seed=4) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("lengths", "multiple", "time"), [([3, 5], 1, 5), ([3, 5], 4, 8), ([20], 4, 12), ([1], 4, 4)]
)
def test_padded_no_further_than_needed(lengths: list[int], multiple: int, time: int) -> None:
    rows = [np.arange(4, 4 + length, dtype=np.int32) for length in lengths]
    padded = batches.padded(rows, masked(multiple))
    assert padded.shape == (len(rows), time)
    for row, found in zip(rows, padded, strict=True):
        kept = row[-12:]
        assert found.tolist() == [0] * (time - len(kept)) + kept.tolist()


def test_padded_to_the_end_where_padding_is_read() -> None:
    assert batches.padded(ROWS[:3], PLAIN).shape == (3, 12)


def test_padded_as_the_settings_say() -> None:
    config = PLAIN.with_settings(maxlen=4, padding="post", truncating="post")
    rows = [np.array([4, 5], np.int32), np.array([4, 5, 6, 7, 8], np.int32)]
    assert batches.padded(rows, config).tolist() == [[4, 5, 0, 0], [4, 5, 6, 7]]


def test_dropped_words_become_unknown_and_nothing_else_does() -> None:
    rows = [np.array([1, *range(4, 30)], np.int32)] * 64
    config = PLAIN.with_settings(maxlen=40, word_dropout=0.25, batch_size=64)

    def epoch(number: int) -> np.ndarray:
        targets = np.zeros((64, 1), np.float32)
        stage = batches.stage("texts", rows, targets, config, config.fit)
        ((ids, _),) = stage.batches(number).as_numpy_iterator()
        return ids

    ids, again, other = epoch(0), epoch(0), epoch(1)
    whole = batches.padded(rows, config)
    changed = ids != whole
    assert (ids[changed] == 2).all()
    assert 0.2 < changed.sum() / (64 * 26) < 0.3
    assert not changed[whole < 4].any()
    np.testing.assert_array_equal(ids, again)
    assert (ids != other).any()


def test_predict_keeps_the_order_and_ignores_padding() -> None:
    config = masked(4).with_settings(embedding=3, units=4)
    model = network.build(config.network, num_words=30, classes=2)
    found = batches.predict(model, ROWS, config)
    full = batches.padded(ROWS, PLAIN)
    np.testing.assert_allclose(found[:, 1:], model.predict(full, verbose=0), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("columns", [1, 3])
def test_balanced_labels_count_alike(columns: int) -> None:
    labels = np.array([0] * 6 + [1] * 2 + [2] * (columns == 3))
    targets = teacher.one_hot(labels, columns)
    weights = batches.balanced(targets)
    assert weights.mean() == pytest.approx(1)
    sums = [weights[labels == label].sum() for label in np.unique(labels)]
    np.testing.assert_allclose(sums, sums[0], rtol=1e-6)
    config = MASKED.with_settings(class_weights="balanced")
    stage = batches.stage("texts", ROWS[: len(labels)], targets, config, EIGHT)
    seen = [weight for batch in stage.batches(0).as_numpy_iterator() for weight in batch[2]]
    assert sorted(seen) == sorted(weights)
