"""A run is a folder: the trained model and everything that tells how it came to be."""

import csv
import io
import json
import os
import platform
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pocketrnn import Tokenizer
from pocketrnn.classify.text import is_storable
from pocketrnn.errors import InputError, PocketRNNError
from pocketrnn.files import replacing, write_atomic
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn.generate.file import GeneratorConfig

from .config import RunConfig, TrainConfig
from .forecast.config import ForecasterTrainConfig
from .generate.config import GeneratorTrainConfig

Made = TypeVar("Made")


class RunError(PocketRNNError):
    """A run folder can't be used as asked."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, whatever its task.

    | file                | what it holds                                                   |
    |---------------------|-----------------------------------------------------------------|
    | `config.json`       | the TrainConfig                                                 |
    | `corpus.json`       | the corpus's name, labels, sizes, digest and note               |
    | `vocabulary.json`   | the words that have ids, by rank                                |
    | `teacher.json`      | with distillation: figures of the teacher                       |
    | `history.csv`       | loss and accuracy of each epoch, and its seconds                |
    | `model.keras`       | the trained model                                               |
    | `report.json`       | figures on validation and test; seed, versions, duration        |
    | `report.html`       | the same figures on the test, as `pocketrnn evaluate` shows them |
    | `curves.png`        | the history, drawn                                              |
    | `intended_use.txt`  | what the model is and isn't good for, if a person has written it |

    Other stages, and networks of other texts, have `history-*.csv`. Until the run is finished there
    are also `checkpoint*.keras`, the model and optimizer of each stage after its last whole epoch,
    `round*.npz`, what was said of texts held out, and `teacher.npz`, the teacher's soft labels.
    """

    folder: Path

    def read(self, name: str) -> Any:
        """Return the contents of one of the JSON files; InputError if it isn't there or whole."""
        return self._made(name, lambda contents: contents)

    def _made(self, name: str, make: Callable[[Any], Made]) -> Made:
        """Return what `make` makes of a JSON file; InputError where it can't."""
        path = self.folder / name
        try:
            return make(json.loads(path.read_text("utf-8")))
        except FileNotFoundError as error:
            raise InputError(f"{self.folder}: not a finished run (no {name})") from error
        except ValueError as error:
            raise InputError(f"{path}: damaged ({error})") from error

    def write(self, name: str, value: Any) -> None:
        """Write one of the JSON files, whole or not at all."""
        text = json.dumps(value, indent=1, ensure_ascii=False)
        if not is_storable(text):  # a name of a file, or a text, that isn't all characters
            text = json.dumps(value, indent=1)
        write_atomic(self.folder / name, text + "\n")

    def arrays(self, name: str, kind: Callable[..., Made]) -> Made | None:
        """Return the `kind` that `write_arrays` wrote; None without one, InputError if damaged."""
        path = self.folder / name
        if not path.exists():
            return None
        try:
            with np.load(path) as arrays:
                return kind(**arrays)
        except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: damaged ({error})") from error

    def write_arrays(self, name: str, value: object) -> None:
        """Write the arrays of an object, by their names, whole or not at all."""
        with replacing(self.folder / name) as temporary:
            np.savez(temporary, **vars(value))

    def open(self, config: RunConfig, facts: Mapping[str, Any], *, resume: bool) -> None:
        """Start a new run, or check that the one to resume is of this configuration and corpus.

        `facts` go to `corpus.json`. Raises RunError if the folder holds a run already, or, to
        resume, none or another.
        """
        if not (self.folder / "config.json").exists():
            if resume:
                raise RunError(f"{self.folder}: no run to resume")
            self.folder.mkdir(parents=True, exist_ok=True)
            self.write("corpus.json", facts)
            self.write("config.json", config.to_dict())
            return
        if not resume:
            raise RunError(
                f"{self.folder}: holds a run already; go on with it (resume=True), or name another "
                "folder"
            )
        begun = self._made("config.json", type(config).from_dict)
        if changed := _differences(begun.to_dict(), config.to_dict()):
            raise RunError(f"{self.folder}: can't resume with another {', '.join(changed)}")
        before = self.read("corpus.json")
        if before["sha256"] != facts["sha256"]:
            raise RunError(f"{self.folder}: can't resume with another corpus")
        if before.get("started_from") != facts.get("started_from"):
            raise RunError(f"{self.folder}: can't resume from another model file")

    @property
    def report(self) -> dict[str, Any]:
        """The figures of the trained model."""
        return dict(self.read("report.json"))

    @property
    def intended_use(self) -> str:
        """What the model is and isn't good for, as a person wrote it, or nothing."""
        path = self.folder / "intended_use.txt"
        return path.read_text("utf-8").strip() if path.exists() else ""

    def model(self, name: str = "model.keras", *, optimizer: bool = False) -> Any:
        """Load the trained keras.Model; with its optimizer, if training is to go on."""
        import keras

        from . import layers, schedule  # noqa: F401 (Keras learns of our classes)
        from .forecast import network  # noqa: F401

        path = self.folder / name
        if not path.exists():
            raise InputError(f"{self.folder}: not a finished run (no {name})")
        try:
            return keras.models.load_model(path, compile=optimizer)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: Keras can't read it ({error})") from error

    def save_model(self, model: Any, name: str = "model.keras") -> None:
        """Save a keras.Model, and its optimizer if it has one, whole or not at all."""
        with replacing(self.folder / name) as temporary:
            model.save(temporary)

    def finish(
        self, config: RunConfig, model: Any, figures: Mapping[str, Any], seconds: float
    ) -> None:
        """Draw the history, write the report, and delete what only a resume needs."""
        history = self.history()
        self._draw(history)
        # Last, as its presence says that the run is finished.
        self.write(
            "report.json",
            {
                **figures,
                "seed": config.seed,
                "epochs": len(history),
                "parameters": model.count_params(),
                "seconds": round(seconds, 1),
                "date": datetime.now(UTC).date().isoformat(),
                "corpus_sha256": self.read("corpus.json")["sha256"],
                "versions": {"python": platform.python_version()}
                | {name: version(name) for name in ("pocketrnn", "tensorflow", "keras", "numpy")},
            },
        )
        for path in self.folder.glob("checkpoint*.keras"):
            path.unlink()

    def _draw(self, history: Sequence[dict[str, float]]) -> None:
        from matplotlib.figure import Figure  # no pyplot: no window, no global state

        names = [name for name in history[0] if f"val_{name}" in history[0]]
        figure = Figure(figsize=(4.5 * len(names), 3.5), layout="constrained")
        epochs = [row["epoch"] for row in history]
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            axes.plot(epochs, [row[name] for row in history], marker="o", label="training")
            held_out = [row["val_" + name] for row in history]
            axes.plot(epochs, held_out, marker="o", label="validation")
            axes.set(xlabel="epoch", title=name, xticks=epochs)
            axes.grid(alpha=0.3)
            axes.legend()
        figure.savefig(self.folder / "curves.png", dpi=100)

    def history(self, name: str = "history.csv") -> list[dict[str, float]]:
        """Return a dict for each epoch that has ended, in order."""
        path = self.folder / name
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        return [{**row, "epoch": int(row["epoch"])} for row in rows]

    def write_history(self, history: Sequence[dict[str, float]], name: str = "history.csv") -> None:
        """Write a history, whole or not at all."""
        text = io.StringIO()
        writer = csv.DictWriter(text, history[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_atomic(self.folder / name, text.getvalue())


@dataclass(frozen=True)
class Run(RunFolder):
    """The folder of a classifier's run."""

    @cached_property
    def config(self) -> TrainConfig:
        """The configuration; InputError if it is damaged."""
        return self._made("config.json", TrainConfig.from_dict)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the network was trained with; InputError if it is damaged."""
        text = self.config.task.text
        return self._made("vocabulary.json", lambda words: Tokenizer(text, words))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the network's classes."""
        return tuple(self.read("corpus.json")["labels"])


@dataclass(frozen=True)
class GeneratorRun(RunFolder):
    """The folder of a generator's run; `vocabulary.json` holds its characters, if those have ids.

    `history.csv` has the loss in nats a character.
    """

    @cached_property
    def config(self) -> GeneratorTrainConfig:
        """The configuration; InputError if it is damaged."""
        return self._made("config.json", GeneratorTrainConfig.from_dict)

    @cached_property
    def alphabet(self) -> Alphabet:
        """What has an id."""
        return Alphabet(self.read("vocabulary.json"), self.settings.unknown)

    @cached_property
    def settings(self) -> GeneratorConfig:
        """What the model file says; InputError if the run is damaged."""
        return self._made("vocabulary.json", self.config.generator)


@dataclass(frozen=True)
class ForecasterRun(RunFolder):
    """The folder of a forecaster's run; `history.csv` has the pinball loss of scaled values.

    `series.png` shows the best, the median and the worst test series.
    """

    @cached_property
    def config(self) -> ForecasterTrainConfig:
        """The configuration; InputError if it is damaged."""
        return self._made("config.json", ForecasterTrainConfig.from_dict)

    @cached_property
    def settings(self) -> ForecasterConfig:
        """What the model file says; InputError if the run is damaged."""
        return self._made("corpus.json", lambda own: ForecasterConfig.from_dict(own["settings"]))


def open_run(folder: str | os.PathLike[str]) -> Run | GeneratorRun | ForecasterRun:
    """Return the run in a folder; InputError if there is none."""
    path = Path(folder)
    task = RunFolder(path).read("corpus.json").get("task")
    if task == "forecast":
        return ForecasterRun(path)
    return GeneratorRun(path) if task == "generate" else Run(path)


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    names = []
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            names += _differences(before, value)
        elif value != before:
            names.append(f"{name} ({before} before, {value} now)")
    return names
