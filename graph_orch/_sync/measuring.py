"""What happened, counted by the store, and how things stand: a few statements at any size."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graph_orch._sync.events import Events, number
from graph_orch._sync.graph import Graph
from graph_orch.domain.measures import BOUNDS, SLOT_SECONDS, Counted
from graph_orch.domain.models import QueueStatistics
from graph_orch.domain.models.budgets import BudgetState

MOST_PLACES = 5_000
"""How many places of the log one statement counts."""
MOST_EVENTS = 200
MOST_WAITS = 100
"""A task with more events than that, or one that waited for more other tasks and gates, is counted,
and it is not asked how long it waited or ran: that would read all of them."""


@dataclass(frozen=True)
class Measured:
    """Events of a stretch of the log, counted."""

    counted: list[Counted]
    upto: int
    """The place in the log up to which they are counted."""
    last: int
    """The end of the log."""
    unplaced: int
    """How many events have no place yet that shows."""
    now: int
    """The server's time, in seconds since 1970."""

    @property
    def left(self) -> int:
        """How many events, or places of the log, it does not count."""
        return max(0, self.last - self.upto) + self.unplaced


@dataclass(frozen=True)
class Standing:
    """How things stand."""

    latency_seconds: float
    """How long a trivial query took."""
    queue: QueueStatistics
    sums: Mapping[str, int]
    """Numbers of agents, slots, workers and gates, see `monitor/gauges`."""
    budgets: list[BudgetState]
    limits: list[tuple[str, int, int]]
    """Each limit's key, how many are held, and how many may be."""


class Measuring:
    """Measures a graph, and changes nothing in it but the places of events in the log."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._events = Events(graph)

    def end(self) -> int:
        """The end of the log, after everything that has happened."""
        return self._events.end()

    def events(self, after: int, most: int = MOST_PLACES) -> Measured:
        """Count the events after a place in the log, at most those of `most` places.

        Events that have no place are given some for the next call.
        """
        (row,) = self._graph.read(
            "events/measured",
            after=after,
            most=most,
            bounds=list(BOUNDS),
            slot_seconds=SLOT_SECONDS,
            most_events=MOST_EVENTS,
            most_waits=MOST_WAITS,
        )
        if row["unplaced"] and row["upto"] == row["last"]:
            number(self._graph)
        counted = [Counted(**one) for one in row["counted"]]
        now = row["now"] // 1_000_000
        return Measured(counted, max(after, row["upto"]), row["last"], row["unplaced"], now)

    def standing(self, most: int) -> Standing:
        """How things stand.

        The queue does not do what is due here, as it does for `get_queue_statistics`: to measure
        is to change nothing.

        Args:
            most: How many budgets, and how many limits, are told: those that are used most.
        """
        began = time.perf_counter()
        self._graph.read("upkeep/clock")
        latency = time.perf_counter() - began
        (queue,) = self._graph.read("tasks/statistics")
        (row,) = self._graph.read("monitor/gauges", most=most)
        named: dict[str, Any] = dict(row)
        budgets, limits = named.pop("budgets"), named.pop("limits")
        return Standing(
            latency,
            QueueStatistics.from_record(queue),
            named,
            [BudgetState.from_record({"budget": it}) for it in budgets],
            [(it["key"], it["active"], it["max"]) for it in limits],
        )
