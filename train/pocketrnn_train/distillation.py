"""Learn from a teacher's soft labels in stages, each of which can be resumed.

1. Teacher: it is fitted, and labels everything once; `teacher.npz` keeps what it said.
2. Chunks: the network learns spans of all texts, each with the teacher's opinion of it.
3. Texts: it learns whole texts. The target of one without a label is the teacher's opinion; of
   one with a label, a mixture of both, as the bare labels are soon learnt by heart.

No text is labelled by a teacher that has seen its label: each part of the training texts gets
the opinion of one that was fitted on the other parts.
"""

import itertools
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn import Tokenizer
from pocketrnn.errors import InputError
from pocketrnn.files import replacing

from . import batches, network
from .batches import Rows
from .config import Chunks, Distillation, TrainConfig
from .corpus import Corpus, Examples
from .evaluation import evaluate
from .ngrams import MOST_WORDS, Ranks
from .run import Run
from .teacher import Teacher, blend, one_hot

_OPINIONS = "teacher.npz"
_STAGES = {
    "teacher": "a linear classifier learns n-grams, and labels texts",
    "chunks": "the network learns spans of texts",
    "texts": "the network learns whole texts",
}

TEMPORARY = (_OPINIONS, *(f"checkpoint-{stage}.keras" for stage in ("chunks", "texts")))
"""The files of a run that only a resume needs."""


@dataclass(frozen=True)
class Opinions:
    """What the teacher says: soft labels, float32 (texts, columns)."""

    spans: NDArray[np.int32]
    """Text (training ones first, then unlabelled), first word and end of each: (spans, 3)."""
    of_spans: NDArray[np.float32]
    of_train: NDArray[np.float32]
    of_unlabelled: NDArray[np.float32]


@dataclass(frozen=True)
class Stage:
    """Texts to learn, and how."""

    name: str
    rows: Rows
    targets: NDArray[np.float32]
    epochs: int
    batch_size: int
    learning_rate: float
    warm_up: float

    @property
    def steps(self) -> int:
        """The training steps of all epochs."""
        return self.epochs * batches.count(self.rows, self.batch_size)

    @property
    def checkpoint(self) -> str:
        """The file with model and optimizer after the last whole epoch."""
        return f"checkpoint-{self.name}.keras"

    @property
    def history(self) -> str:
        """The file with a line for each epoch."""
        return "history.csv" if self.name == "texts" else f"history-{self.name}.csv"


def distil(
    run: Run,
    config: TrainConfig,
    corpus: Corpus,
    words: Sequence[str],
    model: Any,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
) -> Any:
    """Train `model` (as built) through all stages, going on where `run` stands; return it.

    The rate falls to 0, so the last epoch is the one to keep.
    """
    distillation = config.distillation or Distillation()
    tokenizer = Tokenizer(config.text, words)
    examples, held = corpus.train.take(train), corpus.train.take(validation)
    names = ["teacher", *(["chunks"] if distillation.chunks else []), "texts"]
    _announce(names, "teacher")
    opinions = _opinions(run, config, examples, held, corpus.unlabelled, words)
    rows = _ids(tokenizer, (*examples.texts, *corpus.unlabelled))
    stages = _stages(config, rows, examples.labels, opinions, tokenizer)
    begun = [i for i, stage in enumerate(stages) if (run.folder / stage.checkpoint).exists()]
    held_rows = _ids(tokenizer, held.texts)
    first = max(begun, default=0)
    steps = sum(stage.steps for stage in stages[:first])
    for stage in stages[first:]:
        _announce(names, stage.name)
        model = learn(run, stage, model, config, held_rows, held.labels, steps=steps)
    return run.model(stages[-1].checkpoint)


def learn(
    run: Run,
    stage: Stage,
    model: Any,
    config: TrainConfig,
    held_rows: Rows,
    held_labels: NDArray[np.int64],
    *,
    steps: int,
) -> Any:
    """Train one stage from its last whole epoch on, and return the model as it ends.

    If it goes on, `model` is one as built, and `steps` are those of the stages before.
    """
    from .optimizing import compile_for

    distillation = config.distillation or Distillation()
    multiple = config.window or 1
    if (run.folder / stage.checkpoint).exists():
        built, model = model, run.model(stage.checkpoint, optimizer=True)
        network.restore_dropout(model, built, steps + int(model.optimizer.iterations))
    else:
        compile_for(
            model,
            peak=stage.learning_rate,
            steps=stage.steps,
            warm_up=stage.warm_up,
            clip=distillation.clip,
        )
    # The optimizer counts its steps, so a checkpoint knows its own epoch; history, written
    # first, may be one ahead.
    first = int(model.optimizer.iterations) * stage.epochs // stage.steps
    history = run.history(stage.history)[:first]
    for epoch in range(first, stage.epochs):
        print(f"Epoch {epoch + 1}/{stage.epochs}")
        started = time.perf_counter()
        # Order and dropped words of an epoch come from seed and epoch alone: the same after a
        # resume.
        seed = (config.seed, epoch)
        order = batches.shuffled(stage.rows, stage.batch_size, np.random.default_rng(seed))
        dataset = batches.dataset(
            stage.rows,
            stage.targets,
            order,
            config.text,
            multiple,
            word_dropout=distillation.word_dropout,
            seed=seed,
        )
        fitted = model.fit(dataset).history
        scores = batches.predict(model, held_rows, config.text, multiple)
        figures = evaluate(scores, held_labels)
        print(f"validation: loss {figures['loss']:.4f}, accuracy {figures['accuracy']:.4f}")
        history.append(
            {
                "epoch": epoch + 1,
                "accuracy": fitted["accuracy"][0],
                "loss": fitted["loss"][0],
                "val_accuracy": figures["accuracy"],
                "val_loss": figures["loss"],
                "seconds": time.perf_counter() - started,
            }
        )
        run.write_history(history, stage.history)
        run.save_model(model, stage.checkpoint)
    return model


def _announce(names: Sequence[str], name: str) -> None:
    print(f"Stage {names.index(name) + 1} of {len(names)}, {name}: {_STAGES[name]}", flush=True)


def _stages(
    config: TrainConfig,
    rows: Rows,
    labels: NDArray[np.int64],
    opinions: Opinions,
    tokenizer: Tokenizer,
) -> list[Stage]:
    distillation = config.distillation or Distillation()
    truth = one_hot(labels, opinions.of_train.shape[1])
    mixed = distillation.truth * truth + (1 - distillation.truth) * opinions.of_train
    targets = np.concatenate([mixed, opinions.of_unlabelled]).astype(np.float32)
    stages = []
    if chunks := distillation.chunks:
        spans = cut(rows, opinions.spans, tokenizer)
        kept = np.random.default_rng(config.seed).random(len(spans)) < chunks.kept
        rows = [*rows, *itertools.compress(spans, kept)]
        targets = np.concatenate([targets, opinions.of_spans[kept]])
        stages.append(
            Stage(
                name="chunks",
                rows=spans,
                targets=opinions.of_spans,
                epochs=chunks.epochs,
                batch_size=chunks.batch_size,
                learning_rate=chunks.learning_rate,
                warm_up=chunks.warm_up,
            )
        )
    stages.append(
        Stage(
            name="texts",
            rows=rows,
            targets=targets,
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            warm_up=distillation.warm_up,
        )
    )
    return stages


def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    return [np.array(tokenizer.ids(text), np.int32) for text in texts]


# -- spans -------------------------------------------------------------------------------------


def draw_spans(
    lengths: Sequence[int], chunks: Chunks, random: np.random.Generator
) -> NDArray[np.int32]:
    """Cut texts of so many words into spans of random lengths: (text, first word, end) of each.

    Every word is in one span; a text's last span may be shorter, and an empty text has none.
    """
    spans = []
    for text, length in enumerate(lengths):
        start = 0
        while start < length:
            end = start + int(random.integers(chunks.shortest, chunks.longest + 1))
            spans.append((text, start, min(end, length)))
            start = end
    return np.array(spans, np.int32).reshape(-1, 3)


def cut(rows: Rows, spans: NDArray[np.int32], tokenizer: Tokenizer) -> list[NDArray[np.int32]]:
    """Return the ids of each span, as if it were a text of its own."""
    before = np.array(tokenizer.ids(""), np.int32)  # what every text starts with
    first = len(before)
    return [
        np.concatenate([before, rows[text][first + start : first + end]])
        for text, start, end in spans.tolist()
    ]


# -- the teacher's opinions --------------------------------------------------------------------


def _opinions(
    run: Run,
    config: TrainConfig,
    examples: Examples,
    held: Examples,
    unlabelled: Sequence[str],
    words: Sequence[str],
) -> Opinions:
    """Return what the teacher says: from the run, or else by teaching it."""
    path = run.folder / _OPINIONS
    if path.exists():
        try:
            with np.load(path) as arrays:
                return Opinions(**arrays)
        except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: damaged ({error})") from error
    started = time.perf_counter()
    ranking = _ranking(config, words)
    opinions, figures = ask(
        config,
        _ranks(ranking, examples.texts),
        examples.labels,
        _ranks(ranking, held.texts),
        held.labels,
        _ranks(ranking, unlabelled),
    )
    figures["seconds"] = round(time.perf_counter() - started, 1)
    print(f"teacher: validation accuracy {figures['validation']['accuracy']:.4f}")
    run.write("teacher.json", figures)
    with replacing(path) as temporary:
        np.savez(temporary, **vars(opinions))
    return opinions


def ask(
    config: TrainConfig,
    train: Sequence[Ranks],
    labels: NDArray[np.int64],
    held: Sequence[Ranks],
    held_labels: NDArray[np.int64],
    unlabelled: Sequence[Ranks],
) -> tuple[Opinions, dict[str, Any]]:
    """Fit teachers, and return their opinions and how good they are."""
    distillation = config.distillation or Distillation()
    random = np.random.default_rng(config.seed)
    chunks = distillation.chunks or Chunks()
    classes = int(labels.max()) + 1

    def teach(rows: NDArray[np.int64]) -> Teacher:
        return Teacher(
            [train[row] for row in rows.tolist()],
            labels[rows],
            classes=classes,
            longest=distillation.ngrams,
            seed=config.seed,
        )

    teacher = teach(np.arange(len(train)))
    # How to read margins is learnt from texts, and spans of texts, that the teacher hasn't seen.
    margins = teacher.margins(held)
    reading = blend(margins, held_labels)
    of_unlabelled = reading.probabilities(teacher.margins(unlabelled))
    wide = teacher.with_opinions(unlabelled, of_unlabelled)
    held_spans = draw_spans([len(row) for row in held], chunks, random)
    span_reading = blend(wide.margins(_spans_of(held, held_spans)), held_labels[held_spans[:, 0]])

    spans = draw_spans([len(row) for row in [*train, *unlabelled]], chunks, random)
    columns = of_unlabelled.shape[1]
    of_train = np.zeros((len(train), columns), np.float32)
    of_spans = np.zeros((len(spans), columns), np.float32)

    def label_spans(one: Teacher, rows: NDArray[np.int64], texts: Sequence[Ranks]) -> None:
        chosen = np.flatnonzero(np.isin(spans[:, 0], rows))
        of_spans[chosen] = span_reading.probabilities(one.margins(_spans_of(texts, spans[chosen])))

    part = parts(labels, distillation.parts)
    for number in range(part.max() + 1):
        own = np.flatnonzero(part == number)
        others = np.flatnonzero(part != number)
        one = teach(others) if len(others) else teacher
        of_train[own] = reading.probabilities(one.margins([train[row] for row in own.tolist()]))
        opinions = reading.probabilities(one.margins(unlabelled))
        label_spans(one.with_opinions(unlabelled, opinions), own, train)
    everything = [*train, *unlabelled]
    label_spans(wide, np.arange(len(train), len(everything)), everything)
    figures = {
        "validation": evaluate(_columns(reading.probabilities(margins)), held_labels),
        "weights": {
            name: {"texts": whole, "spans": span}
            for name, whole, span in zip(
                ("bayes", "tfidf", "ratios"), reading.weights, span_reading.weights, strict=True
            )
        },
        "bias": {"texts": reading.bias.tolist(), "spans": span_reading.bias.tolist()},
    }
    return Opinions(spans, of_spans, of_train, of_unlabelled), figures


def parts(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Split texts into `count` parts or fewer, each with neighbours of every label.

    Fewer where a label has fewer texts; one where it has a single text.
    """
    count = min(count, int(np.bincount(labels).min()))
    part = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        part[rows] = np.arange(len(rows)) * count // len(rows)
    return part


def _ranking(config: TrainConfig, words: Sequence[str]) -> Tokenizer:
    """Return the tokenizer that gives words their bare ranks, and unknown ones 0."""
    words = words[:MOST_WORDS]
    return Tokenizer(
        replace(
            config.text,
            num_words=len(words) + 1,
            start_id=None,
            pad_id=0,
            oov_id=0,
            index_from=0,
        ),
        words,
    )


def _ranks(ranking: Tokenizer, texts: Sequence[str]) -> list[Ranks]:
    return [np.array(ranking.ids(text), np.int64) for text in texts]


def _spans_of(texts: Sequence[Ranks], spans: NDArray[np.int32]) -> list[Ranks]:
    return [texts[text][start:end] for text, start, end in spans.tolist()]


def _columns(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores
