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
    from graph_orch.analysis.history.rates_and_times import retries, success_rates, time_use, wilson
    from graph_orch.analysis.history.tables import (
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
    from graph_orch.analysis.history.tries import TriedTask, Try, read_tries
    from graph_orch.analysis.nodes import AgentSlots
    from graph_orch.analysis.pictures.agents import draw_agents
    from graph_orch.analysis.pictures.gantt import draw_gantt
    from graph_orch.analysis.pictures.interactive import interactive
    from graph_orch.analysis.pictures.load import draw_load
    from graph_orch.analysis.pictures.tasks import draw_tasks
    from graph_orch.analysis.simulation import (
        SimulatedAgent,
        SimulatedTask,
        SimulationResult,
        agents_of,
        arriving_at,
        compare,
        identical_agents,
        observed_failure_rates,
        poisson_tasks,
        replicate,
        scale_arrivals,
        scale_capacity,
        scale_speed,
        simulate,
        tasks_of,
        unlimited,
        without,
    )
    from graph_orch.analysis.skills.centralities import centrality
    from graph_orch.analysis.skills.incidence import AgentSkills, agent_skills
    from graph_orch.analysis.skills.losses import BusFactor, bus_factor
    from graph_orch.analysis.skills.similarity import Similar, nearest, project
    from graph_orch.analysis.skills.supply import Coverage, Redundancy, Supply, coverage, redundancy
    from graph_orch.analysis.snapshots.files import load, save
    from graph_orch.analysis.snapshots.frames import to_frames
    from graph_orch.analysis.snapshots.reading import asnapshot, snapshot
    from graph_orch.analysis.tasks.blocked import why_blocked
    from graph_orch.analysis.tasks.failures import agent_blast_radius, blast_radius
    from graph_orch.analysis.tasks.order import (
        Parallelism,
        check_dependencies,
        critical_path,
        find_cycles,
        levels,
        parallelism,
        would_cycle,
    )
    from graph_orch.analysis.tasks.scheduling import Bound, Plan, Planned, earliest_finish
    from graph_orch.analysis.teams.community import communities
    from graph_orch.analysis.teams.comparison import agreement
    from graph_orch.analysis.teams.projection import shared_skills
    from graph_orch.analysis.templates.mining import Templates, mine_templates
    from graph_orch.analysis.templates.template import Template, TemplateStep
    from graph_orch.domain.dag import CriticalPath, Timing
    from graph_orch.domain.durations import DurationKind
    from graph_orch.domain.models import (
        AgentBlastRadius,
        BlastRadius,
        WaitKind,
        WaitReason,
        WhyBlocked,
    )
    from graph_orch.domain.models.teams import Agreement, Communities

__all__ = [
    "AgentBlastRadius",
    "AgentSkills",
    "AgentSlots",
    "Agreement",
    "BlastRadius",
    "Bound",
    "BusFactor",
    "Communities",
    "Coverage",
    "CriticalPath",
    "DurationKind",
    "Durations",
    "Interval",
    "Oddity",
    "Parallelism",
    "Plan",
    "Planned",
    "Redundancy",
    "RetryUse",
    "RetryUses",
    "Similar",
    "SimulatedAgent",
    "SimulatedTask",
    "SimulationResult",
    "SuccessRate",
    "SuccessRates",
    "Supply",
    "Template",
    "TemplateStep",
    "Templates",
    "TimeUse",
    "TimeUses",
    "Timing",
    "TriedTask",
    "Try",
    "WaitKind",
    "WaitReason",
    "WhyBlocked",
    "agent_blast_radius",
    "agent_skills",
    "agents_of",
    "agreement",
    "arriving_at",
    "asnapshot",
    "blast_radius",
    "bus_factor",
    "centrality",
    "check_dependencies",
    "communities",
    "compare",
    "coverage",
    "critical_path",
    "draw_agents",
    "draw_gantt",
    "draw_load",
    "draw_tasks",
    "earliest_finish",
    "find_cycles",
    "identical_agents",
    "interactive",
    "levels",
    "load",
    "mine_templates",
    "nearest",
    "observed_failure_rates",
    "parallelism",
    "poisson_tasks",
    "project",
    "read_tries",
    "redundancy",
    "replicate",
    "retries",
    "save",
    "scale_arrivals",
    "scale_capacity",
    "scale_speed",
    "shared_skills",
    "simulate",
    "snapshot",
    "success_rates",
    "tasks_of",
    "time_use",
    "to_frames",
    "unlimited",
    "why_blocked",
    "wilson",
    "without",
    "would_cycle",
]

_LATER = {
    "AgentBlastRadius": "graph_orch.domain.models",
    "AgentSkills": "graph_orch.analysis.skills.incidence",
    "AgentSlots": "graph_orch.analysis.nodes",
    "Agreement": "graph_orch.domain.models.teams",
    "BlastRadius": "graph_orch.domain.models",
    "Bound": "graph_orch.analysis.tasks.scheduling",
    "BusFactor": "graph_orch.analysis.skills.losses",
    "Communities": "graph_orch.domain.models.teams",
    "Coverage": "graph_orch.analysis.skills.supply",
    "CriticalPath": "graph_orch.domain.dag",
    "DurationKind": "graph_orch.domain.durations",
    "Durations": "graph_orch.analysis.history.tables",
    "Interval": "graph_orch.analysis.history.tables",
    "Oddity": "graph_orch.analysis.history.tables",
    "Parallelism": "graph_orch.analysis.tasks.order",
    "Plan": "graph_orch.analysis.tasks.scheduling",
    "Planned": "graph_orch.analysis.tasks.scheduling",
    "Redundancy": "graph_orch.analysis.skills.supply",
    "RetryUse": "graph_orch.analysis.history.tables",
    "RetryUses": "graph_orch.analysis.history.tables",
    "Similar": "graph_orch.analysis.skills.similarity",
    "SimulatedAgent": "graph_orch.analysis.simulation",
    "SimulatedTask": "graph_orch.analysis.simulation",
    "SimulationResult": "graph_orch.analysis.simulation",
    "SuccessRate": "graph_orch.analysis.history.tables",
    "SuccessRates": "graph_orch.analysis.history.tables",
    "Supply": "graph_orch.analysis.skills.supply",
    "Template": "graph_orch.analysis.templates.template",
    "TemplateStep": "graph_orch.analysis.templates.template",
    "Templates": "graph_orch.analysis.templates.mining",
    "TimeUse": "graph_orch.analysis.history.tables",
    "TimeUses": "graph_orch.analysis.history.tables",
    "Timing": "graph_orch.domain.dag",
    "TriedTask": "graph_orch.analysis.history.tries",
    "Try": "graph_orch.analysis.history.tries",
    "WaitKind": "graph_orch.domain.models",
    "WaitReason": "graph_orch.domain.models",
    "WhyBlocked": "graph_orch.domain.models",
    "agent_blast_radius": "graph_orch.analysis.tasks.failures",
    "agent_skills": "graph_orch.analysis.skills.incidence",
    "agents_of": "graph_orch.analysis.simulation",
    "agreement": "graph_orch.analysis.teams.comparison",
    "arriving_at": "graph_orch.analysis.simulation",
    "asnapshot": "graph_orch.analysis.snapshots.reading",
    "blast_radius": "graph_orch.analysis.tasks.failures",
    "bus_factor": "graph_orch.analysis.skills.losses",
    "centrality": "graph_orch.analysis.skills.centralities",
    "check_dependencies": "graph_orch.analysis.tasks.order",
    "communities": "graph_orch.analysis.teams.community",
    "compare": "graph_orch.analysis.simulation",
    "coverage": "graph_orch.analysis.skills.supply",
    "critical_path": "graph_orch.analysis.tasks.order",
    "draw_agents": "graph_orch.analysis.pictures.agents",
    "draw_gantt": "graph_orch.analysis.pictures.gantt",
    "draw_load": "graph_orch.analysis.pictures.load",
    "draw_tasks": "graph_orch.analysis.pictures.tasks",
    "earliest_finish": "graph_orch.analysis.tasks.scheduling",
    "find_cycles": "graph_orch.analysis.tasks.order",
    "identical_agents": "graph_orch.analysis.simulation",
    "interactive": "graph_orch.analysis.pictures.interactive",
    "levels": "graph_orch.analysis.tasks.order",
    "load": "graph_orch.analysis.snapshots.files",
    "mine_templates": "graph_orch.analysis.templates.mining",
    "nearest": "graph_orch.analysis.skills.similarity",
    "observed_failure_rates": "graph_orch.analysis.simulation",
    "parallelism": "graph_orch.analysis.tasks.order",
    "poisson_tasks": "graph_orch.analysis.simulation",
    "project": "graph_orch.analysis.skills.similarity",
    "read_tries": "graph_orch.analysis.history.tries",
    "redundancy": "graph_orch.analysis.skills.supply",
    "replicate": "graph_orch.analysis.simulation",
    "retries": "graph_orch.analysis.history.rates_and_times",
    "save": "graph_orch.analysis.snapshots.files",
    "scale_arrivals": "graph_orch.analysis.simulation",
    "scale_capacity": "graph_orch.analysis.simulation",
    "scale_speed": "graph_orch.analysis.simulation",
    "shared_skills": "graph_orch.analysis.teams.projection",
    "simulate": "graph_orch.analysis.simulation",
    "snapshot": "graph_orch.analysis.snapshots.reading",
    "success_rates": "graph_orch.analysis.history.rates_and_times",
    "tasks_of": "graph_orch.analysis.simulation",
    "time_use": "graph_orch.analysis.history.rates_and_times",
    "to_frames": "graph_orch.analysis.snapshots.frames",
    "unlimited": "graph_orch.analysis.simulation",
    "why_blocked": "graph_orch.analysis.tasks.blocked",
    "wilson": "graph_orch.analysis.history.rates_and_times",
    "without": "graph_orch.analysis.simulation",
    "would_cycle": "graph_orch.analysis.tasks.order",
}
"""Where each name is: what draws or simulates is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
