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
    test = model.card["figures"]["test"]
    accuracy, size = f"{test['accuracy']:.1%}", f"{len(model.data) / 1e6:.2f} MB"
    stated = re.findall(r"([\d.]+ MB) with its vocabulary, ([\d.]+) % right on", readme)
    assert stated == [(size, accuracy[:-1])]
    assert f"{test['texts']:,} official IMDB test reviews" in readme
    assert re.findall(r"the bundled model: ([\d.]+) %", readme) == [accuracy[:-1]]
    assert any(accuracy in value for value in model.card.values() if isinstance(value, str))
