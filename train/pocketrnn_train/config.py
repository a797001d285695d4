"""Every number of a training run, in one frozen object that is saved beside the model.

It has three parts: the network, which a model file states as well; how its weights are fitted;
and the task, which is to tell the labels of texts.
"""

import ast
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np

from pocketrnn import TextConfig
from pocketrnn.classify.file import check_fit
from pocketrnn.config import LATER, POSITIVE, SHARE, Bound, Count, Settings, Share, between, check
from pocketrnn.modelfile.network import NetworkConfig

PART = Bound("between 0 and 1", lambda share: 0 < share < 1)


@dataclass(frozen=True)
class FitConfig(Settings):
    """How the weights are fitted; the defaults are those of the classic Keras SimpleRNN."""

    optimizer: Literal["rmsprop", "adam", "sgd"] = "rmsprop"
    """Optimizer of Keras."""
    learning_rate: Annotated[float, POSITIVE] = 0.001
    """The highest rate."""
    warm_up: Annotated[float | None, SHARE] = None
    """Share of the steps in which the rate rises, to fall to 0 in the others."""
    clip: Annotated[float | None, POSITIVE] = None
    """The largest norm that the gradients of a step may have together."""
    epochs: Count = 10
    """Passes over what is learnt; at most, where training may stop earlier."""
    batch_size: Count = 128
    """Texts, lines, places in running text or windows in a training step."""
    dropout: Share = 0.0
    """Share of the word vectors' channels, and of the values that the head sees, set to 0."""
    word_dropout: Share = 0.0
    """Share of the words, or characters, that become the unknown one, drawn anew in every epoch."""


@dataclass(frozen=True)
class Spans(Settings):
    """The training stage on spans of texts, as people also type less than a whole review."""

    shortest: Count = 5
    longest: int = 74
    kept: Annotated[float, between(0, 1)] = 0.1
    """Share of the spans that stay in the stage on whole texts, to keep what was learnt of them."""
    epochs: Count = 8
    batch_size: Count = 256
    learning_rate: Annotated[float, POSITIVE] = 0.003
    warm_up: Share = 0.03

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            self.shortest <= self.longest,
            f"shortest ({self.shortest}) must be longest ({self.longest}) at most",
        )


@dataclass(frozen=True)
class MadeUp(Settings):
    """The training stage on texts made up of the training texts, where those are few or short."""

    texts: Count = 30_000
    longest: Count = 74
    """Words of a text that are taken; with those of another there are up to twice as many."""
    divisor: float = 16.0
    """Of the sum over all states, while the network is trained: see `layers.SqrtnMax`."""
    repeats: Count = 1
    """How often each text is in an epoch of the stage on whole texts."""
    epochs: Count = 3
    batch_size: Count = 64
    learning_rate: Annotated[float, POSITIVE] = 0.003
    warm_up: Share = 0.05


@dataclass(frozen=True)
class Distillation(Settings):
    """Learning from the soft labels of a linear teacher, first on parts, then on whole texts."""

    folds: Annotated[int, Bound("at least 2", lambda folds: folds >= 2)] = 4
    """Each fold of the training texts is labelled by a teacher that was fitted on the others."""
    truth: Annotated[float | None, between(0, 1)] = 0.5
    """Weight of the true label in the target of a labelled text; the rest is the soft label's.
    None: the square of the teacher's accuracy."""
    spans: Spans = field(default_factory=Spans)
    made_up: Annotated[MadeUp | None, LATER] = None
    """Instead of spans, by a teacher of words and pieces of words."""


@dataclass(frozen=True)
class ClassifyConfig(Settings):
    """The task: how texts become ids, which are held out, and what is learnt of the others."""

    text: TextConfig = field(default_factory=TextConfig)
    min_texts: Annotated[Count, LATER] = 1
    """Texts that a word must stand in to have an id: words of fewer could tell whose they are."""
    validation_split: Annotated[float, PART] = 0.2
    """Share of each label's training texts that is held out."""
    validation: Literal["random", "last"] = "random"
    """Which texts are held out: drawn at random, or the last of each label, so that texts that
    are alike and stand together (reviews of one film) are on the same side."""
    test_split: Share = 0.2
    """Share of each label's texts kept for the test, 0 for none, where the corpus has no test of
    its own."""
    folds: Annotated[int, LATER, Bound("0, or 2 or more", lambda n: n == 0 or n >= 2)] = 0
    """How many folds are held out in turn, each from a network of its own, instead of a share; 0
    for none."""
    refit: Annotated[bool, LATER] = False
    """Whether the network is trained once more, on all texts, after those were held out."""
    adapted: Annotated[tuple[str, ...], LATER] = ()
    """The settings that follow from the corpus: see `classify.adapting`."""
    multi_label: Annotated[bool, LATER] = False
    """Whether a text may have several labels, or none: it follows from the corpus."""
    class_weights: Annotated[Literal["none", "balanced"], LATER] = "none"
    """Whether each label counts as much as any other, however many texts it has."""
    calibrate: bool = False
    """Whether the temperature and the threshold are fitted to the texts held out."""
    distillation: Distillation | None = None
    """None: the network learns from the labels alone."""

    @property
    def made_up(self) -> MadeUp | None:
        """The stage on made-up texts, if a teacher labels such."""
        return self.distillation.made_up if self.distillation else None

    def __post_init__(self) -> None:
        super().__post_init__()
        again = self.refit or "refit" in self.adapted
        check(
            again or not self.folds,
            "with folds, the network must be fitted again: refit (not with a teacher of spans)",
        )


@dataclass(frozen=True)
class RunConfig(Settings):
    """What the settings of a run have in common, whatever its task."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    seed: Annotated[int, between(0, 2**32 - 1)] = 113
    """Decides all random choices: the first weights, orders, dropout, and what is drawn."""

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
        spans = self.task.distillation and not self.task.made_up
        spans = spans and "distillation" not in self.task.adapted
        check(
            not (spans and self.task.refit),
            "a teacher of spans is fitted once, so folds and refit go without it; or with "
            "`default` where texts are few or short",
        )
        check(
            not (spans and self.task.text.pieces),
            "a teacher of spans cuts texts between words: none may be read in pieces",
        )

    def with_settings(self, **values: Any) -> Self:
        """Return a copy with other values of settings; the corpus no longer decides these."""
        parts = (settings_of(type(value)) for value in values.values() if _is_part(type(value)))
        left = tuple(name for name in self.task.adapted if name not in {*values}.union(*parts))
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
        name: _plain(values[name], kind)
        if name in values
        else _replaced(getattr(settings, name), values)
        for name, kind in typing.get_type_hints(type(settings)).items()
        if name in values or _is_part(kind)
    }
    return replace(settings, **own)


def _plain(value: Any, kind: Any) -> Any:
    """Return a number of NumPy as one of Python, and a whole one as a float where that is asked."""
    value = value.item() if isinstance(value, np.generic) else value
    is_float = kind is float or float in typing.get_args(kind)
    return float(value) if is_float and type(value) is int and abs(value) < 1e300 else value


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)


def help_of(config: type[Settings]) -> dict[str, str]:
    """Return what the source says below each setting, those of parts too, as help of an option."""
    found: dict[str, str] = {}
    for kind in reversed(config.__mro__[: config.__mro__.index(Settings)]):
        (made,) = ast.parse(inspect.getsource(kind)).body
        for field_, text in pairwise(made.body if isinstance(made, ast.ClassDef) else ()):
            match field_, text:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(said))):
                    said = " ".join(said.removesuffix(".").split())
                    found[name] = said[0].lower() + said[1:]
    for kind in typing.get_type_hints(config).values():
        if _is_part(kind):
            found |= help_of(kind)
    return found
