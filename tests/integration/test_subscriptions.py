"""Subscriptions: at least once, in order, none after it was acknowledged, one reader at a time."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from graph_orch import (
    NewTask,
    Orchestrator,
    SubscriptionHeldError,
    SubscriptionNotFoundError,
    ValidationError,
)
from graph_orch._sync import subscriptions
from graph_orch._sync.subscriptions import Subscriptions
from tests.mcp_client import environment


def told(events):
    return [(event.type.value, event.task_id) for event in events]


@pytest.fixture
def ada(orch):
    orch.agents.register_agent("ada", ["py"], max_concurrent_tasks=100)
    return orch


def finish(orch, task_id, agent="ada"):
    orch.tasks.assign_task(task_id, agent)
    orch.tasks.start_task(task_id)
    orch.tasks.complete_task(task_id)
    return task_id


@pytest.mark.parametrize(
    ("pattern", "filters", "places"),
    [
        ("*:*", {}, [0, 1, 2, 3]),
        ("created", {}, [0, 1, 2, 3]),
        ("created:research/*", {}, [0, 1]),
        ("created:research/?", {}, [0]),
        ("created:*/*", {}, [0, 1]),
        ("created:*a*[b*", {}, [3]),
        ("created:Research/a", {}, []),
        ("created:*", {"workflow_id": "flow"}, [2]),
        ("created:*", {"skill": "PY"}, [1]),
        ("created:*", {"agent_id": "ada"}, []),
    ],
)
def test_a_pattern_selects(ada, pattern, filters, places):
    ada.tasks.create_task("x", "before")
    ada.subscriptions.put("s", pattern, **filters)
    ada.workflows.start("flow", [], workflow_id="flow")
    ids = [
        ada.tasks.create_task("x", "research/a"),
        ada.tasks.create_task("x", "research/long", requirements=["py"]),
        ada.tasks.create_task("x", "write", workflow_id="flow"),
        ada.tasks.create_task("x", "a.*[b\\Q"),
    ]
    assert told(ada.subscriptions.read("s")) == [("created", ids[place]) for place in places]


def test_events_of_an_agent_and_of_a_team(ada):
    ada.agents.register_agent("eve", [])
    ada.subscriptions.put("of eve", "completed,assigned:*", agent_id="eve")
    ada.subscriptions.put("nobody's", "*", team_id="none")
    first, second = (ada.tasks.create_task("x", "t") for _ in range(2))
    finish(ada, first)
    finish(ada, second, "eve")
    assert told(ada.subscriptions.read("of eve")) == [("assigned", second), ("completed", second)]
    assert ada.subscriptions.read("nobody's") == []


@pytest.mark.parametrize("pattern", ["", "nothing:*", ":x", "CREATED", "x" * 201, 5])
def test_what_is_no_pattern(ada, pattern):
    with pytest.raises(ValidationError):
        ada.subscriptions.put("s", pattern)


def test_a_hostile_pattern_takes_no_longer(ada):
    ada.subscriptions.put("s", "created:" + "a*" * 90 + "b")
    ada.tasks.create_task("x", "a" * 200)
    task_id = ada.tasks.create_task("x", "a" * 199 + "b")
    assert told(ada.subscriptions.read("s")) == [("created", task_id)]


def test_what_is_acknowledged_does_not_come_again_but_by_a_replay(ada):
    ada.subscriptions.put("s", "created:*", after=0)
    ids = [ada.tasks.create_task("x", "t") for _ in range(5)]
    first = ada.subscriptions.read("s", 2)
    assert told(ada.subscriptions.read("s", 2)) == told(first)
    ada.subscriptions.ack("s", first[-1].position)
    ada.subscriptions.ack("s", first[0].position)  # late: nothing goes back
    assert [it.task_id for it in ada.subscriptions.read("s")] == ids[2:]
    assert ada.subscriptions.put("s", "created").position == first[-1].position
    with pytest.raises(ValidationError, match="beyond the end of the log"):
        ada.subscriptions.ack("s", 1_000)
    ada.subscriptions.replay("s", 0)
    assert [it.task_id for it in ada.subscriptions.read("s")] == ids
    (it,) = ada.subscriptions.list()
    assert (it.name, it.position, it.behind) == ("s", 0, 5)


@pytest.mark.parametrize(
    "goes_back",
    [
        lambda subscriptions: subscriptions.replay("s", 0),
        lambda subscriptions: subscriptions.put("s", "created:*", after=0),
    ],
    ids=["replay", "put"],
)
def test_what_was_read_before_a_replay_does_not_undo_it(ada, goes_back):
    ada.subscriptions.put("s", "created:*", after=0)
    ids = [ada.tasks.create_task("x", "t") for _ in range(3)]
    for _ in range(2):
        last = ada.subscriptions.read("s")[-1].position
        goes_back(ada.subscriptions)
        for _ in range(2):
            assert ada.subscriptions.ack("s", last).position == 0
        assert [it.task_id for it in ada.subscriptions.read("s")] == ids
        assert ada.subscriptions.ack("s", last - 1).behind == 1


def test_what_was_read_before_a_replay_does_not_undo_it_though_others_read_since(ada):
    ada.subscriptions.put("s", "created:*", after=0)
    ids = [ada.tasks.create_task("x", "t") for _ in range(3)]
    other, script = Subscriptions(ada.graph), Subscriptions(ada.graph)
    last = ada.subscriptions.read("s")[-1].position
    other.replay("s", 0)
    assert script.ack("s", last).position == 0
    assert [it.task_id for it in other.read("s")] == ids
    assert ada.subscriptions.ack("s", last).position == 0
    assert script.ack("s", 1).position == 1  # it has read nothing, and is taken for the other
    assert other.ack("s", 2).position == 2
    assert [it.task_id for it in ada.subscriptions.read("s")] == ids[2:]
    assert ada.subscriptions.ack("s", last).behind == 0


def test_who_follows_goes_back_with_a_replay(ada):
    ada.subscriptions.put("s", "created:*", after=0)
    ids = [ada.tasks.create_task("x", "t") for _ in range(3)]
    following = ada.subscriptions.follow("s", idle_seconds=0)
    assert [next(following).task_id for _ in range(2)] == ids[:2]
    ada.subscriptions.replay("s", 0)
    assert [it.task_id for it in following] in ([ids[2], *ids], ids)
    assert ada.subscriptions.get("s").behind == 0


def test_a_replay_goes_back_to_a_time(ada, cypher):
    ada.subscriptions.put("s", "created:*", after=0)
    ids = [ada.tasks.create_task("x", "t") for _ in range(4)]
    for event in ada.subscriptions.read("s"):
        ada.subscriptions.ack("s", event.position)
    now = datetime.now(UTC)
    hours = dict(zip(ids, (4, 1, 3, 2), strict=True))
    for task_id, number in hours.items():  # the second one stands before older ones, as it may
        cypher(
            "MATCH (:Task {task_id: $id})-[:HAS_EVENT]->(e) SET e.at = datetime($at)",
            id=task_id,
            at=(now - timedelta(minutes=number)).isoformat(),
        )
    for minutes, wanted in ((60, ids), (3.5, ids[1:]), (1.5, ids[1:]), (0.5, []), (-60, [])):
        ada.subscriptions.replay("s", now - timedelta(minutes=minutes))
        assert [it.task_id for it in ada.subscriptions.read("s")] == wanted
    with pytest.raises(ValidationError, match="timezone"):
        ada.subscriptions.replay("s", datetime(2026, 1, 1))


def test_who_reads_ahead_passes_nothing_over(ada, monkeypatch):
    monkeypatch.setattr(subscriptions, "PASSED_OVER", 1)
    ada.subscriptions.put("s", "created:rare", after=0)
    wanted = ada.tasks.create_task("x", "rare")
    for _ in range(5):
        ada.tasks.create_task("x", "t")
    (first,) = ada.subscriptions.read("s")
    assert ada.subscriptions.read("s", after=first.position) == []
    assert [it.task_id for it in ada.subscriptions.read("s")] == [wanted]


def test_who_is_unsubscribed_gets_nothing_more(ada):
    ada.subscriptions.put("s", "*")
    following = ada.subscriptions.follow("s", idle_seconds=30)
    ada.tasks.create_task("x", "t")
    assert next(following).type == "created"
    assert ada.subscriptions.remove("s") is True
    assert ada.subscriptions.remove("s") is False
    with pytest.raises(SubscriptionNotFoundError):
        next(following)
    with pytest.raises(SubscriptionNotFoundError):
        ada.subscriptions.read("s")
    with pytest.raises(SubscriptionNotFoundError):
        ada.subscriptions.ack("s", 0)


def test_one_reads_at_a_time_and_another_takes_over(ada):
    ada.subscriptions.put("s", "created:*")
    ids = [ada.tasks.create_task("x", "t") for _ in range(4)]
    first = ada.subscriptions.follow("s", reader="first", lease_seconds=1)
    assert [next(first).task_id for _ in range(2)] == ids[:2]
    with pytest.raises(SubscriptionHeldError):
        ada.subscriptions.read("s")
    with pytest.raises(SubscriptionHeldError):
        ada.subscriptions.ack("s", 1)
    second = ada.subscriptions.follow("s", reader="second", idle_seconds=10)
    # What the first had acknowledged or not when its lease ended comes again at most.
    assert next(second).task_id in ids[:3]
    time.sleep(1)  # so that the next event is acknowledged before it is given
    with pytest.raises(SubscriptionHeldError):
        list(islice(first, 2))
    second.close()
    third = ada.subscriptions.follow("s", idle_seconds=0.2)
    assert [it.task_id for it in third][-1] == ids[-1]
    assert ada.subscriptions.read("s") == []


def test_a_quiet_subscription_moves_on(ada):
    ada.subscriptions.put("s", "failed:*", after=0)
    ada.tasks.create_tasks([NewTask(content="x", task_type="t") for _ in range(1_100)])
    assert ada.subscriptions.read("s") == []
    assert ada.subscriptions.get("s").behind == 0


def test_what_is_not_read_is_not_pruned(ada, caplog):
    ada.subscriptions.put("s", "failed:*", after=0)
    done = finish(ada, ada.tasks.create_task("x", "t"))
    with caplog.at_level(logging.WARNING, "graph_orch.retention"):
        assert ada.retention.prune(0) == 0
    assert "subscription s has read up to position 0 only" in caplog.text
    ada.subscriptions.ack("s", ada.events.end())
    later = finish(ada, ada.tasks.create_task("x", "t"))
    assert ada.retention.prune(0) == 1
    assert ada.tasks.get_task_status(done) is None
    assert ada.retention.prune(0, also_unread=True) == 1
    assert ada.tasks.get_task_status(later) is None


READER = """
import sys
from graph_orch import Orchestrator
with Orchestrator.connect() as orch:
    for event in orch.subscriptions.follow("s", lease_seconds=1, idle_seconds=float(sys.argv[1])):
        print(event.position, flush=True)
"""


def test_readers_that_are_killed_lose_nothing(ada, server):
    ada.subscriptions.put("s", "created:*", after=0)
    given = {**os.environ, **environment(server)}
    stop = threading.Event()
    made: list[str] = []

    def create() -> None:
        with Orchestrator.connect(*server) as orch:
            while not stop.is_set():
                made.append(orch.tasks.create_task("x", "t"))

    creating = threading.Thread(target=create)
    creating.start()
    seen: list[int] = []
    try:
        for _ in range(3):
            command = [sys.executable, "-c", READER, "60"]
            with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, text=True) as reader:
                assert reader.stdout is not None
                seen += [int(reader.stdout.readline()) for _ in range(50)]
                reader.send_signal(signal.SIGKILL)
                seen += [int(line) for line in reader.stdout if line.endswith("\n")]
    finally:
        stop.set()
        creating.join()
    command = [sys.executable, "-c", READER, "3"]
    last = subprocess.run(command, env=given, stdout=subprocess.PIPE, text=True, check=True)
    seen += map(int, last.stdout.split())
    assert set(seen) == {it.position for it in ada.events.read(limit=10_000)}
    assert len(set(seen)) == len(made)


def test_conditions_on_fields_choose_among_events_wherever_these_are_read(orch, new_task):
    wanted = "task.metadata.customer = acme"
    orch.subscriptions.put("acme", "created", where=wanted)
    ids = [
        new_task(metadata={"customer": "acme" if number % 40 == 39 else "other"})
        for number in range(120)
    ]
    theirs = ids[39::40]
    assert [event.task_id for event in orch.subscriptions.read("acme", 2)] == theirs[:2]
    assert orch.subscriptions.list()[0].where == [wanted]
    page = orch.events.read(pattern="created", where=[wanted, "attempt = 0"], limit=10)
    assert [event.task_id for event in page] == theirs[:1]
    found = orch.events.subscribe(pattern="created:any", where=wanted, idle_seconds=0)
    assert [event.task_id for event in found] == theirs
