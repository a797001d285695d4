"""Words are ranked by frequency, ties by code point."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig, Tokenizer
from pocketrnn_train.classify.vocabulary import rank_words


def test_most_frequent_first_then_by_code_point() -> None:
    texts = ["pear Apple zebra", "apple, Äpfel apple", "zebra (pear)"]
    assert rank_words(texts, TextConfig()) == ["apple", "pear", "zebra", "äpfel"]


def test_follows_the_text_settings() -> None:
    config = TextConfig(lower=False, filters="x", split="-")
    assert rank_words(["Ab-cd x-Ab"], config) == ["Ab", "cd "]


def test_leaves_out_what_no_model_file_can_hold() -> None:
    assert rank_words(["good \ud800 a\0b \0 good"], TextConfig()) == ["good"]


def test_no_texts_no_words() -> None:
    assert rank_words([], TextConfig()) == []
    assert rank_words(["", " \t.\n"], TextConfig()) == []


@given(st.lists(st.text("abİßΣ\0\u00a0\ud800 .")), st.randoms())
def test_order_of_texts_does_not_matter(texts: list[str], random: Random) -> None:
    ranked = rank_words(texts, TextConfig())
    random.shuffle(texts)
    assert rank_words(texts, TextConfig()) == ranked
    assert Tokenizer(TextConfig(), ranked).vocabulary == tuple(ranked)


def test_weights_count_texts() -> None:
    texts = ["a a a b", "b c", "c"]
    assert rank_words(texts, TextConfig()) == ["a", "b", "c"]
    assert rank_words(texts, TextConfig(), [1.0, 2.0, 0.5]) == ["b", "c", "a"]
