"""The Keras network."""

from typing import Any

from .config import TrainConfig


def build(config: TrainConfig, classes: int) -> Any:
    """Build and compile the keras.Model: int32 ids (texts, time) to float32 (texts, columns).

    Two classes: one sigmoid, binary cross-entropy; more: a softmax, sparse cross-entropy. Time
    is left open, so that the exported graph takes any length.
    """
    import keras

    cell = {
        "simple_rnn": keras.layers.SimpleRNN,
        "gru": keras.layers.GRU,
        "lstm": keras.layers.LSTM,
    }[config.cell]
    model = keras.Sequential(name="pocketrnn")
    model.add(keras.Input((None,), dtype="int32", name="ids"))
    model.add(keras.layers.Embedding(config.text.num_words, config.embedding))
    if config.dropout:
        model.add(keras.layers.SpatialDropout1D(config.dropout))
    for layer in range(config.layers):
        recurrent = cell(config.units, return_sequences=layer < config.layers - 1)
        model.add(keras.layers.Bidirectional(recurrent) if config.bidirectional else recurrent)
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
