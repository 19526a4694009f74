"""Cancelling and retrying by filters: who is meant, what follows, and what interrupts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import NewTask, TaskFilters, ValidationError, WorkflowCancelledError
from graph_orch._async.bulk import AT_ONCE

KILLED = """
import json
import sys
from graph_orch import Orchestrator
uri, auth, database, verb = json.loads(sys.argv[1])
with Orchestrator.connect(uri, auth and tuple(auth), database) as orch:
    write = orch.graph.write
    steps = []

    def counted(statement, **params):
        answer = write(statement, **params)
        if statement == f"tasks/{verb}_many":
            steps.append(1)
            if len(steps) == 2:
                print("there", flush=True)
                sys.stdin.read()
        return answer

    orch.graph.write = counted
    getattr(orch.tasks, f"{verb}_tasks")({"task_type": "many"})
"""


@pytest.fixture
def ada(orch) -> str:
    orch.agents.register_agent("ada", ["python"], max_concurrent_tasks=1_000)
    return "ada"


def fill(orch, number: int, **fields) -> list[str]:
    given = {"content": "x", "task_type": "many"} | fields
    return orch.tasks.create_tasks([NewTask(**given) for _ in range(number)])


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        ({"task_type": "review"}, {"pending review", "running review"}),
        (TaskFilters(status="running"), {"running review", "running other"}),
        ({"agent_id": "ada"}, {"running review", "running other"}),
        ({"text": "pending"}, {"pending review", "pending other"}),
        ({"text": "pending", "requirement": "PYTHON"}, {"pending other"}),
        ({"priority": ["high"]}, {"pending review"}),
        ({"task_type": "nothing of it"}, set()),
    ],
)
def test_the_filters_say_what_is_cancelled(orch, ada, new_task, filters, meant):
    for status in ("completed", "running", "pending"):
        for kind in ("review", "other"):
            skills = ["python"] if (status, kind) == ("pending", "other") else []
            rank = "high" if (status, kind) == ("pending", "review") else "medium"
            new_task(f"{status} {kind}", kind, requirements=skills, priority=rank)
        if status != "pending":
            claims = orch.tasks.claim_tasks(ada, 2, start=True)
            for claim in claims if status == "completed" else ():
                orch.tasks.complete(claim)
    assert orch.tasks.cancel_tasks(filters, dry_run=True) == len(meant)
    assert orch.tasks.cancel_tasks(filters, reason="not needed") == len(meant)
    found = orch.tasks.query_tasks({"status": "cancelled"})
    assert {task.content for task in found} == meant
    assert {task.error_message for task in found} <= {"not needed"}
    assert orch.tasks.cancel_tasks(filters) == 0
    running = sum(content.startswith("running") for content in meant)
    assert orch.agents.get_agent(ada).active_tasks == 2 - running
    assert orch.doctor().findings == []


def test_what_follows_is_as_with_one(orch, ada, new_task, cypher):
    """Slots, limits and budgets are free again; what hangs on the tasks is cancelled, or waits."""
    orch.tasks.set_concurrency_limit("key", 2)
    orch.workflows.start("w", [], workflow_id="w", budget={"tries": 5})
    first = new_task(concurrency_key="key", workflow_id="w")
    orch.tasks.claim_tasks(ada, start=True)
    doomed = new_task(task_type="other", dependencies=[first], on_dependency_failure="cancel")
    waits = new_task(task_type="other", dependencies=[first])
    assert orch.tasks.cancel_tasks({"task_type": "any"}, reason="enough") == 1
    assert orch.tasks.get_task(doomed).status == "cancelled"
    assert orch.tasks.get_task(waits).is_blocked
    event = orch.tasks.get_history(first)[-1]
    assert (event.type, event.agent_id, event.detail) == ("cancelled", ada, {"reason": "enough"})
    assert [it.outcome for it in orch.tasks.get_tries(first)] == ["cancelled"]
    assert orch.budgets.get("workflow:w").spent.tries == 1
    assert cypher("MATCH (x:Limit) RETURN x.active AS n")[0]["n"] == 0
    assert orch.tasks.retry_tasks({"status": ["failed", "cancelled"]}) == 2
    assert orch.tasks.get_task(doomed).is_blocked
    (claim,) = orch.tasks.claim_tasks(ada, start=True, limit=9)
    orch.tasks.complete(claim)
    assert len(orch.tasks.claim_tasks(ada, 9)) == 2
    assert orch.doctor().findings == []


def test_tasks_of_a_cancelled_workflow_are_not_retried_alone(orch, new_task):
    orch.workflows.start("w", [{"content": "x", "task_type": "any"}] * 3, workflow_id="w")
    other = new_task()
    orch.tasks.cancel_task(other)
    orch.workflows.cancel("w")
    assert orch.tasks.retry_tasks({"task_type": "any"}) == 1
    (one, *_) = orch.tasks.query_tasks({"workflow_id": "w"})
    with pytest.raises(WorkflowCancelledError, match="retry lets it go on"):
        orch.tasks.retry_task(one.task_id)
    assert orch.workflows.retry("w").counts["pending"] == 3


def test_retrying_from_the_start_forgets_steps(orch, running):
    for from_start, left in ((False, 1), (True, 0)):
        task = running()
        kept = {"key": "step:x#1", "result": "1", "duration_ms": 1.0}
        row = {"task_id": task.task_id, "attempt": task.attempt, **kept}
        orch.graph.write("tasks/keep_steps", rows=[row])
        orch.tasks.fail_task(task.task_id, "x", False)
        assert orch.tasks.retry_tasks({"status": "failed"}, from_start=from_start) == 1
        assert len(orch.tasks.get_steps(task.task_id)) == left
        orch.tasks.cancel_task(task.task_id)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({}, r"no filter is given.*give their statuses: pending, assigned, running"),
        (None, r"no filter is given"),
        ({"status": []}, r"no filter is given"),
        ({"status": ["completed"]}, r"completed is asked for; only tasks that are pending"),
        ({"nonsense": 1}, r"nonsense"),
        ({"text": "?!"}, r"holds no word"),
        ({"agent_id": "\x00"}, r"agent_id"),
    ],
)
def test_what_is_refused(orch, new_task, filters, said):
    task_id = new_task()
    with pytest.raises(ValidationError, match=said):
        orch.tasks.cancel_tasks(filters)
    with pytest.raises(ValidationError):
        orch.tasks.retry_tasks(filters)
    assert orch.tasks.get_task(task_id).status == "pending"


def test_several_steps_are_done_whatever_the_filter(orch, ada):
    """Also where what is changed no longer passes the filters by which it was found."""
    number = 2 * AT_ONCE + 7
    fill(orch, number)
    assert orch.tasks.cancel_tasks({"status": "pending"}) == number
    assert orch.tasks.retry_tasks({"task_type": "many"}) == number
    assert orch.tasks.cancel_tasks({"text": "x"}) == number
    assert orch.tasks.get_queue_statistics().cancelled_count == number


def test_only_what_is_still_meant_is_cancelled_while_others_claim(orch, ada):
    """Of pending tasks that are claimed at the same time, each is either cancelled or worked on."""
    number = 3 * AT_ONCE
    fill(orch, number)

    def work() -> list[str]:
        done: list[str] = []
        while claims := orch.tasks.claim_tasks(ada, 10, start=True):
            for claim in claims:
                orch.tasks.complete(claim)  # raises where its task was cancelled
                done.append(claim.task_id)
        return done

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work) for _ in range(3)]
        cancelled = pool.submit(orch.tasks.cancel_tasks, {"status": "pending"}).result(120)
        done = [task_id for each in working for task_id in each.result(120)]
    assert cancelled + len(done) == number
    assert len(set(done)) == len(done)
    assert orch.agents.get_agent(ada).active_tasks == 0
    assert orch.doctor().findings == []


def test_two_callers_share_it(orch, ada):
    number = 3 * AT_ONCE
    fill(orch, number, concurrency_key="key")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(orch.tasks.cancel_tasks, {"task_type": "many"}) for _ in range(2)]
        assert sum(each.result(120) for each in both) == number


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_a_caller_that_is_killed_leaves_what_calling_again_finishes(orch, server, verb):
    number = 4 * AT_ONCE
    fill(orch, number)
    if verb == "retry":
        orch.tasks.cancel_tasks({"task_type": "many"})
    command = [sys.executable, "-c", KILLED, json.dumps([*server, verb])]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "there\n"
        os.kill(process.pid, signal.SIGKILL)
    assert orch.doctor().findings == []
    again = getattr(orch.tasks, f"{verb}_tasks")({"task_type": "many"})
    assert again == number - 2 * AT_ONCE
    found = orch.tasks.get_queue_statistics()
    assert number == (found.cancelled_count if verb == "cancel" else found.pending_count)


async def test_both_kinds(aorch):
    task_id = await aorch.tasks.create_task("x", "any")
    assert await aorch.tasks.cancel_tasks({"task_type": "any"}) == 1
    assert await aorch.tasks.retry_tasks({"task_type": "any"}, dry_run=True) == 1
    assert await aorch.tasks.retry_tasks({"task_type": "any"}) == 1
    assert (await aorch.tasks.get_task(task_id)).status == "pending"
