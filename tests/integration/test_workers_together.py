"""Workers of one event loop: one graph for those at one place, and so shared transactions."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from functools import partial

import pytest

from graph_orch import NewTask, StoreError, StoreUnreachableError, TaskStatus, Worker
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.upkeep import AsyncUpkeep
from graph_orch.settings import Address
from graph_orch.worker import sharing
from tests.waiting import eventually

AGENTS = 12
entered = partial(sharing.shared, grace_left=lambda: 60.0)
"""A driver whose call is cut off while it connects may leave a socket open, which fails a test."""
TASKS_EACH = 5


@pytest.fixture
def opened(monkeypatch) -> list[AsyncGraph]:
    """The graphs that are opened."""
    graphs: list[AsyncGraph] = []
    at = AsyncGraph.at

    async def noted(*args, **kwargs):
        graphs.append(await at(*args, **kwargs))
        return graphs[-1]

    monkeypatch.setattr(AsyncGraph, "at", noted)
    return graphs


async def test_agents_of_a_process_work_off_their_own_over_one_graph(orch, opened):
    ids = orch.tasks.create_tasks(
        NewTask(content=str(agent), task_type="work", requirements=(f"skill-{agent}",))
        for agent in range(AGENTS)
        for _ in range(TASKS_EACH)
    )
    workers = [Worker(orch, f"agent-{n}", [f"skill-{n}"], 1) for n in range(AGENTS)]
    for worker in workers:

        @worker.task("work")
        async def work(ctx, agent=worker.agent_id):
            assert agent == f"agent-{ctx.task.content}"

    serving = [asyncio.create_task(worker.serve()) for worker in workers]
    done = await asyncio.to_thread(
        eventually, lambda: all(it.completed_at for it in orch.tasks.get_tasks(ids))
    )
    for worker in workers:
        worker.stop()
    await asyncio.gather(*serving)
    assert done
    assert len(opened) == 1
    assert {task.attempt for task in orch.tasks.get_tasks(ids)} == {1}
    assert orch.doctor().is_sound


async def test_one_looks_for_all_at_what_is_due(orch, monkeypatch):
    looks, read = Counter[str](), AsyncGraph.read

    async def counted(self, name, **params):
        rows = await read(self, name, **params)
        looks[name] += 1
        return rows

    monkeypatch.setattr(AsyncGraph, "read", counted)
    workers = [Worker(orch, f"agent-{n}", [], 1, lease_seconds=1) for n in range(AGENTS)]
    for worker in workers:
        worker.task("work")(lambda ctx: None)
    serving = [asyncio.create_task(worker.serve()) for worker in workers]
    assert await asyncio.to_thread(eventually, lambda: looks["upkeep/due"] >= 3)
    assert looks["tasks/wake_due"] == 0
    for worker in workers:
        worker.stop()
    await asyncio.gather(*serving)


async def test_what_is_due_is_looked_at_while_all_are_busy(orch):
    ends = asyncio.Event()
    worker = Worker(orch, "ada", [], 1)

    @worker.task("work")
    async def work(ctx):
        await ends.wait()

    held = orch.tasks.create_task("x", "work")
    serving = asyncio.create_task(worker.serve())
    assert await asyncio.to_thread(eventually, lambda: orch.tasks.get_task(held).started_at)
    late = orch.tasks.create_task("x", "work", schedule_to_start_seconds=0.1)
    assert await asyncio.to_thread(
        eventually, lambda: orch.tasks.get_task(late).status is TaskStatus.FAILED
    )
    ends.set()
    worker.stop()
    await serving


async def test_the_first_look_does_not_wait_for_a_plan(orch, monkeypatch):
    """The server plans a statement when it is first asked, which takes long on a busy machine."""
    looked, write, read = asyncio.Event(), AsyncGraph.write, AsyncGraph.read

    async def slow(self, name, **params):
        if name == "tasks/wake":
            await looked.wait()
        return await write(self, name, **params)

    async def noted(self, name, **params):
        if name == "upkeep/due":
            looked.set()
        return await read(self, name, **params)

    monkeypatch.setattr(AsyncGraph, "write", slow)
    monkeypatch.setattr(AsyncGraph, "read", noted)
    async with entered(orch.graph.address):
        await asyncio.wait_for(looked.wait(), 60)


async def test_a_look_that_raises_anything_is_followed_by_others(orch, monkeypatch, caplog):
    due, fails = AsyncUpkeep.due, [RuntimeError("it changed size"), StoreError("not now")]

    async def failing(self):
        if fails:
            raise fails.pop(0)
        return await due(self)

    monkeypatch.setattr(AsyncUpkeep, "due", failing)
    late = orch.tasks.create_task("x", "work", schedule_to_start_seconds=0.1)
    async with entered(orch.graph.address, upkeep_seconds=0.05):
        assert await asyncio.to_thread(
            eventually, lambda: orch.tasks.get_task(late).status is TaskStatus.FAILED
        )
    assert "it changed size" in caplog.text


async def test_who_is_left_of_many_processes_looks_and_counts_while_busy(orch, monkeypatch):
    """With as many processes a place would look once in half an hour."""
    monkeypatch.setattr(sharing, "LONGEST_UPKEEP_SECONDS", 0.05)
    hub = orch.graph.work._hub
    monkeypatch.setattr(hub, "counts_at", math.inf)
    monkeypatch.setattr(hub, "processes", 10_000)
    looks, read = Counter[str](), AsyncGraph.read

    async def counted(self, name, **params):
        looks[name] += 1
        return await read(self, name, **params)

    monkeypatch.setattr(AsyncGraph, "read", counted)
    async with entered(orch.graph.address):
        assert await asyncio.to_thread(eventually, lambda: looks["upkeep/due"] >= 3)
        assert hub.processes == 10_000
        hub.counts_at = 0.0
        assert await asyncio.to_thread(eventually, lambda: hub.processes == 1)
    assert looks["events/count"] == 0


async def test_it_is_there_until_the_last_has_left(orch, opened):
    address = orch.graph.address
    async with entered(address) as first:
        async with entered(address) as second:
            assert second is first
        assert await first.graph.read("schema/record")
    async with entered(address) as third:
        assert third is not first
        assert await third.graph.read("schema/record")
    assert len(opened) == 2


async def test_all_who_wait_for_a_place_that_is_away_hear_of_it(orch):
    away = Address("bolt://127.0.0.1:1")

    async def enter() -> None:
        async with entered(away):
            raise AssertionError("nothing is there")

    heard = await asyncio.gather(*(enter() for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in heard] == [StoreUnreachableError] * 3
    async with entered(orch.graph.address) as store:
        assert await store.graph.read("schema/record")


async def test_who_gives_up_while_it_opens_leaves_it_to_the_others(orch, opened):
    async def enter() -> bool:
        async with entered(orch.graph.address) as store:
            return bool(await store.graph.read("schema/record"))

    one, other = asyncio.create_task(enter()), asyncio.create_task(enter())
    await asyncio.sleep(0)
    one.cancel()
    assert await other
    assert one.cancelled()
    alone = asyncio.create_task(enter())
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    assert await enter()
    assert len(opened) == 2


async def test_of_many_who_wait_those_get_work_for_whom_there_is_some(aorch):
    names = [f"agent-{n:02}" for n in range(20)]
    for name in names:
        await aorch.agents.register_agent(name, [name])
    waiting = {
        name: asyncio.create_task(aorch.tasks.claim_tasks(name, wait_seconds=seconds))
        for name, seconds in ((name, 60 if place < 10 else 1) for place, name in enumerate(names))
    }
    await asyncio.sleep(0.2)
    for name in names[:10]:
        await aorch.tasks.create_task("x", "any", requirements=[name])
    given = {name: await it for name, it in waiting.items()}
    assert [len(given[name]) for name in names] == [1] * 10 + [0] * 10
    assert all(claim.agent_id == name for name, claims in given.items() for claim in claims)
