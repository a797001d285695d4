"""How many words of a text the model read and knew; without any, there is no label."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pocketrnn
import tinyonnx
from pocketrnn.loading import BUNDLED
from tinyonnx import WORDS


def expected(model: pocketrnn.Classifier, text: str) -> tuple[int, int]:
    """Cut the words as the ids are cut, then count."""
    config = model.config.text
    start = [] if config.start_id is None else [None]
    row: list[str | None] = [*start, *model.tokenizer.words(text)]
    row = row[-config.maxlen :] if config.truncating == "pre" else row[: config.maxlen]
    read = [word for word in row if word is not None]
    return len(read), sum(word in model.tokenizer.vocabulary for word in read)


sides = st.sampled_from(["pre", "post"])
rows = st.lists(st.lists(st.sampled_from([*WORDS, "xyzzy", "映画"]), max_size=12), max_size=40)


@given(st.sampled_from([1, None]), sides, sides, rows)
def test_counts(start: Any, padding: str, truncating: str, rows: list[list[str]]) -> None:
    model = pocketrnn.load(tinyonnx.tiny(start_id=start, padding=padding, truncating=truncating))
    texts = [" ".join(row) for row in rows]
    read = model.read(texts)
    assert read.words.shape == read.known.shape == (len(texts),)
    found = list(zip(read.words.tolist(), read.known.tolist(), strict=True))
    assert found == [expected(model, text) for text in texts]
    np.testing.assert_array_equal(read.scores, model.scores(texts))
    predictions = model.predict(texts)
    assert [(p.words, p.known) for p in predictions] == found
    assert [p.label is None for p in predictions] == [known == 0 for _, known in found]
    for text, prediction in zip(texts, predictions, strict=True):  # one by one, as in a list
        alone = model.predict(text)
        assert (alone.words, alone.known, alone.label) == (
            prediction.words,
            prediction.known,
            prediction.label,
        )


@pytest.mark.parametrize("text", ["", "   ", "!!!", "😡", "映画は最悪", "xyzzy"])
@pytest.mark.parametrize("labels", [tinyonnx.LABELS, ("a", "b", "c")])
def test_nothing_known_no_label(text: str, labels: tuple[str, ...]) -> None:
    model = pocketrnn.load(tinyonnx.tiny(labels))
    for prediction in (model.predict(text), *model.predict([text, text])):
        assert (prediction.label, prediction.known) == (None, 0)
        assert prediction.score == max(prediction.probabilities.values())
    np.testing.assert_allclose(model.scores(text).sum(), 1, atol=1e-6)


@pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")
def test_of_the_bundled_model() -> None:
    model = pocketrnn.load()
    assert [p.label for p in model.predict(["", "😡😡😡", "この映画は最悪だ", "xyzzy"])] == [
        None
    ] * 4
    prediction = model.predict("A warm, funny xyzzy.")
    assert (prediction.label, prediction.words, prediction.known) == ("positive", 4, 3)
