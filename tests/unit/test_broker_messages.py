"""What needs no broker: addresses, templates, rounds, and what a message is."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from graph_orch import EventTask, TaskEvent, ValidationError
from graph_orch.brokers import Incoming, Target
from graph_orch.brokers.cloud_events import Mode, cloud_event, decoded, encoded
from graph_orch.brokers.ingesting import key_of, values_of
from graph_orch.brokers.redis_streams import gone_of
from graph_orch.brokers.relaying import in_rounds

SECRETS = ["secret", "se%2Fcr%40et"]


@pytest.mark.parametrize(
    "url",
    [
        "nats://ada:{}@one:4222,two:4223/orders.new?stream=ORDERS",
        "tls://{}@one",
        "redis://:{}@[::1]:6379/events?db=1",
        "kafka+tls://ada:{}@one/events",
    ],
)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_address_shows_its_password(url, secret):
    target = Target.parse(url.format(secret))
    assert "se" in f"{target.user}{target.password}"
    assert "secret" not in f"{target} {target!r}"
    assert "cr" not in f"{target} {target!r}"


def test_what_redis_before_7_claims_of_deleted_messages_has_no_id():
    entries = [(None, None), (b"1-0", {b"data": b"{}"}), (b"2-0", None), (b"3-0", {})]
    assert gone_of(entries) == [b"2-0", b"3-0"]


def test_an_address_has_what_it_says():
    target = Target.parse("nats://ada:p%40ss@one:1,two/orders.>?stream=S")
    assert target.hosts == (("one", 1), ("two", 4222))
    assert (target.user, target.password, target.place) == ("ada", "p@ss", "orders.>")
    assert (target.options, str(target)) == ({"stream": "S"}, "nats://one:1,two:4222/orders.>")
    assert Target.parse("redis://one").place == "graph_orch"


@pytest.mark.parametrize(
    "url",
    [
        *("", "secret", "http://secret@one", "nats:secret", "nats://", "nats://one/secret/x"),
        *("nats://a:se/cret@one", "nats://a:secret@one:99999", "nats://a:secret@one?secret=1"),
        *("nats://[secret", "nats://a:secret@one/a b", "nats://one/\udcff", "kafka://x@y@/secret"),
        *("nats://a:secret@on e", "redis://a:secret@one#x"),
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(url):
    with pytest.raises(ValidationError) as refused:
        Target.parse(url)
    assert "secret" not in str(refused.value)


@given(st.lists(st.integers(0, 4), max_size=40))
def test_rounds_keep_the_order_of_each_task(tasks):
    events = [
        CloudEvent({"id": f"{place}", "source": "/", "type": "t", "subject": str(task)})
        for place, task in enumerate(tasks)
    ]
    rounds = list(in_rounds(events))
    for together in rounds:
        subjects = [it.get_subject() for it in together]
        assert len(subjects) == len(set(subjects))
    for task in map(str, set(tasks)):
        sent = [it.get_id() for together in rounds for it in together if it.get_subject() == task]
        assert sent == [it.get_id() for it in events if it.get_subject() == task]


TASK = EventTask(task_id="1", task_type="t", metadata={"traceparent": "forged\r\nheader: 1"})


@pytest.mark.parametrize("mode", Mode)
def test_an_event_comes_back_as_it_went(mode):
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    event = TaskEvent(
        event_id="e", task_id="1", type="failed", at=at, attempt=1, command_id="c", position=7,
        detail={"error": "\u00e4\r\n\u2028"},
    )  # fmt: skip
    headers, body = encoded(cloud_event(event, TASK, "/h\u00e9re now"), mode)
    assert all("\n" not in it and "\r" not in it and it.isascii() for it in headers.values())
    found = decoded(Incoming(headers, body, "x", "y"))
    assert (found.get_source(), found.get_id(), found.get_time()) == ("/h\u00e9re now", "e", at)
    assert found.get_extension("traceparent") is None
    assert found.get_data()["detail"] == {"error": "\u00e4\r\n\u2028"}


CE = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({}, b"\xff"),
        ({}, b"[" * 100_000),
        (CE, b"{"),
        (CE | {"ce-id": ""}, b"{}"),
        (CE | {"ce-time": "yesterday"}, b"{}"),
        (CE | {"ce-BAD_NAME": "x"}, b"{}"),
        (CE | {"ce-specversion": "9"}, b"{}"),
        ({"content-type": "application/cloudevents+json"}, b"[]"),
        ({"content-type": "application/cloudevents+json"}, b'{"id": 1}'),
        ({"content-type": "application/cloudevents-batch+json"}, b"[]"),
        ({}, json.dumps(EVENT | {"id": 5}).encode()),
        ({}, json.dumps(EVENT | {"time": 5}).encode()),
        ({}, json.dumps(EVENT | {"id": "\ud800"}).encode()),
        ({}, json.dumps(EVENT | {"source": "/\udfff"}).encode()),
        ({}, json.dumps(EVENT | {"time": "9" * 30 + "-01-01"}).encode()),
        ({}, json.dumps(EVENT | {"UPPER": 1}).encode()),
    ],
)
def test_what_is_no_message_is_refused(headers, body):
    with pytest.raises(ValidationError):
        decoded(Incoming(headers, body, "x", "y"))


@pytest.mark.parametrize("body", [b"null", b"5", b'"text"', b"[1]", b'{"a": 1}'])
def test_plain_json_is_known_by_its_place(body):
    found = decoded(Incoming({}, body, "nats:S", "7"))
    assert (found.get_source(), found.get_id()) == ("nats:S", "7")
    assert values_of(found)["data"] == json.loads(body)


def test_data_that_is_no_text_is_refused():
    message = Incoming(CE | {"content-type": "image/png"}, b"\xff\xd8", "x", "y")
    with pytest.raises(ValidationError, match="neither text nor JSON"):
        values_of(decoded(message))


@given(*[st.text(min_size=1, max_size=150)] * 4)
def test_two_messages_have_one_key_only_where_they_are_the_same(source, id_, source_2, id_2):
    def key(*known):
        return key_of(CloudEvent({"id": known[1], "source": known[0], "type": "t"}))

    try:
        first, second = key(source, id_), key(source_2, id_2)
    except UnicodeEncodeError:  # half of a surrogate pair
        return
    assert (first == second) is ((source, id_) == (source_2, id_2))
    assert max(len(first), len(second)) <= 200


@pytest.mark.parametrize("body", [b'{"a": 1e999}', b'{"a": NaN}', b"[-Infinity]"])
def test_numbers_without_end_are_no_json(body):
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": "y"}
    for headers in ({}, binary | {"content-type": "application/json"}):
        with pytest.raises(ValidationError, match="not JSON"):
            decoded(Incoming(headers, body, "s", "1"))
