"""Handlers that run work elsewhere: in the process of a command, or on a Ray cluster."""

from graph_orch.executors.command import command_handler

__all__ = ["command_handler"]
