"""Agents and skills: who has what, who is like whom, who is missed most."""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
