"""One side of `benchmarks/compare`: measures a round for each line that it reads.

Run with the package of one commit on the path; it prints the median of each round, as a ratio to
`RETURN 1` in the same round.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.measure import Operation, Ratio, interleaved
from benchmarks.store import Store, opened
from graph_orch import NewTask

SLOTS = 1_000_000
LEASE_SECONDS = 36_000.0
BACKLOG = 2_000
CALLS = 100


def poll(store: Store) -> Operation:
    return Operation(lambda _: store.orch.tasks.poll_tasks("agent", limit=10))


def create(store: Store) -> Operation:
    return Operation(lambda _: store.orch.tasks.create_task("x", "any", requirements=["x", "y"]))


def claim(store: Store) -> Operation:
    return Operation(
        lambda _: store.orch.tasks.claim_tasks("agent", lease_seconds=LEASE_SECONDS),
        lambda: store.orch.tasks.create_task("x", "any", requirements=["x", "y"]),
    )


def complete(store: Store) -> Operation:
    tasks = store.orch.tasks

    def started() -> str:
        task_id = tasks.create_task("x", "any", requirements=["x", "y"])
        tasks.assign_task(task_id, "agent")
        tasks.start_task(task_id)
        return task_id

    return Operation(lambda task_id: tasks.complete_task(task_id, {"found": 1}), started)


def route(store: Store) -> Operation:
    task_id = store.orch.tasks.create_task("x", "any", requirements=["x", "y"])
    return Operation(lambda _: store.orch.router.route_task(task_id))


WORKLOADS: dict[str, Callable[[Store], Operation]] = {
    "poll": poll,
    "create": create,
    "claim": claim,
    "complete": complete,
    "route": route,
}


def main() -> None:
    """Prepare once, then measure a round for each line of standard input."""
    with opened() as store:
        store.orch.agents.register_agent("agent", ["x", "y"], max_concurrent_tasks=SLOTS)
        store.orch.tasks.create_tasks(
            NewTask(content="x", task_type="any", requirements=("x", "y")) for _ in range(BACKLOG)
        )
        operations = {
            "floor": Operation(store.return_1),
            "it": WORKLOADS[sys.argv[1]](store),
        }
        interleaved(operations, rounds=1, calls=CALLS, warm_up=CALLS)
        print("ready", flush=True)
        for _ in sys.stdin:
            found = interleaved(operations, rounds=1, calls=CALLS, warm_up=0)
            print(Ratio.between(found["it"], found["floor"]).value, flush=True)


if __name__ == "__main__":
    main()
