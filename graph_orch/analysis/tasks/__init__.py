"""Graphs of tasks: order, critical paths, schedules, cycles, why a task waits, what it holds up."""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
