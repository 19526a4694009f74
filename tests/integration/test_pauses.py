"""What is paused is not given out; agents that keep failing pause; rates by key."""

from __future__ import annotations

import time

import pytest

from graph_orch import (
    AgentNotFoundError,
    AgentPausedError,
    CircuitBreaker,
    NewTask,
    RateLimitError,
    TaskPausedError,
    ValidationError,
    WaitKind,
    WorkflowNotFoundError,
)

WORK = {"content": "x", "task_type": "write"}


def claimed(orch, agent="ada", limit=10):
    return [claim.task_id for claim in orch.tasks.claim_tasks(agent, limit)]


def kinds(orch, task_id):
    return [reason.kind for reason in orch.insights.why_blocked(task_id).reasons]


@pytest.fixture
def ada(orch):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    return orch


@pytest.mark.parametrize("what", ["queue", "task_type:write", "workflow:paper"])
def test_what_is_paused_is_not_given_out_in_any_way(ada, what):
    ada.workflows.start("paper", [WORK], workflow_id="paper")
    (task,) = ada.tasks.query_tasks({"workflow_id": "paper"})
    pause = ada.pauses.put(what, reason="too dear", by="maria")
    assert (pause.what, pause.reason, pause.by, pause.until) == (what, "too dear", "maria", None)
    assert ada.pauses.list() == [pause]
    assert claimed(ada) == []
    assert list(ada.tasks.poll_tasks()) == list(ada.tasks.poll_tasks("ada")) == []
    with pytest.raises(TaskPausedError, match=f"while {what} is paused"):
        ada.tasks.assign_task(task.task_id, "ada")
    with pytest.raises(TaskPausedError, match="graph-orch resume"):
        ada.router.dispatch_task(task.task_id)
    (reason,) = ada.insights.why_blocked(task.task_id).reasons
    assert reason.kind is WaitKind.PAUSED
    assert "too dear" in reason.sentence
    assert [it.kind for it in ada.workflows.status("paper").waiting] == [WaitKind.PAUSED]
    assert ada.pauses.remove(what) is True
    assert ada.pauses.remove(what) is False
    assert claimed(ada) == [task.task_id]


def test_others_of_the_same_lane_go_on(ada):
    ada.workflows.start("paper", [WORK], workflow_id="paper")
    (held,) = ada.tasks.claim_tasks("ada", 1, start=True)
    ada.tasks.create_task(**WORK, workflow_id="paper")
    other = ada.tasks.create_task("x", "read")
    same_type = ada.tasks.create_task(**WORK)
    ada.pauses.put("workflow:paper")
    assert claimed(ada) == [other, same_type]
    ada.tasks.complete(held)  # what is held goes on


def test_a_pause_ends_by_itself(ada):
    task_id = ada.tasks.create_task(**WORK)
    pause = ada.pauses.put("queue", seconds=0.5)
    assert pause.until is not None
    assert claimed(ada) == []
    assert [it.task_id for it in ada.tasks.claim_tasks("ada", 1, wait_seconds=10)] == [task_id]
    assert ada.pauses.list() == []
    assert ada.pauses.remove("queue") is False


def test_a_paused_agent_is_given_nothing_and_keeps_what_it_holds(ada):
    ada.agents.register_agent("eve", [])
    held, task_id = ada.tasks.create_task(**WORK), ada.tasks.create_task(**WORK)
    ada.tasks.assign_task(held, "ada")
    ada.pauses.put("agent:ada", reason="broken")
    assert claimed(ada) == []
    with pytest.raises(AgentPausedError, match=r"\(broken\)"):
        ada.tasks.assign_task(task_id, "ada")
    assert ada.router.route_task(task_id) == "eve"
    ada.agents.deregister_agent("eve")
    assert ada.router.dispatch_task(task_id) is None
    assert kinds(ada, task_id) == [WaitKind.AGENTS_PAUSED]
    assert ada.agents.get_agent("ada").paused_reason == "broken"
    assert [it.what for it in ada.pauses.list()] == ["agent:ada"]
    assert ada.tasks.start_task(held).status == "running"
    ada.pauses.remove("agent:ada")
    assert claimed(ada) == [task_id]


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("", ValidationError),
        ("queues", ValidationError),
        ("queue:", ValidationError),
        ("team:x", ValidationError),
        ("agent:", ValidationError),
        ("agent:nobody", AgentNotFoundError),
        ("workflow:none", WorkflowNotFoundError),
    ],
)
def test_what_cannot_be_paused(ada, what, error):
    with pytest.raises(error):
        ada.pauses.put(what)


def test_an_agent_that_keeps_failing_is_paused_and_then_tried_with_one_task(ada):
    ada.agents.set_circuit_breaker("ada", CircuitBreaker(failures=3, pause_seconds=1))
    for _ in range(8):
        ada.tasks.create_task(**WORK, max_retries=0)
    first, second, third = ada.tasks.claim_tasks("ada", 3, start=True)
    ada.tasks.fail(first, "x")
    ada.tasks.fail(second, "x", error_class="capability")  # nobody's failure
    ada.tasks.fail(third, "x")
    assert ada.agents.get_agent("ada").failures_in_row == 2
    (fourth,) = ada.tasks.claim_tasks("ada", 1, start=True)
    ada.tasks.fail(fourth, "x")
    assert claimed(ada) == []
    (pause,) = ada.pauses.list()
    assert (pause.what, pause.by) == ("agent:ada", None)
    assert pause.reason == "3 of its tries failed, one after the other"
    (trial,) = ada.tasks.claim_tasks("ada", 10, wait_seconds=10, start=True)
    assert claimed(ada) == []  # one at a time
    ada.tasks.fail(trial, "x")
    assert [it.what for it in ada.pauses.list()] == ["agent:ada"]
    (trial,) = ada.tasks.claim_tasks("ada", 10, wait_seconds=10, start=True)
    ada.tasks.complete(trial)
    assert ada.agents.get_agent("ada").failures_in_row == 0
    assert len(claimed(ada)) == 2


def test_a_provider_that_asks_for_time_pauses_its_agent_unless_somebody_paused_it_longer(ada):
    ada.agents.set_circuit_breaker("ada", CircuitBreaker())
    for _ in range(3):
        ada.tasks.create_task(**WORK)
    first, second = ada.tasks.claim_tasks("ada", 2, start=True)
    ada.tasks.fail(first, "429", retry_after=600)
    (pause,) = ada.pauses.list()
    assert 590 < (pause.until - pause.at).total_seconds() < 610
    ada.pauses.put("agent:ada", by="maria")
    ada.tasks.fail(second, "429", retry_after=30)
    (pause,) = ada.pauses.list()
    assert (pause.by, pause.until) == ("maria", None)
    ada.pauses.remove("agent:ada")
    assert len(claimed(ada)) == 1  # both others wait for their own next try
    ada.agents.set_circuit_breaker("ada", None)
    assert ada.agents.get_agent("ada").circuit_breaker is None


def test_all_leases_of_a_process_that_died_count_as_one_failure(ada):
    ada.agents.set_circuit_breaker("ada", CircuitBreaker(failures=2, pause_seconds=60))
    for _ in range(3):
        ada.tasks.create_task(**WORK)
    for failures in (1, 2):
        assert len(ada.tasks.claim_tasks("ada", 3, lease_seconds=0.1)) == 3
        time.sleep(0.2)
        ada.tasks.process_due()
        assert ada.agents.get_agent("ada").failures_in_row == failures
    assert [it.what for it in ada.pauses.list()] == ["agent:ada"]


def test_no_more_begin_than_the_rate_lets(ada):
    limit = ada.tasks.set_rate_limit("openai", 2, 600)
    assert (limit.max, limit.burst, limit.interval_seconds) == (None, 2, 300)
    for _ in range(4):
        ada.tasks.create_task(**WORK, concurrency_key="openai")
    free = ada.tasks.create_task(**WORK)
    held = ada.tasks.claim_tasks("ada", 10, start=True)
    assert len(held) == 3
    assert free in [it.task_id for it in held]
    for claim in held:
        ada.tasks.complete(claim)  # a token does not come back
    waiting = ada.tasks.poll_tasks()[0].task_id
    assert claimed(ada) == []
    assert kinds(ada, waiting) == [WaitKind.RATE_LIMIT]
    with pytest.raises(RateLimitError, match="'openai', of which the next may begin at"):
        ada.tasks.assign_task(waiting, "ada")
    ada.tasks.set_rate_limit("openai", 1, 0.2)
    (again,) = ada.tasks.claim_tasks("ada", 10)
    (last,) = ada.tasks.claim_tasks("ada", 10, wait_seconds=10)
    assert (last.task.assigned_at - again.task.assigned_at).total_seconds() > 0.19
    assert ada.tasks.set_rate_limit("openai", None).max == 1


def test_a_rate_and_a_limit_of_those_held_at_once_hold_both(ada):
    ada.tasks.set_concurrency_limit("openai", 2)
    ada.tasks.set_rate_limit("openai", 3, 600)
    for _ in range(5):
        ada.tasks.create_task(**WORK, concurrency_key="openai")
    held = ada.tasks.claim_tasks("ada", 10, start=True)
    assert len(held) == 2
    for claim in held:
        ada.tasks.complete(claim)
    assert ada.router.dispatch_task(ada.tasks.poll_tasks()[0].task_id) == "ada"
    assert claimed(ada) == []


def test_many_paused_tasks_leave_the_queue_and_come_back_to_their_places(ada, cypher):
    mine = ada.tasks.create_tasks([NewTask(**WORK) for _ in range(2_500)])
    blocked = ada.tasks.create_task(**WORK, dependencies=mine[:1])
    ada.pauses.put("task_type:write")
    held = "MATCH (t:Task) WHERE t.ready_key < 0 RETURN count(t)"
    assert cypher(held)[0][0] == 2_500
    ada.pauses.put("task_type:write", reason="again")
    ada.tasks.cancel_task(mine[1])
    ada.tasks.update_task(mine[2], priority="low")
    late = ada.tasks.create_task(**WORK)
    assert claimed(ada) == []
    assert ada.doctor().findings == []
    assert ada.pauses.remove("task_type:write")
    assert cypher(held)[0][0] == 0
    assert cypher("MATCH (p:Pause) RETURN count(p)")[0][0] == 0
    assert claimed(ada, limit=3) == [mine[0], *mine[3:5]]
    assert ada.doctor().findings == []
    assert {late, mine[2]} < {it.task_id for it in ada.tasks.poll_tasks("ada", limit=3_000)}
    assert ada.tasks.get_task(blocked).is_blocked


def test_of_two_pauses_each_holds_by_itself(ada):
    ada.workflows.start("paper", [WORK], workflow_id="paper")
    other = ada.tasks.create_task(**WORK)
    ada.pauses.put("task_type:write")
    ada.pauses.put("workflow:paper")
    ada.pauses.remove("task_type:write")
    assert claimed(ada) == [other]
    ada.pauses.put("task_type:write")
    ada.pauses.remove("workflow:paper")
    assert claimed(ada) == []
    ada.pauses.remove("task_type:write")
    assert len(claimed(ada)) == 1
