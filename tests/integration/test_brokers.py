"""Relays and ingests on real brokers: events go out, messages come in, each once."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from itertools import count

import nats
import nats.js.errors
import pytest
import redis.asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat

from benchmarks.peers.debian import Unavailable
from benchmarks.peers.kafka import Kafka
from benchmarks.peers.nats import Nats
from benchmarks.peers.redis import Redis
from benchmarks.peers.server import free_port
from graph_orch import (
    BrokerError,
    DeadLettersFullError,
    MessageTooLargeError,
    SubscriptionDeliveredError,
    ValidationError,
)
from graph_orch._async import dead_letters
from graph_orch.brokers import (
    GateRecipe,
    TaskRecipe,
    consumer_of,
    ingest,
    publisher_of,
    redis_streams,
    relay,
    relaying,
)
from graph_orch.brokers.nats import NatsConsumer
from graph_orch.embedded.certificate import have_certificate
from graph_orch.embedded.state import DataDirectory
from graph_orch.errors import BrokerUnreachableError
from tests.mcp_client import environment

USERS = """
max_payload: 8192
authorization: {users: [
  {user: all, password: "pa ss/w@rd"},
  {user: mute, password: hidden, permissions: {publish: ["$JS.API.>"]}}
]}
"""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
numbers = count(1)


@pytest.fixture(scope="module")
def broker():
    with Nats() as server:
        yield server


@pytest.fixture(scope="module")
def guarded():
    """A server with users, and small messages."""
    with Nats(USERS) as server:
        yield server


@pytest.fixture
def place():
    """A subject that no other test uses."""
    return f"place{next(numbers)}"


@asynccontextmanager
async def connected_to(server, **options):
    client = await nats.connect(server.url, **options)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def stored(stream, name):
    """All messages of a stream, in their order."""
    last = (await stream.stream_info(name)).state.last_seq
    return [await stream.get_msg(name, seq) for seq in range(1, last + 1)]


def read(message):
    return http.from_http(http.HTTPMessage(dict(message.headers), message.data), JSONFormat())


@pytest.fixture
async def ada(aorch):
    await aorch.agents.register_agent("ada", ["py"], max_concurrent_tasks=100)
    return aorch


async def finish(orch, task_id, result=None):
    await orch.tasks.assign_task(task_id, "ada")
    await orch.tasks.start_task(task_id)
    await orch.tasks.complete_task(task_id, result)


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_events_go_out_as_cloud_events(ada, broker, place, mode):
    await ada.tasks.create_task("before", "other")
    publisher = publisher_of(f"{broker.url}/{place}", mode=mode, create=True)
    first = await ada.tasks.create_task("x", "research/a", metadata={"traceparent": TRACE})
    await finish(ada, first, {"cost": "2 \N{EURO SIGN}"})
    options = {"after": 0, "idle_seconds": 0, "source": "/here"}
    assert await relay(ada, publisher, "out", "*:research/*", **options) == 4
    assert await relay(ada, publisher, "out", "*:research/*", **options) == 0
    log = {it.event_id: it for it in await ada.events.read()}
    async with connected_to(broker) as stream:
        messages = await stored(stream, place)
    assert [it.subject for it in messages] == [
        f"{place}.{kind}" for kind in ("created", "assigned", "started", "completed")
    ]
    for message in messages:
        event = read(message)
        known = log[event.get_id()]
        assert message.headers["Nats-Msg-Id"] == event.get_id()
        assert event.get_type() == f"graph_orch.task.{known.type}"
        assert (event.get_source(), event.get_subject()) == ("/here", first)
        assert event.get_time() == known.at
        assert event.get_extension("traceparent") == TRACE
        assert event.get_data()["position"] == known.position
        assert event.get_data()["task_type"] == "research/a"
    assert event.get_data()["result"] == {"cost": "2 \N{EURO SIGN}"}


async def test_one_relay_works_and_another_goes_on(ada, broker, place):
    url = f"{broker.url}/{place}"
    first, second = (
        asyncio.create_task(relay(ada, publisher_of(url, create=True), "out", after=0))
        for _ in range(2)
    )
    try:
        ids = [await ada.tasks.create_task("x", "t") for _ in range(3)]
        async with connected_to(broker) as stream:
            await until(stream, place, 3)
            (it,) = await ada.subscriptions.list()
            assert (it.deliver, it.reader.partition(" ")[0]) == ("broker", "relay")
            first.cancel()
            await asyncio.wait([first])
            ids.append(await ada.tasks.create_task("x", "t"))
            await until(stream, place, 4)
            assert [read(it).get_subject() for it in await stored(stream, place)] == ids
    finally:
        second.cancel()
        await asyncio.wait([first, second])


async def test_what_is_read_ahead_is_published_once_and_in_order(ada, broker, place, monkeypatch):
    monkeypatch.setattr(relaying, "BATCH", 4)
    ids = [await ada.tasks.create_task("x", "t") for _ in range(5)]
    for task_id in ids:
        await finish(ada, task_id)
    publisher = publisher_of(f"{broker.url}/{place}", create=True)
    assert await relay(ada, publisher, "out", after=0, idle_seconds=0) == 20
    async with connected_to(broker) as stream:
        events = [read(it) for it in await stored(stream, place)]
    for task_id in ids:
        own = [it.get_type().rpartition(".")[2] for it in events if it.get_subject() == task_id]
        assert own == ["created", "assigned", "started", "completed"]


async def test_a_relay_at_work_goes_back_with_a_replay(ada, broker, place):
    url = f"{broker.url}/{place}"
    async with connected_to(broker) as stream:  # one that drops nothing that comes again
        await stream.add_stream(name=place, subjects=[f"{place}.>"], duplicate_window=0.1)
        running = asyncio.create_task(relay(ada, publisher_of(url), "out", "created", after=0))
        try:
            ids = [await ada.tasks.create_task("x", "t") for _ in range(3)]
            await until(stream, place, 3)
            await asyncio.sleep(0.2)
            await ada.subscriptions.replay("out", 0)
            last = await ada.tasks.create_task("x", "t")
            await until(stream, place, 7)
            found = [read(it).get_subject() for it in await stored(stream, place)]
            assert found[:3] == ids
            assert found[-4:] == [*ids, last]
        finally:
            await ended(running)


async def until(stream, name, number):
    """Wait until so many messages are in a stream, which may not be there yet."""
    async with asyncio.timeout(60):
        while True:
            with suppress(nats.js.errors.NotFoundError):
                if (await stream.stream_info(name)).state.messages >= number:
                    return
            await asyncio.sleep(0.02)


async def test_a_subscription_that_no_relay_reads_is_not_taken(ada, broker):
    await ada.subscriptions.put("mine", "*")
    with pytest.raises(SubscriptionDeliveredError, match="delivers otherwise"):
        await relay(ada, publisher_of(broker.url), "mine")
    await ada.subscriptions.put("its", "*", deliver="broker")
    with pytest.raises(SubscriptionDeliveredError, match="delivers otherwise"):
        await ada.subscriptions.put("its", "*")


async def test_without_a_stream_it_is_refused(ada, broker, monkeypatch):
    monkeypatch.setattr(relaying, "REFUSED_SECONDS", 0.2)
    await ada.tasks.create_task("x", "t")
    with pytest.raises(BrokerError, match="no stream takes messages of this subject"):
        await relay(ada, publisher_of(f"{broker.url}/nowhere"), "out", after=0)
    assert (await ada.subscriptions.get("out")).behind == 1
    with pytest.raises(BrokerError, match="no stream has messages of the subject"):
        await ingest(ada, consumer_of(f"{broker.url}/nowhere", "in"), "in", task())


async def test_who_may_not_is_told_so_and_no_password_shows(
    ada, guarded, place, monkeypatch, caplog
):
    monkeypatch.setattr(relaying, "REFUSED_SECONDS", 0.2)
    monkeypatch.setattr("graph_orch.brokers.nats.ANSWER_SECONDS", 1.0)
    await ada.tasks.create_task("x", "t")
    right = guarded.url.replace("//", "//all:pa%20ss%2Fw%40rd@")
    wrong = guarded.url.replace("//", "//all:secret@")
    mute = guarded.url.replace("//", "//mute:hidden@")
    with pytest.raises(BrokerError, match="refuses the user and the password") as refused:
        await relay(ada, publisher_of(f"{wrong}/{place}"), "out", after=0)
    assert "secret" not in str(refused.value)
    assert await relay(ada, publisher_of(f"{right}/{place}", create=True), "x", idle_seconds=0) == 0
    with pytest.raises(BrokerError, match=r"(?i)permissions violation for publish") as refused:
        await relay(ada, publisher_of(f"{mute}/{place}"), "out", after=0)
    assert "hidden" not in str(refused.value) + caplog.text


async def test_what_is_too_large_goes_without_its_long_parts(ada, guarded, place):
    url = guarded.url.replace("//", "//all:pa%20ss%2Fw%40rd@")
    await finish(ada, await ada.tasks.create_task("x", "t"), "x" * 20_000)
    await finish(ada, await ada.tasks.create_task("x", "t"), "x" * 200_000)
    publisher = publisher_of(f"{url}/{place}", create=True)
    assert await relay(ada, publisher, "out", "completed", after=0, idle_seconds=0) == 2
    async with connected_to(guarded, user="all", password="pa ss/w@rd") as stream:
        found = [read(it).get_data() for it in await stored(stream, place)]
    assert [it.get("result") for it in found] == [None, None]
    assert [it["left_out"] for it in found] == [["result"], ["result"]]


async def test_a_stream_may_take_less_than_its_server(ada, broker, place):
    await finish(ada, await ada.tasks.create_task("x", "t"), "x" * 5_000)
    async with connected_to(broker) as stream:
        await stream.add_stream(name=place, subjects=[f"{place}.>"], max_msg_size=2_000)
        publisher = publisher_of(f"{broker.url}/{place}")
        assert await relay(ada, publisher, "out", "completed", after=0, idle_seconds=0) == 1
        (message,) = await stored(stream, place)
        assert read(message).get_data()["left_out"] == ["result"]
        await stream.update_stream(name=place, subjects=[f"{place}.>"], max_msg_size=100)
        with pytest.raises(MessageTooLargeError, match="the broker takes less"):
            await relay(ada, publisher, "again", "completed", after=0, idle_seconds=0)


async def test_sigterm_ends_a_relay_in_order(ada, server, broker, place):
    target = ["--to", f"{broker.url}/{place}", "--create"]
    command = [sys.executable, "-m", "graph_orch.cli", "relay", *target, "--name", "out"]
    given = {**os.environ, **environment(server)}
    with subprocess.Popen(command, env=given) as process:  # noqa: ASYNC220
        async with asyncio.timeout(60):
            while not any(it.reader for it in await ada.subscriptions.list()):
                assert process.poll() is None
                await asyncio.sleep(0.05)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 60) == 0
    assert (await ada.subscriptions.get("out")).reader is None


def task(**fields):
    return TaskRecipe({"task_type": "order", "content": "{data.title}", **fields})


@asynccontextmanager
async def sending(broker, place):
    async with connected_to(broker) as stream:
        await stream.add_stream(name=place, subjects=[place])

        async def send(body, **headers):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            await stream.publish(place, data, headers=sent or None)

        yield send


async def test_messages_become_tasks_once(ada, broker, place):
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop",
        "type": "order",
        "traceparent": TRACE,
        "data": {"title": "one", "rush": "high", "lines": [{"n": 1}]},
    }
    binary = {"ce_specversion": "1.0", "ce_id": "2", "ce_source": "/shop", "ce_type": "order"}
    recipe = task(
        priority="{data.rush}",
        metadata={"line": "{data.lines.0}", "from": "by {source}, {data.lines}"},
    )
    consumer = consumer_of(f"{broker.url}/{place}", "in")
    async with sending(broker, place) as send:
        for _ in range(2):  # the same message: its source and its id are
            await send(event, content_type="application/cloudevents+json")
            await send(event)
            await send({"title": "two", "rush": "low", "lines": [2]}, **binary)
        await send({"title": "three", "rush": "medium", "lines": [{}]})
        await send({"title": "three", "rush": "medium", "lines": [{}]})
        await send({"title": "four", "rush": "medium", "lines": [{}]}, Nats_Msg_Id="a")
        assert await ingest(ada, consumer, "in", recipe, idle_seconds=0.5) == 9
    assert await ingest(ada, consumer, "in", recipe, idle_seconds=0) == 0
    found = sorted((await ada.tasks.query_tasks()), key=lambda it: it.created_at)
    assert sorted(it.content for it in found) == ["four", "one", "three", "three", "two"]
    by_content = {it.content: it for it in found}
    assert by_content["one"].priority == "high"
    assert by_content["one"].metadata == {
        "line": {"n": 1},
        "from": 'by /shop, [{"n":1}]',
        "traceparent": TRACE,
    }
    assert by_content["two"].metadata == {"line": 2, "from": "by /shop, [2]"}
    assert await ada.dead_letters.list() == []


async def test_what_cannot_be_used_is_kept_and_can_be_tried_again(ada, broker, place, caplog):
    consumer = consumer_of(f"{broker.url}/{place}", "in")
    async with sending(broker, place) as send:
        await send(b"no json")
        await send(b"\xff\xfe")
        await send({"title": "good"})
        await send({"other": "no title"})
        await send({"title": "x", "priority": "odd"})
        await send({}, ce_specversion="1.0", ce_id="7", ce_source="/x")
        await send(b"{", ce_specversion="1.0", ce_id="8", ce_source="/x", ce_type="y")
        assert await ingest(ada, consumer, "in", task(), idle_seconds=0.5) == 7
    letters = await ada.dead_letters.list("in")
    reasons = [it.reason for it in letters]
    assert len(letters) == 5
    for number, words in enumerate(["not JSON", "not JSON", "is no CloudEvent", "not JSON"]):
        assert words in reasons[number]
    assert "there is no {data.title}" in reasons[4]
    assert sorted(it.content for it in await ada.tasks.query_tasks()) == ["good", "x"]
    whole = await ada.dead_letters.get(letters[4].letter_id)
    assert json.loads(whole.body) == {"other": "no title"}
    assert (await ada.dead_letters.get(letters[1].letter_id)).base64
    assert await ada.dead_letters.retry_all("in") == 5
    recipe = TaskRecipe({"task_type": "t", "content": "{data.other}"})
    assert await ingest(ada, consumer, "in", recipe, idle_seconds=0.5) == 0
    left = await ada.dead_letters.list("in")
    assert [(it.letter_id, it.tries, it.retry_at) for it in left] == [
        (it.letter_id, 2, None) for it in letters[:4]
    ]
    assert "no title" in [it.content for it in await ada.tasks.query_tasks()]
    assert await ada.dead_letters.remove(left[0].letter_id)
    assert not await ada.dead_letters.remove(left[0].letter_id)


async def test_no_more_than_so_many_dead_letters_are_kept(ada, broker, place, monkeypatch):
    monkeypatch.setattr(dead_letters, "MOST_KEPT", 2)
    consumer = consumer_of(f"{broker.url}/{place}", "in")
    async with sending(broker, place) as send:
        for number in range(3):
            await send({"number": number})
        with pytest.raises(DeadLettersFullError, match="waits at the broker"):
            await ingest(ada, consumer, "in", task(), idle_seconds=5)
    assert len(await ada.dead_letters.list()) == 2
    (first, _) = await ada.dead_letters.list()
    await ada.dead_letters.keep("in", first.source, first.message_id, "once more")
    assert (await ada.dead_letters.get(first.letter_id)).tries == 2


async def test_messages_decide_event_gates(ada, broker, place):
    gate = await ada.gates.create("paid?", kind="event", schema={"required": ["paid"]})
    waiting = await ada.tasks.create_task("ship", "t", gates=[gate.gate_id])
    approval = await ada.gates.create("good?")
    consumer = consumer_of(f"{broker.url}/{place}", "in")
    async with sending(broker, place) as send:

        async def tell(subject, data):
            await send(
                {
                    "specversion": "1.0",
                    "id": subject + str(data),
                    "source": "/bank",
                    "type": "paid",
                    "subject": subject,
                    "data": data,
                }
            )

        await tell(gate.gate_id, {"wrong": 1})
        await tell(gate.gate_id, {"paid": 10})
        await tell(gate.gate_id, {"paid": 10})
        await tell(gate.gate_id, {"paid": 11})
        await tell(approval.gate_id, {"paid": 10})
        await tell("unknown", {})
        recipe = GateRecipe("{subject}")
        assert await ingest(ada, consumer, "in", recipe, idle_seconds=0.5) == 6
    decided = await ada.gates.get(gate.gate_id)
    assert (decided.status, decided.payload, decided.decided_by) == (
        "answered",
        {"paid": 10},
        "/bank",
    )
    assert (await ada.gates.get(approval.gate_id)).status == "open"
    assert (await ada.tasks.get_task(waiting)).unmet == 0
    reasons = [it.reason for it in await ada.dead_letters.list()]
    for number, words in enumerate(
        ["'paid' is a required", "is answered", "kind event only", "unknown"]
    ):
        assert words in reasons[number]


async def test_of_ingests_of_several_subjects_at_once_one_goes_on(broker, place, monkeypatch):
    """Each has found no consumer of the name before any of them creates one."""
    create, all_found = NatsConsumer._create, asyncio.Barrier(5)

    async def together(self, *args):
        await all_found.wait()
        await create(self, *args)

    monkeypatch.setattr(NatsConsumer, "_create", together)
    async with connected_to(broker) as stream:
        await stream.add_stream(name=place, subjects=[f"{place}.*"])
        consumers = [consumer_of(f"{broker.url}/{place}.{it}", "in") for it in "abcde"]
        found = await asyncio.gather(*(it.open() for it in consumers), return_exceptions=True)
        for it in consumers:
            await it.close()
    assert [type(it) for it in found].count(BrokerError) == 4
    assert found.count(None) == 1


async def test_an_ingest_does_not_take_the_messages_of_another_subject(ada, broker, place):
    async with connected_to(broker) as stream:
        await stream.add_stream(name=place, subjects=[f"{place}.*"])
        await stream.publish(f"{place}.a", b'{"title": "a"}')
        await stream.publish(f"{place}.b", b'{"title": "b"}')
        first = consumer_of(f"{broker.url}/{place}.a", "in")
        assert await ingest(ada, first, "in", task(), idle_seconds=0.5) == 1
        other = f"{broker.url}/{place}.b"
        with pytest.raises(BrokerError, match="give another name"):
            await ingest(ada, consumer_of(other, "in"), "in", task(), idle_seconds=0.5)
        await stream.publish(f"{place}.a", b'{"title": "a"}')
        assert await ingest(ada, first, "in", task(), idle_seconds=0.5) == 1
        assert await ingest(ada, consumer_of(other, "b"), "b", task(), idle_seconds=0.5) == 1
    assert sorted(it.content for it in await ada.tasks.query_tasks()) == ["a", "a", "b"]


@pytest.mark.parametrize(
    "template",
    [
        {"content": "x"},
        {"task_type": "{type}"},
        {"task_type": "t", "idempotency_key": "x"},
        {"task_type": "t", "nothing": 1},
        {"task_type": "t", "priority": "odd"},
        {"task_type": "t", "workflow_id": "{data.flow}"},
        {"task_type": "t", "requirements": ["{data.skill}"]},
        5,
    ],
)
def test_what_is_no_template(template):
    with pytest.raises(ValidationError):
        TaskRecipe(template)


async def test_a_message_cannot_name_more_than_its_template(ada, broker, place):
    async with sending(broker, place) as send:
        await send({"title": "{source} {data.title}"})
        consumer = consumer_of(f"{broker.url}/{place}", "in")
        await ingest(ada, consumer, "in", task(), idle_seconds=0.5)
    (it,) = await ada.tasks.query_tasks()
    assert it.content == "{source} {data.title}"


async def test_a_broker_that_comes_back_is_found_again(ada, caplog):
    with Nats() as broker, caplog.at_level(logging.WARNING):
        publisher = publisher_of(f"{broker.url}/place", create=True)
        running = [asyncio.create_task(relay(ada, publisher, "out", "created:out", after=0))]
        try:
            await ada.tasks.create_task("x", "out")
            async with connected_to(broker) as stream:
                await until(stream, "place", 1)
            consumer = consumer_of(f"{broker.url}/place.*", "in")
            recipe = TaskRecipe({"task_type": "in", "content": "{subject}"})
            running.append(asyncio.create_task(ingest(ada, consumer, "in", recipe)))
            await until_come(ada, 1)
            await asyncio.to_thread(broker.kill)
            await ada.tasks.create_task("x", "out")
            await asyncio.to_thread(broker.again)
            await until_come(ada, 2)
            assert "trying again" in caplog.text
        finally:
            await ended(*running)


async def until_come(orch, number):
    """Wait until so many tasks were made of messages."""
    async with asyncio.timeout(60):
        while len(await orch.tasks.query_tasks({"task_type": "in"})) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def ended(*running):
    for it in running:
        it.cancel()
    await asyncio.wait(running)


@pytest.fixture(scope="module", params=["redis", "kafka"])
def other(request):
    """A broker besides NATS, and how a place there is made."""
    with ExitStack() as stack:
        try:
            if request.param == "redis":
                server = stack.enter_context(Redis("--appendonly", "yes"))
            else:
                server = stack.enter_context(Kafka())
        except Unavailable as why:  # only root on Debian can install it
            pytest.skip(str(why))
        is_kafka = request.param == "kafka"
        yield server, lambda place: asyncio.run(topic(server, place)) if is_kafka else None


async def topic(server, place):
    """Create a topic, once the broker answers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=server.url.removeprefix("kafka://"))
    async with asyncio.timeout(60):
        while True:
            with suppress(KafkaError):
                await admin.start()
                break
            await asyncio.sleep(0.1)
    await admin.create_topics([NewTopic(place, num_partitions=2, replication_factor=1)])
    await admin.close()


@pytest.fixture
async def url(other, place):
    """The address of a place at a broker besides NATS."""
    broker, make = other
    await asyncio.to_thread(make, place)
    return f"{broker.url.removesuffix('/0')}/{place}"


IN = TaskRecipe({"task_type": "in", "content": "{subject} {data.position} {data.type}"})


async def judge(orch, out):
    """Hold what was made of messages against the log of the tasks `out`."""
    found = await orch.tasks.query_tasks({"task_type": "in"})
    log = [it for it in await orch.events.read() if it.task_id in out]
    wanted = sorted(f"{it.task_id} {it.position} {it.type}" for it in log)
    assert sorted(it.content for it in found) == wanted
    assert all(it.metadata == {"traceparent": TRACE} for it in found)
    assert await orch.dead_letters.list() == []


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_other_brokers_take_events_and_give_messages(ada, other, url, mode):
    out = await ada.tasks.create_task("x", "out", metadata={"traceparent": TRACE})
    await finish(ada, out)
    publisher, idle = publisher_of(url, mode=mode), 0.5
    assert await relay(ada, publisher, "o", "*:out", after=0, idle_seconds=0) == 4
    if isinstance(other[0], Kafka):
        idle = 5  # a group takes long to come together
    assert await ingest(ada, consumer_of(url, "in"), "in", IN, idle_seconds=idle) == 4
    assert await ingest(ada, consumer_of(url, "in"), "in", IN, idle_seconds=idle) == 0
    await judge(ada, [out])


async def test_another_broker_that_comes_back_is_found_again(ada, other, url):
    broker, out, traced = other[0], [], {"traceparent": TRACE}
    running = [
        asyncio.create_task(relay(ada, publisher_of(url), "o", "*:out", after=0)),
        asyncio.create_task(ingest(ada, consumer_of(url, "in"), "in", IN)),
    ]
    try:
        for number in (1, 2):
            out.append(await ada.tasks.create_task("x", "out", metadata=traced))
            await until_come(ada, number)
            await asyncio.to_thread(broker.kill)
            if number == 2:
                out.append(await ada.tasks.create_task("x", "out", metadata=traced))
            await asyncio.to_thread(broker.again)
        await until_come(ada, 3)
    finally:
        await ended(*running)
    await judge(ada, out)


async def test_what_other_brokers_refuse_is_said(ada, other, monkeypatch):
    broker, _ = other
    url = f"{broker.url.removesuffix('/0')}/nowhere"
    monkeypatch.setattr(relaying, "REFUSED_SECONDS", 0.2)
    if isinstance(broker, Kafka):
        with pytest.raises(BrokerError, match="no such topic"):
            await ingest(ada, consumer_of(url, "in"), "in", task(), idle_seconds=0)
        with pytest.raises(ValidationError, match="create"):
            publisher_of(url, create=True)
    else:
        wrong = publisher_of(url.replace("//", "//ada:secret@"))
        with pytest.raises(BrokerError, match="refuses who asks") as refused:
            await relay(ada, wrong, "out", idle_seconds=0)
        assert "secret" not in str(refused.value)


async def test_a_redis_entry_of_plain_fields_is_a_json_object(ada, place):
    with Redis() as server:
        url = f"{server.url.removesuffix('/0')}/{place}"
        client = redis.asyncio.Redis(port=server.port)
        for _ in range(2):
            await client.xadd(place, {"title": "plain"})
        recipe = TaskRecipe({"task_type": "t", "content": "{data.title} {source}"})
        assert await ingest(ada, consumer_of(url, "in"), "in", recipe, idle_seconds=0.5) == 2
        assert await client.xinfo_consumers(place, "in") == []
        await client.aclose()
    found = await ada.tasks.query_tasks()
    assert [it.content for it in found] == [f"plain redis:{place}"] * 2


async def test_a_redis_entry_that_was_trimmed_makes_no_task(ada, place, caplog):
    with Redis() as server:
        url = f"{server.url.removesuffix('/0')}/{place}"
        client = redis.asyncio.Redis(port=server.port)
        reader, other = consumer_of(url, "in"), consumer_of(url, "in")
        await reader.open()
        for title in "abcd":
            await client.xadd(place, {"title": title})
        given = await reader.receive(3, 1)
        assert len(given) == 3
        await client.xtrim(place, maxlen=2, approximate=False)
        await reader.close()
        await (
            reader.open()
        )  # a connection that was lost is made anew: what it was given comes again
        assert [json.loads(it.body)["title"] for it in await reader.receive(10, 1)] == ["c"]
        assert "2 messages were trimmed" in caplog.text
        assert (await client.xpending(place, "in"))["pending"] == 1
        await client.xtrim(place, maxlen=1, approximate=False)
        caplog.clear()
        await other.open()
        with monkeypatched(redis_streams, CLAIMED_SECONDS=0.0):  # as if the reader had died
            assert [json.loads(it.body)["title"] for it in await other.receive(10, 1)] == ["d"]
        assert "1 messages were trimmed" in caplog.text
        assert (await client.xpending(place, "in"))["pending"] == 1
        await other.close()
        await reader.close()
        await client.aclose()


@contextmanager
def monkeypatched(module, **values):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setattr(module, name, value)
        yield


class TlsRedis(Redis):
    """A Redis that speaks TLS too, with a certificate for its address, and for no name."""

    @property
    def data(self):
        return DataDirectory(self.directory)

    def prepare(self):
        self.data.key_path.parent.mkdir(parents=True)
        have_certificate(self.data)
        for path in (self.data.key_path, self.data.certificate_path):
            path.chmod(0o644)  # the server runs as another user

    def command(self):
        self.tls_port, certificate = free_port(), str(self.data.certificate_path)
        return [
            *super().command(),
            *("--tls-port", str(self.tls_port), "--tls-auth-clients", "no"),
            *("--tls-cert-file", certificate, "--tls-key-file", str(self.data.key_path)),
            *("--tls-ca-cert-file", certificate),
        ]


async def test_a_redis_of_another_name_is_not_trusted(ada, place, monkeypatch):
    monkeypatch.setattr(relaying, "REFUSED_SECONDS", 0.2)
    with TlsRedis() as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.data.certificate_path))
        url = f"rediss://{{}}:{server.tls_port}/{place}"
        right = publisher_of(url.format("127.0.0.1"))
        assert await relay(ada, right, "out", idle_seconds=0) == 0
        wrong = publisher_of(url.format("localhost"))
        with pytest.raises(BrokerUnreachableError, match=r"(?i)hostname mismatch"):
            await wrong.open()
        await wrong.close()
