"""What the runtime's tests share. They need no package but pocketrnn, pytest and hypothesis."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

import tinyonnx


@pytest.fixture(scope="module")
def unflushed() -> Iterator[None]:
    """Wait for no disk where many small files are written: no test cuts the power."""
    with mock.patch("os.fsync"):
        yield


@pytest.fixture
def tiny_path(tmp_path: Path) -> Path:
    """A valid model file."""
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tinyonnx.tiny())
    return path
