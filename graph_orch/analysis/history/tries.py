"""The tries of tasks as a graph has them, each with what was waited for and what was worked."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import networkx as nx

from graph_orch.analysis.skills.incidence import by_name, checked_graph
from graph_orch.analysis.skills.supply import is_task, requirements_of
from graph_orch.errors import AnalysisError

SUCCEEDED = "completed"
FAILED = frozenset({"failed", "expired", "timed_out"})
"""Outcomes that count against an agent, unless the try was `blameless`; `released` and `cancelled`
count neither way."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a task by an agent. Times may be missing, durations are in seconds.

    `since` is when the task could first have been tried, had nothing been in its way: created and
    due, or given back by the try before. `ready_at` is when its dependencies were completed too.
    """

    task: Hashable
    task_type: str | None
    skills: tuple[str, ...]
    agent: Hashable | None
    attempt: int
    since: datetime | None
    ready_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    blameless: bool = False

    @property
    def is_success(self) -> bool | None:
        """Whether it succeeded; None: still going, or neither (released, cancelled, blameless)."""
        if self.outcome == SUCCEEDED:
            return True
        return False if self.outcome in FAILED and not self.blameless else None

    @property
    def wait(self) -> float | None:
        """From `since` until it was started: for dependencies, for an agent, for the agent."""
        return seconds(self.since, self.started_at)

    @property
    def queue(self) -> float | None:
        """The part of `wait` in which it was ready: from `ready_at` until it was started."""
        return seconds(self.ready_at, self.started_at)

    @property
    def work(self) -> float | None:
        """From started until ended."""
        return seconds(self.started_at, self.ended_at)

    @property
    def turnaround(self) -> float | None:
        """From `since` until ended: waiting and working."""
        return seconds(self.since, self.ended_at)


@dataclass(frozen=True, slots=True)
class TriedTask:
    """A task and its tries, oldest first; there may be none."""

    task: Hashable
    task_type: str | None
    skills: tuple[str, ...]
    status: str | None
    tries: tuple[Try, ...]


def read_tries(graph: nx.Graph[Any]) -> tuple[TriedTask, ...]:
    """The tasks of a graph with their tries, in the order of their names.

    Tries are what a task has as `tries` (mappings), or else its edges of the type ASSIGNED_TO.
    Dependencies are its edges of the type DEPENDS_ON, or of no type, to other tasks.

    Raises:
        ValidationError: this is no graph.
        AnalysisError: tries are no list of mappings, or a time is not a datetime with a timezone.
    """
    nodes = checked_graph(graph).nodes(data=True)
    rows = sorted((row for row in nodes if _is_tried(row[1])), key=lambda row: by_name(row[0]))
    return tuple(_read(graph, node, data) for node, data in rows)


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    """From one time to another; negative if the clocks say so; None where one is missing."""
    return None if start is None or end is None else (end - start).total_seconds()


def moment(data: Mapping[str, Any], name: str, of: Hashable) -> datetime | None:
    """A time that something has; None where it has none.

    Raises:
        AnalysisError: it is not a datetime with a timezone.
    """
    value: object = data.get(name)
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    raise AnalysisError(
        f"{name} of {of!r:.100} is {value!r:.100}; a datetime with a timezone is needed"
    )


def tries_of(graph: nx.Graph[Any], node: Hashable, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A task's tries as they stand in the graph, oldest first.

    Raises:
        AnalysisError: they are no list of mappings.
    """
    given: object = data.get("tries")
    if given is None:
        given = list(_assignments(graph, node))
    if not isinstance(given, list | tuple):
        raise AnalysisError(
            f"tries of {node!r:.100} are {given!r:.100}; a list of mappings is needed"
        )
    found = [_mapping(node, one) for one in cast(Iterable[object], given)]
    return sorted(found, key=lambda one: _attempt(one, node))


def depended_on(graph: nx.Graph[Any], node: Hashable) -> Iterator[Hashable]:
    """The tasks that a task depends on."""
    for _, other, edge in graph.edges(node, data=True):
        if graph.is_directed() and str(edge.get("type", "DEPENDS_ON")) == "DEPENDS_ON":
            yield other


def _is_tried(data: Mapping[str, Any]) -> bool:
    return is_task(data) or (data.get("label") is None and "tries" in data)


def _assignments(graph: nx.Graph[Any], node: Hashable) -> Iterator[dict[str, Any]]:
    for _, agent, edge in graph.edges(node, data=True):
        if str(edge.get("type")) == "ASSIGNED_TO":
            yield {"agent_id": agent, **edge}


def _mapping(node: Hashable, one: object) -> dict[str, Any]:
    if not isinstance(one, Mapping):
        raise AnalysisError(f"a try of {node!r:.100} is {one!r:.100}; a mapping is needed")
    return dict(cast(Mapping[str, Any], one))


def _attempt(one: Mapping[str, Any], of: Hashable) -> int:
    value: object = one.get("attempt", 0)
    if not isinstance(value, int):
        raise AnalysisError(
            f"attempt of a try of {of!r:.100} is {value!r:.100}; a whole number is needed"
        )
    return value


def _read(graph: nx.Graph[Any], node: Hashable, data: Mapping[str, Any]) -> TriedTask:
    status = None if data.get("status") is None else str(data["status"])
    done = [_completed(graph, other) for other in depended_on(graph, node)]
    skills = _skills(graph, node, data)
    rows = tries_of(graph, node, data)
    before = moment(data, "created_at", node)
    tries: list[Try] = []
    for at, row in enumerate(rows):
        known = before is not None or at == 0
        since = _latest(before, _due(data, node, rows, at)) if known else None
        ready_at = None if since is None else _latest(since, *done)
        tries.append(_try(node, data, skills, at, row, since, ready_at))
        before = tries[-1].ended_at
    return TriedTask(node, _type(data), skills, status, tuple(tries))


def _try(
    node: Hashable,
    data: Mapping[str, Any],
    skills: tuple[str, ...],
    at: int,
    row: Mapping[str, Any],
    since: datetime | None,
    ready_at: datetime | None,
) -> Try:
    return Try(
        task=node,
        task_type=_type(data),
        skills=skills,
        agent=_agent(row, node),
        attempt=_attempt(row, node) or at + 1,
        since=since,
        ready_at=ready_at,
        assigned_at=moment(row, "assigned_at", node),
        started_at=moment(row, "started_at", node),
        ended_at=moment(row, "ended_at", node),
        outcome=None if row.get("outcome") is None else str(row["outcome"]),
        blameless=row.get("blameless") is True,
    )


def _agent(row: Mapping[str, Any], of: Hashable) -> Hashable:
    agent: object = row.get("agent_id")
    try:
        hash(agent)
    except TypeError:
        raise AnalysisError(
            f"agent_id of a try of {of!r:.100} is {repr(agent)[:100]}; the name of a node is needed"
        ) from None
    return agent


def _type(data: Mapping[str, Any]) -> str | None:
    return None if data.get("task_type") is None else str(data["task_type"])


def _skills(graph: nx.Graph[Any], node: Hashable, data: Mapping[str, Any]) -> tuple[str, ...]:
    required = requirements_of(graph, node, data)
    return tuple(sorted(str(skill).removeprefix("skill:") for skill in required))


def _due(
    data: Mapping[str, Any], node: Hashable, rows: list[dict[str, Any]], at: int
) -> datetime | None:
    """The task's available_at, where it is that of this try.

    A pause before a retry overwrites it, so for a try that is not the last it may be a later one.
    """
    due = moment(data, "available_at", node)
    assigned = None if not rows else moment(rows[at], "assigned_at", node)
    later = due is not None and assigned is not None and due > assigned
    return None if later and at < len(rows) - 1 else due


def _completed(graph: nx.Graph[Any], node: Hashable) -> datetime | None:
    return moment(graph.nodes[node], "completed_at", node)


def _latest(*times: datetime | None) -> datetime | None:
    return max((it for it in times if it is not None), default=None)
