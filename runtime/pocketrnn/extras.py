"""Say which extra is missing, in one line, before a heavy import fails with a traceback."""

from importlib.util import find_spec

from .errors import MissingExtraError


def require(extra: str, *modules: str) -> None:
    """Raise MissingExtraError, naming `pocketrnn[extra]`, unless all `modules` are installed."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"{', '.join(missing)} not installed; add the extra pocketrnn[{extra}]"
        )
