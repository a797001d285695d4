"""Text becomes the very ids that Keras's own tokenizer and padding make of it."""

import dataclasses
import tarfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.text import Tokenizer as KerasTokenizer
from keras.src.legacy.preprocessing.text import text_to_word_sequence
from keras.utils import pad_sequences

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.text import KERAS_FILTERS, is_storable, pad
from pocketrnn_train import read_corpus
from pocketrnn_train.classify.vocabulary import rank_words

SMALL = TextConfig(num_words=9, maxlen=5)
CONFIGS = {
    "default": SMALL,
    "case kept": dataclasses.replace(SMALL, lower=False),
    "no filters": dataclasses.replace(SMALL, filters=""),
    "own filters": dataclasses.replace(SMALL, filters="aİ\u00a0\0 \ud800"),
    "own split": dataclasses.replace(SMALL, split="-"),
    "split in no filter": dataclasses.replace(SMALL, filters="a,", split="İ"),
    "pad after": dataclasses.replace(SMALL, padding="post"),
    "cut after": dataclasses.replace(SMALL, truncating="post"),
    "pad and cut after": dataclasses.replace(SMALL, padding="post", truncating="post"),
    "no start": dataclasses.replace(SMALL, start_id=None),
    "other ids": TextConfig(num_words=13, maxlen=5, pad_id=3, start_id=0, oov_id=1, index_from=5),
}
AWKWARD = [
    "",
    " ",
    "\0",
    "\ud800",
    "a\udc00b \udbff",
    "İstanbul I\u0307 ıI",
    "e\u0301 \u00e9 \u0301",
    "ΣΑΣ ΌΣΟΣ σς",
    "straße STRASSE ẞ ﬁ",
    "one\rtwo\r\nthree\x0bfour\x0cfive",
    "a\u00a0b\u2003c\u3000d\u200be\u2028f\x85g\x1ch",
    "tab\tnewline\nboth \t\n end",
    KERAS_FILTERS,
    "don't - isn't -- it's",
    "\U0001f600 \U0001f469\u200d\U0001f680 \U0001d400",
    "\ufeffmark \ufffe",
]
# Few letters make words meet again; the rest is the whole of Unicode, surrogates included.
TEXTS = st.text(
    st.sampled_from("aAbİıΣß -.,\t\n\r\0\u00a0\u0301\u2003\ud800")
    | st.characters(exclude_categories=())
) | st.sampled_from(AWKWARD)


def keras_words(config: TextConfig, text: str) -> list[str]:
    words: list[str] = text_to_word_sequence(text, config.filters, config.lower, config.split)
    return words


def keras_tokenizer(config: TextConfig, **settings: Any) -> Any:
    return KerasTokenizer(
        filters=config.filters, lower=config.lower, split=config.split, **settings
    )


def keras_encoder(config: TextConfig, words: Sequence[str]) -> Any:
    """A Keras Tokenizer that gives the ids of `keras.datasets.imdb` to `words`, by rank."""
    unknown = f"no{config.split}word"
    tokenizer = keras_tokenizer(config, num_words=config.num_words, oov_token=unknown)
    ids = {word: rank + config.index_from for rank, word in enumerate(words, 1)}
    tokenizer.word_index = {unknown: config.oov_id, **ids}
    return tokenizer


def keras_encode(tokenizer: Any, config: TextConfig, texts: Sequence[str]) -> Any:
    start = [] if config.start_id is None else [config.start_id]
    return pad_sequences(
        [start + ids for ids in tokenizer.texts_to_sequences(texts)],
        maxlen=config.maxlen,
        padding=config.padding,
        truncating=config.truncating,
        value=config.pad_id,
    )


def assert_same_as_keras(config: TextConfig, texts: Sequence[str]) -> None:
    words, _ = rank_words(texts, config)
    encoded = Tokenizer(config, words).encode(texts)
    expected = keras_encode(keras_encoder(config, words), config, texts)
    assert encoded.dtype == expected.dtype == np.int32
    np.testing.assert_array_equal(encoded, expected)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@given(TEXTS)
def test_words_are_those_of_keras(config: TextConfig, text: str) -> None:
    assert Tokenizer(config, []).words(text) == keras_words(config, text)


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_words_of_awkward_texts_are_those_of_keras(text: str) -> None:
    for config in CONFIGS.values():
        assert Tokenizer(config, []).words(text) == keras_words(config, text)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@given(st.lists(TEXTS, min_size=1, max_size=8))
@example(AWKWARD)
def test_ids_are_those_of_keras(config: TextConfig, texts: list[str]) -> None:
    assert_same_as_keras(config, texts)


@given(st.lists(TEXTS, max_size=8))
@example(AWKWARD)
def test_counts_are_those_of_keras(texts: list[str]) -> None:
    keras = keras_tokenizer(SMALL)
    keras.fit_on_texts(texts)
    assert rank_words(texts, SMALL)[0] == ranked(keras.word_counts)


@given(
    st.lists(st.lists(st.integers(0, 99), max_size=12), min_size=1, max_size=6),
    st.integers(1, 12),
    st.sampled_from(["pre", "post"]),
    st.sampled_from(["pre", "post"]),
)
def test_padding_is_that_of_keras(
    rows: list[list[int]], maxlen: int, padding: Any, truncating: Any
) -> None:
    config = TextConfig(maxlen=maxlen, padding=padding, truncating=truncating)
    expected = pad_sequences(rows, maxlen, padding=padding, truncating=truncating)
    np.testing.assert_array_equal(pad(rows, config, maxlen), expected)


@pytest.mark.slow
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_a_text_of_ten_megabytes(truncating: Any) -> None:
    text = "Wärme, İki\u00a0Filme; \ud800 e\u0301\r\n" * 400_000
    assert len(text.encode("utf-8", "surrogatepass")) > 10_000_000
    assert_same_as_keras(TextConfig(num_words=9, maxlen=10_000, truncating=truncating), [text])


# -- the archive -------------------------------------------------------------------------------


def ranked(counts: dict[str, int]) -> list[str]:
    """The words of a Keras Tokenizer's `word_counts`: by frequency, ties by code point."""
    return sorted(filter(is_storable, counts), key=lambda word: (-counts[word], word))


def all_reviews(archive: Path) -> Iterator[str]:
    """The archive's 100,000 reviews, unlabelled ones too, in the order of the file."""
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            if member.isfile() and Path(member.name).parent.name in ("neg", "pos", "unsup"):
                yield tar.extractfile(member).read().decode()


@pytest.fixture(scope="module")
def train_texts(imdb_archive: Path) -> tuple[str, ...]:
    return read_corpus(imdb_archive).train.texts


@pytest.fixture(scope="module")
def train_words(train_texts: tuple[str, ...]) -> list[str]:
    return rank_words(train_texts, TextConfig())[0]


@pytest.mark.slow
def test_known_ids_of_the_archive(train_words: list[str]) -> None:
    ids = Tokenizer(TextConfig(), train_words).ids("this film was just story direction")
    assert ids == [1, 14, 22, 16, 43, 65, 458]


@pytest.mark.slow
def test_ranks_of_the_archive_are_those_of_keras(
    train_texts: tuple[str, ...], train_words: list[str]
) -> None:
    keras = keras_tokenizer(TextConfig())
    keras.fit_on_texts(train_texts)
    assert train_words == ranked(keras.word_counts)


@pytest.mark.slow
def test_ids_of_all_100_000_reviews_are_those_of_keras(
    imdb_archive: Path, train_words: list[str]
) -> None:
    config = TextConfig()
    tokenizer, keras = Tokenizer(config, train_words), keras_encoder(config, train_words)
    reviews, seen = all_reviews(imdb_archive), 0
    while texts := list(islice(reviews, 2_000)):
        np.testing.assert_array_equal(tokenizer.encode(texts), keras_encode(keras, config, texts))
        seen += len(texts)
    assert seen == 100_000
