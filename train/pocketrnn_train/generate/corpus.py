"""What a generator learns from: running text, or lines with the weight of each."""

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pocketrnn.errors import ConfigError, InputError
from pocketrnn.tables.folder import text_files
from pocketrnn.tables.reading import ReadOptions, check_column, find_text_column
from pocketrnn.tables.textfile import byte_order, reading_errors

from ..corpora import table


@dataclass(frozen=True)
class Sequences:
    """Texts, each with how often it counts; those of running text once."""

    texts: Mapping[str, float]
    rows: int
    """How many an epoch has: as many as were read, a text that was there twice included."""
    names: tuple[str, ...]
    """The files that they are from."""

    def facts(self) -> dict[str, Any]:
        """Return what a run says of its corpus: no texts."""
        sha256 = hashlib.sha256()
        for text, weight in self.texts.items():
            data = text.encode("utf-8", "surrogatepass")
            sha256.update(f"{weight:.17g} {len(data)}\0".encode() + data)
        return {
            "task": "generate",
            "name": ", ".join(self.names),
            "texts": len(self.texts),
            "characters": sum(map(len, self.texts)),
            "sha256": sha256.hexdigest(),
        }

    def split(self, share: float, *, lines: bool, seed: int) -> tuple["Sequences", "Sequences"]:
        """Return what is learnt and what is held out: lines at random, else the end of the text.

        A line is on one side only, however often it counts. Raises ConfigError for too little.
        """
        texts = list(self.texts)
        if lines:
            order = np.random.default_rng(seed).permutation(len(texts))
            count = max(1, round(share * len(texts)))
            parts = [
                {texts[i]: self.texts[texts[i]] for i in rows}
                for rows in (np.sort(order[count:]), np.sort(order[:count]))
            ]
        else:
            left, parts = round((1 - share) * sum(map(len, texts))), [{}, {}]
            for text in texts:
                cut = max(left, 0)
                parts[0][text[:cut]] = parts[1][text[cut:]] = 1.0
                left -= len(text)
            for part in parts:
                part.pop("", None)
        if not all(parts):
            raise ConfigError("too little text: some is needed to learn, and some to hold out")
        total = sum(self.texts.values())
        kept, held_out = (
            Sequences(part, max(round(self.rows * sum(part.values()) / total), 1), self.names)
            for part in parts
        )
        return kept, held_out


def read_text(paths: Sequence[str | Path], encoding: str = "utf-8") -> Sequences:
    """Read files, and the .txt files of folders, as running text; InputError where one can't be."""
    texts: dict[str, float] = {}
    for path in map(Path, paths):
        for file in text_files(path) if path.is_dir() else [path]:
            with reading_errors(str(file), encoding):
                data = file.read_bytes()
                mark, exact = byte_order(data[:4], encoding)
                text = io.TextIOWrapper(io.BytesIO(data[len(mark) :]), exact).read()
            if text:
                texts[text] = 1.0
    return Sequences(texts, len(texts), tuple(Path(path).name for path in paths))


def read_lines(
    paths: Sequence[str | Path],
    encoding: str = "utf-8",
    *,
    text_column: str | None = None,
    weight_column: str | None = None,
) -> Sequences:
    """Read the lines of files, or the rows of tables, with their weights; blank ones are left out.

    A line that is there more than once counts as often. Raises InputError for what can't be read
    and for a weight that isn't a number over 0, ConfigError for columns that aren't there.
    """
    weights: dict[str, float] = {}
    count = 0
    for path in map(Path, paths):
        with closing(table.open_table(path, ReadOptions(encoding))) as reader:
            if weight_column is not None:
                check_column(reader, weight_column)
            column = find_text_column(reader, text_column, label_column=weight_column)
            for where, text, value in table.read_rows(reader, column, weight_column):
                if not text:
                    continue
                weight = 1.0 if weight_column is None else table.number(value, where) or 0.0
                if not 0 < weight < math.inf:
                    raise InputError(
                        f"{where}: a weight must be a finite number over 0, not {value!r:.40}"
                    )
                weights[text] = weights.get(text, 0.0) + weight
                count += 1
    return Sequences(weights, count, tuple(Path(path).name for path in paths))
