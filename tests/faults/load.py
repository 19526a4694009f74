"""Load for the fault tests: tasks to create, processes of workers to do them, and the end of it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from graph_orch import NewTask, Orchestrator, RetryPolicy
from tests.faults.oracle import examine

TASKS = int(os.environ.get("FAULT_TASKS", "300"))
MANY = int(os.environ.get("FAULT_MANY", "300"))
WORKERS = int(os.environ.get("FAULT_WORKERS", "8"))
PROCESSES = int(os.environ.get("FAULT_PROCESSES", "2"))
KILLS = int(os.environ.get("FAULT_KILLS", "2"))
SEEDS = [int(seed) for seed in os.environ.get("FAULT_SEEDS", "1").split(",")]
END_SECONDS = float(os.environ.get("FAULT_END_SECONDS", "300"))
SKILLS = ("a", "b", "c", "d")
LIMITS = {"narrow": 2, "wide": 5}
BATCH = 100


def tasks_of(seed: int, number: int = TASKS, max_retries: int = 1_000) -> list[NewTask]:
    """Tasks with dependencies among them, mixed skills, priorities and concurrency keys."""
    chance = random.Random(seed)
    ids = [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(number)]
    return [
        NewTask(
            task_id=task_id,
            content=f"task {place}",
            task_type="work",
            priority=chance.choice(["high", "medium", "low"]),
            requirements=chance.sample(SKILLS, chance.randint(0, 2)),
            dependencies=[
                ids[chance.randrange(place)] for _ in range(chance.randint(0, 3)) if place
            ],
            concurrency_key=chance.choice([None] * 14 + ["narrow", "wide"]),
            retry_policy=RetryPolicy(max_retries=max_retries),
        )
        for place, task_id in enumerate(ids)
    ]


@dataclass
class Load:
    """Processes of workers on one server, and what they logged."""

    address: tuple[str, tuple[str, str] | None, str | None]
    directory: Path
    seed: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        """Start a process of workers."""
        uri, auth, database = options.pop("address", self.address)
        number = len(self.logs)
        self.logs.append(self.directory / f"log-{number}.jsonl")
        self.logs[-1].touch()
        settings = {
            "uri": uri,
            "auth": auth,
            "database": database,
            "seed": f"{self.seed}-{number}",
            "name": f"p{number}",
            "workers": max(1, WORKERS // PROCESSES),
            "skills": [list(SKILLS), ["a", "b"], ["c", "d", "a"], list(SKILLS)],
            "concurrency": 3,
            "lease_seconds": 4,
            "work_seconds": 0.02,
            "failures": 0.03,
            "log": str(self.logs[-1]),
        } | options
        command = [sys.executable, "-m", "tests.faults.crew_process", json.dumps(settings)]
        with (self.directory / f"errors-{number}.txt").open("wb") as errors:
            process = subprocess.Popen(command, stdout=errors, stderr=errors)
        self.processes.append(process)
        return process

    def end(self) -> None:
        """Let every process drain."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def load_on(
    address: tuple[str, tuple[str, str] | None, str | None], directory: Path, seed: int
) -> Iterator[Load]:
    """A load; its processes are ended whatever happens."""
    load = Load(address, directory, seed)
    try:
        yield load
    finally:
        load.end()


def create(orch: Orchestrator, tasks: Sequence[NewTask]) -> list[str]:
    """Create tasks in batches, with their limits; the ids that were acknowledged."""
    for key, limit in LIMITS.items():
        orch.tasks.set_concurrency_limit(key, limit)
    ids = []
    for start in range(0, len(tasks), BATCH):
        ids += orch.tasks.create_tasks(tasks[start : start + BATCH])
    return ids


def until_ended(orch: Orchestrator, meanwhile: Callable[[int], None] = lambda ended: None) -> None:
    """Wait until no task moves any more; `meanwhile` is called with how many have ended."""
    deadline = time.monotonic() + END_SECONDS
    while True:
        found = orch.tasks.get_queue_statistics()
        if not found.active_count():
            return
        assert time.monotonic() < deadline, f"work has not ended: {found}"
        meanwhile(found.total_count() - found.active_count())
        time.sleep(0.1)


def judge(orch: Orchestrator, load: Load, created: Sequence[str]) -> dict[str, int]:
    """Let the processes drain and ask the oracle; the numbers of the run."""
    load.end()
    verdict = examine(orch, created, load.logs, LIMITS)
    errors = "".join(
        path.read_text(errors="replace")[-2_000:] for path in load.directory.glob("errors-*.txt")
    )
    assert verdict.wrong == [], f"{verdict.wrong[:20]}\n{verdict.numbers}\n{errors}"
    print(f"seed {load.seed}: {verdict.numbers}")
    return verdict.numbers


seeds = pytest.mark.parametrize("seed", SEEDS)
