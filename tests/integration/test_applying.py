"""What is declared is put as one set, told before it is, and put once."""

from __future__ import annotations

import pytest

from graph_orch import ValidationError

TRIGGER = {
    "kind": "trigger",
    "name": "check",
    "on": "completed:write/*",
    "when": {"count": 2, "for_each": ["agent_id"]},
    "create": {"content": "check {task.content}", "task_type": "check"},
    "skill": "PY",
}
SCHEDULE = {
    "kind": "schedule",
    "name": "nightly",
    "cron": "30 2 * * *",
    "task": {"content": "sweep", "task_type": "chore"},
}
SUBSCRIPTION = {
    "kind": "subscription",
    "name": "news",
    "pattern": "failed:*",
    "where": ["task.priority = high"],
}
ALL = [TRIGGER, SCHEDULE, SUBSCRIPTION]


def told(changes):
    return [(it.action.value, it.name) for it in changes]


def test_what_is_declared_is_put_and_put_once(orch):
    assert told(orch.apply(ALL, dry_run=True)) == [
        ("create", "check"),
        ("create", "nightly"),
        ("create", "news"),
    ]
    assert (orch.triggers.list(), orch.schedules.list(), orch.subscriptions.list()) == ([], [], [])
    orch.apply(ALL)
    assert orch.triggers.get("check").when.count == 2
    assert orch.schedules.get("nightly").cron == "30 2 * * *"
    assert orch.subscriptions.get("news").pattern == "failed:*"
    before = orch.graph.query("MATCH (n) RETURN properties(n) AS p ORDER BY id(n)")
    assert {it.action for it in orch.apply(ALL, prune=True)} == {"keep"}
    assert orch.graph.query("MATCH (n) RETURN properties(n) AS p ORDER BY id(n)") == before


def test_a_trigger_that_posts_is_declared_too(orch):
    posts = {"kind": "trigger", "name": "tell", "on": "failed", "post": {"webhook": "w"}}
    assert told(orch.apply([posts], dry_run=True)) == [("create", "tell")]
    assert orch.triggers.list() == []
    orch.apply([posts])
    assert orch.triggers.get("tell").template == {"webhook": "w"}
    (change,) = orch.apply([posts | {"post": {"webhook": "w", "data": 1}}])
    assert change.after == {"post": {"webhook": "w", "data": 1}}


def test_what_differs_is_told_and_changed(orch):
    orch.apply(ALL)
    changed = [TRIGGER | {"when": None, "max_depth": 3}, SCHEDULE | {"paused": True}, SUBSCRIPTION]
    (trigger, schedule, subscription) = orch.apply(changed)
    assert (trigger.action, schedule.action, subscription.action) == ("change", "change", "keep")
    assert trigger.before == {"when": {"count": 2, "for_each": ["agent_id"]}, "max_depth": 10}
    assert trigger.after == {"max_depth": 3}
    assert (schedule.before, schedule.after) == ({"paused": False}, {"paused": True})
    assert orch.triggers.get("check").when is None


def test_pruning_removes_what_the_set_has_put_and_nothing_else(orch):
    orch.subscriptions.put("by hand", "*")
    orch.apply([SUBSCRIPTION | {"name": "of others"}], "others")
    orch.apply(ALL)
    assert told(orch.apply([SCHEDULE])) == [("keep", "nightly")]
    assert told(orch.apply([SCHEDULE], dry_run=True, prune=True)) == [
        ("keep", "nightly"),
        ("remove", "news"),
        ("remove", "check"),
    ]
    orch.apply([SCHEDULE], prune=True)
    assert [it.name for it in orch.subscriptions.list()] == ["by hand", "of others"]
    assert (orch.triggers.list(), len(orch.schedules.list())) == ([], 1)


def test_a_subscription_becomes_a_trigger_of_the_same_name_and_back(orch):
    tells = {"kind": "trigger", "name": "news", "on": "failed:*", "post": {"webhook": "w"}}
    orch.apply(ALL)
    for way in ({"dry_run": True}, {}):
        with pytest.raises(ValidationError, match="trigger 'news': this is the name of a subscr"):
            orch.apply([TRIGGER | {"max_depth": 3}, tells], **way)
    assert orch.triggers.get("check").max_depth == 10
    for wanted in (tells, SUBSCRIPTION):
        changes = orch.apply([wanted], prune=True)
        assert ("create", "news") in told(changes)
        assert ("remove", "news") in told(changes)
        assert told(orch.apply([wanted], prune=True)) == [("keep", "news")]
    assert orch.subscriptions.get("news").where == ["task.priority = high"]
    assert orch.triggers.list() == []
    orch.webhooks.put("hook", "https://x.test")
    with pytest.raises(ValidationError, match="'hook': this is the name of a subscription for web"):
        orch.apply([SUBSCRIPTION | {"name": "hook"}])


def test_what_replaces_another_kind_goes_on_where_that_was_in_the_log(orch):
    read = {"kind": "subscription", "name": "news", "pattern": "created:x"}
    made = {"content": "{task.content}", "task_type": "made"}
    fires = {"kind": "trigger", "name": "news", "on": "created:x", "create": made}
    orch.apply([read])
    orch.tasks.create_task("between", "x")
    orch.apply([fires], prune=True)
    orch.triggers.run()
    assert [it.content for it in orch.tasks.query_tasks({"task_type": "made"})] == ["between"]
    late = orch.tasks.create_task("later", "x")
    orch.apply([read], prune=True)
    assert [it.task_id for it in orch.subscriptions.read("news")] == [late]


def test_all_that_is_wrong_is_told_and_nothing_is_done(orch):
    with pytest.raises(ValidationError) as refused:
        orch.apply(
            [
                SUBSCRIPTION,
                {**TRIGGER, "on": "nothing", "colour": 1, "max_depth": 0, "at": "a.yaml"},
                {**SCHEDULE, "cron": "x", "task": {"content": "x"}, "paused": "yes"},
                {"kind": "tigger", "name": ""},
                SUBSCRIPTION,
                {**SUBSCRIPTION, "name": "check"},
                {"kind": "subscription", "name": "x"},
                5,
            ]
        )
    message = str(refused.value)
    for part in (
        "a.yaml: trigger 'check': colour: not known",
        "a.yaml: trigger 'check': pattern: 'nothing' means no type of event",
        "a.yaml: trigger 'check': max_depth: Input should be greater than or equal to 1",
        "item 3: schedule 'nightly': ",
        "item 3: schedule 'nightly': task: task_type: Field required",
        "item 3: schedule 'nightly': paused: is a str and not a bool",
        "item 4: kind: Input should be 'subscription', 'trigger' or 'schedule'",
        "item 4: name: is empty",
        "subscription 'news': another of this name is declared too",
        "subscription 'check': another of this name is declared too",
        "item 7: subscription 'x': pattern: is needed",
        "item 8: is a int where a mapping is needed",
    ):
        assert part in message
    assert orch.subscriptions.list() == []
