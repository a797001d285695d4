"""Train recurrent text classifiers in Keras: corpora, the network, fitting, evaluation.

>>> from pocketrnn_train import RECIPES, fit, read_corpus
>>> run = fit(RECIPES["classic"], read_corpus("aclImdb_v1.tar.gz"), "runs/mine")
"""

from typing import TYPE_CHECKING, Any

from .classify.evaluation import evaluate
from .classify.training import fit
from .config import TrainConfig
from .corpora import Corpus, Examples, read_corpus
from .recipes import RECIPES
from .run import Run

if TYPE_CHECKING:
    from .estimator import PocketClassifier

__all__ = [
    "RECIPES",
    "Corpus",
    "Examples",
    "PocketClassifier",
    "Run",
    "TrainConfig",
    "evaluate",
    "fit",
    "read_corpus",
]


def __getattr__(name: str) -> Any:
    """Import the estimator when it is asked for: it needs scikit-learn, which is slow to load."""
    if name != "PocketClassifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .estimator import PocketClassifier

    return PocketClassifier
