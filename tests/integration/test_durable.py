"""Durable handlers: steps run once, waits hold no slot, and children come with the end of a try."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest

from graph_orch import (
    Decision,
    DependencyCycleError,
    GatherFailed,
    HandOff,
    InputRefused,
    NewTask,
    TaskFailure,
    TaskNotFoundError,
    ValidationError,
    Worker,
)
from graph_orch.testing import advance
from tests.integration.test_worker import SECONDS, active, at_work, ended
from tests.waiting import eventually

NOBODY = "01a217f6-21e2-7c6c-b649-711dba5bfd08"


@pytest.fixture
def worker(orch) -> Worker:
    return Worker(orch, "ada", [], 4, grace_seconds=SECONDS)


def status(orch, task_id):
    return orch.tasks.get_task(task_id).status


def outcomes(orch, task_id):
    return [str(one.outcome) for one in orch.tasks.get_tries(task_id)]


def is_asleep(orch, task_id):
    """Whether its handler waits: it has been suspended, and nobody holds it."""
    task = orch.tasks.get_task(task_id)
    return task.status == "pending" and outcomes(orch, task_id)[-1:] == ["suspended"]


def gate(orch):
    """The one gate that is open, once there is one."""
    assert eventually(lambda: len(orch.gates.list()) == 1)
    return orch.gates.list()[0]


def both_ways(worker: Worker, ran: Counter) -> None:
    """One handler that does everything, as a plain function and as a coroutine."""

    def count(name, value):
        ran[name] += 1
        return value

    async def count_later(name, value):
        await asyncio.sleep(0)
        return count(name, value)

    @worker.task("plain")
    def plain(ctx):
        first = ctx.step("first", count, "first", {"n": 1})
        ctx.sleep(0.05)
        second = ctx.step("second", count_later, "second", first["n"] + 1)
        children = ctx.spawn(
            [NewTask(content=f"{it}", task_type="child", name=f"c{it}") for it in range(3)]
        )
        found = ctx.gather(children)
        decision = ctx.approval("go on?", approvers=["boss"])
        answer = ctx.input("how many?", {"type": "integer"})
        again = [ctx.step("again", count, "again", it) for it in range(2)]
        return [second, [found[it] for it in children], decision.by, answer, again, ctx.inputs()]

    @worker.task("coroutine")
    async def coroutine(ctx):
        first = await ctx.step("first", count, "first", {"n": 1})
        await ctx.sleep(0.05)
        second = await ctx.step("second", count_later, "second", first["n"] + 1)
        children = await ctx.spawn(
            [NewTask(content=f"{it}", task_type="child", name=f"c{it}") for it in range(3)]
        )
        found = await ctx.gather(children)
        decision = await ctx.approval("go on?", approvers=["boss"])
        answer = await ctx.input("how many?", {"type": "integer"})
        again = [await ctx.step("again", count, "again", it) for it in range(2)]
        inputs = await ctx.inputs()
        return [second, [found[it] for it in children], decision.by, answer, again, inputs]

    @worker.task("child")
    async def child(ctx):
        return int(ctx.task.content) * 10

    @worker.task("source")
    def source(ctx):
        return "given"


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_handler_that_does_everything(orch, worker, kind):
    ran: Counter = Counter()
    both_ways(worker, ran)
    flow = orch.workflows.start(
        "flow",
        [
            NewTask(content="", task_type="source", name="source"),
            NewTask(content="", task_type=kind, name="main", dependencies=["source"]),
        ],
    )
    (main,) = orch.tasks.query_tasks({"task_type": kind})
    with at_work(worker):
        approval = gate(orch)
        assert (approval.kind, approval.question, approval.task_ids) == (
            "approval",
            "go on?",
            [main.task_id],
        )
        assert is_asleep(orch, main.task_id)
        assert "go on?" in orch.insights.why_blocked(main.task_id).reasons[0].sentence
        orch.gates.decide(approval.gate_id, "approve", by="boss")
        assert eventually(lambda: [it.kind for it in orch.gates.list()] == ["input"])
        orch.gates.decide(gate(orch).gate_id, "answer", by="anybody", payload=7)
        assert eventually(lambda: ended(orch, main.task_id))
    done = orch.tasks.get_task(main.task_id)
    assert done.result == [2, [0, 10, 20], "boss", 7, [0, 1], {"source": "given"}]
    assert ran == {"first": 1, "second": 1, "again": 2}
    assert outcomes(orch, main.task_id) == [*["suspended"] * 4, "completed"]
    assert (done.retry_count, done.attempt) == (0, 5)
    assert orch.agents.get_agent("ada").success_rate == 1.0
    assert set(orch.workflows.results(flow.workflow_id)) == {"source", "main", "c0", "c1", "c2"}
    keys = [step.key for step in orch.tasks.get_steps(main.task_id)]
    assert keys == [
        *["step:first#1", "sleep#1", "step:second#1", "spawn#1"],
        *["step:again#1", "step:again#2"],
    ]
    events = [it.type for it in orch.tasks.get_history(main.task_id)]
    assert events.count("suspended") == 4
    assert orch.doctor().findings == []


def test_a_step_is_kept_by_a_try_that_fails_and_forgotten_at_wish(orch, worker, new_task):
    ran: Counter = Counter()

    @worker.task("any")
    async def handler(ctx):
        got = await ctx.step("paid", lambda: ran.update(paid=1) or {"by": ctx.attempt})
        if ctx.attempt in (1, 2):
            raise ValueError("after it")
        return got

    task_id = new_task(max_retries=1)
    with at_work(worker):
        assert eventually(lambda: ended(orch, task_id))
        assert (status(orch, task_id), ran["paid"]) == ("failed", 1)
        orch.tasks.retry_task(task_id)
        assert eventually(lambda: ended(orch, task_id))
        assert orch.tasks.get_task(task_id).result == {"by": 1}
        (step,) = orch.tasks.get_steps(task_id)
        assert (step.key, step.result, step.attempt) == ("step:paid#1", {"by": 1}, 1)
        other = new_task(max_retries=0)
        assert eventually(lambda: ended(orch, other))
        orch.tasks.retry_task(other, from_start=True)
        assert eventually(lambda: ended(orch, other))
    assert ran["paid"] == 3
    assert [it.attempt for it in orch.tasks.get_steps(other)] == [2]


def test_a_step_that_raises_or_cannot_be_stored_keeps_nothing(orch, worker, new_task):
    @worker.task("any")
    async def handler(ctx):
        with contextlib.suppress(ZeroDivisionError):
            await ctx.step("broken", lambda: 1 / 0)
        await ctx.step("huge", lambda: "x" * 1_000_001)

    task_id = new_task()
    worker.run(until_idle=True)
    assert ended(orch, task_id)
    found = orch.tasks.get_task(task_id)
    assert (found.status, found.attempt) == ("failed", 1)
    assert "the result of step 'step:huge#1'" in found.error_message
    assert orch.tasks.get_steps(task_id) == []
    with pytest.raises(TaskNotFoundError):
        orch.tasks.get_steps(NOBODY)


def test_steps_side_by_side_are_kept_before_a_wait_ends_the_try(orch, worker, new_task):
    ran: Counter = Counter()

    async def slowly(name):
        await asyncio.sleep(0.2)
        ran[name] += 1
        return name

    @worker.task("any")
    async def handler(ctx):
        return await asyncio.gather(
            ctx.step("slow", slowly, "a"),
            ctx.approval("one?"),
            ctx.step("slow", slowly, "b"),
            ctx.approval("two?"),
        )

    task_id = new_task()
    with at_work(worker):
        assert eventually(lambda: len(orch.gates.list()) == 2)  # both are asked at once
        for one in orch.gates.list():
            orch.gates.decide(one.gate_id, "reject", by="boss", comment=one.question)
        assert eventually(lambda: ended(orch, task_id))
    a, one, b, two = orch.tasks.get_task(task_id).result
    assert (a, b, one["comment"], two["comment"]) == ("a", "b", "one?", "two?")
    assert (one["decision"], ran) == ("reject", {"a": 1, "b": 1})


def test_a_decision_is_handed_to_the_handler_whatever_it_is(orch, worker, new_task):
    said: dict[str, Decision] = {}

    @worker.task("any")
    def handler(ctx):
        said["late"] = ctx.approval("late?", expires_seconds=60)
        said["default"] = ctx.approval("default?", expires_seconds=60, default="approve")
        ctx.input("what?", expires_seconds=60)

    task_id = new_task(on_dependency_failure="cancel")
    for _ in range(4):  # one gate after the other expires
        worker.run(until_idle=True)
        advance(orch, 60)
    assert ended(orch, task_id)
    assert said["late"] == Decision(decision="expire")
    assert not said["late"].is_approved
    assert (said["default"].decision, said["default"].is_approved) == ("approve", True)
    found = orch.tasks.get_task(task_id)
    assert (found.status, found.attempt, found.retry_count) == ("failed", 4, 1)
    assert found.error_message == "input 'what?': nobody answered in time"


def test_a_sleeper_holds_no_slot_and_a_bare_except_does_not_wake_it(orch, new_task):
    worker = Worker(orch, "ada", [], 1, grace_seconds=SECONDS)

    @worker.task("any")
    def handler(ctx):
        if ctx.task.content == "sleep":
            try:
                ctx.sleep(3600)
            except:  # noqa: E722
                ctx.heartbeat(0.5)
            return "it went on"
        return "served"

    sleeper = new_task("sleep", priority="high")
    with at_work(worker):
        assert eventually(lambda: is_asleep(orch, sleeper))
        served = new_task("serve")
        assert eventually(lambda: ended(orch, served))
        assert active(orch) == 0
        assert is_asleep(orch, sleeper)
        (reason,) = orch.insights.why_blocked(sleeper).reasons
        assert reason.kind == "not_due"


def test_children_are_the_same_in_each_try_and_none_comes_of_one_that_fails(orch, worker, new_task):
    given: list[list[str]] = []
    there: list[int] = []

    @worker.task("parent")
    async def parent(ctx):
        first = await ctx.spawn([{"content": "a", "task_type": "child"}])
        # They may depend on each other, also on those of another spawn, and on their parent.
        second = await ctx.spawn(
            [
                {"content": "b", "task_type": "child", "dependencies": [*first, ctx.task.task_id]},
                {"content": "c", "task_type": "child", "idempotency_key": "once"},
            ],
            before=[last],
        )
        given.append(first + second)
        if ctx.attempt == 1:
            raise ValueError("after it")
        return first + second

    parent_id = new_task(task_type="parent", max_retries=1, priority="low")
    last = new_task(dependencies=[parent_id])
    worker.run(until_idle=True)
    assert ended(orch, parent_id)
    there.append(len(orch.tasks.query_tasks({"task_type": "child"})))
    assert given[0] == given[1] == orch.tasks.get_task(parent_id).result
    assert there == [3]
    a, b, c = orch.tasks.get_tasks(given[0])
    assert (a.is_blocked, b.is_blocked, b.unmet, c.idempotency_key) == (False, True, 1, "once")
    assert (orch.tasks.get_task(last).unmet, orch.tasks.get_task(last).dependencies) == (
        2,
        [parent_id, b.task_id, c.task_id],
    )
    assert orch.doctor().findings == []


def test_a_child_that_fails_is_told_to_the_handler_that_gathers(orch, worker, new_task):
    @worker.task("parent")
    async def parent(ctx):
        children = await ctx.spawn(
            [{"content": "ok", "task_type": "child"}, {"content": "bad", "task_type": "child"}]
        )
        try:
            return await ctx.gather(children)
        except GatherFailed as error:
            told = list(error.errors) == children[1:]
            left = await ctx.gather(children, allow_failed=True)
        if ctx.task.content == "strict":
            await ctx.gather(children)
        return told, list(left.values())

    @worker.task("child")
    async def child(ctx):
        if ctx.task.content == "bad":
            raise TaskFailure("no", "permanent")
        return ctx.task.content

    lenient = new_task(task_type="parent")
    strict = new_task("strict", task_type="parent")
    worker.run(until_idle=True)
    assert ended(orch, lenient, strict)
    assert orch.tasks.get_task(lenient).result == [True, ["ok"]]
    assert status(orch, strict) == "failed"
    assert orch.tasks.get_task(strict).attempt == 2
    assert "failed: no" in orch.tasks.get_task(strict).error_message
    assert orch.doctor().findings == []


def test_gather_refuses_what_never_ends_and_what_is_not_there(orch, worker, new_task):
    refused: list[BaseException] = []

    @worker.task("any")
    async def handler(ctx):
        if ctx.task.content == "circle":
            return await ctx.gather([waits])
        try:
            await ctx.gather([NOBODY])
        except TaskNotFoundError as error:
            refused.append(error)
        return await ctx.gather([])

    unknown = new_task("unknown")
    circle = new_task("circle")
    waits = new_task("unknown", dependencies=[circle])
    worker.run(until_idle=True)
    assert ended(orch, unknown, circle)
    assert (orch.tasks.get_task(unknown).result, len(refused)) == ({}, 1)
    found = orch.tasks.get_task(circle)
    assert (found.status, found.attempt) == ("failed", 1)
    assert "cycle" in found.error_message or "circle" in found.error_message


def test_suspended_by_hand(orch, running, new_task):
    child, task = new_task(), running()
    other = new_task(dependencies=[task.task_id])
    with pytest.raises(DependencyCycleError):
        orch.tasks.suspend_task(task.task_id, awaits=[other])
    with pytest.raises(DependencyCycleError):
        orch.tasks.suspend_task(task.task_id, awaits=[task.task_id])
    with pytest.raises(TaskNotFoundError):
        orch.tasks.suspend_task(task.task_id, awaits=[NOBODY])
    asleep = orch.tasks.suspend_task(
        task.task_id, awaits=[child, child], attempt=1, command_id="mine"
    )
    assert (asleep.status, asleep.unmet, asleep.retry_count) == ("pending", 1, 0)
    again = orch.tasks.suspend_task(
        task.task_id, awaits=[child, child], attempt=1, command_id="mine"
    )
    assert again == asleep
    with pytest.raises(DependencyCycleError):  # it would wait for what waits for it
        orch.tasks.add_dependency(child, task.task_id)
    assert orch.insights.why_blocked(task.task_id).roots == [child]
    orch.tasks.cancel_task(child)  # however it ends
    assert orch.tasks.get_task(task.task_id).unmet == 0
    orch.tasks.retry_task(child)
    (claim,) = orch.tasks.claim_tasks("worker", limit=1, task_types=[task.task_type])
    assert claim.attempt in (1, 2)
    assert orch.doctor().findings == []


def test_a_hand_off_goes_to_another_agent_and_is_nobodys_failure(orch, new_task):
    workers = [Worker(orch, name, [], 1, grace_seconds=SECONDS) for name in ("ada", "bob")]
    for worker in workers:

        @worker.task("any")
        async def handler(ctx):
            if ctx.attempt == 1:
                raise HandOff("it needs a lawyer")
            return "done"

    task_id = new_task(max_retries=0)
    with at_work(workers[0]), at_work(workers[1]):
        assert eventually(lambda: ended(orch, task_id))
    first, second = orch.tasks.get_tries(task_id)
    assert (first.outcome, second.outcome) == ("released", "completed")
    assert {first.agent_id, second.agent_id} == {"ada", "bob"}
    assert orch.agents.get_agent(first.agent_id).total_failed == 0
    released = [it for it in orch.tasks.get_history(task_id) if it.type == "released"]
    assert "it needs a lawyer" in str(released[0])


def test_nothing_comes_of_a_parent_that_is_cancelled_meanwhile(orch, worker, new_task):
    began = asyncio.Event()

    @worker.task("any")
    def handler(ctx):
        ctx.spawn([{"content": "x", "task_type": "child"}])
        if ctx.task.workflow_id:
            orch.workflows.cancel(ctx.task.workflow_id)
        else:
            orch.tasks.cancel_task(ctx.task.task_id)
        began.set()
        ctx.step("late", lambda: 1)  # it is over by then, or will be refused

    flow = orch.workflows.start("flow", [NewTask(content="", task_type="any")])
    alone = new_task()
    with at_work(worker):
        assert eventually(lambda: ended(orch, alone))
        assert eventually(lambda: orch.workflows.get(flow.workflow_id).state == "cancelled")
        assert eventually(lambda: active(orch) == 0)
    assert not orch.tasks.query_tasks({"task_type": "child"})
    assert orch.tasks.get_steps(alone) == []


def test_many_parents_and_their_children(orch, new_task):
    workers = [Worker(orch, f"agent-{n}", [], 4, grace_seconds=SECONDS) for n in range(3)]
    ran: Counter = Counter()
    for worker in workers:

        @worker.task("parent")
        async def parent(ctx):
            children = await ctx.spawn(
                [{"content": f"{n}", "task_type": "child"} for n in range(8)]
            )
            found = await ctx.gather(children)
            await ctx.step("sum", lambda: ran.update([ctx.task.task_id]))
            return sum(found.values())

        @worker.task("child")
        async def child(ctx):
            return int(ctx.task.content)

    parents = [new_task(task_type="parent") for _ in range(20)]
    with contextlib.ExitStack() as stack:
        for worker in workers:
            stack.enter_context(at_work(worker))
        assert eventually(lambda: ended(orch, *parents), 120)
    assert [it.result for it in orch.tasks.get_tasks(parents)] == [28] * 20
    assert len(orch.tasks.query_tasks({"task_type": "child"}, limit=1_000)) == 160
    assert set(ran.values()) == {1}
    assert orch.doctor().findings == []


def test_what_nobody_answers_is_told_once(orch, worker, new_task):
    @worker.task("any")
    def handler(ctx):
        try:
            ctx.input("what?", {"type": "string"}, approvers=["boss"])
        except InputRefused as refused:
            return refused.decision.comment

    task_id = new_task()
    with at_work(worker):
        orch.gates.decide(gate(orch).gate_id, "reject", by="boss", comment="ask later")
        assert eventually(lambda: ended(orch, task_id))
        other = new_task()
        assert eventually(lambda: is_asleep(orch, other))
        orch.tasks.cancel_task(other)
    assert orch.tasks.get_task(task_id).result == "ask later"
    assert orch.gates.list() == []  # nobody is asked for what nobody waits for


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_step_holds_no_other_place(orch, worker, new_task, kind):
    """A later try would not come to it: it would read the wrong result, or wait for children that
    nobody creates."""
    refused: list[str] = []

    def ask(call, ctx):
        try:
            return call(ctx)
        except ValidationError as error:
            refused.append(str(error))

    places = [
        lambda ctx: ctx.step("x", lambda: 1),
        lambda ctx: ctx.sleep(1),
        lambda ctx: ctx.spawn([{"content": "", "task_type": "child"}]),
        lambda ctx: ctx.approval("?"),
        lambda ctx: ctx.gather([]),
    ]

    @worker.task("plain")
    def plain(ctx):
        ctx.step("outer", lambda: [ask(place, ctx) for place in places])
        return ctx.step("x", lambda: "its own")

    @worker.task("coroutine")
    async def coroutine(ctx):
        async def outer():
            for place in places:
                try:
                    await place(ctx)
                except ValidationError as error:
                    refused.append(str(error))

        await asyncio.gather(ctx.step("outer", outer), ctx.step("beside", lambda: 1))
        return await ctx.step("x", lambda: "its own")

    task_id = new_task(task_type=kind)
    worker.run(until_idle=True)
    assert ended(orch, task_id)
    assert orch.tasks.get_task(task_id).result == "its own"
    assert [it.split(":")[0] for it in refused] == ["step", "sleep", "spawn", "approval", "gather"]
    assert "'step:outer#1'" in refused[0]


def test_a_decision_answers_no_other_question(orch, worker, new_task):
    @worker.task("any")
    async def handler(ctx):
        asked = "send a card?" if ctx.attempt == 1 else "delete everything?"
        return (await ctx.approval(asked)).is_approved

    task_id = new_task()
    with at_work(worker):
        orch.gates.decide(gate(orch).gate_id, "approve", by="boss")
        assert eventually(lambda: ended(orch, task_id))
    task = orch.tasks.get_task(task_id)
    assert (task.status, task.attempt) == ("failed", 2)
    assert "asked 'send a card?' here, and this one asks 'delete everything?'" in task.error_message


def test_what_is_spawned_before_a_task_that_is_not_there(orch, worker, new_task):
    @worker.task("any")
    async def handler(ctx):
        before = NOBODY if ctx.task.content == "nobody" else last
        return await ctx.spawn([{"content": "", "task_type": "child"}], before=[before, before])

    last = new_task(task_type="child")
    nobody, twice = new_task("nobody"), new_task("twice")
    worker.run(until_idle=True)
    assert ended(orch, nobody, twice)
    assert NOBODY in orch.tasks.get_task(nobody).error_message
    assert orch.tasks.get_task(last).dependencies == orch.tasks.get_task(twice).result
    assert len(orch.tasks.query_tasks({"task_type": "child"})) == 2


def test_children_with_one_idempotency_key_are_one(orch, worker, new_task):
    @worker.task("any")
    async def handler(ctx):
        child = {"content": "", "task_type": "child", "idempotency_key": ctx.task.content}
        ids = await ctx.spawn([child, child])
        ids += await ctx.spawn([child])
        if ctx.task.content == "known":
            return [*ids, *(await ctx.gather(ids))]
        return ids

    known = new_task(task_type="other", idempotency_key="known")
    orch.tasks.cancel_task(known)
    tasks = [new_task("fresh"), new_task("known", max_retries=0)]
    repeated = [NewTask(content="", task_type="other", idempotency_key="known") for _ in range(2)]
    worker.run(until_idle=True)
    assert ended(orch, *tasks)
    first, second, third = orch.tasks.get_task(tasks[0]).result
    assert first == second == third
    assert known in orch.tasks.get_task(tasks[1]).error_message
    assert len(orch.tasks.query_tasks({"task_type": "child"})) == 1
    assert orch.tasks.create_tasks(repeated) == [known, known]
