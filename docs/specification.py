"""Print the graph of the bundled model in ONNX's text syntax, for docs/model-file.md.

python docs/specification.py          # prints it
python docs/specification.py --write  # puts it into docs/model-file.md
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pocketrnn
from pocketrnn.modelfile.onnx import Attribute, Constant, Graph, Value

PAGE = Path(__file__).with_name("model-file.md")
_TYPES = {"float32": "float"}


def text(graph: Graph) -> str:
    """Return a graph in ONNX's text syntax (github.com/onnx/onnx, docs/Syntax.md)."""
    return "\n".join(_graph(graph, "")) + "\n"


def _graph(graph: Graph, indent: str) -> Iterator[str]:
    inputs, outputs = (", ".join(map(_value, values)) for values in (graph.inputs, graph.outputs))
    yield f"{indent}{_name(graph.name)} ({inputs}) => ({outputs})"
    if graph.constants:
        constants = f",\n{indent}   ".join(map(_constant, graph.constants))
        yield f"{indent}  <{constants}>"
    yield f"{indent}{{"
    for node in graph.nodes:
        # The body of a loop reads best under the loop.
        plain = [f"{k} = {_plain(v)}" for k, v in node.attributes.items() if not _is_graph(v)]
        bodies = [(k, v) for k, v in node.attributes.items() if isinstance(v, Graph)]
        outputs, inputs = (", ".join(map(_name, names)) for names in (node.outputs, node.inputs))
        if not bodies:
            attributes = f" <{', '.join(plain)}>" if plain else ""
            yield f"{indent}  {outputs} = {node.operator}{attributes} ({inputs})"
            continue
        yield f"{indent}  {outputs} = {node.operator} <{', '.join(plain)},"
        for name, body in bodies:
            first, *rest = _graph(body, indent + "    ")
            yield f"{indent}    {name} = {first.strip()}"
            yield from rest
        yield f"{indent}  > ({inputs})"
    yield f"{indent}}}"


def _is_graph(value: Attribute) -> bool:
    return isinstance(value, Graph)


def _plain(value: Attribute) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _value(value: Value) -> str:
    shape = "" if value.shape is None else f"[{','.join(map(str, value.shape))}]"
    return f"{_TYPES.get(value.dtype, value.dtype)}{shape} {_name(value.name)}"


def _constant(constant: Constant) -> str:
    declared = _value(Value(constant.name, constant.dtype, constant.shape))
    if constant.numbers is None:
        return declared
    numbers = constant.numbers.ravel().tolist()
    if len(numbers) > 8:
        return f"{declared} = {{{numbers[0]}, ...}}"
    return f"{declared} = {{{', '.join(f'{number:g}' for number in numbers)}}}"


def _name(name: str) -> str:
    return re.sub(r"\W", "_", name)


def with_graph(page: str, graph: Graph) -> str:
    """Return the page with the graph's text in its block."""
    return re.sub(r"(?<=```onnx\n).*?(?=```)", lambda _: text(graph), page, flags=re.S)


if __name__ == "__main__":
    bundled = pocketrnn.load().config.graph()
    if "--write" in sys.argv:
        PAGE.write_text(with_graph(PAGE.read_text("utf-8"), bundled), "utf-8")
    else:
        print(text(bundled), end="")
