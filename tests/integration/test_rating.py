"""What people and agents say of the work of a try."""

from __future__ import annotations

import math

import pytest

from graph_orch import TaskError, TaskNotFoundError, ValidationError


def complete(orch, task) -> None:
    orch.tasks.complete_task(task.task_id, 1)


def test_the_newest_rating_counts(orch, running):
    task = running()
    complete(orch, task)
    first = orch.tasks.rate(task.task_id, 1, by="ada", comment="good")
    assert (first.score, first.rated_by, first.comment) == (1.0, "ada", "good")
    last = orch.tasks.rate(task.task_id, 0.25, by="bob")
    (found,) = orch.tasks.get_tries(task.task_id)
    assert found == last
    assert (found.score, found.rated_by, found.comment) == (0.25, "bob", None)
    assert found.rated_at > first.rated_at
    told = [(it.attempt, it.detail) for it in orch.events.read(types=["rated"])]
    assert told == [
        (1, {"score": 1.0, "by": "ada", "comment": "good"}),
        (1, {"score": 0.25, "by": "bob"}),
    ]
    assert orch.tasks.get_task(task.task_id).status == "completed"
    (page,) = orch.export.tasks()
    assert [it.score for it in page.tasks[0].tries] == [0.25]
    assert orch.doctor().findings == []


def test_another_try_is_rated_by_its_number(orch, running):
    task = running()
    orch.tasks.fail_task(task.task_id, "x")
    assert orch.tasks.rate(task.task_id, 0, attempt=1).outcome == "failed"
    orch.tasks.assign_task(task.task_id, "worker")
    orch.tasks.start_task(task.task_id)
    complete(orch, task)
    orch.tasks.rate(task.task_id, 0.5)
    assert [it.score for it in orch.tasks.get_tries(task.task_id)] == [0, 0.5]
    orch.agents.deregister_agent("worker")
    assert orch.tasks.rate(task.task_id, 0.75).agent_id == "worker"


def test_what_cannot_be_rated(orch, running, new_task):
    waits, runs = new_task(), running().task_id
    with pytest.raises(TaskError, match=r"none of its tries was completed; .*give its attempt"):
        orch.tasks.rate(waits, 1)
    with pytest.raises(TaskError, match="no attempt 1; it was not tried"):
        orch.tasks.rate(waits, 1, attempt=1)
    with pytest.raises(TaskError, match="attempt 1 has not ended"):
        orch.tasks.rate(runs, 1, attempt=1)
    with pytest.raises(TaskError, match="no attempt 7; its last is 1"):
        orch.tasks.rate(runs, 1, attempt=7)
    with pytest.raises(TaskNotFoundError):
        orch.tasks.rate("00000000-0000-0000-0000-000000000000", 1)
    assert [it.type for it in orch.tasks.get_history(runs)] == ["created", "assigned", "started"]


@pytest.mark.parametrize(
    "given",
    [{"score": it} for it in (-0.1, 1.1, math.nan, math.inf, None, "much")]
    + [{"by": "\x00"}, {"by": ""}, {"comment": 7}, {"comment": "x" * 1_100_000}, {"attempt": -1}],
)
def test_what_is_no_rating(orch, running, given):
    task = running()
    complete(orch, task)
    with pytest.raises(ValidationError):
        orch.tasks.rate(task.task_id, **{"score": 1, **given})
    assert orch.tasks.get_tries(task.task_id)[0].score is None
