"""Export trained Keras networks to ONNX, and prove that nothing changed on the way.

>>> from pathlib import Path
>>> from pocketrnn_export import export
>>> from pocketrnn_train import Run
>>> export(Run(Path("runs/mine")), "mine.onnx").difference
1.2e-07
"""

from .exporting import build, export
from .parity import Export, ParityError

__all__ = ["Export", "ParityError", "build", "export"]
