"""Fit a forecaster: every epoch leaves a run that can be resumed, to the same weights."""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.extras import require
from pocketrnn.forecast import file
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.forecast.model import Forecaster
from pocketrnn.loading import bundled
from pocketrnn.modelfile import fold
from pocketrnn.modelfile.weights import LARGE_OF_SERIES

from .. import backend
from ..loop import Stage, learn
from ..network import round_weights
from ..run import ForecasterRun
from . import figures, windows
from .config import ForecasterTrainConfig
from .corpus import SeriesCorpus, Values
from .parts import Parts
from .synthetic import synthetic

# The bundled forecasters that training goes on from, by their season: long series, of hours and
# weeks, teach more from scratch. Training that goes on takes these shares of the learning rate and
# of the epochs.
_BUNDLED = {12: "monthly", 4: "quarterly"}
_TUNED_RATE, _TUNED_EPOCHS = 0.2, 0.4

# What is learnt in turn, and the end of its files' names, by how many parts are held out: what has
# validated is learnt as well, and then what has tested, as the newest values tell most of the next.
# The later stages take these shares of the learning rate and of the epochs.
_STAGES = {2: ("older values", ""), 1: ("newer values", "-newer"), 0: ("all values", "-all")}
_LATER_RATE, _LATER_EPOCHS = 0.5, 0.3

# Epochs without a lower loss on what validates, after which the first stage ends; not where each
# epoch has new series, of which none can be learnt by heart.
_PATIENCE = 4

# Synthetic series that are drawn for an epoch, and the least seasons that one has; those that are
# held out; the share of the windows that is theirs where training goes on.
_DRAWN, _SEASONS, _HELD_OUT, _MADE = 8000, 15, 2000, 0.3

# Widths of intervals that a fit to held-out values may choose, and values that it needs.
_WIDTHS, _FEW = (0.3, 3.0), 30


@backend.seeding()
def fit(
    config: ForecasterTrainConfig,
    corpus: SeriesCorpus,
    folder: str | os.PathLike[str] = "run",
    *,
    resume: bool = False,
) -> ForecasterRun:
    """Train a forecaster by `config` on `corpus`, and return its finished run.

    The last `horizon` values of each series are the test; those before them validate, and the width
    of the intervals is fitted to them. What has validated is then learnt, and after the test, so is
    what has tested, which the width is then fitted to as well. Of few long series, several horizons
    validate and test. Series too short for that are learnt whole. The same seed on the same machine
    gives the same weights, bit for bit, whether interrupted and resumed or not. Raises ConfigError
    if no series is long enough, RunError if `folder` holds another run, or the loss isn't finite;
    MissingExtraError without `pocketrnn[train]`.
    """
    require("train", "tensorflow", "matplotlib")
    run = ForecasterRun(Path(folder))
    start = _start(config)
    asked = config.forecaster(log=True)
    if corpus.synthetic:
        corpus = _made(asked, config.seed)
    corpus = corpus.usable(asked.least_known)
    parts = Parts.of(corpus.series, asked)
    # Nothing is chosen by what tests.
    before = parts.without(1)
    season_note = SeriesCorpus(before).season_note(asked.season, 2 * asked.context)
    for note in (*corpus.notes, season_note):
        if note:
            print(note)
    positive = all(np.nanmin(values) > 0 for values in before.values())
    settings = config.forecaster(log=positive or corpus.synthetic)
    if start is not None:
        settings = _as_asked(start, asked)
    run.open(config, corpus.facts(settings), resume=resume)
    if (run.folder / "report.json").exists():
        return run
    print(f"training on {len(corpus.series):,} series; TensorFlow starts", flush=True)
    backend.start(config.seed)
    import tensorflow as tf

    from . import network

    horizon, task, batch = settings.horizon, config.task, config.fit.batch_size
    loss = network.Pinball(settings.quantiles)

    def trained(model: Any, held: int) -> Any:
        """Train `model` on all but so many parts of each series."""
        (name, suffix), first = _STAGES[held], held == 2
        learnt = list(parts.without(held).values())

        def batches(epoch: int) -> Any:
            rng = np.random.default_rng([config.seed, held, epoch])
            count = task.steps * batch
            # Beside real series, so that what the start knows isn't lost.
            made = count if corpus.synthetic else 0 if start is None else round(_MADE * count)
            kinds = [(learnt, count - made)] if made < count else []
            if made:
                drawn = synthetic(_DRAWN, _length(asked), asked.season, rng, asked.frequency)
                kinds.append((list(drawn), made))
            found = [
                windows.windows(series, settings, some, rng, short=task.short, holes=task.holes)
                for series, some in kinds
            ]
            order = rng.permutation(count)
            given = tuple(np.concatenate(same)[order] for same in zip(*found, strict=True))
            return tf.data.Dataset.from_tensor_slices(given).batch(batch)

        def measure(model: Any) -> dict[str, float]:
            if not first:
                return {}
            values, targets, weights = held_out
            return {"loss": float(loss(targets, model.predict(values, verbose=0), weights))}

        share = (1 if first else _LATER_EPOCHS) * (1 if start is None else _TUNED_EPOCHS)
        rate = (1 if first else _LATER_RATE) * (1 if start is None else _TUNED_RATE)
        epochs = math.ceil(config.fit.epochs * share)
        stage = Stage(
            name="synthetic series" if corpus.synthetic else name,
            epochs=epochs,
            steps=task.steps,
            learning_rate=config.fit.learning_rate * rate,
            warm_up=config.fit.warm_up,
            batches=batches,
            suffix=suffix,
            patience=_PATIENCE if first and not corpus.synthetic else None,
        )
        model = learn(run, [stage], model, fit=config.fit, loss=loss, metrics=[], measure=measure)
        round_weights(model, settings.network, head=True, least=LARGE_OF_SERIES)
        return model

    _, validating = parts.forecasts(1)
    held_out = windows.last(validating, settings)
    model = network.build(settings)
    if start is not None:
        network.start_from(model, start)
    model = trained(model, 2)
    shares = [_shares(model, held_out, settings)]
    width = _width(shares)
    if not corpus.synthetic:  # of those, there are new ones for each epoch
        model = trained(model, 1)
    names, testing = parts.forecasts(0)
    shares.append(_shares(model, windows.last(testing, settings), settings))
    network.set_width(model, width)
    served = _served(network.whole(model, settings), settings)
    histories = [one[:-horizon] for one in testing]
    futures = [one[-horizon:] for one in testing]
    test, quantiles, each = figures.measured(served, histories, futures)
    test["series"] = len(parts.horizons)
    path = run.folder / "series.png"
    figures.draw(path, histories, futures, quantiles, each, names, served)
    if not corpus.synthetic:
        network.set_width(model, 1)  # or what is learnt would undo the factor
        model = trained(model, 0)
        width = _width(shares)
        network.set_width(model, width)
    whole = network.whole(model, settings)
    run.save_model(whole)
    report = {
        "verdict": figures.verdict(test),
        "test": test,
        "width": width,
        "started_from": _BUNDLED[asked.season] if start is not None else None,
        "notes": list(corpus.notes),
    }
    epochs = [run.history(f"history{suffix}.csv") for _, suffix in _STAGES.values()]
    run.finish(config, whole, report, sum(row["seconds"] for rows in epochs for row in rows))
    return run


def _start(config: ForecasterTrainConfig) -> Forecaster | None:
    """Return the bundled forecaster that training goes on from, if one fits the settings."""
    name = _BUNDLED.get(config.forecaster(log=True).season)
    if config.task.start == "scratch" or name is None or not bundled(name).exists():
        return None
    start = Forecaster.load(bundled(name))
    asked = config.forecaster(log=start.config.log)
    fits = asked == _as_asked(start, asked) and asked.horizon <= start.config.horizon
    return start if fits else None


def _as_asked(start: Forecaster, asked: ForecasterConfig) -> ForecasterConfig:
    """Return the settings of a forecaster that training goes on from, with what may differ."""
    network = replace(start.config.network, weights=asked.network.weights)
    return replace(start.config, frequency=asked.frequency, horizon=asked.horizon, network=network)


def _length(asked: ForecasterConfig) -> int:
    """Return how many values a synthetic series has."""
    return max(_SEASONS * asked.season, asked.context + 3 * asked.horizon)


def _made(asked: ForecasterConfig, seed: int) -> SeriesCorpus:
    """Return the synthetic series that validate and test."""
    rng = np.random.default_rng(seed)
    made = synthetic(_HELD_OUT, _length(asked), asked.season, rng, asked.frequency)
    return SeriesCorpus({str(i): one for i, one in enumerate(made)}, "synthetic", synthetic=True)


def _shares(model: Any, held_out: windows.Batch, settings: ForecasterConfig) -> Values:
    """Return how far each value is from the median, as a share of the interval's half there."""
    values, targets, weights = held_out
    quantiles = model.predict(values, verbose=0)
    ends = [settings.column(0.5 + sign * figures.LEVEL / 200) for sign in (-1, 1)]
    middle = quantiles[:, :, quantiles.shape[2] // 2]
    half = np.where(
        targets > middle, quantiles[:, :, ends[1]] - middle, middle - quantiles[:, :, ends[0]]
    )
    shares: Values = np.abs(targets - middle) / np.maximum(half, 1e-9)
    return shares[weights > 0]


def _width(shares: Sequence[Values]) -> float:
    """Return the factor by which the intervals hold as many values as they should.

    A value is inside if its share is at most 1; the factor makes it so for 80 % of them.
    """
    together = np.concatenate(shares)
    if len(together) < _FEW:
        return 1.0
    return float(np.clip(np.quantile(together, figures.LEVEL / 100), *_WIDTHS))


def _served(model: Any, settings: ForecasterConfig) -> Forecaster:
    """Return the forecaster that a Keras model becomes once it is exported."""
    numbers = fold.to_bytes(model, settings)
    return Forecaster.load(file.to_bytes(settings, numbers, {}))
