"""Made-up texts are of words of one fold, and word vectors tell labels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig, Tokenizer
from pocketrnn_train import TrainConfig
from pocketrnn_train.classify.made_up import make_up, word_vectors
from pocketrnn_train.config import MadeUp

TOKENIZER = Tokenizer(TextConfig(), [])


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8), st.integers(1, 9), st.integers(0, 99))
def test_every_word_is_of_the_fold(lengths: list[int], longest: int, seed: int) -> None:
    lengths[0] += 1  # somewhere, there is a word
    texts = [" ".join([f"fold{row % 2}"] * length) for row, length in enumerate(lengths)]
    folds = np.arange(len(texts)) % 2
    settings = MadeUp(texts=50, longest=longest)
    made, fold = make_up(TOKENIZER, texts, folds, settings, np.random.default_rng(seed))
    assert len(made) == len(fold) == 50
    for text, own in zip(made, fold.tolist(), strict=True):
        words = TOKENIZER.words(text)
        assert set(words) == {f"fold{own}"}
        assert len(words) <= 2 * longest


def test_a_seed_makes_the_same_texts_of_all_kinds() -> None:
    texts = ["one two three four five six", "seven eight nine ten eleven twelve"]
    folds = np.zeros(2, np.int64)
    made, _ = make_up(TOKENIZER, texts, folds, MadeUp(texts=200), np.random.default_rng(1))
    assert made == make_up(TOKENIZER, texts, folds, MadeUp(texts=200), np.random.default_rng(1))[0]
    assert any(text in texts[0] for text in made)
    crossed = [text for text in made if "one" in text and text.endswith("twelve")]
    assert crossed
    assert len(set(made)) > 100


def test_word_vectors_tell_labels() -> None:
    words = ["good", "bad", "film"]
    tokenizer = Tokenizer(TextConfig(num_words=7), words)
    texts = ["good film", "good", "bad film", "bad"] * 5
    rows = [np.array(tokenizer.ids(text), np.int32) for text in texts]
    config = TrainConfig().with_settings(num_words=7, embedding=8)
    labels = np.array([1, 1, 0, 0] * 5)
    vectors = word_vectors(rows, labels, config, 2, np.random.default_rng(0))
    assert vectors.shape == (7, 8)
    assert vectors.dtype == np.float32
    good, bad, film = vectors[4:, 0]
    assert abs(good - bad) > 0.2
    assert min(good, bad) < film < max(good, bad)
