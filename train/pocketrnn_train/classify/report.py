"""The page that shows how good a trained model is on its test."""

import json
import os
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pocketrnn import Classifier, ClassifierConfig, Tokenizer
from pocketrnn import evaluate as evaluate_file
from pocketrnn.classify import file
from pocketrnn.classify.page import evaluation_page
from pocketrnn.files import write_atomic
from pocketrnn.modelfile import fold

from ..config import TrainConfig
from ..corpora.corpus import Examples
from ..run import Run


def write(
    run: Run,
    config: TrainConfig,
    model: Any,
    tokenizer: Tokenizer,
    test: Examples,
    threshold: float,
) -> None:
    """Write `report.html`: what `pocketrnn evaluate --html` says of the model on `test`.

    Texts that are blank, which have no label when they are served, don't count.
    """
    if not any(map(str.strip, test.texts)):
        return
    settings = ClassifierConfig(tokenizer.config, run.labels, threshold, config.network)
    weights = fold.to_bytes(model, settings)
    served = Classifier.load(file.to_bytes(settings, tokenizer, weights, {}))
    names = {str(i): label for i, label in enumerate(run.labels)}
    with TemporaryDirectory() as folder:
        table = Path(folder, "test")
        with table.open("w", encoding="ascii") as lines:
            for text, label in zip(test.texts, test.labels.tolist(), strict=True):
                lines.write(json.dumps({"text": text, "label": str(label)}) + "\n")
        found = evaluate_file(table, model=served, format="jsonl", rename=names, on_error="skip")
        page = evaluation_page(found, served).replace(escape(f"{folder}{os.sep}"), "")
    write_atomic(run.folder / "report.html", page)
