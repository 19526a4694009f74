"""Single operations beside the floors, at growing numbers of tasks, agents and skill sets."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks import seed
from benchmarks.measure import Operation, Ratio, Series, interleaved, ratios
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import NewTask
from graph_orch.store import statements

R1 = "RETURN 1"
W1 = "write of a property"
LEASE_SECONDS = 36_000.0
SLOTS = 1_000_000
MOST_MS, MOST_PERCENT = 0.25, 30


def floors(store: Store, plan: Plan, results: Results) -> float:
    """Round trips a second of `RETURN 1` on one connection, which claims are compared to."""
    measured = interleaved(
        {R1: Operation(store.return_1), W1: Operation(store.write_1)},
        rounds=plan.rounds,
        calls=300,
        warm_up=300,
    )
    results.keep("floors", measured)
    return 1_000 / measured[R1].p50


def routing(store: Store, plan: Plan, results: Results) -> None:
    """Routing a task with three skills among many agents."""
    most = {1_000: 1.8, 10_000: 2.5}
    for number, kinds in plan.agents:
        store.wipe()
        keys = seed.skills(store, kinds)
        seed.agents(store, [f"agent-{n:05}" for n in range(number)], keys, 10)
        skills = store.run("MATCH (a:Agent {agent_id: 'agent-00007'}) RETURN a.skills AS s")[0]["s"]
        task_id = store.orch.tasks.create_task("x", "any", requirements=skills[:3])
        store.settle()
        measured = interleaved(
            {
                R1: Operation(store.return_1),
                "route_task": Operation(lambda _, it=task_id: store.orch.router.route_task(it)),
                "get_agent_health": Operation(
                    lambda _: store.orch.agents.get_agent_health("agent-00007")
                ),
            },
            rounds=plan.rounds,
            calls=plan.calls,
            warm_up=200,
        )
        results.keep(f"{number} agents", measured)
        ratio = Ratio.between(measured["route_task"], measured[R1])
        what = f"route_task, 3 skills, {number:,} agents × {kinds:,} skills"
        results.at_most(what, ratio, "× RETURN 1", most.get(number))


def backlog(store: Store, plan: Plan, results: Results) -> None:
    """Every single operation, with growing numbers of ready tasks, behind what has finished."""
    found: dict[int, dict[str, Series]] = {}
    interleaved(_on_a_backlog(store, 100), rounds=1, calls=1, warm_up=200)
    for number in plan.backlogs:
        store.clear()
        operations = _on_a_backlog(store, number)
        found[number] = interleaved(operations, rounds=plan.rounds, calls=plan.calls)
        results.keep(f"{number} ready", found[number])
        if not (report := store.orch.doctor()).is_sound:
            raise RuntimeError(f"the graph is not sound: {report.findings[:3]}")
    _judge_backlog(found, results)


def _on_a_backlog(store: Store, number: int) -> dict[str, Operation]:
    tasks, agents = store.orch.tasks, store.orch.agents
    agents.register_agent("busy", ["x", "y"], max_concurrent_tasks=SLOTS)
    agents.register_agent("idle", ["z"], max_concurrent_tasks=SLOTS)
    template = tasks.create_task("x", "any", requirements=["x", "y"])
    seed.backlog(store, template, number - tasks.get_queue_statistics().pending_count)
    dependency = tasks.create_task("x", "any")
    waits = tasks.create_task("x", "any", requirements=["x", "y"], dependencies=[dependency])
    store.settle()

    def ready() -> str:
        return tasks.create_task("x", "any", requirements=["x", "y"])

    def assigned() -> str:
        task_id = ready()
        tasks.assign_task(task_id, "busy")
        return task_id

    def started_with_dependents() -> str:
        task_id = ready()
        tasks.create_tasks(
            NewTask(content="x", task_type="any", dependencies=(task_id,)) for _ in range(10)
        )
        tasks.assign_task(task_id, "busy")
        tasks.start_task(task_id)
        return task_id

    return {
        R1: Operation(store.return_1),
        W1: Operation(store.write_1),
        "create_task": Operation(
            lambda _: tasks.create_task(
                "x", "any", requirements=["x", "y"], dependencies=[dependency]
            )
        ),
        "poll_tasks": Operation(lambda _: tasks.poll_tasks("busy", limit=10)),
        "poll_tasks, nothing to do": Operation(lambda _: tasks.poll_tasks("idle", limit=10)),
        "claim_tasks": Operation(lambda _: tasks.claim_tasks("busy", lease_seconds=LEASE_SECONDS)),
        "dispatch_task": Operation(store.orch.router.dispatch_task, ready),
        "assign_task": Operation(lambda it: tasks.assign_task(it, "busy"), ready),
        "start_task": Operation(tasks.start_task, assigned),
        "complete_task": Operation(
            lambda it: tasks.complete_task(it, {"found": 1}, {"duration_ms": 5}),
            started_with_dependents,
        ),
        "route_task": Operation(lambda _: store.orch.router.route_task(template)),
        "get_agent_health": Operation(lambda _: agents.get_agent_health("busy")),
        "get_queue_statistics": Operation(lambda _: tasks.get_queue_statistics()),
        "why_blocked": Operation(lambda _: store.orch.insights.why_blocked(waits)),
    }


def _judge_backlog(found: dict[int, dict[str, Series]], results: Results) -> None:
    least, most = min(found), max(found)

    def ratio(number: int, name: str) -> Ratio:
        return Ratio.between(found[number][name], found[number][R1])

    for name in ("poll_tasks", "poll_tasks, nothing to do"):
        for number in found:
            results.at_most(f"{name}, {number:,} ready", ratio(number, name), "× RETURN 1", 2.5)
        results.at_most(
            f"{name}, {most:,} beside {least:,} ready",
            _beside(found[most], found[least], name),
            "×",
            1.5,
        )
    results.at_most(
        "create_task, 2 skills, 1 dependency", ratio(least, "create_task"), "× RETURN 1", 3
    )
    for number in found:
        what = f"claim_tasks, one worker, {number:,} ready"
        results.at_most(what, ratio(number, "claim_tasks"), "× RETURN 1", 4)
    results.at_most(
        "complete_task, metrics and 10 dependents",
        ratio(least, "complete_task"),
        "× RETURN 1",
        4,
    )
    for name in (
        "dispatch_task",
        "assign_task",
        "start_task",
        "route_task",
        "get_agent_health",
        "get_queue_statistics",
        "why_blocked",
    ):
        results.at_most(f"{name}, {most:,} ready", ratio(most, name), "× RETURN 1")


def skill_sets(store: Store, plan: Plan, results: Results) -> None:
    """An agent that serves a tenth of very many skill sets, most of them without ready tasks."""
    store.wipe()
    chance = random.Random(5)
    keys = seed.skills(store, 100)
    sets = seed.lanes(store, keys, plan.lanes)
    mine = sorted(chance.sample(keys, 47))
    seed.agents(store, ["wide"], mine, 47)
    seed.agents(store, [f"agent-{n:05}" for n in range(10_000)], keys, 10)
    chance.shuffle(sets)
    tasks, active = store.orch.tasks, 0
    for share, most in ((0.002, 10), (0.04, 10), (0.4, None)):
        number = int(plan.lanes * share)
        _make_ready(store, sets[active:number])
        active = number
        store.settle()
        measured = interleaved(
            {
                R1: Operation(store.return_1),
                "poll": Operation(lambda _: tasks.poll_tasks("wide", limit=10)),
                "claim": Operation(
                    lambda _: tasks.claim_tasks("wide", lease_seconds=LEASE_SECONDS)
                ),
            },
            rounds=plan.rounds,
            calls=plan.calls // 2,
        )
        results.keep(f"{plan.lanes} skill sets, {number} with ready tasks", measured)
        for name in ("poll", "claim"):
            what = f"{name}, {plan.lanes:,} skill sets, {number:,} with ready tasks"
            results.at_most(what, Ratio.between(measured[name], measured[R1]), "× RETURN 1", most)
    _changing_skills(store, plan, results, keys)


def shares(store: Store, plan: Plan, results: Results) -> None:
    """Claims among many fairness keys, of which each has tasks, and without any."""
    for number, most in ((0, 4), (10, 5), (1_000, None)):
        store.wipe()
        store.orch.agents.register_agent("busy", [], max_concurrent_tasks=SLOTS)
        for keys in range(number) or (None,):
            key = None if keys is None else f"customer-{keys}"
            store.orch.tasks.create_tasks(
                NewTask(content="x", task_type="any", fairness_key=key)
                for _ in range(10_000 // max(number, 1))
            )
        store.settle()
        measured = interleaved(
            {
                R1: Operation(store.return_1),
                "claim": Operation(
                    lambda _: store.orch.tasks.claim_tasks("busy", lease_seconds=LEASE_SECONDS)
                ),
            },
            rounds=plan.rounds,
            calls=plan.calls,
        )
        results.keep(f"{number} fairness keys", measured)
        ratio = Ratio.between(measured["claim"], measured[R1])
        results.at_most(f"claim, {number:,} fairness keys", ratio, "× RETURN 1", most)


def _make_ready(store: Store, sets: list[list[str]]) -> None:
    for first in range(0, len(sets), 1_000):
        store.orch.tasks.create_tasks(
            NewTask(content="x", task_type="any", requirements=tuple(some))
            for some in sets[first : first + 1_000]
        )


def _changing_skills(store: Store, plan: Plan, results: Results, keys: list[str]) -> None:
    chance, number, orch = random.Random(6), count(), store.orch
    measured = interleaved(
        {
            R1: Operation(store.return_1),
            "register_agent, 47 skills": Operation(
                lambda _: orch.agents.register_agent(f"new-{next(number)}", chance.sample(keys, 47))
            ),
            "learn_new_capability": Operation(
                lambda key: orch.agents.learn_new_capability("agent-00001", key),
                lambda: chance.choice(keys),
            ),
            "create_task with a new skill set, 10,000 agents": Operation(
                lambda some: orch.tasks.create_task("x", "any", requirements=some),
                lambda: chance.sample(keys, 5),
            ),
        },
        rounds=plan.rounds,
        calls=plan.slow_calls,
        warm_up=5,
    )
    results.keep(f"{plan.lanes} skill sets", measured)
    for name in list(measured)[1:]:
        ratio = Ratio.between(measured[name], measured[R1])
        results.at_most(f"{name}, {plan.lanes:,} skill sets", ratio, "× RETURN 1", 100)


def overhead(store: Store, plan: Plan, results: Results) -> None:
    """What the package adds to a call, beside the bare driver with the same statement."""
    store.wipe()
    tasks = store.orch.tasks
    store.orch.agents.register_agent("busy", ["x"], max_concurrent_tasks=SLOTS)
    ids = tasks.create_tasks(
        NewTask(content="x", task_type="any", requirements=("x",)) for _ in range(100)
    )
    get, poll = statements.statement("tasks/get"), statements.statement("tasks/poll_agent")
    given: dict[str, object] = {"agent_id": "busy", "task_types": None, "limit": 10}

    def bare(it: statements.Statement, params: dict[str, object]) -> Callable[[object], object]:
        return lambda _: store.run(it.text, **params)

    measured = interleaved(
        {
            "get_task_status": Operation(lambda _: tasks.get_task_status(ids[0])),
            "get_task_status, bare": Operation(bare(get, {"task_id": ids[0]})),
            "poll_tasks": Operation(lambda _: tasks.poll_tasks("busy", limit=10)),
            "poll_tasks, bare": Operation(bare(poll, given)),
        },
        rounds=plan.rounds,
        calls=plan.calls * 4,
        warm_up=100,
    )
    results.keep("overhead", measured)
    for name in ("get_task_status", "poll_tasks"):
        ours, bare_ = measured[name].medians(), measured[f"{name}, bare"].medians()
        more = Ratio.of([a - b for a, b in zip(ours, bare_, strict=True)])
        share = Ratio.of([100 * (a / b - 1) for a, b in zip(ours, bare_, strict=True)])
        what = f"{name}, beyond the bare driver"  # 0.25 ms, or 30 %
        if more.value <= MOST_MS:
            results.at_most(what, more, "ms", MOST_MS)
        else:
            results.at_most(what, share, "%", MOST_PERCENT)


def after_history(store: Store, plan: Plan, results: Results) -> None:
    """The same operations on an empty graph and behind many finished tasks."""
    store.wipe()
    empty = interleaved(_on_a_backlog(store, 100), rounds=plan.rounds, calls=plan.calls)
    store.wipe()
    seed.backlog(store, seed.finished(store), plan.finished)
    after = interleaved(_on_a_backlog(store, 100), rounds=plan.rounds, calls=plan.calls)
    results.keep("empty", empty)
    results.keep(f"{plan.finished} finished", after)
    slower = {name: _beside(after, empty, name) for name in empty if name not in (R1, W1)}
    worst = max(slower, key=lambda name: slower[name].value)
    what = f"the operation that {plan.finished:,} finished tasks slow the most ({worst})"
    results.at_most(what, slower[worst], "× empty", 1.3)


def _beside(one: dict[str, Series], other: dict[str, Series], name: str) -> Ratio:
    """What an operation takes on one graph, beside another graph, each as a share of its floor."""
    pairs = zip(ratios(one[name], one[R1]), ratios(other[name], other[R1]), strict=True)
    return Ratio.of([ours / theirs for ours, theirs in pairs])


def start_up(store: Store, plan: Plan, results: Results) -> None:
    """Whole processes: importing the package, and the help of the command line."""
    script = str(Path(sys.executable).parent / "graph-orch")
    for what, command, most in (
        ("import graph_orch", [sys.executable, "-c", "import graph_orch"], 0.3),
        ("graph-orch --help", [script, "--help"], 0.5),
    ):
        seconds = [_seconds(command) for _ in range(2 + plan.rounds)]
        results.at_most(what, Ratio.of(seconds[1:]), "s", most)


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
