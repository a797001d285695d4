"""The benchmark of generating, with a tiny network."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import generate


@pytest.mark.slow  # seven processes, three of them with TensorFlow
def test_all_ways_are_measured(tmp_path: Path) -> None:
    output = tmp_path / "x.md"
    small = ["--units", "8", "--rounds", "1", "--lines", "5000"]
    generate.main([*small, "-o", str(output)])
    lines = output.read_text("utf-8").splitlines()
    assert len([line for line in lines if line.startswith("|")]) == 2 + len(generate.WAYS)
    assert "`bits` of 5,000 lines" in lines[-1]
