"""Bad model files: each gets the error that fits, with its path in front, and never another."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pocketrnn
import tinyonnx
from pocketrnn import ClassifierConfig, TextConfig, errors, modelfile
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig
from tinyonnx import LABELS, WORDS, external_tensor, field, resealed

CONFIG = tinyonnx.config()
GRAPH = tinyonnx.graph(CONFIG)
METADATA = tinyonnx.metadata(GRAPH, CONFIG)
GOOD = onnx.model_to_bytes(GRAPH, METADATA)


def test_read() -> None:
    contents = pocketrnn.load(GOOD)
    assert contents.data == GOOD
    assert contents.config == CONFIG
    assert contents.tokenizer.vocabulary == WORDS
    assert contents.card == tinyonnx.CARD
    assert contents.sha256 == METADATA["pocketrnn.sha256"]
    for name, numbers in tinyonnx.weights(CONFIG).items():
        np.testing.assert_array_equal(contents.weights[name], numbers)


def test_metadata_as_documented() -> None:
    names = ("schema", "task", "config", "vocabulary", "card", "test_cases", "sha256")
    assert list(METADATA) == [f"pocketrnn.{name}" for name in names]
    assert METADATA["pocketrnn.schema"] == "1"
    assert METADATA["pocketrnn.task"] == "classify"
    assert METADATA["pocketrnn.vocabulary"] == "the good bad film naïve don't"
    assert json.loads(METADATA["pocketrnn.card"]) == tinyonnx.CARD
    assert json.loads(METADATA["pocketrnn.test_cases"]) == []
    assert json.loads(METADATA["pocketrnn.config"]) == {
        "text": CONFIG.text.to_dict(),
        "labels": list(LABELS),
        "threshold": 0.5,
        "network": {
            "embedding": 3,
            "cell": "simple_rnn",
            "activation": "tanh",
            "units": 3,
            "layers": 1,
            "bidirectional": False,
            "mask": False,
            "pooling": "last",
            "window": 0,
            "weights": "float32",
        },
    }


def test_digest_as_documented() -> None:
    hashed = b"graph" + "pocketrnn.a\0ä\0pocketrnn.b\0x y\0".encode()
    metadata = {"pocketrnn.b": "x y", "other": "?", "pocketrnn.sha256": "?", "pocketrnn.a": "ä"}
    assert modelfile.digest(b"graph", metadata) == hashlib.sha256(hashed).hexdigest()


@pytest.mark.parametrize("label", ["a b", "ü", "中文", "\U0001f600", 'q"\\', "\n", "\0", "\ud800"])
def test_any_label_survives(label: str) -> None:
    assert pocketrnn.load(tinyonnx.tiny(labels=(label, "other"))).config.labels == (label, "other")


def test_metadata_of_others_is_left_alone() -> None:
    data = onnx.model_to_bytes(GRAPH, {**METADATA, "author": "someone"})
    assert pocketrnn.load(data).config == CONFIG


def test_empty_vocabulary() -> None:
    assert pocketrnn.load(tinyonnx.tiny(words=())).tokenizer.vocabulary == ()


MASKED = NetworkConfig(mask=True, pooling="sqrtn_max", window=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ("one",)}, "two labels or more"),
        ({"labels": ()}, "two labels or more"),
        ({"labels": ("a", "b", "a")}, "a label is there twice"),
        ({"labels": ["a", "b"]}, "labels must be"),
        ({"labels": tuple(map(str, range(1001)))}, "1,000 labels at most, not 1,001"),
        ({"threshold": -0.1}, "threshold must be from 0 to 1"),
        ({"threshold": 1.1}, "threshold must be from 0 to 1"),
        ({"threshold": float("nan")}, "threshold must be from 0 to 1"),
        ({"threshold": 1}, "threshold must be float"),
        ({"network": MASKED}, r"maxlen \(500\) must be a multiple of window \(3\)"),
        ({"text": TextConfig(oov_id=1)}, "start and unknown words need ids of their own"),
        *(
            ({"network": MASKED, "text": TextConfig(maxlen=300, **ids)}, "masking needs 0")
            for ids in ({"pad_id": 3}, {"start_id": 0}, {"oov_id": 0})
        ),
    ],
)
def test_impossible_config(change: dict[str, Any], message: str) -> None:
    values = {"text": TextConfig(), "labels": LABELS, "threshold": 0.5, "network": NetworkConfig()}
    with pytest.raises(errors.ConfigError, match=message):
        ClassifierConfig(**{**values, **change})


# -- hostile and damaged files -----------------------------------------------------------------


def sealed(**changes: str) -> bytes:
    """Return a file with other metadata, and a digest that fits it."""
    return resealed(GRAPH, METADATA, **changes)


def merged(first: bytes) -> bytes:
    """Return a file with two graphs; protobuf would merge the first into the second."""
    return field(1, 8) + field(7, first) + GOOD[2:]


SWAPPED = "good the bad film naïve don't"
DEEP_JSON = '{"a":' * 100_000 + "1" + "}" * 100_000
HUGE = 10**18

# A changed setting: its part of the configuration, name, value; None leaves it out.
BAD_SETTINGS: list[tuple[str, str, Any, str]] = [
    ("", "colour", 1, "unknown setting in ClassifierConfig: colour"),
    ("text", "lower", None, "missing setting in TextConfig: lower"),
    ("network", "cell", None, "missing setting in NetworkConfig: cell"),
    ("text", "maxlen", "8", "maxlen must be int"),
    ("text", "maxlen", -8, "maxlen must be from 1 to 10,000"),
    ("text", "maxlen", HUGE, "maxlen must be from 1 to 10,000"),
    ("text", "num_words", HUGE, "num_words must be from 1 to 1,048,576"),
    ("text", "num_words", 10**1000, "num_words must be from 1 to 1,048,576"),
    ("network", "units", 513, "units must be from 1 to 512"),
    ("network", "window", 3, "windows need the pooling sqrtn_max"),
    ("", "threshold", 10**400, "too large"),
    ("", "threshold", float("nan"), "threshold must be from 0 to 1"),
    ("", "labels", ["a", "a"], "a label is there twice"),
]

# The same for settings that are fine, but of another graph.
OTHER_GRAPHS: list[tuple[str, str, Any, str]] = [
    ("network", "units", 4, "see "),
    ("network", "cell", "gru", "see "),
    ("network", "layers", 2, "see "),
    ("", "labels", ["a", "b", "c"], "see "),
    ("", "network", {}, r"trusted=True$"),
]


def with_setting(part: str, name: str, value: Any) -> bytes:
    """Return a file whose configuration has another value, with a digest that fits it."""
    config = json.loads(METADATA["pocketrnn.config"])
    place = config[part] if part else config
    place.pop(name, None) if value is None else place.update({name: value or None})
    return sealed(config=json.dumps(config))


Bad = dict[str, tuple[bytes, str]]

CASE = '{"text": "a", "scores": [0.5, 0.5]}'
TEST_CASES = {
    "{}": "aren't a list",
    "[1]": "TestCase must be an object",
    '[{"text": "a"}]': "missing setting in TestCase: scores",
    '[{"text": 1, "scores": [0.5, 0.5]}]': "text must be str",
    '[{"text": "a", "scores": [0.5]}]': "doesn't fit the settings",
    '[{"text": "a", "scores": [NaN, 0.5]}]': "doesn't fit the settings",
    '[{"text": "a", "scores": "0.5"}]': "scores must be",
    '[{"text": "a", "scores": [0.5, "b"]}]': "scores must be",
    f"[{', '.join([CASE] * 101)}]": "100 test cases at most",
    "[": "isn't JSON",
    "[" * 100_000: "altered",
}
NO_MODEL: Bad = {
    "empty": (b"", "not an ONNX model"),
    "text": (b"%PDF-1.7", "not an ONNX model"),
}
OF_OTHERS: Bad = {
    "no metadata": (onnx.model_to_bytes(GRAPH), "pocketrnn-export"),
    "metadata": (onnx.model_to_bytes(GRAPH, {"schema": "1", "config": "{}"}), "pocketrnn-export"),
}
NEWER: Bad = {
    "schema": (sealed(schema="2"), "schema 2,"),
    "all else unknown": (resealed(GRAPH, {"pocketrnn.schema": "37"}), "update pocketrnn"),
    "huge schema": (sealed(schema="9" * 5000), "schema 99999999999999999999,"),
}
OTHER_WORDS: Bad = {
    "another size": (sealed(vocabulary="the good bad"), "has 3 words, the settings speak of 6"),
    "none": (sealed(vocabulary=""), "has 0 words"),
}
CORRUPT: Bad = {
    "no graph": (field(1, 8), "no graph inside"),
    "two graphs": (merged(b""), "two graphs"),
    "two graphs, external data": (merged(field(5, external_tensor("e"))), "two graphs"),
    "unknown task": (sealed(task="translate"), "task 'translate'"),
    "digest": (onnx.model_to_bytes(GRAPH, {**METADATA, "pocketrnn.sha256": "0" * 64}), "digest"),
    "weight": (GOOD.replace(np.float32(2).tobytes(), np.float32(3).tobytes()), "digest"),
    "label": (GOOD.replace(b'"positive"', b'"negativf"'), "digest"),
    "words": (
        GOOD.replace(METADATA["pocketrnn.vocabulary"].encode(), SWAPPED.encode()),
        "digest",
    ),
    "word twice": (sealed(vocabulary="the good bad film good don't"), "a word is twice"),
    "empty word": (sealed(vocabulary="the good  bad film x"), "a word is empty"),
    "10,000 digits": (sealed(config='{"threshold": ' + "9" * 10_000 + "}"), "isn't JSON"),
    "deep config": (sealed(config=DEEP_JSON), "altered"),
    "deep card": (sealed(card=DEEP_JSON), "altered"),
    "config isn't JSON": (sealed(config="{'labels'}"), "isn't JSON"),
    "config isn't an object": (sealed(config="[1, 2]"), "ClassifierConfig must be an object"),
    "card isn't an object": (sealed(card="[]"), "card isn't an object"),
    **{
        f"schema {schema!r}": (sealed(schema=schema), "altered")
        for schema in ("", "one", "-1", "1.0", " 1", "²", "١")
    },
    **{
        f"no {name}": (
            onnx.model_to_bytes(GRAPH, {k: v for k, v in METADATA.items() if name not in k}),
            f"no 'pocketrnn.{name}'",
        )
        for name in ("task", "config", "vocabulary", "card", "test_cases", "sha256")
    },
    **{f"cases {text:.40}": (sealed(test_cases=text), m) for text, m in TEST_CASES.items()},
    **{f"{p}.{n} = {v!s:.10}": (with_setting(p, n, v), m) for p, n, v, m in BAD_SETTINGS},
}
MORE_ROWS = METADATA["pocketrnn.config"].replace('"num_words": 10', '"num_words": 11')
OTHER_GRAPH: Bad = {
    "rows": (
        sealed(config=MORE_ROWS.replace('"index_from": 3', '"index_from": 4')),
        "see constant embedding",
    ),
    **{f"{p}.{n} = {v!s:.10}": (with_setting(p, n, v), m) for p, n, v, m in OTHER_GRAPHS},
}
BAD_FILES: dict[str, tuple[bytes, type[errors.ModelFileError], str]] = {
    f"{kind.__name__}: {name}": (data, kind, message)
    for kind, cases in (
        (errors.NotAModelError, NO_MODEL),
        (errors.NoMetadataError, OF_OTHERS),
        (errors.NewerSchemaError, NEWER),
        (errors.VocabularyMismatchError, OTHER_WORDS),
        (errors.CorruptModelError, CORRUPT),
        (errors.GraphError, OTHER_GRAPH),
    )
    for name, (data, message) in cases.items()
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data, kind, message = BAD_FILES[name]
    path = tmp_path / "bad.onnx"
    path.write_bytes(data)
    with pytest.raises(errors.ModelFileError, match=message) as caught:
        pocketrnn.load(path)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{path}: ")
    assert capfd.readouterr() == ("", "")


def test_bad_bytes_have_a_name_too() -> None:
    with pytest.raises(errors.NotAModelError, match=r"^model in memory: not an ONNX model$"):
        pocketrnn.load(b"")


def test_swapped_vocabulary_is_another_model() -> None:
    """Who recomputes the digest makes a model of their own; the digest is no signature."""
    good, swapped = pocketrnn.load(GOOD), pocketrnn.load(sealed(vocabulary=SWAPPED))
    assert swapped.sha256 != good.sha256
    np.testing.assert_array_equal(swapped.scores("the"), good.scores("good"))


def test_truncated_at_every_length() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(errors.ModelFileError) as caught:
            pocketrnn.load(GOOD[:length])
        expected = (
            errors.NotAModelError
            if length < 2
            else (errors.CorruptModelError, errors.NoMetadataError)
        )
        assert isinstance(caught.value, expected), length


def check_refused(data: bytes) -> None:
    """Check that `data` is refused: every byte of a file is either hashed or compared."""
    if data != GOOD:
        with pytest.raises(errors.ModelFileError):
            pocketrnn.load(data)


edits = st.lists(
    st.tuples(
        st.integers(0, len(GOOD) - 1),
        st.sampled_from(["set", "insert", "cut"]),
        st.binary(max_size=4),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=400)
@given(edits)
def test_altered_bytes(edits: list[tuple[int, str, bytes]]) -> None:
    data = bytearray(GOOD)
    for position, edit, new in edits:
        end = position + {"set": len(new), "insert": 0, "cut": 1 + len(new)}[edit]
        data[position:end] = b"" if edit == "cut" else new
    check_refused(bytes(data))


def test_flipped_bit_in_every_byte() -> None:
    for position in range(len(GOOD)):
        data = bytearray(GOOD)
        data[position] ^= 1 << position % 8
        check_refused(bytes(data))
