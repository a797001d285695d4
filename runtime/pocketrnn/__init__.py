"""Label texts, forecast series and generate text, on numpy and onnxruntime alone.

>>> import pocketrnn
>>> model = pocketrnn.load()
>>> model.predict("A warm, funny film.").label
'positive'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors
from . import session as _session  # noqa: F401 (now: it has to switch onnxruntime's telemetry off)
from .errors import PocketRNNError

if TYPE_CHECKING:
    from .classify.evaluating import Evaluation, evaluate
    from .classify.explaining import Explanation, Span
    from .classify.file import ClassifierConfig
    from .classify.model import Classifier, Prediction, Reading
    from .classify.scoring import Progress, ScoredRow, Summary, score_file, score_rows
    from .classify.text import TextConfig, Tokenizer
    from .forecast.model import Forecast, Forecaster
    from .generate.model import Generator
    from .loading import bundled, load
    from .verifying import Verification, verify

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "Evaluation",
    "Explanation",
    "Forecast",
    "Forecaster",
    "Generator",
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
    "bundled",
    "errors",
    "evaluate",
    "load",
    "score_file",
    "score_rows",
    "verify",
]

# By module, imported when one of its names is first asked for: each task needs its own alone, and
# the command can say what an import fails for.
_LATER = {
    "classify.evaluating": ("Evaluation", "evaluate"),
    "classify.explaining": ("Explanation", "Span"),
    "classify.file": ("ClassifierConfig",),
    "classify.model": ("Classifier", "Prediction", "Reading"),
    "classify.scoring": ("Progress", "ScoredRow", "Summary", "score_file", "score_rows"),
    "classify.text": ("TextConfig", "Tokenizer"),
    "forecast.model": ("Forecast", "Forecaster"),
    "generate.model": ("Generator",),
    "loading": ("bundled", "load"),
    "verifying": ("Verification", "verify"),
}


def __getattr__(name: str) -> Any:
    """Import what holds `name`, one of those of `_LATER`."""
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, those that aren't imported yet too."""
    return sorted(__all__)
