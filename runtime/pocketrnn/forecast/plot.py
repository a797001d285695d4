"""Pictures of series with their forecasts, by matplotlib."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config import check
from ..extras import require
from ..files import replacing, write_atomic
from .file import ForecasterConfig

MOST = 6
"""Series in a picture."""

Drawn = tuple[str, Any, Any, Any, Sequence[Any]]
"""A title, a series, its quantiles (horizon, quantiles), what came or None, and the time stamps of
the series' last values and of its quantiles, or none."""

_TICKS = 5


def check_name(path: str | Path) -> None:
    """Raise ConfigError for a file that no picture can be; MissingExtraError without matplotlib."""
    kinds = (".png", ".svg", ".pdf", ".html")
    check(Path(path).suffix in kinds, f"{path}: a picture's name ends in {', '.join(kinds)}")
    check(Path(path).parent.is_dir(), f"{path}: there is no such folder for the picture")
    require("plot", "matplotlib")


def draw(path: str | Path, drawn: Sequence[Drawn], config: ForecasterConfig, level: float) -> None:
    """Draw series below each other, with their intervals of `level` %."""
    check_name(path)
    from matplotlib.figure import Figure  # no pyplot: no window, no global state

    rows = max(len(drawn), 1)
    figure = Figure(figsize=(9, 2.6 * rows), layout="constrained")
    places = figure.subplots(rows, squeeze=False)[:, 0]
    for axes, (title, series, quantiles, future, stamps) in zip(places, drawn, strict=False):
        history = series[-config.context :]
        ahead = len(history) + np.arange(len(quantiles))
        axes.plot(history, color="black", linewidth=1)
        if future is not None:
            axes.plot(ahead, future, color="black", linewidth=1, linestyle=":")
        low, high = quantiles[:, list(config.ends(level))].T
        axes.plot(ahead, quantiles[:, quantiles.shape[1] // 2], color="C0")
        axes.fill_between(ahead, low, high, color="C0", alpha=0.25, linewidth=0)
        if stamps:
            ticks = np.linspace(0, len(stamps) - 1, _TICKS).astype(int)
            # Long ones, with an offset say, would run into each other.
            axes.set_xticks(ticks, [str(stamps[tick]) for tick in ticks], rotation=15, ha="right")
        # Dollars in a name are no mathematics.
        axes.set_title(f"{title} (interval: {level:g} %)", parse_math=False)
    if Path(path).suffix != ".html":
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=100)
        return
    page = io.StringIO()
    figure.savefig(page, format="svg")
    svg = page.getvalue().partition("<svg")[2]
    write_atomic(path, f"<!doctype html><title>Forecasts</title><svg{svg}")
