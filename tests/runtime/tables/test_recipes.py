"""The recipes in docs/score.md run as they stand, and give the command's scores."""

import os
import re
from pathlib import Path

import pytest

import pocketrnn
from pocketrnn import score_file
from tinyonnx import tiny

DOCS = Path(__file__).parents[3] / "docs" / "score.md"


def recipe(name):
    return re.search(rf"```python {name}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)[1]


@pytest.mark.parametrize("name", ["polars", "duckdb"])
def test_recipe(name, tmp_path, monkeypatch):
    pytest.importorskip(name)
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    model = tiny()
    load = pocketrnn.load
    monkeypatch.setattr(pocketrnn, "load", lambda: load(model))
    texts = [f"good {'bad ' * (i % 5)}film {i}" if i % 7 else None for i in range(10_000)]
    pq.write_table(pa.table({"id": range(10_000), "text": texts}), "reviews.parquet")
    exec(recipe(name), {})
    score_file(
        "reviews.parquet", "command.parquet", model=model, text_column="text", on_error="skip"
    )
    found, wanted = pq.read_table("scored.parquet"), pq.read_table("command.parquet")
    assert found.column_names == wanted.column_names
    for column in ("id", "text", "label"):
        assert found[column].to_pylist() == wanted[column].to_pylist()
    assert found["score"].to_pylist() == pytest.approx(wanted["score"].to_pylist(), abs=1e-6)


def test_rows_in_a_loop(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = tiny()
    Path("reviews.csv").write_text("id,text\n1,bad bad bad\n2,good\n")
    score_rows = pocketrnn.score_rows
    monkeypatch.setattr(pocketrnn, "score_rows", lambda *names: score_rows(*names, model=model))
    snippet = re.search(r"```python\n(for row.*?)```", DOCS.read_text("utf-8"), re.DOTALL)[1]
    exec(snippet, {"pocketrnn": pocketrnn})
    assert capsys.readouterr().out == "2 bad bad bad\n"
    assert os.listdir() == ["reviews.csv"]  # noqa: PTH208
