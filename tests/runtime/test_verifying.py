"""`verify`: a good file passes, and each way of being bad fails its own check."""

import json
from dataclasses import replace

import numpy as np
import pytest

import pocketrnn
import tinyonnx
from pocketrnn import errors
from pocketrnn.classify import file
from pocketrnn.classify.file import TestCase
from pocketrnn.loading import BUNDLED
from pocketrnn.modelfile import onnx
from pocketrnn.verifying import NAMES, TOLERANCE
from tinyonnx import field, resealed

CONFIG = tinyonnx.config()
TOKENIZER = pocketrnn.Tokenizer(CONFIG.text, tinyonnx.WORDS)
GRAPH = tinyonnx.graph(CONFIG)
TEXTS = ("", "the good film", "bad \ud800 \0 naïve")


def with_test_cases(shift: float = 0.0, config: pocketrnn.ClassifierConfig = CONFIG) -> bytes:
    """Return a file with test cases whose scores are `shift` away from the model's."""
    scores = pocketrnn.load(tinyonnx.tiny()).scores(TEXTS).astype(float) + shift
    cases = [TestCase(text, tuple(row)) for text, row in zip(TEXTS, scores.tolist(), strict=True)]
    return file.to_bytes(config, TOKENIZER, GRAPH, {}, cases)


GOOD = with_test_cases()
METADATA = onnx.parse(GOOD)[1]


def statuses(data: bytes) -> dict[str, bool | None]:
    return {check.name: check.ok for check in pocketrnn.verify(data).checks}


def test_a_good_file() -> None:
    found = pocketrnn.verify(GOOD)
    assert found.ok
    assert [(check.name, check.ok) for check in found.checks] == [(name, True) for name in NAMES]
    assert found.bytes == len(GOOD)
    assert found.sha256 == pocketrnn.load(GOOD).sha256
    assert found.difference is not None
    assert found.difference < 1e-6
    assert json.loads(json.dumps(found.to_dict()))["ok"] is True


def test_test_cases_travel() -> None:
    model = pocketrnn.load(GOOD)
    assert tuple(case.text for case in model.test_cases) == TEXTS
    scores = np.array([case.scores for case in model.test_cases])
    np.testing.assert_allclose(scores, model.scores(TEXTS), atol=1e-6)


def test_a_file_without_test_cases_is_not_tested() -> None:
    found = pocketrnn.verify(tinyonnx.tiny())
    assert found.ok
    assert found.difference is None
    assert statuses(tinyonnx.tiny())["test cases"] is None


@pytest.mark.parametrize(("shift", "ok"), [(5e-6, True), (2e-5, False), (0.5, False)])
def test_scores_that_differ(shift: float, ok: bool) -> None:
    found = pocketrnn.verify(with_test_cases(shift))
    assert (found.ok, found.checks[-1].ok) == (ok, ok)
    assert found.difference == pytest.approx(shift, rel=0.1)
    cases = len(pocketrnn.load(with_test_cases(shift)).test_cases)
    assert found.checks[-1].detail.startswith(f"{cases} case")
    assert found.checks[-1].detail.endswith(f"(allowed: {TOLERANCE:.0e})")


def not_numbers() -> bytes:
    weights = {**tinyonnx.weights(CONFIG), "head.bias": np.array([np.nan], np.float32)}
    return resealed(onnx.to_bytes(CONFIG.graph(), weights), METADATA)


@pytest.mark.parametrize(
    ("data", "check", "detail"),
    [
        (b"%PDF", "intact", "not an ONNX model"),
        (GOOD.replace(b"good", b"goof", 1), "intact", "the file is altered"),
        (GOOD.replace(b"the good film", b"the good fulm"), "intact", "the file is altered"),
        (resealed(GRAPH, METADATA, vocabulary="a b"), "belongs together", "2 words"),
        (resealed(GRAPH + field(99, 1), METADATA), "graph", "goes on behind its end"),
        (with_test_cases(config=replace(CONFIG, network=None)), "graph", "a graph of its own"),
        (not_numbers(), "test cases", "aren't probabilities"),
    ],
)
def test_a_bad_file_fails_its_check(data: bytes, check: str, detail: str) -> None:
    found = pocketrnn.verify(data)
    assert not found.ok
    (failed,) = [each for each in found.checks if each.ok is False]
    assert failed.name == check
    assert detail in failed.detail
    assert "model in memory" not in failed.detail


def test_a_trusted_graph_is_run() -> None:
    own = with_test_cases(config=replace(CONFIG, network=None))
    found = pocketrnn.verify(own, trusted=True)
    assert found.ok
    assert "trusted" in found.checks[2].detail
    assert not pocketrnn.verify(
        with_test_cases(0.1, replace(CONFIG, network=None)), trusted=True
    ).ok


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(errors.ModelFileError, match=r"^gone.onnx: can't read the model file"):
        pocketrnn.verify("gone.onnx")


@pytest.mark.skipif(not BUNDLED.exists(), reason="no bundled model in this checkout")
def test_the_bundled_model() -> None:
    assert [check.ok for check in pocketrnn.verify().checks] == [True] * 4
