"""The two Keras layers of our own; importing this module lets Keras load networks with them.

Both leave padding out: the mask comes from `Embedding(mask_zero=True)`, by Keras's usual way.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="pocketrnn")
class Windows(keras.layers.Wrapper):  # type: ignore[misc]
    """Run a recurrent layer over each `window` steps on their own, from a fresh state.

    (batch, time, features) becomes (batch * time / window, window, features) for the layer, and
    the states come back as (batch, time, units): time must be a multiple of `window`. Windows
    are rows of a batch, so a long text costs `window` steps one after the other, not `time`.
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
        """Return the states of every step."""
        time, features = ops.shape(inputs)[1], inputs.shape[-1]
        states = self.layer(
            ops.reshape(inputs, (-1, self.window, features)),
            mask=None if mask is None else ops.reshape(mask, (-1, self.window)),
            training=training,
        )
        return ops.reshape(states, (-1, time, states.shape[-1]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, time, units)."""
        window = (None, self.window, input_shape[-1])
        return (*input_shape[:2], self.layer.compute_output_shape(window)[-1])

    def get_config(self) -> dict[str, Any]:
        """Return what Keras saves."""
        return {**super().get_config(), "window": self.window}


@keras.saving.register_keras_serializable(package="pocketrnn")
class SqrtnMax(keras.layers.Layer):  # type: ignore[misc]
    """Pool (batch, time, units) over time to sum / (16 sqrt(steps)), and maximum: (batch, 2 units).

    A mean would make a text's evidence the same however long the text is, but of a sentence one
    is less sure than of a page. Evidence adds up like steps of a random walk, so it is the sum over
    the square root that is of one range for all lengths (`sqrtn` among TensorFlow's combiners of
    embeddings). At 256 steps it is the mean, so that it learns at the maximum's pace.

    Masked steps don't count (Keras's own global maximum pooling counts them); where all are
    masked, the result is 0.
    """

    def __init__(self, **options: Any) -> None:
        """Make the layer; it has no weights."""
        super().__init__(**options)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return both side by side."""
        if mask is None:
            steps = ops.cast(ops.shape(inputs)[1], inputs.dtype)
            return ops.concatenate(
                [ops.sum(inputs, axis=1) / _root(steps), ops.max(inputs, axis=1)], axis=-1
            )
        kept = ops.expand_dims(ops.cast(mask, inputs.dtype), -1)
        steps = ops.sum(kept, axis=1)
        total = ops.sum(inputs * kept, axis=1) / _root(ops.maximum(steps, 1))
        highest = ops.max(inputs * kept - (1 - kept) * _BELOW_ALL, axis=1)
        return ops.concatenate([total, highest * ops.minimum(steps, 1)], axis=-1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return no mask: time is gone."""

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, 2 * units)."""
        return (input_shape[0], 2 * (input_shape[-1] or 0))


def _root(steps: Any) -> Any:
    return 16 * ops.sqrt(steps)


# Under any state a network can have, and small enough for float16.
_BELOW_ALL = 1e4
