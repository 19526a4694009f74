"""Who held what when: the tries of tasks, from a graph or from a schedule, as bars in seconds."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import networkx as nx

from graph_orch.analysis.model import Model, graph_of
from graph_orch.analysis.nodes import Graph, StepNode, by_name, steps_of
from graph_orch.analysis.pictures.marks import LIVE, OTHER, OUTCOMES, PLANNED, STEP
from graph_orch.analysis.pictures.nodes import left_out_said, number, of_kind
from graph_orch.analysis.pictures.texts import count, plain
from graph_orch.errors import ValidationError

Schedule = Iterable[object]
FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (100, 9_900))
"""The times that are shown, in seconds since 1970: an axis ends at the years 1 and 9999."""


@dataclass(frozen=True)
class Bar:
    """One try: `agent` held `task` from `held` to `end`, and worked on it from `start`."""

    task: Hashable
    agent: str
    held: float
    start: float
    end: float
    outcome: str
    kind: str = ""


@dataclass
class Bars:
    """All tries, in seconds: of the epoch (`is_clock`), or from the start of a schedule.

    `slots` are those of the agents that the graph knows. `skipped` tries had no usable times.
    """

    bars: list[Bar] = field(default_factory=list[Bar])
    slots: dict[str, float] = field(default_factory=dict[str, float])
    is_clock: bool = True
    skipped: int = 0
    notes: list[str] = field(default_factory=list[str])
    steps: list[Bar] = field(default_factory=list[Bar])
    """Those of the handler, where there is one task and no other."""

    @property
    def span(self) -> tuple[float, float]:
        """From the first moment to the last, never nothing."""
        start = min(bar.held for bar in (*self.bars, *self.steps))
        end = max(bar.end for bar in (*self.bars, *self.steps))
        return start, end if end > start else start + 1.0

    def said(self) -> list[str]:
        """What a picture says of tries and nodes that it leaves out."""
        skipped = f"{count(self.skipped, 'try', 'tries')} without times left out."
        return [*([skipped] if self.skipped else []), *self.notes]

    @property
    def agents(self) -> set[str]:
        """Those of the bars, and those that the graph knows."""
        return {bar.agent for bar in self.bars} | set(self.slots)

    def by_agent(self) -> dict[str, list[Bar]]:
        """The bars of each agent, by time."""
        found: dict[str, list[Bar]] = {}
        for bar in sorted(self.bars, key=lambda it: (it.held, it.end, by_name(it.task))):
            found.setdefault(bar.agent, []).append(bar)
        return found


def read_bars(source: object, now: datetime | float | None = None) -> Bars:
    """The tries of a graph, or of a schedule.

    A live try goes on until `now`; without it until the graph was taken, or else until this moment.

    Raises:
        ValidationError: the source is neither, or a row of the schedule, or now, is not acceptable.
    """
    if now is not None and seconds(now) is None:
        raise ValidationError(
            f"now is {plain(repr(now))[:80]}; give a datetime, or seconds since 1970"
        )
    if isinstance(source, nx.Graph | Model):
        return _of_graph(graph_of(cast(object, source)), now)
    source = getattr(source, "tries", source)
    if isinstance(source, str | bytes | Mapping) or not isinstance(source, Iterable):
        raise ValidationError(
            "expected a graph, or a schedule of (task, agent, start, end) in seconds; "
            f"got {type(cast(object, source))}"
        )
    return _of_schedule(cast(Iterable[object], source))


def _of_graph(graph: Graph, now: datetime | float | None) -> Bars:
    found = Bars(notes=left_out_said(graph))
    live_until = seconds(now if now is not None else graph.graph.get("taken_at"))
    if live_until is None:
        live_until = datetime.now(UTC).timestamp()
    tasks = of_kind(graph, "Task")
    if len(tasks) == 1:
        found.steps = [_step(tasks[0], step) for step in steps_of(graph, tasks[0])]
    for node in tasks:
        for entry in _tries(graph, node):
            started, assigned = seconds(entry.get("started_at")), seconds(entry.get("assigned_at"))
            held = assigned if assigned is not None else started
            if held is None or entry.get("agent_id") is None:
                found.skipped += 1
                continue
            ended = seconds(entry.get("ended_at"))
            end = max(held, live_until if ended is None else ended)
            found.bars.append(
                Bar(
                    task=node,
                    agent=plain(entry["agent_id"]),
                    held=held,
                    start=end if started is None else min(max(started, held), end),
                    end=end,
                    outcome=LIVE if ended is None else _outcome(entry.get("outcome")),
                    kind=str(graph.nodes[node].get("task_type", "")),
                )
            )
    if any("label" in data for _, data in graph.nodes(data=True)):
        for node in of_kind(graph, "Agent"):
            slots = number(graph.nodes[node].get("max_concurrent_tasks"), math.nan)
            found.slots[plain(graph.nodes[node].get("agent_id", node))] = slots
    return found


def _step(task: Hashable, step: StepNode) -> Bar:
    end = step.at.timestamp()
    start = end - (step.duration_ms or 0) / 1_000
    # Its name, without its kind, and with its ordinal where it is not the first of that name.
    name = step.key.partition(":")[2] or step.key
    return Bar(task, "its steps", start, start, end, STEP, name.removesuffix("#1"))


def _tries(graph: Graph, node: Hashable) -> list[Mapping[str, Any]]:
    """The tries that a node has; else those of its edges; else what it says of the last."""
    data = graph.nodes[node]
    given = data.get("tries")
    if isinstance(given, Sequence) and not isinstance(given, str):
        rows = cast(Sequence[object], given)
        return [cast(Mapping[str, Any], row) for row in rows if isinstance(row, Mapping)]
    edges = [
        {"agent_id": graph.nodes[other].get("agent_id", other), **edge}
        for _, other, edge in graph.edges(node, data=True)
        if edge.get("type") == "ASSIGNED_TO"
    ]
    if edges:
        return sorted(edges, key=lambda it: number(it.get("attempt")))
    if data.get("assigned_to") is None:
        return []
    return [
        {
            "agent_id": data["assigned_to"],
            "assigned_at": data.get("assigned_at"),
            "started_at": data.get("started_at"),
            "ended_at": data.get("completed_at"),
            "outcome": data.get("status") if data.get("completed_at") else None,
        }
    ]


def _outcome(value: object) -> str:
    return value if isinstance(value, str) and value in OUTCOMES else OTHER


def seconds(value: object) -> float | None:
    """A time in seconds since 1970: of a datetime (without a zone: UTC), ISO text, or a number.

    None where it is none of these, or before the year 100, or after 9899.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        value = aware.timestamp()
    found = number(value, math.nan)
    return found if FIRST <= found <= LAST else None


_NAMES = (
    ("task", "task_id"),
    ("agent", "agent_id"),
    ("start", "started_at"),
    ("end", "ended_at"),
    ("outcome",),
)


def _of_schedule(rows: Iterable[object]) -> Bars:
    found = Bars(is_clock=False)
    for at, row in enumerate(rows):
        values = _values(row)
        if len(values) not in (4, 5):
            raise _refused(at, row, "it is not (task, agent, start, end), or these and an outcome")
        start, end = (number(value, math.nan) for value in values[2:4])
        if not start <= end:
            raise _refused(at, row, "start and end are not numbers of seconds, the start first")
        outcome = values[4] if len(values) == 5 else None
        outcome = PLANNED if outcome is None else _outcome(str(outcome))
        task = values[0] if isinstance(values[0], Hashable) else str(values[0])
        found.bars.append(Bar(task, plain(values[1]), start, start, end, outcome))
    return found


def _values(row: object) -> list[object]:
    """The values of a row in their order, or by their names."""
    if isinstance(row, Sequence):
        return [] if isinstance(row, str) else list(cast(Sequence[object], row))
    named: dict[str, object] = {}
    for name in (name for names in _NAMES for name in names):
        is_mapping = isinstance(row, Mapping)
        named[name] = cast(Any, row).get(name) if is_mapping else getattr(row, name, None)
    found = [next((named[it] for it in names if named[it] is not None), None) for names in _NAMES]
    return [] if found[0] is None else found


def _refused(at: int, row: object, why: str) -> ValidationError:
    return ValidationError(
        f"row {at} of the schedule is {plain(repr(row))[:80]}: {why}; give seconds from the start, "
        "such as ('task-1', 'ada', 0.0, 12.5)"
    )
