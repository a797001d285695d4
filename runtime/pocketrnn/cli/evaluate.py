"""The command `pocketrnn evaluate`: how good a model is on texts whose labels are known."""

import argparse
import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ..classify.model import Classifier
from ..errors import ConfigError
from ..files import write_atomic
from ..tables.inputs import expanded
from . import command, inputs

if TYPE_CHECKING:
    from ..classify.evaluating import Evaluation

_CHARACTERS = 80  # of a text that is printed


def add_to(commands: Any) -> None:
    parser = command.command(
        commands,
        "evaluate",
        _evaluate,
        "compare what a model says with the labels that texts have",
        description="Say how good a model is on tables with a column of texts and one of labels.",
    )
    inputs.add_to(parser)
    add, several = partial(command.add, parser), {"action": "append", "default": []}
    add(
        "--model FILE",
        "model file (default: the bundled one); give a second one to compare both",
        action="append",
    )
    add("--label-column NAME", "column of the labels (default: the obvious one)")
    add(
        "--label-separator S",
        "what stands between the labels of a text, where the model gives several",
    )
    add("--weight-column NAME", "column that says how much each text counts")
    add("--rename OLD=NEW", "a label of the table, and what the model calls it", **several)
    add("--by NAME", "say how good it is for each value of this column, too", **several)
    add(
        "--precision P",
        "find the threshold of each label that has this precision, from 0 to 1",
        type=float,
    )
    add("--recall R", "the same, for this recall", type=float)
    add(
        "--on-error",
        "a row without a text or a weight, or with a label that the model doesn't have, stops "
        "the command (fail, the default) or is left out and counted (skip)",
        choices=("fail", "skip"),
        default="fail",
    )
    add("--json", "print one JSON object")
    add("--html REPORT", "write a page with pictures to this file")
    add("--force", "replace REPORT if it exists")
    command.add_trusted(parser)


def _evaluate(arguments: argparse.Namespace) -> None:
    from ..classify.evaluating import evaluate  # here, so that other commands start without it

    options = vars(arguments)
    names, page, force, as_json, trusted = (
        options.pop(name) for name in ("model", "html", "force", "json", "trusted")
    )
    names = names or [None]
    if page:
        page = command.new_file(page, force=force, inputs=expanded(arguments.inputs), models=names)
    if len(names) > 2:
        raise ConfigError("two models can be compared, not more")
    models = [Classifier.load(name, trusted=trusted) for name in names]
    options["workers"], options["rename"] = inputs.workers(arguments), _renamed(arguments.rename)
    against = models[1] if len(models) > 1 else None
    found = evaluate(**options, model=models[0], against=against)
    both = [f"{which}: {name}" for which, name in zip(("first", "second"), names, strict=False)]
    if page:
        from ..classify.page import evaluation_page

        write_atomic(page, evaluation_page(found, models[0], both))
    if as_json:
        command.output(json.dumps(found.to_dict()))
    else:
        command.output("\n".join(map(command.printable, _lines(found, both))))


def _renamed(pairs: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.rpartition("=")
        if not equals:
            raise ConfigError(f"--rename wants OLD=NEW, not {pair!r}")
        if old in names:
            raise ConfigError(f"--rename gives {old!r} two names, {names[old]!r} and {new!r}")
        names[old] = new
    return names


def _lines(found: "Evaluation", models: list[str]) -> Iterator[str]:
    from ..classify.report import headline, tables

    for value, what in headline(found):
        yield f"{value:>8}  {what}"
    for title, heads, rows, _ in tables(found, models):
        yield from ["", title]
        # The first column is aligned to the left.
        lines = [heads, *rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for name, *cells in lines:
            numbers = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
            yield "  ".join(["", name.ljust(widths[0]), *numbers])
    yield from ["", "Wrong, and most sure of it"]
    for each in found.worst:
        text = each.text if len(each.text) <= _CHARACTERS else each.text[:_CHARACTERS] + "…"
        yield f"  {each.place}: is {each.label} ({each.probability:.4f}), got {each.chosen}: {text}"
