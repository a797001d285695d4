"""What CONTRIBUTING.md and the release steps rely on. Needs no package but pytest."""

import re
import tomllib
from pathlib import Path

import pytest

import pocketrnn

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOW = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md"))
    if path.is_file()
)


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    entries = re.findall(r"^## (\S+), ", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert entries[0] == pocketrnn.__version__


def test_the_map_shows_every_room() -> None:
    shown = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = [
        path.parent.name
        for part in ("runtime", "train")
        for path in ROOT.glob(f"{part}/*/*/__init__.py")
    ]
    rooms = [room for room in rooms if not room.startswith("_")]
    assert "tables" in rooms
    assert [room for room in rooms if f"{room}/" not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_what_is_promised_of_python_and_onnxruntime_is_tested() -> None:
    pythons = [c.split()[-1] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert f"python: {pythons}".replace("'", '"') in WORKFLOW
    oldest = re.findall(r"onnxruntime>=([\d.]+); python", " ".join(PROJECT["dependencies"]))
    assert len(oldest) == len(pythons)
    for python, version in zip(pythons, oldest, strict=True):
        assert re.search(rf'"{python}", with: "onnxruntime=={version}[." ]', WORKFLOW)
