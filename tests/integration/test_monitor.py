"""The monitor: each recommendation with its numbers, and the call that mends it."""

from __future__ import annotations

import threading

import pytest

from graph_orch import NewTask, RecommendationKind, TaskNotFoundError
from graph_orch._async import monitor, skills, workflows
from graph_orch.tools.call import Call, Caller
from graph_orch.tools.table import EVERY_TOOL, TOOLS


async def kinds(orch):
    return [it.kind for it in await orch.monitor.get_recommendations()]


async def mend(orch, kind):
    """Make the call that a recommendation of this kind gives; the recommendation."""
    (found, *_) = await orch.monitor.get_recommendations([kind])
    await TOOLS[found.call.tool].run(Call(orch), found.call.arguments)
    return found


async def test_nothing_to_recommend(aorch):
    assert await aorch.monitor.get_recommendations() == []


async def test_tasks_behind_a_failed_root(aorch):
    await aorch.agents.register_agent("ada", ["a"])
    await aorch.agents.register_agent("bob", ["a"])
    root = await aorch.tasks.create_task("root", "any")
    middle = await aorch.tasks.create_task("m", "any", dependencies=[root])
    for _ in range(2):
        await aorch.tasks.create_task("end", "any", dependencies=[middle])
    await aorch.tasks.cancel_task(middle)
    await aorch.tasks.cancel_task(root, "not wanted")
    found = await mend(aorch, RecommendationKind.BLOCKED_BY_FAILED)
    assert (found.why["root"], found.why["error"]) == (root, "not wanted")
    assert found.why["blocked"] == 2
    assert (await aorch.tasks.get_task_status(root)).status == "pending"
    found = await mend(aorch, RecommendationKind.BLOCKED_BY_FAILED)
    assert found.why["root"] == middle
    assert await kinds(aorch) == []


async def test_wide_failed_layers_are_looked_at_quickly(aorch):
    """Every path through them would be 6 ** 12."""
    root = NewTask(content="root", task_type="any")
    tasks, layer = [root], [root]
    for _ in range(12):
        above = [task.task_id for task in layer]
        layer = [
            NewTask(
                content="x", task_type="any", dependencies=above, on_dependency_failure="cancel"
            )
            for _ in range(6)
        ]
        tasks += layer
    last = [task.task_id for task in layer]
    tasks.append(NewTask(content="end", task_type="any", dependencies=last))
    await aorch.tasks.create_tasks(tasks)
    await aorch.tasks.cancel_task(root.task_id)
    (found,) = await aorch.monitor.get_recommendations([RecommendationKind.BLOCKED_BY_FAILED])
    assert (found.why["root"], found.why["blocked"]) == (root.task_id, 6)


@pytest.mark.parametrize("agents", [[], [("ada", ["Python"])]])
async def test_skill_that_nobody_has(aorch, agents):
    for agent in agents:
        await aorch.agents.register_agent(*agent)
    for _ in range(3):
        await aorch.tasks.create_task("x", "any", requirements=["Python", "Pyhton"])
    found = await mend(aorch, RecommendationKind.MISSING_SKILL)
    assert found.why["ready"] == 3
    assert "Pyhton" in found.why["missing"]
    assert found.why.get("similar", ["Python"]) == ["Python"]
    assert RecommendationKind.MISSING_SKILL not in await kinds(aorch)


async def test_skills_that_nobody_has_together(aorch):
    await aorch.agents.register_agent("ada", ["a", "b"])
    await aorch.agents.register_agent("bob", ["c", "b"])
    await aorch.tasks.create_task("x", "any", requirements=["a", "b", "c"])
    found = await mend(aorch, RecommendationKind.MISSING_SKILL)
    assert (found.why["missing"], found.why["ready"]) == ([], 1)
    assert RecommendationKind.MISSING_SKILL not in await kinds(aorch)


async def test_backlog_without_a_free_agent(aorch):
    await aorch.agents.register_agent("ada", ["a"], max_concurrent_tasks=1)
    for _ in range(3):
        await aorch.tasks.create_task("x", "any", requirements=["a"])
    await aorch.tasks.claim_tasks("ada")
    found = await mend(aorch, RecommendationKind.NO_FREE_AGENT)
    assert (found.why["ready"], found.why["capable"], found.why["free"]) == (2, 1, 0)
    assert RecommendationKind.NO_FREE_AGENT not in await kinds(aorch)


async def test_backlog_that_requires_nothing(aorch):
    await aorch.agents.register_agent("ada", [], max_concurrent_tasks=1)
    for _ in range(2):
        await aorch.tasks.create_task("x", "any")
    assert RecommendationKind.NO_FREE_AGENT not in await kinds(aorch)
    await aorch.tasks.claim_tasks("ada")
    assert RecommendationKind.NO_FREE_AGENT in await kinds(aorch)


async def test_backlog_behind_a_limit_is_no_lack_of_agents(aorch):
    await aorch.agents.register_agent("ada", [], max_concurrent_tasks=1)
    for _ in range(2):
        await aorch.tasks.create_task("x", "any", concurrency_key="one")
    await aorch.tasks.claim_tasks("ada")
    assert RecommendationKind.NO_FREE_AGENT not in await kinds(aorch)


async def test_leases_that_run_out(aorch, cypher):
    await aorch.agents.register_agent("ada", ["a"])
    task_id = await aorch.tasks.create_task("x", "any", max_retries=9)
    for _ in range(3):
        await aorch.tasks.claim_tasks("ada", lease_seconds=60)
        cypher(
            "MATCH (t:Task {task_id: $id}) WITH t, datetime() - duration('PT1S') AS past "
            "SET t.lease_expires_at = past, t.due_at = past",
            id=task_id,
        )
        assert await aorch.tasks.process_due() == 1
    found = await mend(aorch, RecommendationKind.LEASES_EXPIRE)
    assert (found.why["expired"], found.why["tries"], found.why["share"]) == (3, 3, 1.0)
    assert found.call.arguments["lease_seconds"] >= 60


async def test_agent_that_fails(aorch):
    await aorch.agents.register_agent("ada", ["a"], max_concurrent_tasks=4)
    for number in range(6):
        await aorch.agents.update_agent_performance("ada", number < 3, 1)
    found = await mend(aorch, RecommendationKind.LOW_SUCCESS)
    assert found.why == {"success_rate": 0.5, "completed": 3, "failed": 3}
    assert (await aorch.agents.get_agent("ada")).max_concurrent_tasks == 2
    for _ in range(2):
        await mend(aorch, RecommendationKind.LOW_SUCCESS)
    assert await aorch.agents.get_agent("ada") is None


async def test_load_skew_moves_a_task(aorch):
    await aorch.agents.register_agent("ada", ["a"], max_concurrent_tasks=2)
    await aorch.agents.register_agent("bob", ["a"], max_concurrent_tasks=2)
    ids = [await aorch.tasks.create_task("x", "any", requirements=["a"]) for _ in range(2)]
    for task_id in ids:
        await aorch.tasks.assign_task(task_id, "ada")
    assert await aorch.router.should_rebalance()
    found = await mend(aorch, RecommendationKind.LOAD_SKEW)
    assert (found.why["highest"], found.why["lowest"]) == (1.0, 0.0)
    assert not await aorch.router.should_rebalance()


async def test_load_skew_teaches_the_idle_one(aorch):
    await aorch.agents.register_agent("ada", ["a"], max_concurrent_tasks=1)
    await aorch.agents.register_agent("bob", ["b"])
    await aorch.tasks.create_task("x", "any", requirements=["a"])
    await aorch.tasks.claim_tasks("ada")
    await mend(aorch, RecommendationKind.LOAD_SKEW)
    assert (await aorch.agents.get_agent("bob")).skills == ["b", "a"]


async def test_skill_of_one_agent_only(aorch):
    await aorch.agents.register_agent("ada", ["a", "b"])
    await aorch.agents.register_agent("bob", ["b"])
    found = await mend(aorch, RecommendationKind.SINGLE_HOLDER)
    assert "ada" in found.what
    assert found.why == {"holders": 1, "agents": 2}
    assert await kinds(aorch) == []


async def test_most_urgent_first_and_never_two_ways(aorch):
    await aorch.agents.register_agent("ada", ["a"])
    await aorch.tasks.create_task("x", "any", requirements=["z"])
    found = await kinds(aorch)
    assert found == [RecommendationKind.MISSING_SKILL, RecommendationKind.SINGLE_HOLDER]
    assert found == await kinds(aorch)
    assert len(await aorch.monitor.get_recommendations(limit=1)) == 1


async def test_health(aorch):
    assert (await aorch.monitor.get_health()).problems == []
    await aorch.tasks.create_task("x", "any", requirements=["z"])
    health = await aorch.monitor.get_health()
    assert (health.status, health.ready_count, health.unroutable_count) == ("degraded", 1, 1)
    assert health.problems == ["1 ready tasks, and no agent is registered"]
    await aorch.agents.register_agent("ada", ["a"])
    assert (await aorch.monitor.get_health()).problems == ["1 ready tasks that no agent can take"]
    assert "Neo4j" in health.store


async def test_waiting_for_what_is_not_there(aorch):
    with pytest.raises(TaskNotFoundError):
        await aorch.tasks.wait_until_ended("no-such-task", 1)


def test_monitor_without_await(orch):
    orch.agents.register_agent("ada", ["python"])
    assert orch.monitor.unknown_skills(["pithon", "Python"]) == {"pithon": ["python"]}
    assert orch.monitor.nearest_agents("aad") == ["ada"]
    task_id = orch.tasks.create_task("x", "any")
    assert orch.monitor.nearest_tasks(f"{task_id[:-1]}?") == [task_id]
    assert orch.monitor.nearest_tasks("x") == []
    assert orch.tasks.wait_until_ended(task_id, 0).task_id == task_id
    assert orch.monitor.get_recommendations()[0].kind == "single_holder"


async def test_comparing_and_judging_leave_the_event_loop_to_others(aorch, monkeypatch):
    places = []

    def watched(home, name):
        original = getattr(home, name)

        def run(*args):
            places.append((name, threading.current_thread() is threading.main_thread()))
            return original(*args)

        return run

    for name in ("nearest", "nearest_each", "extremes", "_first"):
        home = skills if name == "nearest_each" else monitor
        monkeypatch.setattr(home, name, watched(home, name))
    await aorch.agents.register_agent("ada", ["python"])
    assert await aorch.monitor.nearest_agents("aad") == ["ada"]
    assert await aorch.monitor.unknown_skills(["pyhton"]) == {"pyhton": ["python"]}
    assert len(await aorch.monitor.get_recommendations()) == 1
    assert {name for name, _ in places} == {"nearest", "nearest_each", "extremes", "_first"}
    assert not any(in_main for _, in_main in places)


async def test_gate_that_somebody_is_to_decide(aorch, cypher):
    await aorch.agents.register_agent("ada", [])
    asked = {"approvers": ["grace", "bob"], "expires_seconds": 3_600}
    gate = await aorch.gates.create("publish the page?", **asked)
    draft = await aorch.tasks.create_task("draft", "any")
    page = await aorch.tasks.create_task("page", "any", dependencies=[draft], gates=[gate.gate_id])
    DECISION = RecommendationKind.WAITS_FOR_DECISION
    assert await aorch.monitor.get_recommendations([DECISION]) == []  # there is no page to judge
    (claim,) = await aorch.tasks.claim_tasks("ada", start=True)
    await aorch.tasks.complete(claim, "a draft")
    cypher(
        "MATCH (t:Task) SET t.created_at = datetime() - duration('PT9H'), "
        "t.completed_at = t.completed_at - duration('PT2M')"
    )
    cypher("MATCH (g:Gate) SET g.created_at = datetime() - duration('PT9H')")
    (found,) = await aorch.monitor.get_recommendations([DECISION])
    assert found.what.startswith(f"task {page} has waited 12")
    assert f"for gate {gate.gate_id} ('publish the page?'); 'grace' or 'bob' may" in found.what
    assert found.what.endswith(f"until {gate.expires_at}")
    assert 120 <= found.why.pop("waited_seconds") < 130  # since the draft was completed
    assert found.why == {
        "gate": gate.gate_id,
        "blocked": 1,
        "first": page,
        "approvers": ["grace", "bob"],
        "expires_at": gate.expires_at.isoformat(),
    }
    decided = {**found.call.arguments, "decision": "approve", "by": "grace"}
    await EVERY_TOOL[found.call.tool].run(Call(aorch, caller=Caller(has_store=True)), decided)
    assert await aorch.monitor.get_recommendations([DECISION]) == []


async def test_gate_that_was_rejected_holds_its_tasks_for_ever(aorch):
    gate = await aorch.gates.create("publish it?")
    (task_id, _) = sorted(
        [await aorch.tasks.create_task("page", "any", gates=[gate.gate_id]) for _ in range(2)]
    )
    await aorch.gates.decide(gate.gate_id, "reject", by="grace")
    found = await mend(aorch, RecommendationKind.BLOCKED_BY_FAILED)
    assert found.what == f"gate {gate.gate_id} is rejected by 'grace', and 2 tasks wait for it"
    assert (found.why["first"], found.why["blocked"]) == (task_id, 2)
    await mend(aorch, RecommendationKind.BLOCKED_BY_FAILED)
    assert await kinds(aorch) == []


async def test_workflow_that_stands_still(aorch):
    await aorch.agents.register_agent("ada", [])
    first = {"name": "a", "content": "x", "task_type": "any", "max_retries": 0}
    await aorch.workflows.start(
        "paper", [first, first | {"name": "b", "dependencies": ["a"]}], workflow_id="paper-7"
    )
    gate = await aorch.gates.create("publish?")
    waits = {"content": "x", "task_type": "any", "gates": [gate.gate_id]}
    await aorch.workflows.start("page", [waits], workflow_id="page-1")
    STILL = RecommendationKind.WORKFLOW_STANDS_STILL
    (found,) = await aorch.monitor.get_recommendations([STILL])
    assert found.what.startswith("workflow page-1 ('page') stands still: ")
    assert f"it waits at gate {gate.gate_id}" in found.what
    assert found.call.tool == "orchestration_get_workflow_status"
    await aorch.gates.decide(gate.gate_id, "approve", by="grace")
    for claim in await aorch.tasks.claim_tasks("ada", 2, start=True):
        is_page = claim.task.workflow_id == "page-1"
        await (aorch.tasks.complete(claim) if is_page else aorch.tasks.fail(claim, "no owls"))
    (found,) = await aorch.monitor.get_recommendations([STILL])
    assert "which failed (no owls)" in found.why["waits"][0]
    assert found.why["pending"] == 1
    await EVERY_TOOL[found.call.tool].run(Call(aorch), found.call.arguments)
    assert await aorch.monitor.get_recommendations([STILL]) == []
    assert (await aorch.workflows.get("paper-7")).state == "running"


async def test_workflow_whose_start_was_broken_off(aorch, cypher, monkeypatch):
    tasks = [{"content": "x", "task_type": "any"} for _ in range(3)]
    monkeypatch.setattr(workflows, "MAX_BATCH", 2)
    monkeypatch.setattr(workflows, "AT_ONCE", 2)
    create = aorch.workflows._creation.create

    async def dies(batch):
        await create(batch)
        raise KeyboardInterrupt

    monkeypatch.setattr(aorch.workflows._creation, "create", dies)
    with pytest.raises(KeyboardInterrupt):
        await aorch.workflows.start("paper", tasks, workflow_id="paper-7")
    assert await aorch.monitor.get_recommendations() == []  # somebody may be writing it
    cypher("MATCH (w:Workflow) SET w.written_at = datetime() - duration('PT2M')")
    (found,) = await aorch.monitor.get_recommendations()
    assert found.kind is RecommendationKind.START_BROKEN_OFF
    assert (found.why["workflow_id"], found.why["tasks"]) == ("paper-7", 2)
    monkeypatch.undo()
    await EVERY_TOOL[found.call.tool].run(Call(aorch), found.call.arguments)
    assert await kinds(aorch) == []
    await aorch.workflows.start("paper", tasks, workflow_id="paper-7")
    assert (await aorch.workflows.get("paper-7")).state == "running"
