"""Build the API reference in build/api from the docstrings: `make docs`.

A warning fails the build, and so does a public class, function or method without a docstring.
"""

import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pdoc

PACKAGES = ["pocketrnn", "pocketrnn_train", "pocketrnn_export"]
MODULES = [*PACKAGES, "pocketrnn.spark"]


def undocumented(namespace: pdoc.doc.Namespace) -> Iterator[str]:
    """Yield the full names of what a reader of the reference would find no word about."""
    for member in namespace.own_members:
        if member.name.startswith("_"):
            continue
        is_field = isinstance(member, pdoc.doc.Variable) and not isinstance(
            getattr(namespace.obj, member.name, None), property
        )
        if not member.docstring and not is_field:
            yield member.fullname
        if isinstance(member, pdoc.doc.Namespace):
            yield from undocumented(member)


def main() -> None:
    """Build it, or exit with what is missing."""
    warnings.simplefilter("error")
    for name in PACKAGES:
        package = import_module(name)
        for public in package.__all__:  # some are imported when first asked for; pdoc doesn't ask
            setattr(package, public, getattr(package, public))
    missing = [
        name for module in MODULES for name in undocumented(pdoc.doc.Module.from_name(module))
    ]
    if missing:
        sys.exit("no docstring: " + ", ".join(missing))
    pdoc.pdoc(*MODULES, output_directory=Path(__file__).parents[1] / "build" / "api")


if __name__ == "__main__":
    main()
