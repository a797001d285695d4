"""Check a model file on the machine at hand: that it is whole, and scores as it should."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from .errors import GraphError, ModelFileError, VocabularyMismatchError, counted
from .loading import Source, load, naming, read_bytes

TOLERANCE = 1e-5  # what another processor's order of operations may change; as at the export
NAMES = ("intact", "belongs together", "graph", "test cases")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool | None
    """None if there was nothing to check, or an earlier check left nothing to look at."""
    detail: str
    """What was found."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found."""

    bytes: int
    sha256: str | None
    """The model's digest; None if the file can't be read far enough."""
    checks: tuple[Check, ...]
    difference: float | None
    """The largest difference from the stored outputs; None if there are none."""

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.ok is not False for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"ok": self.ok, **dataclasses.asdict(self)}


def verify(source: Source = None, *, trusted: bool = False) -> Verification:
    """Check a model file: a path, its bytes, or by default the bundled one.

    `trusted` is that of `load`. A bad file is a check that failed, not an error; ModelFileError if
    it can't be read.
    """
    with naming(source):
        data = read_bytes(source)
    try:
        model = load(data, trusted=trusted)
    except ModelFileError as error:
        checks = [Check(name, None, "not checked") for name in NAMES]
        stopped = {VocabularyMismatchError: 1, GraphError: 2}.get(type(error), 0)
        # Only the last line: load puts a name before it.
        reason = str(error).removeprefix("model in memory: ")
        checks[stopped] = Check(NAMES[stopped], False, reason)
        return Verification(len(data), None, tuple(checks), None)
    found = [
        f"the digest fits the graph and its metadata ({model.sha256[:12]})",
        f"{model.parts} and the card are those that were exported as one",
        "it is the one that the settings stand for"
        if model.config.network
        else "its own, run because it is trusted",
    ]
    checks = [Check(name, True, detail) for name, detail in zip(NAMES, found, strict=False)]
    cases, largest = len(model.test_cases), None
    ok, detail = None, "the file has no test cases to compare with"
    if cases:
        try:
            largest = max(model.differences())
            ok = largest <= TOLERANCE
            far = f"largest difference {largest:.1e} (allowed: {TOLERANCE:.0e})"
            detail = f"{counted(cases, 'case')}, {far}"
        except ModelFileError as error:
            ok, detail = False, str(error)
    checks.append(Check(NAMES[3], ok, detail))
    return Verification(len(data), model.sha256, tuple(checks), largest)
