"""Words are ranked by frequency, ties by code point."""

import logging
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn import TextConfig, Tokenizer
from pocketrnn_train import Examples
from pocketrnn_train.classify import vocabulary


def rank_words(
    texts: list[str], config: TextConfig, weights: list[float] | None = None
) -> list[str]:
    return vocabulary.rank_words(texts, config, weights)[0]


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


def test_a_word_of_few_texts_has_no_id(caplog: pytest.LogCaptureFixture) -> None:
    texts = ["a b secret secret secret", "a b", "a"]
    assert vocabulary.rank_words(texts, TextConfig(), min_texts=3) == (["a"], 0)
    # Counted are those that have an id.
    assert vocabulary.rank_words(texts, TextConfig(), min_texts=2) == (["a", "b"], 1)
    assert vocabulary.rank_words(texts, TextConfig(num_words=5))[1] == 0
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        words, few = vocabulary.rank_words(["a b", "b"], TextConfig(), min_texts=3)
    assert (words, few) == (["b", "a"], 2)
    assert "no word stands in 3 texts" in caplog.text


def test_everybody_s_words_need_not_stand_in_many_texts() -> None:
    texts = ["a b secret", "a", "a"]
    found = vocabulary.rank_words(texts, TextConfig(), min_texts=3, common=["b", "c"])
    assert found == (["a", "b"], 0)


def test_weights_count_texts() -> None:
    texts = ["a a a b", "b c", "c"]
    assert rank_words(texts, TextConfig()) == ["a", "b", "c"]
    assert rank_words(texts, TextConfig(), [1.0, 2.0, 0.5]) == ["b", "c", "a"]


def test_pieces_of_rare_words_stand_in_several_texts() -> None:
    texts = [f"der {word} ist gut" for word in ("schulhof", "bahnhof", "friedhof", "hofhund")]
    texts += ["der schulfreund geheim", "schulzeit", "schultag die das", "der die das ist"]
    config = TextConfig(pieces=True)
    words, few = vocabulary.rank_words(texts, config, min_texts=3)
    assert few == 0
    assert {"schul", "hof"} <= set(words)
    assert not {"geheim", "heim"} & set(words)  # of one text alone
    assert vocabulary.rank_words(texts, TextConfig(), min_texts=3)[0] == [
        word for word in words if word not in ("schul", "hof")
    ]
    tokenizer = Tokenizer(config, words)
    hof, schul = (4 + words.index(piece) for piece in ("hof", "schul"))
    assert tokenizer.ids("schulhof") == [1, schul, hof]


@pytest.mark.parametrize(
    ("texts", "weights", "expected"),
    [
        (["schulhof", "bahnhof", "friedhof", "burghof"], [1.0], ["hof", "der"]),
        # Three words alone, though in six texts.
        (["schulhof", "bahnhof", "friedhof"] * 2, [1.0], ["der"]),
        # Two texts alone, though of four words.
        (["schulhof bahnhof", "friedhof burghof"], [1.0], ["der"]),
        # Counted by weight, as words are.
        (["schulhof", "bahnhof", "friedhof", "burghof", "der"], [0.1], ["der", "hof"]),
        # Pieces that are never the longest.
        ([f"{a}hofe" for a in ("schul", "bahn", "fried", "burg")], [1.0], ["hofe", "der"]),
        # Vowel signs are no letters.
        ([f"{a}मंत्री" for a in ("राज", "नगर", "जल", "वन")], [1.0], ["मंत्री", "der"]),
    ],
)
def test_which_pieces(texts: list[str], weights: list[float], expected: list[str]) -> None:
    texts = [*texts, "der", "der", "der"]
    config, several = TextConfig(pieces=True), weights * len(texts)
    assert vocabulary.rank_words(texts, config, several, min_texts=3)[0] == expected


@given(st.lists(st.lists(st.sampled_from(["abcd", "bcde", "cdexabc", "abc", "x"]))), st.randoms())
def test_pieces_do_not_depend_on_the_order_of_texts(rows: list[list[str]], random: Random) -> None:
    texts, config = list(map(" ".join, rows)), TextConfig(pieces=True, num_words=6)
    ranked = vocabulary.rank_words(texts, config, min_texts=2)
    random.shuffle(texts)
    assert vocabulary.rank_words(texts, config, min_texts=2) == ranked
    Tokenizer(config, ranked[0])  # no piece is there twice


def better(words: list[str], labels: list[int], classes: int = 2) -> bool:
    texts = tuple(f"this is {word}" for word in words)
    return vocabulary.is_better_in_pieces(
        Examples(texts, np.array(labels)),
        np.arange(len(texts)),
        TextConfig(),
        classes=classes,
        min_texts=3,
        common=(),
        seed=1,
    )


def test_pieces_are_read_where_they_tell_something() -> None:
    starts = [f"{a}{b}{c}" for a in "bdgkmnpt" for b in "aeiou" for c in "lrsx"]
    ends = [("hof", "tal")[i % 2] for i in range(len(starts))]
    labels = [i % 2 for i in range(len(starts))]
    words = list(map("".join, zip(starts, ends, strict=True)))
    assert better(words, labels)
    assert better(words, np.eye(2, dtype=int)[labels].tolist())  # several labels a text
    assert not better(words[:40], labels[:40])  # too few to tell
    assert not better(ends, labels)  # all words have an id
    random = np.random.default_rng(1)
    assert not better(words, random.permutation(labels).tolist())
    rare = [2, *labels[1:]]  # of a label of one text, the others say nothing
    assert better(words, rare, classes=4)


def test_nothing_to_tell_whether_pieces_are_better(caplog: pytest.LogCaptureFixture) -> None:
    assert not better(
        [f"{i:b}".replace("0", "a").replace("1", "b") for i in range(60)], [0, 1] * 30
    )
    assert not caplog.records  # of words of few texts, as no model is made of these
    none = Examples(("...",) * 60, np.array([0, 1] * 30))
    config = TextConfig(start_id=None)
    for groups in (np.arange(60), np.zeros(60, np.int64)):
        settings = {"classes": 2, "min_texts": 3, "common": (), "seed": 1}
        assert not vocabulary.is_better_in_pieces(none, groups, config, **settings)
