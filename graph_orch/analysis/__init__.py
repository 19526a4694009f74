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
    from graph_orch.analysis.files import load, save
    from graph_orch.analysis.frames import to_frames
    from graph_orch.analysis.pictures.agents import draw_agents
    from graph_orch.analysis.pictures.gantt import draw_gantt
    from graph_orch.analysis.pictures.interactive import interactive
    from graph_orch.analysis.pictures.load import draw_load
    from graph_orch.analysis.pictures.tasks import draw_tasks
    from graph_orch.analysis.reading import asnapshot, snapshot

__all__ = [
    "asnapshot",
    "draw_agents",
    "draw_gantt",
    "draw_load",
    "draw_tasks",
    "interactive",
    "load",
    "save",
    "snapshot",
    "to_frames",
]

_LATER: dict[str, str] = {
    "asnapshot": "graph_orch.analysis.reading",
    "draw_agents": "graph_orch.analysis.pictures.agents",
    "draw_gantt": "graph_orch.analysis.pictures.gantt",
    "draw_load": "graph_orch.analysis.pictures.load",
    "draw_tasks": "graph_orch.analysis.pictures.tasks",
    "interactive": "graph_orch.analysis.pictures.interactive",
    "load": "graph_orch.analysis.files",
    "save": "graph_orch.analysis.files",
    "snapshot": "graph_orch.analysis.reading",
    "to_frames": "graph_orch.analysis.frames",
}
"""Where each name is: what draws or simulates is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
