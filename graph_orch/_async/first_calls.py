"""The first calls of each kind on a server, which has to plan their statements."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from graph_orch.store.runtime import AsyncTurns, async_loop

AT_ONCE = 2
PLANNING_SECONDS = 60.0
"""What a server may need for it that starts under load: 20 s, with 64 workers on two cores."""
LONGEST_WAIT_SECONDS = 30.0
"""Whoever waited so long goes on without a turn: those before him may wait for something else."""


class AsyncFirstCalls:
    """Lets calls through to a server that has not planned them yet, a few at a time.

    A server that was just started needs about a second of processor time to plan a statement. A
    hundred callers who come at once make it plan the same statement a hundred times; none has his
    answer in time, what was planned is thrown away, and all come again. So one goes first, has all
    the time that planning needs, and the others find its plan.
    """

    def __init__(self) -> None:
        self._planned: set[str] = set()
        self._turns = AsyncTurns(AT_ONCE)

    @classmethod
    def at(cls, store: Hashable) -> AsyncFirstCalls:
        """Those of a store, which all share who call it in this process and event loop."""
        return _of_stores.setdefault((store, async_loop()), cls())

    def forget(self) -> None:
        """The server may be another now, or have been started again."""
        self._planned.clear()

    @asynccontextmanager
    async def turn(self, kind: str) -> AsyncGenerator[bool]:
        """A block that calls the server, and is told whether its kind is still to be planned.

        When the block ends without an error, it is planned.
        """
        if kind in self._planned:
            yield False
            return
        taken = await self._turns.take(LONGEST_WAIT_SECONDS)
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


_of_stores: WeakValueDictionary[Hashable, AsyncFirstCalls] = WeakValueDictionary()
