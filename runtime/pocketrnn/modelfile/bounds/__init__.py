"""Bound what a graph can need, in time and memory, before onnxruntime sees it.

| module   | what it knows                                             |
|----------|-----------------------------------------------------------|
| `graph`  | nodes and constants, as they lie in the file              |
| `sizes`  | sizes that depend on how many texts there are, how long   |
| `values` | what is known of a value: its shape, and numbers if few   |
| `rules`  | for each operator, what it makes of the sizes of its inputs |
| `moving` | the same, of those that move values about                 |
| `walk`   | goes through a graph, adds up, and refuses                |
"""

from .walk import check

__all__ = ["check"]
