"""Analysis: the graph of agents, skills and tasks as NetworkX graphs, and what follows from them.

from graph_orch import Orchestrator, analysis

with Orchestrator.connect() as orch:
    graph = analysis.snapshot(orch, "tasks")
print(analysis.tasks.critical_path(graph).path)

Needs the extra `analysis`: pip install 'graph-orch[analysis]'. The names are in `__init__.pyi`,
each imported when it is first used.
"""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
