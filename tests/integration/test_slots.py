"""Replicas of a worker: slots of the agent that they share, or of each process; what they take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from graph_orch import Orchestrator, ValidationError, Worker
from tests.mcp_client import environment
from tests.waiting import eventually

REPLICA = """
import sys, time
from pydantic import BaseModel
from graph_orch import Worker

class Brief(BaseModel):
    topic: str

worker = Worker(None, "ada", [], 2, lease_seconds=3, slots=sys.argv[1])

@worker.task("write", input=Brief, output=str)
def write(ctx, brief):
    time.sleep(600)
    return brief.topic

worker.run()
"""


@pytest.fixture
def replica(server):
    processes = []

    def start(slots: str) -> subprocess.Popen[bytes]:
        given = {**os.environ, **environment(server)}
        process = subprocess.Popen([sys.executable, "-c", REPLICA, slots], env=given)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def held(orch: Orchestrator) -> tuple[int, int]:
    agent = orch.agents.get_agent("ada")
    return (0, 0) if agent is None else (agent.active_tasks, agent.max_concurrent_tasks)


def test_each_process_brings_its_slots_and_takes_them_with_it(orch, replica):
    for _ in range(8):
        orch.tasks.create_task('{"topic": "bees"}', "write")
    first = replica("per_process")
    assert eventually(lambda: held(orch) == (2, 2), 60)
    assert orch.agents.schemas()["write"]["input"]["required"] == ["topic"]
    assert orch.agents.schemas("nobody") == {}
    replica("per_process")
    assert eventually(lambda: held(orch) == (4, 4), 60)
    first.send_signal(signal.SIGKILL)
    first.wait()
    # Its leases run out, its slots go, and the other one goes on with what it has.
    assert eventually(lambda: held(orch) == (2, 2), 60)
    assert orch.doctor().findings == []


def test_processes_share_the_slots_of_their_agent(orch, replica):
    for _ in range(8):
        orch.tasks.create_task('{"topic": "bees"}', "write")
    for _ in range(2):
        replica("per_agent")
    assert eventually(lambda: len([it for it in orch.agents.list_workers() if it.is_live]) == 2, 60)
    assert eventually(lambda: held(orch) == (2, 2), 60)


def test_slots_are_of_one_or_the_other():
    with pytest.raises(ValidationError, match="per_agent or per_process"):
        Worker(None, "ada", [], slots="each")  # pyright: ignore[reportArgumentType]
