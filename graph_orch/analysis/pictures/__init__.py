"""Pictures of the graph: agents, tasks, what ran when, and the load.

They need the extra `analysis`; `interactive` needs `notebooks`.
"""

from graph_orch.analysis.pictures.agents import draw_agents
from graph_orch.analysis.pictures.gantt import draw_gantt
from graph_orch.analysis.pictures.interactive import interactive
from graph_orch.analysis.pictures.load import draw_load
from graph_orch.analysis.pictures.sheet import save
from graph_orch.analysis.pictures.tasks import draw_tasks

__all__ = ["draw_agents", "draw_gantt", "draw_load", "draw_tasks", "interactive", "save"]
