# ruff: noqa: E501
"""Texts as people type them: what is folded, one definition and its fast twin."""

import unicodedata
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.folding import LINK, MAIL, NAME, NUMBER, TABLE, fold, trace
from pocketrnn.classify.padding import Rows
from pocketrnn.classify.text import FOLDED_FILTERS
from pocketrnn.classify.vectorized import VectorizedTokenizer
from pocketrnn.errors import ConfigError

WORDS = ["good", "wasn't", "soo", "!", "?", "\U0001f642", "\U0001f641", NAME, NUMBER, "\u6620"]


def tokenizer(**text: Any) -> Tokenizer:
    settings = {"fold": True, "filters": FOLDED_FILTERS, "num_words": len(WORDS) + 4, "maxlen": 90}
    return Tokenizer(TextConfig(**settings | text), WORDS)


PIECES = [
    *(
        "good",
        "wasn't",
        "GOOD",
        "soooo",
        "a",
        "d",
        " ",
        " ",
        "'",
        "\u2019",
        "!",
        "?",
        "<br />",
        "&amp;",
    ),
    *(
        "&lt;3",
        "&lt;b",
        "\u00e9's ",
        "&#39;",
        "&#x27;",
        "&x;",
        "<3",
        "<b>",
        "</p>",
        ":",
        ";",
        "=",
        ")",
        "(",
        "-",
        "/",
        ".",
        "@",
        "_",
    ),
    *("www.", "http://", "12345", "10", "\u6620\u753b", "\ud55c", "\u0e44", "\U0001f62d", "\u0301"),
    *(
        "\u200b",
        "\u200d",
        "\ufe0f",
        "\u00ad",
        "\r\n",
        "\t",
        "\0",
        "\u2026",
        "\u201c",
        "\uff01",
        "\u3000",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=20).map("".join)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\u201cTerrible.\u201d That\u2026is\u2014all", ["terrible", "that", "is", "all"]),
        ("It wasn\u2019t \u2018good\u2019, 'tis dogs'", ["it", "wasn't", "good", "tis", "dogs"]),
        ("A\r\nb\vc\u2028d\u00a0e\u3000f\u0085g", list("abcdefg")),
        ("\ufeffgo\u200bo\u00add", ["good"]),
        ("caf\u00e9 cafe\u0301", ["caf\u00e9"] * 2),
        ("\uff27ood\uff01 \u203c", ["good", "!", "!", "!"]),
        ("good!!!! what?! ??", ["good", "!", "!", "what", "?", "!", "?", "?"]),
        ("soooo goood", ["soo", "good"]),
        (":) :-( x:)) :D =p <3 :'(", [*"\U0001f642\U0001f641x\U0001f642\U0001f600\U0001f61b\u2764\U0001f641"]),
        ("10:30 note:(see) and:d", ["10", "30", "note", "see", "and", "d"]),
        ("@Joe's http://a.b/c www.x.yz a.b+c@d-e.fg", [NAME, "s", LINK, LINK, MAIL]),
        ("0123456789 +44 7700900123 10/10", [NUMBER, "44", NUMBER, "10", "10"]),
        ("Good<br /><b>x</b> 1 < 2 &quot;AT&amp;T&quot; don&#39;t", ["good", "x", "1", "2", "at", "t", "don't"]),
        ("\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469", ["\U0001f44d", "\U0001f468", "\U0001f469"]),
        ("\u6620\u753b\u306fgood 10\u5206\u3002", ["\u6620", "\u753b", "\u306f", "good", "10", "\u5206"]),
        ("\ud55c\uad6d \u0e44\u0e17", ["\ud55c", "\uad6d", "\u0e44", "\u0e17"]),
        ("a_b #tag na\u00efve", ["a", "b", "tag", "na\u00efve"]),
    ],
)  # fmt: skip
def test_words(text: str, words: list[str]) -> None:
    assert tokenizer().words(text) == words


@settings(max_examples=300)
@given(st.lists(TEXTS, max_size=4))
@example(
    [
        "good!!!",
        "''good''",
        "x!  !x",
        "!<br />!",
        ":<br />)",
        "'<br />'",
        "12345",
        "Ooo",
        "Ewww.<br />x",
    ]
)
@example(
    ["\uff1cb x> \u00e9", "<a \u00e9> \u00e9<br />x", "x\u2019s www.a.b\u00e9 c", "a@b\u2026c d"]
)
@example(
    ["good'http://a b", "good'www.a.b c", "good@.de x", "good@-x", "<good<br />>", "\u00e9<br />x"]
)
@example(
    ["\u00e9 good'http://a b", "good'www.\u00e9 c", "<good<br />\u00e9>", "good@.x<br />\u00e9"]
)
@example(["Zo\u00eb\u2019s film &lt;b&gt;good&lt;/b&gt;", "\u00e9's &LT;b\u00e9>"])
@example(["good &lt;b x>y> \u00e9", "wasn't \u00e9", "wasn\u2019t good", "a &LT;b 'good'> x"])
def test_bulk_is_plain(texts: list[str]) -> None:
    slow = tokenizer()
    rows = VectorizedTokenizer(slow).rows(texts)
    expected = Rows.of([slow.ids(text) for text in texts], slow.config)
    np.testing.assert_array_equal(rows.ids, expected.ids)
    np.testing.assert_array_equal(rows.lengths, expected.lengths)


@settings(max_examples=300)
@given(TEXTS)
def test_words_are_what_they_are_read_as(text: str) -> None:
    """So that a vocabulary's words are found, however texts are joined of them."""
    words = tokenizer().words(text)
    assert tokenizer().words(" ".join(words)) == words


@settings(max_examples=300)
@given(TEXTS)
@example("film\U0001f44d\U0001f3fd! e\u0301a")
def test_each_word_has_a_place(text: str) -> None:
    assert trace(text)[0] == fold(text)
    words, places = tokenizer().words(text), tokenizer().spans(text)
    assert len(words) == len(places)
    assert all(0 <= start < end <= len(text) for start, end in places)
    for word, (start, end) in zip(words, places, strict=True):
        if word.isascii() and word.isalpha() and text[start:end].isascii():
            assert len(text[start:end]) >= len(word)
    if unicodedata.is_normalized("NFC", text) and "&" not in text:
        for before, place in pairwise(places):  # several words of one piece, such as `!!`, share it
            assert before == place or before[1] <= place[0]


VARIANTS = {
    "'": ["\u2019", "\u2018", "\u02bc", "&#39;", "&#x27;", "&rsquo;", "\uff07"],
    '"': ["\u201c", "\u201d", "\u00ab", "&quot;", "\u300c"],
    " ": ["  ", "\u00a0", "\u3000", "\t", "\r\n", "\u2009", "&nbsp;", "\u200b ", "<br />"],
    "-": ["\u2013", "\u2014", "\u2011"],
    ".": ["\u2026", "...", "\u3002"],
    "!": ["\uff01"],
    "\u00e9": ["e\u0301"],
}


@given(st.data())
def test_typography_changes_nothing(data: st.DataObject) -> None:
    text = "\"It wasn't good - the caf\u00e9 was 'closed'.\" Really, never again!"
    variant = "".join(
        data.draw(st.sampled_from([c, *VARIANTS[c]])) if c in VARIANTS else c for c in text
    )
    assert tokenizer().words(variant) == tokenizer().words(text)


def test_all_punctuation_parts_words() -> None:
    """Also symbols and spaces: they part words, are words, or stand for something in the table."""
    apart = tokenizer()
    for code in range(128, 0x30000):
        character, name = chr(code), unicodedata.name(chr(code), "")
        if unicodedata.category(character)[0] in "PSZ" and unicodedata.ucd_3_2_0.name(
            character, ""
        ):
            glued = apart.words(f"a{character}b")
            assert glued != [f"a{character}b"], name
            assert glued in (["a", "b"], ["a", character, "b"], ["a'b"]) or code in TABLE, name


def test_a_file_without_the_setting_is_not_folded() -> None:
    values = TextConfig().to_dict()
    del values["fold"]
    assert TextConfig.from_dict(values) == TextConfig()


def test_folding_needs_a_space() -> None:
    with pytest.raises(ConfigError, match="split must be one"):
        TextConfig(fold=True, split="_")


@pytest.mark.parametrize(
    "text", ["@" * 200_000, "a" * 200_000 + "@", "<a" * 100_000, ":" * 200_000, "'" * 200_000]
)
def test_long_texts_take_no_longer(text: str) -> None:
    tokenizer().words(text)
