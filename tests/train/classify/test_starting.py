"""A network can start from a model file: then it scores as that did, before it learns."""

from pathlib import Path

import numpy as np
import pytest

from pocketrnn import Classifier, TextConfig, Tokenizer, load
from pocketrnn.loading import BUNDLED
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn_train import RECIPES, Corpus, Run, TrainConfig, fit, network
from pocketrnn_train.classify import batches, starting, training
from pocketrnn_train.run import RunError

TEXTS = ["I laughed and cried.", "A dull film, alas.", "An unheardof word."]


def test_the_same_labels_start_with_the_same_scores() -> None:
    first = Classifier.load(None)
    config = starting.follow(RECIPES["default"], first, ("a", "b"))
    assert config.network == first.config.network
    assert config.fit.learning_rate < RECIPES["default"].fit.learning_rate
    assert config.task.distillation
    same = starting.follow(RECIPES["default"], first, first.config.labels)
    assert same.task.distillation is None
    words = starting.words(first, ["film", "unheardof"])
    assert words[:-1] == list(first.tokenizer.vocabulary)
    assert words[-1] == "unheardof"
    config = config.with_settings(num_words=len(words) + 4)
    model = network.build(config.network, num_words=len(words) + 4, classes=2)
    starting.start(model, config.network, first, first.config.labels)
    rows = batches.ids(Tokenizer(config.task.text, words), TEXTS[:2])
    found = batches.predict(model, rows, config)
    np.testing.assert_allclose(found, load().scores(TEXTS[:2]), atol=1e-5)
    # So do they in the other order.
    assert not starting.follow(
        RECIPES["default"], first, first.config.labels[::-1]
    ).task.distillation
    turned = network.build(config.network, num_words=len(words) + 4, classes=2)
    starting.start(turned, config.network, first, first.config.labels[::-1])
    np.testing.assert_allclose(batches.predict(turned, rows, config), found[:, ::-1], atol=1e-6)
    # Other labels have a head of their own.
    head = model.layers[-1].get_weights()[0]
    other = network.build(config.network, num_words=len(words) + 4, classes=2)
    starting.start(other, config.network, first, ("a", "b"))
    assert not np.array_equal(other.layers[-1].get_weights()[0], head)
    for ours, theirs in zip(other.get_weights()[1:4], model.get_weights()[1:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_other_cells(cell: str, finished: Run, tmp_path: Path) -> None:
    from pocketrnn.classify.file import ClassifierConfig, to_bytes
    from pocketrnn.modelfile import fold

    kind = NetworkConfig(cell=cell, bidirectional=True, layers=2, units=3, embedding=4)  # type: ignore[arg-type]
    tokenizer = finished.tokenizer
    settings = ClassifierConfig(tokenizer.config, ("a", "b", "c"), 0.5, kind)
    size = tokenizer.config.num_words
    model, other = (network.build(kind, num_words=size, classes=3) for _ in range(2))
    first = load(to_bytes(settings, tokenizer, fold.to_bytes(model, settings), {}))
    starting.start(other, kind, first, ("a", "b", "c"))
    for ours, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def file_with_pieces() -> bytes:
    from pocketrnn.classify.file import ClassifierConfig, to_bytes
    from pocketrnn.modelfile import fold

    kind = NetworkConfig(units=3, embedding=4, mask=True)
    settings = ClassifierConfig(TextConfig(num_words=4, pieces=True), ("a", "b"), 0.5, kind)
    model = network.build(kind, num_words=4, classes=2)
    numbers = fold.to_bytes(model, settings)
    return to_bytes(settings, Tokenizer(settings.text, []), numbers, {})


def test_no_new_pieces_break_up_words(
    films: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def rank_words(texts: object, config: TextConfig, *_: object, **__: object) -> None:
        asked.append(config.pieces)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "rank_words", rank_words)
    config = RECIPES["everyday"].with_settings(pieces=True)
    for start in (None, file_with_pieces()):
        with pytest.raises(KeyboardInterrupt):
            fit(config, films, tmp_path, start=start)
    assert asked == [True, False]


def test_a_teacher_of_spans_reads_words_whole(caplog: pytest.LogCaptureFixture) -> None:
    first = load(file_with_pieces())
    assert starting.follow(RECIPES["everyday"], first, ("c", "d")).task.text.pieces
    assert starting.follow(RECIPES["tiny"], first, ("a", "b")).task.text.pieces  # no teacher then
    assert not caplog.records
    assert not starting.follow(RECIPES["tiny"], first, ("c", "d")).task.text.pieces
    assert "spans are cut between words" in caplog.text


@pytest.mark.slow
def test_a_run_says_what_it_started_from(
    films: Corpus, config: TrainConfig, tmp_path: Path
) -> None:
    run = fit(config.with_settings(epochs=1, maxlen=20), films, tmp_path / "run", start=BUNDLED)
    assert run.read("corpus.json")["started_from"] == load().sha256
    known = Classifier.load(BUNDLED).tokenizer.vocabulary
    assert run.tokenizer.vocabulary[:5000] == known[:5000]
    (run.folder / "report.json").unlink()
    with pytest.raises(RunError, match="can't resume with another"):
        fit(config.with_settings(epochs=1, maxlen=20), films, tmp_path / "run", resume=True)
