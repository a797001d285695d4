"""The network beside what one would use instead, on the same texts, none of which it has learnt."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.classify.figures import mcnemar, several, wilson

NAMES = {
    "network": "this network",
    "teacher": "its linear teacher",
    "tfidf": "TF-IDF and logistic regression",
    "commonest": "always the commonest label",
}

# A difference is clear if luck alone would make it, or a larger one, less often than this.
_LUCK = 0.05

# A difference of less than a point is of no concern, however clear.
_CONCERN = 0.01


def compare(
    labels: NDArray[np.int64],
    chosen: Mapping[str, NDArray[np.int64]],
    rows: int,
    *,
    ranks: bool = False,
) -> dict[str, Any]:
    """Return the accuracy of each way, its 95 % interval, and a line for each cause of concern.

    `chosen` are the labels (texts,) that each of `NAMES` chose; `rows` learnt in the end. Where a
    text may have several labels, 0 and 1 (texts, labels), accuracy is of all of a text together,
    and there are the micro and the macro F1.
    `ranks` says that the network tells one of two labels from the other, by whatever threshold.
    """
    found: dict[str, Any] = {"texts": len(labels)}
    wrong, figure = {}, {}
    for name, own in chosen.items():
        wrong[name] = np.atleast_2d((own != labels).T).sum(axis=0)
        right = wrong[name] == 0
        low, high = wilson(int(right.sum()), len(labels))
        found[name] = {"accuracy": float(right.mean()), "interval": [low, high]}
        figure[name] = found[name]["accuracy"]
        if labels.ndim > 1:
            of_all = several(labels, own)
            found[name] |= {"micro_f1": of_all.micro_f1, "macro_f1": of_all.macro_f1}
            figure[name] = of_all.micro_f1
    return {**found, "concerns": _concerns(wrong, figure, rows, ranks=ranks)}


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return the comparison as lines of text."""
    several = "micro_f1" in found.get("network", {})
    which = " in all labels" if several else ""
    more = "; micro F1, macro F1" if several else ""
    rows = [f"Right{which} on {found['texts']:,} texts that were held out (95 % interval){more}:"]
    for name, title in NAMES.items():
        if name in found:
            own = found[name]
            low, high = own["interval"]
            line = f"  {title:32} {own['accuracy']:.3f}  ({low:.3f} to {high:.3f})"
            rows.append(
                line + (f"  {own['micro_f1']:.3f}  {own['macro_f1']:.3f}" if several else "")
            )
    return rows + [f"! {concern}" for concern in found["concerns"]]


def tells_apart(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Return whether scores of the second of two labels are clearly higher where it is true.

    By the rank-sum test of Mann and Whitney, On a test of whether one of two random variables is
    stochastically larger than the other, Annals of Mathematical Statistics 18, 1947.
    """
    from scipy.stats import mannwhitneyu

    true, false = scores[labels == 1], scores[labels == 0]
    if not (len(true) and len(false)):
        return False
    return bool(mannwhitneyu(true, false, alternative="greater").pvalue < _LUCK / 2)


def _concerns(
    wrong: Mapping[str, NDArray[np.int64]], figure: Mapping[str, float], rows: int, *, ranks: bool
) -> list[str]:
    """Return them; `wrong` says of how many labels of each text a way is wrong."""

    def clearly_better(one: str, other: str) -> bool:
        better_one = int((wrong[one] < wrong[other]).sum())
        better_other = int((wrong[other] < wrong[one]).sum())
        return better_one > better_other and mcnemar(better_one, better_other) < _LUCK

    others = [name for name in ("teacher", "tfidf") if name in wrong]
    if not clearly_better("network", "commonest"):
        if any(clearly_better(name, "commonest") for name in others):
            return [
                "Nothing to rely on was learnt: the network isn't clearly better than always "
                "saying the commonest label, though linear classifiers are. Train with the recipe "
                "default, if this was another; else use one of them, or label more texts: "
                f"{rows:,} are few for a network."
            ]
        if ranks:
            return [
                "The network is right no more often than always saying the commonest label, as it "
                "may be where the other one is rare, but tells the two apart: judge it by "
                "precision and recall."
            ]
        return [
            f"Nothing was learnt, as far as {len(wrong['network']):,} held-out texts can tell: the "
            "network isn't clearly better than always saying the commonest label, nor is a linear "
            f"classifier. Either {rows:,} texts are too few, or the labels don't follow from the "
            "words; read some texts with their labels, then label more."
        ]
    under = [
        name
        for name in others
        if clearly_better(name, "network") and figure[name] - figure["network"] > _CONCERN
    ]
    if not under:
        return []
    return [
        f"The network is clearly under {' and '.join(NAMES[name] for name in under)}: more texts, "
        "or a wider network (128 units, embedding 128), may close the gap; else use those."
    ]
