"""Calls that share a transaction: each has its own answer, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from graph_orch import Completion, NewTask
from graph_orch.domain.lanes import lane_key
from graph_orch.errors import (
    AgentNotFoundError,
    AttemptEndedError,
    DependencyNotFoundError,
    InvalidTransitionError,
    OrchestrationError,
)

CALLERS = 16


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call gave, or the error that it raised."""

    def answer(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except OrchestrationError as error:
            return error

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(answer, calls))


def test_creates_together(orch):
    key, nowhere = str(uuid4()), str(uuid4())
    create = orch.tasks.create_task
    calls = [lambda: create("x", "any") for _ in range(20)]
    calls += [lambda: create("x", "any", idempotency_key=key) for _ in range(20)]
    calls += [lambda: create("x", "any", dependencies=[nowhere]) for _ in range(5)]
    answers = at_once(calls)
    assert len(set(answers[:20])) == 20
    assert len(set(answers[20:40])) == 1
    assert all(isinstance(answer, DependencyNotFoundError) for answer in answers[40:])
    assert orch.tasks.get_queue_statistics().pending_count == 21
    assert orch.doctor().findings == []


def test_tasks_that_wait_for_each_other_are_not_created_together(orch):
    for _ in range(5):
        one, other = str(uuid4()), str(uuid4())
        calls = [lambda: orch.tasks.create_task("x", "any") for _ in range(6)]
        calls += [
            lambda a=a, b=b: orch.tasks.create_task("x", "any", task_id=a, dependencies=[b])
            for a, b in ((one, other), (other, one))
        ]
        assert any(isinstance(answer, DependencyNotFoundError) for answer in at_once(calls)[6:])


def test_large_calls_go_alone_and_small_ones_together(orch):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    large = "x" * 900_000
    calls = [lambda: orch.tasks.create_task(large, "any") for _ in range(3)]
    calls += [lambda: orch.tasks.create_task("x", "any") for _ in range(12)]
    assert len(set(at_once(calls))) == 15
    claims = orch.tasks.claim_tasks("ada", 15, start=True)
    calls = [lambda c=claim: orch.tasks.complete(c, c.task.content) for claim in claims]
    assert sorted(len(task.result) for task in at_once(calls)) == [1] * 12 + [900_000] * 3
    assert orch.doctor().findings == []


def test_claims_together(orch):
    for number in range(8):
        orch.agents.register_agent(f"agent-{number}", ["x"], max_concurrent_tasks=3)
    orch.tasks.create_tasks(
        NewTask(content="x", task_type="any", requirements=["x"]) for _ in range(30)
    )
    calls = [lambda n=number: orch.tasks.claim_tasks(f"agent-{n % 8}") for number in range(40)]
    calls += [lambda: orch.tasks.claim_tasks("nobody") for _ in range(5)]
    answers = at_once(calls)
    claims = [claim for answer in answers[:40] for claim in answer]
    assert len(claims) == len({claim.task_id for claim in claims}) == 24
    assert all(isinstance(answer, AgentNotFoundError) for answer in answers[40:])
    assert {agent.active_tasks for agent in orch.agents.list()} == {3}
    assert orch.doctor().findings == []


def test_one_claim_asked_from_many_threads_is_given_once(orch):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    orch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(30))
    asked = str(uuid4())
    claims = at_once([lambda: orch.tasks.claim_tasks("ada", command_id=asked) for _ in range(20)])
    assert len({claim.task_id for (claim,) in claims}) == 1
    assert orch.agents.get_agent("ada").active_tasks == 1


def test_completions_together(orch):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    first = orch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(20))
    last = orch.tasks.create_task("x", "any", dependencies=first)
    claims = orch.tasks.claim_tasks("ada", 20, start=True)
    asked = str(uuid4())
    calls = [lambda c=claim: orch.tasks.complete(c, c.task_id) for claim in claims[1:]]
    calls += [lambda c=claim: orch.tasks.complete(c, "again") for claim in claims[1:]]
    calls += [
        lambda: orch.tasks.complete_task(claims[0].task_id, 1, command_id=asked) for _ in range(9)
    ]
    answers = at_once(calls)
    for one, other in zip(answers[:19], answers[19:38], strict=True):
        assert sum(isinstance(it, InvalidTransitionError) for it in (one, other)) == 1
    assert all(answer.result == 1 for answer in answers[38:])
    assert orch.agents.get_agent("ada").total_completed == 20
    assert orch.tasks.get_task_status(last).unmet == 0
    assert orch.doctor().findings == []


def test_batches_together_are_each_all_or_nothing(orch):
    known, nowhere = orch.tasks.create_task("x", "any", idempotency_key="known"), str(uuid4())

    def batch(*more: NewTask) -> Callable[[], list[str]]:
        tasks = [*(NewTask(content="x", task_type="any") for _ in range(20)), *more]
        return lambda: orch.tasks.create_tasks(tasks)

    sound = [batch() for _ in range(8)]
    repeats = [batch(NewTask(content="x", task_type="any", idempotency_key="known"))] * 3
    broken = [batch(NewTask(content="x", task_type="any", dependencies=(nowhere,)))] * 3
    answers = at_once(
        [call for calls in zip(sound[:3], repeats, broken, strict=True) for call in calls]
    )
    answers += at_once(sound[3:])
    assert all(isinstance(answer, DependencyNotFoundError) for answer in answers[2:9:3])
    assert [ids[-1] for ids in answers[1:9:3]] == [known] * 3
    assert len({tuple(ids) for ids in answers[1:9:3]}) == 1
    made = {id_ for answer in answers if isinstance(answer, list) for id_ in answer}
    assert orch.tasks.get_queue_statistics().pending_count == len(made) == 8 * 20 + 20 + 1
    assert orch.doctor().findings == []


def test_batches_that_wait_for_each_other_are_not_created_together(orch):
    for _ in range(5):
        one, other = str(uuid4()), str(uuid4())
        calls = [
            lambda a=a, b=b: orch.tasks.create_tasks(
                [
                    NewTask(content="x", task_type="any", task_id=a, dependencies=[b]),
                    NewTask(content="x", task_type="any"),
                ]
            )
            for a, b in ((one, other), (other, one))
        ]
        calls += [lambda: orch.tasks.create_tasks([NewTask(content="x", task_type="any")] * 2)] * 6
        assert any(isinstance(answer, DependencyNotFoundError) for answer in at_once(calls)[:2])
    assert orch.doctor().findings == []


def test_batches_of_claims_and_completions_together(orch):
    orch.tasks.create_tasks(NewTask(content="x", task_type="any") for _ in range(500))
    names = [f"agent-{number}" for number in range(8)]
    for name in names:
        orch.agents.register_agent(name, [], max_concurrent_tasks=60)
    claims = at_once(
        [lambda n=name: orch.tasks.claim_tasks(n, 50, start=True) for name in names * 2]
    )
    assert sorted(len(one) for one in claims) == [10] * 8 + [50] * 8
    done = [[Completion(claim=claim) for claim in one] for one in claims]
    done += [done[0], [Completion(claim=done[1][0].claim), *done[2]]]
    ends = at_once([lambda d=some: orch.tasks.complete_all(d) for some in done])
    assert ends[:-2] == [[None] * len(one) for one in claims]
    assert ends[-2] == ends[0]  # the same commands: applied once, answered alike
    assert [type(end) for end in ends[-1]] == [AttemptEndedError] + [type(None)] * len(done[2])
    assert {agent.total_completed for agent in orch.agents.list()} == {60}
    assert orch.tasks.get_queue_statistics().completed_count == 480
    assert orch.doctor().findings == []


def test_a_lane_is_closed_when_it_was_found_empty_twice(orch, cypher):
    orch.agents.register_agent("ada", ["x"])
    key = lane_key(["x"])

    def look(grace_seconds: float) -> int:
        (row,) = orch.graph.write(
            "tasks/close_lanes",
            agent_id="ada",
            limit=10,
            grace_seconds=grace_seconds,
            command_id=str(uuid4()),
        )
        return row["closed"]

    def lane() -> tuple[Any, Any]:
        (row,) = cypher("MATCH (l:Lane {key: $key}) RETURN l.open_for, l.empty_since", key=key)
        return tuple(row)

    task_id = orch.tasks.create_task("x", "any", requirements=["x"])
    assert look(0) == 0
    assert lane() == ("x", None), "it has a ready task"
    orch.tasks.cancel_task(task_id)
    look(60)
    assert lane()[1] is not None
    assert look(60) == 0, "the grace is not over"
    orch.tasks.retry_task(task_id)
    assert lane() == ("x", None), "a task that becomes ready takes the mark away"
    orch.tasks.cancel_task(task_id)
    look(0)
    assert look(0) >= 1
    assert lane() == (None, None)
    assert orch.tasks.poll_tasks("ada") == []
    second = orch.tasks.create_task("x", "any", requirements=["x"])
    assert [task.task_id for task in orch.tasks.poll_tasks("ada")] == [second]


def test_an_agent_with_many_lanes_gets_the_best_of_them_all(orch):
    """Past some number of lanes, the head of all ready tasks is looked at first."""
    skills = [f"skill-{number}" for number in range(60)]
    orch.agents.register_agent("wide", skills, max_concurrent_tasks=1_000)
    orch.agents.register_agent("narrow", ["other"])
    orch.tasks.create_tasks(
        NewTask(content="x", task_type="any", requirements=["other"]) for _ in range(450)
    )
    ids = orch.tasks.create_tasks(
        NewTask(content="x", task_type=f"type-{n % 2}", requirements=[skills[n % 60]])
        for n in range(120)
    )
    polled = orch.tasks.poll_tasks("wide", limit=10)
    assert [task.task_id for task in polled] == ids[:10], "behind 450 that it may not do"
    odd = orch.tasks.poll_tasks("wide", limit=5, task_types=["type-1"])
    assert [task.task_id for task in odd] == ids[1:10:2]
    orch.agents.register_agent("narrow", ["other"], max_concurrent_tasks=1_000)
    assert len(orch.tasks.claim_tasks("narrow", 450)) == 450
    assert [claim.task_id for claim in orch.tasks.claim_tasks("wide", 70)] == ids[:70]
    assert orch.doctor().findings == []


def test_calls_with_different_arguments_go_together(orch, monkeypatch):
    """What differs from call to call is in the call, so that no number of kinds ends sharing."""
    orch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)
    orch.tasks.create_tasks(NewTask(content="x", task_type=f"t{n % 3}") for n in range(300))
    calls = [
        lambda n=number: orch.tasks.claim_tasks(
            "ada", 1 + n % 2, 100 + n, task_types=[f"t{n % 3}"], start=bool(n % 2)
        )
        for number in range(120)
    ]
    transactions = []
    write = orch.graph.write

    def counted(name, **params):
        transactions.append(name)
        return write(name, **params)

    monkeypatch.setattr(orch.graph, "write", counted)
    for number, claims in enumerate(at_once(calls)):
        assert len(claims) == 1 + number % 2
        assert {claim.lease_seconds for claim in claims} == {100 + number}
        assert {claim.task.task_type for claim in claims} == {f"t{number % 3}"}
        assert {claim.task.status for claim in claims} == {"running" if number % 2 else "assigned"}
    assert transactions.count("tasks/claim") < 60
    assert orch.doctor().findings == []


def test_bytes_bound_a_batch(orch, monkeypatch):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=1_000)
    large = "x" * 950_000
    for _ in range(2):
        orch.tasks.create_tasks(
            NewTask(content=large, task_type="any", metadata=large) for _ in range(10)
        )
    ids = {task.task_id for task in orch.tasks.poll_tasks(limit=100)}
    assert len(ids) == 20  # in several answers
    assert {task.task_id for task in orch.tasks.get_tasks(sorted(ids))} == ids
    assert {task.task_id for task in orch.tasks.query_tasks()} == ids
    claims = []
    while more := orch.tasks.claim_tasks("ada", 100, start=True):
        assert len(more) == 4  # 8 MB at most
        claims += more
    sizes = []
    write = orch.graph.write

    def measured(name, **params):
        if name == "tasks/complete":
            sizes.append(sum(len(row["result"]) for row in params["rows"]))
        return write(name, **params)

    monkeypatch.setattr(orch.graph, "write", measured)
    answers = orch.tasks.complete_all([Completion(claim=it, result=large) for it in claims])
    assert answers == [None] * 20
    assert max(sizes) <= 8_000_000
    monkeypatch.setattr(orch.graph, "write", write)
    assert orch.retention.prune(0) == 20


def test_several_processes_may_define_the_schema_at_once(orch, cypher):
    cypher("DROP INDEX graph_orch_task_completed IF EXISTS")
    calls = [lambda: orch.graph.define("schema/task_completed") for _ in range(CALLERS)]
    assert at_once(calls) == [None] * CALLERS
    orch.graph.write("schema/await_indexes", timeout_seconds=60)
