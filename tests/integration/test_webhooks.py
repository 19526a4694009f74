"""Webhooks: each event once to each receiver, again until it is taken, and slowed by no other."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from graph_orch import (
    AsyncOrchestrator,
    DeliveryNotFoundError,
    NewTask,
    SubscriptionDeliveredError,
    ValidationError,
    WebhookNotFoundError,
    Worker,
    posting,
)
from graph_orch._async import webhooks
from graph_orch._sync import webhooks as sync_webhooks
from graph_orch.domain.webhooks import (
    AGAIN_AFTER,
    DISABLED_AFTER_SECONDS,
    HOUR,
    MINUTE,
    again_after,
    asked_for,
    new_secret,
)
from graph_orch.testing import advance
from tests.mcp_client import environment
from tests.webhook_receiver import Receiver

SECRET = new_secret()


@pytest.fixture(autouse=True)
def loopback(monkeypatch):
    monkeypatch.setenv("GRAPH_ORCH_WEBHOOK_NETWORKS", "127.0.0.0/8")


@pytest.fixture
def receiver():
    with Receiver(SECRET) as it:
        yield it


def create(orch, number=1, task_type="t"):
    return orch.tasks.create_tasks(
        [NewTask(content="x", task_type=task_type) for _ in range(number)]
    )


def event_ids(orch):
    return {it.event_id for it in orch.events.read(limit=10_000)}


def outcomes(orch, name="w"):
    return [(it.number, it.status, it.delivered) for it in reversed(orch.webhooks.attempts(name))]


def test_an_event_is_sent_once_signed_as_a_cloud_event(orch, receiver):
    made = orch.webhooks.put("w", receiver.url, "created:good/*", secret=SECRET)
    create(orch, task_type="bad")
    (task_id,) = create(orch, task_type="good/one")
    assert orch.maintain()["delivered"] == 1
    assert orch.maintain()["delivered"] == 0
    (got,) = receiver.got
    (event,) = [it for it in orch.events.read() if it.task_id == task_id]
    assert (got.id, receiver.wrong, made.waiting) == (event.event_id, [], 0)
    assert got.event["data"] == event.model_dump(mode="json")
    assert {name: got.event[name] for name in ("id", "type", "subject", "specversion")} == {
        "id": event.event_id,
        "type": "graph_orch.task.created",
        "subject": task_id,
        "specversion": "1.0",
    }
    (attempt,) = orch.webhooks.attempts("w")
    assert (attempt.event_id, attempt.task_id, attempt.status) == (event.event_id, task_id, 200)
    assert orch.webhooks.get("w").behind == 0


def test_a_secret_is_shown_once(orch, receiver, caplog):
    with caplog.at_level(logging.DEBUG):
        first = orch.webhooks.put("w", receiver.url)
        assert first.secret.startswith("whsec_")
        assert orch.webhooks.put("w", receiver.url).secret is None
        again = orch.webhooks.rotate("w")
        assert again.secret not in (None, first.secret)
        receiver.secrets = [first.secret]
        assert orch.webhooks.test("w").delivered
        receiver.secrets = [again.secret]
        assert orch.webhooks.test("w").delivered
        assert receiver.wrong == []
        advance(orch, 25 * HOUR)
        receiver.secrets = [first.secret]
        orch.webhooks.test("w")
        assert len(receiver.wrong) == 1
        shown = [orch.webhooks.list(), orch.webhooks.get("w"), orch.subscriptions.list(), again]
    for secret in (first.secret, again.secret):
        assert secret not in repr(shown) + caplog.text
        assert secret not in json.dumps([it.model_dump(mode="json") for it in shown[0] + shown[2]])


@pytest.mark.parametrize(
    "secret", ["", "x", "whsec_\u0301x", "whsec_", "whsec_!", "whsec_YWJj", "a" * 44, 5]
)
def test_what_is_no_secret(orch, secret):
    with pytest.raises(ValidationError) as refused:
        orch.webhooks.put("w", "https://x.test", secret=secret)
    assert "YWJj" not in str(refused.value)


def test_what_fails_is_sent_again_in_the_times_of_the_specification(orch, receiver):
    """And is given up in the end, as others were taken meanwhile."""
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    receiver.answer = lambda got: 500 if got.event["data"]["task_id"] == bad else 200
    (bad,) = create(orch)
    orch.maintain()
    for number, pause in enumerate(AGAIN_AFTER, 1):
        advance(orch, pause * 0.88)
        assert len(outcomes(orch)) == 2 * number - 1
        create(orch)
        advance(orch, pause * 0.24)
        assert outcomes(orch)[-1][:2] in ((number + 1, 500), (1, 200))
    found = orch.webhooks.get("w")
    assert (found.given_up, found.waiting, found.disabled_at) == (1, 0, None)
    assert len(orch.webhooks.attempts("w", event_id=receiver.got[0].id)) == len(AGAIN_AFTER) + 1
    receiver.answer = lambda got: 204
    assert orch.webhooks.redeliver("w") == 1
    orch.maintain()
    assert outcomes(orch)[-1] == (1, 204, True)
    assert orch.webhooks.redeliver("w") == 0


def test_one_that_takes_nothing_for_days_is_disabled_and_loses_nothing(orch, receiver, caplog):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    receiver.answer = lambda got: (503, {}, b"we are down")
    create(orch, 3)
    with caplog.at_level(logging.WARNING, "graph_orch.webhooks"):
        for pause in (0, *AGAIN_AFTER):
            advance(orch, pause * 1.12)
    found = orch.webhooks.get("w")
    assert (found.given_up, found.waiting) == (0, 3)
    assert "nothing was delivered since" in found.disabled_because
    assert "webhook w is disabled: answered with status 503" in caplog.text
    (advice,) = orch.monitor.get_recommendations(["webhook_disabled"])
    assert (advice.why["name"], "webhook w is disabled" in advice.what) == ("w", True)
    sent = len(receiver.got)
    create(orch)
    advance(orch, 30 * HOUR)
    assert len(receiver.got) == sent
    assert outcomes(orch)[-1][1] == 503
    assert orch.webhooks.attempts("w")[0].answer == "we are down"
    receiver.answer = lambda got: 200
    assert orch.webhooks.enable("w").disabled_at is None
    orch.maintain()
    assert set(receiver.ids) == event_ids(orch)
    assert orch.webhooks.get("w").waiting == 0
    assert orch.monitor.get_recommendations(["webhook_disabled"]) == []


@pytest.mark.parametrize(
    "go_on",
    [
        lambda orch, url: orch.webhooks.enable("w"),
        lambda orch, url: orch.webhooks.put("w", f"{url}/new"),
    ],
    ids=["enabled", "elsewhere"],
)
def test_nothing_is_given_up_of_a_receiver_that_takes_nothing(orch, receiver, monkeypatch, go_on):
    """Also where the pauses are as short as they may be: ten tries are over before three days."""
    monkeypatch.setattr("graph_orch.domain.webhooks.random.random", lambda: 0.0)
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    receiver.answer = lambda got: 503
    create(orch)
    for pause in (0, *AGAIN_AFTER):
        advance(orch, pause * 0.9 + 1)
    assert sum(AGAIN_AFTER) * 0.9 < DISABLED_AFTER_SECONDS
    assert outcomes(orch)[-1] == (10, 503, False)
    found = orch.webhooks.get("w")
    assert (found.given_up, found.waiting) == (0, 1)
    assert found.disabled_because.startswith("nothing was delivered since")
    receiver.answer = lambda got: 200
    go_on(orch, receiver.url)
    orch.maintain()
    assert outcomes(orch)[-1] == (1, 200, True)


def test_a_receiver_that_is_gone_disables_its_webhook(orch, receiver):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    receiver.answer = lambda got: 410
    create(orch)
    orch.maintain()
    found = orch.webhooks.get("w")
    assert (found.disabled_because, found.waiting) == ("answered with status 410", 1)
    receiver.answer = lambda got: 200
    assert orch.webhooks.put("w", f"{receiver.url}/new").disabled_at is None
    orch.maintain()
    assert [it.path for it in receiver.got] == ["/hook", "/hook/new"]


def test_a_receiver_that_asks_for_time_is_given_it(orch, receiver):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    receiver.answer = lambda got: (429, {"Retry-After": "120"}, b"")
    create(orch)
    orch.maintain()
    receiver.answer = lambda got: 200
    advance(orch, 100)
    assert len(receiver.got) == 1
    advance(orch, 30)
    assert outcomes(orch) == [(1, 429, False), (2, 200, True)]


def test_what_was_delivered_is_sent_again_when_asked_for(orch, receiver):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    create(orch, 2)
    orch.maintain()
    event_id = receiver.got[0].id
    assert orch.webhooks.redeliver("w", event_id) == 1
    orch.maintain()
    assert receiver.ids[event_id] == 2
    orch.subscriptions.replay("w", 0)
    orch.maintain()
    assert sorted(receiver.ids.values()) == [2, 3]
    with pytest.raises(DeliveryNotFoundError):
        orch.webhooks.redeliver("w", "x")


def test_what_is_not_there_and_what_is_not_read(orch):
    for call in ("get", "test", "rotate", "enable", "attempts", "redeliver"):
        with pytest.raises(WebhookNotFoundError):
            getattr(orch.webhooks, call)("x")
    assert orch.webhooks.remove("x") is False
    orch.webhooks.put("w", "https://x.test")
    orch.subscriptions.put("s", "*")
    with pytest.raises(SubscriptionDeliveredError):
        orch.webhooks.put("s", "https://x.test")
    for read in (
        lambda: orch.subscriptions.put("w", "*"),
        lambda: orch.subscriptions.read("w"),
        lambda: orch.subscriptions.ack("w", 0),
        lambda: next(iter(orch.subscriptions.follow("w"))),
    ):
        with pytest.raises(SubscriptionDeliveredError, match="'w' is a webhook"):
            read()
    assert [it.deliver for it in orch.subscriptions.list()] == ["inbox", "webhook"]
    assert [it.name for it in orch.webhooks.list()] == ["w"]
    assert orch.subscriptions.remove("w") is True
    assert orch.webhooks.remove("s") is False


def test_one_that_is_removed_while_it_sends_leaves_nothing(orch, receiver, cypher):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    begun, removed = threading.Event(), threading.Event()
    receiver.answer = lambda got: (begun.set(), removed.wait(30), 200)[-1]
    create(orch, 30)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(orch.maintain)
        assert begun.wait(30)
        assert orch.webhooks.remove("w") is True
        removed.set()
        sending.result(60)
    assert len(receiver.got) == webhooks.AT_ONCE
    assert cypher("MATCH (n:Delivery|Attempt|Subscription) RETURN count(n)")[0][0] == 0


def test_a_slow_receiver_delays_no_other(orch, receiver):
    free = threading.Event()
    with Receiver(SECRET) as slow:
        slow.answer = lambda got: (free.wait(14), 200)[-1]
        for number in range(3):
            orch.webhooks.put(f"slow {number}", slow.url, secret=SECRET)
        orch.webhooks.put("w", receiver.url, secret=SECRET)
        create(orch, 40)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(orch.maintain)
            receiver.wait_for(40)
            assert max(slow.ids.values(), default=0) <= 3
            assert not sending.done()
            free.set()
            assert sending.result(60) == {**sending.result(), "delivered": 4 * 40}


def test_those_that_wait_for_a_turn_are_not_looked_for_at_each_end_of_one(
    orch, receiver, monkeypatch
):
    monkeypatch.setattr(sync_webhooks, "WEBHOOKS_AT_ONCE", 2)
    monkeypatch.setattr(sync_webhooks, "KEPT_SECONDS", 3600.0)
    for number in range(40):
        orch.webhooks.put(f"w{number}", receiver.url, "created:t", secret=SECRET)
    create(orch)
    looks, read = [], orch.graph.read

    def noted(name, **params):
        rows = read(name, **params)
        looks.extend([len(rows)] if name == "webhooks/due" else [])
        return rows

    monkeypatch.setattr(orch.graph, "read", noted)
    assert orch.webhooks.deliver() == 40
    assert looks[0] == 40
    assert len(looks) < 10  # at each of 40 ends before


def test_receivers_that_hang_leave_places_to_others(orch, receiver, monkeypatch):
    """None of those that hang has had all its turns when another has its first."""
    places, number, free, begun = 4, 60, threading.Event(), []
    monkeypatch.setattr(sync_webhooks, "WEBHOOKS_AT_ONCE", places)
    monkeypatch.setattr(sync_webhooks, "SLOW_AT_ONCE", places // 2)
    monkeypatch.setattr(sync_webhooks, "SLOW_MS", 200.0)
    monkeypatch.setattr(posting, "POST_SECONDS", 0.3)

    def most(slow):
        with slow.changed:
            tried = {(it.path, it.id) for it in slow.got}
        return max(Counter(path for path, _ in tried).values(), default=0)

    with Receiver(SECRET) as slow:
        slow.answer = lambda got: (free.wait(60), 200)[-1]
        receiver.answer = lambda got: (begun.append(most(slow)), 200)[-1]
        for place in range(places):
            url = f"{slow.url}/{place}"
            orch.webhooks.put(f"slow {place}", url, "created:slow", secret=SECRET)
        orch.webhooks.put("w", receiver.url, "created:t", secret=SECRET)
        create(orch, number, "slow")
        create(orch, 3)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(orch.maintain)
            receiver.wait_for(3)
            create(orch, 3)  # by now those that hang are known to be slow
            receiver.wait_for(6)
            free.set()
            sending.result(120)
    assert max(begun) < number


def test_any_number_of_senders_send_each_once_and_not_too_many_at_once(orch, receiver, server):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    orch.webhooks.put("v", f"{receiver.url}/v", "created:t", secret=SECRET)

    async def send() -> None:
        async with AsyncOrchestrator.connect(*server) as other:
            await asyncio.gather(*(other.webhooks.deliver() for _ in range(2)))

    def make() -> None:
        for _ in range(10):
            create(orch, 10)
            orch.maintain()

    with ThreadPoolExecutor(4) as pool:
        for call in [pool.submit(make), *(pool.submit(asyncio.run, send()) for _ in range(3))]:
            call.result(120)
    orch.maintain()
    for path in ("/hook", "/hook/v"):
        ids = [it.id for it in receiver.got if it.path == path]
        assert sorted(ids) == sorted(event_ids(orch))
    assert receiver.most_at_once <= 2 * webhooks.AT_ONCE
    assert receiver.wrong == []


def test_a_receiver_that_fails_is_asked_one_at_a_time(orch, receiver):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    receiver.answer = lambda got: 500
    create(orch, 2 * webhooks.BROKEN_AFTER)
    orch.maintain()
    receiver.most_at_once = 0
    create(orch, 20)
    orch.maintain()
    assert receiver.most_at_once == 1


SENDER = """
import asyncio, sys
from graph_orch import AsyncOrchestrator
async def main():
    async with AsyncOrchestrator.connect() as orch:
        await orch.webhooks.deliver()
asyncio.run(main())
"""


def test_what_was_not_recorded_comes_again_under_the_same_id(orch, receiver, server):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    create(orch)
    given = {**os.environ, **environment(server)}
    with subprocess.Popen([sys.executable, "-c", SENDER], env=given) as sender:
        receiver.answer = lambda got: (sender.send_signal(signal.SIGKILL), 200)[-1]
        assert sender.wait(60) == -signal.SIGKILL
    receiver.answer = lambda got: 200
    orch.maintain()
    assert len(receiver.got) == 1
    advance(orch, webhooks.CLAIM_SECONDS + 1)
    assert list(receiver.ids.values()) == [2]
    assert outcomes(orch) == [(1, 200, True)]


def test_deliveries_that_ended_are_pruned(orch, receiver, cypher):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    create(orch, 3)
    orch.maintain()
    receiver.answer = lambda got: 500
    create(orch)
    orch.maintain()
    orch.retention.prune(60)
    assert len(outcomes(orch)) == 4
    orch.retention.prune(0, batch=1)
    assert outcomes(orch) == [(1, 500, False)]
    assert cypher("MATCH (d:Delivery) RETURN count(d)")[0][0] == 1


def test_without_the_extra_everything_waits_and_that_is_said_once(
    orch, receiver, monkeypatch, caplog
):
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    create(orch)
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "graph_orch.posting", raising=False)
        patch.setitem(sys.modules, "httpcore2", None)
        with caplog.at_level(logging.ERROR, "graph_orch.upkeep"):
            for _ in range(3):
                assert orch.maintain()["delivered"] == 0
        assert caplog.text.count("install graph-orch[webhooks]") == 1
        with pytest.raises(ValidationError, match=r"install graph-orch\[webhooks\]"):
            orch.webhooks.test("w")
    orch.maintain()
    assert len(receiver.got) == 1


def test_by_default_nothing_is_sent_to_this_machine(orch, receiver, monkeypatch):
    monkeypatch.delenv("GRAPH_ORCH_WEBHOOK_NETWORKS")
    orch.webhooks.put("w", receiver.url, secret=SECRET)
    create(orch)
    orch.maintain()
    (attempt,) = orch.webhooks.attempts("w")
    assert attempt.error.startswith("refused: 127.0.0.1 is no public address")
    assert (attempt.status, receiver.got) == (None, [])


def test_workers_send_and_tick_meanwhile(orch, receiver, monkeypatch):
    monkeypatch.setattr(posting, "POST_SECONDS", 120.0)
    free = threading.Event()
    receiver.answer = lambda got: (free.wait(120), 200)[-1]
    orch.webhooks.put("w", receiver.url, "created:t", secret=SECRET)
    create(orch)
    worker = Worker(orch, "ada", [])
    done = threading.Event()
    worker.task("tick")(lambda context: done.set())
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worker.run)
        try:
            receiver.wait_for(1)
            orch.schedules.put("often", "* * * * * *", {"content": "x", "task_type": "tick"})
            assert done.wait(60)
            assert orch.webhooks.attempts("w") == []
        finally:
            free.set()
            worker.stop()
            working.result(60)


def test_what_is_under_way_when_its_worker_stops_is_sent_once(orch, receiver):
    free = threading.Event()
    receiver.answer = lambda got: (free.wait(14), 200)[-1]
    orch.webhooks.put("w", receiver.url, "created:t", secret=SECRET)
    create(orch)
    worker = Worker(orch, "ada", [], grace_seconds=60)
    worker.task("never")(lambda context: None)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worker.run)
        try:
            receiver.wait_for(1)
            create(orch)
        finally:
            worker.stop()
            ends_early = wait([working], 3).done
            free.set()
            working.result(60)
    assert not ends_early
    assert outcomes(orch) == [(1, 200, True)]
    orch.maintain()
    assert sorted(receiver.ids.values()) == [1, 1]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (None, None), ("", None), ("5", 5), (" 7 ", 7), ("-1", None), ("1e9", None),
        ("9" * 400, 999_999_999),
        ("Fri, 27 Nov 2026 09:00:30 GMT", 30), ("Fri, 27 Nov 2026 08:00:00 GMT", 0),
        ("Fri, 27 Nov 2026 09:00:30", 30), ("x, 99 Foo", None), ("٣", None),
        ("Mon, 01 Jan 0001 00:00:00 +1400", 0),
    ],
)  # fmt: skip
def test_times_that_receivers_ask_for(told, seconds):
    from datetime import UTC, datetime

    assert asked_for(told, datetime(2026, 11, 27, 9, tzinfo=UTC)) == seconds


def test_pauses():
    assert again_after(1, None, 0) == 4.5
    assert again_after(1, None, 1) == 5.5
    assert again_after(2, 10 * MINUTE, 0) == 10 * MINUTE
    assert again_after(2, 48 * HOUR, 0) == 24 * HOUR
    assert again_after(50, None, 0.5) == AGAIN_AFTER[-1]
