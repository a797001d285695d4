"""Tables of texts for the tests, and runs that are stopped."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

from pocketrnn import score_file, score_rows
from tinyonnx import tiny

MODEL = tiny()


def write_numbered(path: Path, texts: Iterable[str]) -> Path:
    """Write a CSV file of the columns `number` and `text`."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "text"])
        writer.writerows(enumerate(texts))
    return path


def score(source, output, **options):
    """Score files with the tiny model, if no other is given."""
    return score_file(source, output, **{"model": MODEL, **options})


def rows_of(source, **options):
    return score_rows(source, **{"model": MODEL, **options})


def read(source, **options):
    """Return line, text and problem of each row."""
    rows = rows_of(source, **{"text_column": "text", **options})
    return [(row.line, row.values.get("text"), row.problem) for row in rows]


class Stopped(Exception):
    """What ends a run."""


def stop(*_: object, **__: object) -> None:
    raise Stopped


def stopping_after(blocks: int) -> Callable[[object], None]:
    """Return a progress callback that stops the run after so many blocks."""
    left = iter(range(blocks))
    return lambda _: stop() if next(left, None) is None else None


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def folder_of(output: Path) -> Path:
    """Return the folder of a run whose output isn't whole yet."""
    return Path(f"{output}.pocketrnn-run")


def parts(output: Path) -> list[str]:
    return sorted(path.name for path in folder_of(output).glob("*.part"))
