"""The bundled model on sentences of our own making: people type those, not whole reviews."""

import csv
from pathlib import Path

import pytest

import pocketrnn

SENTENCES = Path(__file__).parents[2] / "data" / "sentences.tsv"


# What the sentences of each domain must reach, with room for the spread between seeds.
@pytest.mark.parametrize(("domain", "count", "least"), [("movie", 300, 0.78), ("other", 100, 0.65)])
def test_sentences(domain: str, count: int, least: float) -> None:
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    own = [row for row in rows if row["domain"] == domain]
    assert len(own) == count
    model = pocketrnn.load()
    if not model.card["recipe"].get("distillation"):
        pytest.skip("the bundled model has learnt from whole reviews alone")
    predictions = model.predict([row["text"] for row in own])
    right = sum(p.label == row["label"] for p, row in zip(predictions, own, strict=True))
    assert right / count >= least
