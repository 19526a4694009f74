"""What a task asks for changes while it has not ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_orch import Budget, InvalidTransitionError, TaskPriority, ValidationError
from graph_orch.testing.clock import advance


@pytest.fixture
def agents(orch):
    orch.agents.register_agent("ada", ["python"], max_concurrent_tasks=100)
    orch.agents.register_agent("bob", ["SQL"], max_concurrent_tasks=100)


def test_it_is_served_by_its_new_priority(orch, agents, new_task):
    first, second = new_task(), new_task()
    assert orch.tasks.update_task(second, priority="high").priority is TaskPriority.HIGH
    assert [it.task_id for it in orch.tasks.claim_tasks("ada", 2)] == [second, first]
    third, fourth = new_task(), new_task()
    orch.tasks.update_task(third, priority="low")
    orch.tasks.update_task(third, priority="medium")
    assert [it.task_id for it in orch.tasks.claim_tasks("ada", 2)] == [third, fourth]
    assert orch.doctor().findings == []


def test_its_new_requirements_say_who_takes_it(orch, agents, new_task, cypher):
    task_id = new_task(requirements=["python"], concurrency_key="key")
    assert orch.tasks.update_task(task_id, requirements=["sql", "new"]).requirements == [
        "SQL",
        "new",
    ]
    assert orch.tasks.claim_tasks("ada") == orch.tasks.claim_tasks("bob") == []
    orch.agents.learn_new_capability("bob", "new")
    (claim,) = orch.tasks.claim_tasks("bob")
    assert claim.task_id == task_id
    held = orch.tasks.update_task(task_id, requirements=None)
    assert (held.status, held.requirements) == ("assigned", [])
    assert cypher("MATCH (:Task)-[r:REQUIRES]->() RETURN count(r) AS n")[0]["n"] == 0
    orch.tasks.release_task(task_id)
    assert [it.task_id for it in orch.tasks.claim_tasks("ada")] == [task_id]
    assert orch.doctor().findings == []


def test_a_task_that_is_blocked_or_delayed_stays_so(orch, agents, new_task):
    first = new_task()
    blocked = new_task(dependencies=[first])
    orch.tasks.update_task(blocked, priority="high", requirements=["python"])
    assert [it.task_id for it in orch.tasks.claim_tasks("ada", 9, start=True)] == [first]
    orch.tasks.complete_task(first)
    assert [it.task_id for it in orch.tasks.claim_tasks("ada", 9)] == [blocked]
    assert orch.doctor().findings == []


def test_deadlines_count_from_the_change(orch, agents, new_task):
    waits = new_task(schedule_to_start_seconds=100)
    closes = new_task(schedule_to_close_seconds=100, requirements=["nobody"])
    runs = new_task(requirements=["python"], start_to_close_seconds=100)
    orch.tasks.claim_tasks("ada", start=True, lease_seconds=3_000, task_types=["any"], limit=9)
    orch.tasks.release_task(waits)
    advance(orch, 90)
    orch.tasks.update_task(waits, schedule_to_start_seconds=50, metadata=1)
    orch.tasks.update_task(closes, schedule_to_close_seconds=50)
    orch.tasks.update_task(runs, start_to_close_seconds=130)
    advance(orch, 30)  # what is set now is over in ten or twenty seconds
    statuses = [orch.tasks.get_task(it).status for it in (waits, closes, runs)]
    assert statuses == ["pending", "pending", "running"]
    orch.tasks.update_task(waits, metadata=2)  # changes no deadline
    advance(orch, 30)
    assert [orch.tasks.get_task(it).status for it in (waits, closes)] == ["failed", "failed"]
    assert orch.tasks.get_tries(runs)[-1].outcome == "timed_out"
    free = new_task(schedule_to_close_seconds=10)
    orch.tasks.update_task(free, schedule_to_close_seconds=None)
    advance(orch, 20)
    assert orch.tasks.get_task(free).status == "pending"


def test_a_workflow_ends_its_tasks_whatever_they_ask_for(orch, agents):
    task = {"content": "x", "task_type": "any"}
    flow = orch.workflows.start("flow", [task], close_in_seconds=100)
    (task,) = orch.tasks.query_tasks({"workflow_id": flow.workflow_id})
    orch.tasks.update_task(task.task_id, schedule_to_close_seconds=1_000)
    advance(orch, 101)
    assert orch.tasks.get_task(task.task_id).status == "failed"


def test_what_was_given_is_taken_away(orch, agents, new_task):
    task_id = new_task(metadata={"a": 1}, estimate={"tokens": 5})
    changed = orch.tasks.update_task(task_id, metadata=[1], estimate=Budget(tokens=7))
    assert (changed.metadata, changed.estimate.tokens) == ([1], 7)
    orch.budgets.set("agent:ada", {"cost": 5, "currency": "EUR"})
    with pytest.raises(ValidationError, match="counts money in EUR"):
        orch.tasks.update_task(task_id, estimate={"cost": 1, "currency": "USD"})
    changed = orch.tasks.update_task(task_id, metadata=None, estimate=None)
    assert (changed.metadata, changed.estimate) == (None, None)
    (*_, event) = orch.tasks.get_history(task_id)
    assert (event.type, event.detail) == ("updated", {"changed": ["estimate", "metadata"]})


def test_its_creation_again_finds_it(orch, new_task):
    task_id = new_task(priority="low")
    orch.tasks.update_task(task_id, priority="high")
    assert new_task(priority="low", task_id=task_id) == task_id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "update_task: nothing is given; what can change is: priority, requirements"),
        ({"content": "x"}, "update_task: content cannot change"),
        ({"priority": "highest"}, "update_task: priority: "),
        ({"requirements": [""]}, "update_task: requirements"),
        ({"start_to_close_seconds": -1}, "update_task: start_to_close_seconds"),
    ],
)
def test_what_cannot_change(orch, new_task, changes, message):
    task_id = new_task()
    before = orch.tasks.get_task(task_id)
    with pytest.raises(ValidationError, match=message):
        orch.tasks.update_task(task_id, **changes)
    assert orch.tasks.get_task(task_id) == before


def test_it_changes_while_others_take_it(orch, agents, new_task):
    ids = [new_task(requirements=["python"]) for _ in range(20)]

    def change(task_id: str) -> None:
        for skill in ("SQL", "python", "SQL"):
            try:
                orch.tasks.update_task(task_id, requirements=[skill], priority="high")
            except InvalidTransitionError:
                return

    def work(agent_id: str) -> list[str]:
        done = []
        while claims := orch.tasks.claim_tasks(agent_id, 3, wait_seconds=1, start=True):
            for claim in claims:
                assert claim.agent_id == agent_id
                orch.tasks.complete_task(claim.task_id, attempt=claim.attempt)
                done.append(claim.task_id)
        return done

    with ThreadPoolExecutor(8) as pool:
        changing = [pool.submit(change, it) for it in ids]
        working = [pool.submit(work, it) for it in ("ada", "bob", "ada", "bob")]
        for it in changing:
            it.result()
        done = [task_id for it in working for task_id in it.result()]
    done += work("ada") + work("bob")
    assert sorted(done) == sorted(ids)
    assert orch.doctor().findings == []
