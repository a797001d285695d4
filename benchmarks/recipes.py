"""Write report.md: what the recipes reach, from finished runs.

    python benchmarks/recipes.py runs/* -o report.md

Runs that differ by the seed alone share a line. `sentences.json` comes from
benchmarks/sentences.py.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketrnn.files import write_atomic
from pocketrnn_train import RECIPES, Run, TrainConfig

TITLES = {
    "default": "windows of 20 words, sum and maximum",
    "tiny": "the same, half as wide, half the words",
    "distilled": "the network of `classic`, with padding masked",
    "classic": "the classic Keras SimpleRNN, to the letter",
}

PAGE = """\
# What the recipes reach

Accuracy on the {test_texts:,} official test reviews of the Large Movie Review Dataset, in Keras, \
from the runs of {dates}, with their large matrices rounded as a model file stores them. \
Everything was chosen on validation texts (the last fifth of each class by review number; \
`classic` draws a fifth at random, which flatters it); each run scored the test reviews once, \
after training.

{table}

- **Spread** is the standard deviation between seeds; the sampling error of one run is \
{sampling:.1f} points.
- **Calibration error**: expected calibration error in 15 bins, after the temperature that \
validation gave.
- **Teacher**: validation accuracy of the linear n-gram classifier that labels for the network.
- **Sentences**: short texts of our own making (`tests/data/sentences.tsv`), {movies} about films \
and {others} about meals, hotels and purchases, which no recipe has trained on.
- **Minutes** of training end to end, on two cores that had other work at the same time.

## Seeds

{seeds}

## How to make it again

```sh
{commands}
python benchmarks/sentences.py {folders}
python benchmarks/recipes.py {folders} -o report.md
```
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report of the runs given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.md"))
    arguments = parser.parse_args(argv)
    write_atomic(arguments.output, report([Run(folder) for folder in arguments.runs]))
    print(f"wrote {arguments.output}")
    return 0


def report(runs: Sequence[Run]) -> str:
    """Return the page."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(recipe_of(run.config), []).append(run)
    ordered = [name for name in RECIPES if name in groups]
    first = runs[0]
    accuracy = first.report["test"]["accuracy"]
    texts = first.report["test"]["texts"]
    sentences = first.read("sentences.json")
    return PAGE.format(
        test_texts=texts,
        dates=" and ".join(sorted({run.report["date"] for run in runs})),
        table=table(
            "Recipe | Parameters | Teacher | Validation | **Test** | Spread | Calibration error "
            "| Film sentences | Other sentences | Minutes",
            [summary(name, groups[name]) for name in ordered],
        ),
        sampling=100 * (accuracy * (1 - accuracy) / texts) ** 0.5,
        movies=sentences["movie"]["texts"],
        others=sentences["other"]["texts"],
        seeds=table(
            "Recipe | Seed | Validation | Test | F1 | ROC AUC | Calibration error | Temperature "
            "| Threshold",
            [line(name, run) for name in ordered for run in groups[name]],
        ),
        commands="\n".join(
            f"pocketrnn-train aclImdb_v1.tar.gz --recipe {name} --seed {run.config.seed} "
            f"-o runs/{run.folder.name}"
            for name in ordered
            for run in groups[name]
        ),
        folders=" ".join(f"runs/{run.folder.name}" for name in ordered for run in groups[name]),
    )


def recipe_of(config: TrainConfig) -> str:
    """Return the name of the recipe that `config` is, but for the seed."""
    for name, recipe in RECIPES.items():
        if recipe.with_settings(seed=config.seed, adapted=()) == config:
            return name
    raise SystemExit(f"no recipe has these settings: {config}")


def summary(name: str, runs: Sequence[Run]) -> list[str]:
    """Return the cells of a recipe's line: means over its runs."""
    tests = [run.report["test"]["accuracy"] for run in runs]

    def mean(values: Sequence[float | None], digits: int = 3) -> str:
        known = [value for value in values if value is not None]
        return f"{statistics.mean(known):.{digits}f}" if known else "–"

    def sentences(domain: str) -> str:
        return mean([run.read("sentences.json")[domain]["accuracy"] for run in runs])

    return [
        f"`{name}`: {TITLES[name]}",
        f"{runs[0].report['parameters']:,}",
        mean([run.report.get("teacher") for run in runs]),
        mean([run.report["validation"]["accuracy"] for run in runs]),
        f"**{mean(tests, 4)}**",
        f"{statistics.stdev(tests):.4f}, {len(tests)} seeds" if len(tests) > 1 else "one seed",
        mean([run.report["test"]["calibration_error"] for run in runs]),
        sentences("movie"),
        sentences("other"),
        mean([run.report["seconds"] / 60 for run in runs], 0),
    ]


def line(name: str, run: Run) -> list[str]:
    """Return the cells of one run's line."""
    validation, test = run.report["validation"], run.report["test"]
    return [
        f"`{name}`",
        str(run.config.seed),
        *(f"{figures['accuracy']:.4f}" for figures in (validation, test)),
        *(f"{test[key]:.4f}" for key in ("f1", "roc_auc", "calibration_error")),
        f"{run.report['temperature']:.2f}",
        f"{run.report['threshold']:.2f}",
    ]


def table(head: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    columns = [cell.strip() for cell in head.split("|")]
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    sys.exit(main())
