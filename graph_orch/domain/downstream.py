"""What slips where a task fails or an agent goes, from the facts of the tasks around. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from graph_orch.domain.dag import depths_from
from graph_orch.domain.models import AgentBlastRadius, BlastRadius

N = TypeVar("N", bound=Hashable)


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


def blast_radius_of(
    task_id: N,
    dependents: Mapping[N, Collection[N]],
    gives_up: Collection[N],
    seconds: Mapping[N, float],
) -> BlastRadius[N]:
    """What a failure of `task_id` does to the tasks that depend on it.

    Args:
        dependents: Of each task those that depend on it and have not ended.
        gives_up: The pending tasks that are cancelled where a dependency fails or is cancelled.
    """
    depths = depths_from([task_id], dependents)
    spreading = {
        key: [other for other in others if other in gives_up] for key, others in dependents.items()
    }
    cancelled = depths_from([task_id], spreading)
    affected = sorted(depths, key=lambda key: (depths[key], str(key)))
    return BlastRadius(
        task_id=task_id,
        by_depth=_by_depth(affected, depths),
        waits=[key for key in affected if key not in cancelled],
        cancelled=[key for key in affected if key in cancelled],
        seconds=sum(seconds[key] for key in affected),
    )


def agent_blast_radius_of(
    found: Holdings, dependents: Mapping[N, Collection[N]], seconds: Mapping[N, float]
) -> AgentBlastRadius[N]:
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
