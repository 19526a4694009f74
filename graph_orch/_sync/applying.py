"""Applying what is declared: triggers, schedules and subscriptions, as one set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic import JsonValue

from graph_orch._sync.graph import Graph
from graph_orch._sync.schedules import Schedules, template_of
from graph_orch._sync.subscriptions import INBOX, TRIGGER, Subscriptions
from graph_orch._sync.triggers import MAX_DEPTH, Triggers, asked_of
from graph_orch.domain.actions import action_of
from graph_orch.domain.cron import Cron
from graph_orch.domain.fields import LIST, NAME, NEW_NAME, SLOTS, Check, instance
from graph_orch.domain.forms import load_json
from graph_orch.domain.models import RetryPolicy, Schedule, Subscription, Trigger
from graph_orch.domain.models.declared import Change, ChangeAction, DeclaredKind
from graph_orch.domain.models.triggers import TriggerAction
from graph_orch.domain.patterns import Pattern, Where, filters_of
from graph_orch.domain.triggers import FILTERS
from graph_orch.errors import ValidationError

KIND: Check[DeclaredKind] = Check(DeclaredKind)
ALLOWED = {
    DeclaredKind.SUBSCRIPTION: ("pattern", "where", *FILTERS),
    DeclaredKind.TRIGGER: ("on", "when", *TriggerAction, "where", *FILTERS, "max_depth"),
    DeclaredKind.SCHEDULE: ("cron", "task", "timezone", "paused"),
}
NEEDED = {
    DeclaredKind.SUBSCRIPTION: ("pattern",),
    DeclaredKind.TRIGGER: ("on",),
    DeclaredKind.SCHEDULE: ("cron", "task"),
}
WAYS = {DeclaredKind.SUBSCRIPTION: INBOX, DeclaredKind.TRIGGER: TRIGGER}
"""How those kinds deliver that have a place in the log, and their names from one lot."""
MOST = 10_000
MOST_TOLD = 20
Fields = dict[str, JsonValue]
Key = tuple[DeclaredKind, str]


class Applying:
    """Makes a graph have what is declared, and remembers what it has put for which set."""

    def __init__(self, graph: Graph, retry_policy: RetryPolicy | None) -> None:
        self._graph = graph
        self._subscriptions = Subscriptions(graph)
        self._triggers = Triggers(graph, retry_policy=retry_policy)
        self._schedules = Schedules(graph, retry_policy=retry_policy)

    def apply(
        self, items: Iterable[Mapping[str, Any]], set_name: str, *, dry_run: bool, prune: bool
    ) -> list[Change]:
        """See `Orchestrator.apply`."""
        key = NEW_NAME.of("set_name", set_name)
        wanted = declared(LIST.of("items", items))
        subscriptions = self._subscriptions.list()
        there = self._there(subscriptions)
        (row,) = self._graph.read("declared/of_set", set_name=key)
        own = {(DeclaredKind(kind), name) for kind, name in row["found"]}
        changes = [_change(one, there.get(one), fields) for one, fields in wanted.items()]
        gone = sorted((own & there.keys()) - wanted.keys()) if prune else []
        changes += [_change(one, there[one], None) for one in gone]
        _refuse_taken(wanted, subscriptions, gone)
        if dry_run:
            return changes
        names = {name for _, name in wanted}
        places = {it.name: it.position for it in subscriptions}
        # What goes may have the name of what comes, and then goes first.
        for change in sorted(
            changes, key=lambda it: it.action is not ChangeAction.REMOVE or it.name not in names
        ):
            fields = wanted.get((change.kind, change.name))
            if (
                change.action is ChangeAction.CREATE
                and change.kind in WAYS
                and change.name in places
            ):
                # It replaces one of the other kind, and goes on where that was in the log.
                fields = {**(fields or {}), "after": places[change.name]}
            self._do(change, fields)
        if new := sorted(wanted.keys() - own):
            of_schedules = [name for kind, name in new if kind is DeclaredKind.SCHEDULE]
            others = [name for kind, name in new if kind is not DeclaredKind.SCHEDULE]
            self._graph.write(
                "declared/mark", set_name=key, subscriptions=others, schedules=of_schedules
            )
        return changes

    def _there(self, subscriptions: Iterable[Subscription]) -> dict[Key, Fields]:
        """What the graph has, by kind and name, as it would be declared."""
        found: dict[Key, Fields] = {}
        for it in subscriptions:
            if it.deliver == INBOX:
                found[DeclaredKind.SUBSCRIPTION, it.name] = _of_subscription(it)
        for it in self._triggers.list():
            found[DeclaredKind.TRIGGER, it.name] = _of_trigger(it)
        for it in self._schedules.list():
            found[DeclaredKind.SCHEDULE, it.name] = _of_schedule(it)
        return found

    def _do(self, change: Change, fields: Fields | None) -> None:
        given: dict[str, Any] = fields or {}
        match change.kind, change.action:
            case _, ChangeAction.KEEP:
                pass
            case DeclaredKind.SUBSCRIPTION, ChangeAction.REMOVE:
                self._subscriptions.remove(change.name)
            case DeclaredKind.TRIGGER, ChangeAction.REMOVE:
                self._triggers.remove(change.name)
            case DeclaredKind.SCHEDULE, ChangeAction.REMOVE:
                self._schedules.remove(change.name)
            case DeclaredKind.SUBSCRIPTION, _:
                self._subscriptions.put(change.name, **given)
            case DeclaredKind.TRIGGER, _:
                self._triggers.put(change.name, **given)
            case DeclaredKind.SCHEDULE, _:
                self._schedules.put(change.name, **given)


def _refuse_taken(
    wanted: Iterable[Key], subscriptions: Iterable[Subscription], gone: Iterable[Key]
) -> None:
    """Refuse names that subscriptions have which deliver otherwise, and which do not go.

    Raises:
        ValidationError: there are such names.
    """
    going = {name for kind, name in gone if kind is not DeclaredKind.SCHEDULE}
    delivers = {it.name: it.deliver for it in subscriptions if it.name not in going}
    wrong = [
        f"{kind} {name!r}: this is the name of a subscription for {delivers[name]}; where this set "
        "has put it, `prune` replaces it, else give another name"
        for kind, name in wanted
        if kind in WAYS and name in delivers and delivers[name] != WAYS[kind]
    ]
    _raise(wrong)


def _raise(wrong: Sequence[str]) -> None:
    """Raise what was found to be wrong, if anything was."""
    if wrong:
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        raise ValidationError("; ".join([*wrong[:MOST_TOLD], *more]))


def declared(items: list[object]) -> dict[Key, Fields]:
    """What is declared, by kind and name, each with the arguments of its `put` in one form.

    Raises:
        ValidationError: something is not acceptable; the message tells all that is wrong.
    """
    found: dict[Key, Fields] = {}
    wrong: list[str] = []
    if len(items) > MOST:
        raise ValidationError(f"{len(items):,} things are declared; the most are {MOST:,}")
    for number, item in enumerate(items):
        key, fields, complaints = _checked(item, f"item {number + 1}")
        wrong += complaints
        if key is None:
            continue
        # A trigger is a subscription, so that both have their names from one lot.
        alike = {kind for kind in DeclaredKind if (kind, key[1]) in found}
        if key in found or {*alike, key[0]} >= {DeclaredKind.TRIGGER, DeclaredKind.SUBSCRIPTION}:
            wrong.append(f"{key[0]} {key[1]!r}: another of this name is declared too")
        found[key] = fields
    _raise(wrong)
    return found


def _checked(item: object, where: str) -> tuple[Key | None, Fields, list[str]]:
    """One thing that is declared: its key, its fields in one form, and all that is wrong with it.

    `at`, which only says where it stands, begins what is told of it.
    """
    if not isinstance(item, Mapping):
        return None, {}, [f"{where}: is a {type(item).__name__} where a mapping is needed"]
    given = {str(name): it for name, it in cast("Mapping[object, object]", item).items()}
    at = given.pop("at", None)
    where = at if isinstance(at, str) else where
    wrong: list[str] = []

    def tried(what: Callable[[], Any]) -> Any:
        try:
            return what()
        except ValidationError as error:
            wrong.append(f"{where}: {error}")
            return None

    kind: DeclaredKind | None = tried(lambda: KIND.of("kind", given.pop("kind", None)))
    name: str | None = tried(lambda: NEW_NAME.of("name", given.pop("name", None)))
    if kind is None or name is None:
        return None, {}, wrong
    where = f"{where}: {kind} {name!r}"
    if unknown := sorted(given.keys() - {*ALLOWED[kind]}):
        wrong.append(
            f"{where}: {', '.join(unknown)}: not known; there are {', '.join(ALLOWED[kind])}"
        )
    if missing := [it for it in NEEDED[kind] if given.get(it) is None]:
        wrong.append(f"{where}: {', '.join(missing)}: is needed")
        return (kind, name), {}, wrong
    checks = {
        DeclaredKind.SUBSCRIPTION: _subscription,
        DeclaredKind.TRIGGER: _trigger,
        DeclaredKind.SCHEDULE: _schedule,
    }
    fields: Fields = {}
    for check in checks[kind](given):
        fields |= tried(check) or {}
    return (kind, name), fields, wrong


Checks = list[Callable[[], Fields]]


def _filter(given: Mapping[str, object], name: str) -> Fields:
    if given.get(name) is None:
        return {}
    return {**filters_of({name: given[name]})}


def _filters(given: Mapping[str, object]) -> Checks:
    def where() -> Fields:
        texts: JsonValue = [*(Where.of(given.get("where")).texts or ())]
        return {"where": texts} if texts else {}

    return [where, *(lambda name=name: _filter(given, name) for name in FILTERS)]


def _subscription(given: Mapping[str, object]) -> Checks:
    return [lambda: {"pattern": Pattern.of(given["pattern"]).text}, *_filters(given)]


def _trigger(given: Mapping[str, object]) -> Checks:
    def action() -> Fields:
        name, template = action_of({it.value: given.get(it.value) for it in TriggerAction})
        return {name.value: template}

    def on() -> Fields:
        asked = asked_of(cast(str, given["on"]), given.get("when"), None, *[None] * 4)
        when = load_json(asked["when"])
        return {"on": asked["pattern"], **({} if when is None else {"when": when})}

    def depth() -> Fields:
        return {"max_depth": SLOTS.of("max_depth", given.get("max_depth", MAX_DEPTH))}

    return [on, action, depth, *_filters(given)]


def _schedule(given: Mapping[str, object]) -> Checks:
    timezone = given.get("timezone", "UTC")

    def times() -> Fields:
        cron, zone = NAME.of("cron", given["cron"]), NAME.of("timezone", timezone)
        Cron.of(cron, zone)
        return {"cron": cron, "timezone": zone}

    return [
        times,
        lambda: {"task": template_of(cast("Mapping[str, Any]", given["task"]))},
        lambda: {"paused": instance("paused", bool, given.get("paused", False))},
    ]


def _of_subscription(it: Subscription) -> Fields:
    return {"pattern": it.pattern, **_own_filters(it)}


def _of_trigger(it: Trigger) -> Fields:
    fields: Fields = {"on": it.on, it.action.value: it.template, "max_depth": it.max_depth}
    if it.when is not None:
        fields["when"] = load_json(it.when.model_dump_json(exclude_defaults=True))
    return fields | _own_filters(it)


def _of_schedule(it: Schedule) -> Fields:
    return {"cron": it.cron, "timezone": it.timezone, "task": it.task, "paused": it.paused}


def _own_filters(it: Subscription | Trigger) -> Fields:
    where: JsonValue = [*it.where]
    own: Fields = {name: value for name in FILTERS if (value := getattr(it, name)) is not None}
    return own | ({"where": where} if where else {})


def _change(key: Key, before: Fields | None, after: Fields | None) -> Change:
    kind, name = key
    if after is None:
        return Change(action=ChangeAction.REMOVE, kind=kind, name=name, before=before or {})
    if before is None:
        return Change(action=ChangeAction.CREATE, kind=kind, name=name, after=after)
    other = {it for it in (*before, *after) if before.get(it) != after.get(it)}
    return Change(
        action=ChangeAction.CHANGE if other else ChangeAction.KEEP,
        kind=kind,
        name=name,
        before={it: value for it, value in before.items() if it in other},
        after={it: value for it, value in after.items() if it in other},
    )
