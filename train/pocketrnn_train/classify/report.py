"""The page that shows how good a trained model is on its test."""

import json
import os
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pocketrnn import Classifier, ClassifierConfig
from pocketrnn import evaluate as evaluate_file
from pocketrnn.classify import file
from pocketrnn.classify.labels import Threshold
from pocketrnn.classify.page import evaluation_page
from pocketrnn.files import write_atomic
from pocketrnn.modelfile import fold

from ..corpora.corpus import Examples
from ..run import Run


def write(run: Run, model: Any, test: Examples, threshold: Threshold) -> None:
    """Write `report.html`: what `pocketrnn evaluate --html` says of the model on `test`.

    Texts that are blank, which have no label when they are served, don't count.
    """
    if not any(map(str.strip, test.texts)):
        return
    task = run.config.task
    settings = ClassifierConfig(task.text, run.labels, threshold, run.config.network)
    weights = fold.to_bytes(model, settings)
    served = Classifier.load(file.to_bytes(settings, run.tokenizer, weights, {}))
    several = task.multi_label
    names = {str(i): label for i, label in enumerate(run.labels)}
    with TemporaryDirectory() as folder:
        table = Path(folder, "test")
        with table.open("w", encoding="ascii") as lines:
            for text, own in zip(test.texts, test.labels, strict=True):
                label = np.flatnonzero(own).tolist() if several else own.item()
                lines.write(json.dumps({"text": text, "label": label}) + "\n")
        found = evaluate_file(
            table,
            model=served,
            label_separator=";" if several else None,
            format="jsonl",
            rename=names,
            on_error="skip",
        )
        page = evaluation_page(found, served).replace(escape(f"{folder}{os.sep}"), "")
    write_atomic(run.folder / "report.html", page)
