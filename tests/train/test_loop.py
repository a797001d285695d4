"""What training says of itself."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from pocketrnn_train import backend
from pocketrnn_train.loop import Stage, _foretell, _signals_held


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


def test_ctrl_c_waits_until_a_step_is_done() -> None:
    got: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: got.append(number))
    own = signal.getsignal(signal.SIGINT)
    try:
        with _signals_held() as let_through:
            let_through()
            signal.raise_signal(signal.SIGINT)
            assert got == []
            let_through()
            let_through()
            assert got == [signal.SIGINT]
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)  # somebody is in a hurry
            assert got == [signal.SIGINT] * 2
        assert got == [signal.SIGINT] * 3  # the one that waited
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_that_gets_no_signals_holds_none() -> None:
    def hold() -> bool:
        before = signal.getsignal(signal.SIGINT)
        with _signals_held() as let_through:
            let_through()
            return signal.getsignal(signal.SIGINT) is before

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(hold).result()
