"""A run holds all it should, and ends in the same weights however often it was stopped."""

import dataclasses
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketrnn import TextConfig
from pocketrnn.errors import ConfigError, InputError
from pocketrnn_train import RECIPES, Corpus, Examples, Run, TrainConfig, evaluate, fit, read_corpus
from pocketrnn_train.classify import adapting, batches, training
from pocketrnn_train.config import Distillation, MadeUp
from pocketrnn_train.corpora.splits import split
from pocketrnn_train.loop import Stage
from pocketrnn_train.run import RunError

FILES = ["config.json", "corpus.json", "curves.png", "history.csv", "model.keras", "report.html"]
FILES += ["report.json", "vocabulary.json"]


def weights(run: Run) -> list[bytes]:
    return [weight.tobytes() for weight in run.model().get_weights()]


def figures(run: Run) -> list[dict[str, float]]:
    """The history without the times, which no two runs share."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in run.history()]


def interrupt(*_: object, **__: object) -> None:
    """Stand in for a function during which Ctrl-C is pressed."""
    raise KeyboardInterrupt


def examples(texts: Sequence[str], labels: Sequence[int]) -> Examples:
    return Examples(tuple(texts), np.array(labels))


# -- what a run holds --------------------------------------------------------------------------


def test_files(finished: Run) -> None:
    assert sorted(path.name for path in finished.folder.iterdir()) == FILES
    assert (finished.folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_page_of_the_test(finished: Run, films: Corpus) -> None:
    page = (finished.folder / "report.html").read_text("utf-8")
    assert f"Evaluation on {len(films.test)} texts" in page
    assert f"<b>{100 * finished.report['test']['accuracy']:.1f} %</b>" in page
    assert re.search(r"<small>test, line \d+: is <b>thumbs (up|down)</b>", page)
    assert finished.report["usual"]["mean"] > 0


def test_configuration_and_vocabulary(finished: Run, films: Corpus, config: TrainConfig) -> None:
    vocabulary = finished.tokenizer.vocabulary
    # Fewer words than ids: the ids without a word aren't trained, nor exported.
    num_words = finished.config.task.text.num_words
    assert num_words == len(vocabulary) + 4 < 10_000
    assert finished.config == config.with_settings(num_words=num_words)
    assert finished.labels == films.labels == ("thumbs down", "thumbs up")
    embedding = finished.model().layers[0]
    assert embedding.input_dim == num_words
    # Every training text has an "a", "film" comes next; no word of the test alone has an id.
    assert vocabulary[0] == "a"
    assert set(vocabulary) == {
        word for text in films.train.texts for word in finished.tokenizer.words(text)
    }


def test_history_has_a_row_an_epoch(finished: Run) -> None:
    history = finished.history()
    assert [row["epoch"] for row in history] == [1, 2]
    assert list(history[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss", "seconds"]


def test_report(finished: Run, films: Corpus, config: TrainConfig) -> None:
    report = finished.report
    parts = "comparison test validation threshold unsure usual temperature seed epochs parameters"
    assert set(report) == {*parts.split(), "seconds", "date", "corpus_sha256", "versions"}
    figures = "texts accuracy loss f1 roc_auc calibration_error confusion_matrix"
    assert set(report["test"]) == set(figures.split())
    assert report["test"]["texts"] == len(films.test) == 6
    assert report["validation"]["texts"] == 4
    assert (report["seed"], report["epochs"]) == (config.seed, config.fit.epochs)
    assert report["corpus_sha256"] == films.digest()
    assert report["parameters"] == finished.model().count_params()
    assert {"python", "pocketrnn", "tensorflow", "keras", "numpy"} <= set(report["versions"])
    assert report["seconds"] > 0


def test_test_figures_are_those_of_the_saved_model(finished: Run, films: Corpus) -> None:
    model = finished.model()
    rows = batches.ids(finished.tokenizer, films.test.texts)
    scores = batches.predict(model, rows, finished.config)
    assert evaluate(scores, films.test.labels) == finished.report["test"]
    ids = finished.tokenizer.encode(films.test.texts)
    model.compile(loss="binary_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(ids, films.test.labels, verbose=0)
    assert loss == pytest.approx(finished.report["test"]["loss"], rel=1e-5)
    assert accuracy == pytest.approx(finished.report["test"]["accuracy"])


def test_validation_figures_are_those_of_the_last_epoch(finished: Run) -> None:
    held_out, last = finished.report["validation"], finished.history()[-1]
    assert held_out["loss"] == pytest.approx(last["val_loss"], rel=1e-5)
    assert held_out["accuracy"] == pytest.approx(last["val_accuracy"])


@pytest.mark.usefixtures("finished")
def test_operations_are_deterministic() -> None:
    # A network as small as these hardly shows it: large ones sum gradients on many threads.
    from tensorflow.python.framework.config import is_op_determinism_enabled

    assert is_op_determinism_enabled()


@pytest.mark.parametrize("validation", ["last", "random"])
def test_copies_are_held_out_together(config: TrainConfig, validation: str) -> None:
    texts = [f"film {i}" for i in range(20)]
    copies = examples([*texts, *(text.upper() for text in texts)], [0, 1] * 20)
    settings = config.with_settings(validation=validation)
    corpus = Corpus("copies", ("a", "b"), copies, copies)
    (development,) = training._hold_out(settings, corpus)
    sides = [
        {text.lower() for text in part.texts} for part in (development.train, development.test)
    ]
    assert [len(side) for side in sides] == [16, 4]
    # Published splits stay as they are.
    (apart,) = training._hold_out(settings, dataclasses.replace(corpus, keep_together=False))
    sides = [{text.lower() for text in part.texts} for part in (apart.train, apart.test)]
    assert not sides[0].isdisjoint(sides[1])


@pytest.fixture
def unlearnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network stays as it was built, for tests of what is made of networks."""

    def learn(run: Run, stages: Sequence[Stage], model: Any, **_: Any) -> Any:
        run.write_history([{"epoch": 1, "loss": 1.0, "val_loss": 1.0}], stages[-1].history)
        for stage in stages:
            run.save_model(model, stage.checkpoint)
        return model

    monkeypatch.setattr(training, "learn", learn)


@pytest.mark.parametrize(("refit", "few", "kept"), [(1, 40, 0.3), (0, 40, 0.4), (1, 0, 0.4)])
def test_of_few_texts_the_mean_of_both_stages_is_kept(
    refit: int,
    few: int,
    kept: float,
    films: Corpus,
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def learn(run: Run, stages: Sequence[Stage], model: Any, **_: Any) -> Any:
        run.write_history([{"epoch": 1, "loss": 1.0, "val_loss": 1.0}], stages[-1].history)
        for stage, value in zip(stages, (0.2, 0.4), strict=True):
            model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
            run.save_model(model, stage.checkpoint)
        return model

    monkeypatch.setattr(training, "learn", learn)
    monkeypatch.setattr(adapting, "FEW_ROWS", few and len(films.train) + 1)
    settings = config.with_settings(
        mask=True, epochs=1, refit=bool(refit),
        distillation=Distillation(folds=2, made_up=MadeUp(texts=40, epochs=1, batch_size=20)),
    )  # fmt: skip
    run = fit(settings, films, tmp_path / "run")
    np.testing.assert_allclose(run.model().layers[0].get_weights()[0], kept, rtol=1e-6)


def test_accuracy_of_an_epoch_is_of_its_own_stage(
    films: Corpus, config: TrainConfig, tmp_path: Path
) -> None:
    made_up = MadeUp(texts=41, epochs=1, batch_size=20, learning_rate=1e-9, repeats=10)
    run = fit(
        config.with_settings(
            mask=True,
            epochs=1,
            learning_rate=0.02,
            distillation=Distillation(folds=2, made_up=made_up),
        ),
        replace(films, validation=films.test),
        tmp_path / "run",
    )
    right = run.history()[0]["accuracy"] * 10 * len(films.train)
    assert right == pytest.approx(round(right), abs=1e-3)


@pytest.mark.usefixtures("unlearnt")
def test_the_divisor_of_training_changes_no_score(
    films: Corpus, config: TrainConfig, tmp_path: Path
) -> None:
    made_up = MadeUp(texts=40, epochs=1, batch_size=20, divisor=2.0)
    settings = config.with_settings(
        mask=True, pooling="sqrtn_max", window=4, epochs=1,
        distillation=Distillation(folds=2, made_up=made_up),
    )  # fmt: skip
    run = fit(settings, films, tmp_path / "run")
    (pooling,) = [layer for layer in run.model().layers if hasattr(layer, "divisor")]
    assert pooling.divisor == 16
    # The figures are of the network before the head made up for the divisor.
    _, held_out = split(films.train.labels, films.groups(), 0.2, config.seed)
    rows = batches.ids(run.tokenizer, films.train.take(held_out).texts)
    scores = batches.predict(run.model(), rows, run.config)
    loss = evaluate(scores, films.train.labels[held_out])["loss"]
    assert loss == pytest.approx(run.report["validation"]["loss"], rel=1e-5)


def test_how_long_all_that_is_left_will_take() -> None:
    assert training._left(9) == ""
    assert training._left(50) == "; about 50 s to go"
    assert training._left(170) == "; about 3 min to go"


@pytest.mark.usefixtures("unlearnt")
def test_folds_are_held_out_in_turn_and_all_is_learnt_at_last(
    films: Corpus, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = MadeUp(texts=40, epochs=1, batch_size=20)
    settings = config.with_settings(
        mask=True, epochs=1, folds=2, refit=True, calibrate=True,
        distillation=Distillation(folds=2, made_up=made_up),
    )  # fmt: skip
    learnt = []
    learn = training._learn

    def spy(run: Run, development: Corpus, *rest: Any) -> Any:
        learnt.append((len(development.train), len(development.test), rest[2]))
        if len(learnt) == 2 and not interrupted:
            raise KeyboardInterrupt
        return learn(run, development, *rest)

    interrupted: list[bool] = []
    monkeypatch.setattr(training, "_learn", spy)
    with pytest.raises(KeyboardInterrupt):
        fit(settings, films, tmp_path / "run")
    interrupted.append(True)
    run = fit(settings, films, tmp_path / "run", resume=True)
    # The first round's texts aren't learnt again.
    assert learnt == [(12, 12, ""), (12, 12, "-2"), (12, 12, "-2"), (24, 0, "-all")]
    comparison = run.report["comparison"]
    assert comparison["texts"] == run.report["validation"]["texts"] == 24
    assert {"network", "teacher", "tfidf", "commonest"} < set(comparison)
    assert not list(run.folder.glob("*.npz"))


# -- a folder that holds a run -----------------------------------------------------------------


@pytest.fixture
def untrainable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever should not train fails at once if it tries."""
    monkeypatch.delattr("pocketrnn_train.network.build")


@pytest.mark.usefixtures("untrainable")
def test_resuming_a_finished_run_returns_it(
    finished: Run, films: Corpus, config: TrainConfig
) -> None:
    assert fit(config, films, finished.folder, resume=True).report == finished.report


@pytest.mark.usefixtures("untrainable")
def test_a_run_is_not_overwritten(finished: Run, films: Corpus, config: TrainConfig) -> None:
    with pytest.raises(RunError, match="holds a run already"):
        fit(config, films, finished.folder)


@pytest.mark.usefixtures("untrainable")
def test_no_run_to_resume(films: Corpus, config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run to resume"):
        fit(config, films, tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("untrainable")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 8}, r"another seed \(7 before, 8 now\)"),
        ({"epochs": 3}, r"another epochs \(2 before, 3 now\)"),
        ({"cell": "gru", "units": 5}, r"cell \(simple_rnn before, gru now\), units"),
        ({"maxlen": 9}, r"another maxlen \(8 before, 9 now\)"),
    ],
)
def test_resuming_with_another_configuration(
    change: dict[str, Any], message: str, finished: Run, films: Corpus, config: TrainConfig
) -> None:
    other = config.with_settings(**change)
    with pytest.raises(RunError, match=message):
        fit(other, films, finished.folder, resume=True)


@pytest.mark.usefixtures("untrainable")
def test_resuming_a_run_from_before_a_setting_was_there(
    finished: Run, films: Corpus, config: TrainConfig, tmp_path: Path
) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    old = finished.read("config.json")
    del old["task"]["refit"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(old))
    assert weights(fit(config, films, tmp_path / "run", resume=True)) == weights(finished)


@pytest.mark.usefixtures("untrainable")
def test_resuming_with_another_corpus(finished: Run, films: Corpus, config: TrainConfig) -> None:
    test = Examples((*films.test.texts[:-1], "another text"), films.test.labels)
    train_texts, test_texts = films.train.texts, films.test.texts
    train_labels, test_labels = films.train.labels, films.test.labels
    for other in (
        dataclasses.replace(films, test=test),
        dataclasses.replace(films, labels=("bad", "good")),
        # A training text that becomes one of the test, where "film" keeps its words.
        dataclasses.replace(
            films,
            train=Examples(train_texts[:-1], train_labels[:-1]),
            test=Examples(
                (train_texts[-1], *test_texts), np.array([train_labels[-1], *test_labels])
            ),
        ),
    ):
        with pytest.raises(RunError, match="can't resume with another corpus"):
            fit(config, other, finished.folder, resume=True)


@pytest.fixture
def begun(
    films: Corpus, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """A run that was stopped before its first epoch."""
    with monkeypatch.context() as patch:
        patch.setattr("pocketrnn_train.network.build", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(config, films, tmp_path / "begun")
    return Run(tmp_path / "begun")


def test_a_ranking_of_words_that_are_not_folded(
    films: Corpus, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked = dataclasses.replace(films, vocabulary=("film", "\u201cfilm", "isn\u2019t", "isn't"))
    monkeypatch.setattr("pocketrnn_train.network.build", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(config.with_settings(text=TextConfig(fold=True)), ranked, tmp_path / "run")
    assert Run(tmp_path / "run").read("vocabulary.json") == ["film", "isn't"]


def test_a_damaged_checkpoint(films: Corpus, config: TrainConfig, begun: Run) -> None:
    (begun.folder / "checkpoint.keras").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match=r"checkpoint\.keras: Keras can't read it"):
        fit(config, films, begun.folder, resume=True)


# -- stopped and resumed -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def three_classes() -> Corpus:
    starts = {0: ("dull", "slow"), 1: ("fair", "long"), 2: ("warm", "funny")}
    rows = [
        (f"a {start} {end}", label)
        for label, words in starts.items()
        for start, end in product(words, ("film", "play", "story", "tale"))
    ]
    texts, labels = zip(*rows, strict=True)
    train, test = split(np.array(labels), np.arange(len(labels)), 0.25, seed=1)
    every = examples(texts, labels)
    return Corpus("verdicts", ("bad", "so so", "good"), every.take(train), every.take(test))


@pytest.fixture(scope="module")
def fragile(config: TrainConfig) -> TrainConfig:
    """A configuration with all that a checkpoint could forget: dropout's draws, Adam's moments."""
    return config.with_settings(dropout=0.4, optimizer="adam", batch_size=6, epochs=3)


@pytest.mark.slow
def test_interrupted_and_resumed_is_the_same_bit_for_bit(
    three_classes: Corpus, fragile: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(fragile, three_classes, tmp_path / "whole")
    stopped = Run(tmp_path / "stopped")
    saved: list[str] = []
    save_model = Run.save_model

    def save_first_only(run: Run, model: Any, name: str) -> None:
        if saved:
            raise KeyboardInterrupt
        saved.append(name)
        save_model(run, model, name)

    # After the second epoch, between its row in the history and its checkpoint.
    with monkeypatch.context() as patch:
        patch.setattr(Run, "save_model", save_first_only)
        with pytest.raises(KeyboardInterrupt):
            fit(fragile, three_classes, stopped.folder)
    assert len(stopped.history()) == 2
    with pytest.raises(InputError, match="not a finished run"):
        _ = stopped.report

    fit(fragile, three_classes, stopped.folder, resume=True)
    assert weights(stopped) == weights(whole)
    assert figures(stopped) == figures(whole)
    assert stopped.report["test"] == whole.report["test"]
    assert sorted(path.name for path in stopped.folder.iterdir()) == FILES

    assert np.array(whole.report["test"]["confusion_matrix"]).shape == (3, 3)
    assert whole.model().output_shape == (None, 3)


def test_a_loss_that_is_not_finite_ends_the_run(
    films: Corpus, config: TrainConfig, tmp_path: Path
) -> None:
    wild = config.with_settings(optimizer="sgd", learning_rate=3e38)
    with pytest.raises(RunError, match="loss isn't finite; try a lower learning_rate"):
        fit(wild, films, tmp_path)
    assert not (tmp_path / "checkpoint.keras").exists()


# -- other processes ---------------------------------------------------------------------------


def command(corpus: Path, config: TrainConfig, folder: Path) -> list[str]:
    """The arguments of `pocketrnn-train` that ask for `config`."""
    parts = config.to_dict()
    task = parts["task"]
    settings = {**parts["network"], **parts["fit"], **task, "seed": parts["seed"]}
    text = settings.pop("text")
    settings |= {"num_words": text["num_words"], "maxlen": text["maxlen"]}
    options = [str(corpus), "--text-column", "review", "--label-column", "verdict"]
    options += ["--recipe", "classic"]
    for name, value in settings.items():
        if value not in (False, None, ()):
            options += ["--" + name.replace("_", "-"), str(value)]
    return [*options, "-o", str(folder)]


MAIN = "import sys; from pocketrnn_train.cli import main; sys.exit(main())"


def start(arguments: Sequence[str], code: str = MAIN) -> subprocess.Popen[str]:
    # As people have it: without what the tests let TensorFlow say.
    kept = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**kept, "PYTHONIOENCODING": "utf-8"},
    )


def wait_for_checkpoint(process: subprocess.Popen[str], folder: Path) -> None:
    while process.poll() is None and not (folder / "checkpoint.keras").exists():
        time.sleep(0.005)


@pytest.mark.slow
def test_another_process_trains_the_same_weights(
    films_csv: Path, config: TrainConfig, finished: Run, tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    process = start(command(films_csv, config, run.folder))
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "films.csv: 24 texts to train, 6 to test, 2 labels: thumbs down, thumbs up" in output
    assert len(output.splitlines()) < 20
    assert not errors
    test = finished.report["test"]
    *_, positive, accuracy, last = output.splitlines()
    assert f"test: accuracy {test['accuracy']:.4f}" in accuracy
    assert "precision" in positive
    assert last == f"run: {run.folder} (next: pocketrnn-export {run.folder} -o model.onnx)"
    assert weights(run) == weights(finished)
    assert figures(run) == figures(finished)
    assert {**run.report, "seconds": 0, "date": ""} == {**finished.report, "seconds": 0, "date": ""}


@pytest.mark.slow
def test_killed_again_and_again(
    films_csv: Path, config: TrainConfig, finished: Run, tmp_path: Path
) -> None:
    arguments = command(films_csv, config, tmp_path / "run")
    run = Run(tmp_path / "run")
    code = None
    while code != 0:
        resume = ["--resume"] if (run.folder / "config.json").exists() else []
        with start([*arguments, *resume]) as process:
            try:
                process.communicate(timeout=random.uniform(0, 20))
            except subprocess.TimeoutExpired:
                process.kill()
        code = process.returncode
        assert code in (0, -signal.SIGKILL)
    assert weights(run) == weights(finished)
    assert figures(run) == figures(finished)


ENDS_BEFORE_A_WRITE = (
    """
import os, sys
from pathlib import Path
rename, writes = Path.replace, int(sys.argv.pop(1))
def replace(*paths):
    global writes
    writes -= 1
    if not writes:
        os._exit(9)
    return rename(*paths)
Path.replace = replace
"""
    + MAIN
)


@pytest.mark.slow
def test_ended_before_every_write(
    films_csv: Path, config: TrainConfig, finished: Run, tmp_path: Path
) -> None:
    arguments = command(films_csv, config, tmp_path / "run")
    run = Run(tmp_path / "run")
    for writes in itertools.count(1):
        resume = ["--resume"] if (run.folder / "config.json").exists() else []
        with start([str(writes), *arguments, *resume], ENDS_BEFORE_A_WRITE) as process:
            process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == 9
    assert writes > 4
    assert weights(run) == weights(finished)
    assert figures(run) == figures(finished)


@pytest.mark.slow
def test_ctrl_c(films_csv: Path, config: TrainConfig, tmp_path: Path) -> None:
    long = config.with_settings(epochs=1000)
    with start(command(films_csv, long, tmp_path / "run")) as process:
        wait_for_checkpoint(process, tmp_path / "run")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == (
        "pocketrnn-train: interrupted; to go on, give the same command with --resume"
    )
    assert "Traceback" not in errors


def test_soft_labels_and_weights_are_learnt(tmp_path: Path) -> None:
    """Labels turned round by soft labels, but for a word whose rows weigh nothing."""
    rows = [
        f"{word} number{i},{label},{p},{weight},train"
        for i in range(40)
        for word, label, p, weight in [
            ("good", "yes", 0.1, 1),
            ("bad", "no", 0.9, 1),
            ("good", "yes", 1.0, 0),
        ]
    ]
    rows += [f"{w} {part},{label},,1,{part}" for w, label in [("good", "no"), ("bad", "yes")]
             for part in ("validation", "test")]  # fmt: skip
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["text,label,p,weight,for", *rows]) + "\n")
    corpus = read_corpus(
        table, probability_columns=["p"], weight_column="weight", split_column="for"
    )
    config = RECIPES["everyday"].with_settings(epochs=6, batch_size=8, learning_rate=0.02, window=4)
    run = fit(config, corpus, tmp_path / "run")
    assert run.report["test"]["accuracy"] == 1
    assert run.report["validation"]["texts"] == 2
    with pytest.raises(ConfigError, match="without a teacher"):
        fit(RECIPES["default"], corpus, tmp_path / "other")


def test_a_threshold_is_not_compared_on_the_texts_that_chose_it(
    films: Corpus, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    labels = np.array([0, 1])
    said = training.Round(
        labels=labels,
        scores=np.array([[0.9, 0.1], [0.2, 0.8]], np.float32),
        teacher=np.zeros((0, 2), np.float32),
        baseline=np.eye(2, dtype=np.float32),
        commonest=labels * 0,
        teachers=np.array([]),
    )
    run = Run(tmp_path)
    run.write("config.json", config.with_settings(calibrate=True).to_dict())
    run.write("vocabulary.json", [])
    monkeypatch.setattr(Run, "save_model", lambda *_: None)
    monkeypatch.setattr(
        Run, "finish", lambda self, config, model, figures, s: found.update(figures)
    )
    monkeypatch.setattr(training.calibration, "apply", lambda *_: None)
    monkeypatch.setattr(training.calibration, "thresholds", lambda *_, **__: 0.05)
    training._finish(
        run,
        None,
        dataclasses.replace(films, test=films.test.take(np.zeros(0, np.int64))),
        [said],
        0.0,
    )
    assert found["threshold"] == 0.05
    assert found["validation"]["accuracy"] == 0.5
    assert found["comparison"]["network"]["accuracy"] == 1
