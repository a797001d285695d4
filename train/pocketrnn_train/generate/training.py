"""Fit a generator: every epoch leaves a run that can be resumed, to the same weights."""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.classify.text import is_storable
from pocketrnn.extras import require
from pocketrnn.generate import file
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn.generate.file import GeneratorConfig
from pocketrnn.generate.model import Generator
from pocketrnn.modelfile import fold

from .. import backend, network
from ..loop import learn
from ..run import GeneratorRun
from . import batches
from .config import GeneratorTrainConfig
from .corpus import Sequences

# What the report is made from: so many lines, or characters of running text.
_LINES, _CHARACTERS = 1000, 10_000


@backend.seeding()
def fit(
    config: GeneratorTrainConfig,
    corpus: Sequences,
    folder: str | os.PathLike[str] = "run",
    *,
    resume: bool = False,
) -> GeneratorRun:
    """Train a generator by `config` on `corpus`, and return its finished run.

    Prints what it reaches on what is held out, and for each epoch a sample. The
    same seed on the same machine gives the same weights, bit for bit, whether interrupted and
    resumed or not. Raises RunError if `folder` holds another run, or the loss isn't finite;
    MissingExtraError without `pocketrnn[train]`.
    """
    require("train", "tensorflow", "matplotlib")
    run = GeneratorRun(Path(folder))
    task = config.task
    learnt, held_out = corpus.split(task.validation_split, lines=task.lines, seed=config.seed)
    counts = Counter(character for text in learnt.texts for character in text)
    storable = sorted(filter(is_storable, counts))  # half an emoji is unknown
    characters = "".join(storable) if task.unit == "characters" else None
    settings = config.generator(characters)
    settings.graph()  # so that too many characters are refused before the training
    alphabet = Alphabet(characters, settings.unknown)
    stage = batches.stage(config, settings, alphabet, learnt)
    run.open(config, corpus.facts(), resume=resume)
    if (run.folder / "report.json").exists():
        return run
    run.write("vocabulary.json", characters)
    keras = backend.start(config.seed)

    def measure(model: Any) -> dict[str, float]:
        served = _served(model, settings, alphabet)
        nats = _bits(served, held_out) * float(np.log(2))
        sample = served.generate(n=5 if task.lines else 1, length=100, seed=config.seed)
        print("sample:", " | ".join(sample), flush=True)
        return {"loss": nats}

    model = learn(
        run,
        [stage],
        network.build_generator(
            config.network,
            settings.ids,
            dropout=config.fit.dropout,
            stateful=None if task.lines else config.fit.batch_size,
        ),
        fit=config.fit,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[],
        measure=measure,
    )
    network.round_weights(model, config.network, head=True)
    run.save_model(model)
    figures = _figures(_served(model, settings, alphabet), learnt, held_out, config)
    run.finish(config, model, figures, sum(row["seconds"] for row in run.history()))
    return run


def _served(model: Any, settings: GeneratorConfig, alphabet: Alphabet) -> Generator:
    """Return the generator that a Keras model becomes once it is exported."""
    numbers = fold.to_bytes(model, settings)
    return Generator.load(file.to_bytes(settings, alphabet, numbers, {}))


def _bits(served: Generator, texts: Sequences) -> float:
    """Return the bits a character of texts, each as often as it counts."""
    ends = served.config.stop is not None
    counts = [len(served.alphabet.encode(text)) + ends for text in texts.texts]
    weights = np.array(list(texts.texts.values())) * counts
    return float(np.average(served.bits(texts.texts.keys()), weights=weights))


def _figures(
    served: Generator, learnt: Sequences, held_out: Sequences, config: GeneratorTrainConfig
) -> dict[str, Any]:
    """Return the figures of a trained generator, and of what it makes."""
    bits = _bits(served, held_out)
    started = time.perf_counter()
    if config.task.lines:
        lines = served.generate(n=_LINES, seed=config.seed)
        copied = {"copied_lines": sum(line in learnt.texts for line in lines) / len(lines)}
        made = sum(map(len, lines))
    else:
        text = served.generate(length=_CHARACTERS, seed=config.seed)
        copied = {"longest_copied": _longest_copied(text, "\0".join(learnt.texts))}
        made = len(text)
    speed = made / (time.perf_counter() - started)
    return {
        "validation": {
            "texts": len(held_out.texts),
            "characters": sum(map(len, held_out.texts)),
            "bits": bits,
            "loss": bits * float(np.log(2)),
        },
        "generated": {"characters": made, "characters_per_second": round(speed), **copied},
    }


def _longest_copied(text: str, learnt: str) -> int:
    """Return how many characters the longest part of `text` has that stands in `learnt`."""
    longest = 0
    for start in range(len(text)):
        while start + longest < len(text) and text[start : start + longest + 1] in learnt:
            longest += 1
    return longest
