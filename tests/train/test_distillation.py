"""Stages can be resumed to the same weights, and no teacher labels from memory."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.errors import InputError
from pocketrnn_train import Corpus, Examples, Run, TrainConfig, distillation, fit
from pocketrnn_train.config import Chunks, Distillation
from pocketrnn_train.distillation import Opinions, _stages, ask, cut, draw_spans, parts
from pocketrnn_train.teacher import Margins, Teacher

OWN = ("warm funny clever", "dull slow noisy", "long short even")
SHARED = ["a", "the", "film", "story", "again", "it", "was", "with", "and", "of", "some", "more"]


def texts(labels: NDArray[np.int64], seed: int) -> tuple[str, ...]:
    random = np.random.default_rng(seed)
    rows = []
    for label in labels:
        words = [*random.choice(SHARED, 12), *random.choice(OWN[label].split(), 3)]
        rows.append(" ".join(random.permutation(words)))
    return tuple(rows)


def corpus(classes: int = 2, unlabelled: int = 20) -> Corpus:
    train, test = np.arange(40) % classes, np.arange(12) % classes
    return Corpus(
        "made up",
        ("a", "b", "c")[:classes],
        Examples(texts(train, 0), train),
        Examples(texts(test, 1), test),
        unlabelled=tuple(f"{text} unheard" for text in texts(np.arange(unlabelled) % classes, 2)),
    )


CONFIG = TrainConfig(
    text=TextConfig(maxlen=12),
    embedding=4,
    units=4,
    dropout=0.1,
    mask=True,
    pooling="sqrtn_max",
    window=4,
    optimizer="adam",
    learning_rate=0.02,
    epochs=2,
    batch_size=16,
    validation="last",
    calibrate=True,
    distillation=Distillation(
        parts=2, chunks=Chunks(shortest=3, longest=6, epochs=2, batch_size=32, learning_rate=0.02)
    ),
    seed=5,
)


def weights(run: Run) -> list[NDArray[np.float32]]:
    found: list[NDArray[np.float32]] = run.model().get_weights()
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(CONFIG, corpus(), tmp_path_factory.mktemp("runs") / "finished")


def test_a_finished_run_holds_what_it_should(finished: Run) -> None:
    assert sorted(path.name for path in finished.folder.iterdir()) == [
        "config.json",
        "corpus.json",
        "curves.png",
        "history-chunks.csv",
        "history.csv",
        "model.keras",
        "report.json",
        "teacher.json",
        "vocabulary.json",
    ]
    assert finished.config.distillation == CONFIG.distillation
    report = finished.report
    assert report["teacher"] >= 0.5
    assert 0 < report["threshold"] < 1
    assert report["temperature"] > 0
    assert [row["epoch"] for row in finished.history()] == [1, 2]
    assert [row["epoch"] for row in finished.history("history-chunks.csv")] == [1, 2]


def test_words_of_unlabelled_texts_are_in_the_vocabulary(finished: Run) -> None:
    assert "unheard" in finished.tokenizer.vocabulary


@pytest.mark.parametrize(
    "saves", [1, *(pytest.param(saves, marks=pytest.mark.slow) for saves in (2, 3))]
)
def test_interrupted_anywhere_it_goes_on_to_the_same_weights(
    finished: Run,
    saves: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Stop right after checkpoint number `saves`: chunks 1, chunks 2, texts 1."""
    save, done = Run.save_model, []

    def save_and_stop(run: Run, *arguments: Any) -> None:
        save(run, *arguments)
        done.append(arguments)
        if len(done) == saves:
            raise KeyboardInterrupt

    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Run, "save_model", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            fit(CONFIG, corpus(), folder)
    assert not (folder / "report.json").exists()
    assert "Stage 1 of 3, teacher" in capsys.readouterr().out
    # The teacher has spoken already.
    monkeypatch.setattr(distillation, "ask", None)
    resumed = fit(CONFIG, corpus(), folder, resume=True)
    for ours, theirs in zip(weights(resumed), weights(finished), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(resumed.history()) == 2
    out = capsys.readouterr().out
    assert ("Stage 2 of 3, chunks" in out) == (saves < 3)
    assert "Stage 3 of 3, texts" in out


def test_damaged_opinions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(distillation, "learn", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(CONFIG, corpus(), tmp_path / "run")
    path = tmp_path / "run" / "teacher.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"teacher\.npz: damaged"):
        fit(CONFIG, corpus(), tmp_path / "run", resume=True)


FEW = Chunks(shortest=3, longest=6, epochs=1)
MORE = pytest.mark.slow


@pytest.mark.parametrize(
    ("classes", "unlabelled", "chunks"),
    [
        (2, 0, None),
        pytest.param(3, 20, FEW, marks=MORE),
        pytest.param(2, 0, FEW, marks=MORE),
        pytest.param(2, 20, None, marks=MORE),
        pytest.param(3, 0, None, marks=MORE),
        pytest.param(3, 0, FEW, marks=MORE),
    ],
)
def test_with_and_without(
    classes: int, unlabelled: int, chunks: Chunks | None, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        CONFIG,
        epochs=1,
        distillation=Distillation(parts=2, chunks=chunks),
        window=0,
        pooling="last",
    )
    run = fit(config, corpus(classes, unlabelled), tmp_path / "run")
    assert run.report["test"]["texts"] == 12
    assert run.read("corpus.json")["unlabelled_texts"] == len(
        corpus(classes, unlabelled).unlabelled
    )


@pytest.mark.slow
def test_every_label_but_one_text_of_each(tmp_path: Path) -> None:
    """The smallest corpus that can be read: one text of each label to learn, one to hold out."""
    labels = np.array([0, 0, 1, 1])
    tiny = Corpus(
        "tiny", ("a", "b"), Examples(texts(labels, 0), labels), Examples(texts(labels, 1), labels)
    )
    assert fit(CONFIG, tiny, tmp_path / "run").report["validation"]["texts"] == 2


# -- spans ---------------------------------------------------------------------------------------


def test_spans_cover_every_word_once() -> None:
    lengths = [0, 1, 4, 5, 74, 75, 500]
    spans = draw_spans(lengths, Chunks(), np.random.default_rng(0))
    for text, length in enumerate(lengths):
        own = spans[spans[:, 0] == text]
        covered = [word for _, start, end in own.tolist() for word in range(start, end)]
        assert covered == list(range(length))
        sizes = own[:, 2] - own[:, 1]
        assert (sizes <= Chunks().longest).all()
        assert (sizes[:-1] >= Chunks().shortest).all()


@pytest.mark.parametrize("start_id", [1, None])
def test_a_span_has_the_ids_of_its_words(start_id: int | None) -> None:
    tokenizer = Tokenizer(TextConfig(num_words=8, start_id=start_id), list("abcd"))
    rows = [np.array(tokenizer.ids("a b c d"), np.int32)]
    (row,) = cut(rows, np.array([[0, 1, 3]], np.int32), tokenizer)
    assert row.tolist() == tokenizer.ids("b c")


@pytest.mark.parametrize("kept", [0.0, 0.25, 1.0])
def test_the_last_stage_goes_on_with_some_spans(kept: float) -> None:
    config = dataclasses.replace(
        CONFIG, distillation=Distillation(chunks=Chunks(shortest=1, longest=3, kept=kept))
    )
    tokenizer = Tokenizer(TextConfig(num_words=12, start_id=None), list("abcdefgh"))
    rows = [np.array(tokenizer.ids(text), np.int32) for text in ["a b c d e f g h"] * 50]
    drawn = draw_spans([8] * 50, Chunks(shortest=1, longest=3), np.random.default_rng(0))
    of_spans = np.linspace(0, 1, len(drawn), dtype=np.float32)[:, None]  # all different
    whole = np.full((25, 1), 0.5, np.float32)
    opinions = Opinions(drawn, of_spans, whole, whole)
    chunks, last = _stages(config, rows, np.arange(25) % 2, opinions, tokenizer)
    assert len(chunks.rows) == len(drawn)
    assert len(last.rows) == len(last.targets)
    assert (len(last.rows) - 50) / len(drawn) == pytest.approx(kept, abs=0.1)
    spans = cut(rows, drawn, tokenizer)
    for row, target in zip(last.rows[50:], last.targets[50:], strict=True):
        np.testing.assert_array_equal(row, spans[np.flatnonzero(of_spans == target)[0]])


# -- the teacher's opinions ----------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 4])
def test_parts_hold_neighbours_of_every_label(count: int) -> None:
    labels = np.array([0] * 9 + [1] * 5)
    part = parts(labels, count)
    assert set(part) == set(range(count))
    for label in (0, 1):
        own = part[labels == label]
        assert (np.diff(own) >= 0).all()
        assert set(own) == set(range(count))


def test_a_label_of_one_text_makes_one_part() -> None:
    assert set(parts(np.array([0, 0, 0, 1]), 4)) == {0}


def test_no_teacher_labels_what_it_was_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    class Forgetful(Teacher):
        def __init__(self, texts: Any, *arguments: Any, **options: Any) -> None:
            self.seen = {id(text) for text in texts}
            super().__init__(texts, *arguments, **options)

        def margins(self, texts: Any) -> Margins:
            nonlocal asked
            asked += len(texts)
            # A span is a view of its text.
            whole = [text if text.base is None else text.base for text in texts]
            assert not self.seen & {id(text) for text in whole}
            return super().margins(texts)

    monkeypatch.setattr(distillation, "Teacher", Forgetful)
    random = np.random.default_rng(0)
    train, held, more = ([random.integers(1, 9, 12) for _ in range(n)] for n in (40, 10, 20))
    opinions, figures = ask(CONFIG, train, np.arange(40) % 2, held, np.arange(10) % 2, more)
    assert opinions.of_train.shape == (40, 1)
    assert opinions.of_unlabelled.shape == (20, 1)
    assert opinions.of_spans.shape == (len(opinions.spans), 1)
    assert set(opinions.spans[:, 0]) == set(range(60))
    for scores in (opinions.of_train, opinions.of_unlabelled, opinions.of_spans):
        assert ((scores > 0) & (scores < 1)).all()
    assert asked > 40 + 10 + 20 + len(opinions.spans)  # and the spans of the texts held out
    assert figures["validation"]["texts"] == 10
    assert set(figures["weights"]) == {"bayes", "tfidf", "ratios"}
