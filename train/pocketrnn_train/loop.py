"""The one loop of training: stages of epochs, each of which leaves a run that can be resumed.

It knows neither the task nor its data: a stage brings batches, the caller measures.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .config import FitConfig
from .run import RunError, RunFolder

Measure = Callable[[Any], Mapping[str, float]]
"""Returns the loss and the metrics of a model on what was held out, by name."""

# Rows are drawn at random this many batches at a time and sorted by length within: enough that
# hardly any padding is left, while a batch is still a random choice of rows.
_SORTED_TOGETHER = 50

_OPTIMIZERS = {"rmsprop": "RMSprop", "adam": "Adam", "sgd": "SGD"}


@dataclass(frozen=True)
class Stage:
    """What is learnt in some epochs, and at which rate."""

    name: str
    epochs: int
    steps: int
    """Training steps of an epoch."""
    learning_rate: float
    warm_up: float | None
    batches: Callable[[int], Any]
    """The tf.data.Dataset of an epoch, counted from 0: always the same for the same epoch."""
    suffix: str = ""
    """Part of the names of the stage's files; none for the last stage."""
    patience: int | None = None
    """Epochs without a lower loss on what is held out, after which the stage ends with the model
    of the lowest one; None: it learns all its epochs, and ends with the last one's."""

    @property
    def checkpoint(self) -> str:
        """The file with model and optimizer after the last whole epoch."""
        return f"checkpoint{self.suffix}.keras"

    @property
    def best(self) -> str:
        """The file with the model of the lowest loss on what is held out."""
        return f"checkpoint{self.suffix}-best.keras"

    @property
    def history(self) -> str:
        """The file with a line for each epoch."""
        return f"history{self.suffix}.csv"


def learn(
    run: RunFolder,
    stages: Sequence[Stage],
    model: Any,
    *,
    fit: FitConfig,
    loss: Any,
    metrics: Sequence[Any],
    measure: Measure,
) -> Any:
    """Train `model` through all stages, from where `run` stands, and return the trained model.

    `model` is the network as built, from the run's seed. RunError if the loss isn't finite.
    """
    begun = [i for i, stage in enumerate(stages) if (run.folder / stage.checkpoint).exists()]
    first = max(begun, default=0)
    built, before = model, sum(stage.epochs * stage.steps for stage in stages[:first])
    if begun:
        model = run.model(stages[first].checkpoint, optimizer=True)
        _restore_dropout(model, built, before + int(model.optimizer.iterations))
    for stage in stages[first:]:
        if not (run.folder / stage.checkpoint).exists():
            for metric in metrics:  # Keras goes on with what the stage before left in them
                metric.reset_state()
            model.compile(_optimizer(fit, stage), loss, metrics=list(metrics))
            # Else the first step makes its variables, and TensorFlow traces the step again.
            model.optimizer.build(model.trainable_variables)
        # The optimizer counts its steps, so a checkpoint knows its epoch. The history is written
        # before the checkpoint and may be one epoch ahead.
        done = int(model.optimizer.iterations) // stage.steps
        history = run.history(stage.history)[:done]
        with _progress(stage, done) as bar, _signals_held() as let_through:
            for epoch in range(done, stage.epochs):
                if stage.patience is not None and epoch - _best(history) >= stage.patience:
                    break
                history.append(_epoch(run, stage, model, epoch, measure, bar, let_through))
                run.write_history(history, stage.history)
                if stage.patience is not None and _best(history) == epoch + 1:
                    run.save_model(model, stage.best)
                run.save_model(model, stage.checkpoint)
                let_through()
                _foretell(stage, history, done)
        _tell(stage, history)
    # Without the optimizer's state, which is half of the file.
    return run.model(stages[-1].checkpoint if stages[-1].patience is None else stages[-1].best)


def alike(lengths: NDArray[np.int64], size: int, random: np.random.Generator) -> list[Any]:
    """Return the row numbers of each batch of an epoch, of about one length, in random order."""
    order, batches = random.permutation(len(lengths)), []
    for start in range(0, len(order), size * _SORTED_TOGETHER):
        pool = order[start : start + size * _SORTED_TOGETHER]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    return [batches[i] for i in random.permutation(len(batches))]


def _best(history: Sequence[Mapping[str, float]]) -> int:
    """Return the epoch, from 1, of the lowest loss on what is held out; 0 before the first."""
    losses = [row["val_loss"] for row in history]
    return 1 + losses.index(min(losses)) if losses else 0


def _progress(stage: Stage, done: int) -> Any:
    """Return a bar of the stage's steps, for people: in a file it would be thousands of lines."""
    from tqdm import tqdm

    return tqdm(
        desc=f"  {stage.name}",
        total=stage.epochs * stage.steps,
        initial=done * stage.steps,
        unit=" steps",
        leave=False,
        disable=not sys.stderr.isatty(),
    )


def _foretell(stage: Stage, history: Sequence[Mapping[str, float]], done: int) -> None:
    """Say once how long a stage will take, if that is more than some seconds.

    The first epoch also holds TensorFlow's start, so it tells only if it is much longer than that.
    """
    telling = 1 if history[done]["seconds"] > 30 else 2
    left = (stage.epochs - len(history)) * history[-1]["seconds"]
    if len(history) == done + telling and left > 10:
        print(f"  {stage.name}: {about(left)} more", flush=True)


def about(seconds: float) -> str:
    """Return a time as people say it."""
    return f"about {seconds:.0f} s" if seconds < 60 else f"about {seconds / 60:.0f} min"


def _tell(stage: Stage, history: Sequence[Mapping[str, float]]) -> None:
    """Say how a stage ended."""
    if history:
        seconds = sum(row["seconds"] for row in history)
        figures = [f"{k} {v:.4f}" for k, v in history[-1].items() if k not in ("epoch", "seconds")]
        steps = len(history) * stage.steps
        print(f"  {stage.name}: {steps:,} steps, {seconds:.0f} s; {', '.join(figures)}", flush=True)


@contextmanager
def _signals_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C and the like back, and give the function that lets them through.

    An exception that is raised amid the work of TensorFlow or Keras may be lost there, or come out
    as another one. A second signal isn't held back.
    """
    handlers: dict[int, Callable[[int, Any], Any]] = {}
    waiting: list[int] = []

    def hold(number: int, frame: Any) -> None:
        if waiting:
            handlers[number](number, frame)
        waiting.append(number)

    def let_through() -> None:
        if waiting:
            held = waiting.pop()
            handlers[held](held, None)

    if threading.current_thread() is threading.main_thread():  # it alone gets signals
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(handler := signal.getsignal(number)):
                handlers[number] = handler
                signal.signal(number, hold)
    try:
        yield let_through
    finally:
        for held, handler in handlers.items():
            signal.signal(held, handler)
    let_through()


def _epoch(
    run: RunFolder,
    stage: Stage,
    model: Any,
    epoch: int,
    measure: Measure,
    bar: Any,
    let_through: Callable[[], None],
) -> dict[str, float]:
    """Train one epoch, and return its line of the history."""
    import keras
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False  # the end of an epoch may wait for its thread for ever

    def step_done(batch: int, logs: Any) -> None:
        bar.update()
        let_through()

    step = keras.callbacks.LambdaCallback(on_train_batch_end=step_done)
    started = time.perf_counter()
    for layer in model.layers:
        if getattr(layer, "stateful", False):  # each epoch starts from nothing
            layer.reset_state()
    batches = stage.batches(epoch).with_options(options)
    fitted = model.fit(batches, shuffle=False, verbose=0, callbacks=[step]).history
    figures = {name: values[0] for name, values in fitted.items()}
    if not np.isfinite(figures["loss"]):
        raise RunError(f"{run.folder}: the loss isn't finite; try a lower learning_rate=...")
    held_out = measure(model)
    figures |= {f"val_{name}": held_out[name] for name in tuple(figures) if held_out}
    return {"epoch": epoch + 1, **figures, "seconds": time.perf_counter() - started}


def _optimizer(fit: FitConfig, stage: Stage) -> Any:
    import keras

    from .schedule import WarmUpAndDecay

    rate: Any = stage.learning_rate
    if stage.warm_up is not None:
        steps = stage.epochs * stage.steps
        rate = WarmUpAndDecay(rate, steps, round(stage.warm_up * steps))
    optimizer = getattr(keras.optimizers, _OPTIMIZERS[fit.optimizer])
    return optimizer(rate, global_clipnorm=fit.clip)


def _restore_dropout(model: Any, built: Any, steps: int) -> None:
    """Set the dropout layers of `model` to where those of `built` are after `steps` steps.

    Keras doesn't save their state. It is a seed and a count, to which each step adds one.
    """
    for layer, fresh in zip(model.layers, built.layers, strict=True):
        if hasattr(layer, "seed_generator"):
            seed, count = fresh.seed_generator.state.numpy()
            layer.seed_generator.state.assign([seed, count + steps])
