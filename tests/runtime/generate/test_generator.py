"""A generator as people use it, by small networks of random weights."""

import copy
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import generators
import pocketrnn
import tinyonnx
from pocketrnn.errors import (
    ConfigError,
    CorruptModelError,
    GraphError,
    OtherTaskError,
    TextError,
    VocabularyMismatchError,
)
from pocketrnn.generate import file
from pocketrnn.generate.alphabet import Alphabet
from pocketrnn.generate.model import Generator, log_probabilities
from pocketrnn.modelfile import onnx

LINES = generators.load("lines")
TEXT = generators.load("text")
BYTES = generators.load("text", None)
KINDS = pytest.mark.parametrize("model", [LINES, TEXT, BYTES], ids=["lines", "text", "bytes"])


@KINDS
def test_the_prompt_comes_first_and_the_seed_decides(model: Generator) -> None:
    prompts = ["", "a", "ab c", "\u00e9\U0001f600"]
    for prompt in prompts:
        made = model.generate(prompt, seed=3, length=30)
        assert made.startswith(prompt)
        assert made == model.generate(prompt, seed=3, length=30)
        assert made == "".join(model.stream(prompt, seed=3, length=30))
    assert len({model.generate(seed=seed, length=30) for seed in range(9)}) > 5
    assert len({model.generate(length=30) for _ in range(9)}) > 5


@KINDS
def test_a_text_is_the_same_however_many_there_are(model: Generator) -> None:
    many = model.generate("a", n=300, seed=5, length=40)
    assert len(many) == 300
    assert len(set(many)) > 100
    for count in (1, 2, 257):
        assert model.generate("a", n=count, seed=5, length=40) == many[:count]
    assert model.generate("a", seed=5, length=40) == many[0]
    assert model.generate("a", n=0, seed=5) == []


def test_a_length_is_the_most_that_is_added() -> None:
    assert [len(text) for text in TEXT.generate("ab", n=5, length=7)] == [9] * 5
    assert TEXT.generate("ab", length=0) == "ab"
    assert TEXT.generate("", n=2, length=0) == ["", ""]
    assert list(TEXT.stream("ab", length=0)) == ["ab"]
    lengths = [len(text) for text in LINES.generate(n=200, length=7, seed=1)]
    assert max(lengths) == 7
    assert min(lengths) < 7


def test_temperature_zero_takes_the_most_probable() -> None:
    made = TEXT.generate("a", length=20, temperature=0)
    logits, state = TEXT.start("a")
    for character in made[1:]:
        expected = int(logits[0, : TEXT.config.drawn].argmax())
        assert TEXT.alphabet.decode([expected]) == character
        logits, state = TEXT.step(state, [expected])
    assert made == TEXT.generate("a", length=20, top_k=1, seed=1)


@KINDS
@pytest.mark.parametrize("stop", ["a", "bc", "c a", "\n", "\U0001f600", "zzz"])
def test_a_text_ends_before_its_stop(model: Generator, stop: str) -> None:
    """Which is looked for in what is new: one in the prompt ends nothing."""
    for seed in range(8):
        prompt = f"x{stop}"
        whole = model.generate(prompt, length=60, seed=seed)
        made = model.generate(prompt, length=60, seed=seed, stop=stop)
        assert made == prompt + whole[len(prompt) :].partition(stop)[0]
        assert made == "".join(model.stream(prompt, length=60, seed=seed, stop=stop))
    many = model.generate("x", n=20, length=60, seed=1)
    ended = model.generate("x", n=20, length=60, seed=1, stop=stop)
    assert ended == ["x" + text[1:].partition(stop)[0] for text in many]


@KINDS
def test_special_ids_are_never_drawn(model: Generator) -> None:
    letters = set(generators.LETTERS)
    for text in model.generate(n=50, length=100, temperature=50.0, seed=2):
        assert model is BYTES or set(text) <= letters


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    made = BYTES.generate("\u00e9", length=300, temperature=1e9, seed=0)
    assert made.startswith("\u00e9")
    assert "\ufffd" in made


def test_a_piece_comes_as_soon_as_it_is_there() -> None:
    stream = TEXT.stream("ab", length=10**9, seed=1)
    pieces = [next(stream) for _ in range(4)]
    assert pieces[0] == "ab"
    assert "".join(pieces[1:]) == TEXT.generate("ab", length=3, seed=1)[2:]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"prompt": b"a"}, TextError),
        ({"prompt": None}, TextError),
        ({"n": -1}, ConfigError),
        ({"n": True}, ConfigError),
        ({"length": -1}, ConfigError),
        ({"length": 1.5}, ConfigError),
        ({"seed": -1}, ConfigError),
        ({"seed": 1 << 64}, ConfigError),
        ({"seed": "1"}, ConfigError),
        ({"stop": ""}, ConfigError),
        ({"stop": 3}, ConfigError),
        ({"temperature": -1}, ConfigError),
        ({"top_p": 2.0}, ConfigError),
    ],
    ids=str,
)
def test_settings_that_mean_nothing(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        TEXT.generate(**options)
    if "n" not in options:
        with pytest.raises(error):  # at the call, not at the first piece
            TEXT.stream(**options)


def test_a_long_prompt_takes_no_more_memory_than_a_short_one() -> None:
    def peak(prompt: str) -> int:
        tracemalloc.start()
        TEXT.generate(prompt, length=3, seed=1)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    long = "abc a" * 5_000
    peak("ab")
    assert peak(long) < peak(long[:5_000]) + 4 * len(long)  # the prompt itself comes back
    assert TEXT.generate(long, length=0) == long


# -- a step at a time ------------------------------------------------------------------------------


@KINDS
def test_own_loops(model: Generator) -> None:
    ids = model.alphabet.encode("ab ca")
    logits, state = model.start("ab", texts=2)
    assert logits.shape == (2, model.config.ids)
    before = copy.deepcopy(state)
    for one in ids[2:].tolist():
        logits, state = model.step(state, [one, one])
    expected, _ = model.start("ab ca")
    np.testing.assert_allclose(logits, expected.repeat(2, 0), atol=1e-6)
    again, _ = model.step(before, [ids[2], ids[2]])
    np.testing.assert_allclose(again, model.start("ab ")[0].repeat(2, 0), atol=1e-6)


@pytest.mark.parametrize("ids", [[1], [1, 2, 3], [[1], [2]], [0, 99], [-1, 0], [1.0, 2.0], 1])
def test_ids_that_the_model_has_not(ids: Any) -> None:
    _, state = TEXT.start(texts=2)
    with pytest.raises(ConfigError, match="ids must be"):
        TEXT.step(state, ids)


# -- how usual a text is ---------------------------------------------------------------------------


def by_hand(model: Generator, text: str) -> float:
    logits, state = model.start()
    nats, ids = [], model.alphabet.encode(text).tolist()
    for one in ids + ([] if model.config.stop is None else [model.config.stop]):
        nats.append(-float(log_probabilities(logits.astype(np.float64))[0, one]))
        logits, state = model.step(state, [one])
    return float(np.mean(nats)) / np.log(2) if nats else np.nan


@KINDS
def test_bits_are_those_of_a_loop_by_hand(model: Generator, monkeypatch: Any) -> None:
    random = np.random.default_rng(3)
    texts = ["", "a", "unknown \u00df", "abc a\n" * 300]
    texts += ["".join(random.choice([*generators.LETTERS], size)) for size in (3, 3, 40, 41, 7)]
    expected = [by_hand(model, text) for text in texts]
    np.testing.assert_allclose(model.bits(texts), expected, atol=1e-5)
    np.testing.assert_allclose([model.bits(text) for text in texts], expected, atol=1e-5)
    monkeypatch.setattr("pocketrnn.generate.model._LOGITS", 3 * model.config.ids)
    np.testing.assert_allclose(model.bits(iter(texts)), expected, atol=1e-5)


def test_bits_of_no_text_and_of_what_is_none() -> None:
    assert model_shape(LINES.bits([])) == (0,)
    for wrong in (b"abc", 3, ["a", None], {"a": 1}):
        with pytest.raises(TextError):
            LINES.bits(wrong)


def model_shape(values: np.ndarray[Any, Any]) -> tuple[int, ...]:
    return values.shape


# -- completions -----------------------------------------------------------------------------------


def probability(model: Generator, prompt: str, text: str, ends: list[int]) -> float:
    """The probability that `prompt` goes on to `text` and then ends."""
    logits, state = model.start(prompt)
    total = 0.0
    for one in model.alphabet.encode(text[len(prompt) :]).tolist():
        total += float(log_probabilities(logits)[0, one])
        logits, state = model.step(state, [one])
    return total + float(np.log(np.exp(log_probabilities(logits)[0, ends]).sum()))


@pytest.mark.parametrize("model", [LINES, TEXT], ids=["lines", "text"])
def test_suggestions_are_the_most_probable_completions(model: Generator) -> None:
    ends = [model.config.stop] if model.config.stop is not None else [0, 4]  # "\n", " "
    letters = [c for i, c in enumerate(generators.LETTERS) if i not in ends]
    candidates = [f"a{one}" for one in letters] + [f"a{x}{y}" for x in letters for y in letters]
    candidates += [f"a{x}{y}{z}" for x in letters for y in letters for z in letters]
    found = model.suggest("a", n=4)
    assert found == model.suggest("a", n=4)
    chances = [probability(model, "a", text, ends) for text in found]
    assert chances == sorted(chances, reverse=True)
    best = max(probability(model, "a", text, ends) for text in candidates)
    assert chances[0] >= best - 1e-5
    assert all(text.startswith("a") and len(text) > 1 for text in found)
    assert len(set(found)) == 4


def test_suggestions_of_bytes_hold_whole_characters_and_each_once() -> None:
    found = BYTES.suggest("\u65e5", n=5, length=3)
    assert len(set(found)) == len(found)
    assert all(text.startswith("\u65e5") and text != "\u65e5" for text in found)


def test_suggestions_at_the_edges() -> None:
    assert LINES.suggest("a", length=0) == []
    assert all(len(text) <= 2 for text in LINES.suggest("a", n=50, length=1))
    with pytest.raises(ConfigError):
        LINES.suggest("a", n=0)


def test_numbers_of_numpy_will_do() -> None:
    three, half = np.int64(3), np.float32(0.5)
    found = LINES.generate(n=three, length=np.uint8(9), seed=three, top_k=three, temperature=half)
    assert found == LINES.generate(n=3, length=9, seed=3, top_k=3, temperature=0.5)
    for name in ("n", "length", "seed", "top_k", "temperature"):
        with pytest.raises(ConfigError, match=f"{name} must be .*, not True"):
            LINES.generate(**{name: True})
    with pytest.raises(ConfigError, match="seed must be"):
        LINES.generate(seed=np.float64(1.5).item())


@pytest.mark.parametrize("state", [None, [], [None], [np.zeros(3, np.float32)]])
def test_a_state_that_is_none_is_refused(state: Any) -> None:
    with pytest.raises(ConfigError, match="state must be"):
        LINES.step(state, [1])


# -- files -----------------------------------------------------------------------------------------


def test_a_model_can_be_pickled_and_copied() -> None:
    for twin in (pickle.loads(pickle.dumps(LINES)), copy.deepcopy(LINES)):
        assert twin.generate(seed=1) == LINES.generate(seed=1)
    assert repr(LINES).startswith("<Generator: lines; 6 characters")


def test_another_tasks_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "g.onnx").write_bytes(generators.tiny())
    with pytest.raises(
        OtherTaskError, match=r"g\.onnx: a model of the task generate, not classify"
    ):
        pocketrnn.Classifier.load(tmp_path / "g.onnx")
    with pytest.raises(OtherTaskError, match="a model of the task classify, not generate"):
        Generator.load(tinyonnx.tiny())
    assert isinstance(pocketrnn.load(tmp_path / "g.onnx"), Generator)


def test_only_the_modules_of_the_task_are_imported(tmp_path: Path) -> None:
    (tmp_path / "g.onnx").write_bytes(generators.tiny())
    program = (
        "import sys, pocketrnn; pocketrnn.load(sys.argv[1]).generate(seed=1);"
        "print([name for name in sys.modules if name.startswith('pocketrnn.classify')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "g.onnx"], capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"


def test_test_cases_are_verified() -> None:
    logits = tuple(LINES.start("ab")[0][0].tolist())
    cases = [file.TestCase("ab", logits)]
    assert pocketrnn.verify(generators.tiny(cases=cases)).ok
    off = [file.TestCase("ab", (logits[0] + 1e-3, *logits[1:]))]
    found = pocketrnn.verify(generators.tiny(cases=off))
    assert not found.ok
    assert found.difference == pytest.approx(1e-3 / max(map(abs, logits)), rel=1e-2)
    assert pocketrnn.verify(generators.tiny()).ok  # nothing to compare with


def test_files_that_do_not_fit() -> None:
    settings = generators.config()
    graph = settings.graph()
    numbers = pocketrnn.modelfile.onnx.to_bytes(graph, generators.weights(graph))
    from pocketrnn.generate.alphabet import Alphabet

    def made(characters: str = generators.LETTERS, cases: Any = ()) -> bytes:
        return file.to_bytes(settings, Alphabet(characters, 7), numbers, {}, cases)

    for wrong in ("abc", generators.LETTERS + "d", "aabc \n"):
        with pytest.raises(VocabularyMismatchError):
            Generator.load(made(wrong))
    with pytest.raises(CorruptModelError, match="a test case doesn't fit"):
        Generator.load(made(cases=[file.TestCase("a", (1.0,))]))
    other = generators.config(units=7).graph()
    wrong_graph = pocketrnn.modelfile.onnx.to_bytes(other, generators.weights(other))
    with pytest.raises(GraphError):
        Generator.load(file.to_bytes(settings, Alphabet(generators.LETTERS, 7), wrong_graph, {}))


@pytest.mark.parametrize(
    "values",
    [
        {"characters": 0},
        {"unknown": None},
        {"unknown": 6},
        {"start": 9},
        {"stop": 7},
        {"unit": "bytes"},
        {"network": {"bidirectional": True}},
        {"network": {"mask": True}},
        {"network": {"pooling": "sqrtn_max"}},
    ],
    ids=str,
)
def test_settings_that_no_file_can_have(values: dict[str, Any]) -> None:
    whole = generators.config().to_dict()
    values = {**values, "network": {**whole["network"], **values.get("network", {})}}
    with pytest.raises(ConfigError):
        file.GeneratorConfig.from_dict({**whole, **values})


@pytest.mark.parametrize("weight", [np.nan, np.inf, 3e38])
def test_logits_that_are_no_numbers(weight: float) -> None:
    """They are an error wherever they would come out."""
    settings = generators.config()
    graph = settings.graph()
    weights = generators.weights(graph)
    weights["head.kernel"] = np.full_like(weights["head.kernel"], weight)
    alphabet = Alphabet(generators.LETTERS, settings.unknown)
    data = file.to_bytes(settings, alphabet, onnx.to_bytes(graph, weights), {})
    model = Generator.load(data)
    state = LINES.start("a")[1]
    for call in (
        lambda: model.start("a"),
        lambda: model.step(state, [1]),
        lambda: model.run(np.ones((1, 3), np.int32), state),
        lambda: model.generate("a", temperature=0),
        lambda: model.bits("abc"),
        lambda: model.suggest("a"),
    ):
        with pytest.raises(CorruptModelError, match="logits aren't finite"):
            call()
