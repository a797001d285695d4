"""How unlike those that a model learnt from a text is."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn.classify.unlike import Usual, log_ranks
from pocketrnn.errors import CorruptModelError

USUAL = Usual(mean=0.5, within=0.25, between=0.01)


def with_card(card: dict[str, Any], **settings: Any) -> pocketrnn.Classifier:
    return pocketrnn.load(tinyonnx.tiny(card=card, **settings))


def test_by_hand() -> None:
    model = with_card({"usual": dataclasses.asdict(USUAL)})
    assert model.predict("the the").unlikeness == pytest.approx(-0.5 / np.sqrt(0.01 + 0.25 / 2))
    logs = (np.log(2) + np.log(3 * 6)) / 2  # of good, and of a word that isn't known
    expected = (logs - 0.5) / np.sqrt(0.01 + 0.25 / 2)
    assert model.predict("good xyzzy").unlikeness == pytest.approx(expected, abs=1e-2)
    assert model.predict("!").unlikeness is None


@pytest.mark.parametrize("start_id", [1, None])
def test_as_much_as_is_read_and_the_same_alone_and_together(start_id: int | None) -> None:
    model = with_card({"usual": dataclasses.asdict(USUAL)}, start_id=start_id)
    texts = ["xyzzy " * 20 + "the " * 8, "the " * 8, "", *["good film " * n for n in range(20)], ""]
    together = [prediction.unlikeness for prediction in model.predict(texts)]
    assert together == [model.predict(text).unlikeness for text in texts]
    assert together[0] == together[1]
    assert np.isnan(model.read(texts).unlikeness[2])


def test_a_card_that_says_nothing() -> None:
    assert with_card({}).predict("good").unlikeness is None
    assert with_card({"usual": None}).predict(["good"])[0].unlikeness is None


@pytest.mark.parametrize("altered", [{"within": 0.0}, {"mean": float("inf")}, {"more": 1}, 5])
def test_an_altered_card(altered: Any) -> None:
    card = dataclasses.asdict(USUAL) | altered if isinstance(altered, dict) else altered
    with pytest.raises(CorruptModelError):
        with_card({"usual": card})


def test_logarithms_of_ranks_add_up_exactly() -> None:
    logs = log_ranks(pocketrnn.TextConfig(num_words=5000))
    assert logs[:2].tolist() == [0, 0]
    assert logs[2] > logs[-1] > logs[5] > logs[4] == 0
    assert (logs * 1024 == np.round(logs * 1024)).all()
