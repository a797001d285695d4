"""The Keras network."""

from typing import Any

from .config import TrainConfig


def build(config: TrainConfig, classes: int) -> Any:
    """Build and compile the keras.Model: int32 ids (texts, time) to float32 (texts, columns).

    Two classes: one sigmoid, binary cross-entropy; more: a softmax, sparse cross-entropy. Time
    is left open, so that the exported graph takes any length; with windows, any multiple of
    theirs.
    """
    import keras

    from .layers import SqrtnMax, Windows

    cell = {
        "simple_rnn": keras.layers.SimpleRNN,
        "gru": keras.layers.GRU,
        "lstm": keras.layers.LSTM,
    }[config.cell]
    model = keras.Sequential(name="pocketrnn")
    model.add(keras.Input((None,), dtype="int32", name="ids"))
    model.add(
        keras.layers.Embedding(config.text.num_words, config.embedding, mask_zero=config.mask)
    )
    if config.dropout:
        model.add(keras.layers.SpatialDropout1D(config.dropout))
    pooled = config.pooling == "sqrtn_max"
    for layer in range(config.layers):
        sequences = pooled or layer < config.layers - 1
        recurrent = cell(config.units, return_sequences=sequences)
        if config.bidirectional:
            recurrent = keras.layers.Bidirectional(recurrent)
        model.add(Windows(recurrent, config.window) if config.window else recurrent)
    if pooled:
        model.add(SqrtnMax())
    if config.dropout:
        model.add(keras.layers.Dropout(config.dropout))
    binary = classes == 2
    model.add(
        keras.layers.Dense(1 if binary else classes, activation="sigmoid" if binary else "softmax")
    )
    optimizer = keras.optimizers.get(config.optimizer)
    optimizer.learning_rate = config.learning_rate
    model.compile(
        optimizer=optimizer,
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def restore_dropout(model: Any, built: Any, steps: int) -> None:
    """Set `model`'s dropout layers to where they are `steps` training steps after `built`.

    Keras saves no state of theirs. It is a seed and a count, and a step adds one to the count.
    """
    for layer, fresh in zip(model.layers, built.layers, strict=True):
        if hasattr(layer, "seed_generator"):
            seed, count = fresh.seed_generator.state.numpy()
            layer.seed_generator.state.assign([seed, count + steps])
