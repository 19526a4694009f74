"""Dependency shapes, matching of skills, and agents that take their time: all through `Worker`."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from uuid import UUID

from benchmarks.measure import Ratio
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import AsyncContext, AsyncOrchestrator, NewTask, Worker
from graph_orch.analysis.wfformat import read_workflow
from graph_orch.domain.dag import critical_path_of

ROUNDS = 3
WORK_MS = 1.0
LONGEST_S = 0.05


def shapes(store: Store, plan: Plan, results: Results) -> None:
    """How long graphs of dependencies take, beside the sum of the work on their longest path."""
    wanted: dict[str, list[NewTask]] = {
        "chain of 1,000": _chain(1_000),
        "fan 1 → 500 → 1": _fan(500),
        "random graph of 5,000": _random(5_000),
    }
    for path in sorted(plan.traces.glob("*.json")) if plan.traces else []:
        wanted[f"trace {path.stem}"] = _trace(path)
    found: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(ROUNDS):
        for name, tasks in wanted.items():
            found[name].append(_seconds(store, results, name, tasks, {"agent": ["any"]}, 64))
    for name, tasks in wanted.items():
        critical, depth = _critical_seconds(tasks), _depth(tasks)
        ratio = Ratio.of([seconds / critical for seconds in found[name]])
        added = Ratio.of([1_000 * (seconds - critical) / depth for seconds in found[name]])
        results.at_most(f"{name}: makespan", ratio, "× critical path")
        results.at_most(f"{name}: added for each step of the path", added, "ms")


def matching(store: Store, plan: Plan, results: Results) -> None:
    """50 agents with 4 of 40 skills each; every task needs two that somebody has."""
    what = "skill matching, 50 agents"
    chance = random.Random(3)
    skills = [f"skill-{n}" for n in range(40)]
    agents = {f"agent-{n}": chance.sample(skills, 4) for n in range(50)}
    tasks = [
        NewTask(
            content="0",
            task_type="work",
            requirements=tuple(chance.sample(agents[chance.choice(list(agents))], 2)),
        )
        for _ in range(2_000 if plan.full else 500)
    ]
    every = [_seconds(store, results, what, tasks, agents, 1) for _ in range(ROUNDS)]
    rate = Ratio.of([len(tasks) / seconds for seconds in every])
    results.at_least(what, rate, "tasks/s")


def thinking(store: Store, plan: Plan, results: Results) -> None:
    """Agents that think for 0.2 to 2 s, 64 at once: what is added to a perfect schedule."""
    what = "64 agents that think for 0.2 to 2 s: added"
    chance = random.Random(4)
    waits = [chance.uniform(0.2, 2) for _ in range(640 if plan.full else 128)]
    tasks = [NewTask(content=str(wait), task_type="work") for wait in waits]
    agents = {"thinker": ["any"]}
    every = [_seconds(store, results, what, tasks, agents, 64) for _ in range(ROUNDS)]
    perfect = _perfect(waits, 64)
    results.at_most(what, Ratio.of([100 * (seconds / perfect - 1) for seconds in every]), "%")


def _perfect(waits: list[float], slots: int) -> float:
    """The makespan of the same order without any overhead."""
    free = [0.0] * slots
    for wait in waits:
        place = free.index(min(free))
        free[place] += wait
    return max(free)


def _seconds(
    store: Store,
    results: Results,
    what: str,
    tasks: list[NewTask],
    agents: dict[str, list[str]],
    concurrency: int,
) -> float:
    """Seconds that these tasks take on an empty graph."""
    store.wipe()
    seconds = asyncio.run(_worked_off(store, tasks, agents, concurrency))
    results.runs.append({"what": what, "tasks": len(tasks), "seconds": seconds})
    return seconds


async def _worked_off(
    store: Store, tasks: list[NewTask], agents: dict[str, list[str]], concurrency: int
) -> float:
    """Seconds from the first claim until the last task is completed."""
    async with AsyncOrchestrator.connect(store.uri, store.auth, store.database) as orch:
        await orch.tasks.create_tasks(tasks)
        done: set[str] = set()
        finished = asyncio.Event()
        workers = [
            _worker(orch, name, skills, concurrency, done, len(tasks), finished)
            for name, skills in agents.items()
        ]
        began = time.perf_counter()
        serving = [asyncio.create_task(worker.serve()) for worker in workers]
        await finished.wait()
        while (await orch.tasks.get_queue_statistics()).active_count():
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
        for worker in workers:
            worker.stop()
        await asyncio.gather(*serving)
        return seconds


def _worker(
    orch: AsyncOrchestrator,
    name: str,
    skills: list[str],
    concurrency: int,
    done: set[str],
    number: int,
    finished: asyncio.Event,
) -> Worker:
    worker = Worker(orch, name, skills, concurrency, prefetch=concurrency // 4)

    async def work(ctx: AsyncContext) -> None:
        await asyncio.sleep(float(ctx.task.content))
        done.add(ctx.task.task_id)
        if len(done) == number:
            finished.set()

    worker.task("work")(work)
    return worker


def _ids(number: int) -> list[str]:
    chance = random.Random(number)
    return [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(number)]


def _task(task_id: str, dependencies: list[str], ms: float = WORK_MS) -> NewTask:
    return NewTask(
        task_id=task_id,
        content=str(ms / 1_000),
        task_type="work",
        dependencies=tuple(dependencies),
    )


def _chain(number: int) -> list[NewTask]:
    ids = _ids(number)
    return [_task(it, ids[place - 1 : place] if place else []) for place, it in enumerate(ids)]


def _fan(width: int) -> list[NewTask]:
    first, *middle, last = _ids(width + 2)
    return [_task(first, []), *(_task(it, [first]) for it in middle), _task(last, middle)]


def _random(number: int) -> list[NewTask]:
    chance, ids = random.Random(7), _ids(number)
    return [
        _task(
            it,
            sorted({ids[chance.randrange(max(0, place - 200), place)] for _ in range(2)})
            if place
            else [],
        )
        for place, it in enumerate(ids)
    ]


def _trace(path: Path) -> list[NewTask]:
    """A recorded workflow, its longest task scaled to 50 ms."""
    steps = read_workflow(path).steps
    scale = LONGEST_S / max(step.seconds for step in steps)
    ids = dict(zip((step.id for step in steps), _ids(len(steps)), strict=True))
    return [
        _task(ids[step.id], [ids[it] for it in step.parents], 1_000 * scale * step.seconds)
        for step in steps
    ]


def _longest(tasks: list[NewTask], weights: dict[str, float]) -> float:
    return critical_path_of({task.task_id: task.dependencies for task in tasks}, weights).seconds


def _critical_seconds(tasks: list[NewTask]) -> float:
    return _longest(tasks, {task.task_id: float(task.content) for task in tasks})


def _depth(tasks: list[NewTask]) -> float:
    return _longest(tasks, {task.task_id: 1.0 for task in tasks})
