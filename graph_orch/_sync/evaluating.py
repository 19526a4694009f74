"""Evaluating triggers: one pass over what is new in the log, for all that are behind."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

from graph_orch._sync.events import Events
from graph_orch._sync.graph import Graph
from graph_orch._sync.monitor import Monitor
from graph_orch.domain.fields import MAX_BATCH
from graph_orch.domain.forms import dump_json, load_json
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import TaskEvent
from graph_orch.domain.patterns import fields_of
from graph_orch.domain.triggers import (
    GRACE,
    Evaluation,
    Group,
    Hit,
    Rule,
    Seen,
    firing_key,
    hits,
    kinds_of,
    subject_of,
)
from graph_orch.store.runtime import in_thread

PLACES = 2_000
"""How many places of the log a pass looks at."""
MOST_RULES = 10_000
MOST_HITS = 50_000
MOST_FIRINGS = 1_000
"""A pass ends sooner where it found so many events that concern triggers, or so many firings."""
MOVED_AT_ONCE = 2_000
"""How many triggers a transaction moves."""
STALE = 3
"""After so many passes in vain this process leaves it to those who are at it."""
GROUPS_AT_ONCE = 1_000
ASKED_AT_ONCE = 100


class Evaluator:
    """Moves triggers on in the log, and writes what fired, each once.

    A pass holds no locks; the transaction that writes takes only those triggers of which nothing
    has changed since, and all that a trigger keeps changes with it. So where several processes
    evaluate at once, one of them has done it. What triggers keep is read once nobody moves them.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._events = Events(graph)
        self._monitor = Monitor(graph)
        self._mark: tuple[int, int] | None = None
        """An end of the log that was read before, and the clock before that: while the log grows
        faster than it is evaluated, triggers come to this end and not to the present one."""

    def run(self, until: float | None) -> None:
        """Evaluate all that has happened until now, but no more after a time (monotonic).

        What is asked for by the clock comes first, and what waits for the clock comes in any case:
        on a busy store the time may always be over before the log is.
        """
        self._ask()
        (clock,) = self._graph.read("upkeep/clock")
        end = self._events.end()
        # What came before this time has a place up to the end, but for what commits very late.
        now = clock["now"] - GRACE
        stale, moved = 0, True
        while stale < STALE and (moved := self._pass(end)) is not None:
            stale = 0 if moved else stale + 1
            if _is_over(until):
                break
        last, then = (end, now) if moved is None else self._mark or (end, now)
        while self._overdue(last, then) and not _is_over(until):
            pass
        self._mark = None
        if moved is not None:
            behind = self._graph.read("triggers/lagging", limit=1)
            is_reached = not behind or behind[0]["position"] >= last
            self._mark = (end, now) if is_reached else (last, then)
        self._graph.write("triggers/forget_due", last=end, now=now, limit=GROUPS_AT_ONCE)

    def _pass(self, end: int) -> bool | None:
        """Evaluate the next events of the triggers that are furthest behind: whether this process
        moved one of them on; None where none is behind."""
        rows = self._graph.read("triggers/lagging", limit=MOST_RULES)
        start = min((row["position"] for row in rows), default=end)
        if start >= end:
            return None
        upto = min(start + PLACES, end)
        rules = [Rule.of(row) for row in rows if row["position"] < upto]
        seen = seen_of(self._graph, rules, start, upto)
        # In a thread: a worker's handlers run in this loop, and many rules take their time.
        concerned, keys, upto = in_thread(_concerned, rules, seen, upto)
        keeping = {hit.rule.name: hit.rule for hit in concerned if hit.rule.keeps}
        settled = self._settled(keeping)
        rules = [rule for rule in rules if rule.name not in keeping or rule.name in settled]
        concerned = [hit for hit in concerned if not hit.rule.keeps or hit.rule.name in settled]
        groups = self._groups(keys)
        moves = in_thread(_evaluated, rules, concerned, groups, upto)
        return self._advance(moves)

    def _settled(self, rules: Mapping[str, Rule]) -> set[str]:
        """Those of these triggers that nobody has moved, or is moving."""
        rows = [
            {"name": name, "turn": rule.turn, "at": rule.position}
            for name, rule in sorted(rules.items())
        ]
        found: set[str] = set()
        for first in range(0, len(rows), MOVED_AT_ONCE):
            part = rows[first : first + MOVED_AT_ONCE]
            found |= {row["name"] for row in self._graph.write("triggers/settled", rows=part)}
        return found

    def _groups(self, keys: Sequence[str]) -> dict[str, Group]:
        found: dict[str, Group] = {}
        for first in range(0, len(keys), GROUPS_AT_ONCE):
            part = keys[first : first + GROUPS_AT_ONCE]
            for row in self._graph.read("triggers/groups", keys=part):
                found[row["key"]] = _group(row)
        return found

    def _overdue(self, end: int, now: int) -> bool:
        """Let those fire for which nothing came in time; whether there may be more."""
        params = {"last": end, "now": now, "limit": GROUPS_AT_ONCE}
        rows = self._graph.read("triggers/overdue", **params)
        rules = _rules_of(rows)
        settled = self._settled(rules)
        rules = {name: rule for name, rule in rules.items() if name in settled}
        if not rules:
            return False
        rows = self._graph.read("triggers/overdue", **params)
        evaluation = Evaluation({row["key"]: _group(row) for row in rows})
        for row in rows:
            if (rule := rules.get(row["name"])) is not None:
                evaluation.expire(rule, row["key"], now)
        moved = self._advance(
            [_row(rule, rule.position, evaluation) for rule in rules.values()]
        )
        return moved and len(rows) == GROUPS_AT_ONCE

    def _ask(self) -> None:
        """Let those fire whose recommendation appeared since they asked last."""
        rows = self._graph.write("triggers/ask", limit=ASKED_AT_ONCE)
        asked = {row["name"]: kinds_of(row["pattern"]) for row in rows}
        kinds = {kind for some in asked.values() for kind in some}
        if not kinds:
            return
        found = self._monitor.get_recommendations(sorted(kinds), MAX_BATCH)
        moves: list[dict[str, Any]] = []
        for row in rows:
            own = {
                subject_of(it.kind, it.what): it for it in found if it.kind in asked[row["name"]]
            }
            firings = [
                {
                    # There is no place in the log that would tell it apart from the one before.
                    "key": firing_key(row["name"], new_hex()),
                    "position": row["position"],
                    "values": "[]",
                    "detail": it.model_dump_json(),
                }
                for subject, it in own.items()
                if subject not in row["present"]
            ]
            if firings or own.keys() != {*row["present"]}:
                moves.append(
                    {
                        "name": row["name"],
                        "generation": row["generation"],
                        "known": row["present"],
                        "present": sorted(own),
                        "keep": [],
                        "drop": [],
                        "firings": firings,
                    }
                )
        self._advance(moves)

    def _advance(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Move triggers on; whether any of them was still as it was read."""
        moved = 0
        in_order = sorted(rows, key=itemgetter("name"))
        for first in range(0, len(in_order), MOVED_AT_ONCE):
            part = in_order[first : first + MOVED_AT_ONCE]
            moved += len(self._graph.write("triggers/advance", rows=part))
        return moved > 0


def _is_over(until: float | None) -> bool:
    return until is not None and time.monotonic() > until


def seen_of(graph: Graph, rules: Collection[Rule], after: int, upto: int) -> list[Seen]:
    """The events between two places in the log that rules may be about."""
    types = sorted({type_ for rule in rules for type_ in rule.types})
    if not types:
        return []
    rows = graph.read(
        "triggers/events",
        after=after,
        upto=upto,
        types=types,
        with_skills=any(rule.names("skill") for rule in rules),
        with_teams=any(rule.names("team_id") for rule in rules),
        with_fields=any(rule.where.conditions for rule in rules),
        task_fields=(names := sorted({it for rule in rules for it in rule.where.task_fields})),
    )
    found: list[Seen] = []
    for row in map(dict[str, Any], rows):
        event, of_task = row.pop("event"), row.pop("of_task")
        if event is not None:
            told = TaskEvent.from_record({"event": event})
            row["fields"] = fields_of(told, names, of_task)
        found.append(Seen(**row))
    return found


def _concerned(
    rules: Sequence[Rule], seen: Sequence[Seen], upto: int
) -> tuple[list[Hit], list[str], int]:
    """What concerns rules, of the first events; the keys of what these keep of it, and the place of
    the last of these events."""
    found: list[Hit] = []
    for hit in hits(rules, seen):
        if len(found) >= MOST_HITS and hit.seen.position > found[-1].seen.position:
            upto = found[-1].seen.position
            break
        found.append(hit)
    keys = {key for it in found if it.rule.keeps for key, _ in it.rule.groups(it.seen)}
    return found, sorted(keys), upto


def _evaluated(
    rules: Sequence[Rule], concerned: Sequence[Hit], groups: dict[str, Group], upto: int
) -> list[dict[str, Any]]:
    """The rules as they are after these events, for `triggers/advance`."""
    evaluation, place = Evaluation(groups), 0
    for hit in concerned:
        if evaluation.number >= MOST_FIRINGS and hit.seen.position > place:
            upto = place
            break
        place = hit.seen.position
        evaluation.add(hit)
    return [_row(rule, max(upto, rule.position), evaluation) for rule in rules]


def _rules_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Rule]:
    """The rules of rows of `triggers/overdue`, by name."""
    found = [Rule.of({**row, "position": row["at_position"]}) for row in rows]
    return {rule.name: rule for rule in found}


def _group(row: Mapping[str, Any]) -> Group:
    values: Any = load_json(row["values"])
    return Group(values, row["position"], row["event_id"], "", list(row["times"] or ()), row["due"])


def _row(rule: Rule, position: int, evaluation: Evaluation) -> dict[str, Any]:
    """A trigger as it is after some events, for `triggers/advance`."""
    changed = evaluation.changed.get(rule.name, ())
    kept = {key: it for key in changed if (it := evaluation.groups.get(key)) is not None}
    return {
        "name": rule.name,
        "turn": rule.turn,
        "at": rule.position,
        "position": position,
        "keep": [
            {
                "key": key,
                "values": dump_json(it.values),
                "position": it.position,
                "event_id": it.event_id,
                "times": it.times,
                "due": it.due,
                "is_awaited": rule.expected is not None,
            }
            for key, it in sorted(kept.items())
        ],
        "drop": sorted(key for key in changed if key not in kept),
        "firings": [
            {
                "key": firing_key(rule.name, rule.place(it)),
                "position": it.position,
                "event_id": it.event_id,
                "values": dump_json(it.values),
            }
            for it in evaluation.matches.get(rule.name, ())
        ],
    }
