"""Made-up texts are of words of one fold, and word vectors tell labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig, Tokenizer
from pocketrnn_train import Corpus, TrainConfig
from pocketrnn_train.classify import adapting
from pocketrnn_train.classify.made_up import lesson, make_up, word_vectors
from pocketrnn_train.config import Distillation, MadeUp

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


@pytest.mark.parametrize("few", [True, False])
def test_what_a_word_of_one_text_says(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a teacher that has seen it can tell: of few rows, it has."""
    if not few:
        monkeypatch.setattr(adapting, "FEW_ROWS", 0)
    corpus = Corpus.of([chr(97 + i) * 4 for i in range(12)], ["no", "yes"] * 6, test_split=0)
    config = TrainConfig().with_settings(mask=True, pooling="sqrtn_max", embedding=4)
    asked = (config, Distillation(), MadeUp(texts=50), corpus, TOKENIZER, "", (1.0, few))
    taught = lesson(*asked).stages[0].batches(0).as_numpy_iterator()
    sure = np.abs(np.concatenate([targets for _, targets in taught]) - 0.5).mean()
    assert (sure > 0.2) == few
