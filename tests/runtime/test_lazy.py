"""A value is computed once, and no lock is held meanwhile."""

import threading

from pocketrnn.lazy import lazy


class Thing:
    made = 0

    def __init__(self, started: threading.Event, go_on: threading.Event) -> None:
        self.started, self.go_on = started, go_on

    @lazy
    def value(self) -> int:
        """Return how often it was made."""
        Thing.made += 1
        self.started.set()
        self.go_on.wait(10)
        return Thing.made


def test_one_instance_does_not_wait_for_another() -> None:
    started, never = threading.Event(), threading.Event()
    slow = Thing(started, never)
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    started.wait(10)
    quick_go = threading.Event()
    quick_go.set()
    quick = Thing(threading.Event(), quick_go)
    assert (quick.value, quick.value) == (2, 2)  # while the other one is still being computed
    never.set()
    thread.join()
    assert slow.value == Thing.made == 2
