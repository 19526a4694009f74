"""Recurring work: once per tick, however many look and whenever they die."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from graph_orch import AsyncOrchestrator, NewTask, ValidationError, Worker
from graph_orch._sync import schedules

TASK = {"content": "sweep", "task_type": "chore", "requirements": ["broom"]}


@pytest.fixture
def pass_time(cypher):
    """Let time pass, as the schedules see it: their next ticks move back."""

    def shift(**units: float) -> None:
        cypher(
            "MATCH (s:Schedule) SET s.next_at = s.next_at - duration($units)",
            units=units,
        )

    return shift


@pytest.fixture
def tasks_of(cypher):
    """The ids of the tasks of a schedule, by their ticks."""

    def find(name: str) -> dict[datetime, str]:
        rows = cypher(
            "MATCH (t:Task)-[r:OF_SCHEDULE]->(:Schedule {name: $name}) "
            "RETURN r.tick AS tick, t.task_id AS id",
            name=name,
        )
        assert len({row["tick"] for row in rows}) == len(rows)
        return {row["tick"].to_native(): row["id"] for row in rows}

    return find


def test_put_get_list_remove(orch):
    made = orch.schedules.put("b", "30 2 * * *", TASK, timezone="Europe/Berlin")
    assert (made.name, made.cron, made.timezone, made.paused) == (
        "b",
        "30 2 * * *",
        "Europe/Berlin",
        False,
    )
    assert made.task == TASK
    assert made.last_at is None
    assert timedelta() < made.next_at - datetime.now(UTC) < timedelta(hours=26)
    local = made.next_at.astimezone(ZoneInfo("Europe/Berlin"))
    assert (local.hour, local.minute) in {(2, 30), (3, 0)}
    assert orch.schedules.get("b") == made
    other = orch.schedules.put("a", "0 0 1 1 *", NewTask(content="x", task_type="y"))
    assert orch.schedules.list() == [other, made]
    assert orch.schedules.remove("b")
    assert orch.schedules.get("b") is None
    assert not orch.schedules.remove("b")
    assert orch.schedules.tick() == []


def test_tick_creates_the_task_that_is_due(orch, pass_time, tasks_of):
    due = orch.schedules.put("hourly", "0 * * * *", {**TASK, "priority": "high"}).next_at
    assert orch.schedules.tick() == []
    pass_time(hours=1)
    (task_id,) = orch.schedules.tick()
    task = orch.tasks.get_task_status(task_id)
    assert (task.content, task.requirements, task.priority) == ("sweep", ["broom"], "high")
    tick = due - timedelta(hours=1)
    assert task.idempotency_key == f"schedule:hourly:{tick.isoformat()}"
    assert tasks_of("hourly") == {tick: task_id}
    schedule = orch.schedules.get("hourly")
    assert (schedule.last_at, schedule.next_at) == (tick, due)
    assert orch.schedules.tick() == []
    orch.agents.register_agent("ada", ["broom"])
    assert [claim.task_id for claim in orch.tasks.claim_tasks("ada")] == [task_id]
    assert orch.doctor().is_sound


def test_many_schedulers_create_each_tick_once(orch, pass_time, tasks_of):
    names = [f"s{number}" for number in range(20)]
    for name in names:
        orch.schedules.put(name, "0 * * * *", TASK)
    created: list[str] = []
    for _ in range(3):
        pass_time(hours=1)
        with ThreadPoolExecutor(8) as pool:
            for ids in pool.map(lambda _: orch.schedules.tick(), range(8)):
                created += ids
        # The same tick comes again where time was moved back: its task is there.
        assert all(len(tasks_of(name)) == 1 for name in names)
    assert len(created) == len(set(created)) == len(names)
    assert len(orch.tasks.query_tasks({"task_type": "chore"})) == len(names)
    assert all(s.next_at > datetime.now(UTC) for s in orch.schedules.list())


def test_every_second_is_ticked_once_by_many(orch, cypher, tasks_of):
    orch.schedules.put("busy", "* * * * * *", TASK)
    cypher("MATCH (s:Schedule) SET s.next_at = s.next_at - duration('PT5S')")

    def work(_: int) -> int:
        found = 0
        while len(tasks_of("busy")) < 3:
            found += len(orch.schedules.tick())
        return found

    with ThreadPoolExecutor(8) as pool:
        created = sum(pool.map(work, range(8)))
    assert created == len(tasks_of("busy")) >= 3
    orch.schedules.remove("busy")


DYING = """
import os, sys
from graph_orch import Orchestrator
from graph_orch._sync import schedules
create = schedules.insert
def die(tx, params):
    if create(tx, params):
        os._exit(17)
    return []
schedules.insert = die
with Orchestrator.connect(sys.argv[1], tuple(sys.argv[2:]) or None) as orch:
    orch.schedules.tick()
"""


def test_dying_between_creating_and_advancing_leaves_the_tick_to_the_next(
    orch, server, pass_time, tasks_of
):
    orch.schedules.put("daily", "0 0 * * *", TASK)
    pass_time(days=1)
    uri, auth, _ = server
    done = subprocess.run([sys.executable, "-c", DYING, uri, *(auth or ())], check=False)
    assert done.returncode == 17
    assert len(orch.schedules.tick()) == 1
    assert orch.schedules.tick() == []
    assert len(orch.tasks.query_tasks()) == len(tasks_of("daily")) == 1


def test_schedule_that_cannot_tick_here_does_not_hold_up_the_others(orch, pass_time, cypher):
    for name in ("a", "b", "c"):
        orch.schedules.put(name, "0 * * * *", TASK)
    pass_time(hours=1)
    cypher("MATCH (s:Schedule {name: 'b'}) SET s.timezone = 'Mars/Olympus'")
    with pytest.raises(ValidationError, match="Mars"):
        orch.schedules.tick()
    assert len(orch.tasks.query_tasks()) == 2


def test_workers_let_schedules_tick(orch, pass_time):
    orch.schedules.put("daily", "0 0 * * *", TASK | {"requirements": []})
    pass_time(days=1)
    worker, done = Worker(orch, "sweeper", []), []

    @worker.task("chore")
    def sweep(ctx):
        done.append(ctx.task.content)
        worker.stop()

    worker.run()
    assert done == ["sweep"]


def test_tick_whose_task_exists_is_passed(orch, pass_time):
    tick = orch.schedules.put("daily", "0 0 * * *", TASK).next_at - timedelta(days=1)
    key = f"schedule:daily:{tick.isoformat()}"
    made_before = NewTask(content="made before", task_type="chore").with_own_key(key)
    (task_id,) = orch.tasks.create_tasks([made_before])
    pass_time(days=1)
    assert orch.schedules.tick() == []
    assert orch.schedules.get("daily").last_at == tick
    assert [task.task_id for task in orch.tasks.query_tasks()] == [task_id]


def test_schedule_removed_and_put_again_does_not_repeat_a_tick(orch, pass_time):
    for times in range(2):
        orch.schedules.put("daily", "0 0 * * *", TASK)
        pass_time(days=1)
        assert len(orch.schedules.tick()) == 1 - times
        orch.schedules.remove("daily")
    assert len(orch.tasks.query_tasks()) == 1


def test_only_the_latest_missed_tick_is_made_up_for(orch, pass_time, tasks_of):
    due = orch.schedules.put("hourly", "0 * * * *", TASK).next_at
    pass_time(hours=100)
    assert len(orch.schedules.tick()) == 1
    assert set(tasks_of("hourly")) == {due - timedelta(hours=1)}
    assert orch.schedules.get("hourly").next_at == due
    assert orch.schedules.tick() == []


def test_ticks_across_a_change_to_summer_time(orch, cypher, tasks_of, monkeypatch):
    orch.schedules.put("night", "30 2 * * *", TASK, timezone="Europe/Berlin")
    read = orch.graph.read
    clock = {"now": None}

    def at(name, **params):  # the server's clock cannot be set; what it says can
        rows = read(name, **params)
        return [dict(row) | clock for row in rows] if name == "schedules/due" else rows

    class Moment(datetime):
        def to_native(self):
            return self

    monkeypatch.setattr(orch.graph, "read", at)
    cypher("MATCH (s:Schedule) SET s.next_at = datetime('2026-03-28T01:30Z')")
    for day in (28, 29, 30):
        clock["now"] = Moment(2026, 3, day, 1, 40, tzinfo=UTC)
        assert len(orch.schedules.tick()) == 1
    assert sorted(tick.isoformat()[5:16] for tick in tasks_of("night")) == [
        "03-28T01:30",
        "03-29T01:00",  # half past two is left out; it comes at three
        "03-30T00:30",
    ]


def test_put_again_keeps_the_tick_that_is_due(orch, pass_time):
    orch.schedules.put("hourly", "0 * * * *", TASK)
    pass_time(hours=1)
    again = orch.schedules.put("hourly", "0 * * * *", {**TASK, "content": "mop"})
    assert again.next_at <= datetime.now(UTC)
    (task_id,) = orch.schedules.tick()
    assert orch.tasks.get_task_status(task_id).content == "mop"
    other = orch.schedules.put("hourly", "30 * * * *", TASK)
    assert other.next_at.minute == 30
    assert other.next_at > datetime.now(UTC)
    assert other.created_at == again.created_at


def test_paused_schedule_does_not_tick(orch, pass_time):
    assert orch.schedules.put("hourly", "0 * * * *", TASK, paused=True).next_at is None
    assert orch.schedules.tick() == []
    assert orch.schedules.put("hourly", "0 * * * *", TASK).next_at > datetime.now(UTC)
    pass_time(hours=1)
    assert orch.schedules.put("hourly", "0 * * * *", TASK, paused=True).paused
    assert orch.schedules.tick() == []


def test_limit_takes_those_that_waited_longest(orch, cypher, tasks_of):
    for name in ("young", "old"):
        orch.schedules.put(name, "0 * * * *", TASK)
    cypher(
        "MATCH (s:Schedule) SET s.next_at = s.next_at - duration({hours: "
        "CASE s.name WHEN 'old' THEN 5 ELSE 1 END})"
    )
    assert len(orch.schedules.tick(limit=1)) == 1
    assert len(tasks_of("old")) == 1
    assert len(tasks_of("young")) == 0


def test_long_name_fits_into_the_key(orch, pass_time):
    name = "n" * 200
    orch.schedules.put(name, "0 * * * *", TASK)
    pass_time(hours=1)
    (task_id,) = orch.schedules.tick()
    assert len(orch.tasks.get_task_status(task_id).idempotency_key) < 200
    assert orch.schedules.get(name).last_at is not None


def test_remove_takes_a_long_history_in_parts(orch, pass_time, cypher, monkeypatch):
    monkeypatch.setattr(schedules, "UNLINKED_AT_ONCE", 2)
    orch.schedules.put("long", "0 * * * *", TASK)
    cypher(
        "MATCH (s:Schedule) UNWIND range(1, 5) AS n "
        "CREATE (:Task {task_id: toString(n)})-[:OF_SCHEDULE]->(s)"
    )
    assert orch.schedules.remove("long")
    assert cypher("MATCH (s:Schedule) RETURN s") == []
    assert cypher("MATCH (t:Task) RETURN count(*) AS number")[0]["number"] == 5


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"cron": "* * *"}, "cron: Wrong number of fields"),
        ({"cron": 5}, "cron: "),
        ({"timezone": "Mars"}, "timezone: 'Mars'"),
        ({"name": ""}, "name: "),
        ({"task": {"content": "x"}}, "task: task_type: Field required"),
        ({"task": {**TASK, "task_id": "3f0d0f4e-8f3c-4a0a-9c39-1f6f6f0d5a53"}}, "task: task_id"),
        ({"task": NewTask(content="x", task_type="y", idempotency_key="k")}, "idempotency_key"),
        ({"task": {**TASK, "dependencies": ["x"]}}, "task: dependencies"),
        ({"task": {**TASK, "available_at": datetime.now(UTC)}}, "task: available_at"),
    ],
)
def test_what_is_not_acceptable_is_refused(orch, change, complaint):
    fields = {"name": "x", "cron": "* * * * *", "task": TASK} | change
    with pytest.raises(ValidationError, match=complaint):
        orch.schedules.put(**fields)
    assert orch.schedules.list() == []


async def test_asynchronous(aorch: AsyncOrchestrator, pass_time):
    await aorch.schedules.put("hourly", "0 * * * *", TASK)
    pass_time(hours=1)
    (task_id,) = await aorch.schedules.tick()
    assert (await aorch.tasks.get_task_status(task_id)).content == "sweep"
    assert [schedule.name for schedule in await aorch.schedules.list()] == ["hourly"]
    assert await aorch.schedules.remove("hourly")
