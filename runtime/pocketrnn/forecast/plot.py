"""Pictures of series with their forecasts, by matplotlib."""

import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import require
from ..files import write_atomic
from .file import ForecasterConfig

# Series in a picture.
_MOST = 6


class Picture:
    """Some series below each other, with what was forecast for them."""

    def __init__(self, config: ForecasterConfig, level: float) -> None:
        """Start empty. Raises MissingExtraError without `pocketrnn[plot]`."""
        require("plot", "matplotlib")
        self._ends = list(config.ends(level))
        self._level, self._context = level, config.context
        self._drawn: list[tuple[str, NDArray[Any], NDArray[Any], NDArray[Any] | None]] = []

    def draw(
        self,
        title: str,
        history: NDArray[np.float64],
        quantiles: NDArray[np.float32],
        future: NDArray[np.float64] | None = None,
    ) -> None:
        """Draw a series, its quantiles (horizon, quantiles), and what came if that is known.

        Only the first six are drawn.
        """
        if len(self._drawn) < _MOST:
            self._drawn.append((title, history[-self._context :], quantiles, future))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture, in the format that its name tells: HTML too."""
        from matplotlib.figure import Figure  # no pyplot: no window, no global state

        rows = max(len(self._drawn), 1)
        figure = Figure(figsize=(9, 2.6 * rows), layout="constrained")
        for axes, (title, history, quantiles, future) in zip(
            figure.subplots(rows, squeeze=False)[:, 0], self._drawn, strict=False
        ):
            ahead = len(history) + np.arange(len(quantiles))
            axes.plot(history, color="black", linewidth=1)
            if future is not None:
                axes.plot(ahead, future, color="black", linewidth=1, linestyle=":")
            low, high = quantiles[:, self._ends].T
            axes.plot(ahead, quantiles[:, quantiles.shape[1] // 2], color="C0")
            axes.fill_between(ahead, low, high, color="C0", alpha=0.25, linewidth=0)
            # Dollars in a name are no mathematics.
            axes.set_title(f"{title} (interval: {self._level:g} %)", parse_math=False)
        if not str(path).endswith(".html"):
            figure.savefig(path, dpi=100)
            return
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg")
        svg = drawn.getvalue().partition("<svg")[2]
        write_atomic(path, f"<!doctype html><title>Forecasts</title><svg{svg}")
