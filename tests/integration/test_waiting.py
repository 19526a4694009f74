"""Whoever waits hears of what other processes do, by looking at how many events there are."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from graph_orch import NewTask
from graph_orch._async.claims import AsyncClaims
from graph_orch._async.graph import AsyncGraph
from graph_orch.store import signals
from graph_orch.store.signals import AsyncSignal, Signal
from tests.waiting import eventually

ELSEWHERE = """
import sys
from graph_orch import Orchestrator
uri, name, password, what = sys.argv[1:]
with Orchestrator.connect(uri, (name, password)) as orch:
    sys.stdin.readline()
    exec(what)
"""
"""Waits for a line, so that what it does comes while somebody waits."""


@pytest.fixture
def looks_alone(monkeypatch) -> None:
    """Nobody is told without a change: what a test hears of was found by looking at events."""
    monkeypatch.setattr(signals, "LONGEST_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(signals, "TELLS_A_SECOND", 1e-9)


@pytest.fixture
def elsewhere(server):
    """Begin another process, and let it do something when its function is called."""
    processes: list[subprocess.Popen[str]] = []

    def begin(what: str) -> Callable[[], None]:
        uri, auth, _ = server
        args = [sys.executable, "-c", ELSEWHERE, uri, *(auth or ("", "")), what]
        process = subprocess.Popen(args, stdin=subprocess.PIPE, text=True)
        processes.append(process)

        def go() -> None:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()

        return go

    yield begin
    for process in processes:
        process.communicate()
        assert process.returncode == 0


def test_a_claim_that_waits_gets_what_another_process_creates(orch, elsewhere, looks_alone):
    orch.agents.register_agent("ada", ["s"])
    go = elsewhere("orch.tasks.create_task('x', 't', requirements=['s'])")
    assert orch.tasks.claim_tasks("ada", wait_seconds=0.5) == []
    go()
    assert len(orch.tasks.claim_tasks("ada", wait_seconds=60)) == 1


@pytest.mark.parametrize("waiting", ["task", "workflow", "events", "subscription"])
async def test_all_who_wait_hear_of_it(aorch, elsewhere, looks_alone, waiting: str):
    flow = await aorch.workflows.start("w", [{"content": "x", "task_type": "t", "name": "a"}])
    (task,) = await aorch.tasks.query_tasks()
    await aorch.subscriptions.put("news", "cancelled")
    go = elsewhere(f"orch.tasks.cancel_task({task.task_id!r})")

    async def first(events):
        async with contextlib.aclosing(events):
            return await anext(events)

    waits = {
        "task": lambda: aorch.tasks.wait_until_ended(task.task_id, 60),
        "workflow": lambda: aorch.workflows.wait(flow.workflow_id, 60),
        "events": lambda: first(aorch.events.subscribe(types=["cancelled"])),
        "subscription": lambda: first(aorch.subscriptions.follow("news", lease_seconds=3600)),
    }
    waiter = asyncio.create_task(waits[waiting]())
    await asyncio.sleep(0.5)
    go()
    found = await asyncio.wait_for(waiter, 60)
    assert "cancelled" in str(found)


async def test_of_many_who_wait_for_little_some_are_sent(aorch):
    claims, requests = AsyncClaims(aorch.graph), []
    for number in range(5):
        await aorch.agents.register_agent(f"a{number}", ["s"])
        requests.append({"agent_id": f"a{number}", "take_up": True, "task_types": None})
    task, sent = {"content": "x", "task_type": "t", "requirements": ["s"]}, []
    for new in (1, 1, 5):
        await aorch.tasks.create_tasks([NewTask(**task) for _ in range(new)])
        sent.append(sum(found for found, _ in await claims._have_ready(requests)))
    assert sent == [1, 2, 5]


@pytest.fixture
def never_late(monkeypatch, looks_alone) -> None:
    """Who waits sleeps until somebody wakes it: it takes nobody for stuck."""
    monkeypatch.setattr(signals, "LATE_SECONDS", 3600.0)


async def test_while_one_looks_the_others_sleep(aorch, never_late, monkeypatch):
    work, waits, looks = aorch.graph.work, [0], [0]
    wait, looked = AsyncSignal.wait, AsyncSignal.looked

    async def counted_wait(self, *args):
        waits[0] += 1
        await wait(self, *args)

    def counted_look(self, *args):
        looks[0] += 1
        looked(self, *args)

    await aorch.graph.wait(work.seen, 60)  # the first look finds a number that nobody knew
    monkeypatch.setattr(AsyncSignal, "wait", counted_wait)
    monkeypatch.setattr(AsyncSignal, "looked", counted_look)
    waiting = [asyncio.create_task(aorch.graph.wait(work.seen, 3600)) for _ in range(20)]
    assert await asyncio.to_thread(eventually, lambda: looks[0] >= 20)
    assert waits[0] <= 19 + looks[0] + 1
    await aorch.tasks.create_task("x", "t")
    await asyncio.gather(*waiting)


async def test_who_gives_up_leaves_looking_to_another(aorch, elsewhere, never_late):
    go = elsewhere("orch.agents.register_agent('ada', []); orch.tasks.create_task('x', 't')")
    work = aorch.graph.work
    await aorch.graph.wait(work.seen, 60)
    first, other = (asyncio.create_task(aorch.graph.wait(work.seen, 3600)) for _ in range(2))
    await asyncio.sleep(0.1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go()
    await asyncio.wait_for(other, 60)


def test_the_number_of_processes_is_counted_soon_however_many_there_were():
    signal = Signal("another store of its own")
    for processes in (1, 1_000):
        signal.counted(processes)
        signal._hub.counts_at = 0.0
        assert signal.takes_count()
        assert not signal.takes_count()
        assert signal._hub.counts_at - time.monotonic() <= 10


def test_who_is_stuck_while_it_looks_is_replaced():
    signal, one, other = Signal("a store of its own"), object(), object()
    assert signal.takes_look(one)
    signal._hub.looks_at = time.monotonic()
    assert not signal.takes_look(other)
    signal._hub.looks_at = time.monotonic() - signals.LATE_SECONDS
    assert signal.takes_look(other)
    signal._hub.looks_at = time.monotonic()
    assert not signal.takes_look(one)


async def test_those_who_hear_of_a_change_ask_together(aorch, elsewhere, never_late, monkeypatch):
    sizes, read = list[int](), AsyncGraph.read

    async def counted(self, name, **params):
        if name == "tasks/has_ready":
            sizes.append(len(params["requests"]))
        return await read(self, name, **params)

    monkeypatch.setattr(AsyncGraph, "read", counted)
    for number in range(20):
        await aorch.agents.register_agent(f"a{number}", [])
    go = elsewhere("orch.tasks.create_task('x', 't', requirements=['nobody has it'])")
    claims = [aorch.tasks.claim_tasks(f"a{number}", wait_seconds=3600) for number in range(20)]
    waiting = [asyncio.create_task(claim) for claim in claims]
    try:
        assert await asyncio.to_thread(eventually, lambda: sum(sizes) >= 20)
        before = len(sizes)
        go()
        assert await asyncio.to_thread(eventually, lambda: len(sizes) > before)
        assert sizes[before] == 20
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def test_processes_look_less_often_the_more_there_are_and_the_longer_nothing_happens():
    hub, now = signals._Hub(), time.monotonic()

    def apart(processes: int, quiet: float) -> float:
        hub.processes, hub.changed_at = processes, now - quiet
        return sum(hub.apart(now) for _ in range(200)) / 200

    assert apart(1, 0) == pytest.approx(0.02, rel=0.1)
    assert apart(10, 0) == pytest.approx(0.2, rel=0.1)
    assert apart(1, 10) == pytest.approx(0.05, rel=0.1)
    assert apart(1, 3600) == pytest.approx(0.1, rel=0.1)
    assert apart(500, 3600) == pytest.approx(1, rel=0.1)
