"""What a forecaster's model file says: its settings and test cases."""

import math
from dataclasses import dataclass
from functools import partial
from numbers import Real

import numpy as np

from .. import modelfile
from ..config import Settings, check
from ..errors import ConfigError
from ..modelfile import ModelFile, onnx
from ..modelfile.network import NetworkConfig
from ..modelfile.series import Shape, forecaster
from .frequency import Frequency

TASK = "forecast"

# What a graph costs follows from these, and from the network's bounds.
MOST_VALUES = 4096
MOST_QUANTILES = 99
MOST_OUTPUTS = 1 << 14


@dataclass(frozen=True)
class ForecasterConfig(Settings):
    """What a forecaster reads and gives."""

    frequency: str
    """Time from one value to the next, as `Frequency` has it: `MS`, `h`, `15min`."""
    season: int
    """Values after which a series is alike; 1 if there is no season."""
    segment: int
    """Values that the network reads in a step."""
    context: int
    """Last values of a series that are read."""
    horizon: int
    """Values ahead."""
    quantiles: tuple[float, ...]
    """Which quantiles a forecast has, from the lowest to the highest, 0.5 in the middle."""
    least_known: int
    """Known values that a series must have."""
    log: bool
    """Whether a series of positive values is scaled by its logarithm."""
    network: NetworkConfig

    def __post_init__(self) -> None:
        super().__post_init__()
        Frequency(self.frequency)
        context = self.context
        bounds = {"context": MOST_VALUES, "horizon": MOST_VALUES, "season": context - 1}
        for name, most in {**bounds, "segment": context, "least_known": context}.items():
            value = getattr(self, name)
            check(1 <= value <= most, f"{name} must be from 1 to {most}, not {value}")
        check(context % self.segment == 0, "context must be a multiple of segment")
        quantiles = np.array(self.quantiles)
        check(
            3 <= len(quantiles) <= MOST_QUANTILES
            and len(quantiles) % 2 == 1
            and quantiles[0] > 0
            and bool((np.diff(quantiles) > 0).all())
            and np.allclose(quantiles, 1 - quantiles[::-1], atol=1e-6),
            "quantiles must rise from over 0, the same on both sides of 0.5 in the middle",
        )
        check(
            len(quantiles) * self.horizon <= MOST_OUTPUTS,
            f"at most {MOST_OUTPUTS:,} quantiles of all values ahead together may be there",
        )
        network = self.network
        check(
            not (network.bidirectional or network.mask)
            and (network.pooling, network.activation) == ("last", "tanh"),
            "a forecaster's network reads one way, without mask and pooling, by tanh",
        )

    def column(self, quantile: float) -> int:
        """Return where a quantile stands. Raises ConfigError if there is none such."""
        for column, share in enumerate(self.quantiles):
            if math.isclose(share, quantile, abs_tol=1e-6):
                return column
        levels = [100 * (1 - 2 * q) for q in self.quantiles if q < 0.5]
        raise ConfigError(
            f"the model has no quantile {quantile:g}; level must be one of "
            f"{', '.join(f'{level:g}' for level in levels)}, and share one of "
            f"{', '.join(f'{1 - level / 100:g}' for level in levels)}"
        )

    def ends(self, level: float) -> tuple[int, int]:
        """Return where the ends of the interval of `level` % stand. Raises ConfigError."""
        wanted = f"level must be between 0 and 100 %, not {level!r:.40}"
        check(isinstance(level, Real) and 0 < level < 100, wanted)
        check(level >= 1, f"level is in per cent: {100 * level:g} rather than {level:g}?")
        return self.column(0.5 - level / 200), self.column(0.5 + level / 200)

    @property
    def shape(self) -> Shape:
        """Return what the graph takes from these settings."""
        count = len(self.quantiles)
        return Shape(self.context, self.horizon, count, self.season, self.segment, self.log)

    def graph(self) -> onnx.Graph:
        """Return the graph of a file with these settings."""
        return forecaster(self.network, self.shape)


@dataclass(frozen=True)
class TestCase(Settings):
    """A series and its quantiles, so that any machine can test itself."""

    values: tuple[float | None, ...]
    """The last ones may be fewer than the context; None is unknown."""
    quantiles: tuple[float, ...]
    """Of each value ahead, one after another."""

    __test__ = False  # pytest would take it for a test


to_bytes = partial(modelfile.to_bytes, TASK)
"""As `modelfile.to_bytes`: a forecaster has no vocabulary."""


def read(file: ModelFile) -> tuple[ForecasterConfig, tuple[TestCase, ...]]:
    """Return what a model file says; ConfigError for what none would."""
    check(not file.vocabulary, "a forecaster has no vocabulary")
    config = ForecasterConfig.from_dict(file.config)

    def fits(case: TestCase) -> bool:
        numbers = [value for value in case.values if value is not None]
        return (
            len(case.quantiles) == config.horizon * len(config.quantiles)
            and all(map(math.isfinite, (*numbers, *case.quantiles)))
            and len(numbers) >= config.least_known
        )

    return config, file.cases(TestCase, fits)
