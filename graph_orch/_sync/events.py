"""The log of events: every transition of every task, in one order, to be read and followed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from graph_orch._sync.graph import Graph
from graph_orch.domain.fields import CURSOR, EVENT_TYPES, LIMIT, NAME, SECONDS
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import EventType
from graph_orch.domain.models import EventPage, TaskEvent

NUMBERED_AT_ONCE = 2_000
ROUNDS = 5
"""How often one read looks again for what was committed meanwhile, until it is full."""


class Events:
    """The events of a graph, each at least once, in an order that never skips a late committer.

    An event is written in the transaction of its transition. It gets its place in the log when it
    is first read, so the log holds no gap that could still be filled. The events of one task stand
    in their order; those of several tasks in that of their commits, within what one read found.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def read(
        self,
        after: int | None = None,
        *,
        types: Sequence[EventType | str] | None = None,
        workflow_id: str | None = None,
        limit: int = 100,
    ) -> EventPage:
        """The events after a cursor, oldest first.

        Args:
            after: The `next_cursor` of a page, or the `position` of an event; None: the beginning.
            types: Only these; None: all.
            workflow_id: Only those of the tasks of this workflow.
            limit: How many at most. None: the end of the log was reached.

        Raises:
            ValidationError: a type is unknown, or the cursor is no such number.
        """
        place = CURSOR.of("after", after or 0)
        wanted = None if types is None else EVENT_TYPES.of("types", types)
        flow = None if workflow_id is None else NAME.of("workflow_id", workflow_id)
        limit = LIMIT.of("limit", limit)
        events, row = list[TaskEvent](), dict[str, Any]()
        for _ in range(ROUNDS):
            (row,) = self._graph.read(
                "events/read", after=place, types=wanted, workflow_id=flow, limit=limit
            )
            # An event that is deleted while it is read has no properties.
            events = [TaskEvent.from_record({"event": event}) for event in row["events"] if event]
            if len(row["events"]) == limit:
                return EventPage(events, (events[-1].position or place) if events else place)
            if not row["more"]:
                break
            if self._number():
                self._number()  # shows them
        return EventPage(events, max(place, row["last"]))

    def end(self) -> int:
        """The cursor after everything that has happened, to follow what comes."""
        while self._number():
            pass
        (row,) = self._graph.read("events/read", after=0, types=[], workflow_id=None, limit=1)
        return row["last"]

    def subscribe(
        self,
        after: int | None = None,
        *,
        types: Sequence[EventType | str] | None = None,
        workflow_id: str | None = None,
        idle_seconds: float | None = None,
    ) -> Iterator[TaskEvent]:
        """Every event after a cursor, and every one that comes.

        Args:
            after: Where to begin; store `event.position` when an event is dealt with, to go on
                from there another time.
            workflow_id: Only those of the tasks of this workflow.
            idle_seconds: End when nothing came for so long; None: never end.
        """
        idle_seconds = SECONDS.of("idle_seconds", idle_seconds)
        heard = time.monotonic()
        while (left := idle_left(heard, idle_seconds)) >= 0:
            seen = self._graph.work.seen
            page = self.read(after, types=types, workflow_id=workflow_id)
            for event in page:
                yield event
            if page:
                heard = time.monotonic()
            else:
                self._graph.wait(seen, left)
            after = page.next_cursor

    def _number(self) -> int:
        """Show the places that were given, and give some to events that have none: how many."""
        (row,) = self._graph.write(
            "events/number", limit=NUMBERED_AT_ONCE, command_id=new_hex()
        )
        return row["number"]


def idle_left(heard: float, idle_seconds: float | None) -> float:
    """How long to wait for more, where something came last at `heard` by `time.monotonic`."""
    return math.inf if idle_seconds is None else heard + idle_seconds - time.monotonic()
