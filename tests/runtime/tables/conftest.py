"""What the tests of runs share."""

from pathlib import Path
from typing import Any

import pytest

from pocketrnn.tables import block


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "ROWS", 10)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    rows = [f'{i},"good, film {"bad " * (i % 5)}"' for i in range(95)]
    path.write_text("\n".join(["id,text", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def pa() -> Any:
    return pytest.importorskip("pyarrow")


@pytest.fixture(scope="session")
def pq(pa: Any) -> Any:
    return pytest.importorskip("pyarrow.parquet")
