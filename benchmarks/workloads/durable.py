"""What durable handlers, gates and budgets cost, beside what they replace."""

from __future__ import annotations

import time
from uuid import uuid4

from benchmarks.measure import Operation, Ratio, interleaved
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import Budget, NewTask
from graph_orch._sync.commands import Commands
from graph_orch._sync.handling import Handling
from graph_orch.domain.durable import Waits

R1 = "RETURN 1"
CHILDREN = 100
TASKS = 605
CLAIMED = 10
ESTIMATE = Budget(tokens=10)
SLOTS = 1_000_000


def handlers(store: Store, plan: Plan, results: Results) -> None:
    """A step, a wait, a hundred children and their results, and a gate."""
    store.wipe()
    tasks, gates = store.orch.tasks, store.orch.gates
    handling = Handling(store.orch.graph, Commands(store.orch.graph))
    store.orch.agents.register_agent("agent", [], max_concurrent_tasks=SLOTS)

    def hold() -> str:
        held = tasks.create_task("x", "any")
        tasks.assign_task(held, "agent")
        tasks.start_task(held)
        return held

    def keep(task_id: str) -> None:
        row = {"task_id": task_id, "attempt": 1, "key": f"step:{uuid4()}#1", "duration_ms": 1.0}
        if not handling.keep({**row, "result": '{"found": 1}'}):
            raise RuntimeError("a step was not kept")

    def children() -> list[NewTask]:
        return [NewTask(content="x", task_type="any") for _ in range(CHILDREN)]

    def complete(task_id: str, left: list[NewTask]) -> None:
        row = {"attempt": 1, "result": None, "metrics": None, "duration_ms": 1.0, "ran_ms": None}
        row |= {"task_id": task_id, "command_id": uuid4().hex}
        handling.complete(row, Waits(tasks=left))

    def gathering() -> tuple[str, list[str]]:
        return hold(), tasks.create_tasks(children())

    def decided() -> str:
        gate = gates.create("go on?")
        tasks.create_task("x", "any", gates=[gate.gate_id])
        return gate.gate_id

    measured = interleaved(
        {
            R1: Operation(store.return_1),
            "keep a step": Operation(keep, hold),
            "complete": Operation(lambda task_id: tasks.complete_task(task_id), hold),
            "suspend": Operation(lambda task_id: tasks.suspend_task(task_id, 3_600), hold),
            "create_tasks, 100": Operation(lambda _: tasks.create_tasks(children())),
            "complete, with 100 children": Operation(
                lambda task_id: complete(task_id, children()), hold
            ),
            "suspend, for 100 tasks": Operation(
                lambda given: tasks.suspend_task(given[0], awaits=given[1]), gathering
            ),
            "results of 100": Operation(handling.ended, lambda: tasks.create_tasks(children())),
            "decide a gate": Operation(
                lambda gate_id: gates.decide(gate_id, "approve", by="boss"), decided
            ),
        },
        rounds=plan.rounds,
        calls=plan.calls,
        warm_up=20,
    )
    results.keep("handlers", measured)
    for what in ("keep a step", "suspend", "decide a gate"):
        results.at_most(what, Ratio.between(measured[what], measured[R1]), "× RETURN 1")
    spawned = measured["complete, with 100 children"]
    results.at_most(
        "complete with 100 children",
        Ratio.between(spawned, measured["create_tasks, 100"]),
        "× create_tasks of 100",
    )
    for what in ("suspend, for 100 tasks", "results of 100"):
        results.at_most(what, Ratio.between(measured[what], measured[R1]), "× RETURN 1")


def budgets(store: Store, plan: Plan, results: Results) -> None:
    """A workflow's tasks, claimed and completed under one budget, beside the same without."""

    def lives(budget: Budget | None) -> float:
        store.wipe()
        store.orch.agents.register_agent("agent", [], max_concurrent_tasks=SLOTS)
        tasks = [NewTask(content="x", task_type="any", estimate=ESTIMATE) for _ in range(TASKS)]
        store.orch.workflows.start("flow", tasks, budget=budget)
        began, done = time.perf_counter(), 0
        while claims := store.orch.tasks.claim_tasks("agent", CLAIMED, start=True):
            for claim in claims:
                store.orch.tasks.complete(claim, metrics={"tokens": 10})
            done += len(claims)
        if done != TASKS:
            raise RuntimeError(f"{done} of {TASKS} tasks were done")
        return time.perf_counter() - began

    lives(Budget(tokens=10**9))  # so that the statements are planned
    found = [(lives(None), lives(Budget(tokens=10**9))) for _ in range(plan.rounds)]
    ratio = Ratio.of([under / without for without, under in found])
    results.at_most(f"{TASKS} tasks under one budget", ratio, "× without", 1.3)
