"""Handlers that run without a store end as they do under a worker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graph_orch import (
    Decision,
    HandOff,
    NewTask,
    NotApproverError,
    TaskFailure,
    ValidationError,
    Worker,
)
from graph_orch.testing import run_handler, run_handler_async


@pytest.fixture
def worker() -> Worker:
    return Worker(None, "editor", [])


def task(content: str = "bees", **fields: Any) -> NewTask:
    return NewTask(content=content, task_type="report", **fields)


@pytest.mark.parametrize("kind", ["coroutine", "plain"])
def test_handler_goes_on_from_wait_to_wait(worker, kind):
    ran: list[int] = []

    def note(number: int) -> int:
        ran.append(number)
        return number

    if kind == "coroutine":

        @worker.task("report")
        async def report(ctx):
            await ctx.step("pay", note, 1)
            await ctx.step("pay", note, 2)
            ids = await ctx.spawn([{"content": "a part", "task_type": "draft", "name": "part"}])
            await ctx.sleep(60)
            texts = await ctx.gather(ids)
            said = await ctx.approval("Publish it?", approvers=["maria"])
            title = await ctx.input("Which title?", {"type": "string"})
            ctx.heartbeat(0.5, "half way")
            return [texts[ids[0]], said.by, title]
    else:

        @worker.task("report")
        def plain(ctx):
            ctx.step("pay", note, 1)
            ctx.step("pay", note, 2)
            ids = ctx.spawn([{"content": "a part", "task_type": "draft", "name": "part"}])
            ctx.sleep(60)
            texts = ctx.gather(ids)
            said = ctx.approval("Publish it?", approvers=["maria"])
            title = ctx.input("Which title?", {"type": "string"})
            ctx.heartbeat(0.5, "half way")
            return [texts[ids[0]], said.by, title]

    outcome = run_handler(worker, task())
    assert (outcome.status, outcome.seconds) == ("suspended", 60)
    assert outcome.steps == {"pay": 1, "pay#2": 2}
    assert [it.name for it in outcome.spawned] == ["part"]
    outcome = run_handler(worker, outcome)
    assert outcome.awaits == [outcome.spawned[0].task_id]
    outcome = run_handler(worker, outcome, results={"part": "text"})
    assert [gate.question for gate in outcome.gates] == ["Publish it?"]
    with pytest.raises(ValidationError, match="still waits for the gate 'Publish it"):
        run_handler(worker, outcome)
    with pytest.raises(NotApproverError):
        run_handler(
            worker, outcome, decisions={"Publish it?": Decision(decision="approve", by="x")}
        )
    asked = run_handler(worker, outcome, decisions={"Publish it?": "approve"})
    with pytest.raises(ValidationError, match="string"):
        run_handler(worker, asked, decisions={"Which title?": 5})
    outcome = run_handler(worker, asked, decisions={"Which title?": "Bees"})
    assert (outcome.status, outcome.result) == ("completed", ["text", "maria", "Bees"])
    assert (outcome.progress, outcome.progress_message, outcome.attempt) == (0.5, "half way", 5)
    assert ran == [1, 2]
    with pytest.raises(ValidationError, match="has ended"):
        run_handler(worker, outcome)
    refused = Decision(decision="reject", comment="no")
    other = run_handler(worker, asked, decisions={"Which title?": refused})  # from the same place
    assert (other.status, other.error_class, other.is_final) == ("failed", "permanent", True)


def test_failed_try_keeps_its_steps_and_creates_nothing(worker):
    ran: list[str] = []

    @worker.task
    async def report(ctx):
        await ctx.step("pay", ran.append, "once")
        await ctx.spawn([NewTask(content="a part", task_type="draft")])
        if ctx.attempt == 1:
            raise TaskFailure("busy", retry_after=5)
        return ctx.attempt

    first = run_handler(worker, task())
    assert (first.status, first.error_message, first.retry_after) == ("failed", "busy", 5)
    assert (first.spawned, first.is_final) == ([], False)
    second = run_handler(worker, first)
    assert (second.result, len(second.spawned), ran) == (2, 1, ["once"])


@pytest.mark.parametrize(
    ("raised", "status", "message", "is_final"),
    [
        (HandOff("not mine"), "released", "not mine", False),
        (ValueError("bad"), "failed", "ValueError: bad", True),
        (KeyError("k"), "failed", "KeyError: 'k'", False),
        (SystemExit(3), "failed", "SystemExit: 3", False),
    ],
)
def test_errors_end_a_try_as_a_worker_ends_it(worker, raised, status, message, is_final):
    @worker.task
    async def report(ctx):
        raise raised

    outcome = run_handler(worker, task(retry_policy={"non_retryable": ["ValueError"]}))
    assert (outcome.status, outcome.error_message, outcome.is_final) == (status, message, is_final)
    assert outcome.error is raised


def test_retries_are_used_up(worker):
    @worker.task
    async def report(ctx):
        raise OSError("away")

    outcome = run_handler(worker, task(max_retries=1))
    assert not outcome.is_final
    assert run_handler(worker, outcome).is_final


def test_result_that_cannot_be_stored_is_a_failure(worker):
    @worker.task
    async def report(ctx):
        return {"of": object()}

    outcome = run_handler(worker, task())
    assert outcome.error_class == "permanent"
    assert outcome.error_message is not None
    assert "result['of'] is a object" in outcome.error_message


def test_results_of_dependencies_come_by_name_and_by_id(worker):
    source = task().task_id

    @worker.task
    async def report(ctx):
        return [await ctx.inputs(), (await ctx.results())[source]]

    given = {source: 1, "outline": {2}}  # what a handler may return, and is stored as a list
    outcome = run_handler(worker, task(dependencies=[source, "outline"]), results=given)
    assert outcome.result == [{source: 1, "outline": [2]}, 1]
    with pytest.raises(ValidationError, match="the task depends on 'outline'"):
        run_handler(worker, task(dependencies=["outline"]))
    with pytest.raises(ValidationError, match=r"results\['outline'\] cannot be stored"):
        run_handler(worker, task(dependencies=["outline"]), results={"outline": object()})


def test_failed_task_reaches_who_gathers_it(worker):
    @worker.task
    async def report(ctx):
        return await ctx.gather(await ctx.spawn([{"content": "x", "task_type": "y", "name": "it"}]))

    outcome = run_handler(worker, run_handler(worker, task()), results={"it": OSError("away")})
    assert outcome.error_message is not None
    assert outcome.error_message.endswith("failed: OSError: away")


async def test_group_of_tasks_that_waits_is_suspended_and_a_cancelled_test_ends(worker):
    @worker.task
    async def report(ctx):
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.sleep(3))
            group.create_task(ctx.approval("Go?"))

    outcome = await run_handler_async(worker, task())
    assert (outcome.status, outcome.seconds, len(outcome.gates)) == ("suspended", 3, 1)

    @worker.task("for ever")
    async def wait(ctx):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run_handler_async(worker, NewTask(content="x", task_type="for ever"))


def test_waits_that_begin_side_by_side_are_asked_together(worker):
    @worker.task
    async def report(ctx):
        said = await asyncio.gather(*(ctx.approval(it) for it in ("a?", "b?")))
        return [it.decision for it in said]

    outcome = run_handler(worker, task())
    assert [gate.question for gate in outcome.gates] == ["a?", "b?"]
    said = {"a?": "approve", "b?": "expire"}
    assert run_handler(worker, outcome, decisions=said).result == ["approve", "expire"]


async def test_where_an_event_loop_runs(worker):
    @worker.task("report")
    async def report(ctx):
        return ctx.task.content

    with pytest.raises(ValidationError, match="await run_handler_async"):
        run_handler(worker, task())
    assert (await run_handler_async(worker, task())).result == "bees"
    with pytest.raises(ValidationError, match="no handler for the task type 'other'"):
        await run_handler_async(worker, NewTask(content="x", task_type="other"))


@pytest.mark.parametrize(
    ("metadata", "comments"),
    [
        (None, []),
        ([5], []),
        ({"sent_back": 5}, []),
        ({"sent_back": [5, {}, {"comment": None}, {"comment": "shorter"}]}, ["shorter"]),
    ],
)
def test_comments_are_found_whatever_the_metadata_is(worker, metadata, comments):
    worker.task(lambda ctx: ctx.task.comments)
    assert run_handler(worker, task(metadata=metadata)).result == comments
