"""The examples are tested with the fixtures of the package, here on the server of the suite."""

from __future__ import annotations

import pytest

from graph_orch import Orchestrator
from tests.conftest import Server, connected, server
from tests.mcp_client import environment

__all__ = ["connected", "server"]


@pytest.fixture(scope="session")
def graph_orch_session(connected: Orchestrator) -> Orchestrator:
    return connected


@pytest.fixture
def orch(orch: Orchestrator, server: Server, monkeypatch: pytest.MonkeyPatch) -> Orchestrator:
    """The settings name the server too, as they do where the package has started it."""
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    return orch
