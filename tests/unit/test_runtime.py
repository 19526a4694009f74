"""What threads wait for: nothing that a signal's handler could leave locked."""

from __future__ import annotations

import sys
import threading
from types import FrameType

from graph_orch.store.batching import Combiner
from graph_orch.store.runtime import Try, Turns
from graph_orch.store.signals import Signal


def test_no_lock_is_taken_in_python_code_that_a_signal_could_interrupt():
    """The locks of Python's Conditions, Events and Semaphores are taken in code of their own."""
    found: set[str] = set()

    def trace(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code.co_filename == threading.__file__:
            found.add(frame.f_code.co_qualname)

    signal, turns = Signal("a store"), Turns(1)
    combiner = Combiner[int, int](lambda items: list(items))
    with Try(60):  # starts the thread that watches
        pass
    sys.settrace(trace)
    try:
        with Try(0.001), Try(60):
            signal.wait(signal.seen, 0.001)
        signal.wait(signal.seen, 0.001)
        signal.tell(("task", 1, None))
        assert turns.take(1)
        assert not turns.take(0.001)
        turns.give_back()
        assert combiner.submit(7) == 7
    finally:
        sys.settrace(None)
    assert not found
