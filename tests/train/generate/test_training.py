"""Generators are trained: on lines and on running text, resumed bit for bit, and reported."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketrnn
from pocketrnn.errors import ConfigError, InputError
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn_export import export
from pocketrnn_train import cli
from pocketrnn_train.generate import batches
from pocketrnn_train.generate.config import RECIPES, GeneratorTrainConfig
from pocketrnn_train.generate.corpus import Sequences, read_lines, read_text
from pocketrnn_train.generate.training import _longest_copied, fit
from pocketrnn_train.run import GeneratorRun, RunError, open_run

SYLLABLES = ("ba", "ne", "ki", "lo", "mu")
NAMES = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in ("", "na", "s")]
STORY = " ".join(NAMES) + ".\n"


def config(**values: Any) -> GeneratorTrainConfig:
    small = {"embedding": 8, "units": 16, "epochs": 3, "batch_size": 8, "learning_rate": 0.02}
    return RECIPES["default"].with_settings(**{**small, "seed": 4, **values})


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("names") / "names.txt"
    path.write_text("\n".join([*NAMES, *NAMES[:20], ""]), "utf-8")
    return path


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("story") / "story.txt"
    path.write_text(STORY * 3, "utf-8")
    return path


@pytest.fixture(scope="module")
def run(names: Path, tmp_path_factory: pytest.TempPathFactory) -> GeneratorRun:
    """A finished run on lines, by the command."""
    folder = tmp_path_factory.mktemp("runs") / "names"
    options = "--lines --embedding 8 --units 16 --epochs 3 --batch-size 8 --seed 4"
    options += " --learning-rate 0.02"
    assert cli.main(["generate", str(names), "-o", str(folder), *options.split()]) == 0
    return GeneratorRun(folder)


def test_lines_are_learnt_and_reported(run: GeneratorRun, capsys: Any) -> None:
    assert isinstance(open_run(run.folder), GeneratorRun)
    assert run.config == config(lines=True)
    history = run.history()
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["val_loss"] < history[0]["val_loss"] < np.log(14)
    report = run.report
    assert report["validation"]["texts"] == round(0.1 * len(NAMES))
    assert report["validation"]["loss"] == pytest.approx(min(row["val_loss"] for row in history))
    assert report["validation"]["bits"] == pytest.approx(report["validation"]["loss"] / np.log(2))
    assert 0 <= report["generated"]["copied_lines"] <= 1
    assert not list(run.folder.glob("checkpoint*"))
    assert (run.folder / "curves.png").stat().st_size > 1000


def test_a_run_is_exported_as_it_was_measured(run: GeneratorRun, tmp_path: Path) -> None:
    path = tmp_path / "names.onnx"
    exported = export(run, path)
    assert exported.difference <= 1e-5
    model = pocketrnn.Generator.load(path)
    assert pocketrnn.verify(path).ok
    assert model.card["figures"]["validation"] == run.report["validation"]
    names = model.generate(n=50, seed=1)
    letters = set("".join(NAMES))
    assert all(set(name) <= letters for name in names)
    held_out = run.report["validation"]["bits"]
    assert model.bits("xylophonist") > held_out
    with pytest.raises(ConfigError, match="only a classifier has"):
        export(run, tmp_path / "other.onnx", graph="tf2onnx")


# The loop is that of classifiers, whose resumed run is compared in the fast tests.
@pytest.mark.slow
def test_running_text_stops_early_and_resumes_bit_for_bit(
    story: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    corpus = read_text([story])
    settings = config(epochs=4, batch_size=4, steps=16, dropout=0.3, word_dropout=0.1, layers=2)
    whole = fit(settings, corpus, tmp_path / "whole")
    assert whole.report["generated"]["longest_copied"] >= 1

    save = GeneratorRun.save_model

    def interrupted(self: GeneratorRun, model: Any, name: str = "model.keras") -> None:
        save(self, model, name)
        if name == "checkpoint.keras":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(GeneratorRun, "save_model", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(settings, corpus, tmp_path / "parts")
    parts = fit(settings, corpus, tmp_path / "parts", resume=True)
    for one, other in zip(whole.model().weights, parts.model().weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    same = ("validation", "epochs", "parameters")
    assert {name: whole.report[name] for name in same} == {
        name: parts.report[name] for name in same
    }
    with pytest.raises(RunError, match="another units"):
        fit(settings.with_settings(units=17), corpus, tmp_path / "parts", resume=True)


def test_training_ends_where_what_is_held_out_gets_no_better(
    story: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("pocketrnn_train.generate.training._CHARACTERS", 1000)
    settings = config(epochs=30, patience=1, learning_rate=0.5, warm_up=None, batch_size=4)
    run = fit(settings, read_text([story]), tmp_path / "run")
    losses = [row["val_loss"] for row in run.history()]
    best = losses.index(min(losses))
    assert len(losses) == best + 2 < 30
    assert run.report["validation"]["loss"] == pytest.approx(losses[best], rel=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_have_the_size_that_is_said(recipe: str) -> None:
    settings = RECIPES[recipe].with_settings(lines=True).generator("x" * 40)
    size = sum(constant.nbytes for constant in settings.graph().constants)
    assert size <= {"default": 450_000, "tiny": 100_000, "classic": 200_000}[recipe]


# -- what is learnt -------------------------------------------------------------------------------


def test_a_line_is_on_one_side_however_often_it_is_there(names: Path) -> None:
    corpus = read_lines([names])
    assert (len(corpus.texts), corpus.rows) == (len(NAMES), len(NAMES) + 20)
    assert corpus.texts[NAMES[0]] == 2
    learnt, held_out = corpus.split(0.1, lines=True, seed=4)
    assert set(learnt.texts).isdisjoint(held_out.texts)
    assert {**learnt.texts, **held_out.texts} == corpus.texts
    assert learnt.rows + held_out.rows == corpus.rows


def test_weights_come_from_a_column(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("name", "count"), ("anna", 900), ("bo", 90), ("cy", 10)])
    corpus = read_lines([path], weight_column="count", text_column="name")
    assert corpus.texts == {"anna": 900, "bo": 90, "cy": 10}
    assert corpus.rows == 3
    random = np.random.default_rng(0)
    drawn = np.concatenate(
        [batches._drawn(np.array([900.0, 90, 10]), 3, random) for _ in range(4000)]
    )
    assert np.bincount(drawn) / len(drawn) == pytest.approx([0.9, 0.09, 0.01], abs=0.005)
    assert sorted(batches._drawn(np.array([2.0, 1, 3]), 6, random)) == [0, 0, 1, 2, 2, 2]
    for wrong in ("-1", "0", "nan", "inf", "many", ""):
        path.write_text(f"name,count\nanna,{wrong}\n", "utf-8")
        with pytest.raises(InputError, match=r"names\.csv.*(must be a finite|not a) number"):
            read_lines([path], weight_column="count", text_column="name")


def test_running_text_is_cut_near_its_end(tmp_path: Path) -> None:
    for name, text in (("a", "x" * 60), ("b", "y" * 40)):
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    corpus = read_text([tmp_path])
    assert list(corpus.texts) == ["x" * 60, "y" * 40]
    learnt, held_out = corpus.split(0.1, lines=False, seed=0)
    assert list(learnt.texts) == ["x" * 60, "y" * 30]
    assert list(held_out.texts) == ["y" * 10]
    (tmp_path / "a.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"a\.txt: not utf-8 text"):
        read_text([tmp_path])
    with pytest.raises(InputError, match=r"nope\.txt: No such file or directory"):
        read_text([tmp_path / "nope.txt"])


@pytest.mark.parametrize("lines", [True, False])
def test_too_little_to_learn_is_refused(lines: bool) -> None:
    with pytest.raises(ConfigError, match="too little"):
        Sequences({"a": 1.0}, 1, ("x",)).split(0.1, lines=lines, seed=0)


def test_batches_of_running_text_go_on_where_the_last_one_ended() -> None:
    text = "abcdefghij" * 7
    alphabet, settings = Alphabet("abcdefghij", 11), config().generator("abcdefghij")
    stage = batches.stage(
        config(batch_size=3, steps=5), settings, alphabet, Sequences({text: 1.0}, 1, ("x",))
    )
    for epoch in (0, 1):
        found = [[part.numpy() for part in batch] for batch in stage.batches(epoch)]
        assert len(found) == stage.steps
        read, follows = (np.concatenate([batch[i] for batch in found], 1) for i in (0, 1))
        assert (read[:, 0] == settings.start).all()
        np.testing.assert_array_equal(read[:, 1:], follows[:, :-1])
        plain = np.where(follows == settings.start, -100, follows)
        steps = np.diff(plain)[(plain[:, 1:] >= 0) & (plain[:, :-1] >= 0)] % 10
        assert (steps == 1).all()
        assert all((weights == 1).all() for _, _, weights in found)
        again = [[part.numpy() for part in batch] for batch in stage.batches(epoch)]
        for batch, same in zip(found, again, strict=True):
            assert all(map(np.array_equal, batch, same))


def test_a_line_that_outweighs_all_others_leaves_rows_on_both_sides() -> None:
    corpus = Sequences({f"line {i}": 5000.0 if not i else 1.0 for i in range(30)}, 30, ("names",))
    for seed in range(20):
        assert min(part.rows for part in corpus.split(0.2, lines=True, seed=seed)) == 1


def test_batches_of_lines_have_start_stop_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_LEAST_STEPS", 1)
    lines = {"ab": 1.0, "a": 1.0, "": 1.0, "bbbb": 2.0}
    alphabet, settings = Alphabet("ab", 3), config(lines=True).generator("ab")
    stage = batches.stage(
        config(lines=True, batch_size=5), settings, alphabet, Sequences(lines, 5, ("x",))
    )
    (batch,) = stage.batches(0)
    rows = []
    for read, follows, weights in zip(*(part.numpy() for part in batch), strict=True):
        count = int((weights > 0).sum())
        assert read[0] == settings.start
        assert follows[count - 1] == settings.stop
        np.testing.assert_array_equal(read[1:count], follows[: count - 1])
        rows.append(alphabet.decode(follows[: count - 1].tolist()))
    assert sorted(rows) == ["", "a", "ab", "bbbb", "bbbb"]
    assert batch[2].numpy().mean() == pytest.approx(1)


def test_a_small_text_is_gone_through_several_times_an_epoch() -> None:
    alphabet, few = Alphabet("abc", 4), Sequences({"ab": 1.0, "cab": 1.0}, 2, ("x",))
    for lines in (True, False):
        own = config(lines=lines, batch_size=2, steps=2)
        stage = batches.stage(own, own.generator("abc"), alphabet, few)
        assert stage.steps >= 100
        found = list(stage.batches(0))
        assert len(found) == stage.steps
    text = Sequences({"".join("abcd"[i % 4] + "ab" * (i % 3) for i in range(3200)): 1.0}, 1, ("x",))
    own = config(batch_size=64, steps=64)
    read = next(
        iter(batches.stage(own, own.generator("abcd"), Alphabet("abcd", 5), text).batches(0))
    )
    assert len(np.unique(read[0].numpy(), axis=0)) > 5  # rows that start at the same place are one


def test_half_a_character_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"text": "a\\ud83d"}\n{"text": "bb"}\n{"text": "ab"}\n')
    made = fit(config(lines=True, epochs=1), read_lines([path]), tmp_path / "run")
    assert made.read("vocabulary.json") in ("ab", "a", "b")


def test_the_longest_copied_stretch() -> None:
    assert _longest_copied("xxabcdeyy", "zzabcdezz") == 5
    assert _longest_copied("xyz", "abc") == 0
    assert _longest_copied("abc", "zabcz") == 3


# -- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.txt"], "missing.txt"),
        (["missing.txt", "--lines"], "missing.txt: no such file"),
        (["{names}", "--weight-column", "count"], "give --lines too"),
        (["{names}", "--lines", "--weight-column", "count"], "no column called 'count'"),
        (["{names}", "--encoding", "ascii7"], "ascii7"),
        (["{names}", "--lines", "--units", "0"], "units must be from 1"),
        (["{names}", "--batch-size", "100000"], "too little text: 514 characters"),
    ],
    ids=str,
)
def test_mistakes_are_one_clear_line(
    arguments: list[str], message: str, names: Path, tmp_path: Path, capsys: Any
) -> None:
    given = [argument.format(names=names) for argument in arguments]
    assert cli.main(["generate", *given, "-o", str(tmp_path / "run")]) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.strip().splitlines()[-1].startswith("pocketrnn-train: ")


def test_what_stands_in_a_run_folder(run: GeneratorRun) -> None:
    assert json.loads((run.folder / "vocabulary.json").read_text("utf-8")) == "".join(
        sorted(set("".join(NAMES)))
    )
    facts = run.read("corpus.json")
    assert facts["task"] == "generate"
    assert "ba" not in facts.values()
