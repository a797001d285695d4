"""From a run folder to the one file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import onnx
import pytest

import pocketrnn
from pocketrnn import TextConfig, Tokenizer
from pocketrnn.classify.network import Network
from pocketrnn.errors import ConfigError, GraphError, InputError, OutputError
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn_export import ParityError, build, cli, convert, export, exporting, parity
from pocketrnn_train import Corpus, Examples, Run, TrainConfig, fit, network

NETWORK = NetworkConfig(embedding=3, units=3)
TEXT = TextConfig(num_words=100, maxlen=6)
WORDS = [f"w{i}" for i in range(TEXT.vocabulary_size)]


def examples(count: int) -> Examples:
    texts = tuple(f"{'good' if i % 2 else 'bad'} number {i}" for i in range(count))
    return Examples(texts, np.arange(count) % 2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    corpus = Corpus("tiny", ("no", "yes"), examples(20), examples(8), note="our own words")
    config = TrainConfig().with_settings(
        num_words=100, maxlen=6, embedding=3, units=3, epochs=1, batch_size=4
    )
    made = fit(config, corpus, tmp_path_factory.mktemp("runs") / "run")
    made.write("report.json", {**made.report, "threshold": 0.3})
    return made


@pytest.fixture(scope="module", autouse=True)
def converted_once() -> Iterator[None]:
    """Have tf2onnx convert the run once: what is tested here comes after that."""
    known: dict[tuple[bytes, ...], onnx.ModelProto] = {}
    convert_anew = convert.convert

    def once(keras_model: Any) -> onnx.ModelProto:
        key = (str(keras_model.get_config()).encode(), *map(bytes, keras_model.get_weights()))
        if key not in known:
            known[key] = convert_anew(keras_model)
        return known[key]

    with mock.patch.object(convert, "convert", once):
        yield


@pytest.fixture(scope="module")
def path(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the run, exported while it said what it is for."""
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    intended_use = run.folder / "intended_use.txt"
    intended_use.write_text("Naïve toys only.\n", encoding="utf-8")
    exported = export(run, path)
    intended_use.unlink()
    assert path.read_bytes() == exported.data
    return path


def test_one_file_holds_all_that_serving_needs(run: Run, path: Path) -> None:
    model = pocketrnn.load(path)
    assert model.labels == ("no", "yes")
    assert model.config.threshold == 0.3  # that of the run
    assert model.tokenizer.vocabulary == run.tokenizer.vocabulary
    trained = run.model().predict(model.tokenizer.encode(["good bad"]), verbose=0)
    np.testing.assert_allclose(model.scores("good bad")[:, 1:], trained, atol=1e-6)


def test_several_labels_a_text(tmp_path: Path) -> None:
    labels = np.arange(40)[:, None] // [2, 3] % 2
    train = Examples(examples(40).texts, labels)
    corpus = Corpus("tiny", ("a", "b"), train, train.take(np.arange(8)))
    config = TrainConfig().with_settings(num_words=100, maxlen=6, embedding=3, units=3, epochs=1)
    run = fit(config, corpus, tmp_path / "run")
    model = pocketrnn.Classifier.load(export(run, tmp_path / "m.onnx").data)
    assert model.config.threshold == (0.5, 0.5)
    trained = run.model().predict(model.tokenizer.encode(["good bad"]), verbose=0)
    np.testing.assert_allclose(model.scores("good bad"), trained, atol=1e-6)
    command = [str(run.folder), "-o", str(tmp_path / "m.onnx"), "--force"]
    for given, threshold in (([0.25], (0.25, 0.25)), ([0.75, 0.125], (0.75, 0.125))):
        options = [text for value in given for text in ("--threshold", str(value))]
        assert cli.main([*command, *options]) == 0
        assert pocketrnn.load(tmp_path / "m.onnx").config.threshold == threshold
    assert cli.main([*command, *["--threshold", "0.5"] * 3]) == 2


def test_of_three_labels_none_has_a_threshold() -> None:
    with pytest.raises(ConfigError, match="the most probable one is chosen"):
        exporting._threshold(0.5, 0.3, 3)


def test_the_card_tells_where_the_model_comes_from(run: Run, path: Path) -> None:
    card = pocketrnn.load(path).card
    assert card["corpus"]["name"] == "tiny"
    assert card["corpus"]["note"] == "our own words"
    assert card["corpus"]["sha256"] == run.report["corpus_sha256"]
    assert card["recipe"] == json.loads(json.dumps(run.config.to_dict()))
    assert card["intended_use"] == "Naïve toys only."
    assert card["figures"]["test"] == run.report["test"]
    assert card["figures"]["test"]["calibration_error"] >= 0
    assert card["unsure"] == run.report["unsure"]
    assert card["parity"]["difference"] <= parity.TOLERANCE
    assert {"tf2onnx", "onnx", "onnxruntime"} <= set(card["exported"]["versions"])


@pytest.mark.parametrize("who", ["pocketrnn", "tf2onnx"])
def test_a_difference_from_keras_writes_nothing(
    who: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the two differs."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old one")
    place, name = (Network, "one") if who == "pocketrnn" else (parity, "witness_scores")
    honest = getattr(place, name)
    monkeypatch.setattr(place, name, lambda *given: honest(*given) + np.float32(2e-5))
    with pytest.raises(ParityError, match=r"differs from Keras by 2e-05 .* nothing was written"):
        export(run, path, force=True)
    assert path.read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_scores_that_are_not_numbers_are_refused() -> None:
    keras_model = network.build(NETWORK, num_words=100, classes=2)
    keras_model.set_weights([weights * np.nan for weights in keras_model.get_weights()])
    with pytest.raises((ParityError, pocketrnn.errors.CorruptModelError)):
        build(keras_model, Tokenizer(TEXT, WORDS), ("a", "b"), NETWORK)


@pytest.mark.parametrize(
    "change", [{"units": 4}, {"cell": "gru"}, {"layers": 2}, {"bidirectional": True}]
)
def test_settings_of_another_network(change: dict[str, Any]) -> None:
    keras_model = network.build(NETWORK, num_words=100, classes=2)
    other = NetworkConfig.from_dict({**NETWORK.to_dict(), **change})
    with pytest.raises(ValueError):  # noqa: PT011 (the message names a layer or a shape)
        build(keras_model, Tokenizer(TEXT, WORDS), ("a", "b"), other)


def test_a_file_is_replaced_only_if_asked(run: Run, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(
        OutputError, match=r"model\.onnx: exists already; replace it with force=True"
    ):
        export(run, path)
    assert path.read_bytes() == before


def test_an_unfinished_run_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a finished run"):
        export(Run(tmp_path), tmp_path / "model.onnx")


def test_command(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.onnx"
    assert cli.main([str(run.folder), "-o", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "largest difference" in printed
    assert f"{path}: {path.stat().st_size:,} bytes" in printed
    model = pocketrnn.load(path)
    assert model.labels == ("no", "yes")
    assert "intended_use" not in model.card

    assert cli.main([str(run.folder), "-o", str(path)]) == 1
    assert capsys.readouterr().err == (
        f"pocketrnn-export: {path}: exists already; replace it with --force\n"
    )
    assert cli.main([str(run.folder), "-o", str(path), "--force", "--threshold", "0.9"]) == 0
    assert pocketrnn.load(path).config.threshold == 0.9


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{tmp}/nothing", "-o", "{tmp}/m.onnx"], 1, "not a finished run"),
        (["{run}", "-o", "{tmp}/no/folder/m.onnx"], 1, "can't write"),
        (["{run}", "-o", "{tmp}/m.onnx", "--threshold", "1.5"], 2, "threshold must be from 0 to 1"),
        (["{run}", "-o", "{tmp}/m.onnx", *["--threshold", "0.5"] * 2], 2, "where a text has one"),
    ],
)
def test_command_errors_are_one_line(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    filled = [a.format(tmp=tmp_path, run=run.folder) for a in arguments]
    assert cli.main(filled) == code
    error = capsys.readouterr().err
    assert error.startswith("pocketrnn-export: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("**/*.onnx"))


def test_odd_labels_and_words_survive() -> None:
    config = TextConfig(num_words=9, maxlen=4)
    keras_model = network.build(NETWORK, num_words=9, classes=3)
    words = ["naïve", "映画", "a\rb", "\u00a0", "😀"]
    labels = ("très bien", "не знаю", "two words")
    model = pocketrnn.load(build(keras_model, Tokenizer(config, words), labels, NETWORK).data)
    assert model.labels == labels
    assert list(model.tokenizer.vocabulary) == words
    assert model.tokenizer.ids("映画 NAÏVE") == [1, 5, 4]
    assert json.loads(json.dumps(model.predict("映画").to_dict()))["label"] in labels


def test_the_file_can_test_itself(run: Run, path: Path) -> None:
    cases = pocketrnn.load(path).test_cases
    assert len(cases) >= 5
    lengths = [len(run.tokenizer.words(case.text)) for case in cases]
    assert min(lengths) == 0
    assert max(lengths) > TEXT.maxlen
    found = pocketrnn.verify(path)
    assert found.difference is not None
    assert found.difference < 1e-6
    assert [check.ok for check in found.checks] == [True] * 4


# -- a graph of one's own -----------------------------------------------------------------------


def test_keras_models_of_ones_own_are_run_if_trusted() -> None:
    config = TextConfig(num_words=9, maxlen=4)
    own = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(9, 4),
            keras.layers.Conv1D(3, 2, activation="relu"),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    tokenizer = Tokenizer(config, list("abcde"))
    exported = build(own, tokenizer, ("no", "yes"), None)
    assert exported.difference <= 1e-5
    with pytest.raises(GraphError, match="a graph of its own"):
        pocketrnn.load(exported.data)
    served = pocketrnn.load(exported.data, trusted=True)
    for texts in (["a"], ["a b", "", "c d e a b"], ["e"] * 40):
        expected = own(tokenizer.encode(texts), training=False)
        np.testing.assert_allclose(served.scores(texts)[:, 1:], expected, rtol=0, atol=1e-6)


def test_command_keeps_the_graph_of_tf2onnx_if_asked(
    run: Run, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "model.onnx"
    assert cli.main([str(run.folder), "-o", str(kept), "--graph", "tf2onnx"]) == 0
    capsys.readouterr()
    assert [check.ok for check in pocketrnn.verify(kept).checks] == [None, None, False, None]
    assert pocketrnn.verify(kept, trusted=True).ok
    texts = ["", "good number 3", "bad " * 20]
    scores = pocketrnn.load(kept, trusted=True).scores(texts)
    np.testing.assert_allclose(scores, pocketrnn.load(path).scores(texts), rtol=0, atol=1e-6)


def test_sample_texts_have_the_lengths_that_matter() -> None:
    tokenizer = Tokenizer(TextConfig(num_words=60, maxlen=20), WORDS)
    samples = parity.sample_texts(tokenizer, 16)
    lengths = [len(tokenizer.words(sample)) for sample in samples]
    assert {0, 1, 19, 20, 21} <= set(lengths)
    assert len(samples) >= 16
    assert samples == parity.sample_texts(tokenizer, 16)
    assert any(2 in tokenizer.ids(sample) for sample in samples), "no unknown word"
