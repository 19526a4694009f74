"""What is measured: one list, of which every output tells the same names and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from graph_orch._async.measuring import Standing
from graph_orch.domain.characters import visible
from graph_orch.domain.measures import Spread, Totals
from graph_orch.domain.models import QueueStatistics
from graph_orch.domain.models.budgets import Budget, BudgetState

MOST_OF_A_KIND = 50
"""How many budgets, and how many limits, have series: those that are used most."""


class Kind(StrEnum):
    """How a number comes about."""

    GAUGE = "gauge"
    COUNTER = "counter"  # since the process began to count
    HISTOGRAM = "histogram"  # the same


@dataclass(frozen=True)
class Measure:
    """One thing that is measured. `unit` is that of its values, or empty where it counts things."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    unit: str = ""


STORE_UP = Measure("store_up", Kind.GAUGE, "Whether the store answered the last look: 1 or 0.")
LATENCY = Measure("store_latency", Kind.GAUGE, "How long a trivial query took.", (), "seconds")
BEHIND = Measure(
    "log_behind_events", Kind.GAUGE, "Events of the log that the counters do not count yet."
)
TASKS = Measure(
    "tasks",
    Kind.GAUGE,
    "Tasks by status; pending ones are ready, blocked or delayed.",
    ("status",),
)
OLDEST = Measure(
    "oldest_ready_age",
    Kind.GAUGE,
    "For how long the oldest ready task has been ready; 0 where none is.",
    (),
    "seconds",
)
AGENTS = Measure("agents", Kind.GAUGE, "Registered agents.")
SATURATED = Measure("agents_saturated", Kind.GAUGE, "Agents that have no free slot.")
SLOTS = Measure("agent_slots", Kind.GAUGE, "How many tasks all agents together may hold.")
HELD = Measure("agent_slots_held", Kind.GAUGE, "How many tasks agents hold.")
WORKERS = Measure("workers", Kind.GAUGE, "Worker processes that live.")
GATES = Measure("gates_open", Kind.GAUGE, "Gates that wait for a decision.")
WAITING = Measure("gates_waiting_tasks", Kind.GAUGE, "Pending tasks that wait at open gates.")
SPENT = Measure(
    "budget_spent",
    Kind.GAUGE,
    "What ended tries spent of an amount of a budget, as a share of its maximum.",
    ("owner", "amount"),
    "ratio",
)
RESERVED = Measure(
    "budget_reserved",
    Kind.GAUGE,
    "What running tries reserve of an amount of a budget, as a share of its maximum.",
    ("owner", "amount"),
    "ratio",
)
LIMIT_HELD = Measure("limit_held", Kind.GAUGE, "Held tasks with a concurrency key.", ("key",))
LIMIT_MAX = Measure(
    "limit_max", Kind.GAUGE, "How many tasks with a concurrency key may be held.", ("key",)
)
EVENTS = Measure(
    "task_events",
    Kind.COUNTER,
    "Events of tasks: created, assigned (claims), started, completed, try_failed (retries), failed "
    "and so on.",
    ("event", "task_type"),
)
OVERDUE = Measure(
    "task_overdue",
    Kind.COUNTER,
    "Times that ran out: lease (a try was lost), start_to_close, schedule_to_start, "
    "schedule_to_close.",
    ("time", "task_type"),
)
WAIT = Measure(
    "task_wait",
    Kind.HISTOGRAM,
    "How long tasks waited from when they were ready until a try was started.",
    ("task_type",),
    "seconds",
)
RUN = Measure(
    "task_run",
    Kind.HISTOGRAM,
    "How long tries ran from their start to their end, whatever that was.",
    ("task_type",),
    "seconds",
)
COUNTED = (EVENTS, OVERDUE, WAIT, RUN)
MEASURES = (
    STORE_UP,
    LATENCY,
    BEHIND,
    TASKS,
    OLDEST,
    AGENTS,
    SATURATED,
    SLOTS,
    HELD,
    WORKERS,
    GATES,
    WAITING,
    SPENT,
    RESERVED,
    LIMIT_HELD,
    LIMIT_MAX,
    *COUNTED,
)
Series = Mapping[tuple[str, ...], float | Spread]
"""The values of a measure, by those of its labels."""
Values = Mapping[Measure, Series]


def counted(totals: Totals) -> Values:
    """The values of what has happened, copied, as it goes on."""
    return {
        EVENTS: dict(totals.events),
        OVERDUE: dict(totals.overdue),
        WAIT: {(label,): it.told() for label, it in totals.waits.items()},
        RUN: {(label,): it.told() for label, it in totals.runs.items()},
    }


def standing(found: Standing) -> Values:
    """The values of how things stand."""
    sums = found.sums
    return {
        LATENCY: {(): found.latency_seconds},
        TASKS: {(status,): number for status, number in _by_status(found.queue)},
        OLDEST: {(): found.queue.oldest_ready_age_seconds or 0.0},
        AGENTS: {(): sums["agents"]},
        SATURATED: {(): sums["saturated"]},
        SLOTS: {(): sums["slots"]},
        HELD: {(): sums["held"]},
        WORKERS: {(): sums["workers"]},
        GATES: {(): sums["gates"]},
        WAITING: {(): sums["waiting"]},
        SPENT: dict(_shares(found.budgets, lambda it: it.spent)),
        RESERVED: dict(_shares(found.budgets, lambda it: it.reserved)),
        LIMIT_HELD: {(visible(key),): held for key, held, _ in found.limits},
        LIMIT_MAX: {(visible(key),): most for key, _, most in found.limits},
    }


def _by_status(queue: QueueStatistics) -> Iterator[tuple[str, int]]:
    yield "ready", queue.ready_count
    yield "blocked", queue.blocked_count
    yield "delayed", queue.delayed_count
    yield "assigned", queue.assigned_count
    yield "running", queue.running_count
    yield "completed", queue.completed_count
    yield "failed", queue.failed_count
    yield "cancelled", queue.cancelled_count


def _shares(
    budgets: list[BudgetState], of: Callable[[BudgetState], Budget]
) -> Iterator[tuple[tuple[str, str], float]]:
    """The share of each amount that is limited, by the owner and the name of the amount."""
    for one in budgets:
        for amount in ("tokens", "cost", "seconds", "tries"):
            most, used = getattr(one.budget, amount), getattr(of(one), amount)
            if most:  # of nothing there is no share
                yield (visible(one.owner), amount), float((used or 0) / most)
