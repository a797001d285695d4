"""The command `pocketrnn explain`: what each word of a text did to its score."""

import argparse
import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from ..classify.labels import shown
from ..classify.model import Classifier
from ..files import write_atomic
from ..streams import is_terminal
from . import command

if TYPE_CHECKING:
    from ..classify.explaining import Explanation

_LISTED = 10  # words below a text

# ANSI background colours, weak to strong: for the label, and against it.
_GREENS, _REDS = (194, 157, 114), (224, 217, 203)


def add_to(commands: Any) -> None:
    parser = command.command(
        commands,
        "explain",
        _explain,
        "say what each word of a text did to its score",
        description="Say what the score would be without each word: above 0, it speaks for the\n"
        "label. On a terminal the words are coloured, unless NO_COLOR is set.",
    )
    parser.add_argument("texts", nargs="+", metavar="TEXT")
    command.add_model(parser)
    add = partial(command.add, parser)
    add("--label LABEL", "explain this label (default: the one that the text gets)")
    add("--json", "print one JSON object a text")
    add("--html PAGE", "write a page of coloured words to this file")
    add("--force", "replace PAGE if it exists")


def _explain(arguments: argparse.Namespace) -> None:
    page = arguments.html and command.new_file(
        arguments.html, force=arguments.force, models=[arguments.model]
    )
    model = Classifier.load(arguments.model, trusted=arguments.trusted)
    command.refuse_files(arguments.texts)
    found = model.explain(arguments.texts, label=arguments.label)
    if page:
        from ..classify.page import explanation_page

        write_atomic(page, explanation_page(found))
    for each in found:
        if arguments.json:
            command.output(json.dumps(each.to_dict()))
            continue
        text, score = command.printable(each.text), shown(each.score, each.threshold)
        if is_terminal(sys.stdout) and not os.environ.get("NO_COLOR"):
            text = _coloured(each)
        command.output(f"{command.printable(each.label or 'unknown')}  {score}  {text}")
        for words, weight in each.strongest(_LISTED):
            command.output(f"  {weight:+.4f}  {command.printable(words)}")
        unknown = [each.text[span.start : span.end] for span in each.spans if not span.known]
        if unknown:
            command.output("  unknown: " + command.printable(" ".join(dict.fromkeys(unknown))))


def _coloured(explanation: "Explanation") -> str:
    """Return the text for a terminal: black on green or red, and unknown words underlined."""
    parts = []
    for before, word, span, share in explanation.pieces():
        shown = command.printable(word)
        if not span.known:
            shown = f"\033[4m{shown}\033[0m"
        elif share >= 0.05:
            colour = (_GREENS if span.weight > 0 else _REDS)[min(int(3 * share), 2)]
            shown = f"\033[30;48;5;{colour}m{shown}\033[0m"
        parts += [command.printable(before), shown]
    return "".join([*parts, command.printable(explanation.rest)])
