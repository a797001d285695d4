"""The configuration of a network: all that decides which nodes its graph has."""

from dataclasses import dataclass
from typing import Annotated, Literal

from ..config import Bound, Settings, between, check

# The only limits of size that a model file needs: what a network costs follows from them.
MOST_UNITS = 512
MOST_LAYERS = 4

Cell = Literal["simple_rnn", "gru", "lstm"]
Weights = Literal["float32", "float16", "int8"]


@dataclass(frozen=True)
class NetworkConfig(Settings):
    """Embedding, recurrent layers, pooling and a dense head, as Keras has them.

    The defaults are the classic Keras SimpleRNN on IMDB.
    """

    embedding: Annotated[int, between(1, MOST_UNITS)] = 32
    """Width of the word vectors, or of what else the cell reads."""
    cell: Cell = "simple_rnn"
    """Kind of recurrent layer."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Of a SimpleRNN; GRU and LSTM have tanh."""
    units: Annotated[int, between(1, MOST_UNITS)] = 32
    """Width of each recurrent layer, in one direction."""
    layers: Annotated[int, between(1, MOST_LAYERS)] = 1
    """Recurrent layers on top of each other."""
    bidirectional: bool = False
    """Whether each layer reads both ways."""
    mask: bool = False
    """Whether padding (id 0) is left out of states and pooling."""
    pooling: Literal["last", "sqrtn_max"] = "last"
    """What the head sees: the last state, or all states' sum, over 16 times the root of their
    number, and their maximum."""
    window: Annotated[int, Bound("0 or more", lambda window: window >= 0)] = 0
    """Words after which the state starts afresh, with sqrtn_max; 0: never."""
    weights: Weights = "float32"
    """How large matrices are stored; training rounds them to that."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            not self.window or self.pooling == "sqrtn_max",
            f"windows need the pooling sqrtn_max; with {self.pooling}, set window to 0",
        )
        check(
            self.activation == "tanh" or self.cell == "simple_rnn",
            f"the cell {self.cell} has the activation tanh, not {self.activation}",
        )

    @property
    def gates(self) -> int:
        """Return how many times `units` a step's input is wide."""
        return {"simple_rnn": 1, "gru": 3, "lstm": 4}[self.cell]

    @property
    def directions(self) -> int:
        """Return 2 where each layer reads both ways, else 1."""
        return 2 if self.bidirectional else 1
