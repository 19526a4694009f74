"""The tools of operators and administrators: what each changes, and who may call it."""

from __future__ import annotations

import json

import pytest

from graph_orch import Budget, Orchestrator, TaskStatus
from graph_orch.errors import (
    AgentNotFoundError,
    InvalidTransitionError,
    StaleAttemptError,
    TriggerNotFoundError,
    ValidationError,
    WebhookNotFoundError,
)
from graph_orch.settings import Toolset
from graph_orch.tools.call import Call, Caller
from graph_orch.tools.table import EVERY_TOOL
from tests.command_line import Cli
from tests.mcp_client import http, http_server

OURS = {
    name: tool
    for name, tool in EVERY_TOOL.items()
    if tool.profile in (Toolset.OPERATIONS, Toolset.ADMINISTRATION)
}


@pytest.fixture
def call(aorch):
    async def run(tool, /, **arguments):
        caller = Call(aorch, caller=Caller("grace"))
        return await EVERY_TOOL[f"orchestration_{tool}"].run(caller, arguments)

    return run


async def test_a_task_is_changed_where_it_is_said(aorch, call):
    task_id = await aorch.tasks.create_task(
        "x", "any", requirements=["a"], start_to_close_seconds=60, metadata={"kept": 1}
    )
    changes = {"priority": "high", "estimate": {"tokens": 5}, "requirements": ["b"]}
    answer = await call("update_task", task_id=task_id, clear=["start_to_close_seconds"], **changes)
    assert answer["task_id"] == task_id
    task = await aorch.tasks.get_task(task_id)
    assert (task.priority, task.requirements) == ("high", ["b"])
    assert (task.start_to_close_seconds, task.metadata) == (None, {"kept": 1})
    assert task.estimate.tokens == 5
    for given, says in [
        ({}, "nothing is given"),
        ({"clear": ["content"]}, "content cannot change"),
        ({"clear": ["priority"]}, "priority"),
        ({"clear": ["priority"], "priority": "low"}, "both given and in clear"),
    ]:
        with pytest.raises(ValidationError, match=says):
            await call("update_task", task_id=task_id, **given)
    assert await aorch.tasks.get_task(task_id) == task


async def test_a_task_is_taken_from_its_holder(aorch, call):
    await aorch.agents.register_agent("ada", [])
    task_id = await aorch.tasks.create_task("x", "any")
    await aorch.tasks.assign_task(task_id, "ada")
    with pytest.raises(StaleAttemptError):
        await call("release_task", task_id=task_id, attempt=7)
    given = {"task_id": task_id, "reason": "ada is away", "exclude_agent": True, "attempt": 1}
    assert (await call("release_task", command_id="c", **given))["status"] == "pending"
    assert (await call("release_task", command_id="c", **given))["status"] == "pending"
    assert (await aorch.tasks.get_task(task_id)).excluded_agents == ["ada"]


async def test_a_task_is_cancelled_and_begins_again_from_the_start(aorch, call, cypher):
    task_id = await aorch.tasks.create_task("x", "any")
    cypher(
        "MATCH (t:Task) CREATE (t)-[:HAS_STEP]->(:Step {task_id: t.task_id, key: 'a', "
        "result: '1', at: datetime(), duration_ms: 1.0, attempt: 1})"
    )
    assert (await call("cancel_task", task_id=task_id, reason="no"))["status"] == "cancelled"
    assert (await aorch.tasks.get_task(task_id)).error_message == "no"
    with pytest.raises(InvalidTransitionError):
        await call("cancel_task", task_id=task_id)
    assert (await call("retry_task", task_id=task_id))["status"] == "pending"
    assert len(await aorch.tasks.get_steps(task_id)) == 1
    await call("cancel_task", task_id=task_id)
    await call("retry_task", task_id=task_id, from_start=True)
    assert await aorch.tasks.get_steps(task_id) == []


async def test_many_tasks_are_counted_cancelled_and_retried(aorch, call):
    for kind in ("mail", "mail", "page"):
        await aorch.tasks.create_task("x", kind)
    assert await call("cancel_tasks", task_type="mail", dry_run=True) == {"number": 2}
    assert await call("cancel_tasks", task_type="mail", reason="no") == {"number": 2}
    assert (await aorch.tasks.get_queue_statistics()).cancelled_count == 2
    assert await call("retry_tasks", status=["cancelled"], dry_run=True) == {"number": 2}
    assert await call("retry_tasks", status="cancelled") == {"number": 2}
    assert (await aorch.tasks.get_queue_statistics()).ready_count == 3
    for name in ("cancel_tasks", "retry_tasks"):
        with pytest.raises(ValidationError, match="no filter is given"):
            await call(name, dry_run=True)


async def test_what_is_paused_goes_on(aorch, call):
    paused = await call("pause", what="queue", seconds=60, reason="a move")
    assert (paused["what"], paused["reason"], "until" in paused) == ("queue", "a move", True)
    (found,) = await aorch.pauses.list()
    assert found.by == "grace"
    assert await call("resume", what="queue") == {"removed": True}
    assert await call("resume", what="queue") == {"removed": False}
    with pytest.raises(AgentNotFoundError):
        await call("pause", what="agent:nobody")


async def test_limits_and_budgets_are_set(aorch, call):
    found = await call("set_limit", key="api", at_once=3, rate=60)
    assert found == {"key": "api", "at_once": 3, "active": 0, "interval_seconds": 1.0, "burst": 60}
    assert "burst" not in await call("set_limit", key="api", no_rate=True)
    for given in ({}, {"rate": 1, "no_rate": True}, {"burst": 3}):
        with pytest.raises(ValidationError, match="give at_once or rate"):
            await call("set_limit", key="api", **given)
    for given in ({"at_once": 5, "burst": 3}, {"at_once": 5, "per_seconds": 10}):
        with pytest.raises(ValidationError, match="go with rate"):
            await call("set_limit", key="api", **given)
    await aorch.agents.register_agent("ada", [])
    found = await call("set_budget", owner="agent:ada", tokens=10, cost="0.25")
    assert found["budget"] == found["left"] == {"tokens": 10, "cost": "0.25", "currency": "USD"}
    assert (await call("set_budget", owner="agent:ada", tries=0))["is_closed"]
    state = await aorch.budgets.get("agent:ada")
    assert state.budget == Budget(tries=0)


async def test_the_store_is_examined_and_repaired(aorch, call, cypher):
    assert await call("examine") == {"total": 0, "repaired": 0, "findings": []}
    for number in range(120):
        await aorch.agents.register_agent(f"agent-{number}", [])
    cypher("MATCH (a:Agent) SET a.active_tasks = 1")
    found = await call("examine")
    assert (found["total"], found["repaired"], len(found["findings"])) == (120, 0, 100)
    assert found["findings"][0]["check"] == "active_tasks"
    assert (await call("examine", repair=True))["repaired"] == 120
    assert (await call("examine"))["total"] == 0


async def test_workers_that_are_dead_for_a_day_are_forgotten(aorch, call, cypher):
    cypher("CREATE (:Worker {worker_id: 'w', last_seen_at: datetime() - duration('P2D')})")
    assert await call("forget_workers") == {"number": 1}
    assert await call("forget_workers") == {"number": 0}


async def test_schedules_subscriptions_and_triggers(aorch, call):
    task = {"content": "x", "task_type": "mail", "priority": "low"}
    made = await call("put_schedule", name="daily", cron="0 8 * * *", task=json.dumps(task))
    assert (made["name"], made["timezone"], "next_at" in made) == ("daily", "UTC", True)
    assert (await aorch.schedules.get("daily")).task == task
    once = task | {"task_id": "5b2f4a3e-8f5e-4c57-9d53-0f5b7f2d6a11"}
    with pytest.raises(ValidationError, match="task_id: a schedule creates"):
        await call("put_schedule", name="daily", cron="0 8 * * *", task=once)
    stopped = await call("put_schedule", name="daily", cron="0 8 * * *", task=task, paused=True)
    assert "next_at" not in stopped
    await aorch.subscriptions.put("mails", "*:mail")
    await aorch.triggers.put("t", "failed:*", create=TASK)
    for name, what in (("schedule", "daily"), ("subscription", "mails"), ("trigger", "t")):
        assert await call(f"remove_{name}", name=what) == {"removed": True}
        assert await call(f"remove_{name}", name=what) == {"removed": False}
    with pytest.raises(TriggerNotFoundError):
        await call("retry_trigger", name="t")


TASK = {"content": "x", "task_type": "any"}


async def test_a_trigger_does_again_what_failed(aorch, call):
    await aorch.triggers.put("t", "created:any", create=TASK | {"content": "{task.result.x}"})
    await aorch.tasks.create_task("x", "any")
    await aorch.triggers.run()
    assert [it.status for it in await aorch.triggers.firings("t")] == ["failed"]
    assert await call("retry_trigger", name="t") == {"number": 1}
    assert [it.status for it in await aorch.triggers.firings("t")] == ["pending"]


async def test_a_webhook_sends_again(aorch, call, cypher):
    await aorch.webhooks.put("w", "https://example.org/hook")
    cypher("MATCH (s:Subscription) SET s.disabled_at = datetime(), s.disabled_because = 'x'")
    assert await call("enable_webhook", name="w") == {
        "name": "w",
        "behind": 0,
        "waiting": 0,
        "given_up": 0,
    }
    assert (await aorch.webhooks.get("w")).disabled_at is None
    assert await call("redeliver_webhook", name="w") == {"number": 0}
    assert await call("remove_subscription", name="w") == {"removed": True}
    for name in ("enable_webhook", "redeliver_webhook"):
        with pytest.raises(WebhookNotFoundError):
            await call(name, name="w")


async def test_only_administrators_are_given_these_tools(orch: Orchestrator, server):
    orch.agents.register_agent("ada", [])
    ada = orch.tokens.create("ada", kind="agent").secret
    grace = orch.tokens.create("grace", rights=["read", "create", "decide"]).secret
    root = orch.tokens.create("root", rights=["administer"]).secret
    given = ["--profile", "worker", "--with", "operations", "--with", "administration"]
    with http_server(server, *given) as web:
        for secret in (ada, grace):
            async with http(web.url, token=secret) as client:
                names = {tool.name for tool in (await client.client.list_tools()).tools}
                assert not names & OURS.keys()
                for tool in OURS.values():
                    said = await client.refused(tool.short_name)
                    assert f"{tool.name} needs the right administer" in said
        async with http(web.url, token=root) as client:
            names = {tool.name for tool in (await client.client.list_tools()).tools}
            assert names >= OURS.keys()
            assert await client("cancel_tasks", status=["pending"]) == {"number": 0}
            await client("pause", what="queue")
    assert orch.pauses.list()[0].by == "root"


def test_operators_tools_from_the_shell(orch: Orchestrator, server):
    task_id = orch.tasks.create_task("x", "any")
    done = Cli(*server)("call", "orchestration_cancel_task", json.dumps({"task_id": task_id}))
    assert json.loads(done.stdout)["status"] == TaskStatus.CANCELLED


@pytest.mark.parametrize("name", ["command_id", "task_id", "self", "status"])
async def test_only_what_can_be_changed_is_taken_away(aorch, call, name):
    task_id = await aorch.tasks.create_task("x", "x")
    with pytest.raises(ValidationError, match="what can be taken away"):
        await call("update_task", task_id=task_id, clear=[name])
