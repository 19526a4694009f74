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
from graph_orch.store import signals

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


def test_processes_look_less_often_the_more_there_are_and_the_longer_nothing_happens():
    hub, now = signals._Hub(), time.monotonic()

    def apart(processes: int, quiet: float) -> float:
        hub.processes, hub.changed_at = processes, now - quiet
        return sum(hub.apart(now) for _ in range(200)) / 200

    assert apart(1, 0) == pytest.approx(0.02, rel=0.1)
    assert apart(10, 0) == pytest.approx(0.2, rel=0.1)
    assert apart(1, 30) == pytest.approx(0.05, rel=0.1)
    assert apart(1, 3600) == pytest.approx(0.1, rel=0.1)
    assert apart(500, 3600) == pytest.approx(1, rel=0.1)
