"""The workflows that a graph of tasks holds: its weakly connected parts that are finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from graph_orch.analysis.history.tries import depended_on, moment, seconds, tries_of
from graph_orch.analysis.skills.incidence import by_name, checked_graph
from graph_orch.analysis.skills.supply import required_names
from graph_orch.domain.lifecycle import TaskPriority, TaskStatus
from graph_orch.errors import AnalysisError

Ints: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"
Flags: TypeAlias = "NDArray[np.bool_]"

BROKEN = frozenset({TaskStatus.FAILED.value, TaskStatus.CANCELLED.value})


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """The tasks of finished workflows, numbered in an order in which they can run.

    Edges go from `before[i]` to `after[i]`, which depends on it. `start` and `end` are seconds from
    the first time in the graph, nan where it is missing. `workflow` numbers the workflows.
    `requirements` are the different lists of skills, of which a task has that at `required`;
    `priority` is a rank, -1 where there is none.
    """

    nodes: tuple[Hashable, ...]
    type_names: tuple[str, ...]
    types: Ints
    workflow: Ints
    succeeded: Flags
    at_first: Flags
    start: Floats
    end: Floats
    requirements: tuple[tuple[str, ...], ...]
    required: Ints
    priority: Ints
    before: Ints
    after: Ints
    in_progress: int

    @property
    def count(self) -> int:
        """How many workflows there are."""
        return len(np.unique(self.workflow))


def read_instances(graph: nx.Graph[Any], task_type: str = "task_type") -> Instances:
    """The finished workflows of a graph whose edges lead from tasks to what they depend on.

    A workflow is a weakly connected part. It is finished if each of its tasks is completed, failed
    or cancelled, or waits for ever for one that failed; a task without a status is completed.

    Raises:
        ValidationError: this is no graph.
        AnalysisError: it has undirected edges or a cycle, or a task has no `task_type`, or an
            attribute is not what it must be.
    """
    rows = _task_rows(graph)
    position = {node: i for i, (node, _) in enumerate(rows)}
    needs = [
        sorted({position[other] for other in depended_on(graph, node) if other in position})
        for node, _ in rows
    ]
    order = _run_order([node for node, _ in rows], needs)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    rows = [rows[i] for i in order]
    waits = [[int(place[other]) for other in needs[i]] for i in order]
    parts = _parts(waits)
    live = np.unique(parts[_unfinished(rows, waits)])
    keep = np.flatnonzero(~np.isin(parts, live))
    return _instances(graph, rows, waits, parts, keep, len(live), task_type)


def _task_rows(graph: nx.Graph[Any]) -> list[tuple[Hashable, Mapping[str, Any]]]:
    if not checked_graph(graph).is_directed() and graph.number_of_edges():
        raise AnalysisError(
            "the edges of an undirected graph do not say which task waits for which; "
            "a DiGraph is needed, with edges from a task to what it depends on"
        )
    nodes = graph.nodes(data=True)
    tasks = [(node, data) for node, data in nodes if str(data.get("label", "Task")) == "Task"]
    return sorted(tasks, key=lambda row: by_name(row[0]))


def _run_order(nodes: Sequence[Hashable], needs: list[list[int]]) -> list[int]:
    left = [len(others) for others in needs]
    dependents: list[list[int]] = [[] for _ in needs]
    for i, others in enumerate(needs):
        for other in others:
            dependents[other].append(i)
    ready = deque(i for i, count in enumerate(left) if not count)
    order: list[int] = []
    while ready:
        order.append(ready.popleft())
        for i in dependents[order[-1]]:
            left[i] -= 1
            if not left[i]:
                ready.append(i)
    if len(order) < len(nodes):
        raise AnalysisError(f"the dependencies form a cycle: {_cycle(nodes, needs, set(order))}")
    return order


def _cycle(nodes: Sequence[Hashable], needs: list[list[int]], done: set[int]) -> str:
    at = next(i for i in range(len(nodes)) if i not in done)
    path: list[int] = []
    seen: dict[int, int] = {}
    while at not in seen:
        seen[at] = len(path)
        path.append(at)
        at = next(other for other in needs[at] if other not in done)
    cycle = [*path[seen[at] :], at]
    shown = [str(nodes[i]) for i in cycle[:10]] + (["…"] if len(cycle) > 10 else [])
    return " -> ".join(shown)


def _parts(waits: list[list[int]]) -> Ints:
    size = len(waits)
    if not size:
        return np.empty(0, dtype=np.int64)
    before, after = _edges(waits)
    joined = csr_array((np.ones(len(before)), (before, after)), shape=(size, size))
    return np.asarray(connected_components(joined, directed=False)[1]).astype(np.int64)


def _edges(waits: list[list[int]]) -> tuple[Ints, Ints]:
    after = np.repeat(np.arange(len(waits)), [len(others) for others in waits])
    before = np.array([other for others in waits for other in others], dtype=np.int64)
    return before, after


def _unfinished(rows: list[tuple[Hashable, Mapping[str, Any]]], waits: list[list[int]]) -> Flags:
    """Which tasks are live, but for those that wait for ever."""
    found = np.zeros(len(rows), dtype=bool)
    broken = np.zeros(len(rows), dtype=bool)
    for i, (_, data) in enumerate(rows):
        status = str(data.get("status", TaskStatus.COMPLETED))
        stuck = status == TaskStatus.PENDING and any(broken[other] for other in waits[i])
        broken[i] = stuck or status in BROKEN
        found[i] = not broken[i] and status != TaskStatus.COMPLETED
    return found


def _instances(
    graph: nx.Graph[Any],
    rows: list[tuple[Hashable, Mapping[str, Any]]],
    waits: list[list[int]],
    parts: Ints,
    keep: Ints,
    in_progress: int,
    task_type: str,
) -> Instances:
    chosen: list[int] = keep.tolist()
    kept = [rows[i] for i in chosen]
    names = [_type(node, data, task_type) for node, data in kept]
    type_names = tuple(sorted(set(names)))
    number = {name: i for i, name in enumerate(type_names)}
    place = np.full(len(rows), -1)
    place[keep] = np.arange(len(keep))
    before, after = _edges([waits[i] for i in chosen])
    skills = [required_names(node, data) for node, data in kept]
    lists = {names: i for i, names in enumerate(dict.fromkeys(skills))}
    tries = [tries_of(graph, node, data) for node, data in kept]
    start, end = _times(kept, tries)
    succeeded = [str(data.get("status", "completed")) == TaskStatus.COMPLETED for _, data in kept]
    at_first = [_at_first(data, some) for (_, data), some in zip(kept, tries, strict=True)]
    return Instances(
        nodes=tuple(node for node, _ in kept),
        type_names=type_names,
        types=np.array([number[name] for name in names], dtype=np.int64),
        workflow=np.unique(parts[keep], return_inverse=True)[1].astype(np.int64),
        succeeded=np.array(succeeded, dtype=bool),
        at_first=np.array(succeeded, dtype=bool) & np.array(at_first, dtype=bool),
        start=start,
        end=end,
        requirements=tuple(lists),
        required=np.array([lists[names] for names in skills], dtype=np.int64),
        priority=np.array([_priority(node, data) for node, data in kept], dtype=np.int64),
        before=place[before],
        after=after,
        in_progress=in_progress,
    )


def _type(node: Hashable, data: Mapping[str, Any], name: str) -> str:
    value: object = data.get(name)
    if value is None or str(value).strip() == "":
        raise AnalysisError(
            f"{node!r:.100} has no {name}, by which templates are told apart; name another "
            "attribute with task_type="
        )
    return str(value)


def _at_first(data: Mapping[str, Any], tries: list[dict[str, Any]]) -> bool:
    """Whether the first try succeeded: as the tries say, else as the task's counters do."""
    if tries:
        return str(tries[0].get("outcome")) == "completed"
    return not data.get("retry_count") and (data.get("attempt") or 1) == 1


def _priority(node: Hashable, data: Mapping[str, Any]) -> int:
    value: object = data.get("priority")
    if value is None:
        return -1
    if isinstance(value, str) and value in list(TaskPriority):
        return TaskPriority(value).rank
    raise AnalysisError(
        f"priority of {node!r:.100} is {value!r:.100}; high, medium or low is needed"
    )


def _times(
    rows: list[tuple[Hashable, Mapping[str, Any]]], tries: list[list[dict[str, Any]]]
) -> tuple[Floats, Floats]:
    """When each was first started, and when it was finished."""
    starts: list[datetime | None] = []
    for (node, data), some in zip(rows, tries, strict=True):
        given = [moment(one, "started_at", node) for one in some] or [
            moment(data, "started_at", node)
        ]
        starts.append(min((time for time in given if time is not None), default=None))
    ends = [moment(data, "completed_at", node) for node, data in rows]
    first = min((time for time in (*starts, *ends) if time is not None), default=None)
    return _seconds(first, starts), _seconds(first, ends)


def _seconds(first: datetime | None, times: list[datetime | None]) -> Floats:
    found = [seconds(first, time) for time in times]
    return np.array([np.nan if it is None else it for it in found], dtype=float)
