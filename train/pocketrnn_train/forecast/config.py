"""The settings of a forecaster's run, and the recipes."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pocketrnn.config import ONE, Count, Settings, Share
from pocketrnn.forecast.file import ForecasterConfig
from pocketrnn.forecast.frequency import Frequency
from pocketrnn.modelfile.network import NetworkConfig

from ..config import FitConfig, RunConfig

# Levels of 50, 80, 90, 95 and 99 %.
QUANTILES = (0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.995)


@dataclass(frozen=True)
class ForecastConfig(Settings):
    """The task: what series are like, and how windows are drawn from them."""

    frequency: str = "MS"
    """Time from one value to the next: MS, h, 15min, D, W and so on."""
    horizon: Count = 18
    """Values ahead."""
    season: Annotated[int | None, ONE] = None
    """Values after which a series is alike, 1 for none; by default what is usual."""
    context: Annotated[int | None, ONE] = None
    """Last values that are read; by default some seasons."""
    segment: Annotated[int | None, ONE] = None
    """Values that the network reads in a step; by default a season."""
    start: Literal["bundled", "scratch"] = "scratch"
    """Whether training goes on from the bundled forecaster with this season, if there is one."""
    steps: Count = 250
    """Training steps of an epoch."""
    short: Share = 0.2
    """Share of the windows whose history is cut short."""
    holes: Share = 0.05
    """Share of the values of some windows that become unknown."""


@dataclass(frozen=True)
class ForecasterTrainConfig(RunConfig):
    """All settings of a forecaster's run."""

    task: ForecastConfig = field(default_factory=ForecastConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.forecaster(log=True)  # which checks all

    def forecaster(self, *, log: bool) -> ForecasterConfig:
        """Return what the model file says; `log` where all series are positive."""
        task = self.task
        season = task.season or Frequency(task.frequency).season
        segment = task.segment or (season if season > 1 else _SEGMENT)
        context = task.context or _context(season, segment, task.horizon)
        return ForecasterConfig(
            frequency=task.frequency,
            season=season,
            segment=segment,
            context=context,
            horizon=task.horizon,
            quantiles=QUANTILES,
            least_known=min(max(season, _LEAST), context),
            log=log,
            network=self.network,
        )


# Without a season.
_SEGMENT = 13

# Known values that a series must have, if a season has fewer.
_LEAST = 4


def _context(season: int, segment: int, horizon: int) -> int:
    """Return six seasons or more, two weeks of hours, twelve weeks of days; or two horizons."""
    if season == 1:
        values = 104
    else:
        seasons = 14 if season >= 24 else 12 if season == 7 else max(6, math.ceil(32 / season))
        values = season * seasons
    return segment * math.ceil(max(values, 2 * horizon) / segment)


_SCRATCH = ForecasterTrainConfig(
    network=NetworkConfig(embedding=48, cell="gru", units=64),
    fit=FitConfig(
        optimizer="adam",
        learning_rate=0.002,
        warm_up=0.05,
        clip=1.0,
        epochs=10,
        batch_size=256,
    ),
)

RECIPES = {
    "default": _SCRATCH.with_settings(start="bundled"),
    "scratch": _SCRATCH,
    "classic": _SCRATCH.with_settings(cell="simple_rnn", segment=1),
}
