"""Many texts at once: the ids of the plain tokenizer, in rows and in batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.padding import Rows
from pocketrnn.classify.vectorized import VectorizedTokenizer

# Words at the edges of what one integer, three integers and the dict hold; prefixes of each
# other; words beyond ASCII, cut by no byte boundary.
WORDS = [
    *("a" * n for n in (1, 6, 7, 8, 9, 15, 16, 22, 23, 24, 25, 60, 255, 256, 300)),
    *("film", "films", "don't", "naïve", "映画", "映画館で観た映画は", "😀", "i̇", "b\r", "\u00a0"),
]
CHARACTERS = st.characters() | st.sampled_from(" \t\n\r\0.,!<>/'aAbİ映\u00a0\ud800")
TEXTS = st.lists(
    st.text(CHARACTERS)
    | st.lists(st.sampled_from([*WORDS, "A" * 8, "aa\0", "a" * 7 + "\0", "none"])).map(" ".join),
    max_size=12,
)


def tokenizer(**text: Any) -> Tokenizer:
    return Tokenizer(TextConfig(**{"num_words": len(WORDS) + 4, "maxlen": 9} | text), WORDS)


def plain(tokenizer: Tokenizer, texts: Sequence[str]) -> Rows:
    return Rows.of([tokenizer.ids(text) for text in texts], tokenizer.config)


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"maxlen": 1},
        {"start_id": None},
        {"truncating": "post"},
        {"truncating": "post", "start_id": None, "maxlen": 2},
        {"lower": False},
        {"filters": ""},
        {"filters": "ab\0", "split": "."},
        {"filters": "Ab", "split": "x"},
        {"pieces": True},
        {"pieces": True, "maxlen": 2, "truncating": "post", "start_id": None},
    ],
    ids=str,
)
@settings(max_examples=50)
@given(TEXTS)
@example([])
@example([""])
@example(["", "film " * 30, "", "a", "film"])
@example(["FILM Film", "Éa FILM", " ".join(WORDS).upper()])
@example([" ".join(WORDS), "x" * 5000, "film\0", "\ud800", " film  a "])
def test_bulk_is_plain(text: dict[str, Any], texts: list[str]) -> None:
    slow = tokenizer(**text)
    rows, expected = VectorizedTokenizer(slow).rows(texts), plain(slow, texts)
    np.testing.assert_array_equal(rows.lengths, expected.lengths)
    np.testing.assert_array_equal(rows.ids, expected.ids)
    assert rows.ids.dtype == np.int32


def test_every_word_of_a_large_vocabulary_is_found() -> None:
    """Enough words that slots of the hash table are contended."""
    words = [f"w{i:x}" * (1 + i % 3) for i in range(20_000)]
    slow = Tokenizer(TextConfig(num_words=20_004, maxlen=5_000, start_id=None), words)
    texts = [" ".join(words[i : i + 5000]) for i in range(0, 20_000, 5000)]
    rows = VectorizedTokenizer(slow).rows(texts)
    np.testing.assert_array_equal(rows.ids, np.arange(4, 20_004))
    odd = [" ".join(word + "?x" for word in words)]
    np.testing.assert_array_equal(VectorizedTokenizer(slow).rows(odd).ids, plain(slow, odd).ids)


def test_more_texts_than_a_chunk() -> None:
    slow = tokenizer()
    texts = [" ".join(WORDS[i % 5 : i % 11]) for i in range(700)]
    rows, expected = VectorizedTokenizer(slow).rows(texts), plain(slow, texts)
    np.testing.assert_array_equal(rows.ids, expected.ids)
    np.testing.assert_array_equal(rows.lengths, expected.lengths)


def test_an_empty_vocabulary() -> None:
    none = Tokenizer(TextConfig(num_words=4), [])
    np.testing.assert_array_equal(VectorizedTokenizer(none).rows(["a b"]).ids, [1, 2, 2])


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ({}, True),
        ({"filters": "…"}, False),
        ({"split": "\u3000"}, False),
        ({"split": "-"}, True),
        ({"split": "X"}, False),
    ],
)
def test_bytes_will_do_only_where_separators_are_ascii(
    text: dict[str, Any], supported: bool
) -> None:
    assert VectorizedTokenizer.supports(TextConfig(**text)) is supported
