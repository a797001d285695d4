"""The bundled model on sentences of our own making: people type those, not whole reviews."""

import csv
from pathlib import Path

import pytest

import pocketrnn

SENTENCES = Path(__file__).parents[2] / "data" / "sentences.tsv"


# What the sentences of each kind must reach, with room for the spread between seeds.
@pytest.mark.parametrize(
    ("domain", "count", "least"),
    [("movie", 300, 0.78), ("other", 100, 0.8), ("everyday", 240, 0.85)],
)
def test_sentences(domain: str, count: int, least: float) -> None:
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    own = [row for row in rows if row["domain"] == domain]
    assert len(own) == count
    model = pocketrnn.load()
    predictions = model.predict([row["text"] for row in own])
    right = sum(p.label == row["label"] for p, row in zip(predictions, own, strict=True))
    assert right / count >= least


@pytest.mark.parametrize(
    ("plain", "typed"),
    [
        ('"Terrible." That is all.', "\u201cTerrible.\u201d That is all."),
        ("It wasn't good, I didn't enjoy it.", "It wasn\u2019t good, I didn\u2019t enjoy it."),
        ("worst - film - ever", "worst\u2014film\u2014ever"),
        ("A terrible, boring film", "\ufeffA\r\nterrible,\u00a0bor\u00ading\u3000film"),
    ],
)
def test_typography_changes_no_score(plain: str, typed: str) -> None:
    model = pocketrnn.load()
    assert model.predict(typed) == model.predict(plain)


def test_a_fact_is_not_positive() -> None:
    model = pocketrnn.load()
    assert model.predict("Paris is the capital of France.").label != "positive"
    assert model.predict("").label is None
