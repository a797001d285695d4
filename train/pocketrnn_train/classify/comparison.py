"""The network beside what one would use instead, on the same texts, none of which it has learnt."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketrnn.classify.figures import mcnemar, wilson

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
    labels: NDArray[np.int64], chosen: Mapping[str, NDArray[np.int64]], rows: int
) -> dict[str, Any]:
    """Return the accuracy of each way, its 95 % interval, and a line for each cause of concern.

    `chosen` are the labels (texts,) that each of `NAMES` chose; `rows` learnt in the end.
    """
    right = {name: own == labels for name, own in chosen.items()}
    found: dict[str, Any] = {"texts": len(labels)}
    for name, own in right.items():
        low, high = wilson(int(own.sum()), len(labels))
        found[name] = {"accuracy": float(own.mean()), "interval": [low, high]}
    return {**found, "concerns": _concerns(right, rows)}


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return the comparison as lines of text."""
    rows = [f"Right on {found['texts']:,} texts that were held out (95 % interval):"]
    for name, title in NAMES.items():
        if name in found:
            low, high = found[name]["interval"]
            rows.append(f"  {title:32} {found[name]['accuracy']:.3f}  ({low:.3f} to {high:.3f})")
    return rows + [f"! {concern}" for concern in found["concerns"]]


def _concerns(right: Mapping[str, NDArray[np.bool_]], rows: int) -> list[str]:
    def clearly_better(one: str, other: str) -> bool:
        only_one = int((right[one] & ~right[other]).sum())
        only_other = int((right[other] & ~right[one]).sum())
        return only_one > only_other and mcnemar(only_one, only_other) < _LUCK

    others = [name for name in ("teacher", "tfidf") if name in right]
    if not clearly_better("network", "commonest"):
        if any(clearly_better(name, "commonest") for name in others):
            return [
                "Nothing to rely on was learnt: the network isn't clearly better than always "
                "saying the commonest label, though linear classifiers are. Use one of them, or "
                f"label more texts: {rows:,} are few for a network."
            ]
        return [
            "Nothing was learnt: the network isn't clearly better than always saying the commonest "
            "label, nor is a linear classifier. Either the labels don't follow from the words, or "
            f"{rows:,} texts are too few; read some texts with their labels, then label more."
        ]
    under = [
        name
        for name in others
        if clearly_better(name, "network")
        and right[name].mean() - right["network"].mean() > _CONCERN
    ]
    if not under:
        return []
    return [
        f"The network is clearly under {' and '.join(NAMES[name] for name in under)}: more texts, "
        "or a wider network (units=128, embedding=128), may close the gap; else use those."
    ]
