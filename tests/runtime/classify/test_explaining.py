"""What each word did to a score: always the difference to the score of the edited text."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pocketrnn
import tinyonnx
from pocketrnn.classify import explaining
from pocketrnn.classify.padding import Rows
from pocketrnn.errors import ConfigError, TextError
from pocketrnn.loading import BUNDLED
from pocketrnn.modelfile.network import NetworkConfig
from tinyonnx import WORDS

MODELS = Path(__file__).parents[2] / "data/models"
WINDOWED = NetworkConfig(embedding=3, units=3, mask=True, pooling="sqrtn_max", window=4)
NETWORKS = [
    tinyonnx.NETWORK,
    WINDOWED,
    replace(WINDOWED, cell="gru", bidirectional=True, layers=2, window=2),
    replace(WINDOWED, mask=False),
]


@cache
def loaded(
    labels: Any, network: Any, truncating: str, start: Any, padding: str = "pre"
) -> pocketrnn.Classifier:
    text = {"truncating": truncating, "start_id": start, "padding": padding}
    return pocketrnn.load(tinyonnx.tiny(labels, network=network, **text))


def check(model: pocketrnn.Classifier, text: str, found: pocketrnn.Explanation) -> None:
    scores = model.scores(text)[0]
    column = model.labels.index(found.label) if found.label else int(scores.argmax())
    score = scores[column]
    assert found.score == pytest.approx(score, abs=1e-6)
    for span in (*found.spans, *found.phrases):
        words = text[span.start : span.end].split()
        edited = text[: span.start] + " ".join(["xyzzy"] * len(words)) + text[span.end :]
        assert span.weight == pytest.approx(score - model.scores(edited)[0, column], abs=1e-6)
    parts = [text[span.start : span.end].lower() for span in found.spans]
    assert parts == model.tokenizer.words(text)
    assert [span.known for span in found.spans] == [part in WORDS for part in parts]


@pytest.mark.parametrize("labels", [tinyonnx.LABELS, ("a", "b", "c")])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize(("start", "padding"), [(1, "pre"), (None, "post")])
@settings(max_examples=20)
@given(text=st.lists(st.sampled_from([*WORDS, "GOOD", "xyzzy", "映画"]), max_size=12).map(" ".join))
def test_weights(
    labels: Any, network: Any, truncating: str, start: Any, padding: str, text: str
) -> None:
    model = loaded(labels, network, truncating, start, padding)
    found = model.explain(text)
    assert found.label == model.predict(text).label
    check(model, text, found)
    other = model.explain([text], label=model.labels[0])[0]
    assert other.label == model.labels[0]
    check(model, text, other)


def test_planted_words_come_first() -> None:
    model = pocketrnn.load(tinyonnx.tiny())
    (first, weight), *_ = model.explain("the film the good film").strongest(3)
    assert (first, weight > 0) == ("good", True)
    found = model.explain("the film the film bad")
    assert found.label == "negative"
    assert max(found.spans, key=lambda span: span.weight) == found.spans[-1]
    assert model.explain("the film bad", label="positive").spans[-1].weight < 0
    assert found.strongest(0) == []


def test_two_words_that_do_more_than_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "_NUMBERS", 1)  # a text at a time
    model = pocketrnn.load(tinyonnx.tiny())
    text = "the good good film"
    found = model.explain(text)
    check(model, text, found)
    (phrase,) = [p for p in found.phrases if text[p.start : p.end] == "good good"]
    assert phrase.weight > 0.01 + sum(found.spans[i].weight for i in (1, 2))
    assert found.strongest(1)[0] == ("good good", phrase.weight)


@pytest.mark.parametrize("text", ["", "   ", "xyzzy", "映画 xyzzy"])
def test_nothing_known_nothing_to_say(text: str) -> None:
    found = pocketrnn.load(tinyonnx.tiny()).explain(text)
    assert [span.weight for span in found.spans] == [0.0] * len(text.split())
    assert not any(span.known for span in found.spans)
    assert (found.label, found.phrases, found.strongest(5)) == (None, (), [])
    assert pocketrnn.load(tinyonnx.tiny()).explain(text, label="positive").label == "positive"


def test_cut_words_do_nothing() -> None:
    found = pocketrnn.load(tinyonnx.tiny()).explain("good " * 20)
    assert [span.weight != 0 for span in found.spans] == [False] * 12 + [True] * 8
    assert all(span.known for span in found.spans)


def test_bad_input() -> None:
    model = pocketrnn.load(tinyonnx.tiny())
    with pytest.raises(ConfigError, match="no label 'neutral'; there are: negative, positive"):
        model.explain("good", label="neutral")
    with pytest.raises(TextError, match="must be a str"):
        model.explain([None])  # type: ignore[list-item]


def test_plain_json_types() -> None:
    found = pocketrnn.load(tinyonnx.tiny()).explain("a good film")
    again = json.loads(json.dumps(found.to_dict()))
    assert again["spans"][1] == {
        "start": 2,
        "end": 6,
        "weight": found.spans[1].weight,
        "known": True,
    }


@given(st.text(st.sampled_from("aİIΣς.ßǅ\u0307 \t!\ud800𝔸ﬁ"), max_size=20))
def test_spans_are_where_the_words_are(text: str) -> None:
    tokenizer = loaded(tinyonnx.LABELS, tinyonnx.NETWORK, "pre", 1).tokenizer
    spans, words = tokenizer.spans(text), tokenizer.words(text)
    assert len(spans) == len(words)
    assert [a for span in spans for a in span] == sorted(a for span in spans for a in span)
    for (start, end), word in zip(spans, words, strict=True):
        part = text[start:end]
        # A final Σ is lowered by what stands before it; no filter is a letter.
        assert part.lower().replace("ς", "σ") == word.replace("ς", "σ")


@pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")
def test_of_the_bundled_model() -> None:
    model = pocketrnn.load()
    text = "At first İ expected a masterpiece, " + "but it was a waste of money. " * 40
    found = model.explain(text)
    assert found.label == "negative"
    assert text[found.spans[2].start : found.spans[2].end] == "İ"
    column = model.labels.index("negative")
    for span in found.spans[::25]:
        edited = text[: span.start] + "xyzzyx" + text[span.end :]
        expected = model.scores(text)[0, column] - model.scores(edited)[0, column]
        np.testing.assert_allclose(span.weight, expected, atol=1e-6)


@pytest.mark.parametrize("table", [{"text": "An awful film."}, 5, b"An awful film."])
def test_what_is_no_list_of_texts(table: Any) -> None:
    with pytest.raises(TextError):
        pocketrnn.load().explain(table)


def test_a_piece_that_stands_for_several_words_is_one_span() -> None:
    """So that a page shows the text as it is, and each part of it once."""
    text = "A great film!!! really??? bad :) soooo good"
    model = pocketrnn.load()
    found = model.explain(text)
    places = [(span.start, span.end) for span in found.spans]
    assert places == sorted(set(places))
    assert "".join(before + word for before, word, *_ in found.pieces()) + found.rest == text
    assert "!!!" in [text[start:end] for start, end in places]
    (shouts,) = (span for span in found.spans if text[span.start : span.end] == "!!!")
    ids = np.array(model.tokenizer.ids(text), np.int32)
    shout = model.tokenizer.ids("!")[-1]
    edited = np.where(ids == shout, model.config.text.oov_id, ids).tolist()
    score = model._network.one(edited)[0, model.labels.index(found.label)]
    assert shouts.weight == pytest.approx(found.score - score, abs=1e-6)


def test_a_word_is_left_out_with_all_its_pieces() -> None:
    model = pocketrnn.load(MODELS / "pieces.onnx")
    text = "bad autobahnhof good hofbahnhof qwert"
    ids = model.tokenizer.ids(text)
    found = model.explain(text, label="positive")
    assert [text[span.start : span.end] for span in found.spans] == text.split()
    assert [span.known for span in found.spans] == [True, True, True, True, False]
    places = [[1], [2, 3], [4], [5, 6, 7], []]
    for span, place in zip(found.spans, places, strict=True):
        edited = np.array([[2 if i in place else one for i, one in enumerate(ids)]], np.int32)
        score = model._network.many(Rows(edited[0], np.array([len(ids)])))[0, 1]
        assert span.weight == pytest.approx(found.score - score, abs=1e-6)
