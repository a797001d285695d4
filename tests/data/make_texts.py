"""Make texts.json: draws, and what the bundled names model makes of them, for any language."""

import json
from pathlib import Path

import numpy as np

import pocketrnn
from pocketrnn.generate.sampling import uniform

OPTIONS = (
    {},
    {"temperature": 0},
    {"temperature": 0.5},
    {"top_k": 3},
    {"top_p": 0.8},
    {"stop": "an", "temperature": 0.8},
    {"length": 4},
)


def main() -> None:
    model = pocketrnn.Generator.load(pocketrnn.bundled("names"))
    draws = [
        # A seed may be larger than the integers of JSON's readers: it is a text.
        {
            "seed": str(seed),
            "text": text,
            "draws": uniform(seed, np.array([text]), 0, 3)[0].tolist(),
        }
        for seed in (0, 1, 2**64 - 1)
        for text in (0, 1, 300)
    ]
    texts = [
        {
            "prompt": prompt,
            "n": 5,
            "seed": str(seed),
            "options": options,
            "texts": model.generate(prompt, n=5, seed=seed, **options),
        }
        for options in OPTIONS
        for prompt, seed in (("", 1), ("mar", 2**63))
    ]
    path = Path(__file__).with_name("texts.json")
    path.write_text(json.dumps({"draws": draws, "texts": texts}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
