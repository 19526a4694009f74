"""The first calls of each kind on a server, which has to plan their statements."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from contextlib import contextmanager
from weakref import WeakValueDictionary

from graph_orch.store.runtime import Turns, loop

AT_ONCE = 2
PLANNING_SECONDS = 60.0
"""A server that starts under load may take 20 s to plan: measured with 64 workers on two cores."""
LONGEST_WAIT_SECONDS = 30.0
"""A caller that waited so long goes on without a turn: those before it may wait for a lock."""


class FirstCalls:
    """Lets calls through to a server that has not planned them yet, a few at a time.

    A server that was just started needs about a second of processor time to plan a statement. A
    hundred callers at once make it plan the same statement a hundred times; none gets an answer in
    time, the plans are thrown away, and all callers try again. So one caller goes first, with all
    the time that planning needs, and the others find its plan.
    """

    def __init__(self) -> None:
        self._planned: set[str] = set()
        self._turns = Turns(AT_ONCE)

    @classmethod
    def at(cls, store: Hashable) -> FirstCalls:
        """The first calls of a store, shared by all its callers in this process and event loop."""
        return _of_stores.setdefault((store, loop()), cls())

    def forget(self) -> None:
        """Take nothing for planned: the server may have been started again."""
        self._planned.clear()

    @contextmanager
    def turn(self, kind: str) -> Generator[bool]:
        """A block that calls the server, and learns whether the server must plan this kind first.

        When the block ends without an error, the kind is planned.
        """
        if kind in self._planned:
            yield False
            return
        taken = self._turns.take(LONGEST_WAIT_SECONDS)
        try:
            is_first = kind not in self._planned
            if taken and not is_first:
                self._turns.give_back()
                taken = False
            yield is_first
            self._planned.add(kind)
        finally:
            if taken:
                self._turns.give_back()


_of_stores: WeakValueDictionary[Hashable, FirstCalls] = WeakValueDictionary()
