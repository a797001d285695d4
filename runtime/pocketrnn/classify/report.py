"""An evaluation as tables of text, for the shell and the page alike."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .evaluating import Evaluation

MODELS = ("first", "second")  # what two are called, unless by the names of their files too
_MOST_LABELS = 20  # a larger confusion matrix is shown as a list of the most frequent confusions
_ROWS = 30  # of a table; what `to_dict` gives is whole


class Table(NamedTuple):
    """A table with a title; a row's first cell is its name."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    is_confusion: bool = False


def percent(value: float | None) -> str:
    """Return a share as people read it."""
    return "-" if value is None else f"{100 * value:.1f} %"


def number(value: float) -> str:
    """Return how many texts there are, or the sum of their weights, as people read it."""
    return f"{round(value, 1):,}"


def headline(found: Evaluation) -> list[tuple[str, str]]:
    """Return the main figures, each with what it says."""
    low, high = found.interval
    interval = f"(95 % interval: {100 * low:.1f} to {percent(high)})"
    if found.micro_f1 is None:
        lines = [
            (percent(found.accuracy), f"right {interval}"),
            (percent(found.baseline), "by always giving the most frequent label"),
        ]
    else:
        lines = [
            (percent(found.accuracy), f"right in all labels of a text {interval}"),
            (percent(found.baseline), "by always giving the most frequent labels"),
            (f"{found.micro_f1:.4f}", "F1 of all labels together (micro)"),
            (f"{found.macro_f1:.4f}", "mean F1 of the labels (macro)"),
        ]
    lines += [
        (f"{found.calibration_error:.4f}", "calibration error"),
        (f"{found.log_loss:.4f}", "log loss"),
        (percent(found.known_words), f"of the words known; none in {number(found.unknown)} texts"),
        (f"{found.texts:,}", "texts, of the column {!r}; labels of {!r}".format(*found.columns)),
        (f"{found.errors:,}", "rows left out"),
        *((f"{count:,}", f"for this reason: {reason}") for reason, count in found.reasons.items()),
    ]
    if found.threshold not in (None, 0.5):
        what = f"{list(found.labels)[1]} is given where its probability is over it"
        lines.append((f"{found.threshold:.4f}", f"is the threshold: {what}"))
    return lines


def tables(found: Evaluation, names: Sequence[str] = MODELS) -> Iterator[Table]:
    """Yield the tables of a report; `names` are those of two models."""
    if compared := found.comparison:
        title = (
            f"Two models: only the first is right on {compared.only_first:,} texts, only the "
            f"second on {compared.only_second:,}"
        )
        if compared.p_value is not None:
            title += f"; p = {compared.p_value:.2g} (McNemar)"
        both = zip(names, (found, compared.other), strict=True)
        heads = ["model", "right", "baseline", "calibration error", "log loss"]
        if found.micro_f1 is not None:
            heads[3:3] = ["micro F1", "macro F1"]
        count = len(heads) - 1
        rows = [[name, *(value for value, _ in headline(each)[:count])] for name, each in both]
        yield Table(title, heads, rows)
        yield _labels(found, "Labels, first model")
        yield _labels(compared.other, "Labels, second model")
    else:
        yield _labels(found, "Labels")
    if found.confusion:  # a text has one label
        yield _confusion(found)
    rows = [
        [percent(band.share), percent(band.accuracy), f"{band.low:.4f}", f"{band.high:.4f}"]
        for band in found.unsure
    ]
    heads = ["answered", "right", "unsure from", "to"]
    if rows:
        yield Table("If texts within a band are called unsure", heads, rows)
    groups = {"words read": found.lengths, **found.slices}
    for column, each in groups.items():
        rows = [
            [g.name or "-", number(g.texts), percent(g.accuracy), percent(g.low), percent(g.high)]
            for g in each[:_ROWS]
        ]
        yield Table(f"By {column}", [column, "texts", "right", "95 %: from", "to"], rows)


def _labels(found: Evaluation, title: str) -> Table:
    heads = ["label", "texts", "precision", "recall", "F1", "ROC AUC", "average precision"]
    rows = []
    for label, each in found.labels.items():
        figures = [each.precision, each.recall, each.f1, each.roc_auc, each.average_precision]
        if at := each.wanted:
            figures += [at.threshold, at.precision, at.recall]
        shown = ["-" if figure is None else f"{figure:.4f}" for figure in figures]
        rows.append([label, number(each.texts), *shown])
    if any(each.wanted for each in found.labels.values()):
        heads += ["wanted: over", "precision", "recall"]
    return Table(title, heads, [row + ["-"] * (len(heads) - len(row)) for row in rows])


def _confusion(found: Evaluation) -> Table:
    labels = list(found.labels)
    if len(labels) <= _MOST_LABELS:
        pairs = zip(labels, found.confusion, strict=True)
        rows = [[label, *map(number, row)] for label, row in pairs]
        return Table("True label (row), label given", ["", *labels], rows, is_confusion=True)
    wrong = [
        (-count, labels[i], labels[j])
        for i, row in enumerate(found.confusion)
        for j, count in enumerate(row)
        if count and i != j
    ]
    rows = [[true, given, number(-count)] for count, true, given in sorted(wrong)[:_ROWS]]
    return Table("Most frequent confusions", ["true label", "label given", "texts"], rows)
