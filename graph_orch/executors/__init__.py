"""Handlers that run work elsewhere: in a command's process, or on an engine that is there."""

from graph_orch.executors.command import command_handler

__all__ = ["command_handler"]
