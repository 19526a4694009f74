"""Budgets under races, odd amounts and early ends: nothing is counted twice, lost or closed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from graph_orch import Budget, BudgetExhaustedError, NewTask, ValidationError, Worker
from tests.integration.test_budgets import claim, flow_of
from tests.integration.test_worker import SECONDS, at_work, ended
from tests.waiting import eventually


def ids_of(orch):
    return [it.task_id for it in orch.tasks.query_tasks(limit=1_000)]


def register(orch, *names):
    for name in names:
        orch.agents.register_agent(name, [], max_concurrent_tasks=1_000)


@pytest.mark.parametrize("way", ["assign", "dispatch"])
def test_many_assign_under_one_budget(orch, way):
    names = [f"agent-{n}" for n in range(16)]
    register(orch, *names)
    owner = flow_of(orch, 96, budget=Budget(tokens=4_000), estimate=Budget(tokens=100))

    def give(place, task_id):
        if way == "dispatch":
            return orch.router.dispatch_task(task_id) is not None
        try:
            return orch.tasks.assign_task(task_id, names[place % 16]) is not None
        except BudgetExhaustedError:
            return False

    with ThreadPoolExecutor(16) as pool:
        given = sum(pool.map(give, range(96), ids_of(orch)))
    assert (given, orch.budgets.get(owner).reserved.tokens) == (40, 4_000)
    assert orch.doctor().findings == []


def test_what_is_assigned_by_hand_closes_no_budget(orch):
    """It need not be what came first, so that it says nothing of what claims may take."""
    register(orch, "ada")
    owner = flow_of(orch, 1, budget=Budget(tokens=100), estimate=Budget(tokens=127))
    small = orch.tasks.create_task(
        "x", "any", workflow_id=owner.partition(":")[2], estimate={"tokens": 99}, priority="high"
    )
    dear = next(it for it in ids_of(orch) if it != small)
    with pytest.raises(BudgetExhaustedError):
        orch.tasks.assign_task(dear, "ada")
    assert not orch.budgets.get(owner).is_closed
    assert [it.task_id for it in claim(orch)] == [small]


def test_a_task_too_dear_holds_up_no_smaller_one(orch):
    register(orch, "ada")
    owner = flow_of(orch, 3, budget=Budget(tokens=1_000), estimate=Budget(tokens=2_000))
    for tokens in (400, 300):
        orch.tasks.create_task(
            "x", "any", workflow_id=owner.partition(":")[2], estimate={"tokens": tokens}
        )
    assert [it.task.estimate.tokens for it in claim(orch, 10)] == [400, 300]
    assert claim(orch) == []
    assert len(orch.budgets.set(owner, Budget(tokens=4_000)) and claim(orch)) == 1


def test_an_agents_spent_budget_costs_it_nothing(orch):
    """Nothing is ready for it, so that a worker does not ask again and again."""
    register(orch, "ada", "bob")
    orch.budgets.set("agent:ada", Budget(tokens=50))
    dear = orch.tasks.create_task("x", "any", estimate={"tokens": 100})
    small = orch.tasks.create_task("x", "any", estimate={"tokens": 20})
    plain = orch.tasks.create_task("x", "any")
    assert {it.task_id for it in claim(orch)} == {small, plain}
    request = {"agent_id": "ada", "take_up": False, "task_types": None}
    for agent_id, is_ready in (("ada", False), ("bob", True)):
        asked = [request | {"agent_id": agent_id}]
        (row,) = orch.graph.read("tasks/has_ready", requests=asked)
        assert (row["ready"] or bool(row["heads"])) is is_ready
    (reason,) = orch.insights.why_blocked(dear).reasons
    assert (reason.kind, reason.agents) == ("ready", ["bob"])
    orch.agents.deregister_agent("bob")
    (reason,) = orch.insights.why_blocked(dear).reasons
    assert (reason.kind, "agent:ada" in reason.sentence) == ("budget", True)


@pytest.mark.parametrize(
    ("metrics", "tokens", "cost"),
    [
        ({"cost": 0.1 + 0.2}, 0, "0.3"),
        ({"cost": 1730 * 0.0000025 / 3}, 0, "0.001441667"),
        ({"tokens": 120.0}, 120, "0"),
        ({"tokens": 10**16, "cost": 2e9}, 10**15, "1000000000"),
        ({"tokens": 10**400}, 10**15, "0"),
        ({"tokens": True, "cost": -1}, 0, "0"),
        ({"tokens": "many", "cost": [1]}, 0, "0"),
        ({"cost": "1e999999"}, 0, "1000000000"),
    ],
)
def test_what_was_used_counts_however_it_is_written(orch, metrics, tokens, cost):
    register(orch, "ada")
    owner = flow_of(orch, 1, budget=Budget(seconds=10**6))
    (one,) = claim(orch)
    orch.tasks.complete(one, metrics=metrics)
    spent = orch.budgets.get(owner).spent
    assert (spent.tokens, spent.cost) == (tokens, Decimal(cost))


def test_sums_stay_within_what_the_store_holds(orch):
    register(orch, "ada")
    owner = flow_of(orch, 20, budget=Budget(seconds=10**6), estimate=Budget(tokens=1))
    for one in claim(orch):
        orch.tasks.complete(one, metrics={"cost": 10**9})
    assert orch.budgets.get(owner).spent.cost > 2 * 10**9


def test_a_try_reserves_itself(orch):
    register(orch, "ada")
    flow_of(orch, 9, budget=Budget(tries=2), estimate=Budget(tokens=5, tries=0))
    assert len(claim(orch)) == 2


def test_computed_amounts_are_recorded(orch):
    owner = flow_of(orch, 1, budget=Budget(tokens=10**9))
    worker = Worker(orch, "ada", [], 1, grace_seconds=SECONDS)

    @worker.task("any")
    def handler(ctx):
        ctx.record(cost=1730 * 0.0000025 / 3)
        ctx.record(cost=Decimal("0.15") / 7)

        def many():
            for _ in range(500):
                ctx.record(tokens=1)

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(many) for _ in range(8)]:
                done.result()

    worker.run(until_idle=True)
    assert ended(orch, *ids_of(orch))
    spent = orch.budgets.get(owner).spent
    assert (spent.tokens, spent.cost) == (4_000, Decimal("0.001441667") + Decimal("0.021428571"))


def test_no_metric_ends_a_worker(orch, new_task):
    worker = Worker(orch, "ada", [], 1, grace_seconds=SECONDS)
    recorded = {
        "infinite": [1.0, float("inf")],
        "overflows": [1e308, 1e308],
        "long": ["x" * 600_000, "y" * 600_000],
        "fine": [1, 2],
    }

    @worker.task("any")
    def handler(ctx):
        for place, value in enumerate(recorded[ctx.task.content]):
            ctx.record(**{"x" if ctx.task.content != "long" else f"x{place}": value})

    tasks = {name: new_task(name) for name in recorded}
    worker.run(until_idle=True)
    assert ended(orch, *tasks.values())
    found = {name: orch.tasks.get_task(task_id) for name, task_id in tasks.items()}
    assert found["infinite"].metrics == found["overflows"].metrics == {"x": "Infinity"}
    assert found["fine"].metrics == {"x": 3}
    assert "what the handler recorded" in found["long"].error_message


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_what_was_used_since_the_last_heartbeat_is_paid_for(orch, how):
    seconds = 0.5 if how == "failed" else None
    owner = flow_of(
        orch, 1, budget=Budget(tokens=10**6), start_to_close_seconds=seconds, max_retries=0
    )
    (task_id,) = ids_of(orch)
    worker, began = Worker(orch, "ada", [], 1, grace_seconds=SECONDS), threading.Event()

    @worker.task("any")
    def handler(ctx):
        ctx.record(tokens=1_000, cost="0.5")
        began.set()
        ctx.wait_cancelled(SECONDS)
        ctx.record(tokens=1)

    with at_work(worker):
        assert began.wait(SECONDS)
        if how == "cancelled":
            orch.tasks.cancel_task(task_id)
        assert eventually(lambda: orch.budgets.get(owner).spent.tokens == 1_001)
    assert orch.tasks.get_task(task_id).status == how
    state = orch.budgets.get(owner)
    assert (state.spent.cost, state.spent.tries, state.reserved.tokens) == (Decimal("0.5"), 1, 0)
    late = {"task_id": task_id, "attempt": 1, "used": [1_001, 0], "command_id": "again"}
    assert orch.graph.write("tasks/pay_late", **late) == []
    assert orch.budgets.get(owner).spent.tokens == 1_001


def test_what_a_step_used_is_told_with_the_step(orch, new_task):
    worker, told = Worker(orch, "ada", [], lease_seconds=1_000), []  # no heartbeat comes meanwhile

    @worker.task("any")
    def work(ctx):
        def pay():
            ctx.record(tokens=5, cost="0.25")

        for _ in range(2):
            ctx.step("pay", pay)
            (now,) = orch.tasks.get_tries(ctx.task.task_id)
            told.append((now.tokens, float(now.cost)))

    new_task()
    worker.run(until_idle=True)
    assert told == [(5, 0.25), (10, 0.5)]


def test_budgets_go_with_their_owners(orch):
    register(orch, "ada", "bob")
    orch.workflows.start("flow", [], workflow_id="again", budget=Budget(tokens=5))
    orch.retention.prune(0)
    assert len(orch.workflows.list()) == 0
    assert orch.budgets.list() == []
    orch.workflows.start(
        "flow",
        [NewTask(content="x", task_type="any", estimate=Budget(tokens=100))],
        workflow_id="again",
    )
    assert orch.budgets.get("workflow:again").budget.tokens is None
    assert len(claim(orch)) == 1


def test_money_is_counted_in_one_currency(orch):
    register(orch, "ada", "bob")
    orch.budgets.set("agent:ada", Budget(tokens=5, currency="JPY"))  # it counts no money
    assert orch.budgets.set("agent:ada", Budget(cost=5, currency="EUR")).spent.currency == "EUR"
    with pytest.raises(ValidationError, match="USD, and this store counts money in EUR"):
        orch.budgets.set("agent:bob", Budget(cost=5))
    with pytest.raises(ValidationError, match="store counts money in EUR"):
        orch.workflows.start("flow", [], budget=Budget(cost=1))
    assert [it.owner for it in orch.budgets.list()] == ["agent:ada"]
    assert len(orch.workflows.list()) == 0
    with pytest.raises(ValidationError, match="currency: it is USD"):
        orch.tasks.create_task("x", "any", estimate=Budget(cost=1))
    with pytest.raises(ValidationError, match="currency: it is USD"):
        orch.workflows.start("flow", [{"content": "x", "task_type": "a", "estimate": {"cost": 1}}])
    euros = orch.tasks.create_task("x", "any", estimate=Budget(cost=1, currency="EUR"))
    assert orch.tasks.get_task(euros).estimate == Budget(
        cost=1, currency="EUR", tokens=0, seconds=0, tries=1
    )
    orch.tasks.cancel_task(euros)
    again = orch.budgets.set("agent:ada", Budget(cost=5, currency="GBP"))  # no other counts any
    assert (again.budget.currency, orch.budgets.get("agent:bob").spent.currency) == ("GBP", "GBP")


def test_the_first_estimate_says_the_currency_too(orch):
    orch.tasks.create_task("x", "any", estimate=Budget(cost=1, currency="CHF"))
    with pytest.raises(ValidationError, match="store counts money in CHF"):
        orch.tasks.create_tasks(
            [
                NewTask(content="x", task_type="any", estimate=Budget(cost=1, currency=currency))
                for currency in ("CHF", "EUR")
            ]
        )


def test_a_spent_budget_is_to_be_raised(orch):
    register(orch, "ada")
    flow = flow_of(orch, 4, budget=Budget(tokens=100), estimate=Budget(tokens=80))
    flow_of(orch, 1, budget=Budget(tokens=100), estimate=Budget(tokens=80))  # it lets one go
    (first,) = [it for it in claim(orch, 1) if it.task.workflow_id in flow]
    assert orch.monitor.get_recommendations(["budget_spent"]) == []  # what runs may leave more
    orch.tasks.complete(first, metrics={"tokens": 80})
    (found,) = orch.monitor.get_recommendations(["budget_spent"])
    assert (found.why["owner"], found.why["ready"]) == (flow, 3)
    assert orch.insights.why_blocked(found.why["first"]).reasons[0].kind == "budget"
    assert found.call.arguments == {"owner": flow, "tokens": 207}  # one may use 127, by its lane
    orch.budgets.set("agent:ada", Budget(tries=0))
    found = orch.monitor.get_recommendations(["budget_spent"])
    assert {it.why["owner"]: it.why["ready"] for it in found} == {"agent:ada": 4, flow: 3}
    assert f"the budget of {flow} has too little left for 3 ready tasks" in found[1].what


def test_what_came_first_and_is_gone_closes_nothing_for_long(orch, cypher):
    register(orch, "ada")
    owner = flow_of(orch, 2, budget=Budget(tokens=400), estimate=Budget(tokens=500))
    first, second = ids_of(orch)
    small = orch.tasks.create_task(
        "x", "any", workflow_id=owner.partition(":")[2], estimate={"tokens": 300}
    )
    assert claim(orch, 1) == []
    for dear in (first, second):
        orch.tasks.cancel_task(dear)
    cypher("MATCH (b:Budget) SET b.closed_at = b.closed_at - duration('PT6S')")
    assert orch.insights.why_blocked(small).reasons[0].kind == "ready"
    assert [it.task_id for it in claim(orch, 1)] == [small]
