"""The log of events: every transition of every task, in one order, to be read and followed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graph_orch._sync.graph import Graph
from graph_orch.domain.fields import CURSOR, EVENT_TYPES, LIMIT, SECONDS
from graph_orch.domain.ids import new_hex
from graph_orch.domain.lifecycle import EventType
from graph_orch.domain.models import EventPage, TaskEvent
from graph_orch.domain.patterns import Wanted, Where, fields_of

NUMBERED_AT_ONCE = 2_000
PAGE = 100
"""How many events `subscribe` reads at once."""
NOTHING: dict[str, Any] = {
    **Wanted.of("*").filters,
    **Wanted.of("*").asked,
    "types": [],
    "after": 2**62,
    "limit": 1,
}
"""Asks `events/read` for the end of the log alone: after this place no event is looked at."""
THE_BEGINNING = -(2**62)
"""A moment before all events."""
ROUNDS = 5
"""How often one read looks again for what was committed meanwhile, until it is full."""


def number(graph: Graph) -> int:
    """Show the places that were given, and give some to events that have none: how many."""
    (row,) = graph.write("events/number", limit=NUMBERED_AT_ONCE, command_id=new_hex())
    return row["number"]


def place_before(graph: Graph, moment: int, end: int) -> int:
    """The place in the log after which events are younger than a moment, by bisection.

    Events stand in the order in which they were committed, so some that began before the moment may
    stand after the place, and some that began later before it.

    Args:
        moment: In microseconds since 1970.
        end: The end of the log.
    """
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        rows = graph.read("events/place", position=middle + 1, since=THE_BEGINNING)
        if not rows or rows[0]["at"] >= moment:
            high = middle
        else:
            low = max(middle + 1, rows[0]["position"])
    return min(low, end)


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
        pattern: str = "*",
        workflow_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        skill: str | None = None,
        where: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> EventPage:
        """The events after a cursor, oldest first.

        Args:
            after: The `next_cursor` of a page, or the `position` of an event; None: the beginning.
            types: Only these; None: all.
            pattern: As for `subscriptions.put`, as are the filters that follow.
            limit: How many are looked at, of those that all but `where` leaves. A page without
                events means that the end of the log was reached.

        Raises:
            ValidationError: an argument is not acceptable.
        """
        wanted = Wanted.of(pattern, where, workflow_id, agent_id, team_id, skill)
        place, limit = CURSOR.of("after", after or 0), LIMIT.of("limit", limit)
        return self._page(place, limit, wanted.where, _asked(wanted, types))

    def end(self) -> int:
        """The cursor after everything that has happened, to follow what comes."""
        given = NUMBERED_AT_ONCE
        while given == NUMBERED_AT_ONCE:  # fewer: all that had happened has a place
            given = number(self._graph)
        number(self._graph)  # shows the places that were given
        (row,) = self._graph.read("events/read", **NOTHING)
        return row["last"]

    def subscribe(
        self,
        after: int | None = None,
        *,
        types: Sequence[EventType | str] | None = None,
        pattern: str = "*",
        workflow_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        skill: str | None = None,
        where: str | Sequence[str] | None = None,
        idle_seconds: float | None = None,
    ) -> Iterator[TaskEvent]:
        """Every event after a cursor, and every one that comes.

        Args:
            after: Where to begin; store `event.position` when an event is dealt with, to go on
                from there another time.
            types: As for `read`, as are the other filters.
            idle_seconds: End when nothing came for so long; None: never end.
        """
        idle_seconds = SECONDS.of("idle_seconds", idle_seconds)
        wanted = Wanted.of(pattern, where, workflow_id, agent_id, team_id, skill)
        place, params = CURSOR.of("after", after or 0), _asked(wanted, types)
        heard = time.monotonic()
        while True:
            seen = self._graph.work.seen
            page = self._page(place, PAGE, wanted.where, params)
            for event in page:
                yield event
            if page:
                heard = time.monotonic()
            elif (left := idle_left(heard, idle_seconds)) > 0:
                self._graph.wait(seen, left)
            else:
                return
            place = page.next_cursor or place

    def _page(
        self, place: int, limit: int, where: Where, params: Mapping[str, Any]
    ) -> EventPage:
        """The next events for which the conditions hold; `params` are of `events/read`."""
        events, row, rounds = list[TaskEvent](), dict[str, Any](), ROUNDS
        while rounds:
            (row,) = self._graph.read("events/read", after=place, limit=limit, **params)
            events = chosen(where, row["events"])
            if len(row["events"]) == limit:
                place = row["events"][-1]["position"]
                if events:
                    return EventPage(events, place)
                continue
            rounds -= 1
            if not row["more"]:
                break
            if number(self._graph):
                number(self._graph)  # shows them
        return EventPage(events, max(place, row["last"]))


def _asked(wanted: Wanted, types: Sequence[EventType | str] | None) -> dict[str, Any]:
    """The parameters of `events/read` that say which events are wanted."""
    these = None if types is None else set(EVENT_TYPES.of("types", types))
    among = [it for it in wanted.pattern.types if these is None or it in these]
    return wanted.filters | wanted.asked | {"types": among}


def idle_left(heard: float, idle_seconds: float | None) -> float:
    """How long to wait for more, where something came last at `heard` by `time.monotonic`."""
    return math.inf if idle_seconds is None else heard + idle_seconds - time.monotonic()


def chosen(where: Where, rows: Sequence[Mapping[str, Any]]) -> list[TaskEvent]:
    """The events of rows of `events/matching` for which the conditions hold."""
    found: list[TaskEvent] = []
    for row in rows:
        if row.get("event_id") is not None:  # of one that was deleted there is the place alone
            event = TaskEvent.from_record({"event": row})
            names, of_task = where.task_fields, row["of_task"]
            if not where.conditions or where.holds(fields_of(event, names, of_task)):
                found.append(event)
    return found
