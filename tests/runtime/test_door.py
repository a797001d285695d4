"""What onnxruntime gets: never the bytes of a file that isn't trusted."""

from typing import Any

import pytest

import generators
import pocketrnn
import tinyonnx
from pocketrnn import session

MARKER = b"marker of a stranger"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The models that onnxruntime is given."""
    models: list[bytes] = []
    onnxruntime = session.import_onnxruntime()
    make = onnxruntime.InferenceSession

    def spy(model: bytes, *rest: Any, **options: Any) -> Any:
        models.append(model)
        return make(model, *rest, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    return models


def marked(data: bytes) -> bytes:
    """Return a file with a foreign entry of metadata, which the digest leaves out."""
    entry = tinyonnx.field(1, b"stranger") + tinyonnx.field(2, MARKER)
    return data + tinyonnx.field(14, entry)


def test_classifiers(given: list[bytes]) -> None:
    model = pocketrnn.load(marked(tinyonnx.tiny()))
    model.predict("good")
    model.predict(["good", "a bad film"])
    model.explain("good film")
    assert given
    assert not any(MARKER in data for data in given)


def test_generators(given: list[bytes]) -> None:
    model: Any = pocketrnn.load(marked(generators.load("lines").data))
    model.generate("a", n=2, seed=1)
    model.bits(["ab", "b"])
    model.start("a")
    assert given
    assert not any(MARKER in data for data in given)
