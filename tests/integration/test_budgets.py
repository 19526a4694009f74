"""Budgets: reserved when a try begins, settled when it ends, never used beyond that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from graph_orch import (
    AgentNotFoundError,
    Budget,
    BudgetExhaustedError,
    NewTask,
    TeamNotFoundError,
    ValidationError,
    Worker,
    WorkflowNotFoundError,
)
from tests.integration.test_worker import SECONDS, ended
from tests.waiting import eventually


def flow_of(orch, number, *, budget=None, **fields):
    """A workflow of so many tasks, and the owner of its budget."""
    tasks = [NewTask(content="x", task_type="any", **fields) for _ in range(number)]
    return f"workflow:{orch.workflows.start('flow', tasks, budget=budget).workflow_id}"


@pytest.fixture
def ada(orch):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)
    return "ada"


def claim(orch, limit=100, agent_id="ada"):
    return orch.tasks.claim_tasks(agent_id, limit, start=True)


def test_what_is_estimated_is_reserved_and_what_was_used_is_spent(orch, ada):
    owner = flow_of(orch, 5, budget=Budget(tokens=1_000), estimate=Budget(tokens=400))
    first, second = claim(orch)
    state = orch.budgets.get(owner)
    assert (state.reserved.tokens, state.left.tokens, state.spent.tokens) == (800, 200, 0)
    assert claim(orch) == []
    orch.tasks.complete(first, metrics={"tokens": 100})
    assert orch.budgets.get(owner).left.tokens == 500
    (third,) = claim(orch)
    orch.tasks.fail(second, "no", metrics={"tokens": 450, "cost": 0.01})
    state = orch.budgets.get(owner)
    assert (state.spent.tokens, state.reserved.tokens, state.left.tokens) == (550, 400, 50)
    assert (state.spent.cost, state.spent.tries) == (Decimal("0.01"), 2)
    assert orch.workflows.status(owner.partition(":")[2]).spent.tokens == 550
    assert claim(orch) == []
    orch.tasks.release_task(third.task_id, metrics={"tokens": 10})
    assert orch.budgets.get(owner).left.tokens == 440
    assert orch.doctor().findings == []


def test_raising_it_lets_tasks_go_on_and_the_reason_is_told(orch, ada):
    owner = flow_of(orch, 3, budget={"cost": "0.30"}, estimate=Budget(cost="0.2"))
    (first,) = claim(orch)
    assert claim(orch) == []
    waiting = next(it.task_id for it in orch.tasks.query_tasks() if it.task_id != first.task_id)
    (reason,) = orch.insights.why_blocked(waiting).reasons
    assert (reason.kind, owner in reason.sentence) == ("budget", True)
    with pytest.raises(BudgetExhaustedError, match=owner):
        orch.tasks.assign_task(waiting, ada)
    assert orch.router.route_task(waiting) is None
    assert orch.router.dispatch_task(waiting) is None
    orch.tasks.complete(first, metrics={"cost": "0.25"})
    status = orch.workflows.status(owner.partition(":")[2])
    assert (status.state, {it.kind for it in status.waiting}) == ("waiting", {"budget"})
    assert claim(orch) == []
    raised = orch.budgets.set(owner, Budget(cost=1))
    assert (raised.left.cost, raised.is_closed) == (Decimal("0.75"), False)
    assert len(claim(orch)) == 2


def test_tries_without_an_estimate_reserve_what_those_before_used(orch, ada):
    owner = flow_of(orch, 9, budget=Budget(tries=5, tokens=200))
    for one, tokens in zip(claim(orch, 2), (30, 50), strict=True):
        orch.tasks.complete(one, metrics={"tokens": tokens})
    assert len(claim(orch, 9)) == 3  # 80 are spent, and three more are thought to need 40 each
    assert claim(orch) == []
    state = orch.budgets.get(owner)
    assert (state.reserved.tries, state.reserved.tokens) == (3, 120)


def test_agents_and_teams_pay_too_and_all_that_pay_must_have_enough(orch, ada):
    owner = flow_of(orch, 9, budget=Budget(tokens=1_000), estimate=Budget(tokens=100))
    orch.budgets.set("agent:ada", Budget(tokens=250))
    assert len(claim(orch)) == 2
    orch.agents.register_agent("bob", [], max_concurrent_tasks=100)
    orch.budgets.set("agent:ada", Budget(tokens=10_000))
    assert len(claim(orch, 100, "bob")) == 7
    state = orch.budgets.get("agent:ada")
    assert (state.reserved.tokens, orch.budgets.get(owner).reserved.tokens) == (200, 900)
    assert [it.owner for it in orch.budgets.list()] == ["agent:ada", owner]


def test_a_budget_that_comes_later_pays_for_what_begins_later(orch, ada):
    owner = flow_of(orch, 4, estimate=Budget(tokens=10))
    (before,) = claim(orch, 1)
    orch.budgets.set(owner, Budget(tokens=25))
    late = orch.tasks.create_task(
        "x", "any", workflow_id=owner.partition(":")[2], estimate={"tokens": 1}, priority="high"
    )
    taken = claim(orch)
    assert [it.task_id for it in taken][:1] == [late]
    assert len(taken) == 3  # 1 + 10 + 10
    orch.tasks.complete(before, metrics={"tokens": 1_000})
    assert orch.budgets.get(owner).spent.tokens == 0
    assert orch.doctor().findings == []


def test_every_end_of_a_try_settles_it(orch, ada):
    owner = flow_of(orch, 6, budget=Budget(tokens=600), estimate=Budget(tokens=100))
    orch.agents.register_agent("bob", [], max_concurrent_tasks=9)
    a, b, c, d, e, f = claim(orch)
    orch.tasks.suspend_task(a.task_id, 3_600)
    orch.tasks.cancel_task(b.task_id)
    orch.tasks.release_task(c.task_id)
    orch.tasks.fail(d, "no", False)
    assert orch.budgets.get(owner).reserved.tokens == 200
    orch.budgets.set("agent:bob", Budget(tokens=50))
    with pytest.raises(BudgetExhaustedError):
        orch.tasks.reassign_task(e.task_id, "bob")
    orch.budgets.set("agent:bob", Budget(tokens=500))
    orch.budgets.set(owner, Budget(tokens=200))  # it is full, also of this task
    orch.tasks.reassign_task(e.task_id, "bob")
    assert orch.budgets.get("agent:bob").reserved.tokens == 100
    assert orch.budgets.get(owner).reserved.tokens == 200
    orch.workflows.cancel(owner.partition(":")[2])
    assert orch.budgets.get(owner).reserved.tokens == 0
    assert orch.tasks.get_task(f.task_id).status == "cancelled"


def test_many_race_on_one_budget(orch):
    """Never above its maximum by more than running tasks had reserved, and none is left unused."""
    names = [f"agent-{n}" for n in range(16)]
    for name in names:
        orch.agents.register_agent(name, [], max_concurrent_tasks=4)
    owner = flow_of(orch, 200, budget=Budget(tokens=6_000), estimate=Budget(tokens=100))

    def work(name):
        done = 0
        for _ in range(60):
            claims = orch.tasks.claim_tasks(name, 2, start=True)
            state = orch.budgets.get(owner)
            assert state.spent.tokens + state.reserved.tokens <= 6_000
            for one in claims:
                orch.tasks.complete(one, metrics={"tokens": 100})
                done += 1
        return done

    with ThreadPoolExecutor(16) as pool:
        done = sum(pool.map(work, names))
    state = orch.budgets.get(owner)
    assert (done, state.spent.tokens, state.reserved.tokens) == (60, 6_000, 0)
    assert (state.is_exhausted, state.left.tokens) == (True, 0)


def test_a_handler_records_and_reserves(orch):
    owner = flow_of(orch, 3, budget=Budget(tokens=100), estimate=Budget(tokens=10))
    worker = Worker(orch, "ada", [], 1, grace_seconds=SECONDS)

    @worker.task("any")
    async def handler(ctx):
        ctx.record(tokens=5, cost="0.001", calls=1)
        ctx.record(tokens=5, cost="0.002", calls=1, model="small")
        await ctx.reserve(tokens=60)
        ctx.record(tokens=50)
        return "done"

    tasks = [it.task_id for it in orch.tasks.query_tasks()]
    worker.run(until_idle=True)
    assert ended(orch, *tasks[:2])
    first, second, third = orch.tasks.get_tasks(tasks)
    assert first.metrics == {"tokens": 60, "cost": 0.003, "calls": 2, "model": "small"}
    assert second.status == "failed"
    assert "has not enough left" in second.error_message
    assert orch.agents.get_agent("ada").total_failed == 0
    state = orch.budgets.get(owner)
    assert (state.spent.tokens, state.spent.cost) == (
        70 + 10 * (third.attempt),
        Decimal("0.006") + Decimal("0.003") * third.attempt,
    )


def test_what_a_killed_worker_had_used_is_paid_for(orch, ada):
    owner = flow_of(orch, 1, budget=Budget(tokens=100), estimate=Budget(tokens=10))
    (one,) = orch.tasks.claim_tasks(ada, lease_seconds=0.05, start=True)
    beat = {"task_id": one.task_id, "attempt": 1, "lease_seconds": 0.05, "progress": None}
    beat |= {"message": None, "ran_ms": None, "event_id": None, "used": [70, 0]}
    orch.graph.write("tasks/heartbeat", rows=[beat], agent_id=ada)
    assert eventually(orch.tasks.process_due)
    assert orch.budgets.get(owner).spent.tokens == 70


def test_what_it_holds_is_put_right(orch, ada, cypher):
    owner = flow_of(orch, 2, budget=Budget(tokens=100), estimate=Budget(tokens=60))
    assert len(claim(orch)) == 1
    cypher("MATCH (b:Budget) SET b.held = [1, 2, 3, 4]")
    (finding,) = orch.doctor().findings
    assert (finding.check, finding.node) == ("budgets", owner)
    orch.doctor(repair=True)
    assert orch.budgets.get(owner).reserved.tokens == 60
    assert orch.doctor().is_sound


def test_owners_and_amounts_that_cannot_be(orch, ada):
    for owner, error in (
        ("workflow:none", WorkflowNotFoundError),
        ("agent:none", AgentNotFoundError),
        ("team:none", TeamNotFoundError),
        ("none", ValidationError),
        ("agent:", ValidationError),
    ):
        with pytest.raises(error):
            orch.budgets.set(owner, Budget(tokens=1))
    for bad in ({"tokens": -1}, {"cost": "much"}, {"cost": "0.00000000001"}, {"dollars": 1}):
        with pytest.raises(ValidationError):
            orch.budgets.set("agent:ada", bad)
    unset = orch.budgets.get("agent:ada")
    assert (unset.budget.tokens, unset.left.tokens, unset.is_exhausted) == (None, None, False)
    assert orch.budgets.list() == []
