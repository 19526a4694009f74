"""Analysis: the graph of agents, skills and tasks as NetworkX graphs, and what follows from them.

from graph_orch import Orchestrator, analysis

with Orchestrator.connect() as orch:
    graph = analysis.snapshot(orch, "tasks")

Needs the extra `analysis`: pip install 'graph-orch[analysis]'.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph_orch.analysis.agents import AgentSlots
    from graph_orch.analysis.blocked import why_blocked
    from graph_orch.analysis.concurrency import Parallelism, parallelism
    from graph_orch.analysis.critical_paths import critical_path, levels
    from graph_orch.analysis.cycles import check_dependencies, find_cycles, would_cycle
    from graph_orch.analysis.failures import agent_blast_radius, blast_radius
    from graph_orch.analysis.scheduling import Bound, Plan, Planned, earliest_finish
    from graph_orch.estimates import DurationKind
    from graph_orch.models import AgentBlastRadius, BlastRadius, WaitKind, WaitReason, WhyBlocked
    from graph_orch.precedence import CriticalPath, Timing


__all__ = [
    "AgentBlastRadius",
    "AgentSlots",
    "BlastRadius",
    "Bound",
    "CriticalPath",
    "DurationKind",
    "Parallelism",
    "Plan",
    "Planned",
    "Timing",
    "WaitKind",
    "WaitReason",
    "WhyBlocked",
    "agent_blast_radius",
    "blast_radius",
    "check_dependencies",
    "critical_path",
    "earliest_finish",
    "find_cycles",
    "levels",
    "parallelism",
    "why_blocked",
    "would_cycle",
]

_LATER = {
    "AgentBlastRadius": "graph_orch.models",
    "AgentSlots": "graph_orch.analysis.agents",
    "BlastRadius": "graph_orch.models",
    "Bound": "graph_orch.analysis.scheduling",
    "CriticalPath": "graph_orch.precedence",
    "DurationKind": "graph_orch.estimates",
    "Parallelism": "graph_orch.analysis.concurrency",
    "Plan": "graph_orch.analysis.scheduling",
    "Planned": "graph_orch.analysis.scheduling",
    "Timing": "graph_orch.precedence",
    "WaitKind": "graph_orch.models",
    "WaitReason": "graph_orch.models",
    "WhyBlocked": "graph_orch.models",
    "agent_blast_radius": "graph_orch.analysis.failures",
    "blast_radius": "graph_orch.analysis.failures",
    "check_dependencies": "graph_orch.analysis.cycles",
    "critical_path": "graph_orch.analysis.critical_paths",
    "earliest_finish": "graph_orch.analysis.scheduling",
    "find_cycles": "graph_orch.analysis.cycles",
    "levels": "graph_orch.analysis.critical_paths",
    "parallelism": "graph_orch.analysis.concurrency",
    "why_blocked": "graph_orch.analysis.blocked",
    "would_cycle": "graph_orch.analysis.cycles",
}
"""Where each name is: what draws or simulates is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
