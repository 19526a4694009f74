"""Levels and the critical path of a graph of tasks."""

from __future__ import annotations

from typing import Any

from graph_orch.analysis.tasks.graph import Duration, chosen, durations
from graph_orch.analysis.tasks.live import insights_of, kind_for_store
from graph_orch.domain.precedence import CriticalPath, critical_path_of, levels_of
from graph_orch.errors import ValidationError


def levels(source: object, *, tasks: Any = None, remaining: bool = False) -> list[list[Any]]:
    """The tasks by level: level 0 depends on nothing, each other one on some of the level before.

    All tasks of a level could run at once. Sorted by str within a level. O(tasks + dependencies).

    Args:
        source: A graph (edges go from a task to what it depends on), or an orchestrator.
        tasks: A task: only it and what it depends on. A list: only these. None (not for an
            orchestrator): all.
        remaining: Without the tasks that have ended (not for an orchestrator).

    Raises:
        TaskNotFoundError: one of `tasks` is not there.
        ValidationError: the graph cannot hold tasks, or has a cycle, which is named.
    """
    insights = insights_of(source)
    if insights is not None:
        return insights.levels(for_store(tasks, remaining))
    _, dependencies = chosen(source, tasks, remaining)
    return [sorted(level, key=str) for level in levels_of(dependencies)]


def critical_path(
    source: object,
    duration: Duration = "estimated",
    *,
    tasks: Any = None,
    remaining: bool = False,
) -> CriticalPath[Any]:
    """The chain of tasks that decides how long the whole takes, and when each task must run.

    The critical path method of Kelley and Walker (1959): as if there were agents without number.
    Seconds everywhere. Of chains that are equally long, the one whose tasks come first by str, seen
    from its end. O(tasks + dependencies), without recursion.

    Args:
        source: A graph (edges go from a task to what it depends on), or an orchestrator.
        duration: How long a task takes, see `Duration`; for an orchestrator "estimated" or
            "measured".
        tasks: A task: the whole is it and what it depends on. A list: these. None (not for an
            orchestrator): all.
        remaining: Without the tasks that have ended (not for an orchestrator).

    Raises:
        TaskNotFoundError: one of `tasks` is not there.
        ValidationError: the graph cannot hold tasks, or has a cycle; a duration is no number.
    """
    insights = insights_of(source)
    if insights is not None:
        return insights.critical_path(for_store(tasks, remaining), kind_for_store(duration))
    facts, dependencies = chosen(source, tasks, remaining)
    return critical_path_of(dependencies, durations(source, facts, duration))


def for_store(tasks: Any, remaining: bool) -> Any:
    """`tasks`, where the store can be asked for them.

    Raises:
        ValidationError: it cannot.
    """
    if tasks is None or remaining:
        raise ValidationError(
            "an orchestrator is asked about tasks=: the id of a task, or a list of ids, without "
            'remaining=; for all tasks take snapshot(orch, "tasks"), and give that'
        )
    return tasks
