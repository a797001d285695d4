"""The README and the docs give the figures that were measured of the bundled models."""

import re
from pathlib import Path

import pytest

import pocketrnn
from pocketrnn.loading import BUNDLED

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"

pytestmark = pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")


def test_accuracy_and_size() -> None:
    readme = README.read_text("utf-8")
    model = pocketrnn.load()
    test, card = model.card["figures"]["test"], model.card["intended_use"]
    size = f"{len(model.data) / 1e6:.2f} MB"
    (stated,) = re.findall(r"([\d.]+ MB) with its vocabulary, and right on ([\d.]+) %", readme)
    assert stated == (size, f"{test['accuracy']:.1%}"[:-1])
    assert f"of {test['texts']:,} test texts" in readme
    (imdb,) = re.findall(r"right on ([\d.]+)% of the 25,000 official IMDB test", card)
    assert f"{imdb} % of the 25,000 official IMDB test reviews" in " ".join(readme.split())
    table = re.findall(r"^\| ([a-z]+) \| ([\d.]+) % \|", readme, re.MULTILINE)
    shown = {"restaurants": "mams-absa", "products": "fdu-mtl", "tweets": "semeval-tweets"}
    for name, accuracy in table:
        if name in shown:
            assert f"{shown[name]} {accuracy}%" in card


def test_unlikeness() -> None:
    page = (REPOSITORY / "docs/evaluate.md").read_text("utf-8")
    results = REPOSITORY / "benchmarks/results/unlikeness/results.md"
    shares = {}
    for line in results.read_text("utf-8").splitlines()[2:]:
        name, *cells = line.strip("| ").split(" | ")
        shares[name] = [f"{100 * float(cell.split()[0]):.0f} %" for cell in cells[1::2]]
    rows = re.findall(r"^\| (\w.*?) \| (\d+ %) \| (\d+ %) \| (\d+ %) \|$", page, re.MULTILINE)
    assert len(rows) > 5
    assert {name: cells for name, *cells in rows}.items() <= shares.items()

    (text, known, words, label, score) = re.findall(
        r"of `(der film .*?)`\s+the bundled model knows (\d) of (\d) words, and calls it (\w+) "
        r"with ([\d.]+)\.",
        page,
    )[0]
    found = pocketrnn.load().predict(text)
    assert [str(found.known), str(found.words), found.label] == [known, words, label]
    assert f"{found.score:.2f}" == score


def test_forecasts() -> None:
    page = (REPOSITORY / "docs/forecast.md").read_text("utf-8")
    for name in ("accuracy", "bundled", "speed"):
        results = REPOSITORY / f"benchmarks/results/forecast/{name}.md"
        for line in filter(None, results.read_text("utf-8").splitlines()):
            assert line in page
