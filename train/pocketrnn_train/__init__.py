"""Train recurrent text classifiers in Keras: corpora, the network, fitting, evaluation.

>>> from pocketrnn_train import TrainConfig, fit, read_corpus
>>> run = fit(TrainConfig(epochs=3), read_corpus("aclImdb_v1.tar.gz"), "runs/mine")
"""

from .config import RECIPES, TrainConfig
from .corpus import Corpus, Examples, read_corpus
from .evaluation import evaluate
from .run import Run
from .training import fit

__all__ = ["RECIPES", "Corpus", "Examples", "Run", "TrainConfig", "evaluate", "fit", "read_corpus"]
