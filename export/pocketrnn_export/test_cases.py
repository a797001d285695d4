"""Make the test cases that a model file carries: texts with the scores that it should give them."""

from typing import Any

from pocketrnn import Classifier
from pocketrnn.classify.file import TestCase

# Our own, so that they may travel; what they say matters little, that they differ does.
TEXTS = (
    "",
    "A warm, funny film with a wonderful cast; I'd happily see it again!",
    "Two dull hours: bad jokes, a worse plot, and the worst ending I've seen in years.",
    "Na\u00efve caf\u00e9\tSTRASSE \u0130stanbul\n\u6620\u753b \U0001f600 10/10 <br /> don't",
)

# Words of the long text at most: enough to use every part of a network.
_MOST = 600


def digits(numbers: Any) -> tuple[float, ...]:
    """Return an array of float32 as the shortest numbers that give the same float32 back."""
    return tuple(float(str(number)) for number in numbers.ravel())


def make(model: Classifier) -> list[TestCase]:
    """Return test cases of our own texts, and of two of the model's words: a few, and many."""
    words = model.tokenizer.vocabulary
    count = min(model.config.text.maxlen + 1, _MOST)
    spread = [words[i * len(words) // count] for i in range(count)] if words else []
    join = model.config.text.split.join
    texts = dict.fromkeys([*TEXTS, join(words[:20]), join(spread)])
    return [TestCase(text, digits(model.scores(text))) for text in texts]
