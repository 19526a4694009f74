"""The command line: a thin adapter over the services."""

from graph_orch.cli.app import app, main

__all__ = ["app", "main"]
