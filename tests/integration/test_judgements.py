"""Health, statistics, reasons and advice know who may not try a task again, and who handles it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from graph_orch import AsyncOrchestrator, RecommendationKind, WaitKind, Worker
from graph_orch.tools.call import Call
from graph_orch.tools.table import TOOLS
from tests.waiting import eventually

EXCLUDED = RecommendationKind.AGENTS_EXCLUDED


@pytest.fixture
async def refused(aorch: AsyncOrchestrator):
    """A ready task whose only capable agents, "ada" and "bob", may not try it again."""
    task_id = await aorch.tasks.create_task("x", "any", requirements=["py"])
    for agent_id in ("ada", "bob"):
        await aorch.agents.register_agent(agent_id, ["py"])
        await aorch.tasks.assign_task(task_id, agent_id)
        await aorch.tasks.fail_task(task_id, "not me", error_class="capability")
    return task_id


async def unroutable(orch) -> int:
    """How many ready tasks nobody can take, said alike by health and by the statistics."""
    health = await orch.monitor.get_health()
    found = health.unroutable_count
    assert found == (await orch.router.get_routing_statistics()).unroutable_count
    told = [f"{found} ready tasks that no agent can take"] if found else []
    assert (health.problems, health.status) == (told, "degraded" if told else "healthy")
    return found


async def why(orch, task_id) -> list[WaitKind]:
    return [it.kind for it in (await orch.insights.why_blocked(task_id)).reasons]


async def advice(orch):
    return await orch.monitor.get_recommendations([EXCLUDED])


async def test_task_that_all_are_excluded_from_cannot_be_routed(aorch, refused):
    assert await unroutable(aorch) == 1
    (reason,) = (await aorch.insights.why_blocked(refused)).reasons
    assert (reason.kind, reason.agents) == (WaitKind.AGENTS_EXCLUDED, ["ada", "bob"])
    assert "once it has failed" not in reason.sentence
    kinds = {it.kind for it in await aorch.monitor.get_recommendations()}
    assert kinds == {EXCLUDED}  # not: teach a skill, nor: give more slots
    await aorch.tasks.create_task("y", "any", requirements=["py"])  # which nobody is excluded from
    assert await unroutable(aorch) == 1


async def test_what_why_advises_can_be_done(aorch, refused):
    await aorch.tasks.cancel_task(refused)
    await aorch.tasks.retry_task(refused)
    assert await why(aorch, refused) == [WaitKind.READY]
    assert await unroutable(aorch) == 0
    assert await advice(aorch) == []


@pytest.mark.parametrize("others", [[], [("cy", ["go"]), ("dee", ["go"])], [("agent-1", ["py"])]])
async def test_what_is_recommended_makes_it_routable(aorch, refused, others):
    for other in others:
        await aorch.agents.register_agent(*other)
        if other[1] == ["py"]:
            await aorch.tasks.assign_task(refused, other[0])
            await aorch.tasks.fail_task(refused, "no", exclude_agent=True)
    (found,) = await advice(aorch)
    assert (found.why["ready"], found.why["first"]) == (1, refused)
    assert set(found.why["excluded"]) >= {"ada", "bob"}
    await TOOLS[found.call.tool].run(Call(aorch), found.call.arguments)
    assert await advice(aorch) == []
    assert await unroutable(aorch) == 0
    assert await aorch.router.route_task(refused) not in (None, "ada", "bob")


async def test_capable_agent_that_is_full_will_take_it(aorch, refused):
    await aorch.agents.register_agent("cy", ["py"], max_concurrent_tasks=1)
    await aorch.tasks.assign_task(await aorch.tasks.create_task("y", "any"), "cy")
    assert await unroutable(aorch) == 0
    assert await why(aorch, refused) == [WaitKind.AGENTS_EXCLUDED, WaitKind.AGENTS_FULL]
    kinds = [it.kind for it in await aorch.monitor.get_recommendations()]
    assert kinds[0] is RecommendationKind.NO_FREE_AGENT  # though ada and bob, who are kept out, are
    assert EXCLUDED not in kinds


async def test_backlog_with_and_without_exclusions_gets_one_advice(aorch, refused):
    for agent_id in ("ada", "bob"):
        await aorch.agents.deregister_agent(agent_id)
    await aorch.agents.register_agent("cy", ["py"], max_concurrent_tasks=1)
    for _ in range(3):
        await aorch.tasks.create_task("y", "any", requirements=["py"])
    await aorch.tasks.assign_task(await aorch.tasks.create_task("z", "any"), "cy")
    found = await aorch.monitor.get_recommendations([RecommendationKind.NO_FREE_AGENT])
    assert [(it.why["ready"], it.call.arguments["max_concurrent"]) for it in found] == [(4, 5)]


async def test_deregistered_agent_that_was_excluded_stays_so(aorch, refused):
    await aorch.agents.deregister_agent("bob")
    assert await unroutable(aorch) == 1
    await aorch.agents.deregister_agent("ada")
    assert await why(aorch, refused) == [WaitKind.MISSING_SKILL]
    kinds = [it.kind for it in await aorch.monitor.get_recommendations()]
    assert kinds == [RecommendationKind.MISSING_SKILL]
    await aorch.agents.register_agent("ada", ["py"])
    assert await unroutable(aorch) == 1


@pytest.mark.parametrize("held", ["limit", "delay", "dependency"])
async def test_excluded_task_that_is_not_ready_either(aorch, refused, held, cypher):
    """Only ready tasks count; the reasons tell of both."""
    other = await aorch.tasks.create_task("y", "any", concurrency_key="k", requirements=["py"])
    if held == "limit":
        cypher("MATCH (t:Task {task_id: $id}) SET t.excluded_agents = ['ada', 'bob']", id=other)
        await aorch.agents.register_agent("cy", [])
        await aorch.tasks.assign_task(
            await aorch.tasks.create_task("z", "any", concurrency_key="k"), "cy"
        )
        assert await why(aorch, other) == [WaitKind.AGENTS_EXCLUDED, WaitKind.CONCURRENCY_LIMIT]
        assert {it.why["first"] for it in await advice(aorch)} == {refused}
    elif held == "delay":
        await aorch.tasks.assign_task(refused, "ada")  # by hand it may be given to whom one likes
        await aorch.tasks.fail_task(refused, "no", retry_after=1000)
        assert await why(aorch, refused) == [WaitKind.AGENTS_EXCLUDED, WaitKind.RETRY_DELAY]
        assert await unroutable(aorch) == 0
    else:
        await aorch.tasks.add_dependency(refused, other)
        assert WaitKind.AGENTS_EXCLUDED in await why(aorch, refused)
        assert await unroutable(aorch) == 0
        assert await advice(aorch) == []


# Who handles a type of task


@contextlib.asynccontextmanager
async def at_work(orch, cypher, agent_id: str, *task_types: str):
    """A worker, once its first beat has been heard."""
    worker = Worker(orch, agent_id, ["py"], lease_seconds=60)
    for task_type in task_types:
        worker.task(task_type)(lambda context: None)
    run = asyncio.create_task(worker.serve())
    try:
        heard = "MATCH (w:Worker {worker_id: $id}) RETURN w"
        assert await asyncio.to_thread(eventually, lambda: cypher(heard, id=worker.worker_id))
        yield worker
    finally:
        worker.stop()
        await run


async def test_why_knows_which_types_live_workers_handle(aorch, cypher):
    task_id = await aorch.tasks.create_task("x", "odd", requirements=["py"])
    async with at_work(aorch, cypher, "ada", "plain", "fancy"):
        (only,) = await aorch.agents.list_workers()
        assert only.task_types == ["fancy", "plain"]
        found = await aorch.insights.why_blocked(task_id)
        (reason,) = found.reasons
        assert (reason.kind, reason.agents) == (WaitKind.NO_WORKER, ["ada"])
        handled = "the live workers of its agents handle 'fancy', 'plain', not 'odd': agent 'ada'"
        assert handled in reason.sentence
        assert found.is_waiting
        blocked = await aorch.tasks.create_task("y", "plain", dependencies=[task_id])
        assert await why(aorch, blocked) == [WaitKind.DEPENDENCY, WaitKind.NO_WORKER]
        # One that is driven without a worker process may take what it likes.
        await aorch.agents.register_agent("cy", ["py"])
        assert (await aorch.insights.why_blocked(task_id)).reasons[0].agents == ["cy"]
        await aorch.agents.deregister_agent("cy")
        # What is written by an older version does not say, and one with a handler for all has none.
        cypher("MATCH (w:Worker) REMOVE w.task_types")
        assert await why(aorch, task_id) == [WaitKind.READY]
    assert await why(aorch, task_id) == [WaitKind.READY]  # it left, in good order


async def test_worker_that_died_handles_nothing(aorch, cypher):
    task_id = await aorch.tasks.create_task("x", "odd")
    await aorch.agents.register_agent("ada", [])
    beat = {"agent_id": "ada", "hostname": "h", "pid": 1, "concurrency": 1, "beat_seconds": 10.0}
    for worker_id, types in (("one", ["odd"]), ("two", ["plain"])):
        await aorch.graph.write("workers/beat", worker_id=worker_id, task_types=types, **beat)
    assert await why(aorch, task_id) == [WaitKind.READY]
    cypher(
        "MATCH (w:Worker {worker_id: 'one'}) SET w.last_seen_at = datetime() - duration('PT31S')"
    )
    assert await why(aorch, task_id) == [WaitKind.NO_WORKER]
    (reason,) = (await aorch.insights.why_blocked(task_id)).reasons
    assert "the live workers of its agents handle 'plain', not 'odd'" in reason.sentence
    cypher("MATCH (w:Worker) SET w.last_seen_at = datetime() - duration('PT31S')")
    (reason,) = (await aorch.insights.why_blocked(task_id)).reasons
    assert reason.sentence.endswith(
        "agent 'ada' could do it, and has no live worker; start one that handles 'odd'."
    )


def test_why_calls_tasks_by_their_names(orch):
    draft = {"name": "draft", "content": "x", "task_type": "t", "requirements": ["nobody's"]}
    review = {"name": "review", "content": "x", "task_type": "t", "dependencies": ["draft"]}
    gate = orch.gates.create("publish?")
    held = {"name": "held", "content": "x", "task_type": "t", "gates": [gate.gate_id]}
    flow = orch.workflows.start("flow", [draft, review, held])
    tasks = orch.tasks.query_tasks({"workflow_id": flow.workflow_id})
    called = {it.name: f"{it.name} ({it.task_id})" for it in tasks}
    ids = {it.name: it.task_id for it in tasks}
    waits, lacks, *_ = orch.insights.why_blocked(ids["review"]).reasons
    assert waits.sentence.startswith(f"{called['review']} waits for {called['draft']}, which ")
    assert lacks.sentence.startswith(f'{called["draft"]}: no registered agent has "nobody\'s"')
    held_by, *_ = orch.insights.why_blocked(ids["held"]).reasons
    assert held_by.sentence.startswith(f"{called['held']}: it waits at gate {gate.gate_id}")
