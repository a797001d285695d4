"""What storing the large matrices in fewer bits costs: each format against float32, in Keras.

    python benchmarks/weights.py --run models/classic

Prints a Markdown table over all test reviews. The run's weights should not be rounded already.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from compare import archive

from pocketrnn.classify.figures import reliability
from pocketrnn.modelfile.weights import Weights
from pocketrnn_export import build
from pocketrnn_train import Run, read_corpus
from pocketrnn_train.classify.batches import predict
from pocketrnn_train.network import round_weights


def main(argv: Sequence[str] | None = None) -> None:
    """Round in every format, score, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--run", type=Path, required=True, help="a finished run of two labels")
    parser.add_argument("--data", help="aclImdb_v1.tar.gz (default: found as the tests find it)")
    arguments = parser.parse_args(argv)
    run = Run(arguments.run)
    test = read_corpus(arguments.data or archive()).test
    rows = [np.array(run.tokenizer.ids(text), np.int32) for text in test.texts]
    threshold = np.float32(run.report["threshold"])
    exact = predict(run.model(), rows, run.config)
    print(
        "| weights | file | difference: largest | 99.9 % below | labels changed | accuracy | "
        "calibration error |\n|---" + "|---:" * 6 + "|"
    )
    for weights in get_args(Weights):
        network = replace(run.config.network, weights=weights)
        model = run.model()
        round_weights(model, network)
        size = len(build(model, run.tokenizer, run.labels, network).data)
        scores = predict(model, rows, run.config)
        difference = np.abs(scores - exact)[:, 1]
        chosen, before = scores[:, 1] > threshold, exact[:, 1] > threshold
        print(
            f"| {weights} | {size / 1e6:.3f} MB | {difference.max():.1e} | "
            f"{np.quantile(difference, 0.999):.1e} | {(chosen != before).sum()} | "
            f"{(chosen == test.labels).mean():.3%} | "
            f"{reliability(scores, test.labels).error:.4f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
