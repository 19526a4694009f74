"""Triggers: what happens when events come, or fail to come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from graph_orch._sync.acting import Acting
from graph_orch._sync.evaluating import PLACES, Evaluator, seen_of
from graph_orch._sync.events import Events, place_before
from graph_orch._sync.graph import Graph
from graph_orch.domain.actions import action_of
from graph_orch.domain.fields import AGE, CURSOR, LEASE, LIMIT, NAME, NEW_NAME, SLOTS
from graph_orch.domain.forms import dump_json
from graph_orch.domain.models import NewTask, RetryPolicy
from graph_orch.domain.models.base import some_moment
from graph_orch.domain.models.triggers import Firing, Trigger, TriggerAction, TriggerMatch, When
from graph_orch.domain.patterns import Pattern, Where, filters_of
from graph_orch.domain.triggers import (
    FILTERS,
    GRACE,
    MICRO,
    Evaluation,
    Rule,
    hits,
    is_on_recommendations,
    on_pattern,
)
from graph_orch.errors import TriggerNotFoundError, ValidationError
from graph_orch.store.driving import native
from graph_orch.store.functions import register

MAX_DEPTH = 10
FORGOTTEN_AT_ONCE = 5_000
Tasks = NewTask | Mapping[str, Any] | Iterable[NewTask | Mapping[str, Any]]


class Triggers:
    """Triggers in a graph: each fires once for what it is on, with any number of evaluators.

    A trigger is a subscription that whoever comes by evaluates: workers, `maintain`, and `run`. One
    transaction moves it on in the log and writes what fired; then that is done, at least once, by
    commands that have their effect once.
    """

    def __init__(self, graph: Graph, *, retry_policy: RetryPolicy | None = None) -> None:
        """Triggers in a graph.

        Args:
            retry_policy: For the tasks that are created here without one of their own.
        """
        self._graph = graph
        self._events = Events(graph)
        self._evaluation = Evaluator(graph)
        self._acting = Acting(graph, retry_policy or RetryPolicy())

    def put(
        self,
        name: str,
        on: str,
        *,
        when: When | Mapping[str, object] | None = None,
        create: Tasks | None = None,
        start_workflow: Mapping[str, Any] | None = None,
        open_gate: Mapping[str, Any] | None = None,
        cancel: Mapping[str, Any] | None = None,
        pause: Mapping[str, Any] | None = None,
        post: Mapping[str, Any] | None = None,
        call: str | None = None,
        workflow_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        skill: str | None = None,
        where: str | Sequence[str] | None = None,
        max_depth: int = MAX_DEPTH,
        after: int | None = None,
    ) -> Trigger:
        """Create a trigger, or replace the one of this name, which keeps its position.

        What it does is one of `create`, `start_workflow`, `open_gate`, `cancel`, `pause`,
        `post` and `call`. Their texts may have places such as `{event.task_id}`, `{task.content}`,
        `{task.result.title}`, `{trigger.group.0}` or `{recommendation.what}`; a text that is a
        place and nothing else stands for the value, and braces are written twice. `event` has the
        fields of `TaskEvent`, `task_type` and `workflow_id`; `task` those of `Task`, as it is when
        the trigger acts.

        Args:
            on: `EVENTS:TASK_TYPES` as `subscriptions.put` takes it, such as
                `completed:research/*`; or `recommendation:KINDS`, such as
                `recommendation:single_holder`.
            when: None: each of these events. `{"count": 3, "within_seconds": 60, "for_each":
                "agent_id"}`: each third within a minute, of each agent; `for_each` is one or
                several of task_id, task_type, workflow_id, agent_id, team_id and skill.
                `{"expect": "completed:*", "within_seconds": 600, "for_each": "task_id"}`: where
                no such event has come so long after the first. `{"every_seconds": 60}`: how often
                recommendations are asked for; it fires when one appears that was not there.
            create: The arguments of `create_task`, or a list of such.
            start_workflow: The arguments of `workflows.start`, but for its id.
            open_gate: `gate_id`, and as `gates.decide` takes them `decision` ("approve"),
                `comment`, `payload`.
            cancel: The filters of `cancel_tasks`, and `reason`. With `workflow_id` alone the
                workflow is cancelled.
            pause: `what`, `seconds` and `reason`, as `pauses.put` takes them.
            post: `webhook`, the name of one, and `data`, any JSON: what is sent; without it the
                trigger, the event and the recommendation.
            call: The name of a function, see `function`.
            workflow_id: Only events of its tasks; each of these filters must hold.
            agent_id: Only what this agent did, or got.
            team_id: Only what those did, or got, who are members of this team then.
            skill: Only of tasks that require it.
            where: Conditions that must hold, as for `subscriptions.put`.
            max_depth: It does nothing where so many triggers stand behind an event: what one made
                led to the next.
            after: Begin after this place in the log. None: a new trigger begins with what happens
                from now on.

        Raises:
            ValidationError: an argument is not acceptable, or a subscription has this name.
        """
        action, template = action_of(
            {
                "create": create,
                "start_workflow": start_workflow,
                "open_gate": open_gate,
                "cancel": cancel,
                "pause": pause,
                "post": post,
                "call": call,
            }
        )
        key = NEW_NAME.of("name", name)
        asked = asked_of(on, when, where, workflow_id, agent_id, team_id, skill)
        condition: When | None = asked.pop("condition")
        every = None if condition is None else condition.every_seconds
        rows = self._graph.write(
            "triggers/put",
            trigger=key,
            end=self._events.end(),
            after=None if after is None else CURSOR.of("after", after),
            action=action.value,
            template=dump_json(template),
            function=template if action is TriggerAction.CALL else None,
            max_depth=SLOTS.of("max_depth", max_depth),
            every_seconds=60.0
            if every is None and is_on_recommendations(asked["pattern"])
            else every,
            **asked,
        )
        if not rows:
            raise ValidationError(
                f"name: {key!r} is the name of a subscription that is read, or sent; give another"
            )
        self._forget(key)
        return self.get(key)

    def list(self) -> list[Trigger]:
        """All triggers, by name."""
        rows = self._graph.read("triggers/list", trigger=None)
        return [Trigger.from_record(native(row)) for row in rows]

    def get(self, name: str) -> Trigger:
        """The trigger of this name.

        Raises:
            TriggerNotFoundError: there is none.
        """
        key = NAME.of("name", name)
        rows = self._graph.read("triggers/list", trigger=key)
        if not rows:
            raise TriggerNotFoundError(key)
        return Trigger.from_record(native(rows[0]))

    def firings(self, name: str, limit: int = 100) -> list[Firing]:
        """What a trigger did and is to do, the newest first.

        Raises:
            TriggerNotFoundError: there is none of this name.
        """
        found = self.get(name)
        rows = self._graph.read(
            "triggers/firings", trigger=found.name, limit=LIMIT.of("limit", limit)
        )
        return [Firing.from_record(row) for row in rows]

    def remove(self, name: str) -> bool:
        """Remove a trigger, with what it was to do still; False where there is none.

        What it made stays.
        """
        key = NAME.of("name", name)
        was_there = bool(self._graph.write("triggers/remove", trigger=key))
        self._forget(key)
        return was_there

    def retry(self, name: str) -> int:
        """Let a trigger do again what failed or was stopped, such as after it was mended; how many
        firings that are.

        Raises:
            TriggerNotFoundError: there is none of this name.
        """
        found = self.get(name)
        (row,) = self._graph.write(
            "triggers/retry", trigger=found.name, limit=FORGOTTEN_AT_ONCE
        )
        return row["number"]

    def run(self, seconds: float | None = None) -> list[Firing]:
        """Evaluate what is new, and do what is due; the firings that this call has ended, and those
        that failed and are tried again.

        Any number of processes may call it, any time.

        Args:
            seconds: After so long it begins nothing new; None: it ends when nothing is due.
        """
        limit = LEASE.of("seconds", seconds)
        now = time.monotonic()
        until = None if limit is None else now + limit
        self._evaluation.run(None if limit is None else now + limit / 2)
        return [*self._acting.run(until), *self._acting.call(until)]

    def function(
        self, name: str
    ) -> Callable[[Callable[[dict[str, JsonValue]], Any]], Callable[[dict[str, JsonValue]], Any]]:
        """Register a function of this process, which triggers with `call=name` call.

        It is given a dict with `key`, which is the same where it is called again, `trigger`,
        `event` and `task`. It is called again where it raised, where its process died, and where it
        has not returned after five minutes; eight times at most. Meanwhile other triggers go on,
        and a process in which it hangs calls it no more. A process that has not registered it
        leaves the call to others; where none calls it for a day, what waits for it fails.

            @orch.triggers.function("tell")
            def tell(fired): ...
        """
        return register(NEW_NAME.of("name", name))

    def test(
        self,
        name: str | None = None,
        *,
        on: str | None = None,
        when: When | Mapping[str, object] | None = None,
        workflow_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        skill: str | None = None,
        where: str | Sequence[str] | None = None,
        seconds: float = 86_400.0,
        limit: int = 1_000,
    ) -> list[TriggerMatch]:
        """When a trigger would have fired over the last day, from the log; nothing is changed.

        Args:
            name: A trigger that there is; or else `on` and the others, as `put` takes them.
            seconds: How far back it looks.
            limit: How many firings at most, the first ones.

        Raises:
            ValidationError: an argument is not acceptable, or it is on recommendations, of which
                there is no log.
            TriggerNotFoundError: there is none of this name.
        """
        age, most = AGE.of("seconds", seconds), LIMIT.of("limit", limit)
        if name is not None:
            found = self.get(name)
            on, when = found.on, found.when
            workflow_id, agent_id = found.workflow_id, found.agent_id
            team_id, skill, where = found.team_id, found.skill, found.where
        elif on is None:
            raise ValidationError("test: give the name of a trigger, or what it would be on")
        asked = asked_of(on, when, where, workflow_id, agent_id, team_id, skill)
        if is_on_recommendations(asked["pattern"]):
            raise ValidationError("test: of recommendations there is no log to look at")
        del asked["condition"]
        end = self._events.end()
        (clock,) = self._graph.read("upkeep/clock")
        start = place_before(self._graph, clock["now"] - int(age * MICRO), end)
        rule = Rule.of({**asked, "name": "", "position": start, "turn": 0, "generation": 0})
        evaluation = Evaluation({})
        while start < end and evaluation.number < most:
            upto = min(start + PLACES, end)
            for hit in hits([rule], seen_of(self._graph, [rule], start, upto)):
                evaluation.add(hit)
            start = upto
        for key in list(evaluation.groups):
            if rule.expected is not None:
                evaluation.expire(rule, key, clock["now"] - GRACE)
        return [
            TriggerMatch(
                position=it.position,
                at=some_moment(it.at),
                task_id=it.task_id,
                group=list(it.values),
            )
            for it in evaluation.matches.get("", ())[:most]
        ]

    def _forget(self, key: str) -> None:
        number = FORGOTTEN_AT_ONCE
        while number >= FORGOTTEN_AT_ONCE:
            (row,) = self._graph.write(
                "triggers/forget", trigger=key, limit=FORGOTTEN_AT_ONCE
            )
            number = row["number"]


def asked_of(on: str, when: object, where: object, *filters: str | None) -> dict[str, Any]:
    """What a trigger is on, as the statements take it; `condition` is `when`, parsed."""
    pattern = on_pattern(NAME.of("on", on))
    asking = is_on_recommendations(pattern.text)
    condition = None if when is None else When.parsed("when", when)
    if condition is not None and (condition.every_seconds is not None) is not asking:
        raise ValidationError(
            "when: every_seconds is for triggers on recommendations, which take nothing else"
        )
    if condition is not None and condition.expect is not None:
        Pattern.of(condition.expect)
    asked: dict[str, Any] = {**filters_of(dict(zip(FILTERS, filters, strict=True)))}
    texts = Where.of(where).texts
    if asking and (texts or any(it is not None for it in filters)):
        raise ValidationError("a trigger on recommendations takes no filters of events")
    text = None if condition is None else condition.model_dump_json(exclude_defaults=True)
    asked |= {"pattern": pattern.text, "where": texts}
    return {**asked, "when": text, "condition": condition}
