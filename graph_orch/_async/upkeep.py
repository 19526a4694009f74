"""What a graph needs now and then, done by whoever comes by: workers, and `maintain`."""

from __future__ import annotations

from graph_orch._async.graph import AsyncGraph
from graph_orch._async.schedules import AsyncSchedules
from graph_orch.domain.models import RetryPolicy
from graph_orch.errors import OrchestrationError
from graph_orch.logs import logger_of

logger = logger_of("graph_orch.upkeep")


class AsyncUpkeep:
    """Does what is due beside tasks. Any number of processes may do it, none is the leader."""

    def __init__(self, graph: AsyncGraph, *, retry_policy: RetryPolicy | None = None) -> None:
        """Args:
        retry_policy: For the tasks that are created here without one of their own.
        """
        self._graph = graph
        self._schedules = AsyncSchedules(graph, retry_policy=retry_policy)
        self._kinds = {"scheduled": self._tick}
        """By the columns of `upkeep/due`. Each is safe while other processes do the same."""
        self._told: dict[str, str] = {}

    async def run(self) -> dict[str, int]:
        """Do what is due; how much of each kind was done.

        One statement says what is due, so that a process that finds nothing costs little. What
        fails is logged, once while it fails for the same reason; the others go on.
        """
        (due,) = await self._graph.read("upkeep/due")
        return {kind: await self._do(kind) if due[kind] else 0 for kind in self._kinds}

    async def _do(self, kind: str) -> int:
        try:
            done = await self._kinds[kind]()
        except OrchestrationError as error:
            if self._told.get(kind) != (why := str(error)):
                logger.error("%s: %s", kind, error)
            self._told[kind] = why
            return 0
        self._told.pop(kind, None)
        return done

    async def _tick(self) -> int:
        return len(await self._schedules.tick())
