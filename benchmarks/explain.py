"""How long it takes to explain a text, against scoring it, and the same edits text by text.

    taskset -c 0 python benchmarks/explain.py [MODEL]

Prints a Markdown table: medians of interleaved rounds, in processor time of one thread.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from statistics import median

import pocketrnn

ROUNDS = 30


def seconds(body: Callable[[], object]) -> float:
    """Return the processor time of a call, which other programs hardly change."""
    started = time.process_time()
    body()
    return time.process_time() - started


def main(argv: Sequence[str] | None = None) -> None:
    """Measure texts of 10, 230 and 500 words that the model knows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("model", nargs="?", help="default: the bundled one")
    model = pocketrnn.load(parser.parse_args(argv).model)
    words = model.tokenizer.vocabulary[:2000]
    print("| words | score | explain | `scores` of each edited text |\n|---:|---:|---:|---:|")
    for count in (10, 230, 500):
        drawn = random.Random(count).choices(words, k=count)
        text = " ".join(drawn)
        edits = [" ".join([*drawn[:i], "xyzzyx", *drawn[i + 1 :]]) for i in range(count)]

        def one_by_one(edits: list[str] = edits) -> None:
            for edited in edits:
                model.scores(edited)

        ways = [lambda t=text: model.scores(t), lambda t=text: model.explain(t), one_by_one]
        rounds = [[seconds(way) for way in ways] for _ in range(ROUNDS)]
        shown = [f"{1000 * median(times):.2f} ms" for times in zip(*rounds, strict=True)]
        print(f"| {count} | " + " | ".join(shown) + " |")


if __name__ == "__main__":
    main()
