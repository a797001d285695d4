"""What training says of itself."""

import pytest

from pocketrnn_train import backend
from pocketrnn_train.loop import Stage, _foretell


@pytest.mark.parametrize(
    ("seconds", "done", "said"),
    [
        ([20.0, 2.0, 2.0], 0, ["", "about 16 s more", ""]),  # the first epoch starts TensorFlow
        ([9.0, 20.0, 2.0], 1, ["", "about 14 s more"]),  # and so does the first one after a stop
        ([60.0, 50.0], 0, ["about 9 min more", ""]),
        ([8.0, 1.0], 0, ["", ""]),
    ],
)
def test_the_time_that_is_left(
    seconds: list[float], done: int, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage("whole texts", 10, 1, 0.1, None, lambda epoch: None)
    for epoch, expected in enumerate(said, done + 1):
        _foretell(stage, [{"seconds": one} for one in seconds[:epoch]], done)
        assert capsys.readouterr().out.removeprefix("  whole texts: ").strip() == expected


def test_only_commands_take_the_processes_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr(backend, "import_quietly", lambda module, *_: taken.append(module))
    for quiet in (False, True):
        monkeypatch.setattr(backend, "quiet", quiet)
        backend.start(1)
    assert taken == ["tensorflow"]
