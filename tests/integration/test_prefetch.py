"""Tasks that a worker holds ahead are assigned until their handlers begin, and timed from then."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from graph_orch import TaskFailure, Worker
from tests.integration.test_worker import SECONDS, at_work, ended
from tests.waiting import eventually


@pytest.fixture
def gated(orch):
    """A worker that does one task at a time, each when it is let."""
    worker = Worker(orch, "ada", [], 1, prefetch=3, grace_seconds=SECONDS, lease_seconds=300)
    gate = threading.Semaphore(0)

    @worker.task("any")
    def handler(ctx):
        assert gate.acquire(timeout=SECONDS)
        if ctx.task.content == "bad":
            raise TaskFailure("bad", "permanent")

    return worker, gate


def statuses(orch, ids) -> list[str]:
    return sorted(task.status for task in orch.tasks.get_tasks(ids))


def test_what_waits_for_a_handler_is_assigned_and_started_when_it_begins(orch, gated, new_task):
    worker, gate = gated
    ids = [new_task(str(number)) for number in range(4)]
    with at_work(worker):
        held = ["assigned"] * 3 + ["running"]
        assert eventually(lambda: statuses(orch, ids) == held)
        gate.release()
        # The second handler runs for long: its start is told though it does not end.
        later = ["assigned"] * 2 + ["completed", "running"]
        assert eventually(lambda: statuses(orch, ids) == later, 20)
        gate.release(3)
        assert eventually(lambda: ended(orch, *ids))
    tries = sorted((orch.tasks.get_tries(it)[0] for it in ids), key=lambda one: one.started_at)
    for before, after in pairwise(tries):  # one at a time, as they were done
        assert before.ended_at <= after.ended_at
        assert after.started_at > before.started_at
    for task_id in ids:
        story = [event.type for event in orch.tasks.get_history(task_id)]
        assert story == ["created", "assigned", "started", "completed"]
        ats = [event.at for event in orch.tasks.get_history(task_id)]
        assert ats == sorted(ats)
    assert orch.doctor().is_sound


def test_failure_of_what_was_held_says_when_it_began(orch, gated, new_task):
    worker, gate = gated
    good, bad = new_task("good", priority="high"), new_task("bad")
    with at_work(worker):
        assert eventually(lambda: statuses(orch, [good, bad]) == ["assigned", "running"])
        gate.release(2)
        assert eventually(lambda: ended(orch, good, bad))
    (one,) = orch.tasks.get_tries(bad)
    assert (one.outcome, one.error) == ("failed", "bad")
    assert one.assigned_at < one.started_at <= one.ended_at
    assert [it.type for it in orch.tasks.get_history(bad)][1:] == ["assigned", "started", "failed"]


def test_time_to_finish_counts_from_the_beginning_of_the_work(orch, gated, new_task, cypher):
    worker, gate = gated
    first = new_task("first", priority="high")
    second = new_task("second", start_to_close_seconds=0.5, max_retries=0)
    with at_work(worker):
        assert eventually(lambda: statuses(orch, [first, second]) == ["assigned", "running"])
        (row,) = cypher("MATCH (t:Task {task_id: $id}) RETURN t.finish_by AS at", id=second)
        assert row["at"] is None  # it waits, and no time runs
        gate.release()
        assert eventually(lambda: ended(orch, second), 20)
        gate.release()
    (one,) = orch.tasks.get_tries(second)
    assert (one.outcome, one.started_at is not None) == ("timed_out", True)


def test_retry_that_is_due_soon_is_taken_when_it_is(orch, new_task):
    """Not at the next of the looks, of which there is one a second."""
    worker = Worker(orch, "ada", [], 1)

    @worker.task("any")
    async def handler(ctx):
        if ctx.attempt < 6:
            raise TaskFailure("again", retry_after=0.2)

    task_id = new_task(max_retries=10)
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
    tries = orch.tasks.get_tries(task_id)
    pauses = [(after.assigned_at - one.ended_at).total_seconds() for one, after in pairwise(tries)]
    assert len(pauses) == 5
    assert min(pauses) >= 0.2
    assert min(pauses) < 0.5, pauses
