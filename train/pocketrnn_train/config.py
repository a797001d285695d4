"""Every number of a training run, in one frozen object that is saved beside the model."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Literal

from pocketrnn import TextConfig
from pocketrnn.config import Settings, check


@dataclass(frozen=True)
class Chunks(Settings):
    """The stage on spans of texts: what people type is shorter than what they review."""

    shortest: int = 5
    longest: int = 74
    kept: float = 0.1
    """Share of the spans that the stage on whole texts goes on with, lest they be forgotten."""
    epochs: int = 8
    batch_size: int = 256
    learning_rate: float = 0.003
    warm_up: float = 0.03

    def __post_init__(self) -> None:
        """Raise ConfigError for settings that no training could follow."""
        super().__post_init__()
        for name in ("shortest", "epochs", "batch_size"):
            check(
                getattr(self, name) >= 1,
                f"chunks' {name} must be at least 1, not {getattr(self, name)}",
            )
        check(
            self.shortest <= self.longest,
            f"the shortest chunk ({self.shortest}) must not be over the longest ({self.longest})",
        )
        check(
            self.learning_rate > 0,
            f"chunks' learning_rate must be over 0, not {self.learning_rate}",
        )
        check(0 <= self.kept <= 1, f"chunks' kept must be from 0 to 1, not {self.kept}")
        _check_share("chunks' warm_up", self.warm_up)


@dataclass(frozen=True)
class Distillation(Settings):
    """Learning from a linear teacher's soft labels, first on spans of texts, then on whole ones.

    The stage on whole texts takes its epochs, batch size and highest rate from the TrainConfig.
    """

    ngrams: int = 3
    """The most words in a row that the teacher looks at."""
    parts: int = 4
    """The training texts are split into so many, each labelled by a teacher of the others."""
    truth: float = 0.5
    """Weight of a true label against the teacher's opinion in the target of a labelled text."""
    chunks: Chunks | None = field(default_factory=Chunks)
    word_dropout: float = 0.1
    """Share of the words that become the unknown one, anew in every epoch."""
    warm_up: float = 0.05
    """Share of the steps in which the rate rises to its highest; then it falls to 0."""
    clip: float = 1.0
    """The largest norm that all gradients together may have."""

    def __post_init__(self) -> None:
        """Raise ConfigError for settings that no training could follow."""
        super().__post_init__()
        check(1 <= self.ngrams <= 3, f"ngrams must be from 1 to 3, not {self.ngrams}")
        check(self.parts >= 2, f"parts must be at least 2, not {self.parts}")
        check(0 <= self.truth <= 1, f"truth must be from 0 to 1, not {self.truth}")
        check(self.clip > 0, f"clip must be over 0, not {self.clip}")
        _check_share("word_dropout", self.word_dropout)
        _check_share("warm_up", self.warm_up)


def _check_share(name: str, value: float) -> None:
    check(0 <= value < 1, f"{name} must be from 0 to under 1, not {value}")


@dataclass(frozen=True)
class TrainConfig(Settings):
    """A recipe; the field defaults are `classic`, the Keras SimpleRNN on IMDB."""

    text: TextConfig = field(default_factory=TextConfig)
    embedding: int = field(default=32, metadata={"help": "width of the word vectors"})
    cell: Literal["simple_rnn", "gru", "lstm"] = field(
        default="simple_rnn", metadata={"help": "kind of recurrent layer"}
    )
    units: int = field(default=32, metadata={"help": "width of each recurrent layer"})
    layers: int = field(default=1, metadata={"help": "recurrent layers on top of each other"})
    bidirectional: bool = field(default=False, metadata={"help": "read both ways"})
    dropout: float = field(
        default=0.0, metadata={"help": "of the word vectors' channels and of the last state"}
    )
    mask: bool = field(default=False, metadata={"help": "leave padding out of the network"})
    pooling: Literal["last", "sqrtn_max"] = field(
        default="last",
        metadata={
            "help": "what the scores see: the last state, or all states' sum (over the root of "
            "their number) and maximum"
        },
    )
    window: int = field(
        default=0,
        metadata={"help": "words after which the state starts afresh, with sqrtn_max; 0: never"},
    )
    optimizer: Literal["rmsprop", "adam", "sgd"] = field(
        default="rmsprop", metadata={"help": "Keras optimizer"}
    )
    learning_rate: float = field(default=0.001, metadata={"help": "of the optimizer"})
    epochs: int = field(default=10, metadata={"help": "passes over the training texts"})
    batch_size: int = field(default=128, metadata={"help": "texts a gradient step"})
    validation_split: float = field(
        default=0.2, metadata={"help": "share of the training texts held out, by class"}
    )
    validation: Literal["random", "last"] = field(
        default="random",
        metadata={
            "help": "which texts are held out: drawn at random, or the last ones of each class, "
            "so that neighbours in the corpus (reviews of one film) aren't on both sides"
        },
    )
    test_split: float = field(
        default=0.2,
        metadata={"help": "share of the texts kept for the test, where the corpus has no own test"},
    )
    calibrate: bool = field(
        default=False,
        metadata={"help": "fit the probabilities, and a threshold, to the texts held out"},
    )
    distillation: Distillation | None = None
    seed: int = field(default=113, metadata={"help": "of weights, order and splits"})

    def __post_init__(self) -> None:
        """Raise ConfigError for settings that no training could follow."""
        super().__post_init__()
        for name in ("embedding", "units", "layers", "epochs", "batch_size"):
            check(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("validation_split", "test_split"):
            share = getattr(self, name)
            check(0 < share < 1, f"{name} must be between 0 and 1, not {share}")
        check(0 <= self.dropout < 1, f"dropout must be from 0 to under 1, not {self.dropout}")
        check(
            0 < self.learning_rate < math.inf,
            f"learning_rate must be over 0 and finite, not {self.learning_rate}",
        )
        check(not self.mask or self.text.pad_id == 0, "masking needs 0 as the id of padding")
        check(self.window >= 0, f"window must not be under 0, not {self.window}")
        if self.window:
            check(
                self.pooling == "sqrtn_max",
                f"windows need the pooling sqrtn_max; with {self.pooling}, set window to 0",
            )
            check(
                self.text.maxlen % self.window == 0,
                f"maxlen ({self.text.maxlen}) must be a multiple of window ({self.window})",
            )
        check(
            self.distillation is None or self.mask,
            "distillation trains on texts padded to different lengths, so it needs mask",
        )
        check(
            self.distillation is None or self.optimizer == "adam",
            f"distillation trains with adam, not {self.optimizer}",
        )
        check(0 <= self.seed < 2**32, f"seed must be from 0 to 2**32 - 1, not {self.seed}")


_DISTILLED = TrainConfig(
    mask=True,
    dropout=0.05,
    optimizer="adam",
    learning_rate=0.0015,
    epochs=4,
    batch_size=64,
    validation="last",
    calibrate=True,
    distillation=Distillation(),
)
_WINDOWS = dataclasses.replace(_DISTILLED, pooling="sqrtn_max", window=20)

RECIPES = {
    "default": _WINDOWS,
    "tiny": dataclasses.replace(_WINDOWS, text=TextConfig(num_words=5000), embedding=16, units=16),
    "distilled": _DISTILLED,
    "classic": TrainConfig(),
}
