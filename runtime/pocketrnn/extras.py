"""Say which extra is missing, in one line, before a heavy import fails with a traceback."""

from importlib.util import find_spec

from .errors import MissingExtraError


def require(extra: str, *modules: str) -> None:
    """Raise MissingExtraError, naming `pocketrnn[extra]`, unless all `modules` are installed."""
    missing = [module for module in modules if not _is_there(module)]
    if missing:
        raise MissingExtraError(
            f"{', '.join(missing)} not installed; add the extra pocketrnn[{extra}]"
        )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False
