"""Tables of texts for the tests."""

import csv
from collections.abc import Iterable
from pathlib import Path


def write_numbered(path: Path, texts: Iterable[str]) -> Path:
    """Write a CSV file of the columns `number` and `text`."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "text"])
        writer.writerows(enumerate(texts))
    return path
