"""The command: its options are the configuration, its errors one line each."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pocketrnn import TextConfig, extras
from pocketrnn_train import RECIPES, Corpus, Run, TrainConfig, cli, network, read_corpus
from pocketrnn_train.config import settings_of

COLUMNS = ["--text-column", "review", "--label-column", "verdict"]
OTHER_VALUES = {
    "num_words": 50,
    "maxlen": 9,
    "embedding": 3,
    "cell": "lstm",
    "activation": "relu",
    "units": 5,
    "layers": 2,
    "bidirectional": True,
    "dropout": 0.25,
    "mask": True,
    "pooling": "sqrtn_max",
    "weights": "float16",
    "optimizer": "adam",
    "learning_rate": 0.5,
    "warm_up": 0.2,
    "clip": 2.0,
    "epochs": 3,
    "batch_size": 7,
    "word_dropout": 0.125,
    "validation_split": 0.3,
    "validation": "last",
    "min_texts": 2,
    "refit": True,
    "test_split": 0.4,
    "calibrate": True,
    "seed": 11,
    "class_weights": "balanced",
    "folds": 3,
    "window": 20,
}
# Settings that some of these need.
OTHERS = {"folds": {"refit": True}, "window": {"pooling": "sqrtn_max"}}


class Fit:
    """Stands in for `fit`, and keeps what it was given."""

    def __call__(
        self, config: TrainConfig, corpus: Corpus, folder: str, *, start: Any, resume: bool
    ) -> Any:
        self.config, self.corpus, self.folder, self.resume = config, corpus, folder, resume
        self.start = start
        test = {"loss": 0.5, "accuracy": 0.9, "texts": 100, "confusion_matrix": [[80, 6], [4, 10]]}
        comparison = {"texts": 9, "concerns": ["nothing was learnt"]}
        report = {"test": test, "comparison": comparison, "threshold": 0.25}
        return type("Run", (), {"report": report, "folder": "f"})


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> Fit:
    monkeypatch.setattr(cli, "fit", Fit())
    return cli.fit  # type: ignore[return-value]


def option(name: str, value: object) -> list[str]:
    dashed = "--" + name.replace("_", "-")
    return [dashed] if value is True else [dashed, str(value)]


def one_line(error: str) -> str:
    assert error.count("\n") == 1, error
    assert error.startswith("pocketrnn-train: ")
    return error


# -- options -----------------------------------------------------------------------------------


def test_every_setting_is_tried_below() -> None:
    names = set(settings_of(TrainConfig)) - set(settings_of(TextConfig))
    # A distillation comes with a recipe.
    names -= {
        "network",
        "fit",
        "task",
        "text",
        "distillation",
        "adapted",
        "multi_label",
    }
    assert set(OTHER_VALUES) == names | {"num_words", "maxlen"}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_an_option_for_every_setting(name: str, films_csv: Path, fit: Fit) -> None:
    values = {name: OTHER_VALUES[name], **OTHERS.get(name, {})}
    classic = [str(films_csv), *COLUMNS, "--recipe", "classic"]
    options = [word for each in values.items() for word in option(*each)]
    assert cli.main([*classic, *options]) == 0
    assert fit.config == TrainConfig().with_settings(**values) != TrainConfig()


def test_check_trains_nothing(
    films_csv: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(cli, "fit")
    assert cli.main([str(films_csv), *COLUMNS, "--check"]) == 0
    out = capsys.readouterr().out
    assert "30 texts to train, 2 labels: thumbs down, thumbs up" in out
    assert "      15  thumbs up\n" in out
    assert "words in a text: " in out


def test_a_test_of_ones_own(
    films_csv: Path, fit: Fit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = tmp_path / "more.csv"
    more.write_text("review,verdict\nquite new,thumbs up\n")
    held = tmp_path / "held.csv"
    held.write_text("review,verdict\nother words,thumbs up\n")
    assert cli.main([str(films_csv), *COLUMNS, "--test", str(more), "--validation", str(held)]) == 0
    assert fit.corpus.test.texts == ("quite new",)
    assert fit.corpus.validation is not None
    out = capsys.readouterr().out
    assert "! nothing was learnt" in out
    assert "test: accuracy 0.9000 (0.826 to 0.945)" in out


@pytest.mark.parametrize("name", RECIPES)
def test_without_options_it_is_the_recipe(name: str, films_csv: Path, fit: Fit) -> None:
    recipe = [] if name == "default" else ["--recipe", name]
    assert cli.main([str(films_csv), *COLUMNS, *recipe]) == 0
    assert fit.config == RECIPES[name]
    assert (fit.folder, fit.resume) == ("run", False)
    assert cli.main([str(films_csv), *COLUMNS, *recipe, "--no-bidirectional"]) == 0
    assert fit.config == RECIPES[name]
    options = ["-o", "x", "--resume", "--from", "bundled"]
    assert cli.main([str(films_csv), *COLUMNS, *recipe, *options]) == 0
    assert fit.config == RECIPES[name]
    assert (fit.folder, fit.resume, fit.start) == ("x", True, "bundled")


def test_options_that_exclude_each_other(
    films_csv: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = [str(films_csv), *COLUMNS, "--check"]
    held = tmp_path / "held.csv"
    held.write_text("review,verdict\nother words,thumbs up\n")
    weighed = tmp_path / "weighed.csv"
    weighed.write_text("text,label,w\n" + "".join(f"film {i},{i % 2},1.5\n" for i in range(20)))
    for options, said in (
        ([*table, "--from", "bundled", "--units", "8"], "the file's: leave out --units"),
        ([*table, "--from", "bundled", "--num-words", "8"], "leave out --num-words"),
        ([*table, "--validation", str(held), "--folds", "3"], "folds are drawn of the"),
        ([*table, "--split-column", "id", "--test", "x.csv"], "split_column says which rows"),
        ([str(weighed), "--weight-column", "w", "--check"], "for a recipe without a teacher"),
    ):
        assert cli.main(options) != 0
        assert said in capsys.readouterr().err


def test_split_and_seed_reach_the_corpus(films_csv: Path, fit: Fit) -> None:
    assert cli.main([str(films_csv), *COLUMNS, "--test-split", "0.4", "--seed", "5"]) == 0
    expected = read_corpus(
        films_csv, text_column="review", label_column="verdict", test_split=0.4, seed=5
    )
    assert len(fit.corpus.test) == 12
    assert fit.corpus.digest() == expected.digest()


def test_the_positive_label(films_csv: Path, fit: Fit, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(films_csv), *COLUMNS]) == 0
    expected = "test, thumbs up: precision 0.6250, recall 0.7143, F1 0.6667, chosen over a "
    assert f"{expected}probability of 0.2500\n" in capsys.readouterr().out
    before = fit.corpus
    assert cli.main([str(films_csv), *COLUMNS, "--positive-label", "thumbs down"]) == 0
    assert "test, thumbs down: precision" in capsys.readouterr().out
    assert fit.corpus.labels == ("thumbs up", "thumbs down") == before.labels[::-1]
    for one, other in ((fit.corpus.train, before.train), (fit.corpus.test, before.test)):
        assert one.texts == other.texts
        assert one.labels.tolist() == (1 - other.labels).tolist()
    assert cli.main([str(films_csv), *COLUMNS, "--positive-label", "up"]) == 2
    assert "must be one of two labels, not 'up'; there are: thumbs" in capsys.readouterr().err


def test_encoding_and_word_index_reach_the_corpus(
    tmp_path: Path, fit: Fit, monkeypatch: pytest.MonkeyPatch, films: Corpus
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        cli, "read_corpus", lambda source, **options: given.update(options) or films
    )
    assert cli.main(["imdb.npz", "--word-index", "words.json", "--encoding", "cp1252"]) == 0
    assert (given["word_index"], given["encoding"]) == ("words.json", "cp1252")
    assert fit.corpus is films


def test_several_files_and_columns_that_are_found(
    tmp_path: Path, fit: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, start in (("a.csv", 0), ("b.csv", 6)):
        rows = [f"{start + i} film,{'good' if i % 2 else 'bad'}" for i in range(6)]
        (tmp_path / name).write_text("\n".join(["review,label", *rows, ",good", "film,"]))
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert cli.main([*files, "--recipe", "classic"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("a.csv and 1 more: 10 texts to train, 2 to test, 2 labels: bad, good\n")
    assert "text column: review\nlabel column: label\n" in err
    assert fit.corpus.unlabelled == ()
    assert cli.main(files) == 0
    assert fit.corpus.unlabelled == ("film",)  # for the teacher
    (tmp_path / "bare.csv").write_text("".join(f"good,film {i}\nbad,{i}\n" for i in range(3)))
    bare = [str(tmp_path / "bare.csv"), "--no-header", "--label-column", "1"]
    assert cli.main(bare) == 0
    assert len(fit.corpus.train) + len(fit.corpus.test) == 6


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["texts.csv", "--unknown"],
        ["texts.csv", "--epoch", "3"],  # no abbreviations
        ["texts.csv", "--epochs", "three"],
        ["texts.csv", "--cell", "transformer"],
        ["texts.csv", "--recipe", "secret"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("pocketrnn-train: ")
    assert err.endswith("; see pocketrnn-train --help\n")


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([flag])
    assert caught.value.code == 0
    assert capsys.readouterr().out


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/none.csv"], "none.csv: no such file or folder"),
        (["{csv}", *COLUMNS, "-o", "{folder}/none", "--resume"], "none: no run to resume"),
        (["{csv}", *COLUMNS, "-o", "{csv}"], "films.csv: File exists"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    message: str,
    films_csv: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [argument.format(csv=films_csv, folder=tmp_path) for argument in arguments]
    assert cli.main(filled) == 1
    assert message in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (COLUMNS[:2], "Say --label-column; there are: 'id', 'review', 'verdict'"),
        (["--no-header", *COLUMNS], "no column called 'verdict'; there are: '1', '2', '3'"),
        ([*COLUMNS[:2], "--label-column", "x"], "there are: 'id', 'review', 'verdict'"),
        (["--encoding", "klingon"], "'klingon' isn't a text encoding"),
        (["--epochs", "0"], "epochs must be at least 1, not 0"),
        (["--dropout", "nan"], "dropout must be"),
        (["--num-words", "3"], "num_words (3) must be over index_from (3)"),
    ],
)
def test_values_that_cant_be_are_wrong_usage(
    options: list[str], message: str, films_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = [] if "--text-column" in options else COLUMNS
    assert cli.main([str(films_csv), *columns, *options]) == 2
    assert message in one_line(capsys.readouterr().err)


def test_a_run_that_is_there_already(
    films_csv: Path, finished: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(films_csv), *COLUMNS, "-o", str(finished.folder)]) == 1
    error = one_line(capsys.readouterr().err)
    assert f"{finished.folder}: holds a run already; go on with it (--resume)" in error


def test_a_missing_extra_says_what_to_install(
    films_csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert cli.main([str(films_csv), *COLUMNS]) == 1
    assert "pip install 'pocketrnn[train]'" in one_line(capsys.readouterr().err)


def test_an_interrupted_run_says_how_to_go_on(
    films_csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "build", interrupt)
    command = [str(films_csv), *COLUMNS, "-o", str(tmp_path / "run")]
    for arguments in (command, [*command, "--resume"]):
        assert cli.main(arguments) == 130
        assert "same command with --resume" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize("early", ["cli.read_corpus", "classify.training.rank_words"])
def test_interrupted_before_there_is_a_run(
    early: str,
    films_csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"pocketrnn_train.{early}", interrupt)
    assert cli.main([str(films_csv), *COLUMNS, "-o", str(tmp_path / "run")]) == 130
    assert one_line(capsys.readouterr().err) == "pocketrnn-train: interrupted\n"


# -- the whole ---------------------------------------------------------------------------------


def test_labels_in_any_script_are_printed_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    rows = [f"film {i},{'良い' if i % 2 else 'schlecht'}" for i in range(8)]
    path.write_text("\n".join(["review,verdict", *rows]), encoding="utf-8")
    # It prints the labels, then ends: the folder can't be made.
    main = "import sys; from pocketrnn_train.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", main, str(path), *COLUMNS, "-o", str(path)],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
    )
    assert "2 labels: schlecht, \\u826f\\u3044" in done.stdout
    assert "File exists" in one_line(done.stderr)
