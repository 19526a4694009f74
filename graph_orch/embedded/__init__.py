"""A real Neo4j Community server on loopback, from registry packages: no Docker, no installed Java.

with EmbeddedNeo4j() as server:
    server.uri, server.auth
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph_orch.embedded.server import (
        EmbeddedNeo4j,
        EmbeddedStatus,
        server_status,
        start_server,
        stop_server,
    )

__all__ = ["EmbeddedNeo4j", "EmbeddedStatus", "server_status", "start_server", "stop_server"]


def __getattr__(name: str) -> Any:
    # These are imported when they are used: the supervisor, whose module stands in this package,
    # does not need the driver, and starts faster without it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module("graph_orch.embedded.server"), name)
    return value
