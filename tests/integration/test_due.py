"""What the end of a task means for others: done in bounded steps, whoever takes them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from graph_orch import Completion, NewTask, TaskStatus
from graph_orch._sync import due
from graph_orch._sync.commands import Commands
from graph_orch.errors import InvalidTransitionError

MANY_DEPENDENTS = 2_050
"""More than a completion releases by itself."""


@pytest.fixture
def small_steps(monkeypatch):
    monkeypatch.setattr(due, "BATCH", 3)


@pytest.fixture
def dies_after_the_command(monkeypatch):
    """Whoever ends a task does not live to cancel its dependents."""
    monkeypatch.setattr(Commands, "_follow_up", lambda self, task_ids: None)


@pytest.fixture
def later(cypher):
    """Let the pause be over in which only whoever began goes on with a cascade."""
    return lambda: cypher(
        "MATCH (t:FailedTask|CancelledTask) WHERE t.due_at IS NOT NULL SET t.due_at = datetime()"
    )


def layers(orch, root: str, width: int, depth: int) -> list[str]:
    """Tasks that are cancelled with `root`: each layer waits for all tasks of the one before."""
    ids = [[str(uuid4()) for _ in range(width)] for _ in range(depth)]
    return orch.tasks.create_tasks(
        NewTask(
            content="x",
            task_type="any",
            task_id=task_id,
            dependencies=ids[level - 1] if level else [root],
            on_dependency_failure="cancel",
        )
        for level in range(depth)
        for task_id in ids[level]
    )


def statuses(orch, task_ids) -> set[str]:
    return {task.status for task in orch.tasks.get_tasks(task_ids)}


def is_over(orch, cypher) -> bool:
    rows = cypher(
        "MATCH (t:CompletedTask|FailedTask|CancelledTask) WHERE t.due_at IS NOT NULL RETURN t"
    )
    return rows == [] and orch.doctor().findings == []


def test_all_that_waits_is_cancelled_in_steps(orch, new_task, small_steps, cypher):
    root = new_task()
    waiting = layers(orch, root, 4, 5)
    kept = new_task(dependencies=[root])
    orch.tasks.cancel_task(root)
    assert statuses(orch, waiting) == {TaskStatus.CANCELLED}
    assert statuses(orch, [kept]) == {TaskStatus.PENDING}
    assert is_over(orch, cypher)
    for task_id in waiting:
        (event,) = [it for it in orch.tasks.get_history(task_id) if it.type == "cancelled"]
        assert statuses(orch, [event.detail["dependency"]]) == {TaskStatus.CANCELLED}


def test_the_number_of_paths_does_not_matter(orch, new_task):
    """Two tasks a layer have two to the power of sixty paths to the last one."""
    root = new_task()
    waiting = layers(orch, root, 2, 60)
    orch.tasks.cancel_task(root)
    assert statuses(orch, waiting) == {TaskStatus.CANCELLED}


def test_a_long_chain_is_cancelled(orch, new_task, cypher):
    root = new_task()
    waiting = layers(orch, root, 1, 1_050)
    orch.tasks.cancel_task(root)
    assert statuses(orch, waiting) == {TaskStatus.CANCELLED}
    assert is_over(orch, cypher)


@pytest.mark.parametrize("end", ["cancel", "fail"])
def test_others_go_on_where_somebody_died(
    orch, running, new_task, small_steps, dies_after_the_command, later, cypher, end
):
    root = running().task_id
    waiting = layers(orch, root, 4, 3)
    if end == "cancel":
        orch.tasks.cancel_task(root)
    else:
        orch.tasks.fail_task(root, "x", should_retry=False)
    assert statuses(orch, waiting) == {TaskStatus.PENDING}
    assert orch.tasks.process_due() == 0  # whoever began may still be at it
    later()
    orch.tasks.process_due(1)
    assert statuses(orch, waiting) == {TaskStatus.PENDING, TaskStatus.CANCELLED}
    orch.tasks.process_due()
    assert statuses(orch, waiting) == {TaskStatus.CANCELLED}
    assert is_over(orch, cypher)


def test_a_task_that_is_retried_meanwhile_takes_nobody_with_it(
    orch, new_task, dies_after_the_command, later
):
    root = new_task()
    waiting = layers(orch, root, 2, 2)
    orch.tasks.cancel_task(root)
    orch.tasks.retry_task(root)
    later()
    orch.tasks.process_due()
    assert statuses(orch, waiting) == {TaskStatus.PENDING}


def test_a_claim_does_not_wait_for_a_cascade_of_others(orch, new_task, small_steps, cypher):
    orch.agents.register_agent("ada", ["x"], max_concurrent_tasks=100)
    root = new_task(requirements=["x"], max_retries=0)
    orch.tasks.claim_tasks("ada", lease_seconds=0.001)
    waiting = layers(orch, root, 30, 1)
    ready = new_task(requirements=["x"])
    (claim,) = orch.tasks.claim_tasks("ada")
    assert claim.task_id == ready
    assert statuses(orch, waiting) == {TaskStatus.PENDING, TaskStatus.CANCELLED}
    while TaskStatus.PENDING in statuses(orch, waiting):
        assert orch.tasks.process_due(1)
    assert is_over(orch, cypher)


def test_a_cancelled_dependent_that_is_retried_waits(orch, new_task, cypher):
    root = new_task()
    waiting = layers(orch, root, 1, 1)
    orch.tasks.cancel_task(root)
    orch.tasks.retry_task(waiting[0])
    orch.tasks.process_due()
    assert statuses(orch, waiting) == {TaskStatus.PENDING}
    assert is_over(orch, cypher)


def test_many_dependents_are_released_in_steps_and_others_do_not_wait(
    orch, running, new_task, cypher
):
    head, other = running(), running("other")
    both = new_task(dependencies=[head.task_id, other.task_id])
    cancelled = new_task(dependencies=[head.task_id])
    orch.tasks.cancel_task(cancelled)
    orch.tasks.create_tasks(
        NewTask(content="x", task_type="any", dependencies=[head.task_id])
        for _ in range(MANY_DEPENDENTS)
    )
    orch.tasks.complete_task(head.task_id)
    assert orch.tasks.get_queue_statistics().pending_count == MANY_DEPENDENTS + 1
    assert orch.tasks.get_queue_statistics().blocked_count == 1
    assert is_over(orch, cypher)
    orch.tasks.retry_task(cancelled)
    assert orch.tasks.get_task_status(cancelled).unmet == 0
    orch.tasks.complete_task(other.task_id)
    assert orch.tasks.get_task_status(both).unmet == 0
    assert is_over(orch, cypher)


def test_a_worker_leaves_many_dependents_to_whoever_looks_next(orch, new_task, cypher):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    ids = [new_task() for _ in range(8)]
    claims = orch.tasks.claim_tasks("ada", 8, start=True)
    waiting = orch.tasks.create_tasks(
        NewTask(content="x", task_type="any", requirements=["y"], dependencies=ids[:2])
        for _ in range(MANY_DEPENDENTS // 2)
    )
    assert orch.tasks.complete_all([Completion(claim=claim) for claim in claims]) == [None] * 8
    assert statuses(orch, ids) == {TaskStatus.COMPLETED}
    orch.tasks.process_due(1)
    is_ready = [task.unmet == 0 for task in orch.tasks.get_tasks(waiting)]
    assert any(is_ready)
    assert not all(is_ready)
    orch.tasks.process_due()
    assert all(task.unmet == 0 for task in orch.tasks.get_tasks(waiting))
    assert is_over(orch, cypher)


def test_what_cannot_be_looked_at_is_put_aside_and_shown(orch, new_task, cypher):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    ids = [new_task(retry_policy={"initial_seconds": 1}) for _ in range(5)]
    orch.tasks.claim_tasks("ada", 5, lease_seconds=0.001)
    cypher("MATCH (t:Task {task_id: $id}) SET t.retry_initial_seconds = 'broken'", id=ids[2])
    good = new_task()
    assert [claim.task_id for claim in orch.tasks.claim_tasks("ada", 5)] == [good]
    assert statuses(orch, [*ids[:2], *ids[3:]]) == {TaskStatus.PENDING}
    assert statuses(orch, [ids[2]]) == {TaskStatus.ASSIGNED}
    (finding,) = orch.doctor().findings
    assert (finding.check, finding.node) == ("put_aside", ids[2])
    assert orch.tasks.process_due() == 0  # it holds up nobody meanwhile
    cypher("MATCH (t:Task {task_id: $id}) SET t.retry_initial_seconds = 1.0", id=ids[2])
    assert orch.doctor(repair=True).repaired == 1
    assert orch.tasks.process_due() == 1
    assert statuses(orch, [ids[2]]) == {TaskStatus.PENDING}
    assert orch.doctor().findings == []


def test_one_completion_that_is_refused_holds_up_no_other(orch, new_task, cypher):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    ids = [new_task() for _ in range(9)]
    broken = new_task(dependencies=[ids[4]])
    cypher("MATCH (t:Task {task_id: $id}) SET t.unmet = 'broken'", id=broken)
    claims = orch.tasks.claim_tasks("ada", 9, start=True)
    answers = orch.tasks.complete_all([Completion(claim=claim) for claim in claims])
    refused = [claim.task_id for claim, it in zip(claims, answers, strict=True) if it is not None]
    assert refused == [ids[4]]
    assert statuses(orch, [*ids[:4], *ids[5:]]) == {TaskStatus.COMPLETED}
    assert statuses(orch, [ids[4]]) == {TaskStatus.RUNNING}


async def test_cascades_of_many_at_once(aorch):
    """Cascades that meet in the same tasks, cancelled from two sides while others claim."""
    await aorch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)
    roots = await aorch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(10))
    waiting = await aorch.tasks.create_tasks(
        NewTask(
            content="x",
            task_type="any",
            dependencies=[roots[number % 10], roots[(number + 1) % 10]],
            on_dependency_failure="cancel",
        )
        for number in range(200)
    )
    calls = [aorch.tasks.cancel_task(root) for root in roots for _ in range(2)]
    calls += [aorch.tasks.claim_tasks("ada", 3) for _ in range(5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert all(isinstance(error, InvalidTransitionError) for error in failed)
    await aorch.tasks.process_due()
    assert {task.status for task in await aorch.tasks.get_tasks(waiting)} == {TaskStatus.CANCELLED}
    assert (await aorch.doctor()).findings == []
