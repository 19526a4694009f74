"""Pictures of the graph: agents, tasks, what ran when, and the load.

They need the extra `analysis`; `interactive` needs `notebooks`.
"""

from graph_orch.analysis.pictures.agents import draw_agents

__all__ = ["draw_agents"]
