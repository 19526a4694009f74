"""Nothing is lost or doubled where the server itself is killed, again and again."""

from __future__ import annotations

import os
import random
import signal
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
from graph_orch.testing.clock import advance
from tests.faults import test_durable_kills as durable
from tests.faults.durable_process import STEPS
from tests.faults.load import (
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
    chance, data, lines = random.Random(seed), tmp_path / "data", range(1, 4)
    with ExitStack() as servers:
        first = servers.enter_context(EmbeddedNeo4j(data))
        address = first.uri, first.auth, None
        port = int(first.uri.rpartition(":")[2])
        with (
            load_on(address, tmp_path, seed) as load,
            Orchestrator.connect(first.uri, first.auth) as orch,
            durable.handlers(address, tmp_path, lines, kills=False) as process,
        ):
            parents = durable.begin(orch, lines)
            created = create(orch, tasks_of(seed))
            for _ in range(PROCESSES):
                load.start(lease_seconds=6)
            kills = []
            due = [(number + chance.random()) / KILLS for number in range(KILLS)]

            def kill(ended: int) -> None:
                with suppress(OrchestrationError):
                    durable.approve(orch)
                kept = sum(path.read_text().count("kept") for path in tmp_path.glob("[0-9].txt"))
                done = [kept / (len(lines) * STEPS), ended / TASKS]
                if not all(path.stat().st_size for path in load.logs):
                    return  # a process that has not connected yet does not begin
                if len(kills) < KILLS and done[len(kills) % 2] > due[len(kills)]:
                    os.kill(server_status(data).pid, signal.SIGKILL)
                    kills.append(done)
                    servers.enter_context(EmbeddedNeo4j(data, port=port))

            until_ended(orch, kill)
            assert process.wait(60) == 0
            durable.judge(orch, tmp_path, parents)
            judge(orch, load, [*created, *parents.values()])
        assert len(kills) == KILLS


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
            advance(orch, 60)  # until then whoever wrote it may still be alive
        assert start().total == many
        dying(lambda: orch.workflows.cancel("w"), "MATCH (t:CancelledTask) RETURN count(t)")
        assert orch.workflows.cancel("w").counts["cancelled"] == many
        dying(lambda: orch.workflows.retry("w"), "MATCH (t:PendingTask) RETURN count(t)")
        assert orch.workflows.retry("w").counts["pending"] == many
        assert orch.doctor().findings == []
