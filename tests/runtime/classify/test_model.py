"""Loading and scoring, on models small enough to be scored by hand."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketrnn.loading
import tinyonnx
from pocketrnn import Classifier, Prediction, errors
from pocketrnn.classify.folding import LINK, NAME
from pocketrnn.classify.labels import probabilities
from pocketrnn.loading import BUNDLED
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig
from tinyonnx import LABELS, WORDS

FIVE = ("a", "b", "c", "d", "e")
TEXTS = ["The good film!", "", "bad bad", "something else entirely", "naïve, don't"]


@pytest.fixture(scope="module")
def model() -> Classifier:
    return pocketrnn.load(tinyonnx.tiny())


@pytest.fixture(scope="module")
def five() -> Classifier:
    return pocketrnn.load(tinyonnx.tiny(FIVE))


def random_texts(count: int) -> list[str]:
    choose = random.Random(3)
    return [" ".join(choose.choices([*WORDS, "unknown"], k=length % 12)) for length in range(count)]


def expected_sums(model: Classifier, texts: list[str]) -> np.ndarray[Any, Any]:
    """Compute what the head's activation is given, a step at a time, all padding included."""
    weights = tinyonnx.weights(model.config)
    embedding, kernel, bias, recurrent, head, head_bias = (
        weights[name].astype(float)
        for name in (
            *("embedding", "layer0.forward.kernel", "layer0.forward.bias"),
            *("layer0.forward.recurrent", "head.kernel", "head.bias"),
        )
    )
    state = np.zeros((len(texts), len(recurrent)))
    for ids in model.tokenizer.encode(texts).T:
        state = np.tanh(embedding[ids] @ kernel + bias + state @ recurrent)
    return state @ head + head_bias


# -- scores ------------------------------------------------------------------------------------


def test_scores_of_two_classes(model: Classifier) -> None:
    scores = model.scores(TEXTS)
    assert scores.dtype == np.float32
    assert scores.shape == (5, 2)
    sigmoid = 1 / (1 + np.exp(-expected_sums(model, TEXTS)[:, 0]))
    np.testing.assert_allclose(scores[:, 1], sigmoid, atol=1e-6)


def test_sigmoid_is_untouched() -> None:
    output = np.array([[0.1], [1 / 3], [1]], np.float32)
    scores = probabilities(output)
    np.testing.assert_array_equal(scores[:, 1:], output)
    np.testing.assert_array_equal(scores[:, :1], np.float32(1) - output)
    assert probabilities(scores) is scores


def test_scores_of_five_classes(five: Classifier) -> None:
    scores = five.scores(TEXTS)
    assert scores.dtype == np.float32
    assert scores.shape == (5, 5)
    powers = np.exp(expected_sums(five, TEXTS))
    np.testing.assert_allclose(scores, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_a_text_or_several(model: Classifier) -> None:
    one = model.scores("good film")
    assert one.shape == (1, 2)
    generator: Iterator[str] = (text for text in ["good film", "bad"])
    many = model.scores(generator)
    np.testing.assert_allclose(many[:1], one, atol=1e-6)
    np.testing.assert_array_equal(many, model.scores(("good film", "bad")))
    np.testing.assert_array_equal(many, model.scores(np.array(["good film", "bad"])))


@pytest.mark.parametrize("nothing", [[], (), iter([]), set()])
def test_nothing_to_score(nothing: Any, model: Classifier, five: Classifier) -> None:
    for each, classes in ((model, 2), (five, 5)):
        assert each.scores(nothing).shape == (0, classes)
        assert each.scores(nothing).dtype == np.float32
        assert each.predict(nothing) == []


@pytest.mark.parametrize("count", [2, 15, 16, 256, 257, 4200])
def test_batches_change_nothing(count: int, model: Classifier) -> None:
    texts = random_texts(count)
    together = model.scores(iter(texts))
    alone = np.concatenate([model.scores(text) for text in texts])
    # Not to the last bit: onnxruntime vectorises a batch's middle and not its ends.
    np.testing.assert_allclose(together, alone, atol=1e-6)
    # so that a mixed-up order would show
    assert len(np.unique(together[:, 1])) >= min(count, 100) // 2


@pytest.mark.parametrize(
    "texts",
    [
        *(None, 1, 0.5, b"good", b"", bytearray(b""), object(), np.array("good film")),
        *(["good", None], [b"good"], [1], [["a"]]),
    ],
)
def test_what_is_no_text(texts: Any, model: Classifier) -> None:
    with pytest.raises(errors.TextError, match="must be"):
        model.scores(texts)
    with pytest.raises(TypeError):
        model.predict(texts)


@pytest.mark.parametrize("place", [0, 1, 4999])
def test_a_missing_text_is_named(place: int, model: Classifier) -> None:
    texts: list[Any] = ["good"] * 5000
    texts[place] = math.nan
    for method in (model.predict, model.scores, *([model.explain] if place < 5 else [])):
        with pytest.raises(
            errors.TextError, match=rf"^text {place + 1:,} must be a str.*: nan; leave missing"
        ):
            method(iter(texts))


class Frame:
    """What pandas, Polars and pyarrow have in common: columns, whose names it iterates over."""

    columns = ("text",)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize("table", [Frame(), {"text": "An awful film."}, {}])
def test_a_table_is_no_list_of_texts(table: Any, model: Classifier) -> None:
    for method in (model.predict, model.scores, model.read):
        with pytest.raises(errors.TextError, match=r'(Frame|dict) is no list .*: df\["text"\]$'):
            method(table)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_tables_of_libraries(library: str, model: Classifier) -> None:
    module = pytest.importorskip(library)
    build = module.table if library == "pyarrow" else module.DataFrame
    table = build({"text": ["good", "bad"]})
    with pytest.raises(errors.TextError, match=r'df\["text"\]$'):
        model.predict(table)
    column = table["text"].to_pylist() if library == "pyarrow" else table["text"]
    assert [p.label for p in model.predict(column)] == ["positive", "negative"]


@pytest.mark.parametrize(
    "text", ["\ud800", "a\0b", "\u0130" * 1000, "\U0010ffff", "\r\n", "x" * 10**6]
)
def test_any_text_has_a_score(text: str, model: Classifier) -> None:
    assert 0 <= model.predict(text).score <= 1


def test_scores_that_are_not_probabilities() -> None:
    """A model whose weights aren't numbers never answers, wherever it is asked."""
    config = tinyonnx.config()
    weights = {**tinyonnx.weights(config), "head.bias": np.array([np.nan], np.float32)}
    graph = onnx.to_bytes(config.graph(), weights)
    broken = pocketrnn.load(tinyonnx.resealed(graph, tinyonnx.metadata(graph, config)))
    for use in (lambda: broken.predict("good"), lambda: broken.scores(["good", "bad"])):
        with pytest.raises(errors.CorruptModelError, match="scores aren't probabilities"):
            use()


# -- labels ------------------------------------------------------------------------------------


def test_predict(model: Classifier) -> None:
    good, bad = model.predict(["good", "bad"])
    (negative, positive), _ = model.scores(["good", "bad"]).tolist()
    assert good == Prediction(
        "positive",
        positive,
        0.5,
        {"negative": negative, "positive": positive},
        words=1,
        known=1,
        labels=("positive",),
    )
    assert good.score > 0.8
    assert bad.label == "negative"
    assert bad.score == bad.probabilities["negative"] > 0.8
    assert isinstance(model.predict("good"), Prediction)
    assert model.predict(text for text in ["good"]) == [model.predict("good")]


def test_predict_among_five(five: Classifier) -> None:
    texts = [f"{text} film" for text in random_texts(60)]
    scores = five.scores(texts)
    predictions = five.predict(texts)
    assert [FIVE.index(p.label) for p in predictions] == scores.argmax(axis=1).tolist()
    assert [p.score for p in predictions] == scores.max(axis=1).tolist()
    assert len({p.label for p in predictions}) > 2
    assert tuple(predictions[0].probabilities) == FIVE


def test_threshold_is_for_two_classes_only() -> None:
    certain = pocketrnn.load(tinyonnx.tiny(FIVE, threshold=1.0))
    assert certain.predict("good").label == "e"


def test_label_needs_more_than_the_threshold(model: Classifier) -> None:
    score = np.float32(model.scores("good")[0, 1])

    def label(threshold: float) -> str:
        return pocketrnn.load(tinyonnx.tiny(threshold=threshold)).predict("good").label

    assert label(float(score)) == "negative"
    assert label(float(np.nextafter(score, np.float32(0)))) == "positive"
    # Compared in the scores' own precision, as Keras does.
    assert label(float(score) - 1e-12) == "negative"


def test_prediction_to_dict_is_plain_json(model: Classifier) -> None:
    as_dict = model.predict("good").to_dict()
    kinds = {
        "label": str,
        "score": float,
        "threshold": float,
        "probabilities": dict,
        "words": int,
        "known": int,
        "unlikeness": type(None),
        "labels": list,
    }
    assert {key: type(value) for key, value in as_dict.items()} == kinds
    assert list(as_dict) == list(kinds)
    assert {type(value) for value in as_dict["probabilities"].values()} == {float}


# -- load --------------------------------------------------------------------------------------


def test_load_from_path_str_or_bytes(tiny_path: Path) -> None:
    data = tiny_path.read_bytes()
    for source in (tiny_path, str(tiny_path), data, bytearray(data), memoryview(data)):
        loaded = pocketrnn.load(source)
        assert loaded.labels == LABELS
        assert loaded.config == tinyonnx.config()
        assert loaded.card == tinyonnx.CARD
        assert len(loaded.sha256) == 64
        assert loaded.predict("good").label == "positive"


def test_load_any_path_like(tiny_path: Path) -> None:
    class Somewhere:
        def __fspath__(self) -> str:
            return str(tiny_path)

    assert pocketrnn.load(Somewhere()).labels == LABELS


def test_file_may_go_once_loaded(tiny_path: Path) -> None:
    loaded = pocketrnn.load(tiny_path)
    tiny_path.unlink()
    assert loaded.predict("good").label == "positive"


def test_load_the_bundled_one(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pocketrnn.loading, "BUNDLED", tiny_path)
    assert pocketrnn.load().config == tinyonnx.config()


def test_load_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pocketrnn.load("names").TASK == "generate"
    Path("names").write_bytes(tinyonnx.tiny())  # a file of that name goes first
    assert pocketrnn.load("names").TASK == "classify"


def test_a_file_larger_than_any_model_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(errors.ModelFileError, match="large: not a model file: 1,073,741,825 bytes"):
        pocketrnn.load(tmp_path / "large")


def test_bundled_model_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pocketrnn.loading, "BUNDLED", tmp_path / "bundled.onnx")
    with pytest.raises(
        errors.ModelFileError, match=r"^bundled model: .* missing .* install pocketrnn again"
    ):
        pocketrnn.load()


def test_a_name_that_no_bundled_model_has() -> None:
    with pytest.raises(errors.ModelFileError, match=r"^nosuch: .* bundled models are everyday, na"):
        pocketrnn.load("nosuch")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone.onnx", "No such file"),
        (".", "run, pocketrnn-export"),
        ("a\0b", "not a path"),
        ("\ud800", "path"),
    ],
)
def test_unreadable_path(name: str, reason: str, tmp_path: Path) -> None:
    source = f"{tmp_path}/{name}"
    with pytest.raises(errors.ModelFileError, match=f"can't read the model file .*{reason}") as e:
        pocketrnn.load(source)
    assert str(e.value).startswith(f"{source}: ")


@pytest.mark.parametrize(
    ("network", "text", "multiple"),
    [
        ({}, {}, 1),
        ({}, {"padding": "post"}, 8),
        ({"bidirectional": True}, {}, 8),
        ({"pooling": "sqrtn_max"}, {}, 8),
        ({"mask": True, "bidirectional": True}, {}, 1),
        ({"mask": True, "pooling": "sqrtn_max", "window": 4}, {}, 4),
        ({"pooling": "sqrtn_max", "window": 4}, {}, 8),
    ],
)
def test_only_padding_that_changes_nothing_is_left_out(
    network: dict[str, Any], text: dict[str, Any], multiple: int
) -> None:
    config = NetworkConfig(embedding=3, units=3, **network)
    model = pocketrnn.load(tinyonnx.tiny(network=config, **text))
    assert model.config.time_multiple == multiple
    texts = ["good", "bad film", "the film", ""]
    whole = model._network.padded(model.tokenizer.encode(texts))
    np.testing.assert_allclose(model.scores(texts), whole, atol=1e-6)


@pytest.mark.parametrize("source", [3, 1.5, ["m.onnx"] * 100_000, {"m": 1}, "m" * 10**6])
def test_what_is_neither_path_nor_bytes(source: Any) -> None:
    with pytest.raises(errors.ModelFileError, match="can't read the model file") as e:
        pocketrnn.load(source)
    assert len(str(e.value)) < 400


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_that_are_no_model(kind: Any) -> None:
    with pytest.raises(errors.NotAModelError, match=r"^model in memory: not an ONNX model"):
        pocketrnn.load(kind(b"x" * 10**6))


@pytest.mark.parametrize("threads", [0, -1, 257, 10**6, 1.0, True, "1", None])
def test_impossible_threads(threads: Any) -> None:
    with pytest.raises(errors.ConfigError, match="threads must be from 1 to 256"):
        pocketrnn.load(tinyonnx.tiny(), threads=threads)


def test_threads(model: Classifier) -> None:
    texts = random_texts(300)
    threaded = pocketrnn.load(tinyonnx.tiny(), threads=2)
    np.testing.assert_allclose(threaded.scores(texts), model.scores(texts), atol=1e-6)


# -- the real bundled model --------------------------------------------------------------------

POSITIVE = (
    "I went in expecting little and came out smiling. This is a wonderful, beautifully acted "
    "story about two sisters who run a ferry, funny when it wants to be and deeply moving when "
    "it matters. The photography is superb, the music is perfect, and the last scene is one of "
    "the best I have seen in years. The whole cast is excellent, but the older sister is simply "
    "amazing. I loved every minute of it and will happily watch it again. A great film, highly "
    "recommended, one of my favorites."
)
NEGATIVE = (
    "What a waste of two hours. The plot makes no sense, the dialogue is awful, and the acting "
    "is so bad that the audience laughed at the sad parts. The ferry looks like cardboard, the "
    "jokes are lame, and the ending is the worst I have ever seen. It is boring, badly edited "
    "and painfully stupid from the first scene to the last. Nothing works, nobody cares, and I "
    "want my money back. Terrible, dull and pointless: avoid this horrible mess at all costs."
)


@pytest.fixture(scope="module")
def bundled() -> Classifier:
    if not BUNDLED.exists():
        pytest.skip("no bundled model in this checkout")
    return pocketrnn.load()


def test_bundled_model_knows_praise_from_blame(bundled: Classifier) -> None:
    positive, negative = bundled.predict([POSITIVE, NEGATIVE])
    assert (positive.label, negative.label) == ("positive", "negative")
    assert min(positive.score, negative.score) > 0.8


def test_bundled_model_is_small_and_good_enough(bundled: Classifier) -> None:
    assert bundled.labels == LABELS
    assert bundled.card["figures"]["test"]["accuracy"] > 0.78
    assert BUNDLED.stat().st_size < 2_000_000


def test_bundled_model_reads_texts_as_people_type_them(bundled: Classifier) -> None:
    assert bundled.config.text.fold
    assert {"the", "film", "don't", "!", NAME, LINK} <= set(bundled.tokenizer.vocabulary)
