"""The connection that every command works on."""

from __future__ import annotations

from graph_orch import Orchestrator


def connect() -> Orchestrator:
    """Connect as the environment says; to be entered by `with`."""
    return Orchestrator.connect()
