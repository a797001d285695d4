"""Bad model files: each gets the error that fits, with its path in front, and never another."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pocketrnn
import pytest
import tinyonnx
from hypothesis import given, settings
from hypothesis import strategies as st
from pocketrnn import ModelConfig, TextConfig, errors, modelfile
from tinyonnx import (
    LABELS,
    WORDS,
    constant,
    external_tensor,
    field,
    loop,
    nested,
    node,
    resealed,
    varint,
)

CONFIG = tinyonnx.config()
GRAPH = tinyonnx.graph(tinyonnx.weights(CONFIG))
METADATA = tinyonnx.metadata(GRAPH, CONFIG)
GOOD = tinyonnx.model(GRAPH, METADATA)


def test_read() -> None:
    file = modelfile.read(GOOD)
    assert file.data == GOOD
    assert file.config == CONFIG
    assert file.tokenizer.vocabulary == WORDS
    assert file.card == tinyonnx.CARD
    assert file.sha256 == METADATA["pocketrnn.sha256"]


def test_metadata_as_documented() -> None:
    assert list(METADATA) == [
        f"pocketrnn.{name}" for name in ("schema", "config", "vocabulary", "card", "sha256")
    ]
    assert METADATA["pocketrnn.schema"] == "1"
    assert METADATA["pocketrnn.vocabulary"] == "the good bad film naïve don't"
    assert json.loads(METADATA["pocketrnn.card"]) == tinyonnx.CARD
    assert json.loads(METADATA["pocketrnn.config"]) == {
        "text": CONFIG.text.to_dict(),
        "labels": list(LABELS),
        "threshold": 0.5,
        "tables": ["table"],
        "step": 8,
    }


def test_digest_as_documented() -> None:
    hashed = b"graph" + "pocketrnn.a\0ä\0pocketrnn.b\0x y\0".encode()
    metadata = {"pocketrnn.b": "x y", "other": "?", "pocketrnn.sha256": "?", "pocketrnn.a": "ä"}
    assert modelfile.digest(b"graph", metadata) == hashlib.sha256(hashed).hexdigest()


@pytest.mark.parametrize("label", ["a b", "ü", "中文", "\U0001f600", 'q"\\', "\n", "\0", "\ud800"])
def test_any_label_survives(label: str) -> None:
    assert modelfile.read(tinyonnx.tiny(labels=(label, "other"))).config.labels == (label, "other")


def test_metadata_of_others_is_left_alone() -> None:
    data = tinyonnx.model(GRAPH, {**METADATA, "author": "someone"})
    assert modelfile.read(data).config == CONFIG


def test_empty_vocabulary() -> None:
    assert modelfile.read(tinyonnx.tiny(words=())).tokenizer.vocabulary == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ("one",)}, "two labels or more"),
        ({"labels": ()}, "two labels or more"),
        ({"labels": ("a", "b", "a")}, "a label is there twice"),
        ({"labels": ["a", "b"]}, "labels must be"),
        ({"threshold": -0.1}, "threshold must be from 0 to 1"),
        ({"threshold": 1.1}, "threshold must be from 0 to 1"),
        ({"threshold": float("nan")}, "threshold must be from 0 to 1"),
        ({"threshold": 1}, "threshold must be float"),
        ({"tables": ()}, "no table named"),
        ({"step": 0}, "must be a multiple of step"),
        ({"step": 3}, r"maxlen \(500\) must be a multiple of step \(3\)"),
    ],
)
def test_impossible_config(change: dict[str, Any], message: str) -> None:
    values = {"text": TextConfig(), "labels": LABELS, "threshold": 0.5, "tables": ("t",), "step": 1}
    values |= change
    with pytest.raises(errors.ConfigError, match=message):
        ModelConfig(**values)


def test_another_opset_is_damage() -> None:
    """The digest covers graph and metadata; what the graph's operators mean, the schema says."""
    with pytest.raises(errors.CorruptModelError, match="opset 16, where schema 1 has 15"):
        modelfile.read(tinyonnx.model(GRAPH, METADATA, opset=16))


# -- hostile and damaged files -----------------------------------------------------------------


def with_config(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a file whose config `change` has altered, with a digest that fits it."""
    config = json.loads(METADATA["pocketrnn.config"])
    change(config)
    return resealed(GRAPH, METADATA, config=json.dumps(config))


def with_graph(extra: bytes, *, ids: int = tinyonnx.INT32) -> bytes:
    """Return a file with more fields in its graph, and a digest that fits it."""
    return resealed(tinyonnx.graph(tinyonnx.weights(CONFIG), extra, ids=ids), METADATA)


def with_words(words: str) -> bytes:
    return resealed(GRAPH, METADATA, vocabulary=words)


def with_table(rows: int) -> bytes:
    return resealed(tinyonnx.graph(np.zeros((rows, 1), np.float32)), METADATA)


def merged(first: bytes) -> bytes:
    """Return a file with two graphs; protobuf would merge the first into the second."""
    return field(1, 8) + field(7, first) + GOOD[2:]


SWAPPED = "good the bad film naïve don't"
DEEP_JSON = '{"a":' * 100_000 + "1" + "}" * 100_000
HUGE = 10**18

BAD_FILES: dict[str, tuple[bytes, type[errors.ModelFileError], str]] = {
    "empty": (b"", errors.NotAModelError, "not an ONNX model"),
    "text": (b"%PDF-1.7", errors.NotAModelError, "not an ONNX model"),
    "no graph": (field(1, 8), errors.CorruptModelError, "no graph inside"),
    "two graphs": (merged(b""), errors.CorruptModelError, "two graphs"),
    "two graphs, one with external data": (
        merged(field(5, external_tensor("e"))),
        errors.CorruptModelError,
        "two graphs",
    ),
    "external data": (
        with_graph(field(5, external_tensor("e"))),
        errors.ExternalDataError,
        r"keeps weights in other files \(e\)",
    ),
    "external table": (
        resealed(field(5, external_tensor("table", (10, 1))), METADATA),
        errors.ExternalDataError,
        r"other files \(table\)",
    ),
    "external data in a node": (
        with_graph(constant(external_tensor("e"))),
        errors.ExternalDataError,
        r"other files \(e\)",
    ),
    "external data in a loop": (
        with_graph(loop(field(5, external_tensor("e")))),
        errors.ExternalDataError,
        r"other files \(e\)",
    ),
    "no metadata": (tinyonnx.model(GRAPH, {}), errors.NoMetadataError, "pocketrnn-export"),
    "metadata of others": (
        tinyonnx.model(GRAPH, {"schema": "1", "config": "{}"}),
        errors.NoMetadataError,
        "pocketrnn-export",
    ),
    "newer schema": (resealed(GRAPH, METADATA, schema="2"), errors.NewerSchemaError, "schema 2,"),
    "newer schema, all else unknown": (
        resealed(GRAPH, {"pocketrnn.schema": "37"}),
        errors.NewerSchemaError,
        "pip install --upgrade pocketrnn",
    ),
    "huge schema": (
        resealed(GRAPH, METADATA, schema="9" * 5000),
        errors.NewerSchemaError,
        "schema 99999999999999999999,",
    ),
    "no digest": (
        tinyonnx.model(GRAPH, {k: v for k, v in METADATA.items() if "sha256" not in k}),
        errors.CorruptModelError,
        "no 'pocketrnn.sha256'",
    ),
    "wrong digest": (
        tinyonnx.model(GRAPH, {**METADATA, "pocketrnn.sha256": "0" * 64}),
        errors.CorruptModelError,
        "digest",
    ),
    "weights of another model": (
        tinyonnx.model(tinyonnx.graph(tinyonnx.weights(CONFIG) * 2), METADATA),
        errors.CorruptModelError,
        "digest",
    ),
    "one weight altered": (
        GOOD.replace(np.float32(2).tobytes(), np.float32(3).tobytes()),
        errors.CorruptModelError,
        "digest",
    ),
    "label altered": (
        GOOD.replace(b'"positive"', b'"negativf"'),
        errors.CorruptModelError,
        "digest",
    ),
    "vocabulary swapped": (
        GOOD.replace(METADATA["pocketrnn.vocabulary"].encode(), SWAPPED.encode()),
        errors.CorruptModelError,
        "digest",
    ),
    "vocabulary of another size": (
        with_words("the good bad"),
        errors.VocabularyMismatchError,
        "the vocabulary has 3 words, the settings speak of 6",
    ),
    "empty vocabulary": (with_words(""), errors.VocabularyMismatchError, "has 0 words"),
    "word twice": (
        with_words("the good bad film good don't"),
        errors.CorruptModelError,
        "a word is twice",
    ),
    "empty word": (with_words("the good  bad film x"), errors.CorruptModelError, "a word is empty"),
    "too few rows": (with_table(9), errors.VocabularyMismatchError, "needs 10 rows .* has 9"),
    "too many rows": (with_table(11), errors.VocabularyMismatchError, "needs 10 rows .* has 11"),
    "scalar table": (
        resealed(field(5, tinyonnx.tensor("table", np.float32(1).reshape(()))), METADATA),
        errors.VocabularyMismatchError,
        "'table' has 0",
    ),
    "unknown table": (
        with_config(lambda c: c.update(tables=["table", "other"])),
        errors.VocabularyMismatchError,
        "'other' has 0",
    ),
    "huge num_words": (
        with_config(lambda c: c["text"].update(num_words=HUGE)),
        errors.VocabularyMismatchError,
        "the settings speak of 999999999999999996",
    ),
    "huge index_from": (
        with_config(lambda c: c["text"].update(num_words=HUGE + 7, index_from=HUGE)),
        errors.VocabularyMismatchError,
        "needs 1000000000000000007 rows",
    ),
    "huge shape": (
        resealed(
            field(5, field(1, HUGE) + field(1, 1) + field(2, 1) + field(8, "table")),
            METADATA,
            config=json.dumps(
                {
                    **json.loads(METADATA["pocketrnn.config"]),
                    "text": {**CONFIG.text.to_dict(), "num_words": HUGE, "index_from": HUGE - 7},
                }
            ),
        ),
        errors.CorruptModelError,
        "'table' lacks its values",
    ),
    "number of 1,000 digits": (
        with_config(lambda c: c["text"].update(num_words=10**1000)),
        errors.VocabularyMismatchError,
        "export the model again",
    ),
    "threshold of 400 digits": (
        with_config(lambda c: c.update(threshold=10**400)),
        errors.CorruptModelError,
        "too large",
    ),
    "number of 10,000 digits": (
        resealed(GRAPH, METADATA, config='{"threshold": ' + "9" * 10_000 + "}"),
        errors.CorruptModelError,
        "isn't JSON",
    ),
    "unknown setting": (
        with_config(lambda c: c.update(colour=1)),
        errors.CorruptModelError,
        "unknown setting in ModelConfig: colour",
    ),
    "missing setting": (
        with_config(lambda c: c["text"].pop("lower")),
        errors.CorruptModelError,
        "missing setting in TextConfig: lower",
    ),
    "mistyped setting": (
        with_config(lambda c: c["text"].update(maxlen="8")),
        errors.CorruptModelError,
        "maxlen must be int",
    ),
    "impossible setting": (
        with_config(lambda c: c["text"].update(maxlen=-8)),
        errors.CorruptModelError,
        "maxlen must be from 1 to 100,000",
    ),
    "threshold that is no number": (
        with_config(lambda c: c.update(threshold=float("nan"))),
        errors.CorruptModelError,
        "threshold must be from 0 to 1",
    ),
    "deep config": (
        resealed(GRAPH, METADATA, config=DEEP_JSON),
        errors.CorruptModelError,
        "altered",
    ),
    "deep card": (resealed(GRAPH, METADATA, card=DEEP_JSON), errors.CorruptModelError, "altered"),
    "config isn't JSON": (
        resealed(GRAPH, METADATA, config="{'labels'}"),
        errors.CorruptModelError,
        "isn't JSON",
    ),
    "config isn't an object": (
        resealed(GRAPH, METADATA, config="[1, 2]"),
        errors.CorruptModelError,
        "ModelConfig must be an object",
    ),
    "card isn't an object": (
        resealed(GRAPH, METADATA, card="[]"),
        errors.CorruptModelError,
        "card isn't an object",
    ),
    **{
        f"schema {schema!r}": (
            resealed(GRAPH, METADATA, schema=schema),
            errors.CorruptModelError,
            "altered",
        )
        for schema in ("", "one", "-1", "1.0", " 1", "²", "١")
    },
    **{
        f"no {name}": (
            resealed(GRAPH, METADATA, **{name: None}),
            errors.CorruptModelError,
            f"no 'pocketrnn.{name}'",
        )
        for name in ("config", "vocabulary", "card")
    },
    "huge maxlen": (
        with_config(lambda c: (c["text"].update(maxlen=HUGE), c.update(step=HUGE))),
        errors.CorruptModelError,
        "maxlen must be from 1 to 100,000",
    ),
    "custom operator": (
        with_graph(field(1, node("Steal", ["ids"], ["x"]) + field(7, "evil"))),
        errors.CustomOperatorError,
        r"operators that ONNX doesn't define \(evil.Steal\)",
    ),
    "custom operator in a loop": (
        with_graph(loop(field(1, node("Steal", ["ids"], ["x"]) + field(7, "evil")))),
        errors.CustomOperatorError,
        r"\(evil.Steal\)",
    ),
    "onnxruntime's own operator": (
        with_graph(field(1, node("FusedMatMul", ["a"], ["x"]) + field(7, "com.microsoft"))),
        errors.CustomOperatorError,
        r"\(com.microsoft.FusedMatMul\)",
    ),
    "unknown operator": (
        with_graph(field(1, node("NoSuchOperator", ["ids"], ["x"]))),
        errors.UnsafeGraphError,
        "node NoSuchOperator 'x': not an operator that pocketrnn runs",
    ),
    "name that isn't UTF-8": (
        with_graph(field(1, field(1, b"\xff") + field(2, "x") + field(4, "Identity"))),
        errors.CorruptModelError,
        "isn't UTF-8",
    ),
    "unknown opset": (
        tinyonnx.model(GRAPH, METADATA, opset=9999),
        errors.CorruptModelError,
        "the file is altered",
    ),
    "deep graph": (
        with_graph(nested(3000)),
        errors.UnsafeGraphError,
        "node Loop 'c': has no input 0",
    ),
    "second output": (
        with_graph(field(12, tinyonnx.value_info("sums", tinyonnx.FLOAT, "batch", 1))),
        errors.CorruptModelError,
        "from ids to scores",
    ),
    "second input": (
        with_graph(field(11, tinyonnx.value_info("more", tinyonnx.INT32, "batch", "time"))),
        errors.UnsafeGraphError,
        "takes 2 inputs, not 1",
    ),
    "ids of int64": (
        with_graph(b"", ids=tinyonnx.INT64),
        errors.CorruptModelError,
        "from ids to scores",
    ),
    "one column for three labels": (
        with_config(lambda c: c.update(labels=["a", "b", "c"])),
        errors.CorruptModelError,
        "the graph has 1 outputs for 3 labels",
    ),
    "three columns for two labels": (
        resealed(tinyonnx.graph(np.zeros((10, 3), np.float32)), METADATA),
        errors.CorruptModelError,
        "the graph has 3 outputs for 2 labels",
    ),
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
    good, swapped = pocketrnn.load(GOOD), pocketrnn.load(with_words(SWAPPED))
    assert swapped.sha256 != good.sha256
    np.testing.assert_array_equal(swapped.scores("the"), good.scores("good"))


@pytest.mark.parametrize("part", ["model", "graph"])
def test_field_that_others_read_differently(part: str) -> None:
    """A tag of 33 bits is unknown to one reader and an external tensor to another."""
    secret = external_tensor("e")
    number = 7 if part == "model" else 5
    hidden = varint(2**32 + (number << 3 | 2)) + varint(len(secret)) + secret
    data = with_graph(hidden) if part == "graph" else GOOD + hidden
    with pytest.raises(errors.CorruptModelError, match="over 29 bits"):
        pocketrnn.load(data)


def test_function_with_external_data() -> None:
    """A function is outside the graph, yet onnxruntime would read the file that it names."""
    constant = tinyonnx.attribute("value", external_tensor("e", (10, 1)), number=5, kind=4)
    function = b"".join(
        [
            field(1, "F"),
            field(5, "y"),
            field(7, node("Constant", [], ["y"], constant)),
            field(9, field(1, "") + field(2, 15)),
            field(10, "custom"),
        ]
    )
    extra = field(25, function) + field(8, field(1, "custom") + field(2, 1))
    with pytest.raises(errors.ExternalDataError, match=r"\(e\)"):
        pocketrnn.load(GOOD + extra)


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


SCORES = pocketrnn.load(GOOD).scores(["the good film", "bad", ""])


def check_harmless(data: bytes) -> None:
    """Check that `data` is refused, or scores as the unaltered file does.

    The digest leaves out what the graph's meaning doesn't hang on, such as the IR version.
    """
    try:
        model = pocketrnn.load(data)
    except errors.ModelFileError:
        return
    np.testing.assert_allclose(model.scores(["the good film", "bad", ""]), SCORES, atol=1e-6)
    assert model.labels == LABELS


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
    check_harmless(bytes(data))


def test_flipped_bit_in_every_byte() -> None:
    for position in range(len(GOOD)):
        data = bytearray(GOOD)
        data[position] ^= 1 << position % 8
        check_harmless(bytes(data))
