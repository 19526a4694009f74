"""What slips where a task fails or an agent goes, from the facts of the tasks around. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from graph_orch.domain.lifecycle import ENDED, DependencyFailure, TaskStatus
from graph_orch.domain.models import AgentBlastRadius, BlastRadius
from graph_orch.domain.precedence import depths_from

N = TypeVar("N", bound=Hashable)
CANCELS = DependencyFailure.CANCEL


@dataclass(frozen=True)
class Holdings:
    """What an agent holds, and what nobody else can do."""

    agent_id: str
    held: list[Any]
    only_it: list[Any]

    def among(self, tasks: Collection[Any]) -> Self:
        """Those of them that are among these tasks."""
        return replace(
            self,
            held=[key for key in self.held if key in tasks],
            only_it=[key for key in self.only_it if key in tasks],
        )


def slips(status: object) -> bool:
    """Whether a task can still slip: it has not ended."""
    return not (isinstance(status, str) and status in ENDED)


def blast_radius_of(
    task_id: N,
    dependents: Mapping[N, Collection[N]],
    facts: Mapping[N, Mapping[str, Any]],
    seconds: Mapping[N, float],
) -> BlastRadius:
    """What a failure of `task_id` does to the tasks that depend on it.

    Args:
        dependents: Of each task those that depend on it and have not ended.
        facts: Of each its status and on_dependency_failure, where it has them.
    """
    depths = depths_from([task_id], dependents)
    cancelled = _cancelled(task_id, dependents, facts)
    affected = sorted(depths, key=lambda key: (depths[key], str(key)))
    return BlastRadius(
        task_id=task_id,
        by_depth=_by_depth(affected, depths),
        waits=[key for key in affected if key not in cancelled],
        cancelled=[key for key in affected if key in cancelled],
        seconds=sum(seconds[key] for key in affected),
    )


def _cancelled(
    task_id: N, dependents: Mapping[N, Collection[N]], facts: Mapping[N, Mapping[str, Any]]
) -> set[N]:
    """Those that are cancelled: they ask for it, and so does everything between."""
    cancelled: set[N] = set()
    spreading = [task_id]
    for key in spreading:  # it grows as it is read
        for other in dependents.get(key, ()):
            if other not in cancelled and other != task_id and _gives_up(facts[other]):
                cancelled.add(other)
                spreading.append(other)
    return cancelled


def _gives_up(one: Mapping[str, Any]) -> bool:
    return (
        str(one.get("on_dependency_failure")) == CANCELS
        and str(one.get("status", TaskStatus.PENDING)) == TaskStatus.PENDING
    )


def agent_blast_radius_of(
    found: Holdings, dependents: Mapping[N, Collection[N]], seconds: Mapping[N, float]
) -> AgentBlastRadius:
    """What depends on what an agent holds and on what nobody else can do."""
    own: list[N] = list(dict.fromkeys([*found.held, *found.only_it]))
    depths = depths_from(own, dependents)
    affected = sorted(depths, key=lambda key: (depths[key], str(key)))
    return AgentBlastRadius(
        agent_id=found.agent_id,
        held=sorted(found.held, key=str),
        only_it=sorted(found.only_it, key=str),
        by_depth=_by_depth(affected, depths),
        seconds=sum(seconds[key] for key in sorted(own, key=str) + affected),
    )


def _by_depth(keys: Iterable[N], depths: Mapping[N, int]) -> dict[int, list[N]]:
    levels: dict[int, list[N]] = {}
    for key in keys:
        levels.setdefault(depths[key], []).append(key)
    return levels


def dependents_of(dependencies: Mapping[N, Iterable[N]], among: Collection[N]) -> dict[N, list[N]]:
    """Who depends on each, of `among`."""
    dependents: dict[N, list[N]] = {}
    for key in among:
        for other in dependencies[key]:
            dependents.setdefault(other, []).append(key)
    return dependents
