"""Nothing is lost, doubled or overloaded: under load, kills, cut connections, stops and storms.

Every test ends with the oracle. FAULT_TASKS, FAULT_WORKERS, FAULT_PROCESSES and FAULT_SEEDS make it
longer: `make soak`.
"""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import NewTask
from graph_orch.errors import OrchestrationError, StoreError
from tests.faults.load import (
    MANY,
    PROCESSES,
    TASKS,
    create,
    judge,
    load_on,
    seeds,
    tasks_of,
    until_ended,
)
from tests.faults.proxy import Proxy
from tests.waiting import eventually

CUTS = 5


@pytest.fixture
def load(server, tmp_path, seed, orch):
    with load_on(server, tmp_path, seed) as it:
        yield it


@seeds
def test_1_many_workers(orch, load, seed):
    for number in range(PROCESSES):
        load.start(prefetch=number % 2 * 3, lease_seconds=60)
    created = create(orch, tasks_of(seed, MANY))
    until_ended(orch)
    numbers = judge(orch, load, created)
    assert numbers["completed"] == MANY
    assert "tries expired" not in numbers


@seeds
def test_2_workers_are_killed(orch, load, seed):
    chance = random.Random(seed)
    for _ in range(PROCESSES):
        load.start(lease_seconds=1.5)
    created = create(orch, tasks_of(seed))
    killed = []

    def kill(ended: int) -> None:
        if len(killed) < 5 and ended > (len(killed) + 1) * TASKS // 8:
            live = [it for it in load.processes if it.poll() is None]
            victim = chance.choice(live)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            killed.append(victim)
            load.start(lease_seconds=1.5)

    until_ended(orch, kill)
    assert killed
    assert judge(orch, load, created)["completed"] == TASKS


@seeds
def test_4_answers_are_lost_and_late(orch, load, seed, server):
    uri, auth, database = server
    host, _, port = uri.partition("://")[2].partition(":")
    with Proxy(host, int(port), seed) as proxy:
        proxy.delay_seconds = 0.01

        def cut(ended: int) -> None:  # who is cut off while it connects never begins
            proxy.cut_every = 40 if ended else 0

        for _ in range(PROCESSES):
            load.start(address=(f"bolt://127.0.0.1:{proxy.port}", auth, database), failures=0.1)
        created = create(orch, tasks_of(seed))
        until_ended(orch, cut)
        while proxy.cuts < CUTS:  # however few transactions the workers needed
            created += create(orch, tasks_of(seed + len(created)))
            until_ended(orch, cut)
        numbers = judge(orch, load, created)
    assert numbers["completed"] == len(created)


@seeds
def test_5_a_worker_sleeps_longer_than_its_lease(orch, load, seed):
    sleeper = load.start(lease_seconds=1, work_seconds=0.3)
    created = create(orch, tasks_of(seed))
    naps = []

    def held() -> int:
        return sum(it.active_tasks for it in orch.agents.list() if it.agent_id[:3] == "p0-")

    def nap(ended: int) -> None:
        if len(naps) < 2:
            sleeper.send_signal(signal.SIGSTOP)
            if held():  # else it would lose nothing
                time.sleep(2.5)
                orch.tasks.process_due()  # as whoever claims or counts meanwhile does
                naps.append(ended)
            sleeper.send_signal(signal.SIGCONT)

    assert eventually(held)
    load.start(lease_seconds=1)
    until_ended(orch, nap)
    assert naps
    numbers = judge(orch, load, created)
    assert numbers["completed"] == TASKS
    assert numbers.get("tries expired", 0) > 0


@seeds
def test_6_clocks_are_off(orch, load, seed):
    load.start(clock_offset=3_600, lease_seconds=60)
    load.start(clock_offset=-3_600, lease_seconds=60)
    created = create(orch, tasks_of(seed))
    until_ended(orch)
    numbers = judge(orch, load, created)
    assert numbers["completed"] == TASKS
    assert "tries expired" not in numbers


@seeds
def test_7_deadlock_storm(orch, load, seed):
    """Tasks with many dependencies in common are created while those are completed."""
    chance = random.Random(seed)
    shared = [f"{chance.getrandbits(128):032x}" for _ in range(20)]
    roots = [
        NewTask(task_id=it, content="root", task_type="work", max_retries=100) for it in shared
    ]
    created = orch.tasks.create_tasks(roots)

    def storm(number: int) -> list[str]:
        own = random.Random(f"{seed}-{number}")
        return [
            orch.tasks.create_task(
                "leaf",
                "work",
                requirements=own.sample("abcd", 1),
                dependencies=own.sample(created, 10),
                max_retries=100,
            )
            for _ in range(max(5, TASKS // 40))
        ]

    for _ in range(PROCESSES):
        load.start(prefetch=5)
    with ThreadPoolExecutor(8) as pool:
        leaves = [task_id for ids in pool.map(storm, range(8)) for task_id in ids]
    until_ended(orch)
    numbers = judge(orch, load, [*created, *leaves])
    assert numbers["completed"] == len(created) + len(leaves)


@seeds
def test_8_commands_race_with_claims(orch, load, seed):
    """Cancel, retry, release, assign, add_dependency and deregister, against workers at work."""
    for _ in range(PROCESSES):
        load.start(lease_seconds=1.5)
    created = create(orch, tasks_of(seed))
    orch.agents.register_agent("by-hand", ["a", "b", "c", "d"], max_concurrent_tasks=3)
    place = {task_id: number for number, task_id in enumerate(created)}

    def disturb(number: int) -> int:
        chance, done = random.Random(f"{seed}-{number}"), 0
        for _ in range(60):
            one, other = sorted(chance.sample(created, 2), key=place.__getitem__)
            command = chance.choice(
                [
                    lambda one=one: orch.tasks.cancel_task(one),
                    lambda one=one: orch.tasks.retry_task(one),
                    lambda one=one: orch.tasks.release_task(one),
                    lambda one=one: orch.tasks.fail_task(one, "by hand"),
                    lambda one=one, other=other: orch.tasks.add_dependency(other, one),
                    lambda one=one: orch.tasks.assign_task(one, "by-hand", lease_seconds=1),
                    lambda: orch.agents.deregister_agent(f"p{chance.randrange(2)}-0"),
                    lambda: orch.agents.register_agent(
                        f"p{chance.randrange(2)}-0", ["a", "b"], max_concurrent_tasks=3
                    ),
                ]
            )
            try:
                command()
                done += 1
            except StoreError:
                raise
            except OrchestrationError:
                continue  # refused, and said so
        return done

    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(disturb, range(4)))
    assert done > 20
    for number in range(2):
        orch.agents.register_agent(f"p{number}-0", ["a", "b", "c", "d"], max_concurrent_tasks=3)

    def redrive(_: int) -> None:
        """What was cancelled would leave its dependents waiting for ever."""
        for status in ("cancelled", "failed"):
            for task in orch.tasks.query_tasks({"status": status}):
                orch.tasks.retry_task(task.task_id)

    until_ended(orch, redrive)
    judge(orch, load, created)
