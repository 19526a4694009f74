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
    from graph_orch.analysis.simulation import (
        SimulatedAgent,
        SimulatedTask,
        SimulationResult,
        compare,
        identical_agents,
        poisson_tasks,
        replicate,
        scale_capacity,
        simulate,
    )

__all__: list[str] = [
    "SimulatedAgent",
    "SimulatedTask",
    "SimulationResult",
    "compare",
    "identical_agents",
    "poisson_tasks",
    "replicate",
    "scale_capacity",
    "simulate",
]

_LATER: dict[str, str] = {
    "SimulatedAgent": "graph_orch.analysis.simulation",
    "SimulatedTask": "graph_orch.analysis.simulation",
    "SimulationResult": "graph_orch.analysis.simulation",
    "compare": "graph_orch.analysis.simulation",
    "identical_agents": "graph_orch.analysis.simulation",
    "poisson_tasks": "graph_orch.analysis.simulation",
    "replicate": "graph_orch.analysis.simulation",
    "scale_capacity": "graph_orch.analysis.simulation",
    "simulate": "graph_orch.analysis.simulation",
}
"""Where each name is: what draws or simulates is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
