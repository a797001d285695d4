"""Stages can be resumed to the same weights, and no teacher labels from memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.errors import InputError
from pocketrnn_train import Corpus, Examples, Run, TrainConfig, fit
from pocketrnn_train.classify import distillation, training
from pocketrnn_train.classify.distillation import SoftLabels, ask, cut, draw_spans, lesson
from pocketrnn_train.classify.teacher import Blend, Margins, Teacher
from pocketrnn_train.config import Distillation, Spans
from pocketrnn_train.loop import Stage

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


CONFIG = TrainConfig().with_settings(
    text=TextConfig(maxlen=12),
    embedding=4,
    units=4,
    dropout=0.1,
    mask=True,
    pooling="sqrtn_max",
    window=4,
    optimizer="adam",
    learning_rate=0.02,
    warm_up=0.05,
    clip=1.0,
    word_dropout=0.1,
    epochs=2,
    batch_size=16,
    validation="last",
    calibrate=True,
    distillation=Distillation(
        folds=2, spans=Spans(shortest=3, longest=6, epochs=2, batch_size=32, learning_rate=0.02)
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
    files = "config.json corpus.json curves.png history-spans.csv history.csv model.keras"
    files += " report.html report.json teacher.json vocabulary.json"
    assert sorted(path.name for path in finished.folder.iterdir()) == files.split()
    assert finished.config.task.distillation == CONFIG.task.distillation
    report = finished.report
    assert report["teacher"] >= 0.5
    assert 0 < report["threshold"] < 1
    assert report["temperature"] > 0
    assert [row["epoch"] for row in finished.history()] == [1, 2]
    assert [row["epoch"] for row in finished.history("history-spans.csv")] == [1, 2]


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
    """Stop right after checkpoint number `saves`: spans 1, spans 2, texts 1."""
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
    assert "teacher: " in capsys.readouterr().out
    # The teacher has spoken already.
    monkeypatch.setattr(distillation, "ask", None)
    resumed = fit(CONFIG, corpus(), folder, resume=True)
    for ours, theirs in zip(weights(resumed), weights(finished), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(resumed.history()) == 2
    out = capsys.readouterr().out
    assert "teacher: " not in out
    assert ("  spans: " in out) == (saves < 3)
    assert "  whole texts: " in out


def test_damaged_soft_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "learn", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(CONFIG, corpus(), tmp_path / "run")
    path = tmp_path / "run" / "teacher.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"teacher\.npz: damaged"):
        fit(CONFIG, corpus(), tmp_path / "run", resume=True)


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "unlabelled"), [(2, 0), (3, 0), (3, 20)])
def test_other_classes_and_no_unlabelled_texts(
    classes: int, unlabelled: int, tmp_path: Path
) -> None:
    config = CONFIG.with_settings(
        epochs=1,
        distillation=Distillation(folds=2, spans=Spans(shortest=3, longest=6, epochs=1)),
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
    spans = draw_spans(lengths, Spans(), np.random.default_rng(0))
    for text, length in enumerate(lengths):
        own = spans[spans[:, 0] == text]
        covered = [word for _, start, end in own.tolist() for word in range(start, end)]
        assert covered == list(range(length))
        sizes = own[:, 2] - own[:, 1]
        assert (sizes <= Spans().longest).all()
        assert (sizes[:-1] >= Spans().shortest).all()


@pytest.mark.parametrize("start_id", [1, None])
def test_a_span_has_the_ids_of_its_words(start_id: int | None) -> None:
    tokenizer = Tokenizer(TextConfig(num_words=8, start_id=start_id), list("abcd"))
    rows = [np.array(tokenizer.ids("a b c d"), np.int32)]
    (row,) = cut(rows, np.array([[0, 1, 3]], np.int32), tokenizer)
    assert row.tolist() == tokenizer.ids("b c")


@pytest.mark.parametrize("kept", [0.0, 0.25, 1.0])
def test_the_last_stage_goes_on_with_some_spans(kept: float, tmp_path: Path) -> None:
    settings = Spans(shortest=1, longest=3, kept=kept, batch_size=7)
    config = CONFIG.with_settings(
        text=TextConfig(num_words=12, maxlen=12, start_id=None), word_dropout=0.0
    )
    examples = Examples(("a b c d e f g h",) * 50, np.arange(50) % 2)
    drawn = draw_spans([8] * 50, settings, np.random.default_rng(0))
    of_spans = np.linspace(0, 1, len(drawn), dtype=np.float32)[:, None]  # all different
    whole = np.full((50, 1), 0.5, np.float32)
    # The teacher has spoken already.
    np.savez(
        tmp_path / distillation.SOFT_LABELS,
        **vars(SoftLabels(drawn, of_spans, whole, whole[:0], whole)),
    )
    development = Corpus("made up", ("a", "b"), examples, examples)
    first, last = lesson(
        Run(tmp_path), config, Distillation(spans=settings), development, "abcdefgh"
    ).stages

    def learnt(stage: Stage) -> list[tuple[bytes, float]]:
        found = list(stage.batches(0).as_numpy_iterator())
        assert len(found) == stage.steps
        return [
            (row[row > 0].tobytes(), float(target[0]))
            for ids, targets in found
            for row, target in zip(ids, targets, strict=True)
        ]

    tokenizer = Tokenizer(config.task.text, "abcdefgh")
    rows = [np.array(tokenizer.ids(text), np.int32) for text in examples.texts]
    spans = [row.tobytes() for row in cut(rows, drawn, tokenizer)]
    assert sorted(learnt(first)) == sorted(zip(spans, of_spans[:, 0].tolist(), strict=True))
    texts_only = [pair for pair in learnt(last) if pair[0] == rows[0].tobytes()]
    assert sorted(target for _, target in texts_only) == [0.25] * 25 + [0.75] * 25
    others = set(learnt(last)) - set(texts_only)
    assert others <= set(learnt(first))
    assert len(others) / len(drawn) == pytest.approx(kept, abs=0.1)


# -- the teacher's soft labels -------------------------------------------------------------------


def test_no_teacher_labels_what_it_was_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    class Forgetful(Teacher):
        def __init__(self, texts: Any, *arguments: Any, **options: Any) -> None:
            self.seen = {id(text) for text in texts}
            super().__init__(texts, *arguments, **options)

        def margins(self, texts: Any) -> Margins:
            self.check(texts)
            return super().margins(texts)

        def label(self, texts: Any, blended: Blend) -> Any:
            self.check(texts)
            return super().label(texts, blended)

        def check(self, texts: Any) -> None:
            nonlocal asked
            asked += len(texts)
            # A span is a view of its text.
            whole = [text if text.base is None else text.base for text in texts]
            assert not self.seen & {id(text) for text in whole}

    monkeypatch.setattr(distillation, "Teacher", Forgetful)
    random = np.random.default_rng(0)
    train, held, more = ([random.integers(1, 9, 12) for _ in range(n)] for n in (40, 10, 20))
    labels, figures = ask(
        Distillation(folds=2),
        5,
        train,
        np.arange(40) % 2,
        np.arange(40),
        held,
        np.arange(10) % 2,
        more,
    )
    assert labels.of_train.shape == (40, 1)
    assert labels.of_unlabelled.shape == (20, 1)
    assert labels.of_spans.shape == (len(labels.spans), 1)
    assert set(labels.spans[:, 0]) == set(range(60))
    for scores in (labels.of_train, labels.of_unlabelled, labels.of_spans):
        assert ((scores > 0) & (scores < 1)).all()
    assert asked > 40 + 10 + 20 + len(labels.spans)  # and the spans of the texts held out
    assert figures["texts"] == 10


def test_a_teacher_of_chance_is_right_by_chance() -> None:
    """The blend is measured on texts that it wasn't fitted to."""
    right = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        train, held = ([random.integers(1, 300, 12) for _ in range(n)] for n in (200, 50))
        labels, held_labels = random.integers(0, 2, 200), random.integers(0, 2, 50)
        rest = (np.arange(200), held, held_labels, [])
        _, figures = ask(Distillation(folds=2), seed, train, labels, *rest)
        right.append(figures["accuracy"])
    assert abs(np.mean(right) - 0.5) < 0.04
