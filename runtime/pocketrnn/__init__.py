"""Score text with a small recurrent network, exactly as it was trained, on numpy and onnxruntime.

>>> import pocketrnn
>>> model = pocketrnn.load()
>>> model.predict("A warm, funny film.").label
'positive'
"""

from typing import TYPE_CHECKING, Any

from . import errors
from . import session as session  # sets what has to be set before onnxruntime's import

if TYPE_CHECKING:
    from .classify.evaluating import Evaluation, evaluate
    from .classify.explaining import Explanation, Span
    from .classify.file import ClassifierConfig
    from .classify.model import Classifier, Prediction, Reading
    from .classify.scoring import Progress, ScoredRow, Summary, score_file, score_rows
    from .classify.text import TextConfig, Tokenizer
    from .errors import PocketRNNError
    from .loading import load
    from .verifying import Verification, verify

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "Evaluation",
    "Explanation",
    "PocketRNNError",
    "Prediction",
    "Progress",
    "Reading",
    "ScoredRow",
    "Span",
    "Summary",
    "TextConfig",
    "Tokenizer",
    "Verification",
    "__version__",
    "errors",
    "evaluate",
    "load",
    "score_file",
    "score_rows",
    "verify",
]

_MODULES = {
    "classify.evaluating": ("Evaluation", "evaluate"),
    "classify.explaining": ("Explanation", "Span"),
    "classify.file": ("ClassifierConfig",),
    "classify.model": ("Classifier", "Prediction", "Reading"),
    "classify.scoring": ("Progress", "ScoredRow", "Summary", "score_file", "score_rows"),
    "classify.text": ("TextConfig", "Tokenizer"),
    "errors": ("PocketRNNError",),
    "loading": ("load",),
    "verifying": ("Verification", "verify"),
}
_LATER = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: the command can then say what an import fails for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LATER[name]}", __name__), name)
