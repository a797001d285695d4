"""Every command and every snippet of the README runs. (CI runs the first two commands itself.)"""

import os
import re
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
# The first two are CI's; the third installs extras that are here already.
COMMANDS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

# Here commands are to run, so they train two small networks: other tests train as the default does.
TRAIN = f"""#!{sys.executable}
from pocketrnn_train.classify import adapting
from pocketrnn_train.cli import main

adapting._STEPS, adapting.FEW_ROWS = 20, 0
raise SystemExit(main())
"""

GOOD, BAD = "loved laughed warm lovely superb", "hated dull broken awful money"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with what the README's commands read, in small."""
    texts = {
        label: [f"{word} number{i % 7} again number{i}" for i in range(8) for word in words.split()]
        for label, words in (("pos", GOOD), ("neg", BAD))
    }
    rows = [f"{text},{label}" for label, found in texts.items() for text in found]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (tmp_path / "texts.csv").write_text("text\n" + "\n".join(texts["pos"]) + "\n")
    with tarfile.open(tmp_path / "aclImdb_v1.tar.gz", "w:gz") as archive:
        for part in ("train", "test"):
            for label, found in texts.items():
                for number, text in enumerate(found):
                    member = tarfile.TarInfo(f"aclImdb/{part}/{label}/{number}_8.txt")
                    member.size = len(text)
                    archive.addfile(member, BytesIO(text.encode()))
    return tmp_path


def shell(command: str, folder: Path) -> str:
    train = folder / "bin" / "pocketrnn-train"
    train.parent.mkdir(exist_ok=True)
    train.write_text(TRAIN)
    train.chmod(0o755)
    folders = [train.parent, Path(sys.executable).parent, os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": os.pathsep.join(map(str, folders))},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def command(start: str) -> str:
    (found,) = [block for block in COMMANDS if block.startswith(start)]
    return found


def test_every_command_is_run() -> None:
    starts = ["python3 -m venv", ".venv/bin/pip", "echo", "pocketrnn score", "pocketrnn evaluate"]
    starts += ["shtab", "pip install", "pocketrnn-train reviews.csv", "python experiments"]
    starts += ["pocketrnn-train aclImdb"]
    assert [block.split(start)[0] for block, start in zip(COMMANDS, starts, strict=True)] == [
        ""
    ] * len(starts)
    assert len(SNIPPETS) == 2


def test_predict_lines(folder: Path) -> None:
    assert '"label": "positive"' in shell(command("echo"), folder)


def test_score_a_file(folder: Path) -> None:
    shell(command("pocketrnn score"), folder)
    scored = (folder / "scored.csv").read_text().splitlines()
    assert scored[0] == "text,label,score"
    assert len(scored) == 1 + 40


def test_evaluate_and_explain(folder: Path) -> None:
    printed = shell(command("pocketrnn evaluate"), folder)
    assert re.search(r"^ +\d+\.\d %  right \(95 % interval", printed, re.MULTILINE)
    assert re.search(r"^  \+0\.\d{4}  waste$", printed, re.MULTILINE)
    assert "<svg" in (folder / "report.html").read_text("utf-8")


def test_completion(folder: Path) -> None:
    pytest.importorskip("shtab")
    shell(command("shtab"), folder)
    assert "--label-column" in (folder / "pocketrnn.bash").read_text("utf-8")


def test_extras_are_those_of_the_package() -> None:
    (extras,) = re.findall(r"\[(.*)\]", command("pip install"))
    declared = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
    assert all(f"\n{extra} = [" in declared for extra in extras.split(","))


@pytest.mark.slow
def test_train_on_own_texts(folder: Path) -> None:
    assert "pos" in shell(command("pocketrnn-train reviews.csv"), folder)


@pytest.mark.slow
def test_tutorial(folder: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text("utf-8")
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks] == ["sh"] * 4 + ["python", "sh"]
    for number, (kind, block) in enumerate(blocks):
        (folder / "snippet.py").write_text(block)
        printed = shell(block if kind == "sh" else "python snippet.py", folder)
        if number == 5:
            assert "(McNemar)" in printed
    assert (folder / "scored.csv").exists()


@pytest.mark.slow
def test_several_labels_per_text(folder: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text("utf-8")
    section = page[page.index("## Several labels per text") :]
    rows = [
        f"number{i} late{' broken' * (i % 2)} parcel,late{';damaged' * (i % 2)}" for i in range(40)
    ]
    rows += [f"number{i} thanks a lot," for i in range(40)]
    (folder / "tickets.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    printed = shell(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0], folder)
    assert "F1 of all labels together (micro)" in printed
    names = (folder / "tagged.csv").read_text().splitlines()[0]
    assert names == "text,labels,probability_damaged,probability_late"


@pytest.mark.slow
def test_make_a_model_of_film_reviews(folder: Path) -> None:
    shell(command("pocketrnn-train aclImdb"), folder)
    assert (folder / "imdb.onnx").stat().st_size > 1000


@pytest.mark.parametrize("number", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_snippets(number: int, folder: Path) -> None:
    (folder / "snippet.py").write_text(SNIPPETS[number])
    printed = shell("python snippet.py", folder)
    if number == 0:
        assert printed.startswith("positive 0.")
