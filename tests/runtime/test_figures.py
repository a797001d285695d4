"""The README speaks of the bundled model as its card does."""

import re
from pathlib import Path

import pytest

import pocketrnn
from pocketrnn.loading import BUNDLED

README = Path(__file__).parents[2] / "README.md"

pytestmark = pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")


def test_accuracy_and_size() -> None:
    readme = README.read_text("utf-8")
    model = pocketrnn.load()
    test, card = model.card["figures"]["test"], model.card["intended_use"]
    size = f"{len(model.data) / 1e6:.2f} MB"
    (stated,) = re.findall(r"([\d.]+ MB) with its vocabulary,\s([\d.]+) % right on", readme)
    assert stated == (size, f"{test['accuracy']:.1%}"[:-1])
    assert f"{test['texts']:,} test texts" in readme
    (imdb,) = re.findall(r"right on ([\d.]+)% of the 25,000 official IMDB test", card)
    assert f"{imdb} % on the 25,000 official IMDB test reviews" in " ".join(readme.split())
    table = re.findall(r"^\| ([a-z]+) \| ([\d.]+) % \|", readme, re.MULTILINE)
    shown = {"restaurants": "mams-absa", "products": "fdu-mtl", "tweets": "semeval-tweets"}
    for name, accuracy in table:
        if name in shown:
            assert f"{shown[name]} {accuracy}%" in card
