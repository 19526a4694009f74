"""Nothing is lost or doubled where the server itself is killed, again and again."""

from __future__ import annotations

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from graph_orch import (
    NewTask,
    OrchestrationError,
    Orchestrator,
    StoreError,
    WorkflowConflictError,
)
from graph_orch.embedded import EmbeddedNeo4j, server_status
from tests.faults import test_durable_kills as durable
from tests.faults.durable_process import STEPS
from tests.faults.load import (
    END_SECONDS,
    KILLS,
    PROCESSES,
    TASKS,
    create,
    judge,
    load_on,
    seeds,
    tasks_of,
    until_ended,
)
from tests.waiting import eventually

pytestmark = [
    pytest.mark.own_server,
    pytest.mark.skipif(
        os.environ.get("NEO4J_TEST", "embedded") != "embedded",
        reason="only a server of our own may be killed",
    ),
]


@seeds
def test_3_the_server_is_killed(tmp_path, seed):
    data = tmp_path / "data"
    with ExitStack() as servers:
        first = servers.enter_context(EmbeddedNeo4j(data))
        uri, auth = first.uri, first.auth
        port = int(uri.rpartition(":")[2])
        with (
            load_on((uri, auth, None), tmp_path, seed) as load,
            Orchestrator.connect(uri, auth) as orch,
        ):
            created = create(orch, tasks_of(seed))
            for _ in range(PROCESSES):
                load.start(lease_seconds=6)
            kills = []

            def kill(ended: int) -> None:
                if len(kills) < KILLS and ended > len(kills) * TASKS // (KILLS + 1):
                    os.kill(server_status(data).pid, signal.SIGKILL)
                    kills.append(ended)
                    servers.enter_context(EmbeddedNeo4j(data, port=port))

            until_ended(orch, kill)
            judge(orch, load, created)
        assert len(kills) == KILLS


@seeds
def test_3_the_server_is_killed_under_durable_handlers(tmp_path, seed):
    chance, data, kills = random.Random(seed), tmp_path / "data", 0
    lines = range(1, 4)
    with ExitStack() as servers:
        first = servers.enter_context(EmbeddedNeo4j(data))
        address = first.uri, first.auth, None
        port = int(first.uri.rpartition(":")[2])
        with (
            Orchestrator.connect(first.uri, first.auth) as orch,
            durable.handlers(address, tmp_path, lines, kills=False) as process,
        ):
            parents = durable.begin(orch, lines)
            until = time.monotonic() + END_SECONDS
            while process.poll() is None and time.monotonic() < until:
                with suppress(OrchestrationError):
                    durable.approve(orch)
                logs = [path.read_text() for path in tmp_path.glob("*.txt")]
                done = sum(log.count("kept") for log in logs)
                if kills < KILLS and done > (kills + chance.random()) * len(lines) * STEPS / KILLS:
                    os.kill(server_status(data).pid, signal.SIGKILL)
                    kills += 1
                    servers.enter_context(EmbeddedNeo4j(data, port=port))
                time.sleep(0.1)
            assert process.poll() == 0
            durable.judge(orch, tmp_path, parents)
    assert kills == KILLS


def test_3_the_server_is_killed_under_workflows(tmp_path):
    data, many = tmp_path / "data", 12_000
    tasks = [NewTask(content="x", task_type="any") for _ in range(many)]
    with ExitStack() as servers:
        first = servers.enter_context(EmbeddedNeo4j(data))
        port = int(first.uri.rpartition(":")[2])
        orch = servers.enter_context(Orchestrator.connect(first.uri, first.auth))

        def number(cypher: str) -> int:
            with suppress(StoreError):
                return orch.graph.query(cypher)[1][0][0]
            return 0

        def dying(action, cypher: str) -> None:
            """Do something in a thread, and kill the server once a count has begun to grow."""
            with ThreadPoolExecutor(1) as pool:
                acting = pool.submit(action)
                assert eventually(lambda: number(cypher) or acting.done(), 120)
                os.kill(server_status(data).pid, signal.SIGKILL)
                servers.enter_context(EmbeddedNeo4j(data, port=port))
                with suppress(StoreError, WorkflowConflictError):
                    acting.result()

        def start():
            return orch.workflows.start("flow", tasks, workflow_id="w")

        dying(start, "MATCH (t:Task) RETURN count(t)")
        orch.graph.query("MATCH (w:Workflow) RETURN w")
        found = orch.workflows.get("w")
        if found is not None and found.total < many:
            # Whoever wrote it is gone for a minute before the next start begins again.
            assert eventually(lambda: _started(start), 120)
        assert start().total == many
        dying(lambda: orch.workflows.cancel("w"), "MATCH (t:CancelledTask) RETURN count(t)")
        assert orch.workflows.cancel("w").counts["cancelled"] == many
        dying(lambda: orch.workflows.retry("w"), "MATCH (t:PendingTask) RETURN count(t)")
        assert orch.workflows.retry("w").counts["pending"] == many
        assert orch.doctor().findings == []


def _started(start) -> bool:
    try:
        start()
    except WorkflowConflictError:
        return False
    return True
