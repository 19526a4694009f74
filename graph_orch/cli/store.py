"""The connection that every command works on."""

from __future__ import annotations

from graph_orch import Orchestrator
from graph_orch.cli.progress import downloading
from graph_orch.settings import ServerSettings


def connect() -> Orchestrator:
    """Connect as the environment says; to be entered by `with`."""
    if ServerSettings().uri is None:
        install_server()
    return Orchestrator.connect()


def install_server() -> None:
    """Have the embedded server's jars, and show how far fetching them is."""
    from graph_orch.embedded import EmbeddedNeo4j

    with downloading() as progress:
        EmbeddedNeo4j(progress=progress).install()
