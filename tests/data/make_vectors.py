"""Write vectors.json: texts, their ids and their scores by the bundled model.

`python tests/data/make_vectors.py`, with pocketrnn installed; again for each new bundled model.
The file shows any other implementation of docs/model-file.md whether it is right.
"""

import json
from pathlib import Path

import pocketrnn

PATH = Path(__file__).with_name("vectors.json")

LONG = " ".join(
    40 * ["the film was good and then it was bad but the end is a wonder of its own"]
).split()

TEXTS = (
    "",
    " ",
    "A warm, funny film.",
    "this film was just story direction",
    "Dull, badly acted, and two hours too long!",
    "I DON'T know; it's (almost) good... isn't it?",
    "<br /><br />Great<br />cast",
    "tab\tnewline\nreturn\rno-break\u00a0wide\u3000space",
    '"#$%&()*+,-./:;<=>?@[\\]^_`{|}~',
    "'quoted' 'tis rock'n'roll ''",
    "naïve café, Ελληνικός ΟΔΥΣΣΕΥΣ, Straße STRASSE",
    "\u0130stanbul \u01c5 \ufb01lm \u1e9e",
    "\u6620\u753b\u306f\u7d20\u6674\u3089\u3057\u3044 film",
    "good \U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 film e\u0301",
    "\ufeffgood film",
    "nul\x00inside \x1b[1m",
    "xqzzyx unheardofword",
    "good",
    "bad " * 19 + "film",
    "bad " * 20 + "film",
    *(" ".join(LONG[:count]) for count in (498, 499, 500)),  # with the start, around maxlen
    "excellent " * 300 + " ".join(LONG) + " awful boring waste",
    "w" * 5000 + " good",
)


def main() -> None:
    """Write the file."""
    model = pocketrnn.load()
    vectors = [
        {
            "text": text,
            "ids": model.tokenizer.ids(text)[model.config.text.kept],
            # The shortest digits that give the same float32 back.
            "scores": [float(str(score)) for score in model.scores(text)[0]],
        }
        for text in TEXTS
    ]
    head = {"model": model.sha256, "labels": list(model.labels), "tolerance": 1e-5}
    lines = ",\n".join("  " + json.dumps(vector) for vector in vectors)
    PATH.write_text(f'{json.dumps(head)[:-1]}, "vectors": [\n{lines}\n]}}\n')
    print(f"wrote {PATH}: {len(vectors)} texts, model {model.sha256[:12]}")


if __name__ == "__main__":
    main()
