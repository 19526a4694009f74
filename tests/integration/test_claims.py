"""Claims, leases, retries, deadlines, limits: what workers live on, by the server's clock."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from graph_orch import (
    AgentNotFoundError,
    AttemptEndedError,
    Completion,
    ConcurrencyLimitError,
    InvalidTransitionError,
    NewTask,
    Orchestrator,
    RetryPolicy,
    StaleAttemptError,
    TaskNotFoundError,
    TaskQueue,
    ValidationError,
)

MOMENTS = ("due_at", "available_at", "lease_expires_at", "start_by", "finish_by", "close_by")
MANY = 200


@pytest.fixture
def worker(orch):
    """An agent with slots to spare."""
    return orch.agents.register_agent("worker", ["py"], max_concurrent_tasks=100).agent_id


@pytest.fixture
def pass_time(cypher):
    """Let seconds pass, as the tasks see it: all their times move back."""

    def shift(seconds: float) -> None:
        for name in MOMENTS:
            cypher(
                f"MATCH (t:Task) WHERE t.{name} IS NOT NULL "
                f"SET t.{name} = t.{name} - duration({{seconds: $seconds}})",
                seconds=seconds,
            )

    return shift


def contents(claims) -> list[str]:
    return [claim.task.content for claim in claims]


def events(orch, task_id: str) -> list[str]:
    return [event.type.value for event in orch.tasks.get_history(task_id)]


def test_best_first_and_only_what_the_skills_cover(orch, new_task, worker):
    new_task("later", priority="low")
    new_task("other", requirements=["go"])
    new_task("second", requirements=["PY"])
    new_task("first", priority="high")
    blocked = new_task("blocked", dependencies=[new_task("third")])
    claims = orch.tasks.claim_tasks(worker, 10)
    assert contents(claims) == ["first", "second", "third", "later"]
    assert {(claim.attempt, claim.agent_id, claim.task.status) for claim in claims} == {
        (1, worker, "assigned")
    }
    assert orch.tasks.get_task_status(blocked).status == "pending"
    assert orch.agents.get_agent(worker).active_tasks == 4
    assert orch.tasks.claim_tasks(worker, 10) == []
    assert orch.doctor().is_sound


def test_never_above_capacity(orch, new_task):
    orch.agents.register_agent("small", [], max_concurrent_tasks=2)
    for _ in range(3):
        new_task()
    assert len(orch.tasks.claim_tasks("small", 3)) == 2
    assert orch.tasks.claim_tasks("small") == []


def test_whole_life_of_a_claim(orch, new_task, worker):
    task_id = new_task()
    (claim,) = orch.tasks.claim_tasks(worker, lease_seconds=30)
    assert timedelta(seconds=25) < claim.lease_expires_at - claim.task.assigned_at
    assert orch.tasks.start(claim).status == "running"
    kept = orch.tasks.heartbeat(claim, 0.5, "half way")
    assert kept.lease_expires_at > claim.lease_expires_at
    task = orch.tasks.get_task_status(task_id)
    assert (task.progress, task.progress_message) == (0.5, "half way")
    done = orch.tasks.complete(claim, {"x": 1}, {"duration_ms": 5})
    assert (done.status, done.result, done.execution_duration_ms) == ("completed", {"x": 1}, 5)
    assert (done.lease_expires_at, done.progress) == (None, None)
    assert events(orch, task_id) == ["created", "assigned", "started", "completed"]


def test_a_task_is_kept_without_its_claim(orch, new_task, worker):
    task_id = new_task()
    (claim,) = orch.tasks.claim_tasks(worker, lease_seconds=30)
    kept = orch.tasks.heartbeat_task(task_id, 1, lease_seconds=300, progress=0.5, message="half")
    assert kept.lease_expires_at > claim.lease_expires_at + timedelta(seconds=200)
    assert kept == orch.tasks.get_task(task_id)
    again = orch.tasks.heartbeat_task(task_id)
    assert again.lease_expires_at > kept.lease_expires_at, "as long as before, from now"
    assert (again.progress, again.progress_message) == (0.5, "half")
    with pytest.raises(StaleAttemptError, match="current attempt is 1"):
        orch.tasks.heartbeat_task(task_id, 2)
    orch.tasks.release(claim)
    with pytest.raises(AttemptEndedError):
        orch.tasks.heartbeat_task(task_id)
    with pytest.raises(TaskNotFoundError):
        orch.tasks.heartbeat_task("no-such-task")


def test_claim_and_start_in_one(orch, new_task, worker):
    task_id = new_task()
    (claim,) = orch.tasks.claim_tasks(worker, start=True, worker_id="w-1")
    assert (claim.task.status, claim.task.worker_id) == ("running", "w-1")
    assert events(orch, task_id) == ["created", "assigned", "started"]
    orch.tasks.complete(claim)


def test_ended_claim_is_refused_whatever_it_asks(orch, new_task, worker):
    new_task()
    (claim,) = orch.tasks.claim_tasks(worker)
    assert orch.tasks.release(claim, "no time").retry_count == 0
    late = (
        orch.tasks.start,
        orch.tasks.heartbeat,
        orch.tasks.complete,
        orch.tasks.release,
        lambda it: orch.tasks.fail(it, "late"),
    )
    for ask in late:
        with pytest.raises(AttemptEndedError, match="attempt 1") as caught:
            ask(claim)
        assert isinstance(caught.value, StaleAttemptError | InvalidTransitionError)
    (again,) = orch.tasks.claim_tasks(worker)
    for ask in late:
        with pytest.raises(StaleAttemptError, match="current attempt is 2"):
            ask(claim)
    assert orch.tasks.start(again).attempt == 2


def test_cancelling_reaches_the_holder_by_its_heartbeat(orch, new_task, worker):
    task_id = new_task()
    (claim,) = orch.tasks.claim_tasks(worker, start=True)
    orch.tasks.cancel_task(task_id, "no longer wanted")
    with pytest.raises(AttemptEndedError, match="cancelled"):
        orch.tasks.heartbeat(claim)
    assert orch.agents.get_agent(worker).active_tasks == 0


def test_expired_lease_goes_to_the_next_and_counts_as_a_retry(orch, new_task, worker, pass_time):
    orch.agents.register_agent("other", ["py"])
    task_id = new_task()
    (lost,) = orch.tasks.claim_tasks(worker, lease_seconds=60, start=True)
    assert orch.tasks.claim_tasks("other") == []
    pass_time(61)
    (claim,) = orch.tasks.claim_tasks("other")
    assert (claim.task_id, claim.attempt, claim.task.retry_count) == (task_id, 2, 1)
    assert orch.agents.get_agent(worker).total_failed == 1
    assert orch.agents.get_agent(worker).active_tasks == 0
    for late in (orch.tasks.complete, orch.tasks.heartbeat):
        with pytest.raises(StaleAttemptError):
            late(lost)
    event = next(it for it in orch.tasks.get_history(task_id) if it.type == "try_failed")
    assert event.detail == {"reason": "lease"}
    assert orch.doctor().is_sound


def test_late_heartbeat_before_the_rescue_keeps_the_claim(orch, new_task, worker, pass_time):
    new_task()
    (claim,) = orch.tasks.claim_tasks(worker, lease_seconds=60)
    pass_time(61)
    orch.tasks.heartbeat(claim)
    assert orch.tasks.process_due() == 0
    assert orch.tasks.start(claim).status == "running"


def test_poison_task_ends_failed(orch, new_task, worker, pass_time):
    task_id = new_task(max_retries=2)
    doomed = new_task(dependencies=[task_id], on_dependency_failure="cancel")
    for _ in range(3):
        assert orch.tasks.claim_tasks(worker, start=True)
        pass_time(61)
    assert orch.tasks.claim_tasks(worker) == []
    task = orch.tasks.get_task_status(task_id)
    assert (task.status, task.retry_count) == ("failed", 3)
    assert "as 3 tries did" in task.error_message
    assert orch.tasks.get_task_status(doomed).status == "cancelled"
    assert orch.doctor().is_sound


def test_claim_whose_answer_was_lost_is_given_the_same(orch, new_task, worker):
    for _ in range(5):
        new_task()
    command_id = str(uuid4())
    first = orch.tasks.claim_tasks(worker, 2, command_id=command_id)
    again = orch.tasks.claim_tasks(worker, 2, command_id=command_id)
    assert [it.task_id for it in again] == [it.task_id for it in first]
    assert orch.agents.get_agent(worker).active_tasks == 2


@pytest.mark.parametrize("spread", [1, 20])
def test_nothing_is_handed_out_twice(orch, server, new_task, spread):
    for number in range(8):
        orch.agents.register_agent(f"w{number}", ["py"], max_concurrent_tasks=MANY)
    ids = orch.tasks.create_tasks(
        NewTask(content=str(n), task_type="any", requirements=["py"]) for n in range(MANY)
    )
    queue = TaskQueue(orch.graph, claim_spread=spread)

    def drain(number: int) -> list[str]:
        found = []
        while claims := queue.claim_tasks(f"w{number}", 3, wait_seconds=0.1):
            found += [claim.task_id for claim in claims]
        return found

    with ThreadPoolExecutor(8) as pool:
        taken = [task_id for found in pool.map(drain, range(8)) for task_id in found]
    assert sorted(taken) == sorted(ids)
    assert orch.doctor().is_sound


def test_many_claims_are_completed_together(orch, new_task, worker):
    first = [new_task() for _ in range(3)]
    last = new_task(dependencies=first)
    claims = orch.tasks.claim_tasks(worker, 3, start=True)
    orch.tasks.cancel_task(first[1])
    done = orch.tasks.complete_all([Completion(claim=claim, result=1) for claim in claims])
    statuses = [task.status for task in orch.tasks.get_tasks(first)]
    assert statuses == ["completed", "cancelled", "completed"]
    assert [type(one) for one in done] == [type(None), AttemptEndedError, type(None)]
    again = orch.tasks.complete_all([Completion(claim=claims[0], result=2)] * 2)
    assert [type(one) for one in again] == [AttemptEndedError] * 2
    assert orch.tasks.get_task_status(last).unmet == 1
    agent = orch.agents.get_agent(worker)
    assert (agent.total_completed, agent.active_tasks, agent.success_rate) == (2, 0, 1.0)
    assert orch.doctor().is_sound


def test_waiting_claim_is_woken_by_this_process(orch, new_task, worker):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(orch.tasks.claim_tasks, worker, wait_seconds=60)
        task_id = new_task()
        assert [claim.task_id for claim in waiting.result(60)] == [task_id]


def test_waiting_claim_sees_the_work_of_others(orch, server, worker):
    with Orchestrator.connect(*server) as other, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(orch.tasks.claim_tasks, worker, wait_seconds=60)
        task_id = other.tasks.create_task("x", "any")
        assert [claim.task_id for claim in waiting.result(60)] == [task_id]


def test_wait_ends(orch, worker):
    began = time.monotonic()
    assert orch.tasks.claim_tasks(worker, wait_seconds=0.2) == []
    assert time.monotonic() - began >= 0.2


def test_wrong_arguments_say_so(orch, worker):
    with pytest.raises(AgentNotFoundError, match="nobody"):
        orch.tasks.claim_tasks("nobody")
    for wrong in ({"limit": 0}, {"lease_seconds": 0}, {"wait_seconds": -1}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            orch.tasks.claim_tasks(worker, **wrong)


def test_heartbeat_of_a_task_that_is_gone(orch, new_task, worker, cypher):
    new_task()
    (claim,) = orch.tasks.claim_tasks(worker)
    with pytest.raises(ValidationError, match="progress"):
        orch.tasks.heartbeat(claim, 1.5)
    cypher("MATCH (t:Task) DETACH DELETE t")
    with pytest.raises(TaskNotFoundError):
        orch.tasks.heartbeat(claim)


# Retries


def test_pause_between_tries_grows(orch, new_task, worker, pass_time):
    policy = RetryPolicy(max_retries=4, initial_seconds=10, multiplier=3, max_seconds=50, jitter=0)
    new_task(retry_policy=policy)
    pauses = []
    for _ in range(4):
        (claim,) = orch.tasks.claim_tasks(worker, start=True)
        task = orch.tasks.fail(claim, "broken")
        pauses.append((task.available_at - orch.tasks.get_history(task.task_id)[-1].at).seconds)
        assert orch.tasks.claim_tasks(worker) == []
        pass_time(51)
    assert pauses == [10, 30, 50, 50]
    (claim,) = orch.tasks.claim_tasks(worker)
    assert orch.tasks.fail(claim, "broken").status == "failed"


def test_jitter_stays_in_its_bounds(orch, worker, running):
    policy = RetryPolicy(initial_seconds=100, jitter=0.5)
    seen = []
    for _ in range(10):
        task = orch.tasks.fail_task(running(worker, retry_policy=policy).task_id, "broken")
        at = orch.tasks.get_history(task.task_id)[-1].at
        seen.append((task.available_at - at).total_seconds())
    assert all(50 <= pause <= 150 for pause in seen)
    assert len(set(seen)) > 1


def test_retry_after_goes_before_the_policy(orch, running):
    task = orch.tasks.fail_task(running().task_id, "busy", retry_after=120)
    assert task.available_at > datetime.now(UTC) + timedelta(seconds=60)
    assert orch.tasks.poll_tasks() == []


def test_connection_has_settings_for_its_queue(server, wiped):
    policy = RetryPolicy(max_retries=7, non_retryable=("ValueError",))
    with Orchestrator.connect(*server, retry_policy=policy, claim_spread=10) as orch:
        assert orch.tasks.get_task_status(orch.tasks.create_task("x", "any")).max_retries == 7


def test_queue_has_a_policy_for_tasks_without_one(orch):
    queue = TaskQueue(orch.graph, retry_policy=RetryPolicy(max_retries=7))
    assert queue.get_task_status(queue.create_task("x", "any")).max_retries == 7
    assert queue.get_task_status(queue.create_task("x", "any", max_retries=1)).max_retries == 1


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"error_class": "transient"}, "pending"),
        ({"error_class": "permanent"}, "failed"),
        ({"error_class": "budget"}, "failed"),
        ({"error_class": "capability"}, "pending"),
        ({"error_types": ["KeyError", "LookupError"]}, "failed"),
        ({"error_types": ["OSError"]}, "pending"),
    ],
)
def test_kind_of_error_decides(orch, running, said, status):
    policy = RetryPolicy(non_retryable=("LookupError",))
    task = orch.tasks.fail_task(running(retry_policy=policy).task_id, "broken", **said)
    assert task.status == status
    detail = orch.tasks.get_history(task.task_id)[-1].detail
    assert detail["class"] == said.get("error_class", "transient")


def test_capability_error_goes_to_another_agent(orch, new_task, worker):
    orch.agents.register_agent("other", ["py"])
    task_id = new_task()
    (claim,) = orch.tasks.claim_tasks(worker)
    assert orch.tasks.fail(claim, "too hard", error_class="capability").excluded_agents == [worker]
    assert orch.tasks.claim_tasks(worker) == []
    assert orch.tasks.poll_tasks(worker) == []
    assert orch.router.route_task(task_id) == "other"
    assert orch.router.dispatch_task(task_id) == "other"
    orch.tasks.fail_task(task_id, "no", False)
    orch.tasks.retry_task(task_id)
    assert [it.task_id for it in orch.tasks.claim_tasks(worker)] == [task_id]


def test_each_try_is_kept(orch, new_task, worker):
    task_id = new_task()
    for _ in range(2):
        (claim,) = orch.tasks.claim_tasks(worker, start=True)
        orch.tasks.fail(claim, "broken")
    (claim,) = orch.tasks.claim_tasks(worker, start=True)
    orch.tasks.complete(claim)
    tries = orch.tasks.get_tries(task_id)
    assert [(one.attempt, one.agent_id, one.outcome, one.error) for one in tries] == [
        (1, worker, "failed", "broken"),
        (2, worker, "failed", "broken"),
        (3, worker, "completed", None),
    ]
    assert all(one.started_at <= one.ended_at and one.duration_ms >= 0 for one in tries)
    assert orch.tasks.get_tries(new_task()) == []


# Deadlines


def test_time_to_start(orch, new_task, pass_time):
    task_id = new_task(schedule_to_start_seconds=60)
    blocked = new_task(dependencies=[task_id], schedule_to_start_seconds=1)
    pass_time(59)
    assert [task.task_id for task in orch.tasks.poll_tasks()] == [task_id]
    pass_time(2)
    assert orch.tasks.poll_tasks() == []
    task = orch.tasks.get_task_status(task_id)
    assert (task.status, task.retry_count) == ("failed", 0)
    assert "schedule_to_start" in task.error_message
    assert orch.tasks.get_task_status(blocked).status == "pending"  # it has not been ready yet
    assert orch.tasks.retry_task(task_id).status == "pending"
    assert orch.doctor().is_sound


def test_time_to_finish_a_try(orch, new_task, worker, pass_time):
    task_id = new_task(start_to_close_seconds=60, max_retries=1)
    for attempt, status in ((1, "pending"), (2, "failed")):
        (claim,) = orch.tasks.claim_tasks(worker, lease_seconds=600, start=True)
        assert claim.attempt == attempt
        pass_time(61)
        assert orch.tasks.process_due() == 1
        task = orch.tasks.get_task_status(task_id)
        assert (task.status, "start_to_close" in task.error_message) == (status, True)
        with pytest.raises(AttemptEndedError):
            orch.tasks.complete(claim)


@pytest.mark.parametrize("held", [False, True])
def test_overall_time(orch, new_task, worker, pass_time, held):
    task_id = new_task(schedule_to_close_seconds=60)
    claims = orch.tasks.claim_tasks(worker, lease_seconds=600) if held else []
    pass_time(61)
    orch.tasks.process_due()
    task = orch.tasks.get_task_status(task_id)
    assert (task.status, "schedule_to_close" in task.error_message) == ("failed", True)
    for claim in claims:
        with pytest.raises(AttemptEndedError):
            orch.tasks.start(claim)
    assert orch.agents.get_agent(worker).active_tasks == 0


def test_finished_in_time_is_left_alone(orch, new_task, worker, pass_time):
    new_task(schedule_to_close_seconds=60, start_to_close_seconds=60, schedule_to_start_seconds=60)
    (claim,) = orch.tasks.claim_tasks(worker, start=True)
    orch.tasks.complete(claim)
    pass_time(100)
    assert orch.tasks.process_due() == 0


# Limits


def test_no_more_are_held_than_the_key_allows(orch, new_task, worker):
    ids = [new_task(str(n), concurrency_key="acme") for n in range(4)]
    new_task("free")
    assert contents(orch.tasks.claim_tasks(worker, 10)) == ["0", "free"]
    assert orch.tasks.poll_tasks(worker) == []
    with pytest.raises(ConcurrencyLimitError, match="'acme', of which at most 1"):
        orch.tasks.assign_task(ids[1], worker)
    with pytest.raises(ConcurrencyLimitError):
        orch.router.dispatch_task(ids[1])
    assert orch.tasks.set_concurrency_limit("acme", 3).active == 1
    assert contents(orch.tasks.claim_tasks(worker, 10)) == ["1", "2"]
    ends = (
        orch.tasks.release_task,
        orch.tasks.cancel_task,
        lambda task_id: orch.tasks.fail_task(task_id, "x", False),
    )
    for task_id, end in zip(ids, ends, strict=False):
        end(task_id)
    assert orch.tasks.set_concurrency_limit("acme", 1).active == 0
    (claim,) = orch.tasks.claim_tasks(worker, 10, start=True)
    orch.tasks.complete(claim)
    assert contents(orch.tasks.claim_tasks(worker, 10)) == ["3"]
    assert orch.doctor().is_sound


def test_limit_holds_over_agents_and_skills(orch, new_task):
    for name in ("a", "b", "c", "d"):
        orch.agents.register_agent(name, ["x", "y"], max_concurrent_tasks=10)
    orch.tasks.set_concurrency_limit("key", 3)
    for number in range(20):
        new_task(requirements=[["x"], ["y"], []][number % 3], concurrency_key="key")
    gate = threading.Barrier(4)

    def claim(name: str) -> int:
        gate.wait(30)
        return len(orch.tasks.claim_tasks(name, 5))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim, "abcd")) == 3
    assert orch.doctor().is_sound


def test_lost_lease_gives_its_place_in_the_limit_back(orch, new_task, worker, pass_time):
    new_task(concurrency_key="key")
    new_task(concurrency_key="key")
    orch.tasks.claim_tasks(worker, 2)
    pass_time(61)
    (claim,) = orch.tasks.claim_tasks(worker, 2)
    assert claim.attempt == 2
    assert orch.doctor().is_sound


def test_agent_that_comes_later_serves_the_limited(orch, new_task):
    new_task(concurrency_key="key")
    orch.agents.register_agent("late", [])
    assert len(orch.tasks.claim_tasks("late")) == 1


def test_doctor_repairs_a_limit(orch, new_task, worker, cypher):
    new_task(concurrency_key="key")
    orch.tasks.claim_tasks(worker)
    cypher("MATCH (x:Limit) SET x.active = 7")
    (finding,) = orch.doctor(repair=True).findings
    assert (finding.check, finding.node, finding.expected, finding.found) == ("limits", "key", 1, 7)
    assert orch.doctor().findings == []


# Order


def test_whoever_waits_rises(orch):
    """One task a second comes and goes, all of them high: a low one still has its turn."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    orch.tasks.set_aging(10)
    try:
        queue = TaskQueue(orch.graph, clock=lambda: now[0])
        orch.agents.register_agent("worker", [], max_concurrent_tasks=1_000)
        backlog = 5
        for _ in range(backlog):
            queue.create_task("high", "any", "high")
        began, low = now[0], queue.create_task("low", "any", "low")
        for _ in range(60):
            now[0] += timedelta(seconds=1)
            queue.create_task("high", "any", "high")
            if queue.claim_tasks("worker")[0].task_id == low:
                break
        waited = (now[0] - began).total_seconds()
    finally:
        orch.tasks.set_aging(None)
    assert 2 * 10 < waited <= 2 * 10 + backlog + 1


def test_time_that_is_wrong_mends_itself(orch, new_task, worker, cypher):
    new_task()
    cypher("MATCH (t:Task) SET t.due_at = datetime() - duration('PT1S')")
    assert [finding.check for finding in orch.doctor().findings] == ["due"]
    assert orch.tasks.process_due() == 0
    assert orch.doctor().findings == []
    cypher("MATCH (t:Task) SET t.due_at = datetime() - duration('PT1S')")
    assert orch.doctor(repair=True).is_sound
    assert orch.doctor().findings == []
    assert len(orch.tasks.claim_tasks(worker)) == 1
