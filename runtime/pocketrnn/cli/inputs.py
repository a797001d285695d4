"""What the commands that read tables share: the options of reading, and the number of workers."""

import argparse
import os

from ..tables.formats import INPUTS
from ..tables.reading import Reading, ReadOptions


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the inputs, and how to read them, to a command."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="file (plain text, .csv, .tsv, .jsonl, also .gz or .zst of these; .parquet), folder "
        "of .txt files, pattern, or - for standard input",
    )
    parser.add_argument(
        "--text-column", metavar="NAME", help="column to score (default: the obvious one)"
    )
    parser.add_argument("--format", choices=INPUTS, help="of the inputs (default: by their names)")
    parser.add_argument(
        "--encoding", default="utf-8", help="of the inputs that are text (default: utf-8)"
    )
    parser.add_argument(
        "--no-header",
        dest="header",
        action="store_false",
        help="the first row of a table is a row like any other; its columns are called 1, 2, ...",
    )
    parser.add_argument(
        "--no-quotes",
        dest="quotes",
        action="store_false",
        help="quotes in CSV and TSV are characters like any other",
    )
    parser.add_argument(
        "--max-characters",
        type=int,
        default=ReadOptions.max_characters,
        metavar="N",
        help="a longer row is a row in error (default: %(default)s)",
    )
    parser.add_argument(
        "--max-lines",
        type=int,
        default=ReadOptions.max_lines,
        metavar="N",
        help="a quote in CSV or TSV that stays open for more lines is a row in error (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that score (default, and at most: the cores there are)",
    )


def reading(arguments: argparse.Namespace) -> Reading:
    """Return the options of reading."""
    return {name: getattr(arguments, name) for name in Reading.__annotations__}  # type: ignore[return-value]


def workers(arguments: argparse.Namespace) -> int:
    """Return how many processes are to score: never more than this one may use cores."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return cores if arguments.workers is None else min(arguments.workers, cores)
