"""The peers: for each, how it is prepared once, and how it turns raw texts into scores.

Every peer gets the same texts and returns the probability of the second label. What it needs it
imports in `load`, so that a process pays for its own peer alone, and everything from a fresh
process to the first score counts.
"""

import json
import os
import pickle
import random
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pocketrnn_train import Examples, Run

    # (texts, how many to take at a time) -> the second label's probability, float, (texts,)
    Score = Callable[[Sequence[str], int], NDArray[np.floating[Any]]]
    Encode = Callable[[Sequence[str]], NDArray[np.int32]]


class Peer:
    """Something a user could pick."""

    name: str
    modules: tuple[str, ...]
    """What must be importable; without it the peer is left out."""
    packages: tuple[str, ...]
    """What a user installs: the environment is these and all they depend on."""
    files: tuple[str, ...]
    """What is deployed beside the code, in the work folder."""
    batches: tuple[int, ...] = (1,)
    """How many texts at a time: in bulk each is tried, and the best counts."""
    most: int | None = None
    """The most reviews to measure with, where a peer is so slow that fewer tell as much."""

    def prepare(self, work: Path, run: "Run", train: "Examples") -> None:
        """Write what is missing of `files`."""

    def load(self, work: Path) -> "Score":
        """Return the function that scores texts."""
        raise NotImplementedError

    def available(self) -> bool:
        """Tell whether the peer is installed."""
        return all(find_spec(module) is not None for module in self.modules)

    def model_bytes(self, work: Path) -> int:
        """Return the size of what is deployed beside the code."""
        return sum((work / file).stat().st_size for file in self.files)


class PocketRNN(Peer):
    """The library, as `pip install pocketrnn` gives it."""

    name = "pocketrnn"
    modules = ("pocketrnn",)
    packages = ("pocketrnn",)
    files = ("pocketrnn.onnx",)

    def prepare(self, work: Path, run: "Run", train: "Examples") -> None:
        """Export with the default weights."""
        if not (work / "pocketrnn.onnx").exists():
            from pocketrnn_export import export

            export(run, work / "pocketrnn.onnx")

    def load(self, work: Path) -> "Score":
        """Batches are the library's own affair."""
        import pocketrnn

        model = pocketrnn.load(work / "pocketrnn.onnx")
        return lambda texts, batch: model.scores(texts)[:, 1]


def batched(encode: "Encode", run: "Callable[[NDArray[np.int32]], Any]") -> "Score":
    """Return the function that encodes all texts, and runs the network a batch at a time."""
    import numpy as np

    def score(texts: Sequence[str], batch: int) -> "NDArray[np.float32]":
        ids = encode(texts)
        return np.concatenate([run(ids[i : i + batch]) for i in range(0, len(ids), batch)])[:, 0]

    return score


# -- Keras -------------------------------------------------------------------------------------


_UNKNOWN = "<unknown>"  # no word of a text: `<` is filtered out


def keras_encoder(work: Path) -> "Encode":
    """Return Keras's own tokenizer and `pad_sequences`, with the ids of the run."""
    import keras
    import tensorflow as tf

    text = json.loads((work / "text.json").read_text("utf-8"))
    words = json.loads((work / "vocabulary.json").read_text("utf-8"))
    tokenizer = tf.keras.preprocessing.text.Tokenizer(
        num_words=text["num_words"],
        filters=text["filters"],
        lower=text["lower"],
        split=text["split"],
        oov_token=_UNKNOWN,
    )
    first = text["index_from"] + 1
    tokenizer.word_index = {word: first + i for i, word in enumerate(words)}
    tokenizer.word_index[_UNKNOWN] = text["oov_id"]
    start = [] if text["start_id"] is None else [text["start_id"]]

    def encode(texts: Sequence[str]) -> "NDArray[np.int32]":
        rows = [start + row for row in tokenizer.texts_to_sequences(texts)]
        padded: NDArray[np.int32] = keras.utils.pad_sequences(
            rows,
            text["maxlen"],
            padding=text["padding"],
            truncating=text["truncating"],
            value=text["pad_id"],
        )
        return padded

    return encode


def keras_model(work: Path) -> Any:
    """Return the trained network."""
    import keras

    import pocketrnn_train.layers  # noqa: F401 (Keras learns of the project's layers)

    return keras.models.load_model(work / "model.keras", compile=False)


class KerasPredict(Peer):
    """`model.predict`, which is what Keras's guides show."""

    modules = ("tensorflow", "keras")
    packages = ("tensorflow",)
    files = ("model.keras", "vocabulary.json")

    def __init__(self, name: str, batches: tuple[int, ...], most: int | None = None) -> None:
        self.name, self.batches, self.most = name, batches, most

    def load(self, work: Path) -> "Score":
        """Keras sees to the batches."""
        encode, model = keras_encoder(work), keras_model(work)
        return lambda texts, batch: model.predict(encode(texts), batch_size=batch, verbose=0)[:, 0]


class KerasCompiled(Peer):
    """The network as a `tf.function` for any number of texts: the fastest way within Keras."""

    name = "Keras, compiled `tf.function`"
    modules = ("tensorflow", "keras")
    packages = ("tensorflow",)
    files = ("model.keras", "vocabulary.json")
    batches = (256, 1024)

    def load(self, work: Path) -> "Score":
        """Trace once."""
        import tensorflow as tf

        model = keras_model(work)
        signature = [tf.TensorSpec((None, None), tf.int32)]
        compiled = tf.function(lambda ids: model(ids, training=False), input_signature=signature)
        return batched(keras_encoder(work), lambda ids: compiled(ids).numpy())


# -- the same network by other runtimes --------------------------------------------------------


class PlainGraph(Peer):
    """The graph as tf2onnx makes it, in onnxruntime on one thread."""

    files = ("plain.onnx", "vocabulary.json")
    batches = (64, 256, 1024)

    def __init__(self, *, keras_tokenizer: bool) -> None:
        self._keras_tokenizer = keras_tokenizer
        whose = "Keras's tokenizer" if keras_tokenizer else "pocketrnn's plain tokenizer"
        self.name = f"tf2onnx's graph, {whose}"
        extra = ("tensorflow",) if keras_tokenizer else ()
        self.modules = ("onnxruntime", "tf2onnx", *extra)
        self.packages = ("onnxruntime", *extra)

    def prepare(self, work: Path, run: "Run", train: "Examples") -> None:
        """Convert, and rewrite nothing."""
        if not (work / "plain.onnx").exists():
            from pocketrnn_export import convert

            plain = convert.convert(run.model())
            (work / "plain.onnx").write_bytes(plain.SerializeToString())

    def load(self, work: Path) -> "Score":
        """Pad every text to the full length, as the network was trained."""
        encode = keras_encoder(work) if self._keras_tokenizer else plain_encoder(work)
        session = plain_session(work)
        return batched(encode, lambda ids: session.run(None, {"ids": ids})[0])


def plain_session(work: Path) -> Any:
    """Return onnxruntime's session of the graph as tf2onnx makes it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        work / "plain.onnx", options, providers=["CPUExecutionProvider"]
    )


def plain_encoder(work: Path) -> "Encode":
    """Return the readable tokenizer of this project: Keras's, without Keras's weight."""
    from pocketrnn import TextConfig, Tokenizer

    config = TextConfig.from_dict(json.loads((work / "text.json").read_text("utf-8")))
    words = json.loads((work / "vocabulary.json").read_text("utf-8"))
    return Tokenizer(config, words).encode


class LiteRT(Peer):
    """TensorFlow Lite, one text at a time: its loops take no open batch."""

    name = "LiteRT, pocketrnn's plain tokenizer"
    files = ("model.tflite", "vocabulary.json")

    def __init__(self) -> None:
        self._own = find_spec("ai_edge_litert") is not None
        self.modules = ("tensorflow",)
        self.packages = ("ai-edge-litert",) if self._own else ("tensorflow",)

    def prepare(self, work: Path, run: "Run", train: "Examples") -> None:
        """Freeze variables into constants, for one text of full length; else conversion fails."""
        if (work / "model.tflite").exists():
            return
        import tensorflow as tf
        from tensorflow.python.framework import convert_to_constants

        model = run.model()
        signature = [tf.TensorSpec((1, run.config.task.text.maxlen), tf.int32)]
        function = tf.function(lambda ids: model(ids, training=False), input_signature=signature)
        frozen = convert_to_constants.convert_variables_to_constants_v2(
            function.get_concrete_function()
        )
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        (work / "model.tflite").write_bytes(converter.convert())

    def load(self, work: Path) -> "Score":
        """Use the small package, if it is installed, instead of TensorFlow."""
        import numpy as np

        if self._own:
            from ai_edge_litert.interpreter import Interpreter
        else:
            from tensorflow.lite import Interpreter
        encode = plain_encoder(work)
        interpreter = Interpreter(str(work / "model.tflite"), num_threads=1)
        interpreter.allocate_tensors()
        ids, scores = (
            details()[0]["index"]
            for details in (interpreter.get_input_details, interpreter.get_output_details)
        )

        def score(texts: Sequence[str], batch: int) -> "NDArray[np.float32]":
            found = np.empty(len(texts), np.float32)
            for i, text in enumerate(texts):
                interpreter.set_tensor(ids, encode([text]))
                interpreter.invoke()
                found[i] = interpreter.get_tensor(scores)[0, 0]
            return found

        return score


# -- other kinds of models ---------------------------------------------------------------------


class Linear(Peer):
    """scikit-learn: TF-IDF and logistic regression, trained on the same reviews."""

    modules = ("sklearn",)
    packages = ("scikit-learn",)
    batches = (2**30,)

    def __init__(self, words: int) -> None:
        self._words = words
        named = "words" if words == 1 else "words and pairs of them"
        self.name = f"TF-IDF ({named}) + logistic regression"
        self.files = (f"linear{words}.pickle",)

    def prepare(self, work: Path, run: "Run", train: "Examples") -> None:
        """Fit with the settings that the literature on these reviews favours."""
        path = work / self.files[0]
        if path.exists():
            return
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        least = 2 if len(train) > 1000 else 1  # what stands in one review alone teaches nothing
        vectorizer = TfidfVectorizer(ngram_range=(1, self._words), min_df=least, sublinear_tf=True)
        pipeline = make_pipeline(vectorizer, LogisticRegression(C=3.0 * self._words, max_iter=300))
        path.write_bytes(pickle.dumps(pipeline.fit(train.texts, train.labels)))

    def load(self, work: Path) -> "Score":
        """Unpickle, which is how scikit-learn's models are deployed."""
        pipeline = pickle.loads((work / self.files[0]).read_bytes())
        return lambda texts, batch: pipeline.predict_proba(texts)[:, 1]


class FastText(Peer):
    """fastText with pairs of words and 10 dimensions, as its authors classified reviews."""

    name = "fastText"
    modules = ("fasttext",)
    files = ("fasttext.bin",)
    batches = (2**30,)

    @property
    def packages(self) -> tuple[str, ...]:  # type: ignore[override]
        """Several packages carry this module; the one installed counts."""
        from importlib.metadata import packages_distributions  # slow, and no peer's own work

        return tuple(packages_distributions().get("fasttext", ()))

    def prepare(self, work: Path, run: "Run", train: "Examples") -> None:
        """Train on the same reviews."""
        if (work / "fasttext.bin").exists():
            return
        import fasttext

        path = work / "fasttext.txt"
        lines = [
            f"__label__{label} {_fasttext_line(text)}\n"
            for label, text in zip(train.labels, train.texts, strict=True)
        ]
        random.Random(0).shuffle(lines)  # it learns line by line, and reviews lie sorted by label
        path.write_text("".join(lines), "utf-8")
        model = fasttext.train_supervised(
            str(path), lr=0.5, epoch=5, wordNgrams=2, dim=10, thread=1, verbose=0
        )
        model.save_model(str(work / "fasttext.bin"))
        path.unlink()

    def load(self, work: Path) -> "Score":
        """Read the model."""
        import fasttext
        import numpy as np

        model = fasttext.load_model(str(work / "fasttext.bin"))

        def score(texts: Sequence[str], batch: int) -> "NDArray[np.float64]":
            labels, found = model.predict([_fasttext_line(text) for text in texts], k=1)
            # The most probable label alone: asking for both would cost it time.
            return np.array(
                [
                    p[0] if label[0] == "__label__1" else 1 - p[0]
                    for label, p in zip(labels, found, strict=True)
                ]
            )

        return score


def _fasttext_line(text: str) -> str:
    # fastText splits at white space alone; its authors separate punctuation in this way.
    for mark in ".,!?()\"'":
        text = text.replace(mark, f" {mark} ")
    return text.lower().replace("<br />", " ").replace("\n", " ")


class Vader(Peer):
    """VADER's lexicon and rules, which weren't made for reviews."""

    name = "VADER"
    modules = ("vaderSentiment",)
    packages = ("vaderSentiment",)
    files = ()
    most = 200

    def load(self, work: Path) -> "Score":
        """Nothing is trained: a compound score over 0 counts as positive."""
        import numpy as np
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        analyzer = SentimentIntensityAnalyzer()
        return lambda texts, batch: np.array(
            [analyzer.polarity_scores(text)["compound"] / 2 + 0.5 for text in texts]
        )

    def model_bytes(self, work: Path) -> int:
        """Return the size of the lexicon, which lies in the package."""
        spec = find_spec("vaderSentiment")
        folders = (spec.submodule_search_locations if spec else None) or ()
        return sum(p.stat().st_size for f in folders for p in Path(f).glob("*lexicon.txt"))


# -- the measure of what no peer on onnxruntime can be below -----------------------------------


class Bare(Peer):
    """`import onnxruntime`, a session of pocketrnn's graph and one run of it; no text at all."""

    name = "bare onnxruntime"
    modules = ("onnxruntime",)
    packages = ("onnxruntime",)
    files = ("pocketrnn.onnx",)

    def load(self, work: Path) -> "Score":
        """Feed any ids, of the full length, which every network takes."""
        import numpy as np
        import onnxruntime

        maxlen = json.loads((work / "text.json").read_text("utf-8"))["maxlen"]
        session = onnxruntime.InferenceSession(
            os.fspath(work / "pocketrnn.onnx"), providers=["CPUExecutionProvider"]
        )
        ids = np.full((1, maxlen), 1, np.int32)
        return lambda texts, batch: session.run(None, {"ids": ids})[0][:, 0]


BARE = Bare()
PEERS: dict[str, Peer] = {
    "pocketrnn": PocketRNN(),
    "keras-32": KerasPredict("Keras `predict`, batches of 32 (its default)", (32,), most=500),
    "keras-best": KerasPredict("Keras `predict`, its best batch", (256, 1024)),
    "keras-compiled": KerasCompiled(),
    "plain-keras": PlainGraph(keras_tokenizer=True),
    "plain": PlainGraph(keras_tokenizer=False),
    "litert": LiteRT(),
    "linear-1": Linear(1),
    "linear-2": Linear(2),
    "fasttext": FastText(),
    "vader": Vader(),
}
