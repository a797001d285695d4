"""Fit a forecaster: every epoch leaves a run that can be resumed, to the same weights."""

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.config import check
from pocketrnn.extras import require
from pocketrnn.forecast import file
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.forecast.model import Forecaster
from pocketrnn.loading import bundled
from pocketrnn.modelfile import fold

from .. import backend
from ..loop import Stage, learn
from ..run import ForecasterRun
from . import figures, windows
from .config import ForecasterTrainConfig
from .corpus import SeriesCorpus, Values
from .synthetic import synthetic

# The bundled forecasters by their season. Training that goes on from one takes these shares of the
# learning rate and of the epochs.
_BUNDLED = {12: "monthly", 4: "quarterly"}
_TUNED_RATE, _TUNED_EPOCHS = 0.2, 0.6

# Synthetic series that are drawn for an epoch, and seasons that one has; those that are held out.
_DRAWN, _SEASONS, _HELD_OUT = 8000, 15, 2000

# Widths of intervals that a fit to the validation values may choose, and values that it needs.
_WIDTHS, _FEW = (0.3, 3.0), 30


def fit(
    config: ForecasterTrainConfig,
    corpus: SeriesCorpus,
    folder: str | os.PathLike[str] = "run",
    *,
    resume: bool = False,
) -> ForecasterRun:
    """Train a forecaster by `config` on `corpus`, and return its finished run.

    The last `horizon` values of each series are the test; those before them validate, and the width
    of the intervals is fitted to them; all others are learnt. Series too short for that are learnt
    whole. The same seed on the same machine gives the same weights, bit for bit, whether
    interrupted and resumed or not. Raises ConfigError if no series is long enough, RunError if
    `folder` holds another run, or the loss isn't finite; MissingExtraError without
    `pocketrnn[train]`.
    """
    require("train", "tensorflow", "matplotlib")
    run = ForecasterRun(Path(folder))
    start = _start(config)
    season = config.forecaster(log=True).season
    if corpus.synthetic:
        corpus = _made(season, config.seed)
    corpus = corpus.usable(config.forecaster(log=True).least_known)
    for note in (
        *corpus.notes,
        corpus.season_note(season, 2 * config.forecaster(log=True).context),
    ):
        if note:
            print(note)
    positive = all(np.nanmin(values) > 0 for values in corpus.series.values())
    settings = config.forecaster(log=positive or corpus.synthetic)
    if start is not None:
        settings = replace(
            start.config, frequency=config.task.frequency, horizon=config.task.horizon
        )
    learnt, judged = _split(corpus, settings)
    longest = max(map(len, corpus.series.values()))
    check(
        bool(judged),
        f"no series is long enough: two horizons of {settings.horizon} are held out, and more than "
        f"{settings.least_known} known values must stand before them; the longest has {longest:,}. "
        "Ask for a smaller horizon",
    )
    run.open(config, corpus.facts(settings), resume=resume)
    if (run.folder / "report.json").exists():
        return run

    backend.start(config.seed)
    import tensorflow as tf

    from . import network

    horizon, task, batch = settings.horizon, config.task, config.fit.batch_size
    ends = [values[:-horizon] for values in judged.values()]
    held_out = windows.last(ends, settings)

    def batches(epoch: int) -> Any:
        rng = np.random.default_rng([config.seed, epoch])
        kinds = [] if corpus.synthetic else [list(learnt.values())]
        if corpus.synthetic or start is not None:  # so that what the start knows isn't lost
            kinds.append(list(synthetic(_DRAWN, _SEASONS * season, season, rng)))
        count = task.steps * batch // len(kinds)
        parts = [
            windows.windows(series, settings, count, rng, short=task.short, holes=task.holes)
            for series in kinds
        ]
        order = rng.permutation(count * len(kinds))
        drawn = tuple(np.concatenate(same)[order] for same in zip(*parts, strict=True))
        return tf.data.Dataset.from_tensor_slices(drawn).batch(batch)

    loss = network.Pinball(settings.quantiles)

    def measure(model: Any) -> dict[str, float]:
        values, targets, weights = held_out
        return {"loss": float(loss(targets, model.predict(values, verbose=0), weights))}

    model = network.build(settings)
    if start is not None:
        network.start_from(model, start)
    share, rate = (_TUNED_EPOCHS, _TUNED_RATE) if start is not None else (1.0, 1.0)
    epochs = math.ceil(config.fit.epochs * share)
    stage = Stage(
        name="windows of all series" if start is None else "from the bundled forecaster",
        epochs=epochs,
        steps=task.steps,
        learning_rate=config.fit.learning_rate * rate,
        warm_up=config.fit.warm_up,
        batches=batches,
        patience=epochs,  # so the best epoch is kept
    )
    model = learn(run, [stage], model, fit=config.fit, loss=loss, metrics=[], measure=measure)
    width = _width(model, held_out, settings)
    model.get_layer("quantiles").set_weights([np.array([width], np.float32)])
    whole = network.whole(model, settings)
    run.save_model(whole)
    served = _served(whole, settings)
    found, _, _ = figures.measured(
        served, [one[:-horizon] for one in ends], [one[-horizon:] for one in ends]
    )
    test, quantiles, each = figures.measured(
        served, ends, [one[-horizon:] for one in judged.values()]
    )
    figures.draw(
        run.folder / "series.png",
        ends,
        [one[-horizon:] for one in judged.values()],
        quantiles,
        each,
        list(judged),
        served,
    )
    report = {
        "verdict": figures.verdict(test),
        "test": test,
        "validation": found,
        "width": width,
        "started_from": _BUNDLED[season] if start is not None else None,
        "notes": list(corpus.notes),
    }
    run.finish(config, whole, report, sum(row["seconds"] for row in run.history()))
    return run


def _start(config: ForecasterTrainConfig) -> Forecaster | None:
    """Return the bundled forecaster that training goes on from, if one fits the settings."""
    name = _BUNDLED.get(config.forecaster(log=True).season)
    if config.task.start == "scratch" or name is None or not bundled(name).exists():
        return None
    start = Forecaster.load(bundled(name))
    asked = config.forecaster(log=start.config.log)
    ours = replace(start.config, frequency=asked.frequency, horizon=asked.horizon)
    return start if asked == ours and asked.horizon <= start.config.horizon else None


def _made(season: int, seed: int) -> SeriesCorpus:
    """Return the synthetic series that validate and test."""
    made = synthetic(_HELD_OUT, _SEASONS * season, season, np.random.default_rng(seed))
    return SeriesCorpus({str(i): one for i, one in enumerate(made)}, "synthetic", synthetic=True)


def _split(
    corpus: SeriesCorpus, settings: ForecasterConfig
) -> tuple[dict[str, Values], dict[str, Values]]:
    """Return what is learnt of each series, and the series that are judged, whole."""
    horizon, least = settings.horizon, settings.least_known
    learnt, judged = {}, {}
    for key, values in corpus.series.items():
        head, parts = (
            values[: -2 * horizon],
            values[-2 * horizon :].reshape(2, -1) if len(values) >= 2 * horizon else None,
        )
        if (
            parts is not None
            and np.isfinite(head[-settings.context :]).sum() > least
            and np.isfinite(parts).any(axis=1).all()
        ):
            learnt[key], judged[key] = head, values
        else:
            learnt[key] = values
    return learnt, judged


def _width(model: Any, held_out: windows.Batch, settings: ForecasterConfig) -> float:
    """Return the factor by which the intervals hold as many values as they should.

    How far a value is from the median, as a share of the interval's half on that side, is at most 1
    for those inside; the factor makes it so for 80 % of them.
    """
    values, targets, weights = held_out
    quantiles = model.predict(values, verbose=0)
    ends = [settings.column(0.5 + sign * figures.LEVEL / 200) for sign in (-1, 1)]
    middle = quantiles[:, :, quantiles.shape[2] // 2]
    half = np.where(
        targets > middle, quantiles[:, :, ends[1]] - middle, middle - quantiles[:, :, ends[0]]
    )
    shares = (np.abs(targets - middle) / np.maximum(half, 1e-9))[weights > 0]
    if len(shares) < _FEW:
        return 1.0
    return float(np.clip(np.quantile(shares, figures.LEVEL / 100), *_WIDTHS))


def _served(model: Any, settings: ForecasterConfig) -> Forecaster:
    """Return the forecaster that a Keras model becomes once it is exported."""
    numbers = fold.to_bytes(model, settings)
    return Forecaster.load(file.to_bytes(settings, numbers, {}))
