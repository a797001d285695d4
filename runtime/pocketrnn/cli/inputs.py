"""What the commands that read tables share: the options of reading, and the number of workers."""

import argparse
import os
from functools import partial

from ..tables.formats import INPUTS
from ..tables.reading import ReadOptions
from . import command


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="file (plain text, .csv, .tsv, .jsonl, also .gz or .zst of these; .json, .xlsx, "
        ".parquet), folder of .txt files, pattern, or - for standard input",
    )
    add = partial(command.add, parser)
    add("--text-column NAME", "column to score (default: the obvious one)")
    add("--format", "of the inputs (default: by their names)", choices=INPUTS)
    add("--encoding NAME", "of the inputs that are text (default: %(default)s)", default="utf-8")
    add(
        "--no-header",
        "the first row of a table is a row like any other; its columns are called 1, 2, ...",
    )
    add("--no-quotes", "quotes in CSV and TSV are characters like any other")
    add(
        "--max-characters N",
        "a longer row is a row in error (default: %(default)s)",
        default=ReadOptions.max_characters,
    )
    add(
        "--max-lines N",
        "a quote in CSV or TSV that stays open for more lines is a row in error (default: "
        "%(default)s)",
        default=ReadOptions.max_lines,
    )
    add("--workers N", "processes that score (default, and at most: the cores there are)", type=int)


def workers(arguments: argparse.Namespace) -> int:
    """Return how many processes are to score: never more than this one may use cores."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return cores if arguments.workers is None else min(arguments.workers, cores)
