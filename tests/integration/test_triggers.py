"""Triggers: each fires once for what it is on, and what it does is done once."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import neo4j
import pytest

from graph_orch import (
    NewTask,
    SubscriptionDeliveredError,
    TriggerNotFoundError,
    ValidationError,
    Worker,
)
from graph_orch._async import acting as acting_async
from graph_orch._sync import acting, bulk, evaluating
from graph_orch._sync.commands import Commands
from graph_orch._sync.handling import Handling
from graph_orch._sync.upkeep import Upkeep
from graph_orch.domain.durable import Waits
from graph_orch.domain.ids import new_hex
from graph_orch.domain.webhooks import new_secret
from graph_orch.store import functions as calling
from graph_orch.store.functions import FUNCTIONS
from graph_orch.store.statements import statement
from graph_orch.testing import advance
from tests.waiting import eventually
from tests.webhook_receiver import Receiver

SECONDS = 60


@pytest.fixture
def ada(orch):
    orch.agents.register_agent("ada", ["py"], max_concurrent_tasks=1_000)
    return orch


def finish(orch, task_id, result=None, agent="ada"):
    orch.tasks.assign_task(task_id, agent)
    orch.tasks.start_task(task_id)
    orch.tasks.complete_task(task_id, result)
    return task_id


def made(orch, kind="made"):
    return [task.content for task in orch.tasks.query_tasks({"task_type": kind})]


def made_by(orch, name):
    tasks = orch.tasks.query_tasks({"task_type": "made"})
    return [it.content for it in tasks if it.idempotency_key.startswith(f"trigger:{name}:")]


MAKE = {"content": "{event.task_type}", "task_type": "made"}


def test_each_event_makes_a_task_once(ada):
    before = ada.tasks.create_task("x", "research/a")
    trigger = ada.triggers.put("follow up", "completed:research/*", create=MAKE)
    assert (trigger.on, trigger.fired, trigger.pending) == ("completed:research/*", 0, 0)
    for kind in ("research/a", "research/b", "write"):
        finish(ada, ada.tasks.create_task("x", kind))
    finish(ada, before)
    fired = ada.triggers.run()
    assert [it.status for it in fired] == ["done"] * 3
    assert sorted(made(ada)) == ["research/a", "research/a", "research/b"]
    assert ada.triggers.run() == []
    assert ada.maintain()["fired"] == 0
    assert len(made(ada)) == 3
    (task, *_) = ada.tasks.query_tasks({"task_type": "made"})
    assert task.idempotency_key in {it.key for it in fired}
    assert {it.key for it in fired} == {f"trigger:follow up:{it.position}" for it in fired}
    trigger = ada.triggers.get("follow up")
    assert (trigger.fired, trigger.behind, trigger.failed) == (3, 0, 0)
    assert [it.key for it in ada.triggers.firings("follow up", 2)] == [
        it.key for it in sorted(fired, key=lambda it: -it.position)[:2]
    ]
    assert ada.triggers.remove("follow up")
    assert not ada.triggers.remove("follow up")
    with pytest.raises(TriggerNotFoundError, match="follow up"):
        ada.triggers.firings("follow up")
    finish(ada, ada.tasks.create_task("x", "research/a"))
    assert ada.triggers.run() == []


def test_the_fields_of_the_event_and_of_its_task_fill_the_template(ada):
    ada.triggers.put(
        "t",
        "completed:write",
        create={
            "content": "check {task.result.title} ({task.result.pages.1}) of {event.agent_id}{{}}",
            "task_type": "made",
            "priority": "{task.priority}",
            "dependencies": ["{event.task_id}"],
            "metadata": {"whole": "{task.result}", "of": "{trigger.name}", "n": 1},
        },
    )
    first = ada.tasks.create_task("x", "write", priority="high")
    finish(ada, first, {"title": "Bees", "pages": [1, [2]]})
    ada.triggers.run()
    (task,) = ada.tasks.query_tasks({"task_type": "made"})
    assert task.content == "check Bees ([2]) of ada{}"
    assert (task.priority, task.dependencies) == ("high", [first])
    whole = {"title": "Bees", "pages": [1, [2]]}
    assert task.metadata == {"whole": whole, "of": "t", "n": 1}


@pytest.mark.parametrize(
    ("when", "fires_at"),
    [
        ({"count": 1}, [0, 1, 2, 3, 4, 5]),
        ({"count": 3}, [2, 5]),
        ({"count": 2, "for_each": "task_type"}, [2, 3]),
        ({"count": 2, "within_seconds": 60, "for_each": "task_type"}, [2]),
        ({"count": 2, "within_seconds": 60}, [1, 3]),
        ({"count": 2, "for_each": ["task_type", "workflow_id"]}, []),
        ({"count": 1, "for_each": "skill"}, [4]),
    ],
)
def test_thresholds_windows_and_groups(ada, when, fires_at):
    ada.triggers.put("t", "created:?", when=when, create={"content": "x", "task_type": "made"})
    first = ada.events.end()
    places = []

    def event(kind, seconds, **fields):
        advance(ada, seconds)
        task_id = ada.tasks.create_task("x", kind, **fields)
        ada.events.end()
        (place,) = [it.position for it in ada.events.read(first) if it.task_id == task_id]
        places.append(place)

    event("a", 0)
    event("b", 0)
    event("a", 50)
    event("b", 50)
    event("c", 100, requirements=["py"])
    event("d", 100)
    ada.triggers.run()
    wanted = [places[it] for it in fires_at]
    assert [it.position for it in ada.triggers.test(on="created:?", when=when)] == wanted
    assert sorted(it.position for it in ada.triggers.firings("t")) == wanted


def test_what_fails_to_come(ada):
    ada.triggers.put(
        "late",
        "started:work",
        when={"expect": "completed,failed:*", "within_seconds": 60, "for_each": "task_id"},
        create={"content": "{event.task_id}", "task_type": "made"},
    )
    done, late, other = (
        ada.tasks.create_task("x", "work", start_to_close_seconds=100) for _ in range(3)
    )
    for task_id in (done, late, other):
        ada.tasks.assign_task(task_id, "ada", lease_seconds=10_000)
        ada.tasks.start_task(task_id)
    assert ada.triggers.run() == []
    advance(ada, 50)
    ada.tasks.complete_task(done)
    assert ada.triggers.run() == []
    advance(ada, 11)
    assert sorted(made(ada)) == sorted([late, other])
    ada.tasks.complete_task(late)
    advance(ada, 100)
    assert len(made(ada)) == 2
    assert len(ada.triggers.test("late")) == 2


def test_what_fails_to_come_does_so_though_the_log_is_never_read_to_its_end(
    ada, monkeypatch, cypher
):
    when = {"expect": "completed:x", "within_seconds": 60}
    ada.triggers.put(
        "silent", "created:x", when=when, create={"content": "{task.content}", "task_type": "made"}
    )
    ada.tasks.create_task("nobody", "x")
    ada.triggers.run()
    cypher("MATCH (k:TriggerGroup) SET k.due_at = datetime() - duration('PT5S')")
    monkeypatch.setattr(evaluating, "PLACES", 2)
    for _ in range(10):
        ada.tasks.create_tasks([NewTask(content="x", task_type="y") for _ in range(3)])
        ada.triggers.run(seconds=0.000_001)  # one pass, of two places
    assert ada.triggers.get("silent").behind >= 10
    assert made(ada) == ["nobody"]


def test_what_fired_has_half_of_the_time(ada, monkeypatch):
    untils = []
    for kind in (evaluating.Evaluator, acting.Acting):

        def told(self, until, run=kind.run):
            untils.append(until)
            return run(self, until)

        monkeypatch.setattr(kind, "run", told)
    ada.triggers.put("t", "created:x", create=MAKE)
    ada.tasks.create_task("x", "x")
    ada.maintain()
    ada.triggers.run(seconds=100)
    assert [b - a for a, b in zip(untils[::2], untils[1::2], strict=True)] == pytest.approx([5, 50])


def test_an_event_that_comes_again_and_again(ada):
    """A dead man's switch: the expected event is the one that it waits after."""
    beat = {"expect": "created:beat", "within_seconds": 60}
    ada.triggers.put("silent", "created:beat", when=beat, create=MAKE)
    for _ in range(4):
        ada.tasks.create_task("x", "beat")
        advance(ada, 40)
    assert made(ada) == []
    advance(ada, 40)
    assert made(ada) == ["beat"]
    advance(ada, 100)  # it waits for the next beat, after which it waits again
    assert made(ada) == ["beat"]
    ada.tasks.create_task("x", "beat")
    advance(ada, 61)
    assert made(ada) == ["beat"] * 2
    assert len(ada.triggers.test("silent")) == 2


def test_conditions_hold_for_what_comes_and_for_what_is_expected(ada):
    urgent = {"where": ["task.metadata.rush >= 5"], "create": MAKE}
    ada.triggers.put("rush", "completed:any", **urgent)
    late = {"expect": "completed", "within_seconds": 60, "for_each": "task_id"}
    ada.triggers.put("late", "created:any", when=late, **urgent)
    for rush in (1, 5, 9):
        finish(ada, ada.tasks.create_task(str(rush), "any", metadata={"rush": rush}), rush)
    ada.tasks.create_task("waits", "any", metadata={"rush": 7})
    ada.tasks.create_task("may wait", "any", metadata={"rush": 0})
    ada.triggers.run()
    advance(ada, 120)
    ada.triggers.run()
    assert (len(made_by(ada, "rush")), len(made_by(ada, "late"))) == (2, 1)
    assert len(ada.triggers.test("rush")) == 2
    found = ada.triggers.test(on="completed:any", where="task.result = 9")
    assert len(found) == 1


def test_a_workflow_from_a_template(ada):
    ada.triggers.put(
        "pipeline",
        "completed:order",
        start_workflow={
            "name": "order {task.result.number}",
            "tasks": [
                {"name": "pack", "content": "pack {task.content}", "task_type": "pack"},
                {
                    "name": "send",
                    "content": "{task.result}",
                    "task_type": "send",
                    "dependencies": ["pack"],
                },
            ],
            "metadata": {"of": "{event.task_id}"},
        },
    )
    order = finish(ada, ada.tasks.create_task("a book", "order"), {"number": 7})
    (fired,) = ada.triggers.run()
    (workflow_id,) = fired.made
    assert workflow_id == fired.key
    flow = ada.workflows.get(workflow_id)
    assert (flow.name, flow.metadata) == ("order 7", {"of": order})
    first, second = ada.tasks.query_tasks({"workflow_id": workflow_id})
    assert (first.content, second.content, second.dependencies) == (
        "pack a book",
        '{"number":7}',
        [first.task_id],
    )


def test_it_opens_gates_cancels_and_pauses(ada):
    gate = ada.gates.create("paid?", kind="event").gate_id
    waits = ada.tasks.create_task("x", "ship", gates=[gate])
    flow = ada.workflows.start(
        "f", [{"content": "x", "task_type": "step"} for _ in range(2)]
    ).workflow_id
    ada.triggers.put(
        "paid",
        "completed:pay",
        open_gate={
            "gate_id": "{task.metadata.gate}",
            "decision": "answer",
            "payload": "{task.result}",
        },
    )
    ada.triggers.put(
        "stop",
        "failed:step",
        cancel={"workflow_id": "{event.workflow_id}", "reason": "{event.detail.error}"},
    )
    ada.triggers.put("tidy", "failed:step", cancel={"task_type": "ship", "status": "pending"})
    ada.triggers.put(
        "rest",
        "failed",
        when={"count": 1, "for_each": "agent_id"},
        pause={
            "what": "agent:{trigger.group.0}",
            "seconds": 60,
            "reason": "failed {event.task_id}",
        },
    )
    finish(ada, ada.tasks.create_task("x", "pay", metadata={"gate": gate}), {"sum": 5})
    ada.triggers.run()
    decided = ada.gates.get(gate)
    assert (decided.status, decided.decided_by, decided.payload) == (
        "answered",
        "trigger:paid",
        {"sum": 5},
    )
    assert ada.tasks.get_task_status(waits).unmet == 0
    step = ada.tasks.query_tasks({"workflow_id": flow})[0].task_id
    ada.tasks.assign_task(step, "ada")
    ada.tasks.start_task(step)
    ada.tasks.fail_task(step, "broken", should_retry=False)
    fired = {it.trigger: it.made for it in ada.triggers.run()}
    assert fired == {"stop": [flow], "tidy": ["1 tasks"], "rest": ["agent:ada"]}
    assert ada.workflows.get(flow).state == "cancelled"
    assert ada.tasks.get_task_status(waits).status == "cancelled"
    (pause,) = ada.pauses.list()
    assert (pause.what, pause.reason, pause.by) == ("agent:ada", f"failed {step}", "trigger:rest")


def test_a_function_is_called_where_it_is_registered(ada, functions):
    told = []

    @ada.triggers.function("tell")
    def tell(fired):
        told.append((fired["key"], fired["event"]["task_id"], fired["task"]["content"]))
        if len(told) == 1:
            raise RuntimeError("the line is engaged")

    ada.triggers.put("known", "created:x", call="tell")
    ada.triggers.put("unknown", "created:x", call="nobody has it")
    task_id = ada.tasks.create_task("bees", "x")
    (fired,) = ada.triggers.run()
    assert (fired.status, fired.tries) == ("pending", 1)
    assert fired.error == "tell: RuntimeError: the line is engaged"
    assert ada.triggers.run() == []
    advance(ada, 2)
    assert told == [(fired.key, task_id, "bees")] * 2
    assert [it.status for it in ada.triggers.firings("known")] == ["done"]
    assert [(it.status, it.tries) for it in ada.triggers.firings("unknown")] == [("pending", 0)]

    @ada.triggers.function("nobody has it")
    async def hear(fired):
        told.append(fired["key"])

    done = ada.maintain()
    assert (done["fired"], done["called"]) == (0, 1)
    assert told[2:] == [f"trigger:unknown:{fired.position}"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit, SystemExit])
def test_workers_outlive_a_function_that_raises_what_ends_a_process(orch, functions, kind):
    raised, told = [], threading.Event()

    @orch.triggers.function("raises")
    async def raises(fired):
        raised.append(fired["key"])
        raise kind

    orch.triggers.function("tells")(lambda fired: told.set())
    orch.triggers.put("a", "created:first", call="raises")
    orch.triggers.put("b", "created:second", call="tells")
    worker = Worker(orch, "ada", [])
    worker.task("never")(lambda context: None)
    orch.tasks.create_task("x", "first")
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worker.run)
        try:
            assert eventually(lambda: any(it.error for it in orch.triggers.firings("a")))
            orch.tasks.create_task("x", "second")
            assert told.wait(SECONDS)
        finally:
            worker.stop()
            working.result(SECONDS)
    assert kind.__name__ in orch.triggers.firings("a")[0].error


def test_it_posts_to_a_webhook_once_for_each_firing(ada, monkeypatch):
    monkeypatch.setenv("GRAPH_ORCH_WEBHOOK_NETWORKS", "127.0.0.0/8")
    secret = new_secret()
    with Receiver(secret) as receiver:
        ada.webhooks.put("w", receiver.url, None, secret=secret)
        told = {"webhook": "w", "data": {"of": "{task.result}", "by": "{trigger.name}"}}
        ada.triggers.put("told", "completed:x", post=told)
        ada.triggers.put("all", "failed:x", post={"webhook": "w"})
        ada.triggers.put("none", "failed:x", post={"webhook": "nobody's"})
        first = finish(ada, ada.tasks.create_task("x", "x"), {"sum": 5})
        second = ada.tasks.create_task("x", "x")
        ada.tasks.assign_task(second, "ada")
        ada.tasks.fail_task(second, "x", should_retry=False)
        fired = {it.trigger: it for it in ada.triggers.run()}
        assert (fired["none"].status, '"nobody\'s" does not' in fired["none"].error) == (
            "pending",
            True,
        )
        receiver.answer = lambda got: 500
        ada.maintain()
        receiver.answer = lambda got: 200
        advance(ada, 10)
        ada.maintain()
        assert sorted(receiver.ids.values()) == [2, 2]
        assert receiver.wrong == []
        got = {it.id: it.event for it in receiver.got}
        assert ada.webhooks.get("w").waiting == 0
    assert got.keys() == {fired["told"].made[0], fired["all"].made[0]}
    event = got[fired["told"].made[0]]
    assert (event["type"], event["subject"]) == ("graph_orch.trigger.fired", first)
    assert event["data"] == {"of": {"sum": 5}, "by": "told"}
    event = got[fired["all"].made[0]]
    assert event["data"]["event"]["task_id"] == event["subject"] == second
    assert event["data"]["trigger"]["key"] == fired["all"].key
    assert {it.type for it in ada.webhooks.attempts("w")} == {"fired"}


def test_a_webhook_is_not_sent_what_another_trigger_on_the_event_needs(ada, cypher):
    ada.webhooks.put("w", "http://127.0.0.1:9", None)
    ada.triggers.put("a", "completed:x", create={**MAKE, "content": "{task.result.secret}"})
    ada.triggers.put("b", "completed:x", post={"webhook": "w"})
    finish(ada, ada.tasks.create_task("x", "x"), {"secret": "honey"})
    assert [it.status for it in ada.triggers.run()] == ["done"] * 2  # as one batch
    assert made(ada) == ["honey"]
    (row,) = cypher("MATCH (d:Delivery) RETURN d.body AS body")
    assert json.loads(row["body"])["data"].keys() == {"trigger", "event"}


def test_nothing_is_posted_to_a_webhook_that_is_disabled(ada, monkeypatch):
    monkeypatch.setenv("GRAPH_ORCH_WEBHOOK_NETWORKS", "127.0.0.0/8")
    secret = new_secret()
    with Receiver(secret) as receiver:
        ada.webhooks.put("w", receiver.url, None, secret=secret)
        ada.triggers.put("t", "created:x", post={"webhook": "w"})
        ada.tasks.create_task("x", "x")
        receiver.answer = lambda got: 410
        assert [it.status for it in ada.triggers.run()] == ["done"]
        ada.maintain()
        assert ada.webhooks.get("w").disabled_at is not None
        ada.tasks.create_task("x", "x")
        (refused,) = ada.triggers.run()
        assert (refused.status, "is disabled" in refused.error) == ("pending", True)
        for pause in range(acting.MOST_TRIES):
            advance(ada, 2**pause + 1)
        (refused,) = [it for it in ada.triggers.firings("t") if it.error]
        assert (refused.status, refused.tries) == ("failed", acting.MOST_TRIES)
        assert ada.webhooks.get("w").waiting == 1
        receiver.answer = lambda got: 200
        ada.webhooks.enable("w")
        assert ada.triggers.retry("t") == 1
        assert [it.status for it in ada.triggers.run()] == ["done"]
        ada.maintain()
        assert sorted(receiver.ids.values()) == [1, 2]


def test_a_webhook_that_wants_no_events_keeps_nothing_of_the_log(ada, cypher):
    ada.webhooks.put("w", "https://example.com", None)
    cypher("MATCH (s:Subscription {name: 'w'}) SET s.disabled_at = datetime()")
    finish(ada, ada.tasks.create_task("x", "x"))
    assert ada.retention.prune(0) == 1


class Died(BaseException):
    """Stands for the end of a process just where it is raised."""


def acted_twice(orch, monkeypatch, between):
    """Let the evaluator die between the effect and the note of it, and another one come."""
    write = orch.graph.write

    def dies(name, **params):
        if name == "triggers/finish":
            raise Died
        return write(name, **params)

    with monkeypatch.context() as patch:
        patch.setattr(orch.graph, "write", dies)
        with pytest.raises(Died):
            orch.triggers.run()
    between()
    advance(orch, 61)
    orch.triggers.run()


def test_what_was_cancelled_and_paused_is_so_once(ada, monkeypatch):
    """What somebody let go on meanwhile goes on."""
    flow = ada.workflows.start("f", [{"content": "x", "task_type": "step"}]).workflow_id
    (step,) = ada.tasks.query_tasks({"workflow_id": flow})
    ships = [ada.tasks.create_task("x", "ship") for _ in range(3)]
    for name, action in {
        "ships": {"cancel": {"task_type": "ship", "reason": "no sea"}},
        "flow": {"cancel": {"workflow_id": flow}},
        "agent": {"pause": {"what": "agent:ada"}},
        "queue": {"pause": {"what": "queue"}},
    }.items():
        ada.triggers.put(name, "created:storm", **action)
    ada.tasks.create_task("x", "storm")

    def between():
        statuses = [ada.tasks.get_task_status(it).status for it in (*ships, step.task_id)]
        assert statuses == ["cancelled"] * 4
        assert sorted(it.what for it in ada.pauses.list()) == ["agent:ada", "queue"]
        ada.tasks.retry_task(ships[0])
        ships.append(ada.tasks.create_task("x", "ship"))
        ada.workflows.retry(flow)
        ada.pauses.remove("agent:ada")
        ada.pauses.remove("queue")

    acted_twice(ada, monkeypatch, between)
    statuses = [ada.tasks.get_task_status(it).status for it in (*ships, step.task_id)]
    assert statuses == ["pending", "cancelled", "cancelled", "pending", "pending"]
    assert ada.pauses.list() == []
    fired = [
        it for name in ("ships", "flow", "agent", "queue") for it in ada.triggers.firings(name)
    ]
    made = {it.trigger: it.made for it in fired}
    assert made == {
        "ships": ["3 tasks"],
        "flow": [flow],
        "agent": ["agent:ada"],
        "queue": ["queue"],
    }
    assert [it.status for it in fired] == ["done"] * 4


def test_a_webhook_is_posted_to_once(ada, monkeypatch):
    ada.webhooks.put("w", "http://127.0.0.1:9", None)
    ada.triggers.put("t", "created:x", post={"webhook": "w"})
    ada.tasks.create_task("x", "x")
    acted_twice(ada, monkeypatch, lambda: None)
    assert [it.status for it in ada.triggers.firings("t")] == ["done"]
    assert ada.webhooks.get("w").waiting == 1


def test_what_cancels_many_goes_on_where_it_was_broken_off(ada, monkeypatch, cypher):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    ships = ada.tasks.create_tasks([NewTask(content="x", task_type="ship") for _ in range(5)])
    ada.triggers.put("t", "created:storm", cancel={"task_type": "ship"})
    ada.tasks.create_task("x", "storm")
    transaction, steps = ada.graph.transaction, []

    def dies(work, *args):
        if len(steps) == 2:
            raise Died
        steps.append(args)
        return transaction(work, *args)

    with monkeypatch.context() as patch:
        patch.setattr(ada.graph, "transaction", dies)
        with pytest.raises(Died):
            ada.triggers.run()
    cancelled = ada.tasks.query_tasks({"task_type": "ship", "status": "cancelled"})
    assert len(cancelled) == 4
    ada.tasks.retry_task(ships[0])
    cypher("MATCH (f:PendingFiring) SET f.due_at = datetime()")  # another may take it
    ada.triggers.run()
    statuses = [ada.tasks.get_task_status(it).status for it in ships]
    assert statuses == ["pending", *["cancelled"] * 4]
    assert [it.made for it in ada.triggers.firings("t")] == [["5 tasks"]]


def test_what_is_put_to_do_another_thing_does_it_from_its_beginning(ada, monkeypatch, cypher):
    """How far it came by what it did before is not how far it came by this."""
    ada.tasks.create_task("x", "ship")
    ada.triggers.put("t", "created:storm", cancel={"task_type": "ship"})
    ada.tasks.create_task("x", "storm")

    def between():
        ada.triggers.put("t", "created:storm", pause={"what": "agent:ada"})

    acted_twice(ada, monkeypatch, between)
    assert [it.what for it in ada.pauses.list()] == ["agent:ada"]
    assert [(it.status, it.made) for it in ada.triggers.firings("t")] == [("done", ["agent:ada"])]


def test_what_is_tried_again_counts_what_it_changed_by_this_work_alone(ada, monkeypatch):
    for kind in ("ship", "ship", "boat"):
        ada.tasks.create_task("x", kind)
    ada.triggers.put("t", "created:storm", cancel={"task_type": "ship"})
    ada.tasks.create_task("x", "storm")
    boats = {"cancel": {"task_type": "boat"}}
    acted_twice(ada, monkeypatch, lambda: ada.triggers.put("t", "created:storm", **boats))
    assert [it.made for it in ada.triggers.firings("t")] == [["1 tasks"]]
    assert len(ada.tasks.query_tasks({"status": "cancelled"})) == 3


def test_what_takes_many_steps_is_kept_while_it_takes_them_and_left_once_it_is_taken(
    ada, monkeypatch, cypher
):
    """Each step gives the process its time anew; after another took the firing it takes no step."""
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    for _ in range(6):
        ada.tasks.create_task("x", "ship")
    ada.triggers.put("t", "created:storm", cancel={"task_type": "ship"})
    ada.tasks.create_task("x", "storm")
    transaction, late = ada.graph.transaction, []

    def slow(work, *args):
        """The first step takes two minutes; before the third another process takes the firing."""
        late.append(cypher("MATCH (f:PendingFiring) RETURN f.due_at > datetime() AS its")[0]["its"])
        if len(late) == 1:
            cypher("MATCH (f:PendingFiring) SET f.due_at = datetime() - duration('PT1M')")
        if len(late) == 3:
            cypher("MATCH (f:PendingFiring) SET f.taken_by = 'another', f.tries = 2")
        return transaction(work, *args)

    with monkeypatch.context() as patch:
        patch.setattr(ada.graph, "transaction", slow)
        assert ada.triggers.run() == []
    assert late == [True] * 3
    assert len(ada.tasks.query_tasks({"task_type": "ship", "status": "cancelled"})) == 4
    assert [(it.status, it.tries) for it in ada.triggers.firings("t")] == [("pending", 2)]
    cypher("MATCH (f:PendingFiring) SET f.due_at = datetime()")
    assert [it.made for it in ada.triggers.run()] == [["6 tasks"]]


def test_workers_evaluate_triggers_and_call_their_functions(orch, functions):
    orch.triggers.put("check", "completed:write", create={**MAKE, "content": "{task.result}"})
    orch.triggers.put("tell", "completed:made", call="tell")
    orch.tasks.create_task("x", "write")
    worker, told = Worker(orch, "writer", []), []

    @worker.task("write")
    def write(ctx):
        return {"title": "Bees"}

    @worker.task("made")
    def check(ctx):
        return ctx.task.content

    @orch.triggers.function("tell")
    def tell(fired):
        told.append(fired["task"]["result"])
        worker.stop()

    worker.run()
    assert told == ['{"title":"Bees"}']


@pytest.mark.parametrize("stops", [1, 2])
def test_a_function_that_runs_when_its_worker_stops_has_its_grace(orch, functions, stops):
    free, began = threading.Event(), threading.Event()

    @orch.triggers.function("takes long")
    def takes_long(fired):
        began.set()
        free.wait(SECONDS)

    orch.triggers.put("t", "created:x", call="takes long")
    worker = Worker(orch, "ada", [], grace_seconds=SECONDS)
    worker.task("never")(lambda context: None)
    orch.tasks.create_task("x", "x")
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worker.run)
        try:
            assert began.wait(SECONDS)
        finally:
            for _ in range(stops):
                worker.stop()
            if stops == 1:
                assert not wait([working], 3).done
                free.set()
            working.result(SECONDS)
            free.set()
    (fired,) = orch.triggers.firings("t")
    assert (fired.status, fired.tries) == ("done" if stops == 1 else "pending", 1)


def test_a_function_that_hangs_holds_up_no_other_trigger(orch, functions):
    free, began, other, made = (threading.Event() for _ in range(4))

    @orch.triggers.function("hangs")
    def hangs(fired):
        began.set()
        free.wait(SECONDS)

    orch.triggers.function("tells")(lambda fired: other.set())
    orch.triggers.put("a", "created:first", call="hangs")
    orch.triggers.put("b", "created:second", create=MAKE)
    orch.triggers.put("c", "created:second", call="tells")
    worker = Worker(orch, "ada", [])
    worker.task("made")(lambda context: made.set())
    orch.tasks.create_task("x", "first")
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worker.run)
        try:
            assert began.wait(SECONDS)
            orch.tasks.create_task("x", "second")
            assert made.wait(SECONDS / 2)
            assert other.wait(SECONDS / 2)
        finally:
            free.set()
            worker.stop()
            working.result(SECONDS)


def test_a_function_that_hangs_is_left_alone_until_it_returns(ada, functions, monkeypatch):
    free, told = threading.Event(), []
    monkeypatch.setattr(acting, "CALL_SECONDS", 0.1)

    @ada.triggers.function("hangs")
    def hangs(fired):
        told.append(fired["key"])
        free.wait(SECONDS)

    ada.triggers.function("tells")(lambda fired: told.append("tells"))
    ada.triggers.put("a", "created:x", call="hangs")
    ada.triggers.put("b", "created:x", call="tells")
    for _ in range(2):
        ada.tasks.create_task("x", "x")
    fired = {(it.trigger, it.status, it.error) for it in ada.triggers.run()}
    late = "hangs: has not returned within 0.1 s, and this process does not call it again before"
    assert ("a", "pending", f"{late} it does") in fired
    monkeypatch.setattr(acting, "CALL_SECONDS", SECONDS)
    advance(ada, 10)
    assert sorted(it.tries for it in ada.triggers.firings("a")) == [0, 1]
    assert [it.status for it in ada.triggers.firings("b")] == ["done"] * 2
    free.set()
    assert eventually(lambda: "hangs" in calling.free())
    advance(ada, 10)
    assert [it.status for it in ada.triggers.firings("a")] == ["done"] * 2


def test_functions_for_which_nothing_is_due_are_not_asked_for_by_writes(
    ada, functions, monkeypatch
):
    """Also while one takes long."""
    write, taken, looks, free = ada.graph.write, [], [], threading.Event()
    read = ada.graph.read

    def told(name, **params):
        taken.append(params.get("function") if name == "triggers/take" else None)
        return write(name, **params)

    def looked(name, **params):
        looks.append(name)
        if looks.count("triggers/callable") == 3:
            free.set()
        return read(name, **params)

    ada.triggers.function("slow")(lambda fired: free.wait(SECONDS))
    ada.triggers.function("idle")(lambda fired: None)
    ada.triggers.put("t", "created:x", call="slow")
    ada.tasks.create_task("x", "x")
    monkeypatch.setattr(acting, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(ada.graph, "write", told)
    monkeypatch.setattr(ada.graph, "read", looked)
    assert [it.status for it in ada.triggers.run()] == ["done"]
    assert free.is_set()
    assert "slow" in taken
    assert "idle" not in taken


@pytest.mark.parametrize("at", ["take", "callable"])
async def test_what_goes_wrong_with_one_function_leaves_the_others_noted(
    ada, aorch, functions, monkeypatch, at
):
    failed = threading.Event()
    for name in ("a", "b"):
        ada.triggers.function(name)(lambda fired: failed.wait(SECONDS))
        ada.triggers.put(name, "created:x", call=name)
    ada.tasks.create_task("x", "x")
    looks, write, read = [], aorch.graph.write, aorch.graph.read

    async def writes(name, **params):
        if name == f"triggers/{at}" and params["function"] == "a":
            failed.set()
            raise RuntimeError("a fault of ours")
        return await write(name, **params)

    async def reads(name, **params):
        looks.append(name)
        if name == f"triggers/{at}" and looks.count(name) == 2:
            failed.set()
            raise RuntimeError("a fault of ours")
        return await read(name, **params)

    monkeypatch.setattr(acting_async, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(aorch.graph, "write", writes)
    monkeypatch.setattr(aorch.graph, "read", reads)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await aorch.triggers.run()
    assert [it.status for it in ada.triggers.firings("b")] == ["done"]


def test_what_is_put_to_call_a_function_is_called_with_what_calls_it(ada, functions, cypher):
    """And not with what calls none, which a function that hangs would hold up."""
    ada.triggers.put("t", "created:x", post={"webhook": "nobody's"})
    ada.tasks.create_task("x", "x")
    assert [it.status for it in ada.triggers.run()] == ["pending"]
    told = []
    ada.triggers.function("tell")(lambda fired: told.append(fired["key"]))
    ada.triggers.put("t", "created:x", call="tell")
    cypher("MATCH (f:PendingFiring) SET f.due_at = datetime()")
    left, called = ada.triggers.run()
    assert (left.status, left.error, left.tries) == ("pending", None, 2)
    assert (called.status, called.tries) == ("done", 3)
    assert told == [called.key]


def test_what_its_processes_die_of_fails_in_the_end(ada, monkeypatch, cypher):
    ada.triggers.put("t", "created:x", create=MAKE)
    ada.tasks.create_task("x", "x")
    write = ada.graph.write

    def dies(name, **params):
        if name == "triggers/finish":
            raise Died
        return write(name, **params)

    with monkeypatch.context() as patch:
        patch.setattr(ada.graph, "write", dies)
        for _ in range(acting.MOST_TRIES):
            with pytest.raises(Died):
                ada.triggers.run()
            cypher("MATCH (f:PendingFiring) SET f.due_at = datetime()")
    (fired,) = ada.triggers.run()
    assert (fired.status, fired.tries) == ("failed", 8)
    began = "begun 8 times and never ended: the processes died, or took longer than a minute"
    assert fired.error == began
    assert ada.triggers.retry("t") == 1
    (fired,) = ada.triggers.run()
    assert (fired.status, made(ada)) == ("done", ["x"])


def test_what_a_process_dies_of_takes_none_of_those_beside_it_along(ada, monkeypatch, cypher):
    ada.triggers.put("t", "created:x", create={**MAKE, "content": "{task.content}"})
    for content in ("before", "deadly", "after"):
        ada.tasks.create_task(content, "x")
    write = ada.graph.write

    def dies(name, **params):
        if name == "triggers/finish":
            keys = {it["key"] for it in params["rows"]}
            if keys & deadly:
                raise Died
        return write(name, **params)

    (event,) = (
        it
        for it in ada.events.read(0)
        if cypher("MATCH (t:Task {task_id: $id, content: 'deadly'}) RETURN t", id=it.task_id)
    )
    deadly = {f"trigger:t:{event.position}"}
    with monkeypatch.context() as patch:
        patch.setattr(ada.graph, "write", dies)
        for _ in range(acting.MOST_TRIES):
            with pytest.raises(Died):
                ada.triggers.run()
            cypher("MATCH (f:PendingFiring) SET f.due_at = datetime()")
        ada.triggers.run()
    tries = {it.key in deadly: (it.status, it.tries) for it in ada.triggers.firings("t")}
    assert tries == {True: ("failed", 8), False: ("done", 2)}


def test_a_function_that_nobody_has_is_waited_for_no_longer_than_a_day(ada, functions):
    ada.triggers.put("t", "completed:x", call="nobody has it")
    done = finish(ada, ada.tasks.create_task("x", "x"))
    ada.triggers.run()
    advance(ada, 80_000)
    assert [it.status for it in ada.triggers.firings("t")] == ["pending"]
    assert ada.retention.prune(0) == 0
    advance(ada, 7_000)
    (fired,) = ada.triggers.firings("t")
    assert (fired.status, fired.tries) == ("failed", 0)
    assert fired.error == (
        "for a day no process that has this function was running; start one, and retry: "
        "nobody has it"
    )
    assert "1 firings of trigger 't' failed" in str(ada.monitor.get_health().problems)
    assert ada.triggers.retry("t") == 1
    assert ada.triggers.run() == []
    ada.triggers.function("nobody has it")(lambda fired: None)
    (fired,) = ada.triggers.run()
    assert fired.status == "done"
    assert ada.retention.prune(0) == 1
    assert ada.tasks.get_task_status(done) is None


def test_what_waits_for_a_function_that_is_called_all_the_time_is_not_given_up(ada, functions):
    ada.triggers.put("t", "created:x", call="slow")
    ada.tasks.create_tasks([NewTask(content="x", task_type="x") for _ in range(3)])
    ada.triggers.run()
    advance(ada, 80_000)
    ada.triggers.function("slow")(lambda fired: None)
    ada.triggers.run(seconds=0.000_001)  # one call: the others have to wait
    del FUNCTIONS["slow"]
    advance(ada, 7_000)
    statuses = sorted(it.status for it in ada.triggers.firings("t"))
    assert statuses == ["done", "pending", "pending"]
    advance(ada, 80_000)
    statuses = sorted(it.status for it in ada.triggers.firings("t"))
    assert statuses == ["done", "failed", "failed"]


@pytest.fixture
def functions():
    FUNCTIONS.clear()
    yield FUNCTIONS
    FUNCTIONS.clear()


def test_what_cannot_be_done_is_kept_with_its_reason(ada):
    ada.triggers.put(
        "t", "completed:x", create={"content": "{task.result.title.x}", "task_type": "made"}
    )
    finish(ada, ada.tasks.create_task("x", "x"), {"title": "Bees"})
    (fired,) = ada.triggers.run()
    assert fired.status == "failed"
    assert fired.error == 'create: there is no {task.result.title.x}: task.result.title is "Bees"'
    assert ada.triggers.run() == []
    trigger = ada.triggers.get("t")
    assert (trigger.failed, trigger.pending, trigger.error) == (1, 0, fired.error)
    problem = f"1 firings of trigger 't' failed, the last since: {fired.error}"
    assert problem in ada.monitor.get_health().problems
    ada.triggers.put(
        "t", "completed:x", create={"content": "{task.result.title}", "task_type": "made"}
    )
    assert ada.triggers.retry("t") == 1
    (fired,) = ada.triggers.run()
    assert (fired.status, made(ada)) == ("done", ["Bees"])
    assert ada.triggers.get("t").failed == 0
    assert ada.triggers.retry("t") == 0


def test_what_fails_is_tried_again_and_at_last_given_up(ada):
    ada.triggers.put("t", "created:x", open_gate={"gate_id": "{task.metadata}"})
    ada.tasks.create_task("x", "x", metadata="no gate")
    (fired,) = ada.triggers.run()
    assert (fired.status, fired.tries) == ("pending", 1)
    assert "no gate" in fired.error
    for tries in range(2, 9):
        advance(ada, 601)
        (fired,) = ada.triggers.firings("t")
        assert fired.tries == tries
    assert fired.status == "failed"
    advance(ada, 10_000)
    assert [it.tries for it in ada.triggers.firings("t")] == [8]


def test_triggers_that_make_each_other_fire_are_stopped(ada):
    ada.triggers.put(
        "ping", "created:ping", create={"content": "x", "task_type": "pong"}, max_depth=4
    )
    ada.triggers.put(
        "pong",
        "created:pong",
        start_workflow={"name": "x", "tasks": [{"content": "x", "task_type": "ping"}]},
        max_depth=4,
    )
    ada.triggers.put(
        "self", "created:self", create=[{"content": "x", "task_type": "self"}], max_depth=3
    )
    ada.tasks.create_task("x", "ping")
    ada.tasks.create_task("x", "self")
    for _ in range(10):
        ada.triggers.run()
    kinds = [it.task_type for it in ada.tasks.query_tasks(limit=100)]
    assert sorted(kinds) == ["ping"] * 3 + ["pong"] * 2 + ["self"] * 4
    fired = [it for name in ("ping", "pong", "self") for it in ada.triggers.firings(name)]
    stopped = [it for it in fired if it.status == "stopped"]
    assert sorted((it.trigger, it.depth) for it in stopped) == [("ping", 5), ("self", 4)]
    assert "4 triggers stand behind its event" in next(it.error for it in stopped if it.depth == 5)


def test_what_a_triggered_task_spawns_counts_its_triggers(ada):
    ada.triggers.put("t", "created:x", create={"content": "x", "task_type": "parent"}, max_depth=1)
    ada.triggers.put(
        "u", "created:child", create={"content": "x", "task_type": "made"}, max_depth=1
    )
    ada.tasks.create_task("x", "x")
    ada.triggers.run()
    (parent,) = ada.tasks.query_tasks({"task_type": "parent"})
    ada.tasks.assign_task(parent.task_id, "ada")
    ada.tasks.start_task(parent.task_id)
    waits = Waits(tasks=[NewTask(content="x", task_type="child")])
    row = {
        "task_id": parent.task_id,
        "attempt": 1,
        "result": None,
        "metrics": None,
        "duration_ms": 1.0,
        "ran_ms": None,
    }
    Handling(ada.graph, Commands(ada.graph)).complete({**row, "command_id": new_hex()}, waits)
    (fired,) = ada.triggers.run()
    assert (fired.trigger, fired.status, fired.depth) == ("u", "stopped", 2)


def test_recommendations_are_events_that_come_once(ada):
    ada.triggers.put(
        "bus factor",
        "recommendation:single_holder",
        when={"every_seconds": 60},
        create={"content": "{recommendation.what}", "task_type": "made"},
    )
    ada.maintain()
    ada.maintain()
    assert made(ada) == ["only agent ada has the skill py"]
    for _ in range(3):
        advance(ada, 61)
    assert len(made(ada)) == 1
    ada.agents.register_agent("eve", ["py"])
    advance(ada, 61)
    ada.agents.deregister_agent("eve")
    assert len(made(ada)) == 1
    advance(ada, 61)
    assert made(ada) == ["only agent ada has the skill py"] * 2


def test_recommendations_are_asked_for_where_the_log_never_ends(ada):
    """A run whose time is over before the log is does what the clock asks for all the same."""
    ada.triggers.put("busy", "created:x", create=MAKE)
    ada.triggers.run()
    told = {"content": "{recommendation.what}", "task_type": "made"}
    ada.triggers.put("asks", "recommendation:single_holder", create=told)
    ada.tasks.create_task("x", "z")
    ada.triggers.run(seconds=0.000_001)
    assert made(ada) == ["only agent ada has the skill py"]


def test_recommendations_come_though_another_moves_the_trigger_on_while_they_are_read(
    ada, monkeypatch
):
    told = {"content": "{recommendation.what}", "task_type": "made"}
    ada.triggers.put("asks", "recommendation:single_holder", create=told)
    write = ada.graph.write

    def busy(name, **params):
        rows = write(name, **params)
        if name == "triggers/ask" and rows:
            ada.tasks.create_task("x", "x")
            ada.events.end()
            assert ada.triggers.get("asks").behind > 0
            ada.triggers.run()
            assert ada.triggers.get("asks").behind == 0
        return rows

    monkeypatch.setattr(ada.graph, "write", busy)
    ada.triggers.run()
    assert made(ada) == ["only agent ada has the skill py"]


def test_a_trigger_is_not_read(ada):
    ada.triggers.put("t", "created", call="x")
    ada.subscriptions.put("s", "created")
    for refused in (
        lambda: ada.subscriptions.read("t"),
        lambda: ada.subscriptions.ack("t", 0),
        lambda: ada.subscriptions.replay("t", 0),
        lambda: next(ada.subscriptions.follow("t")),
        lambda: ada.subscriptions.remove("t"),
        lambda: ada.subscriptions.put("t", "created"),
    ):
        with pytest.raises(SubscriptionDeliveredError, match="'t' is a webhook or a trigger"):
            refused()
    with pytest.raises(ValidationError, match="'s' is the name of a subscription that is read"):
        ada.triggers.put("s", "created", call="x")
    assert ada.triggers.remove("s") is False
    assert [(it.name, it.deliver) for it in ada.subscriptions.list()] == [
        ("s", "inbox"),
        ("t", "trigger"),
    ]
    assert [it.name for it in ada.triggers.list()] == ["t"]


def test_put_again_it_goes_on_but_for_what_it_did_not_ask_before(ada):
    when = {"count": 2}
    ada.triggers.put("t", "created:x", when=when, create=MAKE)
    ada.tasks.create_task("x", "x")
    ada.triggers.run()
    ada.triggers.put("t", "created:x", when=when, create={**MAKE, "content": "other"})
    ada.tasks.create_task("x", "x")
    ada.triggers.run()
    assert made(ada) == ["other"]
    ada.tasks.create_task("x", "x")
    ada.triggers.run()
    ada.triggers.put("t", "created:x", when={"count": 2, "for_each": "task_type"}, create=MAKE)
    ada.tasks.create_task("x", "x")
    ada.triggers.run()
    assert len(made(ada)) == 1
    ada.triggers.put("t", "created:x", when=when, create=MAKE, after=0)
    ada.triggers.run()
    assert len(made(ada)) == 2  # the match of the second event was there before, and is one


def test_what_a_trigger_has_to_look_at_is_not_pruned(ada):
    ada.triggers.put(
        "wait",
        "completed",
        when={"expect": "created:y", "within_seconds": 60},
        create={"content": "{task.content}", "task_type": "made"},
    )
    done = finish(ada, ada.tasks.create_task("bees", "x"))
    assert ada.retention.prune(0) == 0
    ada.triggers.run()
    assert ada.retention.prune(0) == 0
    advance(ada, 61)
    assert made(ada) == ["bees"]
    assert ada.retention.prune(0) == 1
    assert ada.tasks.get_task_status(done) is None
    assert ada.triggers.firings("wait") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing is given: give one of create, start_workflow"),
        ({"call": "x", "create": MAKE}, "create and call is given"),
        ({"create": {"content": "x"}}, "create: task_type: Field required"),
        ({"create": {**MAKE, "task_id": "x"}}, "create: task_id: a trigger gives each task"),
        ({"create": {**MAKE, "colour": "x"}}, "unknown filter colour"),
        ({"create": {**MAKE, "priority": "soon"}}, "create: priority"),
        ({"create": {**MAKE, "content": "{"}}, "a lone {"),
        ({"create": {**MAKE, "content": "{event.__class__}"}}, None),
        ({"create": {**MAKE, "content": "{event..x}"}}, "is no place"),
        ({"create": {**MAKE, "content": "{os.environ}"}}, "is no place"),
        ({"create": []}, "create: 0 tasks"),
        ({"create": "x"}, "create"),
        ({"start_workflow": {"name": "x"}}, "start_workflow.tasks"),
        ({"start_workflow": {"name": "x", "tasks": [], "workflow_id": "x"}}, "workflow_id"),
        ({"cancel": {}}, "every task would be meant"),
        ({"cancel": {"status": "gone"}}, "cancel: status"),
        ({"pause": {"seconds": 5}}, "what is needed"),
        ({"open_gate": {}}, "gate_id is needed"),
        ({"post": {}}, "post.webhook"),
        ({"post": {"webhook": "{task.content}"}}, "post.webhook: has a place"),
        ({"post": {"webhook": "w", "url": "x"}}, "unknown filter url"),
        ({"post": {"webhook": "w", "data": "{os.environ}"}}, "is no place"),
        ({"call": "x", "when": {}}, "give one of count, expect and every_seconds"),
        ({"call": "x", "when": {"count": 0}}, "count"),
        ({"call": "x", "when": {"expect": "completed"}}, "within_seconds"),
        ({"call": "x", "when": {"expect": "nothing", "within_seconds": 1}}, "means no type"),
        ({"call": "x", "when": {"count": 2, "for_each": "colour"}}, "for_each"),
        ({"call": "x", "when": {"every_seconds": 5}}, "every_seconds is for triggers on recomm"),
        ({"call": "x", "on": "recommendation:nothing"}, "means no kind of recommendation"),
        ({"call": "x", "on": "nothing:*"}, "means no type of event"),
        ({"call": "x", "max_depth": 0}, "max_depth"),
    ],
)
def test_what_is_no_trigger(ada, arguments, message):
    given = {"on": "created", **arguments}
    if message is None:
        ada.triggers.put("t", **given)
        ada.tasks.create_task("x", "x")
        (fired,) = ada.triggers.run()
        assert (fired.status, "there is no {event.__class__}" in fired.error) == ("failed", True)
        return
    with pytest.raises(ValidationError, match=re.escape(message)):
        ada.triggers.put("t", **given)
    assert ada.triggers.list() == []


def test_a_huge_result_fills_a_template_as_far_as_a_task_may_go(ada):
    much = "{task.result}"
    ada.triggers.put("fits", "completed:x", create={"content": much, "task_type": "made"})
    ada.triggers.put("too much", "completed:x", create={"content": much * 2, "task_type": "made"})
    ada.triggers.put(
        "far too much", "completed:x", create={"content": much * 1_000, "task_type": "made"}
    )
    finish(ada, ada.tasks.create_task("x", "x"), "y" * 900_000)
    fired = {it.trigger: it for it in ada.triggers.run()}
    assert fired["fits"].status == "done"
    assert "1,800,000 bytes" in fired["too much"].error
    assert "more than 32,000,000 bytes" in fired["far too much"].error


def test_what_is_asked_of_the_log_is_only_what_is_new(ada, cypher):
    ada.triggers.put("t", "created:x", create=MAKE)
    ada.tasks.create_tasks([NewTask(content="x", task_type="y") for _ in range(3_000)])
    ada.triggers.run()
    assert ada.triggers.get("t").behind == 0
    text = statement("triggers/events").text.replace("replan=skip", "PROFILE")
    end = ada.events.end()
    params = {
        "after": end - 1,
        "upto": end,
        "types": ["created"],
        "with_skills": False,
        "with_teams": False,
        "with_fields": False,
        "task_fields": [],
    }
    with_profile = cypher_profile(ada, text, params)
    assert with_profile < 100


@pytest.mark.parametrize("seconds", [86_400.0, None])
def test_a_look_at_what_is_due_does_not_read_all_that_waits_for_functions(ada, seconds):
    ada.triggers.put("t", "created:x", call="nobody has it")
    ada.tasks.create_tasks([NewTask(content="x", task_type="x") for _ in range(1_000)])
    ada.triggers.run()
    assert ada.triggers.get("t").pending == 1_000
    text = statement("upkeep/due").text.replace("replan=skip", "PROFILE")
    assert cypher_profile(ada, text, {"functions": [], "most": 8, "seconds": seconds}) < 500


def test_who_looks_all_the_time_looks_now_and_then_at_what_is_to_be_given_up(ada, monkeypatch):
    read, seconds = ada.graph.read, []

    def told(name, **params):
        seconds.append(params["seconds"])
        return read(name, **params)

    upkeep = Upkeep(ada.graph)
    monkeypatch.setattr(ada.graph, "read", told)
    for _ in range(3):
        upkeep.due()
    monkeypatch.setattr(upkeep, "_late_at", 0.0)  # a minute later
    upkeep.due()
    assert seconds == [86_400.0, None, None, 86_400.0]


def cypher_profile(orch, text, params):
    """How much of the store a statement touches."""
    with neo4j.GraphDatabase.driver(orch.graph.address.uri, auth=orch.graph.address.auth) as driver:
        plan = driver.execute_query(text, params).summary.profile

    def hits(it):
        return it["args"].get("DbHits", 0) + sum(hits(child) for child in it.get("children", []))

    return hits(plan)
