"""The forecaster's network in Keras, as `pocketrnn.modelfile.series` has it in ONNX."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.forecast.model import Forecaster
from pocketrnn.modelfile.graph import layers
from pocketrnn.modelfile.series import LEAST_LOG_SCALE, LEAST_SCALE, LEAST_SHARE, MOST_LOG, TINY

from ..network import CELLS, recurrent_weights

# Steps of a loop that is unrolled.
_SHORT = 40


@keras.saving.register_keras_serializable(package="pocketrnn")
class Scaled(keras.layers.Layer):  # type: ignore[misc]
    """Values (batch, context) as scaled values, whether each is known, and what scales back."""

    def __init__(self, season: int, log: bool, **options: Any) -> None:
        super().__init__(**options)
        self.season, self.log = season, log

    def call(self, given: Any) -> tuple[Any, ...]:
        season = self.season
        unknown = ops.isnan(given)
        known = ops.logical_not(unknown)
        counted = ops.cast(known, "float32")
        # tf2onnx multiplies by the condition, so nothing else may be infinite or no number.
        values = ops.where(unknown, 0.0, given)
        recent, count = _total(counted[:, -season:]), _total(counted)
        last = _mean(_total(values[:, -season:]), recent)
        centre = ops.where(recent > 0, last, _mean(_total(values), count))
        centred = values - centre
        largest = ops.max(ops.abs(values), axis=1, keepdims=True)
        least = largest * LEAST_SCALE + TINY
        positive = ops.min(ops.where(known, values, 1.0), axis=1, keepdims=True) > 0
        if self.log:
            ratio = ops.where(known, values, 1.0) / ops.where(positive, centre, 1.0)
            ratio = ops.where(ops.logical_and(positive, known), ratio, 1.0)
            logs = ops.log(ops.clip(ratio, TINY, 1 / TINY))
            centred = ops.where(positive, logs, centred)
            least = ops.where(positive, LEAST_LOG_SCALE, least)
        centred = ops.where(known, centred, 0.0)
        pairs = counted[:, season:] * counted[:, :-season]
        change = ops.abs(centred[:, season:] - centred[:, :-season]) * pairs
        spread = _mean(_total(ops.abs(centred)), count)
        compared = _total(pairs)
        change = ops.where(compared > 0, _mean(_total(change), compared), spread)
        scale = ops.maximum(change, ops.maximum(spread * LEAST_SHARE, least))
        scaled = centred / scale
        before = ops.pad(scaled[:, :-season], [[0, 0], [season, 0]])
        return ops.where(known, scaled, before), counted, centre, scale, positive

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "season": self.season, "log": self.log}


@keras.saving.register_keras_serializable(package="pocketrnn")
class Quantiles(keras.layers.Layer):  # type: ignore[misc]
    """What the head says, and two forecasts, as quantiles: (batch, horizon, quantiles)."""

    def build(self, *shapes: Any) -> None:
        # Fitted to what was held out.
        self.width = self.add_weight(name="width", shape=(1,), initializer="ones", trainable=False)

    def call(self, said: Any, path: Any, naive: Any) -> Any:
        half = said.shape[-1] // 2 - 1
        path = ops.expand_dims(path, 2) * ops.sigmoid(said[:, :, -1:])
        middle = ops.expand_dims(naive, 2) + path + said[:, :, half : half + 1]
        down = ops.exp(said[:, :, :half]) * self.width
        up = ops.exp(said[:, :, half + 1 : -1]) * self.width
        down = middle - ops.flip(ops.cumsum(ops.flip(down, axis=2), axis=2), axis=2)
        return ops.concatenate([down, middle, middle + ops.cumsum(up, axis=2)], axis=2)


@keras.saving.register_keras_serializable(package="pocketrnn")
class ScaledBack(keras.layers.Layer):  # type: ignore[misc]
    """Scaled quantiles in the units of the series."""

    def __init__(self, log: bool, **options: Any) -> None:
        super().__init__(**options)
        self.log = log

    def call(self, quantiles: Any, centre: Any, scale: Any, positive: Any) -> Any:
        scale, centre = ops.expand_dims(scale, 2), ops.expand_dims(centre, 2)
        quantiles = quantiles * scale
        if not self.log:
            return quantiles + centre
        grown = centre * ops.exp(ops.clip(quantiles, -MOST_LOG, MOST_LOG))
        return ops.where(ops.expand_dims(positive, 2), grown, quantiles + centre)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "log": self.log}


@keras.saving.register_keras_serializable(package="pocketrnn")
class Pinball(keras.losses.Loss):  # type: ignore[misc]
    """The mean pinball loss, in which the median counts as much as all other quantiles.

    Targets are (batch, horizon), forecasts (batch, horizon, quantiles).
    """

    def __init__(self, quantiles: Sequence[float], **options: Any) -> None:
        super().__init__(**options)
        self.quantiles = tuple(quantiles)

    def call(self, targets: Any, forecasts: Any) -> Any:
        shares = np.array(self.quantiles, np.float32)
        weights = np.ones_like(shares)
        weights[len(shares) // 2] = len(shares) - 1
        error = ops.expand_dims(targets, 2) - forecasts
        losses = weights * ops.maximum(shares * error, (shares - 1) * error)
        return ops.sum(losses, axis=2) / (len(shares) - 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "quantiles": self.quantiles}


def build(config: ForecasterConfig) -> Any:
    """Build the keras.Model from values (series, context) to scaled quantiles: what is trained.

    Untrained, its median is the seasonal naive forecast.
    """
    network, horizon = config.network, config.horizon
    values = keras.Input((config.context,), name="values")
    scaled, counted, *_ = Scaled(config.season, config.log, name="scaled")(values)
    segments = [
        keras.layers.Reshape((-1, config.segment))(each) for each in (ops.arcsinh(scaled), counted)
    ]
    states = keras.layers.Concatenate()(segments)
    states = keras.layers.Dense(network.embedding, activation="relu", name="embedding")(states)
    for i in range(network.layers):
        cell = getattr(keras.layers, CELLS[network.cell])(
            network.units,
            activation=network.activation,
            return_sequences=i < network.layers - 1,
            # A short loop trains twice as fast.
            unroll=config.context // config.segment <= _SHORT,
            name=f"layer{i}",
        )
        states = cell(states)
    small = keras.initializers.RandomNormal(stddev=0.01)
    columns = horizon * (len(config.quantiles) + 1)
    said = keras.layers.Dense(columns, kernel_initializer=small, name="head")(states)
    said = keras.layers.Reshape((horizon, -1))(said)
    path = keras.layers.Dense(horizon, "linear", False, "zeros", name="path")(scaled)
    naive = ops.take(scaled, config.shape.naive, axis=1)
    return keras.Model(values, Quantiles(name="quantiles")(said, path, naive), name="pocketrnn")


def whole(model: Any, config: ForecasterConfig) -> Any:
    """Return the keras.Model of the same layers from values to quantiles in the series' units."""
    _, _, *back = model.get_layer("scaled").output
    quantiles = ScaledBack(config.log)(model.output, *back)
    return keras.Model(model.input, quantiles, name="pocketrnn")


def set_width(model: Any, width: float) -> None:
    """Set the factor by which all intervals are as wide as what the head says."""
    model.get_layer("quantiles").set_weights([np.array([width], np.float32)])


def _total(values: Any) -> Any:
    return ops.sum(values, axis=1, keepdims=True)


def _mean(total: Any, count: Any) -> Any:
    return total / ops.maximum(count, 1.0)


def start_from(model: Any, served: Forecaster) -> None:
    """Give a model, which may look less far ahead, the weights of a forecaster of its kind."""
    weights, config = served.weights, served.config
    horizon = model.output_shape[1]
    head = weights["head.kernel"].reshape(config.network.units, config.horizon, -1)
    bias = weights["head.bias"].reshape(config.horizon, -1)
    model.get_layer("head").set_weights(
        [head[:, :horizon].reshape(len(head), -1), bias[:horizon].ravel()]
    )
    model.get_layer("path").set_weights([weights["path.kernel"][:, :horizon]])
    model.get_layer("embedding").set_weights([weights["embedding"], weights["embedding.bias"]])
    for i, (layer,) in enumerate(layers(config.network)):
        own = recurrent_weights(weights.__getitem__, layer.name, config.network)
        model.get_layer(f"layer{i}").set_weights(own)
