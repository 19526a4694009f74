"""Evaluators of triggers that are killed at random: the log says what must have fired."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from graph_orch import NewTask, Orchestrator
from tests.faults.load import seeds
from tests.mcp_client import environment

pytestmark = pytest.mark.faults

EVALUATOR = """
import time
from graph_orch import Orchestrator
with Orchestrator.connect() as orch:
    print("up", flush=True)
    while True:
        orch.triggers.run()
        time.sleep(0.01)
"""
KINDS = 4
WITHIN = 0.5
EVALUATORS = 3


def wanted_of(events, kinds):
    """What must have fired, told by the log alone: the keys of the tasks that are made of it."""
    keys: set[str] = set()
    times: dict[str, list[float]] = {}
    done: set[str] = set()
    for event in events:
        kind = kinds.get(event.task_id)
        if kind is None:
            continue
        if event.type == "created":
            keys.add(f"trigger:each:{event.position}")
            keys.add(f"trigger:flow:{event.position}")
            at = event.at.timestamp()
            counted = [*times.get(kind, ()), at]
            counted = [it for it in counted if it > max(counted) - WITHIN]
            if len(counted) == 3:
                keys.add(f"trigger:thirds:{event.position}")
                counted = []
            times[kind] = counted
        if event.type == "cancelled":
            done.add(event.task_id)
    late = {
        f"trigger:late:{event.position}"
        for event in events
        if event.type == "created" and event.task_id in kinds and event.task_id not in done
    }
    return keys, late


@seeds
def test_each_match_has_its_effect_once(orch, server, cypher, seed):
    rng = random.Random(seed)
    made = {"content": "{event.task_id}", "task_type": "made"}
    each = {"for_each": "task_type", "count": 3, "within_seconds": WITHIN}
    late = {"for_each": "task_id", "expect": "cancelled", "within_seconds": 2}
    orch.triggers.put("each", "created:kind/*", create=made)
    orch.triggers.put("thirds", "created:kind/*", when=each, create=[made, made])
    orch.triggers.put("late", "created:kind/*", when=late, create=made)
    orch.triggers.put(
        "flow", "created:kind/*", start_workflow={"name": "{event.task_id}", "tasks": [made]}
    )
    orch.webhooks.put("w", "http://127.0.0.1:9", None)
    orch.triggers.put("post", "created:kind/*", post={"webhook": "w"})
    given = {**os.environ, **environment(server)}
    running: list[subprocess.Popen[str]] = []

    def start() -> None:
        command = [sys.executable, "-c", EVALUATOR]
        it = subprocess.Popen(command, env=given, stdout=subprocess.PIPE, text=True)
        assert it.stdout is not None
        running.append(it)
        assert it.stdout.readline() == "up\n"
        it.stdout.close()

    kinds: dict[str, str] = {}
    stop = threading.Event()

    def create() -> None:
        own = random.Random(seed)
        with Orchestrator.connect(*server) as other:
            while not stop.is_set():
                kind = f"kind/{own.randrange(KINDS)}"
                tasks = [NewTask(content="x", task_type=kind) for _ in range(own.randrange(1, 4))]
                ids = other.tasks.create_tasks(tasks)
                kinds.update(dict.fromkeys(ids, kind))
                if own.random() < 0.7:
                    other.tasks.cancel_task(ids[0])
                stop.wait(own.random() * 0.2)

    creating = threading.Thread(target=create)
    try:
        for _ in range(EVALUATORS):
            start()
        creating.start()
        for _ in range(8):
            time.sleep(rng.random())
            victim = running.pop(rng.randrange(len(running)))
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            start()
        stop.set()
        creating.join()
        # What a killed one had taken comes to another when its time with it is over.
        cypher("MATCH (f:PendingFiring) SET f.due_at = datetime()")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (
            orch.triggers.run() or any(it.pending or it.behind for it in orch.triggers.list())
        ):
            time.sleep(0.2)
    finally:
        stop.set()
        for it in running:
            it.kill()
            it.wait()
    time.sleep(3)  # longer than anything is waited for
    orch.triggers.run()
    # So does what those had taken that were killed in the end.
    cypher("MATCH (f:PendingFiring) SET f.due_at = datetime()")
    orch.triggers.run()
    keys, late_keys = wanted_of(orch.events.read(limit=10_000), kinds)
    tasks = orch.tasks.query_tasks({"task_type": "made"}, limit=10_000)
    of_each: dict[str, int] = {}
    for task in tasks:
        key = task.workflow_id or (task.idempotency_key or "").partition("/")[0]
        of_each[key] = of_each.get(key, 0) + 1
    assert of_each.keys() == keys | late_keys
    assert all(n == (2 if ":thirds:" in key else 1) for key, n in of_each.items())
    posted = orch.triggers.get("post").fired
    assert posted == orch.triggers.get("each").fired == orch.webhooks.get("w").waiting
    assert sum(it.fired for it in orch.triggers.list()) == len(of_each) + posted
    assert [it.failed for it in orch.triggers.list()] == [0] * 5
    assert orch.doctor().is_sound
