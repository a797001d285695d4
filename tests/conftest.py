"""Settings of all tests, and the archive that some need."""

import gc
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parents[1]

# A shell starts what runs in its background with Ctrl-C ignored, and the children of these tests
# would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: a busy machine is no bug. The same examples in every run: what fails is the change.
# Sixty of them find what a hundred do in most cases, in two minutes for all tests.
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """Look for garbage rarely, and not in what was imported: it took a fifth of the time."""
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture(scope="session")
def imdb_archive() -> Path:
    """The Large Movie Review Dataset: aclImdb_v1.tar.gz in POCKETRNN_DATA or ../shared/data."""
    given = os.environ.get("POCKETRNN_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    path = folder / "aclImdb_v1.tar.gz"
    if path.is_file():
        return path
    if given:
        pytest.fail(f"POCKETRNN_DATA is set, but there is no {path}")
    pytest.skip(f"no {path}; set POCKETRNN_DATA to the folder of aclImdb_v1.tar.gz")
