"""The command `pocketrnn score`: whole files, unattended."""

import argparse
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import counted
from ..files import refuse
from ..loading import load
from ..streams import is_terminal, say
from ..tables.formats import OUTPUTS
from ..tables.reading import ON_ERROR, STDIN
from . import command, inputs

if TYPE_CHECKING:
    from ..classify.scoring import Progress, Summary

_EPILOG = """\
exit codes: 0 all rows scored; 1 stopped; 2 wrong usage; 3 done, but with rows in error;
130 interrupted. After 1 or 130, the same command with --resume goes on."""


def add_to(commands: Any) -> None:
    parser = command.command(
        commands,
        "score",
        _score,
        "add label and score to every row of whole files",
        description="Write the rows of files, with columns label and score added, to a new file.",
        epilog=_EPILOG,
    )
    inputs.add_to(parser)
    add = partial(command.add, parser)
    add(
        "-o --output OUTPUT",
        "file to write (.csv, .tsv, .jsonl, also .gz or .zst of these; .parquet), or - for "
        "standard output",
        required=True,
    )
    command.add_model(parser)
    add("--output-format", "of the output (default: by its name)", choices=OUTPUTS)
    add("--source-column NAME", "add a column with the file that a row is from")
    add("--probabilities", "add the probability of each label too")
    command.add_unsure(parser)
    add(
        "--explain N",
        "add the N words that did most to the score; takes milliseconds a row",
        default=0,
    )
    add("--known", "add how many words were read, and how many are known")
    add(
        "--label-separator S",
        "put S between labels, where the model gives several a text (default: ;)",
    )
    add("--prefix P", "put P before new columns' names", default="")
    add(
        "--on-error",
        "a row that can't be scored stops the run (fail, the default), is left out (skip), or "
        "gets an empty label and score (null); OUTPUT.errors.csv lists such rows",
        choices=ON_ERROR,
        default="fail",
    )
    add("--resume", "go on with an unfinished run, if there is one")
    add("--force", "replace OUTPUT; without --resume, start over")


def _score(arguments: argparse.Namespace) -> int:
    from ..classify.scoring import score_file  # here, so that the other commands start without it

    options = vars(arguments)
    refuse(Path(options["output"]), [options["model"]], "model")
    model = load(options.pop("model"), trusted=options.pop("trusted"))
    options["workers"] = inputs.workers(arguments)
    try:
        with closing(_Bar(name_column=options["text_column"] is None)) as bar:
            summary = score_file(**options, model=model, progress=bar)
    except KeyboardInterrupt:
        if options["output"] != STDIN:
            say("go on with --resume")
        raise
    return command.done(_line(summary), summary)


def _line(summary: "Summary") -> str:
    labels = ", ".join(f"{label} {count:,}" for label, count in summary.labels.items())
    if summary.without_label:
        labels += f", no label {summary.without_label:,}"
    now = f", {summary.rows - summary.rows_before:,} scored now," if summary.rows_before else ""
    rate = f"{summary.seconds:.1f} s ({summary.rows_per_second:,.0f} rows/s)"
    labels = f": {labels}" if labels else ""
    rows = summary.rows + summary.errors
    lines = f" from {counted(summary.lines, 'line')}" if summary.lines != rows else ""
    return f"{counted(rows, 'row')}{lines}{now} in {rate}{labels}; {summary.errors:,} in error"


class _Bar:
    """A progress bar on standard error, if that is a terminal."""

    def __init__(self, *, name_column: bool) -> None:
        self._name_column = name_column
        self._bar: Any = None

    def __call__(self, progress: "Progress") -> None:
        if self._name_column and progress.text_column is not None:
            say(f"text column: {command.printable(progress.text_column)}")
        self._name_column = False
        if not is_terminal(sys.stderr):
            return
        in_bytes = progress.unit == "B" and progress.total is not None
        done = progress.position if in_bytes else progress.rows
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=progress.total,
                initial=done,
                unit="B" if in_bytes else " rows",
                unit_scale=in_bytes,
                dynamic_ncols=True,
                leave=False,
            )
        if in_bytes:
            self._bar.set_postfix_str(f"{progress.rows:,} rows", refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
