"""What a graph needs now and then, done by whoever comes by: workers, and `maintain`."""

from __future__ import annotations

import time
from collections.abc import Callable

from graph_orch._async.acting import MOST_TRIES, UNCALLED_SECONDS, AsyncActing
from graph_orch._async.due import AsyncDue
from graph_orch._async.evaluating import AsyncEvaluator
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.schedules import AsyncSchedules
from graph_orch._async.webhooks import AsyncWebhooks
from graph_orch.domain.models import RetryPolicy
from graph_orch.errors import OrchestrationError
from graph_orch.logs import logger_of
from graph_orch.store.functions import free

RUN_SECONDS = 10.0
"""After so long a run begins nothing new of what may take long."""
LATE_LOOK_SECONDS = 60.0
"""A process that looks all the time looks so often at what is to be given up, which can wait."""
logger = logger_of("graph_orch.upkeep")


class AsyncUpkeep:
    """Does what is due. Any number of processes may do it, none is the leader."""

    def __init__(
        self,
        graph: AsyncGraph,
        *,
        retry_policy: RetryPolicy | None = None,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """Args:
        retry_policy: For the tasks that are created here without one of their own.
        is_ending: Once it is so, nothing more is sent, and no function is called.
        """
        self._graph = graph
        self._due = AsyncDue(graph)
        self._schedules = AsyncSchedules(graph, retry_policy=retry_policy)
        self._webhooks = AsyncWebhooks(graph, is_ending)
        self._evaluation = AsyncEvaluator(graph)
        self._acting = AsyncActing(graph, retry_policy or RetryPolicy(), is_ending)
        self._kinds = {
            "tasks": self._heed,
            "scheduled": self._tick,
            "delivered": self._webhooks.deliver,
            "fired": self._fire,
            "called": self._call,
        }
        """By the columns of `upkeep/due`. Each is safe while other processes do the same."""
        self._told: dict[str, str] = {}
        self._late_at = 0.0

    async def due(self) -> list[str]:
        """The kinds that are due, by one statement: a process that finds nothing costs little.

        What is to be given up is looked at by the first look, and once a minute then.
        """
        is_time = time.monotonic() >= self._late_at
        found = await self._due_now(UNCALLED_SECONDS if is_time else None)
        if is_time:
            self._late_at = time.monotonic() + LATE_LOOK_SECONDS
        return found

    async def _due_now(self, late_seconds: float | None) -> list[str]:
        (due,) = await self._graph.read(
            "upkeep/due", functions=free(), most=MOST_TRIES, seconds=late_seconds
        )
        return [kind for kind in self._kinds if due[kind]]

    async def do(self, kind: str, seconds: float | None = None) -> int:
        """Do what is due of a kind; how much was done.

        What fails is logged, once while it fails for the same reason.

        Args:
            seconds: After so long it begins nothing new; None: it ends when nothing is due.
        """
        try:
            done = await self._kinds[kind](seconds)
        except OrchestrationError as error:
            if self._told.get(kind) != (why := str(error)):
                logger.error("%s: %s", kind, error)
            self._told[kind] = why
            return 0
        except Exception:  # whatever it is, the other kinds go on, and this one is done again
            logger.exception("%s", kind)
            return 0
        self._told.pop(kind, None)
        return done

    async def run(self) -> dict[str, int]:
        """Do what is due, one kind after the other; how much of each was done.

        What one kind does may make another due, such as tasks that fail what a trigger waits for:
        each is asked for when its turn comes.
        """
        return {
            kind: await self.do(kind, RUN_SECONDS)
            if kind in await self._due_now(UNCALLED_SECONDS)
            else 0
            for kind in self._kinds
        }

    async def _heed(self, seconds: float | None) -> int:
        return await self._due.process_due()

    async def _tick(self, seconds: float | None) -> int:
        return len(await self._schedules.tick())

    async def _fire(self, seconds: float | None) -> int:
        # Always for a time: while others evaluate there may be something to do for ever. What fired
        # has half of it, as a log that is far behind would leave none.
        now, given = time.monotonic(), RUN_SECONDS if seconds is None else seconds
        await self._evaluation.run(now + given / 2)
        return len(await self._acting.run(now + given))

    async def _call(self, seconds: float | None) -> int:
        return len(await self._acting.call(None if seconds is None else time.monotonic() + seconds))
