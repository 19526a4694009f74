"""Workflows as a unit, and gates: beside the same work without them."""

from __future__ import annotations

import threading
import time

from benchmarks.measure import Operation, Ratio, interleaved, quantile
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import NewTask

AT_ONCE = 10_000
WAITING = 100
BESIDE = 2_000
CALM_CLAIMS = 100
PAUSE_SECONDS = 0.02


def workflows(store: Store, plan: Plan, results: Results) -> None:
    """Starting 10,000 tasks as one; the status and the cancellation of a large workflow."""
    store.wipe()
    tasks = store.orch.tasks
    flows = store.orch.workflows
    measured = interleaved(
        {
            "create_tasks": Operation(tasks.create_tasks, lambda: _plain(AT_ONCE)),
            "workflows.start": Operation(lambda it: flows.start("x", it), lambda: _plain(AT_ONCE)),
        },
        rounds=plan.rounds,
        calls=1,
        warm_up=1,
    )
    results.keep("start", measured)
    ratio = Ratio.between(measured["workflows.start"], measured["create_tasks"])
    results.at_most(f"start of {AT_ONCE:,} tasks", ratio, "× create_tasks")
    _large(store, plan, results)


def _large(store: Store, plan: Plan, results: Results) -> None:
    store.wipe()
    flows, tasks = store.orch.workflows, store.orch.tasks
    store.orch.agents.register_agent("other", [], max_concurrent_tasks=1_000_000)
    began = time.perf_counter()
    flows.start("large", _plain(plan.flow), workflow_id="large")
    started = time.perf_counter() - began
    store.settle()
    measured = interleaved(
        {
            "RETURN 1": Operation(store.return_1),
            "workflows.get": Operation(lambda _: flows.get("large")),
            "workflows.status": Operation(lambda _: flows.status("large")),
        },
        rounds=plan.rounds,
        calls=plan.slow_calls,
        warm_up=1,
    )
    results.keep(f"{plan.flow} tasks in a workflow", measured)
    for name in ("workflows.get", "workflows.status"):
        ratio = Ratio.between(measured[name], measured["RETURN 1"])
        results.at_most(f"{name}, {plan.flow:,} tasks", ratio, "× RETURN 1")
    tasks.create_tasks(_plain(BESIDE))
    calm = [_claim(store) for _ in range(CALM_CLAIMS)]
    took: list[float] = []
    ended = threading.Event()

    def claim_on() -> None:
        while not ended.is_set():
            took.append(_claim(store))
            time.sleep(PAUSE_SECONDS)

    claiming = threading.Thread(target=claim_on)
    claiming.start()
    began = time.perf_counter()
    flows.cancel("large")
    cancelled = time.perf_counter() - began
    ended.set()
    claiming.join()
    what = f"cancel of {plan.flow:,} tasks"
    results.at_most(what, Ratio.of([cancelled / started]), "× start")
    ratio = Ratio.of([quantile(took, 0.99) / quantile(calm, 0.5)])
    results.at_most(f"{what}: p99 of claims meanwhile", ratio, "× calm claim")


def _claim(store: Store) -> float:
    began = time.perf_counter()
    store.orch.tasks.claim_tasks("other", lease_seconds=36_000)
    return time.perf_counter() - began


def gates(store: Store, plan: Plan, results: Results) -> None:
    """A gate decided with 100 tasks waiting, beside a task completed on which 100 depend."""
    store.wipe()
    tasks, orch = store.orch.tasks, store.orch
    orch.agents.register_agent("doer", ["do"], max_concurrent_tasks=1_000_000)

    def gate() -> str:
        gate_id = orch.gates.create("may I?").gate_id
        tasks.create_tasks(
            NewTask(content="x", task_type="any", gates=(gate_id,)) for _ in range(WAITING)
        )
        return gate_id

    def dependency() -> str:
        task_id = tasks.create_task("x", "any", requirements=["do"])
        tasks.create_tasks(
            NewTask(content="x", task_type="any", dependencies=(task_id,)) for _ in range(WAITING)
        )
        tasks.assign_task(task_id, "doer")
        tasks.start_task(task_id)
        return task_id

    measured = interleaved(
        {
            "complete_task": Operation(lambda it: tasks.complete_task(it, 1), dependency),
            "decide": Operation(lambda it: orch.gates.decide(it, "approve", by="x"), gate),
        },
        rounds=plan.rounds,
        calls=plan.slow_calls,
        warm_up=3,
    )
    results.keep(f"{WAITING} tasks wait", measured)
    ratio = Ratio.between(measured["decide"], measured["complete_task"])
    results.at_most(f"a gate decided, {WAITING} tasks waiting", ratio, "× complete_task")


def _plain(number: int) -> list[NewTask]:
    return [NewTask(content="x", task_type="any") for _ in range(number)]
