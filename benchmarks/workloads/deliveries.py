"""Deliveries of webhooks, beside a bare loop of the same HTTP client."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial

import httpcore2

from benchmarks.measure import Ratio
from benchmarks.peers.receiver import Receiver
from benchmarks.plan import Plan
from benchmarks.results import Results
from benchmarks.store import Store
from graph_orch import NewTask
from graph_orch._sync.webhooks import AT_ONCE
from graph_orch.domain.cloud_events import CONTENT_TYPE, attributes, in_json

EVENTS = 2_000
MANY = 8
NETWORKS = "GRAPH_ORCH_WEBHOOK_NETWORKS"


def deliveries(store: Store, plan: Plan, results: Results) -> None:
    """The events of new tasks, sent to one webhook and to several, and by the client alone.

    The bare loop sends the same bodies, as many at once as a webhook has under way, and keeps
    nothing. A delivery is read from the log, kept, signed, sent, and recorded with its try.
    """
    before = os.environ.get(NETWORKS)
    os.environ[NETWORKS] = "127.0.0.1"
    found: dict[int, list[float]] = {1: [], MANY: []}
    bare: list[float] = []
    try:
        with Receiver() as receiver:
            for _ in range(plan.rounds + 1):
                for number, rates in found.items():
                    rates.append(_delivered(store, receiver.url, number))
                bodies = [
                    in_json(attributes(it), it.model_dump(mode="json")).encode()
                    for it in store.orch.events.read(limit=EVENTS)
                ]
                bare.append(asyncio.run(_posted(receiver.url, bodies)))
    finally:
        store.wipe()
        os.environ.pop(NETWORKS)
        if before is not None:
            os.environ[NETWORKS] = before
    for number, rates in found.items():
        what = f"delivered to {number} webhook{'s' if number > 1 else ''}"
        ours, alone = rates[1:], bare[1:]  # the first plans its statements
        results.at_least(what, Ratio.of(ours), "events/s")
        shares = [a / b for a, b in zip(ours, alone, strict=True)]
        results.at_least(f"{what}, beside the bare client", Ratio.of(shares), "×")


def _delivered(store: Store, url: str, number: int) -> float:
    """Deliveries a second to so many webhooks, among which the events are divided."""
    store.wipe()
    for place in range(number):
        store.orch.webhooks.put(f"w{place}", f"{url}/{place}", f"created:kind-{place}")
    tasks = [NewTask(content="x", task_type=f"kind-{it % number}") for it in range(EVENTS)]
    for first in range(0, EVENTS, 500):
        store.orch.tasks.create_tasks(tasks[first : first + 500])
    store.orch.events.end()
    began = time.perf_counter()
    done = store.orch.webhooks.deliver()
    took = time.perf_counter() - began
    if done != EVENTS or any(it.waiting for it in store.orch.webhooks.list()):
        raise RuntimeError(f"{done} of {EVENTS} events were delivered")
    return EVENTS / took


async def _posted(url: str, bodies: Sequence[bytes]) -> float:
    """Posts a second of the bare client."""
    headers = [("Content-Type", CONTENT_TYPE)]
    began = time.perf_counter()
    async with httpcore2.AsyncConnectionPool(max_connections=AT_ONCE) as pool:
        send = partial(pool.request, "POST", url, headers=headers)
        for first in range(0, len(bodies), AT_ONCE):
            some = bodies[first : first + AT_ONCE]
            answers = await asyncio.gather(*(send(content=body) for body in some))
            if any(it.status != 204 for it in answers):
                raise RuntimeError("a post was refused")
    return len(bodies) / (time.perf_counter() - began)
