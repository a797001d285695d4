"""The recipes: configurations that are worth a name. `docs/recipes.md` tells what they reach."""

from dataclasses import replace

from pocketrnn import TextConfig
from pocketrnn.classify.text import FOLDED_FILTERS
from pocketrnn.modelfile.network import NetworkConfig

from .classify.adapting import ADAPTED
from .classify.vocabulary import FEW
from .config import ClassifyConfig, Distillation, FitConfig, TrainConfig

_DEFAULT = TrainConfig(
    network=NetworkConfig(mask=True, pooling="sqrtn_max", window=20, weights="int8"),
    fit=FitConfig(
        optimizer="adam",
        learning_rate=0.0015,
        warm_up=0.05,
        clip=1.0,
        epochs=4,
        batch_size=64,
        dropout=0.05,
        word_dropout=0.1,
    ),
    task=ClassifyConfig(
        min_texts=FEW, validation="last", calibrate=True, distillation=Distillation()
    ),
)

_FOLDED = TextConfig(fold=True, filters=FOLDED_FILTERS, num_words=17_000)

RECIPES = {
    "default": _DEFAULT.with_settings(
        text=replace(_FOLDED, num_words=10_000), test_split=0.0, adapted=ADAPTED
    ),
    "everyday": _DEFAULT.with_settings(
        text=_FOLDED, distillation=None, epochs=10, batch_size=128, learning_rate=0.003
    ),
    "tiny": _DEFAULT.with_settings(num_words=5000, embedding=16, units=16),
    "distilled": _DEFAULT.with_settings(pooling="last", window=0),
    "classic": TrainConfig(),
}
