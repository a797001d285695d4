"""The settings that follow from a corpus: its rows, its labels, and how long its texts are.

Each rule is a function of the corpus alone, never of figures on its test; docs/recipes.md tells
what each gained.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import Distillation, MadeUp, TrainConfig

ADAPTED = (
    *("embedding", "cell", "units", "maxlen", "pieces", "learning_rate", "epochs", "dropout"),
    *("batch_size", "validation", "validation_split", "folds", "refit", "distillation"),
)

# Many words of long texts: spans of them teach more than texts that are made up.
_LONG, _MANY = 74, 2_000_000

# Words of hardly more than one character are characters. What they say follows from their order, of
# which a GRU makes more.
_ONE = 1.5

# From so many rows on a fifth of them is enough to see how good a network is, and from so many on
# nothing is gained by training once more on that fifth.
FEW_ROWS, _MANY_ROWS = 1000, 20_000

# Words that are read at least: a text to come may be longer than all that are there.
_READ = 200

# Made-up texts have so many words together at most, and there are so many of them at most; they are
# learnt in about so many steps.
_WORDS, _TEXTS, _STEPS = 1_000_000, 80_000, 2500

# An epoch on whole texts has at least so many steps, and all epochs at most about so many. Few rows
# are soon learnt by heart: then it has so many steps a label.
_STEPS_OF_WHOLE, _MOST_STEPS, _STEPS_OF_LABEL = 60, 20_000, 3

# Epochs on whole texts, and how much true labels count there where a text may have several.
_EPOCHS, _TRUTH = 8, 0.9

# So many labels of few rows aren't learnt in those steps at the usual rate.
_MANY_LABELS, _FAST = 20, 0.006


def is_few(rows: int) -> bool:
    """Say whether so many texts, with those that are held out of them, are few."""
    return rows < FEW_ROWS


def adapt(
    config: TrainConfig, lengths: NDArray[np.int64], labels: int, letters: float = 5.0
) -> TrainConfig:
    """Return `config` with its adapted settings.

    They are for texts of so many words, with a mean of so many `letters`, and so many labels.
    """
    rows = len(lengths)
    values: dict[str, Any] = {}
    if not (np.median(lengths) > _LONG and lengths.sum() > _MANY):
        window = config.network.window or 1
        words = max(int(np.quantile(lengths, 0.99) + 1), _READ)
        few = is_few(rows)
        refit = (
            rows < _MANY_ROWS or config.task.folds > 0
            if "refit" in config.task.adapted
            else config.task.refit
        )
        # Who says which texts are held out wants those.
        in_turn = few and refit and {"validation", "validation_split"} <= {*config.task.adapted}
        gru = letters < _ONE
        # A teacher of rare labels gives a text none of several too often.
        truth = _TRUTH if config.task.multi_label else None
        width = 56 if gru else 64 if labels > 2 else 32
        batch = 32 if rows < 20_000 else 64
        least = min(_STEPS_OF_LABEL * labels, _STEPS_OF_WHOLE) if few else _STEPS_OF_WHOLE
        repeats = max(1, round(least * batch / rows))
        size = min(max(float(np.median(lengths)), 1.0), _LONG)
        texts = min(round(_WORDS / size), _TEXTS, _STEPS * MadeUp.batch_size)
        made_up = MadeUp(
            texts=texts,
            longest=_LONG,
            epochs=max(1, round(_STEPS * MadeUp.batch_size / texts)),
            learning_rate=_FAST if few and labels >= _MANY_LABELS else MadeUp.learning_rate,
            repeats=repeats,
            divisor=min(size**0.5, MadeUp.divisor),
        )
        values = {
            "embedding": width,
            "cell": "gru" if gru else config.network.cell,
            "units": width,
            "maxlen": min(-(-words // window) * window, config.task.text.maxlen),
            "learning_rate": 0.003,
            "epochs": min(max(round(_MOST_STEPS * batch / rows), 2), _EPOCHS),
            "dropout": 0.2,
            "batch_size": batch,
            "validation": "random",
            "folds": 4 if in_turn else 0,
            "refit": refit,
            # Of two labels, true ones alone are soon learnt by heart.
            "distillation": Distillation(truth=0.5 if labels == 2 else truth, made_up=made_up),
        }
    chosen = {name: values[name] for name in config.task.adapted if name in values}
    return config.with_settings(**chosen, adapted=())
