"""What the runtime's tests share. They need no package but pocketrnn, pytest and hypothesis."""

from pathlib import Path

import pytest
import tinyonnx


@pytest.fixture
def tiny_path(tmp_path: Path) -> Path:
    """A valid model file."""
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tinyonnx.tiny())
    return path
