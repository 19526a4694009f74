"""Templates of work, mined from workflows that are finished."""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
