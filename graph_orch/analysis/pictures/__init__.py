"""Pictures of the graph: agents, tasks, what ran when, and the load.

They need the extra `analysis`; `interactive` needs `notebooks`.
"""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
