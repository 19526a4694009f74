"""The consumer hears of every task that is completed, once, also of what is published again."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.peers.nats import Nats
from graph_orch import AsyncOrchestrator, Orchestrator
from graph_orch.brokers import publisher_of, relay


@pytest.fixture
def nats(monkeypatch: pytest.MonkeyPatch):
    with Nats() as server:
        monkeypatch.setenv("NATS_URL", server.url)
        yield server


async def test_consumer(orch: Orchestrator, nats: Nats) -> None:
    from examples.broker import consumer  # here: it reads where the broker is

    orch.agents.register_agent("ada", [], max_concurrent_tasks=10)
    for number in range(3):
        orch.tasks.create_task(str(number), "sum")
    for claim in orch.tasks.claim_tasks("ada", 3, start=True):
        orch.tasks.complete_task(claim.task_id, int(claim.task.content) + 1)
    async with AsyncOrchestrator.connect() as again:
        publisher = publisher_of(f"{nats.url}/events", create=True)
        await relay(again, publisher, "events", after=0, idle_seconds=0)
        async with consumer.broker:
            await consumer.broker.start()
            async with asyncio.timeout(30):
                while len(consumer.reports) < 3:  # noqa: ASYNC110 - the handler is the example
                    await asyncio.sleep(0.02)
    told = [line.rpartition(": ")[2] for line in consumer.reports.values()]
    assert sorted(told) == ["1", "2", "3"]
