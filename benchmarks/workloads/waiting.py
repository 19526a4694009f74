"""Waiting workers: how soon one begins with a task of another process, and what waiting costs."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.measure import Operation, Ratio, Series, timed
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import AsyncContext, Worker

WORKERS = 50
PROCESSES = (1, 10)
"""By how many processes the workers wait. More have no room on two cores."""
WARM_UP = 300
"""Tasks that go through before: the server compiles what it runs often."""
SETTLE_SECONDS = 20.0
"""Until they look as seldom as where nothing has happened for long."""
IDLE_SECONDS = 10.0
APART_SECONDS = 0.2
MOST_MILLISECONDS = 25.0


@dataclass
class Crew:
    """Processes with waiting workers, and when each task began, by its id."""

    processes: list[subprocess.Popen[str]]
    began: dict[str, float]

    @classmethod
    def hire(cls, store: Store, processes: int) -> Crew:
        """Start the processes, and wait until all their workers live."""
        crew = cls([], {})
        user, password = store.auth or ("", "")
        given = {"URI": store.uri, "USERNAME": user, "PASSWORD": password}
        given |= {"DATABASE": store.database} if store.database else {}
        environment = os.environ | {f"NEO4J_{name}": value for name, value in given.items()}
        args = [sys.executable, "-m", "benchmarks.workloads.waiting"]
        for number in range(processes):
            process = subprocess.Popen(
                [*args, str(number), str(WORKERS // processes)],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            assert process.stdout is not None
            crew.processes.append(process)
            threading.Thread(target=crew._listen, args=(process.stdout,), daemon=True).start()
        while sum(it.is_live for it in store.orch.agents.list_workers()) < WORKERS:
            time.sleep(0.5)
        return crew

    def _listen(self, lines: IO[str]) -> None:
        for line in lines:
            task_id, moment = line.split()
            self.began[task_id] = float(moment)

    def wait_for(self, task_id: str) -> float:
        while task_id not in self.began:
            time.sleep(0.001)
        return self.began[task_id]

    def dismiss(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(60)


def waiting(store: Store, plan: Plan, results: Results) -> None:
    """Fifty workers wait, in one process and in ten: tasks come from here, one by one."""
    for processes in PROCESSES:
        store.wipe()
        crew = Crew.hire(store, processes)
        try:
            _wait(store, plan, results, crew)
        finally:
            crew.dismiss()


def _wait(store: Store, plan: Plan, results: Results, crew: Crew) -> None:
    def create() -> str:
        return store.orch.tasks.create_task("x", "any")

    for task_id in [create() for _ in range(WARM_UP)]:
        crew.wait_for(task_id)
    where = f"{WORKERS} workers wait in {len(crew.processes)} process(es)"
    if store.pid is not None:
        time.sleep(SETTLE_SECONDS)
        pids = [store.pid, *(process.pid for process in crew.processes)]
        before = sum(map(_cpu_seconds, pids))
        time.sleep(IDLE_SECONDS)
        share = (sum(map(_cpu_seconds, pids)) - before) / IDLE_SECONDS
        what = f"{where}: one core, of the server and of them"
        results.at_most(what, Ratio.of([100 * share]), "%", 15)
    begun, floor = Series(), Series()
    for _ in range(plan.rounds):
        begun.rounds.append([])
        floor.rounds.append([])
        for _ in range(plan.calls):
            time.sleep(random.uniform(0.5, 1.5) * APART_SECONDS)
            floor.rounds[-1].append(timed(Operation(store.return_1)))
            task_id = create()
            committed = time.time()
            begun.rounds[-1].append(1_000 * max(0.0, crew.wait_for(task_id) - committed))
    results.keep(where, {"begins after the commit": begun, "RETURN 1": floor})
    medians = Ratio.of(begun.medians())
    results.at_most(f"{where}: a task begins after its commit", medians, "ms", MOST_MILLISECONDS)
    results.at_most(f"{where}: the same", Ratio.between(begun, floor), "× RETURN 1")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _work(process: str, number: int) -> None:
    """Let workers wait for tasks of the server that the environment names."""
    workers: list[Worker] = []
    for place in range(number):
        worker = Worker(None, f"waits-{process}-{place}", [], 1)

        @worker.task("any")
        async def begin(ctx: AsyncContext) -> None:
            print(f"{ctx.task.task_id} {time.time():.6f}", flush=True)

        workers.append(worker)
    await asyncio.gather(*(one.serve() for one in workers))


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], int(sys.argv[2])))
