"""Evaluations and explanations as HTML: a page each, without scripts, nothing from elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from .evaluating import Evaluation, Example, Group
from .explaining import Explanation
from .labels import shown
from .model import Classifier
from .report import MODELS, Table, headline, number, percent, tables

_STYLE = """
:root { --back: #fff; --fore: #1d2430; --soft: #667085; --line: #d5dae2; --a: #2563c9;
 --b: #d97706; --c: #15803d; --d: #b4307c; --e: #6b5fc7 }
@media (prefers-color-scheme: dark) {
 :root { --back: #14181f; --fore: #e6e9ef; --soft: #98a2b3; --line: #333b48; --a: #79a8ff;
 --b: #f5b14c; --c: #5fd38a; --d: #f08cc4; --e: #b3a8ff } }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--back);
 color: var(--fore); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
small, figcaption { color: var(--soft) } figure { margin: 0 } .wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right }
th { font-weight: 600 } th:first-child { text-align: left } td { white-space: nowrap }
.big { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem } .big b { display: block;
 font-size: 1.6rem; line-height: 1.2 }
.charts { display: grid; gap: 1.5rem; margin-top: 2rem;
 grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)) }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--soft); font-size: 11px }
.a { fill: var(--a); stroke: var(--a); color: var(--a) }
.b { fill: var(--b); stroke: var(--b); color: var(--b) }
.c { fill: var(--c); stroke: var(--c); color: var(--c) }
.d { fill: var(--d); stroke: var(--d); color: var(--d) }
.e { fill: var(--e); stroke: var(--e); color: var(--e) }
.grid { stroke: var(--line) }
.text { border: 1px solid var(--line); border-radius: .5rem; margin: .75rem 0; overflow: auto;
 padding: .6rem .8rem; max-height: 15rem; overflow-wrap: anywhere }
.text p { margin: .3rem 0 0; white-space: pre-wrap } mark { color: var(--fore); background: none }
mark.unknown { text-decoration: underline dotted }
@media (max-width: 30rem) { th, td { padding: .25rem .3rem } }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""

_KINDS = "abcde"  # of lines and bars, as _STYLE colours them

_FOR, _AGAINST = "46 160 67", "218 54 51"

_LEGEND = (
    f'<p><small>Words that speak <mark style="background: rgb({_FOR} / .6)">for</mark> and '
    f'<mark style="background: rgb({_AGAINST} / .6)">against</mark> the label given; the strongest '
    'of each text has the full colour. <mark class="unknown">Unknown</mark> to the model.</small>'
)


def explanation_page(explanations: Iterable[Explanation]) -> str:
    """Return a page of texts with their words coloured."""
    texts = [
        _text(f"<b>{escape(each.label or 'unknown')}</b> {shown(each.score, each.threshold)}", each)
        for each in explanations
    ]
    return _page("Why these labels", [_LEGEND, *texts])


def coloured(explanation: Explanation) -> str:
    """Return the text as HTML, its words coloured by weight: the strongest has the full colour."""
    parts = []
    for before, word, span, share in explanation.pieces():
        shown = escape(word)
        if not span.known:
            shown = f'<mark class="unknown">{shown}</mark>'
        elif share >= 0.05:
            colour = _FOR if span.weight > 0 else _AGAINST
            style = f"background: rgb({colour} / {0.6 * share:.2f})"
            shown = f'<mark style="{style}" title="{span.weight:+.4f}">{shown}</mark>'
        parts += [escape(before), shown]
    return "".join([*parts, escape(explanation.rest)])


def evaluation_page(found: Evaluation, model: Classifier, names: Sequence[str] = MODELS) -> str:
    """Return the report of `model`; of two models, called `names`, with their differences."""
    both = [found, *([found.comparison.other] if found.comparison else [])]
    figures = [
        f"<div><b>{value}</b><small>{escape(what)}</small></div>" for value, what in headline(found)
    ]
    models = "; first model blue, second orange" if found.comparison else ""
    first, second = found.histogram
    of = second if len(found.labels) == 2 else "the label given"
    if found.micro_f1 is not None:
        of = "each label"
    body = [
        f'<div class="big">{"".join(figures)}</div><p><small>Model {found.model[:12]}</small>',
        '<div class="charts">',
        _chart(f"Right (up) by how sure it is (across){models}", _reliability(both)),
        _chart(
            f"Texts by the probability of {of}: {first} blue, {second} orange", _histogram(found)
        ),
        _chart(f"Right (up), if only the surest are answered (across){models}", _unsure(both))
        if found.unsure
        else "",
        _chart("Right, by words read (lines: 95 % intervals)", _bars(found.lengths)),
        *_curves(both),
        "</div>",
        *map(_table, tables(found, names)),
        _examples("Wrong, and most sure of it", found.worst, model),
        _examples("Least sure", found.least_sure, model),
    ]
    if found.comparison:
        changed = found.comparison.changed
        title = "What the second model labels otherwise (coloured: why the first one says so)"
        body.append(_examples(title, changed, model))
    return _page(f"Evaluation on {found.texts:,} texts", body)


def _page(title: str, body: Iterable[str]) -> str:
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(body))


def _examples(title: str, examples: Iterable[Example], model: Classifier) -> str:
    texts = []
    for each in examples:
        about = (
            f"{escape(each.place)}: is <b>{escape(each.label)}</b> ({each.probability:.4f}), "
            f"got {escape(each.chosen)}"
        )
        why = model.explain(each.text)
        if model.config.multi_label:
            about += f" (coloured: why {escape(why.label or 'unknown')})"
        texts.append(_text(about, why))
    return f"<h2>{title}</h2>{_LEGEND}{''.join(texts)}"


def _text(about: str, explanation: Explanation) -> str:
    return f'<div class="text"><small>{about}</small><p>{coloured(explanation)}</p></div>'


def _table(table: Table) -> str:
    heads = "".join(f"<th>{escape(head)}" for head in table.heads)
    lines = []
    for name, *cells in table.rows:
        shares = [0.0] * len(cells)
        if table.is_confusion:
            counts = [float(cell.replace(",", "")) for cell in cells]
            shares = [count / (sum(counts) or 1) for count in counts]
        shown = [
            f'<td style="background: rgb(64 120 220 / {0.6 * share:.2f})">{escape(cell)}'
            for cell, share in zip(cells, shares, strict=True)
        ]
        lines.append(f"<tr><th>{escape(name)}{''.join(shown)}")
    return (
        f'<h2>{escape(table.title)}</h2><div class="wide"><table><tr>{heads}{"".join(lines)}'
        "</table></div>"
    )


# -- charts ------------------------------------------------------------------------------------
# Of 360 by 230 units; both axes go from 0 to 1.


def _x(value: float) -> float:
    return round(44 + 290 * value, 1)


def _y(value: float) -> float:
    return round(200 - 188 * value, 1)


def _chart(title: str, shapes: str, key: str = "") -> str:
    return (
        f"<figure><figcaption>{escape(title)}{key}</figcaption>"
        f'<svg viewBox="0 0 360 230" role="img" aria-label="{escape(title)}">{shapes}</svg>'
        "</figure>"
    )


def _grid(across: Iterable[tuple[float, str]], up: Iterable[tuple[float, str]]) -> str:
    columns = [
        f'<text x="{_x(at)}" y="218" text-anchor="middle">{escape(name)}</text>'
        for at, name in across
    ]
    rows = [
        f'<line class="grid" x1="44" x2="334" y1="{_y(at)}" y2="{_y(at)}"/>'
        f'<text x="38" y="{_y(at) + 4}" text-anchor="end">{escape(name)}</text>'
        for at, name in up
    ]
    return "".join([*columns, *rows])


_QUARTERS = [(at, f"{100 * at:.0f} %") for at in (0.0, 0.25, 0.5, 0.75, 1.0)]
_SQUARE = _grid(_QUARTERS, _QUARTERS)


def _line(points: Sequence[tuple[float, float]], kind: str, radii: Sequence[float] = ()) -> str:
    path = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
    dots = [
        f'<circle class="{kind}" cx="{_x(x)}" cy="{_y(y)}" r="{radius:.1f}" fill-opacity=".6"/>'
        for (x, y), radius in zip(points, radii, strict=False)
    ]
    style = 'style="fill: none; stroke-width: 1.5"'
    return f'<polyline class="{kind}" {style} points="{path}"/>' + "".join(dots)


def _reliability(both: Sequence[Evaluation]) -> str:
    diagonal = f'<line class="grid" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    lines = []
    for found, kind in zip(both, "ab", strict=False):
        points = [(each.confidence, each.accuracy) for each in found.reliability]
        texts = sum(each.texts for each in found.reliability)
        radii = [2 + 8 * (each.texts / texts) ** 0.5 for each in found.reliability]
        lines.append(_line(points, kind, radii))
    return _SQUARE + diagonal + "".join(lines)


def _curves(both: Sequence[Evaluation]) -> Iterator[str]:
    """Yield ROC and precision-recall curves: of each label, or of two labels, for each model."""
    labels = list(both[0].labels)
    curves = {label: both[0].labels[label].curve for label in labels}
    second_only = len(labels) == 2 and both[0].micro_f1 is None
    if second_only:
        models = zip(("first model", "second model"), both, strict=False)
        curves = {model: found.labels[labels[1]].curve for model, found in models}
    names, roc, precision = [], [], []
    for (name, curve), kind in zip(curves.items(), _KINDS, strict=False):
        if curve:
            names.append(f'<b class="{kind}">{escape(name)}</b>')
            roc.append(_line([(0, 0), *((p.false_positives, p.recall) for p in curve)], kind))
            precision.append(_line([(p.recall, p.precision) for p in curve], kind))
    if not names:
        return
    key = f"; {', '.join(names)}" if len(names) > 1 else ""
    if len(both) == 2 and not second_only:
        key += " (first model)"
    of = f" of {labels[1]}" if second_only else ""
    for title, lines in (
        (f"ROC{of}: recall (up) by the share of other texts chosen (across)", roc),
        (f"Precision{of} (up) by recall (across)", precision),
    ):
        yield _chart(title, _SQUARE + "".join(lines), key)


def _unsure(both: Sequence[Evaluation]) -> str:
    lines = []
    for found, kind in zip(both, "ab", strict=False):
        points = [(band.share, band.accuracy) for band in found.unsure if band.accuracy is not None]
        lines.append(_line(points, kind, [3] * len(points)))
    return _SQUARE + "".join(lines)


def _histogram(found: Evaluation) -> str:
    most = max(max(counts) for counts in found.histogram.values()) or 1
    bars = []
    for counts, kind in zip(found.histogram.values(), "ab", strict=True):
        width = (_x(1) - _x(0)) / len(counts)
        bars += [
            f'<rect class="{kind}" fill-opacity=".5" x="{_x(0) + i * width:.1f}" '
            f'width="{width:.1f}" y="{_y(count / most)}" height="{200 - _y(count / most):.1f}"/>'
            for i, count in enumerate(counts)
        ]
    return _grid(_QUARTERS, [(0, "0"), (1, number(most))]) + "".join(bars)


def _bars(groups: Sequence[Group]) -> str:
    shapes, names = [], []
    for i, group in enumerate(groups):
        middle, half = (i + 0.5) / len(groups), 0.35 / len(groups)
        names.append((middle, group.name))
        shapes.append(
            f'<rect class="a" fill-opacity=".5" x="{_x(middle - half)}" y="{_y(group.accuracy)}" '
            f'width="{_x(half) - _x(-half):.1f}" height="{200 - _y(group.accuracy):.1f}">'
            f"<title>{number(group.texts)} texts: {percent(group.accuracy)}</title></rect>"
            f'<line class="b" x1="{_x(middle)}" x2="{_x(middle)}" y1="{_y(group.low)}" '
            f'y2="{_y(group.high)}" stroke-width="2"/>'
        )
    return _grid(names, _QUARTERS) + "".join(shapes)
