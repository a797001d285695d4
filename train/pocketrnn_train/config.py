"""Every number of a training run, in one frozen object that is saved beside the model.

It has three parts: the network, which a model file states as well; how its weights are fitted;
and the task, which is to tell the labels of texts.
"""

import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from pocketrnn import TextConfig
from pocketrnn.classify.file import check_fit
from pocketrnn.config import Settings, check
from pocketrnn.modelfile.network import NetworkConfig


@dataclass(frozen=True)
class FitConfig(Settings):
    """How the weights are fitted; the defaults are those of the classic Keras SimpleRNN."""

    optimizer: Literal["rmsprop", "adam", "sgd"] = "rmsprop"
    learning_rate: float = 0.001
    """The highest rate."""
    warm_up: float | None = None
    """Share of the steps in which the rate rises, to fall to 0 in the others; None: it stays."""
    clip: float | None = None
    """The largest norm that the gradients of a step may have together; None: any."""
    epochs: int = 10
    batch_size: int = 128
    dropout: float = 0.0
    """Share of the word vectors' channels, and of the values that the head sees, set to 0."""
    word_dropout: float = 0.0
    """Share of the words that become the unknown word, drawn anew in every epoch."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_steps("", self.epochs, self.batch_size, self.learning_rate)
        check(
            self.clip is None or 0 < self.clip < math.inf,
            f"clip must be over 0 and finite, not {self.clip}",
        )
        _check_share("dropout", self.dropout)
        _check_share("word_dropout", self.word_dropout)
        _check_share("warm_up", self.warm_up or 0.0)


@dataclass(frozen=True)
class Spans(Settings):
    """The training stage on spans of texts, as people also type less than a whole review."""

    shortest: int = 5
    longest: int = 74
    kept: float = 0.1
    """Share of the spans that stay in the stage on whole texts, to keep what was learnt of them."""
    epochs: int = 8
    batch_size: int = 256
    learning_rate: float = 0.003
    warm_up: float = 0.03

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            1 <= self.shortest <= self.longest,
            f"spans: shortest ({self.shortest}) must be from 1 to longest ({self.longest})",
        )
        check(0 <= self.kept <= 1, f"spans: kept must be from 0 to 1, not {self.kept}")
        _check_steps("spans: ", self.epochs, self.batch_size, self.learning_rate)
        _check_share("spans: warm_up", self.warm_up)


@dataclass(frozen=True)
class MadeUp(Settings):
    """The training stage on texts made up of the training texts, where those are few or short."""

    texts: int = 30_000
    longest: int = 74
    """Words of a text that are taken; with those of another there are up to twice as many."""
    divisor: float = 16.0
    """Of the sum over all states, while the network is trained: see `layers.SqrtnMax`."""
    repeats: int = 1
    """How often each text is in an epoch of that stage."""
    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 0.003
    warm_up: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("texts", "longest", "repeats"):
            value = getattr(self, name)
            check(value >= 1, f"made_up: {name} must be at least 1, not {value}")
        _check_steps("made_up: ", self.epochs, self.batch_size, self.learning_rate)
        _check_share("made_up: warm_up", self.warm_up)


@dataclass(frozen=True)
class Distillation(Settings):
    """Learning from the soft labels of a linear teacher, first on parts, then on whole texts."""

    ngrams: int = 3
    """The longest n-gram that the teacher of spans counts, in words."""
    folds: int = 4
    """Each fold of the training texts is labelled by a teacher that was fitted on the others."""
    truth: float = 0.5
    """Weight of the true label in the target of a labelled text; the rest is the soft label's."""
    spans: Spans = field(default_factory=Spans)
    made_up: MadeUp | None = None
    """Instead of spans, by a teacher of words and pieces of words."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from what `to_dict` gave, or gave before it had `made_up`."""
        return super().from_dict({"made_up": None, **values})

    def __post_init__(self) -> None:
        super().__post_init__()
        check(1 <= self.ngrams <= 3, f"ngrams must be from 1 to 3, not {self.ngrams}")
        check(self.folds >= 2, f"folds must be at least 2, not {self.folds}")
        check(0 <= self.truth <= 1, f"truth must be from 0 to 1, not {self.truth}")


@dataclass(frozen=True)
class ClassifyConfig(Settings):
    """The task: how texts become ids, which are held out, and what is learnt of the others."""

    text: TextConfig = field(default_factory=TextConfig)
    min_texts: int = 1
    """A word has an id if it stands in so many texts: words of fewer could tell whose they are."""
    validation_split: float = 0.2
    """Share of each label's training texts that is held out."""
    validation: Literal["random", "last"] = "random"
    """Which texts are held out: drawn at random, or the last of each label, so that texts that
    are alike and stand together (reviews of one film) are on the same side."""
    test_split: float = 0.2
    """Share of each label's texts kept for the test, where the corpus has no test of its own."""
    folds: int = 0
    """How many folds are held out in turn, each from a network of its own, instead of a share."""
    refit: bool = False
    """Whether the network is trained once more, on all texts, after those were held out."""
    adapted: tuple[str, ...] = ()
    """The settings that follow from the corpus: see `classify.adapting`."""
    multi_label: bool = False
    """Whether a text may have several labels, or none: it follows from the corpus."""
    class_weights: Literal["none", "balanced"] = "none"
    """Whether each label counts as much as any other, however many texts it has."""
    calibrate: bool = False
    """Whether the temperature and the threshold are fitted to the texts held out."""
    distillation: Distillation | None = None
    """None: the network learns from the labels alone."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from what `to_dict` gave, or gave before it had some of the settings."""
        since = ("min_texts", "folds", "refit", "adapted", "class_weights", "multi_label")
        return super().from_dict({**{name: getattr(cls, name) for name in since}, **values})

    def __post_init__(self) -> None:
        super().__post_init__()
        share = self.validation_split
        check(0 < share < 1, f"validation_split must be between 0 and 1, not {share}")
        _check_share("test_split", self.test_split)
        check(self.min_texts >= 1, f"min_texts must be at least 1, not {self.min_texts}")
        check(self.folds == 0 or self.folds >= 2, f"folds must be 0, or 2 or more: {self.folds}")
        check(self.refit or not self.folds, "with folds, the network must be fitted again: refit")


@dataclass(frozen=True)
class RunConfig(Settings):
    """What the settings of a run have in common, whatever its task."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    seed: int = 113
    """Decides the first weights, the order of the texts, dropout, and which texts are drawn."""

    def __post_init__(self) -> None:
        """Raise ConfigError for parts that don't go together."""
        super().__post_init__()
        check(0 <= self.seed < 2**32, f"seed must be from 0 to 2**32 - 1, not {self.seed}")

    def with_settings(self, **values: Any) -> Self:
        """Return a copy with other values of settings in any part, or other parts, by name."""
        unknown = sorted(set(values) - set(settings_of(type(self))))
        check(not unknown, f"unknown setting: {', '.join(unknown)}")
        config: Self = _replaced(self, values)
        return config


@dataclass(frozen=True)
class TrainConfig(RunConfig):
    """All settings of a classifier's run; the defaults are the recipe `classic`."""

    task: ClassifyConfig = field(default_factory=ClassifyConfig)

    def __post_init__(self) -> None:
        """Raise ConfigError for parts that don't go together."""
        super().__post_init__()
        check_fit(self.network, self.task.text)
        check(
            self.task.distillation is None or self.network.mask,
            "distillation pads texts to different lengths, so it needs mask",
        )
        spans = self.task.distillation and not self.task.distillation.made_up
        check(
            not (spans and self.task.refit),
            "a teacher of spans is fitted once, so folds and refit go without it; or with "
            "`default` where texts are few or short",
        )

    def with_settings(self, **values: Any) -> Self:
        """Return a copy with other values of settings; the corpus no longer decides these."""
        left = tuple(name for name in self.task.adapted if name not in values)
        return super().with_settings(**{"adapted": left, **values})

    @property
    def time_multiple(self) -> int:
        """What the network needs `time` to be a multiple of: `maxlen` if it reads the padding."""
        return (self.network.window or 1) if self.network.mask else self.task.text.maxlen


def settings_of(config: type[Settings]) -> dict[str, Any]:
    """Return name and type of each setting and part; not those inside of optional parts."""
    found = typing.get_type_hints(config)
    for kind in tuple(found.values()):
        if _is_part(kind):
            found |= settings_of(kind)
    return found


def _replaced(settings: Any, values: Mapping[str, Any]) -> Any:
    own = {
        name: values[name] if name in values else _replaced(getattr(settings, name), values)
        for name, kind in typing.get_type_hints(type(settings)).items()
        if name in values or _is_part(kind)
    }
    return replace(settings, **own)


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)


def _check_steps(where: str, epochs: int, batch_size: int, learning_rate: float) -> None:
    check(epochs >= 1, f"{where}epochs must be at least 1, not {epochs}")
    check(batch_size >= 1, f"{where}batch_size must be at least 1, not {batch_size}")
    check(
        0 < learning_rate < math.inf,
        f"{where}learning_rate must be over 0 and finite, not {learning_rate}",
    )


def _check_share(name: str, value: float) -> None:
    check(0 <= value < 1, f"{name} must be from 0 to under 1, not {value}")
