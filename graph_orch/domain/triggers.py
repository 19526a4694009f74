"""What makes triggers fire, from events in the order of the log. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any

from pydantic import JsonValue

from graph_orch.domain.fields import MAX_NAME, NAME
from graph_orch.domain.forms import dump_json
from graph_orch.domain.models import RecommendationKind
from graph_orch.domain.models.triggers import ForEach, When
from graph_orch.domain.patterns import Pattern, Where, glob
from graph_orch.errors import ValidationError

RECOMMENDATION = "recommendation"
MANY = frozenset({ForEach.SKILL, ForEach.TEAM_ID})
"""An event may have several of these, and so make a trigger fire several times."""
FILTERS = ("workflow_id", "agent_id", "team_id", "skill")
SUFFIX = 10
"""Characters that may follow a key, to tell apart several things that one firing makes."""
MICRO = 1_000_000
GRACE = MICRO // 2
"""An event that came in time may be committed so long after the wait for it has ended."""
KEPT_SECONDS = 60.0
"""What is counted is kept so long beyond its window, since events may commit late."""
_NUMBER = re.compile(r"(?<![\w-])\d[\d.,]*(?![\w-])")

pattern_of = lru_cache(20_000)(Pattern.of)


@lru_cache(20_000)
def when_of(text: str | None) -> When | None:
    """What a trigger's `when` says, from JSON."""
    return None if text is None else When.model_validate_json(text)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as triggers look at it. Its time is microseconds since 1970."""

    position: int
    type: str
    at: int
    event_id: str
    task_id: str
    task_type: str
    workflow_id: str | None
    agent_id: str | None
    team_id: Sequence[str]
    skill: Sequence[str]
    fields: JsonValue = None
    """What conditions ask for, where some do."""

    def of(self, name: str) -> Sequence[str]:
        """The values that it has of a filter, or of what events are told apart by."""
        value = getattr(self, name)
        return (value,) if isinstance(value, str) else value or ()


@dataclass(slots=True)
class Group:
    """What a trigger keeps of the events of one value of `for_each`."""

    values: list[str]
    position: int = 0
    """Of the event whose sequel is awaited, or of the last that was counted."""
    event_id: str = ""
    task_id: str = ""
    times: list[int] = field(default_factory=list[int])
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A trigger fired: on which event, at which time."""

    position: int
    event_id: str
    at: int
    values: Sequence[str]
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A trigger as it is evaluated."""

    name: str
    pattern: Pattern
    filters: Mapping[str, str]
    when: When | None
    expected: Pattern | None
    position: int
    turn: int
    generation: int = 0
    """What it keeps bears this; another begins when it is put to ask for something else."""
    where: Where = field(default_factory=Where)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Rule:
        """From a row of `triggers/lagging`."""
        when = when_of(row.get("when"))
        return cls(
            row["name"],
            on_pattern(row["pattern"]),
            {name: row[name] for name in FILTERS if row.get(name) is not None},
            when,
            None if when is None or when.expect is None else pattern_of(when.expect),
            row["position"],
            row["turn"],
            row["generation"],
            Where.of(row.get("where")),
        )

    @property
    def types(self) -> list[str]:
        """The types of the events that it must see."""
        return [*self.pattern.types, *(self.expected.types if self.expected else ())]

    @property
    def keeps(self) -> bool:
        """Whether it must know what came before."""
        return self.when is not None and (self.when.expect is not None or self.when.count != 1)

    def names(self, what: str) -> bool:
        """Whether it asks for something of events, as a filter or to tell them apart."""
        return what in self.filters or (self.when is not None and what in self.when.for_each)

    def passes(self, seen: Seen) -> bool:
        """Whether an event passes its filters, and its conditions hold."""
        if any(value not in seen.of(name) for name, value in self.filters.items()):
            return False
        return not self.where.conditions or self.where.holds(seen.fields)

    def groups(self, seen: Seen) -> Iterator[tuple[str, list[str]]]:
        """The groups that an event belongs to: a key and the values of each."""
        for_each = () if self.when is None else self.when.for_each
        for values in product(*(seen.of(name) for name in for_each)):
            yield dump_json([self.name, self.generation, *values]), list(values)

    def place(self, match: Match) -> str:
        """What tells a match of this rule apart from all others, however often it is found."""
        if self.when is None or not MANY.intersection(self.when.for_each):
            return str(match.position)
        text = dump_json(list(match.values))
        return f"{match.position}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class Hit:
    """An event that concerns a rule: as what it is on, as what it expects, or as both."""

    rule: Rule
    seen: Seen
    is_on: bool
    is_expected: bool


def hits(rules: Sequence[Rule], events: Iterable[Seen]) -> Iterator[Hit]:
    """What concerns whom, event by event. Rules are compared with each kind of event once."""
    by_type: dict[str, list[tuple[Rule, bool, bool]]] = {}
    for rule in rules:
        expects = rule.expected.types if rule.expected else ()
        for type_ in {*rule.types}:
            entry = rule, type_ in rule.pattern.types, type_ in expects
            by_type.setdefault(type_, []).append(entry)
    known: dict[tuple[str, str], list[tuple[Rule, bool, bool]]] = {}
    for seen in events:
        kind = seen.type, seen.task_type
        if kind not in known:
            known[kind] = [
                (rule, is_on, is_expected)
                for rule, on, expected in by_type.get(seen.type, ())
                if (is_on := on and rule.pattern.is_type(seen.task_type))
                | (
                    is_expected := expected
                    and rule.expected is not None
                    and rule.expected.is_type(seen.task_type)
                )
            ]
        for rule, is_on, is_expected in known[kind]:
            if seen.position > rule.position and rule.passes(seen):
                yield Hit(rule, seen, is_on, is_expected)


class Evaluation:
    """What some events mean for rules, given what these keep of earlier ones."""

    def __init__(self, groups: dict[str, Group]) -> None:
        """Args:
        groups: What is kept, by key; it is changed.
        """
        self.groups = groups
        self.matches: dict[str, list[Match]] = {}
        self.changed: dict[str, set[str]] = {}
        """By rule, the keys of the groups that are not as they were."""
        self.number = 0
        self._came: dict[str, int] = {}
        """When an expected event of a group came last."""

    def add(self, hit: Hit) -> None:
        """Go on by one event."""
        rule, seen = hit.rule, hit.seen
        for key, values in rule.groups(seen):
            if rule.when is None or rule.when.count == 1:
                self._fire(rule, Match(seen.position, seen.event_id, seen.at, values, seen.task_id))
            elif rule.when.expect is None:
                self._count(rule, rule.when, key, values, seen)
            else:
                if hit.is_expected:
                    self._fulfil(rule, key, seen)
                if hit.is_on:
                    self._await(rule, rule.when, key, values, seen)

    def expire(self, rule: Rule, key: str, now: int) -> None:
        """The wait of a group is over where it has ended by now."""
        group = self.groups.get(key)
        if group is None or group.due is None or group.due > now:
            return
        match = Match(group.position, group.event_id, group.due, group.values, group.task_id)
        self._fire(rule, match)
        self._change(rule, key, None)

    def _fire(self, rule: Rule, match: Match) -> None:
        self.matches.setdefault(rule.name, []).append(match)
        self.number += 1

    def _change(self, rule: Rule, key: str, group: Group | None) -> None:
        self.changed.setdefault(rule.name, set()).add(key)
        if group is None:
            self.groups.pop(key, None)
        else:
            self.groups[key] = group

    def _count(self, rule: Rule, when: When, key: str, values: list[str], seen: Seen) -> None:
        group = self.groups.get(key) or Group(values)
        last = max([*group.times, seen.at])
        within = None if when.within_seconds is None else int(when.within_seconds * MICRO)
        times = [it for it in (*group.times, seen.at) if within is None or it > last - within]
        if len(times) >= (when.count or 1):
            self._fire(rule, Match(seen.position, seen.event_id, seen.at, values, seen.task_id))
            self._change(rule, key, None)
            return
        due = None if within is None else last + within + int(KEPT_SECONDS * MICRO)
        made = Group(values, seen.position, seen.event_id, seen.task_id, times, due)
        self._change(rule, key, made)

    def _fulfil(self, rule: Rule, key: str, seen: Seen) -> None:
        self._came[key] = max(seen.at, self._came.get(key, 0))
        group = self.groups.get(key)
        if group is not None:
            self.expire(rule, key, seen.at - 1)  # it comes too late
            if key in self.groups:
                self._change(rule, key, None)

    def _await(self, rule: Rule, when: When, key: str, values: list[str], seen: Seen) -> None:
        """Wait from the first event on; what came in the log before it, and later by the clock,
        committed sooner and is no reason to wait."""
        self.expire(rule, key, seen.at - GRACE)
        came = self._came.get(key)
        is_itself = rule.expected is not None and seen.type in rule.expected.types
        if key in self.groups or (came is not None and came > seen.at and not is_itself):
            return
        due = seen.at + int((when.within_seconds or 0) * MICRO)
        made = Group(values, seen.position, seen.event_id, seen.task_id, [], due)
        self._change(rule, key, made)


def on_pattern(text: str) -> Pattern:
    """The pattern of what a trigger is on; no event's where it is on recommendations.

    Raises:
        ValidationError: it means no event, and no recommendation.
    """
    whole = NAME.of("on", text)
    if not is_on_recommendations(whole):
        return pattern_of(whole)
    if not kinds_of(whole):
        raise ValidationError(
            f"on: {whole!r} means no kind of recommendation; there are "
            f"{', '.join(RecommendationKind)}"
        )
    return Pattern(whole, [], None)


def is_on_recommendations(text: str) -> bool:
    """Whether this is on recommendations, and not on events."""
    return text.partition(":")[0].strip() == RECOMMENDATION


def kinds_of(text: str) -> list[RecommendationKind]:
    """The kinds of recommendations that `recommendation:KINDS` means, globs with commas between."""
    globs = [glob(part.strip()) for part in (text.partition(":")[2] or "*").split(",")]
    return [it for it in RecommendationKind if any(one.fullmatch(it) for one in globs)]


def subject_of(kind: str, what: str) -> str:
    """By what a recommendation is known again: its sentence, in which numbers may change."""
    return f"{kind}: {_NUMBER.sub('#', what)}"


def firing_key(name: str, place: object) -> str:
    """The key of a firing, which is the idempotency key of what it makes."""
    key = f"trigger:{name}:{place}"
    if len(key) <= MAX_NAME - SUFFIX:
        return key
    return f"trigger:{hashlib.sha256(name.encode()).hexdigest()[:32]}:{place}"
