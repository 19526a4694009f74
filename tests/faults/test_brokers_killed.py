"""Relay, ingest, broker and the way to the store are killed at random: what arrives is held against
the log, and the tasks against what was sent."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict

import nats.errors
import nats.js.errors
import pytest
from cloudevents.core.formats.json import JSONFormat
from nats.aio.client import Client

from benchmarks.peers.nats import Nats
from tests.faults.commands import Process
from tests.faults.load import seeds
from tests.faults.proxy import Proxy

FAULTS = 8
PLACE = "place"
AWAY = (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError)


def command(server, proxy: Proxy, *words: str) -> Process:
    """A command whose way to the store the proxy can break."""
    return Process(server, *words, NEO4J_URI=f"bolt://127.0.0.1:{proxy.port}")


@pytest.fixture
def proxy(server):
    host, _, port = server[0].partition("://")[2].partition(":")
    with Proxy(host, int(port)) as it:
        yield it


@pytest.fixture
def broker():
    with Nats() as it:
        yield it


async def faults(seed: int, process: Process, broker: Nats, proxy: Proxy) -> None:
    chance = random.Random(seed)
    for _ in range(FAULTS):
        await asyncio.sleep(chance.uniform(0.3, 2.5))
        process.tend()
        match chance.choice(["process", "process", "broker", "answer", "swallow"]):
            case "process":
                await asyncio.to_thread(process.kill)
            case "broker":
                await asyncio.to_thread(broker.kill)
                await asyncio.sleep(chance.uniform(0, 1))
                await asyncio.to_thread(broker.again)
            case "answer":
                proxy.lose_next_answer(3)
            case _:
                proxy.swallow_open()


async def connected_to(broker):
    """A connection, as soon as the broker is there."""
    async with asyncio.timeout(60):
        while True:
            client = Client()
            try:
                await client.connect(broker.url, allow_reconnect=False, error_cb=ignore)
                return client
            except AWAY:
                await client.close()  # what a failed attempt leaves open, too
                await asyncio.sleep(0.05)


async def ignore(error: Exception) -> None:
    """The broker is killed: that is meant."""


def work(orch) -> None:
    """Some tasks live their lives."""
    for number in range(3):
        orch.tasks.create_task(str(number), "any")
    for claim in orch.tasks.claim_tasks("ada", 2, start=True):
        orch.tasks.complete_task(claim.task_id, claim.task.content)


@seeds
async def test_what_is_relayed_is_the_log(orch, server, broker, proxy, seed):
    orch.agents.register_agent("ada", [], max_concurrent_tasks=100)
    orch.subscriptions.put("out", "*", deliver="broker", after=0)
    target = ["--to", f"{broker.url}/{PLACE}", "--create"]
    words = ["relay", *target, "--name", "out", "--lease", "2"]
    with command(server, proxy, *words) as process:
        failing = asyncio.create_task(faults(seed, process, broker, proxy))
        while not failing.done():
            await asyncio.to_thread(work, orch)
        await failing
        end = orch.events.end()
        async with asyncio.timeout(120):
            while (await asyncio.to_thread(orch.subscriptions.get, "out")).position < end:
                process.tend()
                await asyncio.sleep(0.1)
    log = [it for page in iter_pages(orch) for it in page]
    client = await connected_to(broker)
    messages = [it.data for it in await all_of(client.jetstream())]
    await client.close()
    events = [JSONFormat().read(None, it) for it in messages]
    assert Counter(it.get_id() for it in events) == Counter(it.event_id for it in log)
    arrived, happened = defaultdict(list), defaultdict(list)
    for it in events:
        arrived[it.get_subject()].append(it.get_id())
    for it in log:
        happened[it.task_id].append(it.event_id)
    assert arrived == happened
    assert len(log) > 20


def iter_pages(orch):
    after = 0
    while page := orch.events.read(after, limit=1_000):
        yield page
        after = page.next_cursor


async def all_of(stream):
    last = (await stream.stream_info(PLACE)).state.last_seq
    return [await stream.get_msg(PLACE, seq) for seq in range(1, last + 1)]


@seeds
async def test_each_message_is_one_task(orch, server, broker, proxy, seed):
    client = await connected_to(broker)
    await client.jetstream().add_stream(name=PLACE, subjects=[PLACE], duplicate_window=600)
    template = json.dumps({"task_type": "t", "content": "{data.number}"})
    words = ["ingest", "--from", f"{broker.url}/{PLACE}", "--task", template]
    number = 0
    with command(server, proxy, *words) as process:
        failing = asyncio.create_task(faults(seed, process, broker, proxy))
        while not failing.done():
            body = json.dumps({"number": number} if number % 10 else {"odd": number}).encode()
            try:  # it may be stored though nobody said so: then it is sent again
                stream = client.jetstream()
                await stream.publish(PLACE, body, timeout=1, headers={"Nats-Msg-Id": str(number)})
                number += 1
                await asyncio.sleep(0.01)  # few enough that dead letters are not too many
            except AWAY:
                await client.close()
                client = await connected_to(broker)
        await failing
        wanted = [str(it) for it in range(number) if it % 10]
        async with asyncio.timeout(180):  # what a killed one had comes again in a minute
            while await asyncio.to_thread(count_of, orch) < number:
                process.tend()
                await asyncio.sleep(0.2)
        await asyncio.to_thread(process.kill)  # and once more: nothing is left to be done
    await client.close()
    tasks = [it for page in task_pages(orch) for it in page]
    assert sorted(it.content for it in tasks) == sorted(wanted)
    letters = orch.dead_letters.list(limit=10_000)
    assert sorted(int(it.message_id) for it in letters) == list(range(0, number, 10))
    assert number > 20


def count_of(orch) -> int:
    return orch.tasks.get_queue_statistics().pending_count + len(
        orch.dead_letters.list(limit=10_000)
    )


def task_pages(orch):
    after = None
    while True:
        page = orch.tasks.query_tasks(limit=1_000, after=after)
        yield page
        if (after := page.next_cursor) is None:
            return
