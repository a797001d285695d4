"""`pocketrnn evaluate` and `pocketrnn explain`: what they print, and the pages they write."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pocketrnn
import tinyonnx
from pocketrnn.classify import page as pages
from pocketrnn.cli import main

VOID = {"meta"}
OPTIONAL_END = {"p", "tr", "th", "td"}


class Page(HTMLParser):
    """What a browser would see: tags that match, texts, and what is loaded from elsewhere."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.elsewhere: list[str] = []
        self.shown = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.elsewhere += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID | OPTIONAL_END:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPTIONAL_END:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.onnx").write_bytes(tinyonnx.tiny())
    (tmp_path / "b.onnx").write_bytes(tinyonnx.tiny(threshold=0.99))
    rows = ["good film,pos,x<y>", "bad film,neg,z", "the bad <b>film</b>,pos,z", "good,pos,z"]
    (tmp_path / "table.csv").write_text("\n".join(["text,label,kind", *rows]) + "\n")
    return tmp_path


def arguments(folder: Path, *more: str) -> list[str]:
    renamed = ["--rename", "pos=positive", "--rename", "neg=negative", "--workers", "1"]
    model = ["--model", str(folder / "a.onnx")]
    return ["evaluate", str(folder / "table.csv"), *model, *renamed, *more]


def test_table(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(files, "--by", "kind", "--precision", "0.6")) == 0
    out = capsys.readouterr().out
    assert "  75.0 %  right (95 % interval: 30.1 to 95.4 %)" in out
    assert re.search(r"^  positive +3 +1\.0000 +0\.6667 +0\.8000 ", out, re.MULTILINE)
    assert re.search(r"^  negative +1 +0$", out, re.MULTILINE)  # the confusion matrix
    assert re.search(r"^  x<y> +1 +100\.0 % +20\.7 % +100\.0 %$", out, re.MULTILINE)
    assert "line 4: is positive (0." in out


def test_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(files, "--json", "--model", str(files / "b.onnx"))) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == 0.75
    assert found["labels"]["positive"]["recall"] == pytest.approx(2 / 3)
    assert found["comparison"]["other"]["texts"] == 4
    assert 0 < found["comparison"]["p_value"] <= 1


def test_page(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = files / "report.html"
    more = ["--by", "kind", "--html", str(report), "--model", str(files / "b.onnx")]
    assert main(arguments(files, *more)) == 0
    out = capsys.readouterr().out
    assert "McNemar" in out
    page = Page(report.read_text("utf-8"))
    for name in (f"first: {files / 'a.onnx'}", f"second: {files / 'b.onnx'}"):
        assert name in out
        assert name in page.shown
    assert page.open == []
    assert page.tags.count("svg") == 6
    assert page.elsewhere == []
    assert not {"script", "link", "img", "iframe", "b<"} & set(page.tags)
    assert "x<y>" in page.shown
    assert "the bad <b>film</b>" in page.shown
    assert "default-src 'none'" in report.read_text("utf-8")
    assert main(arguments(files, *more)) == 1
    assert "replace it with --force" in capsys.readouterr().err
    assert main(arguments(files, *more, "--force")) == 0


def test_many_labels_are_shown_by_their_confusions(tmp_path: Path) -> None:
    labels = tuple(f"label{i}" for i in range(30))
    path = tmp_path / "table.csv"
    path.write_text("text,label\n" + "".join(f"the film,{label}\n" for label in labels[:5]))
    model = pocketrnn.load(tinyonnx.tiny(labels))
    page = Page(pages.evaluation_page(pocketrnn.evaluate(path, model=model), model))
    assert "Most frequent confusions" in page.shown
    assert page.open == []


@pytest.mark.parametrize(
    ("kept", "what", "command"),
    [
        ("table.csv", "input", ["evaluate", "table.csv", "--html"]),
        ("table.csv", "input", ["evaluate", "tab*.csv", "--html"]),
        ("a.onnx", "model", ["evaluate", "table.csv", "--model", "a.onnx", "--html"]),
        ("a.onnx", "model", ["explain", "good", "--model", "a.onnx", "--html"]),
        ("a.onnx", "model", ["score", "table.csv", "--model", "a.onnx", "--output-format", "csv",
                             "--text-column", "text", "-o"]),
        ("a.onnx", "model", ["forecast", "table.csv", "--model", "a.onnx", "-o"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("link", [False, True])
def test_what_is_read_is_never_replaced(
    kept: str,
    what: str,
    command: list[str],
    link: bool,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    before = Path(kept).read_bytes()
    if link:
        Path("link").hardlink_to(kept)
    assert main([*command, "link" if link else kept, "--force"]) == 2
    assert f"is the {what}; choose another output" in capsys.readouterr().err
    assert Path(kept).read_bytes() == before


def test_wrong_usage(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(files, "--rename", "pos")) == 2
    assert "--rename wants OLD=NEW" in capsys.readouterr().err
    assert main(arguments(files, "--rename", "pos=negative")) == 2
    assert "--rename gives 'pos' two names" in capsys.readouterr().err
    twice = ["--model", str(files / "b.onnx")] * 2
    assert main(arguments(files, *twice)) == 2
    assert "two models" in capsys.readouterr().err
    assert main(["evaluate", str(files / "table.csv"), "--model", str(files / "a.onnx")]) == 1
    assert "table.csv, line 2: label 'pos'; the model has" in capsys.readouterr().err


def test_explain(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", str(files / "a.onnx")]
    assert main(["explain", "A good \x1b good", *model]) == 0
    first, *words = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"positive  0\.\d{4}  A good \\x1b good", first)
    assert words[-1] == "  unknown: A \\x1b"
    page = files / "page.html"
    text = 'the "film" <good> xyzzy'
    assert main(["explain", text, "--json", "--html", str(page), *model]) == 0
    found = json.loads(capsys.readouterr().out)
    good = found["spans"][2]
    assert text[good["start"] : good["end"]] == "good"
    assert good["weight"] > 0
    shown = Page(page.read_text("utf-8"))
    assert text in shown.shown
    assert shown.open == shown.elsewhere == []
    assert shown.tags.count("mark") >= 4


def test_explain_in_colour(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    command = ["explain", "good xyzzy", "--model", str(files / "a.onnx")]
    assert main(command) == 0
    assert "\033[30;48;5;114mgood\033[0m \033[4mxyzzy\033[0m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(command) == 0
    assert "\033" not in capsys.readouterr().out


WIDTHS = """<iframe src="report.html" style="width: 390px"></iframe>
<iframe src="report.html" style="width: 1280px"></iframe>
<script>onload = () => { document.title = [...document.querySelectorAll("iframe")].map(
  frame => frame.contentDocument.documentElement).map(
  page => page.scrollWidth - page.clientWidth).join() }</script>
"""


@pytest.mark.slow
def test_page_is_no_wider_than_a_phone(files: Path) -> None:
    """In a browser; `docs/pictures.py` makes pictures to look at."""
    chromium = shutil.which("chromium") or pytest.skip("needs chromium")
    more = ["--by", "kind", "--precision", "0.6", "--html", str(files / "report.html")]
    assert main(arguments(files, *more)) == 0
    (files / "widths.html").write_text(WIDTHS)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command = [chromium, *options, "--dump-dom", (files / "widths.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert re.search("<title>(.*)</title>", done.stdout)[1] == "0,0"
