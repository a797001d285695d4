"""Only some labels allowed, and the few most probable ones."""

import pytest

import pocketrnn
import tinyonnx
from pocketrnn.errors import ConfigError

LABELS = ("a", "b", "c")


def test_only_the_labels_that_are_allowed() -> None:
    model = pocketrnn.load(tinyonnx.tiny(LABELS))
    for text in ("good", "bad", "the film"):
        chances = model.predict(text).probabilities
        for allowed in (["a", "b"], ["c", "b"], ["b"], ("a", "a")):
            prediction = model.predict(text, labels=allowed)
            assert prediction.label == max(allowed, key=lambda label: chances[label])
            assert prediction.score == chances[prediction.label]
            assert [prediction] == model.predict([text], labels=allowed)
        assert model.predict(text, labels=["c", "b", "a"]) == model.predict(text)
    assert model.predict("xyzzy", labels=["a"]).label is None


def test_both_of_two_labels_go_by_the_threshold() -> None:
    model = pocketrnn.load(tinyonnx.tiny(threshold=1.0))
    assert model.predict("good", labels=["positive", "negative"]).label == "negative"
    assert model.predict("good", labels=["positive"]).label == "positive"


def test_labels_that_the_model_does_not_have() -> None:
    model = pocketrnn.load(tinyonnx.tiny(LABELS))
    with pytest.raises(ConfigError, match="no label 'd'; there are: a, b, c"):
        model.predict("good", labels=["a", "d"])
    with pytest.raises(ConfigError, match="labels must be a list"):
        model.predict("good", labels=[])


def test_top() -> None:
    prediction = pocketrnn.load(tinyonnx.tiny(LABELS)).predict("good")
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: pair[1], reverse=True)
    assert prediction.top(2) == ranked[:2]
    assert prediction.top(9) == ranked
    assert prediction.top(1)[0] == (prediction.label, prediction.score)


def test_one_label_is_not_a_list_of_letters() -> None:
    with pytest.raises(ConfigError, match="labels must be a list"):
        pocketrnn.load().predict("good", labels="positive")
