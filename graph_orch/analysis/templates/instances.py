"""The workflows that a graph of tasks holds: its weakly connected parts that are finished."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from graph_orch.analysis.model import Given, TaskGraph, seconds_between
from graph_orch.analysis.nodes import TaskNode, TryNode, tries_of
from graph_orch.domain.dag import run_order
from graph_orch.domain.lifecycle import TaskStatus
from graph_orch.errors import AnalysisError

Ints: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"
Flags: TypeAlias = "NDArray[np.bool_]"

BROKEN = (TaskStatus.FAILED, TaskStatus.CANCELLED)
SUCCEEDED = (TaskStatus.COMPLETED, None)
"""A task that tells no status is completed."""


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


def read_instances(graph: Given, task_type: str = "task_type") -> Instances:
    """The finished workflows of a graph whose edges lead from tasks to what they depend on.

    A workflow is a weakly connected part. It is finished if each of its tasks is completed, failed
    or cancelled, or waits for ever for one that failed; a task without a status is completed.

    Raises:
        ValidationError: the dependencies form a cycle; or see `TaskGraph`.
        AnalysisError: a task has no `task_type`; or see `TaskGraph`.
    """
    read = TaskGraph.of(graph)
    order = run_order(read.dependencies)
    place = {key: at for at, key in enumerate(order)}
    waits = [sorted(place[other] for other in read.dependencies[key]) for key in order]
    parts = _parts(waits)
    tasks = [read.tasks[key] for key in order]
    live = np.unique(parts[_unfinished(tasks, waits)])
    keep = np.flatnonzero(~np.isin(parts, live))
    return _instances(read, tasks, waits, parts, keep, len(live), task_type)


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


def _unfinished(tasks: list[TaskNode], waits: list[list[int]]) -> Flags:
    """Which tasks are live, but for those that wait for ever."""
    found = np.zeros(len(tasks), dtype=bool)
    broken = np.zeros(len(tasks), dtype=bool)
    for i, task in enumerate(tasks):
        stuck = task.status is TaskStatus.PENDING and any(broken[other] for other in waits[i])
        broken[i] = stuck or task.status in BROKEN
        found[i] = not broken[i] and task.status not in SUCCEEDED
    return found


def _instances(
    graph: TaskGraph,
    tasks: list[TaskNode],
    waits: list[list[int]],
    parts: Ints,
    keep: Ints,
    in_progress: int,
    task_type: str,
) -> Instances:
    chosen: list[int] = keep.tolist()
    kept = [tasks[i] for i in chosen]
    names = [_type(graph, it.task_id, task_type) for it in kept]
    type_names = tuple(sorted(set(names)))
    number = {name: i for i, name in enumerate(type_names)}
    place = np.full(len(tasks), -1)
    place[keep] = np.arange(len(keep))
    before, after = _edges([waits[i] for i in chosen])
    lists = {it: i for i, it in enumerate(dict.fromkeys(task.requirements for task in kept))}
    tries = [tries_of(graph.graph, it.task_id) for it in kept]
    started = [
        min((at for at in [it.started_at for it in some] or [task.started_at] if at), default=None)
        for task, some in zip(kept, tries, strict=True)
    ]
    ended = [it.completed_at for it in kept]
    first = min((at for at in (*started, *ended) if at is not None), default=None)
    succeeded = np.array([it.status in SUCCEEDED for it in kept], dtype=bool)
    at_first = [_at_first(task, some) for task, some in zip(kept, tries, strict=True)]
    ranks = [-1 if it.priority is None else it.priority.rank for it in kept]
    return Instances(
        nodes=tuple(it.task_id for it in kept),
        type_names=type_names,
        types=np.array([number[name] for name in names], dtype=np.int64),
        workflow=np.unique(parts[keep], return_inverse=True)[1].astype(np.int64),
        succeeded=succeeded,
        at_first=succeeded & np.array(at_first, dtype=bool),
        start=_seconds(first, started),
        end=_seconds(first, ended),
        requirements=tuple(lists),
        required=np.array([lists[it.requirements] for it in kept], dtype=np.int64),
        priority=np.array(ranks, dtype=np.int64),
        before=place[before],
        after=after,
        in_progress=in_progress,
    )


def _type(graph: TaskGraph, key: Any, name: str) -> str:
    value: object = graph.graph.nodes[key].get(name)
    if value is None or str(value).strip() == "":
        raise AnalysisError(
            f"{key!r:.100} has no {name}, by which templates are told apart; name another "
            "attribute with task_type="
        )
    return str(value)


def _at_first(task: TaskNode, tries: list[TryNode]) -> bool:
    """Whether the first try succeeded: as the tries say, else as the task's counters do."""
    if tries:
        return tries[0].outcome == "completed"
    return not task.retry_count and (task.attempt or 1) == 1


def _seconds(first: datetime | None, times: list[datetime | None]) -> Floats:
    found = [seconds_between(first, time) for time in times]
    return np.array([np.nan if it is None else it for it in found], dtype=float)
