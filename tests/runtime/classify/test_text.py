"""The tokenizer against its conventions, written down again one character and one id at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketrnn.classify.text import (
    FOLDED_FILTERS,
    KERAS_FILTERS,
    TextConfig,
    Tokenizer,
    is_storable,
    pad,
)
from pocketrnn.errors import ConfigError, TextError

WORDS = ["the", "film", "i\u0307", "naïve", "don't", "cafe\u0301", "it\u2019s", "中", "n\u00a0b"]

# Characters on which tokenizers differ: cases that change length (U+0130, U+1E9E), spaces and line
# ends that `str.split()` would split at, combining marks, NUL, lone surrogates, filtered ones.
ODD = "\u0130\u1e9eßΣ \t\n\r\v\f\x1c\x85\u00a0\u2003\u2028\u3000\ufeff\u0301\0\ud800\udfff'’-_.!|~"
texts = st.lists(
    st.sampled_from([*WORDS, *ODD, " ", " "]) | st.characters(exclude_categories=()), max_size=30
).map("".join)

configs = st.builds(
    TextConfig,
    lower=st.booleans(),
    filters=st.just(KERAS_FILTERS) | st.text(st.sampled_from(ODD + "aT"), max_size=5),
    split=st.sampled_from([" ", "_", "\t", "\u3000", "x"]),
    num_words=st.integers(5, 16),
    maxlen=st.integers(1, 8),
    pad_id=st.sampled_from([0, 3]),
    start_id=st.sampled_from([None, 0, 1]),
    oov_id=st.sampled_from([1, 2]),
    index_from=st.integers(3, 4),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
)


def expected_words(text: str, config: TextConfig) -> list[str]:
    words = [""]
    for character in text.lower() if config.lower else text:
        if character == config.split or character in config.filters:
            words.append("")
        else:
            words[-1] += character
    return [word for word in words if word != ""]


def expected_ids(text: str, config: TextConfig) -> list[int]:
    ids = [] if config.start_id is None else [config.start_id]
    for word in expected_words(text, config):
        rank = WORDS.index(word) + 1 if word in WORDS else None
        known = rank is not None and rank + config.index_from < config.num_words
        ids.append(rank + config.index_from if known else config.oov_id)
    return ids


def expected_row(ids: list[int], config: TextConfig) -> list[int]:
    row = list(ids)
    while len(row) > config.maxlen:
        row.pop(0 if config.truncating == "pre" else -1)
    while len(row) < config.maxlen:
        row.insert(0 if config.padding == "pre" else len(row), config.pad_id)
    return row


@settings(max_examples=300)
@given(texts, configs)
def test_follows_the_conventions(text: str, config: TextConfig) -> None:
    tokenizer = Tokenizer(config, WORDS)
    assert tokenizer.words(text) == expected_words(text, config)
    ids = tokenizer.ids(text)
    assert ids == expected_ids(text, config)
    assert all(0 <= id_ < config.num_words for id_ in ids)
    assert tokenizer.encode([text, ""]).tolist() == [
        expected_row(ids, config),
        expected_row(expected_ids("", config), config),
    ]


@given(st.lists(st.lists(st.integers(0, 99), max_size=12), max_size=5), configs)
def test_pad(rows: list[list[int]], config: TextConfig) -> None:
    padded = pad(rows, config, config.maxlen)
    assert padded.dtype == np.int32
    assert padded.shape == (len(rows), config.maxlen)
    assert padded.tolist() == [expected_row(row, config) for row in rows]


def test_ids_by_hand() -> None:
    tokenizer = Tokenizer(TextConfig(num_words=7, maxlen=5), ["the", "good", "film", "rare"])
    assert tokenizer.vocabulary == ("the", "good", "film")
    assert tokenizer.ids("The good, unheard-of rare film") == [1, 4, 5, 2, 2, 2, 6]
    assert tokenizer.encode(["film", "", "the good good film the film"]).tolist() == [
        [0, 0, 0, 1, 6],
        [0, 0, 0, 0, 1],
        [5, 5, 6, 4, 6],
    ]


@pytest.mark.parametrize(("lower", "ids"), [(True, [1, 4, 4]), (False, [1, 2, 4])])
def test_lower(lower: bool, ids: list[int]) -> None:
    assert Tokenizer(TextConfig(lower=lower), ["film"]).ids("Film film") == ids


@pytest.mark.parametrize(
    ("text", "count", "last"),
    [("Good film.\n" * 950_000, 1_900_000, [4, 5, 4, 5]), ("x" * 10_450_000, 1, [0, 0, 1, 2])],
    ids=["many words", "one word"],
)
def test_text_of_10_megabytes(text: str, count: int, last: list[int]) -> None:
    assert len(text) > 10 * 1000 * 1000
    tokenizer = Tokenizer(TextConfig(maxlen=4), ["good", "film"])
    assert len(tokenizer.words(text)) == count
    assert tokenizer.encode([text]).tolist() == [last]


@pytest.mark.parametrize("text", [None, b"good", 1, 1.5, ["good"], bytearray(b"good")])
def test_only_str_is_text(text: object) -> None:
    with pytest.raises(TextError, match=f"must be a str, not {type(text).__name__}"):
        Tokenizer(TextConfig(), []).ids(text)


def test_encode_nothing() -> None:
    assert Tokenizer(TextConfig(), []).encode([]).shape == (0, 500)


def test_vocabulary_size_is_the_last_rank_with_an_id() -> None:
    config = TextConfig(num_words=10, index_from=5)
    assert config.vocabulary_size == 4
    assert max(Tokenizer(config, list("abcdef")).ids("a b c d e f")) == 9


@given(st.text(st.characters(exclude_categories=()), max_size=3))
def test_is_storable_means_utf8_without_nul(word: str) -> None:
    bad = any(character == "\0" or "\ud800" <= character <= "\udfff" for character in word)
    assert is_storable(word) is not bad


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["good", ""], "empty"),
        (["good film"], "holds ' '"),
        (["a\0b"], "NUL"),
        (["a\ud800"], "surrogate"),
        (["good", "film", "good"], "twice"),
    ],
)
def test_vocabulary_no_text_can_hold(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Tokenizer(TextConfig(), words)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"split": ""}, "split must be one character"),
        ({"split": "ab"}, "split must be one character"),
        ({"maxlen": 0}, "maxlen must be from 1 to 10,000"),
        ({"pad_id": -1}, "between 0 and index_from"),
        ({"start_id": 4}, "between 0 and index_from"),
        ({"oov_id": 4}, "between 0 and index_from"),
        ({"index_from": 1}, "between 0 and index_from"),
        ({"num_words": 3}, "must be over index_from"),
        ({"num_words": 2**20 + 1}, "num_words must be from 1 to 1,048,576"),
        ({"num_words": 10_000.0}, "num_words must be int"),
        ({"maxlen": True}, "maxlen must be int"),
        ({"lower": 1}, "lower must be bool"),
        ({"filters": None}, "filters must be str"),
        ({"start_id": "1"}, "start_id must be"),
        ({"padding": "left"}, "padding must be one of pre, post"),
        ({"truncating": None}, "truncating must be one of pre, post"),
    ],
)
def test_impossible_settings(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(TextConfig(), **setting)


def test_defaults_are_the_keras_ones() -> None:
    assert TextConfig().to_dict() == {
        "lower": True,
        "filters": '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n',
        "split": " ",
        "num_words": 10_000,
        "maxlen": 500,
        "pad_id": 0,
        "start_id": 1,
        "oov_id": 2,
        "index_from": 3,
        "padding": "pre",
        "truncating": "pre",
        "fold": False,
        "pieces": False,
    }


def test_a_word_without_an_id_is_read_as_its_pieces() -> None:
    words = ["auto", "bahn", "autobahn", "der", "bahnhof", "heit", "a" * 16, "b" * 17, "xy"]
    config = TextConfig(num_words=13, start_id=None, pieces=True)
    tokenizer = Tokenizer(config, words)

    def read(text: str) -> list[str]:
        return [("?", *words)[max(i - 3, 0)] for i in tokenizer.ids(text)]

    assert read("auto autobahn") == ["auto", "autobahn"]
    assert read("autobahnhof") == ["autobahn"]  # the longest from the left
    assert read("eautobahnhof bahnhofheit") == ["autobahn", "bahnhof", "heit"]
    assert read("derbahnderxheit") == ["der", "bahn", "der", "heit"]
    assert read("xyxy xyder q") == ["?", "der", "?"]  # three characters at least
    assert read("c" + "a" * 17 + " c" + "b" * 17) == ["a" * 16, "?"]  # and 16 at most
    assert read("der" * 21 + "z" + " " + "der" * 22) == ["der"] * 21 + ["?"]  # of up to 64
    off = Tokenizer(replace(config, pieces=False), words)
    assert off.ids("eautobahnhof") == [2]


def test_pieces_are_those_of_the_folded_word() -> None:
    config = TextConfig(num_words=6, start_id=None, pieces=True, fold=True, filters=FOLDED_FILTERS)
    tokenizer = Tokenizer(config, ["soon", "good"])
    assert tokenizer.ids("xSOOOOOON") == [4]
    assert tokenizer.ids("\u201cungoood\u201d") == [5]
