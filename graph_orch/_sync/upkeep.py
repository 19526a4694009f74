"""What a graph needs now and then, done by whoever comes by: workers, and `maintain`."""

from __future__ import annotations

from graph_orch._sync.graph import Graph
from graph_orch._sync.schedules import Schedules
from graph_orch.domain.models import RetryPolicy
from graph_orch.errors import OrchestrationError
from graph_orch.logs import logger_of

logger = logger_of("graph_orch.upkeep")


class Upkeep:
    """Does what is due beside tasks. Any number of processes may do it, none is the leader."""

    def __init__(self, graph: Graph, *, retry_policy: RetryPolicy | None = None) -> None:
        """Args:
        retry_policy: For the tasks that are created here without one of their own.
        """
        self._graph = graph
        self._schedules = Schedules(graph, retry_policy=retry_policy)
        self._kinds = {"scheduled": self._tick}
        """By the columns of `upkeep/due`. Each is safe while other processes do the same."""
        self._told: dict[str, str] = {}

    def run(self) -> dict[str, int]:
        """Do what is due; how much of each kind was done.

        One statement says what is due, so that a process that finds nothing costs little. What
        fails is logged, once while it fails for the same reason; the others go on.
        """
        (due,) = self._graph.read("upkeep/due")
        return {kind: self._do(kind) if due[kind] else 0 for kind in self._kinds}

    def _do(self, kind: str) -> int:
        try:
            done = self._kinds[kind]()
        except OrchestrationError as error:
            if self._told.get(kind) != (why := str(error)):
                logger.error("%s: %s", kind, error)
            self._told[kind] = why
            return 0
        self._told.pop(kind, None)
        return done

    def _tick(self) -> int:
        return len(self._schedules.tick())
