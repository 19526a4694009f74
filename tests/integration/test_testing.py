"""What the package gives to tests: a clock that moves, workers that end, fixtures."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from graph_orch import NewTask, TaskFilters, Worker
from graph_orch.testing import advance, advance_async, run_handler

pytest_plugins = ["pytester"]


def test_delays_and_leases_and_deadlines_end(orch, new_task):
    orch.agents.register_agent("ada", [])
    leased = new_task()
    orch.tasks.claim_tasks("ada", lease_seconds=10_000)
    waits = new_task(dependencies=[new_task(task_type="other")], schedule_to_close_seconds=100_000)
    due = datetime.now(UTC) + timedelta(seconds=20_000)
    later = orch.tasks.create_task("x", "any", priority="high", available_at=due)
    advance(orch, 5_000)
    assert orch.tasks.get_task_status(leased).status == "assigned"
    advance(orch, 5_000)
    assert orch.tasks.get_task_status(leased).status == "pending"
    assert orch.tasks.poll_tasks()[0].task_id != later
    advance(orch, 10_000)
    assert orch.tasks.poll_tasks()[0].task_id == later
    assert orch.tasks.get_task_status(waits).status == "pending"
    advance(orch, 80_000)
    assert orch.tasks.get_task_status(waits).status == "failed"
    assert orch.doctor().findings == []


def test_order_stays_and_what_is_created_later_comes_later(orch, new_task):
    before = [new_task() for _ in range(3)]
    advance(orch, 100)
    after = new_task()
    assert [it.task_id for it in orch.tasks.poll_tasks()] == [*before, after]


def test_gates_expire_and_schedules_tick_each_day(orch):
    gate = orch.gates.create("Go?", expires_seconds=60, default="approve")
    task_id = orch.tasks.create_task("x", "any", gates=[gate.gate_id])
    orch.schedules.put("daily", "0 6 * * *", NewTask(content="x", task_type="daily"))
    advance(orch, 61)
    assert orch.gates.get(gate.gate_id).status == "approved"
    assert task_id in [it.task_id for it in orch.tasks.poll_tasks()]
    for day in (1, 2, 3):
        advance(orch, 86_400)
        found = orch.tasks.query_tasks(TaskFilters(task_type="daily"))
        assert len(found) == day


async def test_worker_ends_when_nothing_is_left_for_it(aorch):
    ran: list[str] = []
    worker = Worker(aorch, "ada", [], 2)

    @worker.task("any")
    async def work(ctx):
        ran.append(ctx.task.content)
        if ctx.task.content == "sleeps" and ctx.attempt == 1:
            await ctx.sleep(3_600)
        if ctx.task.content == "spawns":
            await ctx.spawn([NewTask(content="spawned", task_type="any")])

    first = await aorch.tasks.create_task("first", "any")
    await aorch.tasks.create_task("second", "any", dependencies=[first])
    await aorch.tasks.create_task("sleeps", "any")
    await aorch.tasks.create_task("spawns", "any")
    await aorch.tasks.create_task("not its own", "other")
    await worker.serve(until_idle=True)
    assert sorted(ran) == ["first", "second", "sleeps", "spawned", "spawns"]
    await advance_async(aorch, 3_600)
    await worker.serve(until_idle=True)
    assert ran[5:] == ["sleeps"]
    statistics = await aorch.tasks.get_queue_statistics()
    assert (statistics.completed_count, statistics.ready_count) == (5, 1)


def test_worker_without_a_store_finds_it_when_it_runs(orch, server, monkeypatch):
    uri, auth, _ = server
    monkeypatch.setenv("NEO4J_URI", uri)
    if auth:
        monkeypatch.setenv("NEO4J_USERNAME", auth[0])
        monkeypatch.setenv("NEO4J_PASSWORD", auth[1])
    worker = Worker(None, "ada", [])
    worker.task("any")(lambda ctx: ctx.task.content)
    task_id = orch.tasks.create_task("bees", "any")
    worker.run(until_idle=True)
    assert orch.tasks.get_task_status(task_id).result == "bees"
    assert run_handler(worker, NewTask(content="bees", task_type="any")).result == "bees"


def test_fixtures_of_the_plugin(orch, server, pytester, monkeypatch):
    uri, auth, _ = server
    monkeypatch.setenv("NEO4J_URI", uri)
    if auth:
        monkeypatch.setenv("NEO4J_USERNAME", auth[0])
        monkeypatch.setenv("NEO4J_PASSWORD", auth[1])
    pytester.makepyfile(
        """
        def test_one(orch):
            orch.tasks.create_task("x", "any")

        def test_other(orch):
            assert orch.tasks.get_queue_statistics().ready_count == 0

        async def test_async(async_orch):
            await async_orch.tasks.create_task("x", "any")
        """
    )
    pytester.makeini("[pytest]\nasyncio_mode = auto\n")
    run = ["-p", "no:graph_orch", "-p", "graph_orch.testing.plugin", "-p", "no:cacheprovider"]
    pytester.runpytest_subprocess(*run).assert_outcomes(passed=3)
    orch.tasks.create_task("kept", "any")
    refused = pytester.runpytest_subprocess(*run)
    refused.stdout.fnmatch_lines(["*NEO4J_TEST_WIPE=1 where it may be wiped*"])
    assert orch.tasks.get_queue_statistics().ready_count == 1
    assert os.environ["NEO4J_URI"] == uri


@pytest.mark.parametrize("seconds", [-1, "soon"])
def test_time_does_not_go_back(orch, seconds):
    with pytest.raises(ValueError, match="seconds"):
        advance(orch, seconds)
