"""Workflows of which whoever starts, cancels or retries them dies, or the server does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count

import pytest

from graph_orch import NewTask, Orchestrator, StoreError, WorkflowConflictError
from graph_orch.embedded import EmbeddedNeo4j, server_status
from tests.waiting import eventually

FAN = [{"name": f"t{n}", "content": "x", "task_type": "any"} for n in range(9)]
TASKS = [*FAN, {"name": "end", "content": "x", "task_type": "any", "dependencies": ["t0", "t8"]}]


@pytest.fixture
def killed(server):
    """Run an action in a process that dies at a write; whether it died."""

    def run(action: str, workflow_id: str, at: int, after: bool) -> bool:
        settings = {"server": server, "action": action, "id": workflow_id, "tasks": TASKS}
        command = [sys.executable, "-m", "tests.faults.flow_process"]
        done = subprocess.run(
            [*command, json.dumps(settings | {"at": at, "after": after})],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode != 0

    return run


@pytest.fixture
def work(orch):
    """Do everything that is ready; the ids of what was done."""
    orch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)

    def run() -> list[str]:
        done: list[str] = []
        while claims := orch.tasks.claim_tasks("ada", limit=1_000, start=True):
            for claim in claims:
                orch.tasks.complete_task(claim.task_id, 1)
                done.append(claim.task_id)
        return done

    return run


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_starts_it_dies(orch, killed, work, cypher, after):
    for at in count(1):
        flow = f"start-{after}-{at}"
        died = killed("start", flow, at, after)
        if orch.workflows.get(flow) is not None and cypher(
            "MATCH (w:Workflow {workflow_id: $id}) WHERE w.writer IS NOT NULL RETURN 1", id=flow
        ):
            assert work() == []  # nobody is given what is half there
            with pytest.raises(WorkflowConflictError):
                orch.workflows.start("flow", TASKS, workflow_id=flow)
            cypher("MATCH (w:Workflow) SET w.written_at = datetime() - duration('PT2M')")
        cypher("MATCH (d:Due) SET d.due_at = datetime()")
        assert orch.workflows.start("flow", TASKS, workflow_id=flow).total == len(TASKS)
        orch.tasks.process_due()
        assert len(work()) == len(TASKS)
        assert orch.workflows.get(flow).state == "completed"
        assert orch.doctor().findings == []
        if not died:
            break
    assert at > 4


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_cancels_or_retries_it_dies(orch, killed, work, cypher, after):
    for action in ("cancel", "retry"):
        for at in count(1):
            flow = f"{action}-{after}-{at}"
            orch.workflows.start("flow", TASKS, workflow_id=flow)
            if action == "retry":
                orch.workflows.cancel(flow)
            died = killed(action, flow, at, after)
            if action == "cancel" and orch.workflows.get(flow).state == "cancelled":
                assert work() == []
                cypher("MATCH (d:Due) SET d.due_at = datetime()")
                orch.tasks.process_due()  # the queue goes on with it
                assert orch.workflows.get(flow).counts["cancelled"] == len(TASKS)
            assert orch.workflows.retry(flow).counts["pending"] == len(TASKS)
            assert orch.doctor().findings == []
            assert len(work()) == len(TASKS)
            assert orch.workflows.get(flow).state == "completed"
            if not died:
                break
        assert at > 2


@pytest.mark.own_server
@pytest.mark.skipif(
    os.environ.get("NEO4J_TEST", "embedded") != "embedded",
    reason="only a server of our own may be killed",
)
def test_the_server_dies(tmp_path):
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
