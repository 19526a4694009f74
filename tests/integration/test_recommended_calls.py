"""The call of every kind of recommendation is one that a tool takes, as it stands."""

from __future__ import annotations

import pytest

from graph_orch import Budget, RecommendationKind
from graph_orch._async import workflows
from graph_orch.tools.call import Call, Caller
from graph_orch.tools.table import EVERY_TOOL, find

TASK = {"content": "x", "task_type": "any"}


async def bring_about_all(orch, cypher, monkeypatch) -> None:
    """A store in which everything is wrong that is told."""
    await orch.agents.register_agent("ada", ["a", "only"], max_concurrent_tasks=1)
    await orch.agents.register_agent("bob", ["a"], max_concurrent_tasks=4)
    for number in range(6):
        await orch.agents.update_agent_performance("bob", number < 3, 1)
    root = await orch.tasks.create_task("root", "any", requirements=["only"])
    await orch.tasks.create_task("x", "any", dependencies=[root])
    await orch.tasks.cancel_task(root)
    gate = await orch.gates.create("publish?")
    await orch.tasks.create_task("x", "any", gates=[gate.gate_id])
    await orch.workflows.start("page", [TASK | {"gates": [gate.gate_id]}], workflow_id="page-1")
    await orch.tasks.create_task("x", "any", requirements=["nobody has it"])
    tried = await orch.tasks.create_task("x", "any", requirements=["only"], max_retries=9)
    for _ in range(3):
        await orch.tasks.assign_task(tried, "ada", lease_seconds=60)
        cypher(
            "MATCH (t:Task {task_id: $id}) WITH t, datetime() - duration('PT1S') AS past "
            "SET t.lease_expires_at = past, t.due_at = past",
            id=tried,
        )
        assert await orch.tasks.process_due() == 1
    await orch.tasks.assign_task(tried, "ada")
    await orch.tasks.fail_task(tried, "not mine", exclude_agent=True)
    for _ in range(2):
        wanted = await orch.tasks.create_task("x", "any", requirements=["only"])
    await orch.tasks.assign_task(wanted, "ada")
    await orch.workflows.start("paid", [TASK], workflow_id="paid-1", budget=Budget(tries=0))
    await orch.webhooks.put("w", "https://example.org/hook")
    cypher(
        "MATCH (s:Subscription {name: 'w'}) "
        "SET s.disabled_at = datetime(), s.disabled_because = 'it takes nothing'"
    )
    await break_off(orch, cypher, monkeypatch)


async def break_off(orch, cypher, monkeypatch) -> None:
    """A workflow of which nobody writes the rest."""
    monkeypatch.setattr(workflows, "MAX_BATCH", 2)
    monkeypatch.setattr(workflows, "AT_ONCE", 2)
    create = orch.workflows._creation.create

    async def dies(batch):
        await create(batch)
        raise KeyboardInterrupt

    monkeypatch.setattr(orch.workflows._creation, "create", dies)
    with pytest.raises(KeyboardInterrupt):
        await orch.workflows.start("paper", [TASK] * 3, workflow_id="paper-7")
    monkeypatch.undo()
    cypher("MATCH (w:Workflow {workflow_id: 'paper-7'}) SET w.written_at = datetime({year: 2020})")


async def test_the_call_of_every_kind_is_taken(aorch, cypher, monkeypatch):
    await bring_about_all(aorch, cypher, monkeypatch)
    found = await aorch.monitor.get_recommendations(limit=1_000)
    assert {it.kind for it in found} == set(RecommendationKind)
    for it in found:
        find(EVERY_TOOL, it.call.tool).parse(it.call.arguments)


async def mend(orch, kind: RecommendationKind) -> None:
    """Make the call, after which nothing of this kind is recommended any more."""
    (found,) = await orch.monitor.get_recommendations([kind])
    call = Call(orch, caller=Caller(has_store=True))
    await find(EVERY_TOOL, found.call.tool).run(call, found.call.arguments)
    assert await orch.monitor.get_recommendations([kind]) == []


async def test_a_webhook_is_enabled(aorch, cypher):
    await aorch.webhooks.put("w", "https://example.org/hook")
    cypher("MATCH (s:Subscription) SET s.disabled_at = datetime(), s.disabled_because = 'x'")
    await mend(aorch, RecommendationKind.WEBHOOK_DISABLED)
    assert (await aorch.webhooks.get("w")).disabled_at is None


@pytest.mark.parametrize(
    ("budget", "estimate", "raised"),
    [
        (Budget(tries=1, cost=5), None, Budget(tries=2, cost=5)),
        (Budget(tokens=100, seconds=50), Budget(tokens=300), Budget(tokens=511, seconds=50)),
        (Budget(cost="0.5"), Budget(cost=2), None),
        (Budget(tries=0), None, Budget(tries=1)),
    ],
)
async def test_a_budget_is_raised_where_it_falls_short(aorch, budget, estimate, raised):
    await aorch.agents.register_agent("ada", [])
    tasks = [TASK | {"estimate": estimate}] * 2
    await aorch.workflows.start("paid", tasks, workflow_id="paid-1", budget=budget)
    for claim in await aorch.tasks.claim_tasks("ada", 9, start=True):
        await aorch.tasks.complete(claim, metrics={"tokens": 1})
    await mend(aorch, RecommendationKind.BUDGET_SPENT)
    assert raised in (None, (await aorch.budgets.get("workflow:paid-1")).budget)
    assert len(await aorch.tasks.claim_tasks("ada")) == 1
