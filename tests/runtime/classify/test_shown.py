"""What notebooks and prompts show: short, whatever is behind it."""

import pickle
from pathlib import Path

import pocketrnn
import tinyonnx

TEXTS = ["A good film", "bad", "xyzzy"]


def test_a_model() -> None:
    shown = repr(pocketrnn.load(tinyonnx.tiny()))
    assert shown.startswith("<Classifier: 'negative', 'positive'; 6 words; 0.00 MB; ")
    many = repr(pocketrnn.load(tinyonnx.tiny([f"label {i}\n" for i in range(100)])))
    assert len(many) < 200
    assert "\n" not in many


def test_a_prediction() -> None:
    model = pocketrnn.load(tinyonnx.tiny())
    score = model.predict("A good film").score
    assert repr(model.predict("A good film")) == (
        f"<Prediction 'positive' {score:.4f}, 2 of 3 words known>"
    )
    assert repr(model.predict("xyzzy")).startswith("<Prediction None 0.")


def test_predictions() -> None:
    model = pocketrnn.load(tinyonnx.tiny())
    few, many = model.predict(TEXTS), model.predict(TEXTS * 1000)
    assert isinstance(many, list)
    assert repr(few) == "\n".join(map(repr, few))
    assert repr(many).splitlines()[-1] == "and 2,990 more"
    assert len(repr(many)) < 1000
    assert repr(model.predict([])) == "[]"
    assert pickle.loads(pickle.dumps(many)) == many == list(many)


def test_predictions_in_a_notebook() -> None:
    model = pocketrnn.load(tinyonnx.tiny(("<b>", "&")))
    html = model.predict(TEXTS * 1000)._repr_html_()
    assert html.startswith("<table><tr><th>label<th>score")
    assert html.endswith("</table>and 2,990 more")
    assert html.count("<tr>") == 11
    assert "<td>&lt;b&gt;</td>" in html
    assert "<td>&amp;</td>" in html
    assert "<td>–</td>" in html


def test_an_explanation_and_an_evaluation(tmp_path: Path) -> None:
    model = pocketrnn.load(tinyonnx.tiny())
    long = repr(model.explain("a good film " * 100))
    assert long.startswith("<Explanation 'positive' ")
    assert len(long) < 200
    assert repr(model.explain("xyzzy")).endswith(": ->")
    table = tmp_path / "t.csv"
    table.write_text("text,label\ngood,positive\nbad,negative\n")
    shown = repr(pocketrnn.evaluate(table, model=model))
    assert shown.startswith("<Evaluation: 2 texts, ")
    assert shown.endswith("baseline 50.0%>")
