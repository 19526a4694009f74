"""However handlers end, in several processes of which some are killed, every task ends once."""

from __future__ import annotations

import random
import signal

from tests.faults.hostile import LATE_SECONDS
from tests.faults.load import PROCESSES, TASKS, create, judge, load_on, seeds, tasks_of, until_ended

TRIES = """
MATCH (:Task)-[r:ASSIGNED_TO]->() WHERE r.outcome = 'failed'
RETURN coalesce(r.error, ''), coalesce(r.traceback, '')
"""
LEASE_SECONDS = 4


@seeds
def test_9_hostile_handlers(server, tmp_path, orch, seed):
    chance = random.Random(seed)
    tasks = [
        task.model_copy(update={"start_to_close_seconds": LATE_SECONDS / 3 if place % 3 else None})
        for place, task in enumerate(tasks_of(seed, TASKS // 2))
    ]
    killed = set()
    with load_on(server, tmp_path, seed) as load:

        def start() -> None:
            load.start(hostile=True, lease_seconds=LEASE_SECONDS, prefetch=2)

        def disturb(ended: int) -> None:
            """Kill a process now and then, and let begin again what failed for good."""
            for task in orch.tasks.query_tasks({"status": "failed"}):
                orch.tasks.retry_task(task.task_id)
            if len(killed) < 2 and ended > (len(killed) + 1) * len(tasks) // 4:
                victim = chance.choice([it for it in load.processes if it.poll() is None])
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                killed.add(victim.pid)
                start()

        for _ in range(PROCESSES):
            start()
        created = create(orch, tasks)
        until_ended(orch, disturb)
        while orch.tasks.query_tasks({"status": "failed"}):  # what failed last of all
            disturb(len(tasks))
            until_ended(orch, disturb)
        numbers = judge(orch, load, created)
    assert numbers["completed"] == len(tasks)
    assert killed
    tries = orch.graph.query(TRIES)[1]
    assert tries
    for error, traceback in tries:
        assert error
        assert "Traceback" in traceback
