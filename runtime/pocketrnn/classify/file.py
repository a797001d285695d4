"""What a classifier's model file says: its settings, words, weights and test cases."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import modelfile
from ..config import Settings, check
from ..errors import ConfigError, GraphError, VocabularyMismatchError
from ..lazy import lazy
from ..modelfile import ModelFile, onnx
from ..modelfile.forms import starts_after_padding
from ..modelfile.graph import Size, classifier
from ..modelfile.network import NetworkConfig
from .labels import Threshold
from .text import TextConfig, Tokenizer

TASK = "classify"

# The other limits of size are those of the network and of the text. A batch has a score for each
# label and text.
MOST_LABELS = 1000


@dataclass(frozen=True)
class ClassifierConfig(Settings):
    """How a text becomes ids, what network reads them, and what its output means."""

    text: TextConfig
    labels: tuple[str, ...]
    """One a class; with two, the network gives the probability of the second one."""
    threshold: Threshold
    """With two labels, the second is chosen above it; unused with more. One for each label: a text
    has any number of labels, each that is above its own."""
    network: NetworkConfig | None
    """None where the file has a graph of its own, which is run only if it is trusted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(len(self.labels) >= 2, f"a model needs two labels or more, not {self.labels}")
        check(
            len(self.labels) <= MOST_LABELS,
            f"a model may have {MOST_LABELS:,} labels at most, not {len(self.labels):,}",
        )
        check(len(set(self.labels)) == len(self.labels), f"a label is there twice: {self.labels}")
        thresholds = self.threshold if isinstance(self.threshold, tuple) else (self.threshold,)
        check(
            not self.multi_label or len(thresholds) == len(self.labels),
            f"needs {len(self.labels)} thresholds, one for each label, not {len(thresholds)}",
        )
        for value in thresholds:
            check(0 <= value <= 1, f"threshold must be from 0 to 1, not {value}")
        check_fit(self.network, self.text)

    @property
    def multi_label(self) -> bool:
        """Return whether a text may have any number of labels, and not just one."""
        return isinstance(self.threshold, tuple)

    @property
    def outputs(self) -> int:
        """Return the columns of the graph's output."""
        return 1 if len(self.labels) == 2 and not self.multi_label else len(self.labels)

    @lazy
    def starts_after_padding(self) -> bool:
        """Return whether padding may be left out if the loop is handed the state behind it."""
        return self.network is not None and starts_after_padding(self.network, self.size)

    @lazy
    def time_multiple(self) -> int:
        """Return what the graph's `time` is a multiple of; `maxlen` where it reads all padding."""
        if self.network and self.network.mask:
            return self.network.window or 1
        return 1 if self.starts_after_padding else self.text.maxlen

    def graph(self) -> onnx.Graph:
        """Return the graph of a file with these settings; ConfigError if it is too large."""
        if self.network is None:
            raise ConfigError("these settings are of a file with a graph of its own")
        return classifier(self.network, self.size)

    @property
    def size(self) -> Size:
        """Return what the graph takes from these settings."""
        return Size(self.text.num_words, self.outputs, self.text.padding, self.multi_label)


def check_fit(network: NetworkConfig | None, text: TextConfig) -> None:
    """Raise ConfigError unless a network can read what the text settings make."""
    check(text.start_id != text.oov_id, "start and unknown words need ids of their own")
    # A mask leaves out id 0 wherever it is; the graph counts on its being on one side of a text.
    if network is None:
        return
    check(
        not network.mask or (text.pad_id == 0 and text.start_id != 0 and text.oov_id != 0),
        "masking needs 0 as the id of padding, and other ids for start and unknown words",
    )
    check(
        not network.window or text.maxlen % network.window == 0,
        f"maxlen ({text.maxlen}) must be a multiple of window ({network.window})",
    )


@dataclass(frozen=True)
class TestCase(Settings):
    """A text and what the model makes of it, so that any machine can test itself."""

    text: str
    scores: tuple[float, ...]
    """One a label, as `Classifier.scores` gave them at the export."""

    __test__ = False  # pytest would take it for a test


def to_bytes(
    config: ClassifierConfig,
    tokenizer: Tokenizer,
    graph: bytes,
    card: dict[str, Any],
    test_cases: Sequence[TestCase] = (),
) -> bytes:
    """Return the model file around the serialized GraphProto `graph`."""
    vocabulary = config.text.split.join(tokenizer.vocabulary)
    return modelfile.to_bytes(TASK, config, graph, card, test_cases, vocabulary)


def read(
    file: ModelFile, *, trusted: bool
) -> tuple[ClassifierConfig, Tokenizer, tuple[TestCase, ...]]:
    """Return what a model file says; ConfigError or VocabularyMismatchError for what none would.

    GraphError for a file that says it has a graph of its own, unless it is `trusted`.
    """
    config = ClassifierConfig.from_dict(file.config)
    words = file.vocabulary.split(config.text.split) if file.vocabulary else []
    if len(words) != config.text.vocabulary_size:
        raise VocabularyMismatchError(
            f"the vocabulary has {len(words)} words, the settings speak of "
            f"{config.text.vocabulary_size}; export the model again"
        )
    tokenizer = Tokenizer(config.text, words)
    test_cases = file.cases(
        TestCase,
        lambda case: (
            len(case.scores) == len(config.labels) and all(map(math.isfinite, case.scores))
        ),
    )
    if config.network is None and not trusted:
        raise GraphError(
            "brings a graph of its own, which could do anything that ONNX can; if you trust "
            "whoever made the file, say so with trusted=True"
        )
    return config, tokenizer, test_cases
