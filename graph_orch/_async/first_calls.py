"""The first calls of each kind on a server, which has to plan their statements."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from graph_orch.runtime import AsyncTurns

AT_ONCE = 2
LONGEST_WAIT_SECONDS = 10.0
"""Whoever waited so long goes on without a turn: those before him may wait for something else."""


class AsyncFirstCalls:
    """Lets calls through to a server that has not planned them yet, a few at a time.

    A server that was just started needs about a second of processor time to plan a statement. A
    hundred callers who come at once make it plan the same statement a hundred times: then none has
    his answer in time, and all come again. So one goes first, and the others find its plan.
    """

    def __init__(self) -> None:
        self._planned: set[str] = set()
        self._turns = AsyncTurns(AT_ONCE)

    def forget(self) -> None:
        """The server may be another now, or have been started again."""
        self._planned.clear()

    @asynccontextmanager
    async def turn(self, kind: str) -> AsyncGenerator[None]:
        """A block that calls the server; when it ends without an error, its kind is planned."""
        if kind in self._planned:
            yield
            return
        taken = await self._turns.take(LONGEST_WAIT_SECONDS)
        try:
            if taken and kind in self._planned:
                self._turns.give_back()
                taken = False
            yield
            self._planned.add(kind)
        finally:
            if taken:
                self._turns.give_back()
