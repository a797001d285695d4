"""Two Keras layers of our own. Import this module and Keras can load networks that have them.

Both leave padding out, by the mask that `Embedding(mask_zero=True)` passes on.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="pocketrnn")
class Windows(keras.layers.Wrapper):  # type: ignore[misc]
    """Run a recurrent layer over each window of a text separately, from a fresh state.

    (batch, time, features) becomes (batch * time / window, window, features) for the layer, and
    the states come back as (batch, time, units): time must be a multiple of `window`. All windows
    are computed side by side, so a long text takes `window` steps one after the other, not `time`.
    """

    def __init__(self, layer: Any, window: int, **options: Any) -> None:
        """Wrap `layer`, which must return its sequences."""
        super().__init__(layer, **options)
        self.window = window
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the layer for one window."""
        super().build((input_shape[0], self.window, input_shape[-1]))

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        time, features = ops.shape(inputs)[1], inputs.shape[-1]
        states = self.layer(
            ops.reshape(inputs, (-1, self.window, features)),
            mask=None if mask is None else ops.reshape(mask, (-1, self.window)),
            training=training,
        )
        return ops.reshape(states, (-1, time, states.shape[-1]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}


DIVISOR = 16.0
"""What the sum over all states is divided by in every model file, besides the root."""


@keras.saving.register_keras_serializable(package="pocketrnn")
class SqrtnMax(keras.layers.Layer):  # type: ignore[misc]
    """Pool (batch, time, units) over time to sum / (16 sqrt(steps)), and maximum: (batch, 2 units).

    The mean of a sentence's states is as large as that of a page's, so a network that sees the mean
    is as sure of a sentence as of a page. A sum of independent steps grows with the root of their
    number, so the sum over the root has the same range for all lengths (TensorFlow's combiner
    `sqrtn` for embeddings). The 16 makes it the mean at 256 steps, so that it is about as large as
    the maximum and is learnt as fast. Short texts are learnt faster with a smaller divisor, in
    training alone: the head's weights then make up for it.

    Masked steps don't count (in Keras's own global maximum pooling they do); where all are masked,
    the result is 0.
    """

    def __init__(self, divisor: float = DIVISOR, **options: Any) -> None:
        super().__init__(**options)
        self.divisor = divisor
        self.supports_masking = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "divisor": self.divisor}

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2])
        kept = ops.expand_dims(ops.cast(mask, inputs.dtype), -1)
        steps = ops.sum(kept, axis=1)
        total = ops.sum(inputs * kept, axis=1) / (self.divisor * ops.sqrt(ops.maximum(steps, 1)))
        highest = ops.max(inputs * kept - (1 - kept) * _BELOW_ALL, axis=1)
        return ops.concatenate([total, highest * ops.minimum(steps, 1)], axis=-1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return no mask: the output has no time."""


# More than any state can be below 0, and small enough for float16.
_BELOW_ALL = 1e4
