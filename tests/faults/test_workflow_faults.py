"""Workflows of which whoever starts, cancels or retries them dies, or the server does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import count

import pytest

from graph_orch import WorkflowConflictError

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
