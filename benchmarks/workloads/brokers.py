"""Events read from the log, and relayed to NATS, beside what NATS itself takes."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, cast

import nats

from benchmarks.measure import Ratio
from benchmarks.peers import debian
from benchmarks.peers.nats import Nats
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import AsyncOrchestrator, NewTask
from graph_orch.brokers import publisher_of, relay
from graph_orch.brokers.cloud_events import Mode, cloud_event, encoded
from graph_orch.brokers.relaying import BATCH

PAGE = 1_000
Encoded = tuple[dict[str, str], bytes]


def relaying(store: Store, plan: Plan, results: Results) -> None:
    """As many events as a batch of tasks makes by its creation, read and relayed."""
    store.wipe()
    tasks = [NewTask(content="x", task_type="any") for _ in range(plan.batch_tasks)]
    store.orch.tasks.create_tasks(tasks)
    store.orch.events.end()
    try:
        with Nats() as server:
            asyncio.run(_relaying(store, server, plan, results))
    except debian.Unavailable as missing:
        print(f"events are not relayed: {missing}", flush=True)


async def _relaying(store: Store, server: Nats, plan: Plan, results: Results) -> None:
    logging.getLogger("graph_orch.relay").setLevel(logging.ERROR)
    found: dict[str, list[float]] = {"read": [], "relayed": [], "published": []}
    async with AsyncOrchestrator.connect(store.uri, store.auth, store.database) as orch:
        for number in range(plan.rounds):
            began = time.perf_counter()
            after, events = 0, list[Any]()
            while page := await orch.events.read(after, limit=PAGE):
                events += page
                after = page.next_cursor
            found["read"].append(len(events) / (time.perf_counter() - began))
            messages = [encoded(cloud_event(it, None, "/x"), Mode.STRUCTURED) for it in events]
            found["published"].append(await _published(server, f"bare{number}", messages))
            publisher = publisher_of(f"{server.url}/out{number}", create=True)
            began = time.perf_counter()
            options: dict[str, Any] = {"after": 0, "idle_seconds": 0}
            done = await relay(orch, publisher, f"out{number}", **options)
            found["relayed"].append(done / (time.perf_counter() - began))
            if done != len(events):
                raise RuntimeError(f"{done} of {len(events)} events were relayed")
    for name, rates in found.items():
        results.at_least(f"events {name}, each second", Ratio.of(rates), "events/s")
    shares = [ours / bare for ours, bare in zip(found["relayed"], found["published"], strict=True)]
    results.at_least("relayed to NATS, beside published by the bare client", Ratio.of(shares), "×")


async def _published(
    server: Nats, place: str, messages: list[tuple[dict[str, str], bytes]]
) -> float:
    """Messages a second of the bare client, which waits for as many answers as a relay does."""
    client = await cast(Any, nats).connect(server.url)  # some of its types are not told
    stream = client.jetstream()
    await stream.add_stream(name=place, subjects=[f"{place}.>"])
    began = time.perf_counter()
    for first in range(0, len(messages), BATCH):
        for headers, body in messages[first : first + BATCH]:
            await stream.publish_async(f"{place}.x", body, headers=headers)
        await stream.publish_async_completed()
    rate = len(messages) / (time.perf_counter() - began)
    await client.close()
    return rate
