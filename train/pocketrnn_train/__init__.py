"""Train recurrent text classifiers in Keras: corpora, the network, fitting, evaluation.

>>> from pocketrnn_train import RECIPES, fit, read_corpus
>>> run = fit(RECIPES["classic"], read_corpus("aclImdb_v1.tar.gz"), "runs/mine")
"""

from .classify.evaluation import evaluate
from .classify.training import fit
from .config import TrainConfig
from .corpora import Corpus, Examples, read_corpus
from .recipes import RECIPES
from .run import Run

__all__ = ["RECIPES", "Corpus", "Examples", "Run", "TrainConfig", "evaluate", "fit", "read_corpus"]
