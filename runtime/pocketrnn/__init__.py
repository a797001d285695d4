"""Score text with a small recurrent network, exactly as it was trained, on numpy and onnxruntime.

>>> import pocketrnn
>>> model = pocketrnn.load()
>>> model.predict("A warm, funny film.").label
'positive'
"""

from . import errors
from .errors import PocketRNNError
from .model import Model, Prediction, load
from .modelfile import ModelConfig
from .scoring import Progress, ScoredRow, Summary, score_file, score_rows
from .text import TextConfig, Tokenizer

__version__ = "0.1.0"

__all__ = [
    "Model",
    "ModelConfig",
    "PocketRNNError",
    "Prediction",
    "Progress",
    "ScoredRow",
    "Summary",
    "TextConfig",
    "Tokenizer",
    "__version__",
    "errors",
    "load",
    "score_file",
    "score_rows",
]
