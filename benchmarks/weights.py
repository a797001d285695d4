"""What storing the tables in fewer bits costs: for each format, its file against Keras.

python benchmarks/weights.py --run models/classic

Prints a Markdown table over all test reviews.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from compare import archive
from pocketrnn_export.rewrite import Weights

import pocketrnn
from pocketrnn_export import export
from pocketrnn_train import Run, read_corpus


def main(argv: Sequence[str] | None = None) -> None:
    """Export in every format, score, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--run", type=Path, required=True, help="a finished run of two labels")
    parser.add_argument("--data", help="aclImdb_v1.tar.gz (default: found as the tests find it)")
    arguments = parser.parse_args(argv)
    run = Run(arguments.run)
    test = read_corpus(arguments.data or archive()).test
    ids = run.tokenizer.encode(test.texts)
    trained = run.model().predict(ids, batch_size=1024, verbose=0)[:, 0]
    print(
        "| weights | file | difference: largest | 99.9 % below | labels changed | of these over "
        "1e-3 from the threshold | accuracy | µs a review |\n|---" + "|---:" * 7 + "|"
    )
    for weights in get_args(Weights):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            export(run, path, weights=weights)
            model = pocketrnn.load(path)
            size = path.stat().st_size
        started = time.process_time()
        found = model.scores(test.texts)[:, 1]
        seconds = time.process_time() - started
        threshold = np.float32(model.config.threshold)
        difference = np.abs(found - trained)
        changed = (found > threshold) != (trained > threshold)
        far = changed & (np.abs(trained - threshold) > 1e-3)
        accuracy = ((found > threshold) == test.labels).mean()
        print(
            f"| {weights} | {size / 1e6:.3f} MB | {difference.max():.1e} | "
            f"{np.quantile(difference, 0.999):.1e} | {changed.sum()} | {far.sum()} | "
            f"{accuracy:.3%} | {1e6 * seconds / len(found):.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
