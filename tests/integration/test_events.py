"""The log of events: nothing is skipped, whoever commits late; and it goes on where one stopped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import neo4j
import pytest

from graph_orch import NewTask, ValidationError
from graph_orch.domain.patterns import Wanted

LATE = """
CREATE (:Task {task_id: 'late'})-[:HAS_EVENT]->(:TaskEvent:NewEvent {
  event_id: $id, type: 'created', at: datetime() - duration('PT1H'), attempt: 0,
  seq: 1, command_id: $id
})
"""


def test_every_transition_in_order(orch, running):
    task = running()
    orch.tasks.complete_task(task.task_id)
    events = orch.events.read()
    assert [event.type for event in events] == ["created", "assigned", "started", "completed"]
    assert [event.position for event in events] == [1, 2, 3, 4]
    assert events.next_cursor == 4
    assert list(orch.events.read(4)) == []


def test_places_are_shown_when_their_transaction_has_ended(orch, new_task):
    """While it commits, the end of the log may be seen before the events in front of it."""
    orch.subscriptions.put("s", "*")
    new_task()
    given = {"limit": 10, "command_id": "x"}
    wanted = Wanted.of("*")
    look = {"after": 0, "limit": 10, **wanted.filters, **wanted.asked}
    assert orch.graph.write("events/number", **given)[0]["number"] == 1
    (row,) = orch.graph.read("events/read", **look)
    assert (row["events"], row["last"], row["more"]) == ([], 0, True)
    assert orch.graph.write("events/number", **given)[0]["number"] == 0
    (row,) = orch.graph.read("events/read", **look)
    assert (len(row["events"]), row["last"], row["more"]) == (1, 1, False)
    new_task()
    orch.graph.write("events/number", **given)  # and whoever did so died
    assert len(orch.subscriptions.read("s")) == 2
    assert len(orch.events.read()) == 2


def test_claim_that_starts_stands_in_order(orch, new_task):
    orch.agents.register_agent("worker", [], max_concurrent_tasks=50)
    for _ in range(20):
        new_task()
    orch.tasks.claim_tasks("worker", 20, start=True)
    seen: dict[str, list[str]] = {}
    for event in orch.events.read():
        seen.setdefault(event.task_id, []).append(event.type)
    assert set(map(tuple, seen.values())) == {("created", "assigned", "started")}


def test_pages_and_types(orch, new_task):
    for _ in range(5):
        new_task()
    orch.tasks.cancel_task(new_task())
    first = orch.events.read(limit=4)
    rest = orch.events.read(first.next_cursor)
    assert (len(first), len(rest)) == (4, 3)
    assert not {event.event_id for event in first} & {event.event_id for event in rest}
    found = orch.events.read(types=["cancelled"])
    assert [event.type for event in found] == ["cancelled"]
    assert found.next_cursor == 7


def test_late_committer_is_not_skipped(orch, new_task, server, driver: neo4j.Driver):
    with driver.session(database=server[2]) as session:
        late = session.begin_transaction()
        late.run(LATE, id="late-1").consume()
        task_id = new_task()
        page = orch.events.read()
        assert [event.task_id for event in page] == [task_id]
        late.commit()
    assert [event.event_id for event in orch.events.read(page.next_cursor)] == ["late-1"]


def test_readers_at_once_see_the_same_log(orch):
    orch.tasks.create_tasks(NewTask(content=str(n), task_type="any") for n in range(3_000))

    def follow(_: int) -> list[str]:
        return [event.event_id for event in islice(orch.events.subscribe(), 3_000)]

    with ThreadPoolExecutor(4) as pool:
        logs = list(pool.map(follow, range(4)))
    assert len(set(logs[0])) == len(logs[0]) == 3_000
    assert all(log == logs[0] for log in logs)


def test_subscription_goes_on_from_a_cursor(orch, new_task):
    ids = [new_task() for _ in range(3)]
    first = list(islice(orch.events.subscribe(), 2))
    assert [event.task_id for event in first] == ids[:2]
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(lambda: list(islice(orch.events.subscribe(first[-1].position), 2)))
        last = new_task()
        assert [event.task_id for event in rest.result(60)] == [ids[2], last]


def test_end_is_where_the_new_begins(orch, new_task):
    new_task()
    cursor = orch.events.end()
    task_id = new_task()
    assert [event.task_id for event in orch.events.read(cursor)] == [task_id]


async def test_asynchronous_subscription(aorch):
    task_id = await aorch.tasks.create_task("x", "any")
    async for event in aorch.events.subscribe():
        assert event.task_id == task_id
        break


def test_wrong_arguments_say_so(orch):
    with pytest.raises(ValidationError, match="types"):
        orch.events.read(types=["unheard-of"])
    with pytest.raises(ValidationError, match="after"):
        orch.events.read(-1)
