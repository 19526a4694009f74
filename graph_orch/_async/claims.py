"""Claims: how ready tasks are taken under a lease, how one waits for them, and how they are kept.

Nothing here is public: the task queue and workers use it, with arguments that were checked.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from graph_orch._async.due import AsyncDue
from graph_orch._async.graph import AlreadyAppliedError, AsyncGraph, Rows
from graph_orch._async.querying import all_records
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import EventType
from graph_orch.domain.models import ClaimRequest
from graph_orch.domain.refusals import used_for
from graph_orch.errors import AgentNotFoundError, CommandConflictError, StoreError
from graph_orch.logs import logger_of
from graph_orch.store.batching import AsyncCombiner
from graph_orch.store.signals import LONGEST_LOOK_SECONDS
from graph_orch.store.statements import TRANSACTION_SECONDS

TRIES = 5
"""How often a claim starts again at once: others were faster, or tasks had to be looked at."""
HEED_TRIES = 2
"""In how many of them what is due comes first; after that it is no reason to get nothing."""
SOONEST_SECONDS = 0.01
"""How soon the graph is asked again at the soonest, where a task's time comes."""
MANY_LANES = 40
"""An agent that finds more open lanes than that now and then closes those that are empty."""
CLOSE_EVERY_SECONDS = 30.0
CLOSE_BATCH = 1_000
GRACE_SECONDS = 2.5 * TRANSACTION_SECONDS
"""How long a lane stays open after it was found empty: see `tasks/close_lanes`."""
Records = list[Mapping[str, Any]]
"""What `Claim.from_record` takes: it is read at another time, as that takes long."""
logger = logger_of("graph_orch.claims")


class AsyncClaims:
    """Takes ready tasks of one graph for agents, and keeps them."""

    def __init__(self, graph: AsyncGraph, spread: int = 1) -> None:
        """Args:
        spread: See `TaskQueue`.
        """
        self._graph = graph
        self._due = AsyncDue(graph)
        self._spread = spread
        self._closed_lanes_at: dict[str, float] = {}
        # Whether what is due comes first is asked for all claims of a statement.
        self._claiming = {
            heed_due: AsyncCombiner[dict[str, Any], Mapping[str, Any]](
                partial(self._claim_all, heed_due),
                weigh=lambda request: request["limit"],
                check=graph.check_usable,
            )
            for heed_due in (True, False)
        }
        self._looking = AsyncCombiner[dict[str, Any], tuple[bool, float]](
            self._have_ready, check=graph.check_usable
        )

    async def claim(self, wanted: ClaimRequest, command_id: str) -> Records:
        """Take what is there now."""
        request: dict[str, Any] = {**wanted.model_dump(), "command_id": command_id}
        row: Mapping[str, Any] = {}
        for tries in range(TRIES):
            heed_due = tries < HEED_TRIES
            try:
                row = await self._claiming[heed_due].submit(request)
            except AlreadyAppliedError:
                return await self._claimed(request)
            if row["replayed"]:
                return await self._claimed(request)
            is_held_up = heed_due and row["due"]
            if is_held_up:
                await self._due.process_due(1)
            if row["tasks"] or not (is_held_up or row["lost"]):
                break
        await self.close_lanes(wanted.agent_id, row["lanes_seen"])
        records = await all_records(self._graph, row)
        if row["handed"]:
            del request["take_up"]
            if request["begin"] is not None:
                request["begin"] = max(0, request["begin"] - len(records))
            request["command_id"] = new_hex()
            records = [*records, *await self._graph.write("tasks/take_up", **request)]
        return records

    async def _claim_all(
        self, heed_due: bool, requests: Sequence[dict[str, Any]]
    ) -> list[Mapping[str, Any] | Exception]:
        """Claim for each of these, in one transaction; the rows of `tasks/claim`, or errors."""
        order = sorted(range(len(requests)), key=lambda place: requests[place]["agent_id"])
        rows = await self._graph.write(
            "tasks/claim",
            requests=[requests[place] for place in order],
            limit=max(request["limit"] for request in requests),
            spread=self._spread,
            heed_due=heed_due,
        )
        found: dict[int, Mapping[str, Any]] = {order[row["number"]]: row for row in rows}
        return [
            found.get(place) or AgentNotFoundError(request["agent_id"])
            for place, request in enumerate(requests)
        ]

    async def _claimed(self, request: dict[str, Any]) -> Records:
        """What this very claim was given before, when its answer was lost."""
        command_id = request["command_id"]
        event_ids = [f"{command_id}:{place}" for place in range(request["limit"])]
        rows = await self._graph.read("tasks/claimed", event_ids=event_ids)
        for row in rows:
            if (row["type"], row["agent_id"]) != (EventType.ASSIGNED, request["agent_id"]):
                raise CommandConflictError("claim", None, command_id, used_for(row))
        return [row for row in rows if row["holds"]]

    async def close_lanes(self, agent_id: str, lanes_seen: int) -> None:
        """Close the empty lanes of an agent, where it found many open ones, now and then."""
        if lanes_seen <= MANY_LANES:
            return
        now = time.monotonic()
        if now - self._closed_lanes_at.get(agent_id, -math.inf) > CLOSE_EVERY_SECONDS:
            self._closed_lanes_at[agent_id] = now
            try:
                await self._graph.write(
                    "tasks/close_lanes",
                    agent_id=agent_id,
                    limit=CLOSE_BATCH,
                    grace_seconds=GRACE_SECONDS,
                    command_id=new_hex(),
                )
            except StoreError as error:  # what was claimed counts; the lanes can wait
                logger.warning("empty lanes were not closed: %s", error)

    async def wait_for_work(self, wanted: ClaimRequest, seconds: float, seen: int) -> bool:
        """Wait until a claim is worth a try; False when the time is up.

        The graph is asked when something has changed, when the time of a task comes, and now and
        then; see `AsyncGraph.wait`.

        Args:
            seen: How much this process had been told of (`graph.work.seen`) when there was nothing.
        """
        # When the time of a task comes is not known before the graph is asked first; a time that is
        # set later is an event.
        deadline, due_in = time.monotonic() + seconds, LONGEST_LOOK_SECONDS
        request = wanted.model_dump(include={"agent_id", "take_up", "task_types"})
        while (left := deadline - time.monotonic()) > 0:
            await self._graph.wait(seen, min(left, due_in))
            seen = self._graph.work.seen
            ready, due_in = await self._looking.submit(request)
            if ready:
                return True
        return False

    async def _have_ready(
        self, requests: Sequence[dict[str, Any]]
    ) -> list[tuple[bool, float] | Exception]:
        """For each of these requests whether a claim is worth a try, and in how long one may be.

        Where there is less than all could take, some are told so, by chance: the others would only
        find it gone. They are told when the claims of these have changed the store.
        """
        rows = await self._graph.read("tasks/has_ready", requests=list(requests))
        ready, taken = set[int](), set[str]()
        for row in random.sample(rows, len(rows)):
            head = next((it for it in row["heads"] if it not in taken), None)
            if row["ready"] or head is not None:
                ready.add(row["number"])
                taken |= {head} if head else set()
        times = [row["due_in"] for row in rows if row["due_in"] is not None]
        due_in = max(SOONEST_SECONDS, min(times, default=math.inf))
        return [(number in ready, due_in) for number in range(len(requests))]

    async def keep(self, agent_id: str, beats: Sequence[Mapping[str, Any]]) -> Rows:
        """Keep claims of an agent for another lease, in one transaction.

        Args:
            beats: See `heartbeat_of`.

        Returns:
            For each a row: task_id, attempt, kept (whether the claim holds), status,
            current_attempt, lease_expires_at.
        """
        rows = sorted(beats, key=lambda row: row["task_id"])
        return await self._graph.write("tasks/heartbeat", rows=rows, agent_id=agent_id)


def heartbeat_of(
    task_id: str,
    attempt: int,
    lease_seconds: float | None,
    progress: float | None = None,
    message: str | None = None,
    began: float | None = None,
    event_id: str | None = None,
    used: list[int] | None = None,
) -> dict[str, Any]:
    """A heartbeat of a claim, as `tasks/heartbeat` takes it.

    Args:
        lease_seconds: How long the claim holds from now on; None: as long as before.
        progress: How far the work is, 0 to 1; None: as before.
        began: When the work began, by `time.perf_counter`, where the store was not told of it.
        event_id: The id of the event that says so.
        used: Tokens, and billionths of the currency, that the try has used so far; None: as before.
    """
    return {
        "task_id": task_id,
        "attempt": attempt,
        "lease_seconds": lease_seconds,
        "progress": progress,
        "message": message,
        "ran_ms": None if began is None else milliseconds_since(began),
        "event_id": event_id,
        "used": used,
    }


def milliseconds_since(moment: float) -> float:
    """How long ago it was, by `time.perf_counter`."""
    return max(0.0, time.perf_counter() - moment) * 1_000
