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
    from graph_orch.analysis.community import communities
    from graph_orch.analysis.comparison import agreement
    from graph_orch.analysis.projection import shared_skills
    from graph_orch.models.teams import Agreement, Communities

__all__ = [
    "Agreement",
    "Communities",
    "agreement",
    "communities",
    "shared_skills",
]

_LATER = {
    "Agreement": "graph_orch.models.teams",
    "Communities": "graph_orch.models.teams",
    "agreement": "graph_orch.analysis.comparison",
    "communities": "graph_orch.analysis.community",
    "shared_skills": "graph_orch.analysis.projection",
}
"""Where each name is: what draws or simulates is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
