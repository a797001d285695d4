"""Write texts, their ids and their scores: vectors.json by the bundled model, and models/.

`python tests/data/make_vectors.py`, with pocketrnn installed; again for each new bundled model, or
when the graphs change. models/ holds small models whose weights are drawn by chance, each with a
file of vectors, for the settings that the bundled model doesn't have. All of it shows any other
implementation of docs/model-file.md whether it is right.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import pocketrnn
from pocketrnn import Classifier, ClassifierConfig, TextConfig, Tokenizer
from pocketrnn.classify import file
from pocketrnn.classify.folding import LINK, MAIL, NAME, NUMBER
from pocketrnn.classify.labels import Threshold, choose
from pocketrnn.classify.text import FOLDED_FILTERS
from pocketrnn.modelfile import onnx
from pocketrnn.modelfile.network import NetworkConfig
from pocketrnn.modelfile.weights import to_int8

PATH = Path(__file__).with_name("vectors.json")
MODELS = Path(__file__).with_name("models")

LONG = " ".join(
    40 * ["the film was good and then it was bad but the end is a wonder of its own"]
).split()

TEXTS = (
    "",
    " ",
    "A warm, funny film.",
    "this film was just story direction",
    "Dull, badly acted, and two hours too long!",
    "I DON'T know; it's (almost) good... isn't it?",
    "<br /><br />Great<br />cast",
    "tab\tnewline\nreturn\rno-break\u00a0wide\u3000space",
    '"#$%&()*+,-./:;<=>?@[\\]^_`{|}~',
    "'quoted' 'tis rock'n'roll ''",
    "naïve café, Ελληνικός ΟΔΥΣΣΕΥΣ, Straße STRASSE",
    "\u0130stanbul \u01c5 \ufb01lm \u1e9e",
    "\u6620\u753b\u306f\u7d20\u6674\u3089\u3057\u3044 film",
    "good \U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 film e\u0301",
    "\ufeffgood film",
    "nul\x00inside \x1b[1m",
    "xqzzyx unheardofword",
    "good",
    "bad " * 19 + "film",
    "bad " * 20 + "film",
    *(" ".join(LONG[:count]) for count in (498, 499, 500)),  # with the start, around maxlen
    "excellent " * 300 + " ".join(LONG) + " awful boring waste",
    "w" * 5000 + " good",
)


IDS = 256  # so many that, 64 wide, word vectors are a large matrix
FOLDED = ("good", "bad", "don't", "!", "?", "soo", "x", "caf\u00e9", "na\u00efve", "\u0923")
PIECES = ("auto", "autobahn", "bahn", "hof", "fl\u00fcge", "\u03b4\u03c5\u03c3")
PIECES += ("abcdefghijklmnop", "bcdefghijklmnopqr")
FOLDED += ("\U0001f642", "\U0001f641", "\u2764", MAIL, LINK, NAME, NUMBER, "\u6620", "\ud55c")
WORDS = ("good", "bad", "film", "the", "naïve", "e\u0301", "ς", "\U0001f600", "Good", "don't")
TWO, THREE = ("negative", "positive"), ("bad", "so so", "good")

# Settings of text, labels, threshold, and settings of the network.
CONFIGS: dict[str, tuple[dict[str, Any], Sequence[str], Threshold, dict[str, Any]]] = {
    "three-labels": ({}, THREE, 0.5, {}),
    "post-no-start-no-mask": (
        {"padding": "post", "truncating": "post", "start_id": None},
        TWO,
        0.3,
        {"activation": "relu", "embedding": 8},
    ),
    "gru-float16-mask": (
        {"truncating": "post"},
        TWO,
        0.7,
        {"cell": "gru", "weights": "float16", "mask": True},
    ),
    "lstm-int8-windows-post": (
        {"padding": "post", "start_id": None},
        THREE,
        0.5,
        {"cell": "lstm", "weights": "int8", "mask": True, "pooling": "sqrtn_max", "window": 4}
        | {"bidirectional": True},
    ),
    "two-layers-other-text": (
        {"lower": False, "filters": "\U0001f600.\n", "split": "|", "start_id": 0, "pad_id": 2}
        | {"oov_id": 5, "index_from": 7},
        TWO,
        0.97,
        {"layers": 2, "pooling": "sqrtn_max", "embedding": 8},
    ),
    "folded": ({"fold": True, "filters": FOLDED_FILTERS}, TWO, 0.5, {}),
    "several-labels": ({}, THREE, (0.5, 0.25, 0.75), {}),
    "several-of-two": ({}, TWO, (0.5, 0.0015), {"mask": True}),
    "pieces": ({"fold": True, "filters": FOLDED_FILTERS, "pieces": True}, TWO, 0.5, {}),
}


# Words without an id, of pieces that have one, and of none.
CUT = (
    "Autobahnhof autobahnen eautobahn Bahnhof Bahnautohofs abahx bah hofhof",
    "Tragfl\u00fcgel tragflu\u0308gel \u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 don'thof",
    "xabcdefghijklmnopq bbcdefghijklmnopqr",
    "hof" * 21 + "x",
    "hof" * 21 + "xx",
    "bad " * 6 + "hofautobahnhof bahnhofs" + " good" * 4,
    "\ud55c\uad6dhof \U0001d49chof1234 hof12345 \ud800bahnhof nul\0hof",
)

# What folding finds, and what it mustn't.
TYPED = (
    "\u201cTerrible.\u201d That\u2026is\u2014all \u2039good\u203a\u00a1",
    "It wasn\u2019t \u2018good\u2019, 'tis rock''n''roll dogs' '",
    "A\r\nb\x0bc\u2028d\u00a0e\u3000f\u0085g\x00h",
    "\ufeffgo\u200bod go\u00adod caf\u00e9 cafe\u0301 h\u0331 \u0130",
    "\uff27\uff4f\uff4f\uff44\uff01 \u203c \u2049 good!!!! what?! ??? Sooooo goood AAA 111",
    ":) :-( x:)) :D =p :'( ;o <3 <33 10:30 note:(see) and:d :/ ://x =* :| :\\",
    "@Joe's http://a.b/c?d=e www.x.yz a.b+c@d-e.fg @ @@ x@ @x_y",
    "0123456789 +44 7700900123 10/10 a12345b 1234",
    "Good<br /><b>x</b> 1 < 2 > 0 &quot;AT&amp;T&quot; don&#39;t &lt;3 &x; & y; <i",
    "\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469 \u2764\ufe0f 1\ufe0f\u20e3 \u2605\u2605\u2605"
    " \u00a9\u2122\u20ac",
    "\u6620\u753b\u306fgood 10\u5206\u3002\u4eba\u3005 \ud55c\uad6d"
    " \u0e44\u0e17\u0e22 \u0e3f \u1780 \u1000 \uff76\uff9e",
    "\u05be\u060c \u0964 a_b #tag na\u00efve \ud800x \U0001d49c",
)


def made(name: str) -> bytes:
    """Return a model file of these settings, with weights drawn by chance."""
    text, labels, threshold, network = CONFIGS[name]
    config = ClassifierConfig(
        TextConfig(num_words=IDS, maxlen=12, **text),
        tuple(labels),
        threshold,
        NetworkConfig(**{"embedding": 64, "units": 3, **network}),
    )
    some = (*FOLDED, *PIECES) if config.text.pieces else FOLDED if config.text.fold else WORDS
    words = [*some, *(f"w{i}" for i in range(config.text.vocabulary_size - len(some)))]
    draw = np.random.default_rng(list(CONFIGS).index(name))
    weights: dict[str, onnx.Array] = {}
    for constant in config.graph().constants:
        if constant.numbers is None and constant.name not in weights:
            spread = 6 if constant.name == "head.kernel" else 0.6  # each label is then chosen
            numbers = draw.normal(0, spread, constant.shape).astype(np.float32)
            if constant.dtype == "int8":
                numbers, weights[f"{constant.name}.scale"] = to_int8(numbers)
            weights[constant.name] = numbers.astype(constant.dtype)
    graph = onnx.to_bytes(config.graph(), weights)
    return file.to_bytes(config, Tokenizer(config.text, words), graph, {"note": name})


def texts_for(model: Classifier) -> list[str]:
    """Return texts of all lengths about `maxlen`, of known words and others."""
    chance, split = random.Random(1), model.config.text.split
    some = [*WORDS, "unheard", "w7", "w8", "nul\0", "İ", "ΟΔΥΣΣΕΥΣ Σ", "GOOD"]
    texts = [split.join(chance.choices(some, k=length)) for length in (*range(1, 13), 30)]
    texts += [split.join(["bad", *["good"] * count]) for count in range(9, 14)]
    texts += TYPED if model.config.text.fold else ()
    texts += CUT if model.config.text.pieces else ()
    return ["", split, " ", "Good.film bad|film\ngood\tbad\U0001f600good", *texts]


def label_or_labels(model: Classifier, scores: Any) -> dict[str, Any]:
    """Return what scores (1, labels) choose, as a file of vectors has it."""
    chosen = choose(scores, model.config.threshold)[0]
    if model.config.multi_label:
        return {"labels": [label for label, own in zip(model.labels, chosen, strict=True) if own]}
    return {"label": model.labels[chosen]}


def write(path: Path, model: Classifier, texts: Sequence[str]) -> None:
    """Write the file of vectors."""
    vectors = [
        {
            "text": text,
            "ids": model.tokenizer.ids(text)[model.config.text.kept],
            # The shortest digits that give the same float32 back.
            "scores": [float(str(score)) for score in model.scores(text)[0]],
            **label_or_labels(model, model.scores(text)),
        }
        for text in texts
    ]
    head = {"model": model.sha256, "labels": list(model.labels), "tolerance": 1e-5}
    lines = ",\n".join("  " + json.dumps(vector) for vector in vectors)
    path.write_text(f'{json.dumps(head)[:-1]}, "vectors": [\n{lines}\n]}}\n')
    print(f"wrote {path}: {len(vectors)} texts, model {model.sha256[:12]}")


def main() -> None:
    """Write the files."""
    write(PATH, pocketrnn.load(), TEXTS)
    MODELS.mkdir(exist_ok=True)
    for name in CONFIGS:
        path = MODELS / f"{name}.onnx"
        path.write_bytes(made(name))
        model = pocketrnn.load(path)
        write(path.with_suffix(".json"), model, texts_for(model))


if __name__ == "__main__":
    main()
