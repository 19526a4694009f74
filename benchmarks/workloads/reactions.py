"""What follows from events: triggers that are matched with them."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.measure import Ratio
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import NewTask

TRIGGERS = 1_000
KINDS = 50
EVENTS = 6_000
PAGE = 2_000
ROUNDS = 4


def triggers(store: Store, plan: Plan, results: Results) -> None:
    """New events matched with 1,000 triggers, beside reading the same events from the log.

    A quarter of the triggers is on each of: a type of event and of tasks, with a filter; another
    type of tasks; a type of tasks alone; so many failures within a minute, for each type of tasks.
    """
    store.wipe()
    for number in range(TRIGGERS):
        on: list[dict[str, Any]] = [
            {"on": f"created:kind-{number % KINDS}/*", "workflow_id": "another"},
            {"on": f"created:never-{number}/*"},
            {"on": f"created:never-{number}"},
            {"on": "failed", "when": {"count": 3, "within_seconds": 60, "for_each": "task_type"}},
        ]
        made = {"content": "x", "task_type": "made"}
        store.orch.triggers.put(f"trigger {number}", **on[number % len(on)], create=made)
    matched: list[float] = []
    read: list[float] = []
    for _ in range(ROUNDS):
        before = store.orch.events.end()
        for start in range(0, EVENTS, 500):
            kinds = [f"kind-{it % KINDS}/x" for it in range(start, start + 500)]
            store.orch.tasks.create_tasks([NewTask(content="x", task_type=it) for it in kinds])
        store.orch.events.end()
        began = time.perf_counter()
        store.orch.triggers.run()
        matched.append(time.perf_counter() - began)
        began, place = time.perf_counter(), before
        while page := store.orch.events.read(place, limit=PAGE):
            place = page.next_cursor
        read.append(time.perf_counter() - began)
    matched, read = matched[1:], read[1:]  # the first plans its statements
    one = _seconds_of_one(store)
    store.wipe()
    what = f"events matched with {TRIGGERS:,} triggers"
    results.at_least(what, Ratio.of([EVENTS / it for it in matched]), "events/s")
    ratio = Ratio.of([a / b for a, b in zip(matched, read, strict=True)])
    results.at_most(f"{what}: time", ratio, "× reading the log", 10.0)
    results.at_most(f"one event and {TRIGGERS:,} triggers", Ratio.of(one), "ms")


def _seconds_of_one(store: Store) -> list[float]:
    """Milliseconds of a pass over one new event, which moves all triggers on."""
    found: list[float] = []
    for _ in range(10):
        store.orch.tasks.create_task("x", "kind-1/x")
        began = time.perf_counter()
        store.orch.triggers.run()
        found.append(1_000 * (time.perf_counter() - began))
    return found[2:]
