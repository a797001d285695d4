"""Every number of a training run, in one frozen object that is saved beside the model."""

import math
from dataclasses import dataclass, field
from typing import Literal

from pocketrnn import TextConfig
from pocketrnn.settings import Settings, check


@dataclass(frozen=True)
class TrainConfig(Settings):
    """A recipe; the defaults are the recipe `seed`, the classic Keras SimpleRNN on IMDB."""

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
    optimizer: Literal["rmsprop", "adam", "sgd"] = field(
        default="rmsprop", metadata={"help": "Keras optimizer"}
    )
    learning_rate: float = field(default=0.001, metadata={"help": "of the optimizer"})
    epochs: int = field(default=10, metadata={"help": "passes over the training texts"})
    batch_size: int = field(default=128, metadata={"help": "texts a gradient step"})
    validation_split: float = field(
        default=0.2, metadata={"help": "share of the training texts held out, by class"}
    )
    test_split: float = field(
        default=0.2,
        metadata={"help": "share of the texts kept for the test, where the corpus has no own test"},
    )
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
        check(0 <= self.seed < 2**32, f"seed must be from 0 to 2**32 - 1, not {self.seed}")


RECIPES = {"seed": TrainConfig()}
