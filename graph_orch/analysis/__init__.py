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
    from graph_orch.analysis.centralities import centrality
    from graph_orch.analysis.community import communities
    from graph_orch.analysis.comparison import agreement
    from graph_orch.analysis.files import load, save
    from graph_orch.analysis.frames import to_frames
    from graph_orch.analysis.history import retries, success_rates, time_use, wilson
    from graph_orch.analysis.history_tables import (
        Durations,
        Interval,
        Oddity,
        RetryUse,
        RetryUses,
        SuccessRate,
        SuccessRates,
        TimeUse,
        TimeUses,
    )
    from graph_orch.analysis.incidence import AgentSkills, agent_skills
    from graph_orch.analysis.losses import BusFactor, bus_factor
    from graph_orch.analysis.projection import shared_skills
    from graph_orch.analysis.reading import asnapshot, snapshot
    from graph_orch.analysis.similarity import Similar, nearest, project
    from graph_orch.analysis.skills import Coverage, Redundancy, Supply, coverage, redundancy
    from graph_orch.analysis.template import Template, TemplateStep
    from graph_orch.analysis.templates import Templates, mine_templates
    from graph_orch.analysis.tries import TriedTask, Try, read_tries
    from graph_orch.models.teams import Agreement, Communities

__all__ = [
    "AgentSkills",
    "Agreement",
    "BusFactor",
    "Communities",
    "Coverage",
    "Durations",
    "Interval",
    "Oddity",
    "Redundancy",
    "RetryUse",
    "RetryUses",
    "Similar",
    "SuccessRate",
    "SuccessRates",
    "Supply",
    "Template",
    "TemplateStep",
    "Templates",
    "TimeUse",
    "TimeUses",
    "TriedTask",
    "Try",
    "agent_skills",
    "agreement",
    "asnapshot",
    "bus_factor",
    "centrality",
    "communities",
    "coverage",
    "load",
    "mine_templates",
    "nearest",
    "project",
    "read_tries",
    "redundancy",
    "retries",
    "save",
    "shared_skills",
    "snapshot",
    "success_rates",
    "time_use",
    "to_frames",
    "wilson",
]

_LATER = {
    "AgentSkills": "graph_orch.analysis.incidence",
    "Agreement": "graph_orch.models.teams",
    "BusFactor": "graph_orch.analysis.losses",
    "Communities": "graph_orch.models.teams",
    "Coverage": "graph_orch.analysis.skills",
    "Durations": "graph_orch.analysis.history_tables",
    "Interval": "graph_orch.analysis.history_tables",
    "Oddity": "graph_orch.analysis.history_tables",
    "Redundancy": "graph_orch.analysis.skills",
    "RetryUse": "graph_orch.analysis.history_tables",
    "RetryUses": "graph_orch.analysis.history_tables",
    "Similar": "graph_orch.analysis.similarity",
    "SuccessRate": "graph_orch.analysis.history_tables",
    "SuccessRates": "graph_orch.analysis.history_tables",
    "Supply": "graph_orch.analysis.skills",
    "Template": "graph_orch.analysis.template",
    "TemplateStep": "graph_orch.analysis.template",
    "Templates": "graph_orch.analysis.templates",
    "TimeUse": "graph_orch.analysis.history_tables",
    "TimeUses": "graph_orch.analysis.history_tables",
    "TriedTask": "graph_orch.analysis.tries",
    "Try": "graph_orch.analysis.tries",
    "agent_skills": "graph_orch.analysis.incidence",
    "agreement": "graph_orch.analysis.comparison",
    "asnapshot": "graph_orch.analysis.reading",
    "bus_factor": "graph_orch.analysis.losses",
    "centrality": "graph_orch.analysis.centralities",
    "communities": "graph_orch.analysis.community",
    "coverage": "graph_orch.analysis.skills",
    "load": "graph_orch.analysis.files",
    "mine_templates": "graph_orch.analysis.templates",
    "nearest": "graph_orch.analysis.similarity",
    "project": "graph_orch.analysis.similarity",
    "read_tries": "graph_orch.analysis.tries",
    "redundancy": "graph_orch.analysis.skills",
    "retries": "graph_orch.analysis.history",
    "save": "graph_orch.analysis.files",
    "shared_skills": "graph_orch.analysis.projection",
    "snapshot": "graph_orch.analysis.reading",
    "success_rates": "graph_orch.analysis.history",
    "time_use": "graph_orch.analysis.history",
    "to_frames": "graph_orch.analysis.frames",
    "wilson": "graph_orch.analysis.history",
}
"""Where each name is: what draws or simulates is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
