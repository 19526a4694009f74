"""Why a task waits, asked of the store, beside one indexed row with an answer of the same size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.analysis.material import BATCH, Material, Sizes, task_ids
from benchmarks.analysis.weighing import Case
from benchmarks.store import Store
from graph_orch import NewTask

MOST = 5
CALLS, WARM_UP = 40, 40
ONE_ROW = """
CYPHER 5
MATCH (x:Task {task_id: $task_id})
RETURN x {
  .task_id, .status, .assigned_to, .requirements, .retry_count, .concurrency_key, .unmet,
  .error_message, .available_at, .start_by, .close_by
} AS task, [i IN range(1, $roots) | x {
  .task_id, .status, .assigned_to, .requirements, .retry_count, .concurrency_key, .unmet,
  .error_message, .available_at, .start_by, .close_by
}] AS roots
"""
Before = Callable[[Sequence[str], int], Sequence[str]]
"""What the task at a place depends on."""


def waiting(material: Material) -> Iterator[Case]:
    """The last task of a chain, of a ladder of diamonds, and of a fan."""
    number = material.sizes.waiting
    for name, fill in (("chain", _chain), ("ladder", _ladder), ("fan", _fan)):
        material.fill(fill)
        yield _why(material.store, f"{name} of {number:,}", task_ids(number)[-1])


def _why(store: Store, what: str, last: str) -> Case:
    roots = len(store.orch.insights.why_blocked(last).roots)
    return Case(
        f"why_blocked, {what}",
        lambda: store.orch.insights.why_blocked(last),
        f"one indexed row, and {roots} times as many facts",
        lambda: store.run(ONE_ROW, task_id=last, roots=roots),
        most=MOST,
        calls=CALLS,
        warm_up=WARM_UP,
    )


def _chain(store: Store, sizes: Sizes) -> None:
    _create(store, sizes.waiting, lambda ids, at: ids[max(0, at - 1) : at])


def _ladder(store: Store, sizes: Sizes) -> None:
    """Two to a rung, each of which depends on both of the rung below."""
    _create(store, sizes.waiting, lambda ids, at: ids[max(0, at // 2 * 2 - 2) : at // 2 * 2])


def _fan(store: Store, sizes: Sizes) -> None:
    last = sizes.waiting - 1
    _create(store, sizes.waiting, lambda ids, at: ids[:-1] if at == last else ())


def _create(store: Store, number: int, before: Before) -> None:
    store.orch.agents.register_agent("idle", [])
    ids = task_ids(number)
    rows = [
        NewTask(task_id=it, content="x", task_type="any", dependencies=tuple(before(ids, at)))
        for at, it in enumerate(ids)
    ]
    for first in range(0, number, BATCH):
        store.orch.tasks.create_tasks(rows[first : first + BATCH])
