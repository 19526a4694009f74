"""Communities of agents, and how far two divisions agree."""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
