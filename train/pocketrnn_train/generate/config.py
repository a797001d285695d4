"""The settings of a generator's run, and the recipes."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pocketrnn.config import Count, Settings
from pocketrnn.generate.file import BYTES, GeneratorConfig
from pocketrnn.modelfile.network import NetworkConfig

from ..config import PART, FitConfig, RunConfig


@dataclass(frozen=True)
class GenerateConfig(Settings):
    """The task: what has an id, and how sequences are cut."""

    lines: bool = False
    """Whether each line is a sequence with a start and an end; else the text runs on."""
    unit: Literal["characters", "bytes"] = "characters"
    """What has an id: a character, or a byte of UTF-8."""
    steps: Count = 64
    """Steps of running text that gradients go back; the state is carried further."""
    validation_split: Annotated[float, PART] = 0.1
    """Share that is held out: lines drawn at random, or the end of running text."""
    patience: Count = 3
    """Epochs without a lower loss on what is held out, after which training ends."""


@dataclass(frozen=True)
class GeneratorTrainConfig(RunConfig):
    """All settings of a generator's run."""

    task: GenerateConfig = field(default_factory=GenerateConfig)

    def __post_init__(self) -> None:
        """Raise ConfigError for parts that don't go together."""
        super().__post_init__()
        self.generator("a")

    def generator(self, characters: str | None) -> GeneratorConfig:
        """Return what the model file says, with these characters; None for bytes."""
        count = BYTES if characters is None else len(characters)
        return GeneratorConfig(
            unit="characters" if characters is not None else "bytes",
            characters=count,
            unknown=None if characters is None else count + 1,
            start=count,
            stop=count if self.task.lines else None,
            network=self.network,
        )


_DEFAULT = GeneratorTrainConfig(
    network=NetworkConfig(embedding=64, cell="gru", units=320, weights="int8"),
    fit=FitConfig(
        optimizer="adam",
        learning_rate=0.004,
        warm_up=0.02,
        clip=1.0,
        epochs=12,
        batch_size=64,
        dropout=0.2,
        word_dropout=0.0,
    ),
)

RECIPES = {
    "default": _DEFAULT,
    "tiny": _DEFAULT.with_settings(embedding=48, units=120, dropout=0.1, epochs=20),
    "classic": _DEFAULT.with_settings(
        embedding=32, cell="simple_rnn", units=128, dropout=0.0, weights="float32"
    ),
}
