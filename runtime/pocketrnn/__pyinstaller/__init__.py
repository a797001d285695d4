"""PyInstaller finds this by the entry point `pyinstaller40`: frozen apps need no settings."""

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """Return the folders of hooks."""
    return [str(Path(__file__).parent)]
