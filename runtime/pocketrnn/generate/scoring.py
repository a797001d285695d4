"""Score whole files: what the table engine runs over their texts is a generator."""

from dataclasses import dataclass
from typing import Any

from ..tables.block import Column
from .model import Generator


@dataclass(frozen=True)
class Bits:
    """From texts to how many bits a character of each holds."""

    model: Generator
    prefix: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column(f"{self.prefix}bits", "float"),)

    @property
    def identity(self) -> dict[str, Any]:
        return {"model": self.model.sha256}

    def __call__(self, texts: list[str]) -> list[Any]:
        return [self.model.bits(texts)]
