"""A command_id names one command of one caller: it is answered again, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from graph_orch import CommandConflictError, TaskStatus


@pytest.fixture
def agents(orch):
    for name in ("ada", "bob"):
        orch.agents.register_agent(name, [], max_concurrent_tasks=10)


def test_two_agents_do_not_get_one_task_by_one_id(orch, agents, new_task):
    new_task(), new_task()
    (claim,) = orch.tasks.claim_tasks("ada", command_id="1")
    with pytest.raises(CommandConflictError, match="'ada'"):
        orch.tasks.claim_tasks("bob", command_id="1")
    (again,) = orch.tasks.claim_tasks("ada", command_id="1")
    assert (again.task_id, again.attempt) == (claim.task_id, claim.attempt)
    assert orch.agents.get_agent("bob").active_tasks == 0


def test_a_claim_does_not_answer_with_what_another_command_did(orch, agents, running):
    task = running()
    orch.tasks.complete_task(task.task_id, command_id="1:0")
    with pytest.raises(CommandConflictError, match="completed"):
        orch.tasks.claim_tasks("ada", command_id="1")


COMMANDS: dict[str, Any] = {
    "assign": lambda tasks, id_: tasks.assign_task(id_, "ada", command_id="1"),
    "reassign": lambda tasks, id_: tasks.reassign_task(id_, "bob", command_id="1"),
    "start": lambda tasks, id_: tasks.start_task(id_, command_id="1"),
    "complete": lambda tasks, id_: tasks.complete_task(id_, command_id="1"),
    "fail": lambda tasks, id_: tasks.fail_task(id_, "x", command_id="1"),
    "release": lambda tasks, id_: tasks.release_task(id_, command_id="1"),
    "cancel": lambda tasks, id_: tasks.cancel_task(id_, command_id="1"),
    "retry": lambda tasks, id_: tasks.retry_task(id_, command_id="1"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_id_of_an_earlier_command_is_refused_by_every_other(orch, agents, new_task, name):
    task_id = new_task()
    first = "retry" if name == "assign" else "assign"
    if first == "retry":
        orch.tasks.cancel_task(task_id)
    COMMANDS[first](orch.tasks, task_id)
    before = orch.tasks.get_task_status(task_id)
    if name == "complete":
        before = orch.tasks.start_task(task_id)
    with pytest.raises(CommandConflictError, match=first.removesuffix("y")):
        COMMANDS[name](orch.tasks, task_id)
    assert orch.tasks.get_task_status(task_id) == before


def test_a_replay_is_of_the_same_task_agent_and_attempt(orch, agents, new_task):
    task_id, other = new_task(), new_task()
    orch.tasks.assign_task(task_id, "ada", command_id="give")
    assert orch.tasks.assign_task(task_id, "ada", command_id="give").assigned_to == "ada"
    for asked in ((task_id, "bob"), (other, "ada")):
        with pytest.raises(CommandConflictError):
            orch.tasks.assign_task(*asked, command_id="give")
    assert orch.router.dispatch_task(task_id, command_id="give") == "ada"
    with pytest.raises(CommandConflictError):
        orch.router.dispatch_task(other, command_id="give")
    orch.tasks.start_task(task_id)
    orch.tasks.complete_task(task_id, 1, attempt=1, command_id="end")
    again = orch.tasks.complete_task(task_id, 2, command_id="end")
    assert (again.status, again.result) == (TaskStatus.COMPLETED, 1)
    with pytest.raises(CommandConflictError):
        orch.tasks.complete_task(task_id, 1, attempt=99, command_id="end")


def test_a_dependency_is_added_by_an_id_once(orch, new_task):
    task_id, one, other = new_task(), new_task(), new_task()
    for _ in range(2):
        orch.tasks.add_dependency(task_id, one, command_id="join")
    with pytest.raises(CommandConflictError):
        orch.tasks.add_dependency(task_id, other, command_id="join")
    assert orch.tasks.get_task_status(task_id).dependencies == [one]
