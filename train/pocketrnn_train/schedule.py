"""A learning rate that rises and falls, and the metric of soft labels: Keras has neither.

Keras can load the checkpoints that refer to them once this module is imported.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="pocketrnn")
class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A rate that rises to `peak` in `warm_up` steps and falls to 0 at step `steps`, linearly."""

    def __init__(self, peak: float, steps: int, warm_up: int) -> None:
        self.peak = peak
        self.steps = steps
        self.warm_up = warm_up

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        number = ops.cast(step, "float32") + 1
        rising = number / max(self.warm_up, 1)
        falling = (self.steps + 1 - number) / max(self.steps + 1 - self.warm_up, 1)
        return self.peak * ops.clip(ops.minimum(rising, falling), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "warm_up": self.warm_up}


@keras.saving.register_keras_serializable(package="pocketrnn")  # type: ignore[untyped-decorator]
def accuracy(targets: Any, scores: Any) -> Any:
    """Tell for each text whether the scores favour exactly the labels that the targets favour."""
    same = ops.all(ops.equal(targets > 0.5, scores > 0.5), axis=-1)
    return ops.cast(same, scores.dtype)
