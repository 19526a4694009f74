"""Tasks whose requirements change when nobody took them in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import ValidationError, WaitKind
from graph_orch.testing.clock import advance

FALLBACK = {
    "requirements": ["expert"],
    "fallback_requirements": ["Novice"],
    "fallback_after_seconds": 60,
}


@pytest.fixture
def novice(orch) -> str:
    orch.agents.register_agent("bob", ["novice"], max_concurrent_tasks=1_000)
    return "bob"


def required(cypher) -> list[str]:
    return [row["key"] for row in cypher("MATCH (:Task)-[:REQUIRES]->(k) RETURN k.key AS key")]


def test_others_take_it_after_the_wait_and_once(orch, novice, new_task, cypher):
    task_id = new_task(**FALLBACK)
    assert orch.tasks.claim_tasks(novice) == []
    before = orch.insights.why_blocked(task_id)
    assert WaitKind.FALLBACK in before.kinds
    (waits,) = [it for it in before.reasons if it.kind is WaitKind.FALLBACK]
    task = orch.tasks.get_task(task_id)
    assert waits.skills == task.fallback_requirements == ["Novice"]
    assert 0 < (waits.until - task.created_at).total_seconds() < 120
    advance(orch, 20)
    assert orch.tasks.claim_tasks(novice) == []
    advance(orch, 50)
    (claim,) = orch.tasks.claim_tasks(novice)
    assert claim.task.requirements == ["novice"]
    assert required(cypher) == ["novice"]
    updated = [it for it in orch.tasks.get_history(task_id) if it.type == "updated"]
    assert [it.detail for it in updated] == [{"reason": "fallback"}]
    orch.tasks.release_task(task_id)
    advance(orch, 120)
    orch.tasks.process_due()
    assert WaitKind.FALLBACK not in orch.insights.why_blocked(task_id).kinds
    orch.tasks.cancel_task(task_id)
    assert orch.tasks.retry_task(task_id).requirements == ["novice"]
    advance(orch, 120)
    assert [it.type for it in orch.tasks.get_history(task_id)].count("updated") == 1
    assert [it.task_id for it in orch.tasks.claim_tasks(novice)] == [task_id]
    assert orch.doctor().findings == []


def test_who_has_the_first_skills_comes_first_and_may_give_it_back(orch, novice, new_task):
    orch.agents.register_agent("ada", ["expert"])
    task_id = new_task(**FALLBACK)
    advance(orch, 20)
    assert [it.task_id for it in orch.tasks.claim_tasks("ada", lease_seconds=3_000)] == [task_id]
    advance(orch, 50)  # the wait is over for a task that nobody holds
    assert orch.tasks.process_due() == 0
    orch.tasks.release_task(task_id)  # ready again: the wait begins anew
    advance(orch, 20)
    assert orch.tasks.claim_tasks(novice) == []
    advance(orch, 50)
    assert orch.tasks.claim_tasks("ada") == []
    assert [it.task_id for it in orch.tasks.claim_tasks(novice)] == [task_id]
    assert orch.doctor().findings == []


def test_the_wait_begins_when_it_is_ready(orch, novice, new_task):
    first = new_task()
    waits = new_task(dependencies=[first], **FALLBACK)
    late = new_task(schedule_to_start_seconds=90, **FALLBACK)
    advance(orch, 70)
    (claim,) = orch.tasks.claim_tasks(novice, 1, start=True)  # the oldest
    assert claim.task_id == first
    orch.tasks.complete(claim)
    (claim,) = orch.tasks.claim_tasks(novice, 9, lease_seconds=3_000)
    assert claim.task_id == late
    advance(orch, 70)
    assert [it.task_id for it in orch.tasks.claim_tasks(novice, 9)] == [waits]
    dead = new_task(schedule_to_start_seconds=30, **FALLBACK)
    advance(orch, 100)
    orch.tasks.process_due()
    assert orch.tasks.get_task(dead).error_message.endswith("(schedule_to_start)")


def test_changes_of_the_task_keep_what_is_to_come(orch, novice, new_task):
    task_id = new_task(concurrency_key="key", **FALLBACK)
    orch.tasks.update_task(task_id, requirements=["other"], estimate={"tokens": 5})
    assert orch.tasks.claim_tasks(novice) == []
    advance(orch, 70)
    (claim,) = orch.tasks.claim_tasks(novice)
    assert claim.task.requirements == ["novice"]
    orch.tasks.release_task(task_id)
    assert orch.tasks.update_task(task_id, requirements=["other"]).requirements == ["other"]
    advance(orch, 70)
    assert orch.tasks.claim_tasks(novice) == []  # what has come to pass does not come again
    assert orch.doctor().findings == []


def test_a_budget_pays_for_it_before_and_after(orch, novice):
    tasks = [{"content": "x", "task_type": "any", **FALLBACK}] * 2
    orch.workflows.start("w", tasks, workflow_id="w")
    orch.budgets.set("workflow:w", {"tries": 1})
    advance(orch, 70)
    (claim,) = orch.tasks.claim_tasks(novice, start=True)
    orch.tasks.complete(claim)
    assert orch.tasks.claim_tasks(novice) == []
    assert orch.budgets.get("workflow:w").spent.tries == 1
    assert orch.doctor().findings == []


def test_work_that_is_sent_back_has_it_too(orch, novice, new_task):
    done = new_task(**FALLBACK)
    gate = orch.gates.create("good?").gate_id
    new_task(dependencies=[done], gates=[gate])
    advance(orch, 70)
    (claim,) = orch.tasks.claim_tasks(novice, start=True)
    orch.tasks.complete(claim)
    orch.gates.send_back(gate, by="ada", comment="again")
    (again,) = orch.tasks.claim_tasks(novice)
    assert again.task.fallback_requirements == ["Novice"]
    assert again.task.fallback_after_seconds == 60


def test_many_fall_back_while_both_kinds_claim(orch, novice):
    orch.agents.register_agent("ada", ["expert"], max_concurrent_tasks=1_000)
    tasks = [{"content": "x", "task_type": "any", **FALLBACK}] * 700
    orch.workflows.start("many", tasks)
    advance(orch, 70)

    def work(agent_id: str) -> list[str]:
        done: list[str] = []
        while claims := orch.tasks.claim_tasks(agent_id, 20, start=True):
            done += [claim.task_id for claim in claims]
            for claim in claims:
                orch.tasks.complete(claim)
        return done

    with ThreadPoolExecutor(4) as pool:
        done = [it for each in pool.map(work, ["ada", novice, "ada", novice]) for it in each]
    done += work(novice)
    assert len(done) == len(set(done)) == 700
    assert orch.doctor().findings == []


@pytest.mark.parametrize(
    "given",
    [
        {"fallback_requirements": ["x"]},
        {"fallback_after_seconds": 5},
        {"fallback_requirements": [], "fallback_after_seconds": 5},
        {"fallback_requirements": ["x"], "fallback_after_seconds": 0},
        {"fallback_requirements": ["x\x00"], "fallback_after_seconds": 1},
    ],
)
def test_what_is_no_fallback(orch, new_task, given):
    with pytest.raises(ValidationError, match="fallback"):
        new_task(**given)
